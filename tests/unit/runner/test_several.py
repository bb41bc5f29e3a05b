"""Several pipelines in one run: rows, identities and ledgers of each as alone; what fails ends no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import OptionError, PlanError, RunError, UserError
from caudal.ports import registry
from caudal.ports.sink import Immediate
from caudal.runner import Several
from caudal.runner.drive import run

SCHEMA = {"t": "int64", "ip": "string", "code": "int64"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"t": i * 10 - 3000 * (i % 97 == 0), "ip": f"10.0.0.{i % 7}", "code": 200 + i % 3} for i in range(3000)]
    lines = [json.dumps(row) for row in rows]
    lines[100] = "no record"
    Path("in.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def detection(name: str, least: int, out: str = "", **sink: Any) -> Any:
    rows = cd.source("files", path="in.jsonl", format="json", schema=SCHEMA, event_time="t")
    counts = rows.group_by("ip").window(cd.tumbling("3s")).agg(n=cd.count(), codes=cd.collect("code"))
    alerts = counts.filter(col("n") > least)
    return cd.Pipeline(name, alerts.to("files", path=out or f"{name}.jsonl", format="json", identity="id", **sink))


def lines(path: str) -> list[str]:
    return sorted(Path(path).read_text().splitlines())


NAMES = {"a": 40, "b": 41, "c": 42}
FILES = [f"{name}{part}.jsonl" for name in NAMES for part in ("", ".late", ".dead")]


@pytest.mark.parametrize("threads", [1, 2])
def test_files_identities_and_ledgers_are_those_of_runs_alone(threads: int) -> None:
    alone = [run(detection(name, least), threads=threads) for name, least in NAMES.items()]
    wanted = {file: lines(file) for file in FILES}
    assert all(wanted.values())
    together = cd.run_together([detection(name, least) for name, least in NAMES.items()], threads=threads)
    assert {file: lines(file) for file in FILES} == wanted
    for one, other in zip(alone, together, strict=True):
        assert (one.pipeline, one.rows, one.state) == (other.pipeline, other.rows, other.state)
        assert one.ledger.to_json() == other.ledger.to_json()
        assert [(t.operator, t.where, t.rows, t.role) for t in one.targets] == [
            (t.operator, t.where, t.rows, t.role) for t in other.targets
        ]
        assert one.warnings == other.warnings


def test_pipelines_may_write_to_one_file() -> None:
    for name, least in NAMES.items():
        run(detection(name, least))
    wanted = sorted(line for name in NAMES for line in lines(f"{name}.jsonl"))
    summaries = cd.run_together([detection(name, least, "all.jsonl") for name, least in NAMES.items()])
    assert lines("all.jsonl") == wanted
    assert lines("all.dead.jsonl") == lines("a.dead.jsonl")  # of a source that is read once
    assert [summary.dead for summary in summaries] == [1, 1, 1]


class Breaking(Immediate):
    """A sink that takes so many writes."""

    where = "breaking"

    def encode(self, table: Any) -> Any:
        return table.num_rows

    def write(self, payload: Any) -> None:
        raise RunError("the sink is broken")


class Connector:
    sink_options: ClassVar[dict[str, Any]] = {}

    def sink(self, options: Any, encoder: Any, schema: Any, **_: Any) -> Breaking:
        return Breaking()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    find = registry.find
    monkeypatch.setattr(registry, "find", lambda kind, name: Connector() if name == "breaking" else find(kind, name))


def breaking(name: str) -> Any:
    rows = cd.source("files", path="in.jsonl", format="json", schema=SCHEMA, event_time="t")
    counts = rows.group_by("ip").window(cd.tumbling("3s")).agg(n=cd.count())
    return cd.Pipeline(name, counts.to("breaking"))


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_sink_that_breaks_ends_its_own_pipeline(threads: int) -> None:
    run(detection("a", 41))
    wanted = lines("a.jsonl")
    first, second, third = cd.run_together([detection("a", 41), breaking("z"), detection("b", 42)], threads=threads)
    assert lines("a.jsonl") == wanted
    assert [first.state, second.state, third.state] == ["done", "failed", "done"]
    assert second.failures == ["the sink is broken"]
    assert not first.failures
    assert first.ledger.check() == []


@pytest.mark.usefixtures("broken")
def test_where_all_break_the_run_does() -> None:
    with pytest.raises(RunError, match="the sink is broken"):
        cd.run_together([breaking("y"), breaking("z")])


@pytest.mark.usefixtures("broken")
def test_with_checkpoints_the_others_go_on_from_the_last() -> None:
    run(detection("a", 41))
    wanted = lines("a.jsonl")
    first, second = cd.run_together([detection("a", 41), breaking("z")], checkpoint="state")
    assert lines("a.jsonl") == wanted
    assert (first.pipeline, first.state, second.pipeline, second.state) == ("a", "done", "z", "failed")


def test_a_pipeline_that_cannot_start_is_left_out() -> None:
    missing = cd.source("files", path="nowhere.jsonl", format="json", schema=SCHEMA, event_time="t")
    several = Several([detection("a", 41), cd.Pipeline("none", missing.to("console"))])
    assert [each.name for each in several.failed] == ["none"]
    first, second = several.run()
    assert (first.pipeline, first.state, second.pipeline, second.state) == ("a", "done", "none", "failed")
    assert "nowhere.jsonl" in second.failures[0]
    assert second.to_text().startswith("none: failed\n  ")


def test_what_all_get_wrong_is_told() -> None:
    with pytest.raises(PlanError, match="two pipelines are named 'a'"):
        cd.run_together([detection("a", 1), detection("a", 2)])
    missing = cd.source("files", path="nowhere.jsonl", format="json", schema=SCHEMA, event_time="t")
    with pytest.raises(UserError, match=r"nowhere\.jsonl"):
        cd.run_together([cd.Pipeline("x", missing.to("console")), cd.Pipeline("y", missing.to("console"))])


def test_groups_of_workers_are_one_pipeline_s() -> None:
    rows = cd.source("kafka", topic="t", servers="127.0.0.1:1", format="json", schema=SCHEMA, event_time="t")
    plans = [cd.Pipeline(name, rows.to("console")) for name in ("a", "b")]
    with pytest.raises(OptionError, match="cannot share checkpoints"):
        cd.run_together(plans, checkpoint="state")


def test_checkpoints_are_of_all(here: Path) -> None:
    plans = [detection(name, least) for name, least in NAMES.items()]
    cd.run_together(plans, checkpoint="state", name="nets")
    again = cd.run_together([detection(name, least) for name, least in NAMES.items()], checkpoint="state", name="nets")
    assert all("come to the end of its data before" in summary.notes[0] for summary in again)
    with pytest.raises(OptionError, match="of the pipeline 'nets'"):
        cd.run_together([detection(name, least) for name, least in NAMES.items()], checkpoint="state", name="other")
