"""Comparing ways to run over a part of a topic, which goes on growing meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from produced import produce, source

import caudal as cd
from caudal.broker import Broker
from caudal.cli import main
from caudal.runner.history import fixed, place, placed
from caudal.runner.verify import verify

pytestmark = pytest.mark.kafka


def numbers(first: int, count: int) -> list[str]:
    return [json.dumps({"n": n}) for n in range(first, first + count)]


def test_all_ways_read_the_same_part_of_a_topic_that_grows(broker: Broker, new_topic: Callable[..., str]) -> None:
    topic = new_topic(broker, 2)
    produce(broker, topic, numbers(0, 500), partition=0)
    produce(broker, topic, numbers(500, 300), partition=1)
    more = iter(range(10))

    def grow(_: str) -> None:
        produce(broker, topic, numbers(10_000 * (1 + next(more)), 50), partition=0)

    plan = cd.Pipeline("p", source(broker, topic, until=None).to("console", name="out"))
    found = verify(plan, ["local:1", "local:2"], watch=grow)
    assert found.equal, found.to_text()
    assert [summary.rows for summary in found.summaries.values()] == [800, 800]


def test_places_become_offsets_once(broker: Broker, new_topic: Callable[..., str]) -> None:
    topic = new_topic(broker, 2)
    produce(broker, topic, numbers(0, 20), partition=0)
    plan = placed(cd.Pipeline("p", source(broker, topic, until=None).to("console")), f"{topic}:0=5", "latest")
    (node,) = fixed(plan).sources
    options = dict(node.options)
    assert options["start"] == {f"{topic}/0": 5, f"{topic}/1": 0}
    assert options["until"] == {f"{topic}/0": 20, f"{topic}/1": 0}
    assert place(f"{topic}:0=5") == {f"{topic}/0": 5}


def test_the_command_takes_places(
    broker: Broker, new_topic: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = new_topic(broker)
    produce(broker, topic, numbers(0, 30))
    text = f"""
import caudal as cd

rows = cd.source("kafka", topic="{topic}", servers="{broker.address}", format="json", schema={{"n": "int64"}})
pipeline = cd.Pipeline("numbers", rows.to("console", name="out"))
"""
    path = tmp_path / "numbers.py"
    path.write_text(text)
    places = ["--from", f"{topic}:0=10", "--to", f"{topic}:0=25"]
    assert main(["verify", str(path), "--engines", "local:1,local:2", *places, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert json.dumps(told).count('"rows": 15') >= 2, told
    assert main(["explain", str(path), *places, "--json"]) == 0
    assert f'"{topic}/0": 25' in capsys.readouterr().out
    assert main(["verify", str(path), "--from", "other:0=1"]) == 2
    assert "no source reads the topic 'other'" in capsys.readouterr().err
