"""`caudal checkpoints` over the store of a group: its savepoints, the snapshots that they are made of, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runner.test_group import PARTITIONS
from tests.unit.runner.test_group_savepoints import Job, drained

from caudal.plan.plan import Plan
from caudal.runner import load
from caudal.runner.savepoints import savepoint

Caudal = Callable[..., Any]

PIPELINE = """
import caudal as cd

settings = cd.settings(more=False, key="ip", own=True, window="100ms", name="p", only=False)
source = cd.source("kafka", topic="t", servers="127.0.0.1:1", format="json", event_time="t", partitioned_by="ip", name="in",
                   schema={"ip": "string", "t": "int64", "n": "int64"})
more = {"most": cd.max("n")} if settings.more else {}
own = source.group_by("ip").window(cd.tumbling(settings.window)).agg(n=cd.count(), **more, name="own")
sums = source.group_by(settings.key).window(cd.tumbling("100ms")).agg(total=cd.count(), sum=cd.sum("n"), **more, name="sums")
pipeline = cd.Pipeline(settings.name, (own if settings.only else sums).to("console", name="out"))
"""


class Kafka(Job):
    """A job over a topic, as a file has it; the plugin of the topic is never opened."""

    def plan(self) -> Plan:
        return load("p.py", settings={"key": self.key}).pinned()


@pytest.fixture
def made(here: Path) -> Iterator[Callable[[str], tuple[Job, str]]]:
    jobs: list[Job] = []

    def make(key: str) -> tuple[Job, str]:
        (here / "p.py").write_text(PIPELINE)
        job = Kafka(here, 3000, key)
        jobs.append(job)
        drained(job)
        return job, savepoint(job.url).where

    yield make
    for job in jobs:
        for name in list(job.running):
            job.kill(name)


def plan(caudal: Caudal, where: str, *settings: str) -> Any:
    given = [each for setting in settings for each in ("--set", setting)]
    return caudal("checkpoints", "plan", "p.py", where, *given, "--late", "discard", "--dead", "discard", "--json")


def held(job: Job, operator: str) -> int:
    """Return how many rows of an operator the last snapshots of all shards hold, as their files say."""
    rows = 0
    for path in (Path(job.url) / "savepoints").glob("*.json"):
        told = json.loads(path.read_bytes().split(b"\n")[0])["operators"].get(operator, {"blocks": []})
        rows += sum(block[3] for block in told["blocks"])
    return rows


@pytest.mark.parametrize("key", ["ip", "n"])
def test_a_plan_tells_what_a_restore_would_do(made: Any, caudal: Caudal, key: str) -> None:
    job, where = made(key)
    rows = held(job, "sums")
    assert rows
    for url in (where, job.url):
        found = plan(caudal, url, f"key={key}").summary
        assert (found["checkpoint"], found["counts"], found["loses"]) == (where.partition("@")[2], True, False)
        assert [(f["operator"], f["verdict"], f["rows"]) for f in found["operators"]] == [("sums", "kept", rows)]
        assert found["notes"] == []
    (fate,) = plan(caudal, where, f"key={key}", "more=true").summary["operators"]
    assert (fate["verdict"], fate["rows"]) == ("migrated", rows)
    assert fate["changes"] == ["the aggregate most is new, and begins with no rows"]
    text = caudal(
        "checkpoints", "plan", "p.py", where, "--set", f"key={key}", "--late", "discard", "--dead", "discard"
    ).out
    assert "nothing has changed that state or counts depend on" in text
    assert plan(caudal, where, f"key={key}", "name=another").code == 2


def test_a_plan_refuses_what_a_restore_refuses(made: Any, caudal: Caudal) -> None:
    job, where = made("n")
    ended = plan(caudal, where, "key=ip")
    assert ended.code == 2
    assert "the repartition topics of this pipeline have changed since the savepoint" in ended.err
    ended = plan(caudal, f"{job.url}@9-abc")
    assert "there is no savepoint 9-abc" in ended.err
    other = PIPELINE.replace('"n": "int64"}', '"n": "int32"}')
    (Path("p.py")).write_text(other)
    ended = plan(caudal, where, "key=n")
    assert ended.code == 2
    assert "the columns that go through the repartition topic of sums have changed since the savepoint" in ended.err


def test_a_plan_tells_that_a_savepoint_is_spent(made: Any, caudal: Caudal, here: Path) -> None:
    job, where = made("n")
    job.begins(str(here / "fresh"), where)
    job.start("c")
    (note,) = plan(caudal, where, "key=n").summary["notes"]
    assert f"cannot be begun from any more: the checkpoint {here / 'fresh'} has taken the job over" in note


def test_an_operator_of_another_stage_begins_empty(made: Any, caudal: Caudal) -> None:
    _, where = made("ip")
    found = plan(caudal, where, "only=true").summary
    assert {f["operator"]: f["verdict"] for f in found["operators"]} == {"own": "new", "sums": "dropped"}
    assert (found["loses"], found["counts"]) == (True, False)


def test_a_savepoint_is_listed_and_shown(made: Any, caudal: Caudal) -> None:
    job, where = made("n")
    id = where.partition("@")[2]
    rows = caudal("checkpoints", "ls", job.url, "--json").summary["checkpoints"]
    (whole,) = [row for row in rows if row.get("id") == id]
    parts = [row for row in rows if row.get("of") == id]
    assert (whole["savepoint"], whole["shards"]) == (True, PARTITIONS + 2)
    assert whole["rows"] == sum(row["rows"] for row in parts) == held(job, "sums") > 0
    text = caudal("checkpoints", "ls", job.url).out
    assert "  SHARD  " in text
    assert f"part of {id}" in text
    (line,) = [line for line in text.splitlines() if line.startswith(id)]
    assert line.endswith("savepoint")
    for url in (where, job.url):
        shown = caudal("checkpoints", "show", url, "--json").summary
        assert (shown["id"], shown["rows"], len(shown["shards"])) == (id, whole["rows"], PARTITIONS + 2)
        stands = {name: stand.offset for name, stand in job.group.stands.items()}
        assert {p["partition"]: p["position"] for p in shown["positions"]} == stands
        assert [o["operator"] for o in shown["operators"]] == ["sums"]
    assert f"savepoint {id} of p" in caudal("checkpoints", "show", where).out
    part = f"{job.url}@{parts[0]['id']}"
    assert caudal("checkpoints", "show", part, "--json").summary["shard"] == parts[0]["shard"]


def test_damage_of_a_savepoint_is_found(made: Any, caudal: Caudal) -> None:
    job, where = made("ip")
    id = where.partition("@")[2]
    assert caudal("checkpoints", "verify", job.url).code == 0
    listing = Path(job.url) / "savepoints" / f"{id}.group"
    whole = listing.read_bytes()
    listing.write_bytes(whole[:-20])
    for action in ("ls", "verify"):
        ended = caudal("checkpoints", action, job.url)
        assert ended.code == 1
        assert f"savepoints/{id}.group" in ended.out
    ended = caudal("checkpoints", "show", where)
    assert (ended.code, f"savepoints/{id}.group in {job.url} is damaged" in ended.err) == (1, True)
    listing.write_bytes(whole)
    part = next((Path(job.url) / "savepoints").glob("*.json"))
    held = list(Path(job.url).rglob(f"{part.stem}.json"))
    for path in held:
        path.unlink()
    for action in ("ls", "verify"):
        ended = caudal("checkpoints", action, job.url)
        assert ended.code == 1
        assert "that is not there" in ended.out or f"no checkpoint {part.stem}" in ended.out


def test_gc_of_a_group_leaves_what_workers_may_be_about_to_name(made: Any, caudal: Caudal) -> None:
    job, where = made("ip")
    fresh = Path(job.url) / "0" / "000000000099-abcdef01.state"
    fresh.write_bytes(b"a worker has just written this")
    ended = caudal("checkpoints", "gc", job.url)
    assert fresh.exists()
    assert "1 files younger than a day are left" in ended.out
    assert caudal("checkpoints", "gc", job.url, "--savepoints").code == 0
    assert not list((Path(job.url) / "savepoints").iterdir())
    assert caudal("checkpoints", "show", where).code == 2


@pytest.mark.parametrize("given", ["0", "129", "-1", "two"])
def test_partitions_of_a_topic_are_1_to_128(here: Path, caudal: Caudal, given: str) -> None:
    ended = caudal("run", "p.py", "--checkpoint", "state", f"--partitions={given}")
    assert ended.code == 2
    assert f"a repartition topic has 1 to 128 partitions, not {given}" in ended.err
    assert not (here / "state").exists()
