"""Plans as scripts, without an engine: what is written can be read, and what cannot be done is refused."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.engines.flink.capabilities import CAPABILITIES as FLINK
from caudal.engines.spark.capabilities import CAPABILITIES as SPARK
from caudal.plan.nodes import Sink
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import BoundSource, Tuning
from caudal.rewrite import rewrite
from caudal.runner.binding import open_source
from caudal.runner.sides import with_sides
from caudal.testing.elsewhere import suits, suits_live
from caudal.testing.flow import load
from caudal.testing.scenario import prepared

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
ENGINES = ("flink", "spark")
LIVE = [path for path in sorted(SCENARIOS.glob("*/*.flow")) if suits_live(load(path))]
SUITABLE = [path for path in sorted(SCENARIOS.glob("*/*.flow")) if suits(load(path))]
UNKNOWN = {name for gap in {*FLINK, *SPARK} if gap.instead == "refused" for name in gap.scenarios}


def script(plan: Plan, engine: str, *, files: bool = True, **tuning: Any) -> str:
    """Return the script of a plan."""
    logical = with_sides(plan, "file", "file")
    physical = rewrite(logical)
    opened = {node.name: open_source(node) for node in physical.sources} if files else {}
    try:
        return registry.find("engine", engine).explain(logical, physical, opened, Tuning(0, **tuning)).text
    finally:
        for bound in opened.values():
            bound.source.close()


def events(path: Path, **options: Any) -> Any:
    path.write_text('{"ip": "a", "t": 1000, "n": 1}\n', encoding="utf-8")
    schema = {"ip": "string", "t": "int64", "n": "int64"}
    return cd.source("files", path=str(path), format="json", schema=schema, event_time="t", **options)


def counted(path: Path) -> Plan:
    counts = events(path).group_by("ip").window(cd.tumbling("3s")).agg(n=cd.count())
    return cd.Pipeline("counted", counts.to("files", path=str(path.with_name("out.jsonl")), format="json"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", SUITABLE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_scenario_has_a_script_that_can_be_read(path: Path, engine: str) -> None:
    with prepared(load(path)) as ready:
        if f"{path.parent.name}/{path.stem}" in UNKNOWN:
            with pytest.raises(PlanError, match=f"is not known to {engine}"):
                script(ready.case.plan, engine, files=False)
            return
        text = script(ready.case.plan, engine, files=False)
    names = [
        alias.asname or alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("caudal.")
        for alias in node.names
    ]
    assert names
    assert len(names) == len({*names})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_script_reads_its_files_by_itself(tmp_path: Path, engine: str) -> None:
    text = script(counted(tmp_path / "log.jsonl"), engine)
    assert "job.read(" in text
    assert str(tmp_path / "log.jsonl") in text


@pytest.mark.parametrize("engine", ENGINES)
def test_the_engines_own_reader_takes_the_place_of_the_checked_one_where_it_may(tmp_path: Path, engine: str) -> None:
    plan = counted(tmp_path / "log.jsonl")
    assert "job.read(" not in script(plan, engine, native=True)
    ordered = events(tmp_path / "log.jsonl").group_by("ip").window(cd.tumbling("3s")).agg(n=cd.first("n"))
    ordered_plan = cd.Pipeline("ordered", ordered.to("console", format="json"))
    assert "job.read(" in script(ordered_plan, engine, native=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_cannot_be_read_by_a_script(engine: str) -> None:
    rows = cd.source("memory", rows=[{"t": 1}], schema={"t": "timestamp"}, event_time="t")
    text = script(cd.Pipeline("m", rows.to("console", format="json")), engine)
    assert "caudal run hands the rows over" in text


def looked_up(path: Path, **options: Any) -> Plan:
    (path.parent / "table.csv").write_text("ip,v\na,1\n")
    table = cd.table(
        "files", path=str(path.parent / "table.csv"), key="ip", schema={"ip": "string", "v": "int64"}, reload="1m"
    )
    rows = events(path, **options).lookup(table, how="inner").lookup(table, how="anti")
    return cd.Pipeline("l", rows.to("console", format="json"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_is_handed_over_once_and_not_read_by_a_script(tmp_path: Path, engine: str) -> None:
    text = script(looked_up(tmp_path / "log.jsonl"), engine)
    assert "tables are read by caudal, which hands them over to this job" in text
    assert text.count("job.lookup_table(") == 1
    assert "LEFT JOIN `table 1` AS n" in text


def test_a_table_that_is_read_anew_is_refused_over_unbounded_input(tmp_path: Path) -> None:
    with pytest.raises(
        PlanError, match="a table that is read anew over unbounded input is not known to spark"
    ) as caught:
        script(looked_up(tmp_path / "log.jsonl", follow=True), "spark")
    assert "leave out reload=" in caught.value.hint


REFUSED: dict[str, tuple[Any, str]] = {
    "identity": (lambda s: s.to("console", format="json", identity="id"), "a row's identity is not known"),
    "a hidden name": (
        lambda s: cd.source("memory", rows=[], schema={"__t": "int64"}).to("console", format="json"),
        "the field name '__t' is taken",
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_an_engine_cannot_do_is_refused_with_the_operator(tmp_path: Path, engine: str, name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(PlanError) as caught:
        script(cd.Pipeline("refused", make(events(tmp_path / "log.jsonl"))), engine)
    assert message in caught.value.message
    assert caught.value.location
    assert caught.value.hint


@pytest.mark.parametrize("engine", ENGINES)
def test_arrival_over_several_partitions_is_refused(tmp_path: Path, engine: str) -> None:
    (tmp_path / "b.jsonl").write_text('{"ip": "a", "t": 1000, "n": 1}\n', encoding="utf-8")
    events(tmp_path / "a.jsonl")
    rows = cd.source("files", path=str(tmp_path / "*.jsonl"), format="json", schema={"n": "int64"})
    plan = cd.Pipeline("p", rows.running(order="arrival", total=cd.sum("n")).to("console", format="json"))
    with pytest.raises(PlanError, match="single partition"):
        script(plan, engine)


@pytest.mark.parametrize("options", [{"idle": "5s"}, {"follow": True}], ids=["idle", "follow"])
def test_what_goes_on_for_ever_is_refused_on_flink(tmp_path: Path, options: dict[str, Any]) -> None:
    plan = cd.Pipeline("live", events(tmp_path / "log.jsonl", **options).to("console", format="json"))
    physical = rewrite(with_sides(plan, "discard", "discard"))
    opened: dict[str, BoundSource] = {node.name: open_source(node) for node in physical.sources}
    with pytest.raises(PlanError) as caught:
        registry.find("engine", "flink").check(physical, physical, opened)
    assert caught.value.location.startswith("source-")
    assert "run it " in caught.value.hint


def test_a_followed_file_is_a_stream_on_spark(tmp_path: Path) -> None:
    counts = events(tmp_path / "log.jsonl", follow=True).group_by("ip").window(cd.tumbling("3s")).agg(n=cd.count())
    text = script(cd.Pipeline("live", counts.to("console", format="json")), "spark")
    assert "live=True" in text
    assert "ROW_NUMBER" not in text
    assert "caudal run hands the rows over (--rows)" in text, "alone it has nobody who feeds it"


def test_two_outputs_of_one_stream_share_its_views(tmp_path: Path) -> None:
    stream = events(tmp_path / "log.jsonl").filter(col("n") > 0, name="some")
    sinks = [Sink(name=f"s{i}", input=stream.node, connector="memory", options=(("into", []),)) for i in range(2)]
    text = script(Plan("two", tuple(sinks)), "spark")
    assert text.count("job.view('some'") == 1


@pytest.mark.parametrize("path", LIVE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_refused_over_live_input_is_declared(path: Path) -> None:
    declared = {name for gap in SPARK for name in gap.live}
    with prepared(load(path)) as ready:
        plan = ready.case.plan
        engine = registry.find("engine", "spark")
        name = f"{path.parent.name}/{path.stem}"
        if name in declared:
            with pytest.raises(PlanError, match="over unbounded input is not known to spark"):
                engine.lower(plan, rewrite(plan), {}, Tuning(0, live=True))
            return
        job = engine.lower(plan, rewrite(plan), {}, Tuning(0, live=True))
        text = engine.write()(job, "Live.").text
        ast.parse(text)
        assert "job.follow(" in text
        assert "ROW_NUMBER" not in text, "over a stream there is none"


def test_gaps_say_whose_turn_it_is() -> None:
    for gap in {*FLINK, *SPARK}:
        assert gap.whose in ("not yet (ours)", "not yet (theirs)", "never")
        assert gap.why
        assert gap.instead
        for name in (*gap.scenarios, *gap.live):
            assert (SCENARIOS / f"{name}.flow").exists(), name
