"""Runs over given rows: what comes out, in virtual time, in every way; the pytest plugin."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import OptionError, RunError
from caudal.lang.dsl.stream import Stream
from caudal.testing import Script, VirtualClock, assert_rows, check_everywhere, interpret, records, run
from caudal.testing.running import WAYS, Case

pytest_plugins = ["pytester"]

SCHEMA = {"k": "string", "t": "timestamp", "x": "float64"}
ROWS = [
    {"k": "a", "t": 0, "x": 1.0},
    {"k": "b", "t": 3000, "x": 2.0},
    {"k": "a", "t": 100, "x": 3.0},
    {"k": "a", "t": 3100, "x": "4"},
]


def events(name: str = "events", **options: Any) -> Stream:
    return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", name=name, **options)


def counts(stream: Stream) -> Stream:
    return stream.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count(), name="counts")


def test_what_comes_out() -> None:
    result = run(counts(events()), ROWS)
    assert result.outputs == {
        "out": [
            {"k": "a", "window_start": 0, "window_end": 1000, "n": 1},
            {"k": "b", "window_start": 3000, "window_end": 4000, "n": 1},
        ]
    }
    assert result.rows == result.outputs["out"]
    (late,) = result.late["counts"]
    assert (late["k"], late["x"], late["late_watermark"]) == ("a", 3.0, 3000)
    (dead,) = result.dead["events"]
    assert (dead["position"], dead["reason"]) == (3, "type")
    entry = result.ledger.entries["counts"]
    assert (entry.taken, entry.absorbed, entry.late) == (3, 2, 1)
    assert not result.drained


def test_the_sources_of_a_pipeline_are_replaced_and_its_sinks_captured() -> None:
    """No file of these is there, and none is made."""
    rows = cd.source("files", path="nowhere/*.jsonl", format="json", schema=SCHEMA, event_time="t", name="rows")
    out = counts(rows)
    plan = cd.Pipeline(
        "p",
        out.to("files", path="nowhere/out.jsonl", name="out"),
        out.late().to("files", path="nowhere/late.jsonl", name="late"),
    )
    result = run(plan, {"rows": ROWS[:3]})
    assert [len(result.outputs[name]) for name in ("out", "late")] == [2, 1]
    with pytest.raises(OptionError, match="several outputs"):
        _ = result.rows


def test_rows_by_source() -> None:
    both = counts(events("one").union(events("two")))
    result = run(both, {"one": ROWS[:1], "two": Script().rows(*ROWS[:2], partition="a").rows(ROWS[0], partition="b")})
    assert_rows(result.rows, [{"k": "a", "n": 3}, {"k": "b", "n": 1}])
    assert result.ledger.entries["two"].partitions == {"a": 2, "b": 1}
    with pytest.raises(OptionError, match="several sources"):
        run(both, ROWS)
    with pytest.raises(OptionError, match="no source 'tow'") as found:
        run(both, {"tow": ROWS})
    assert found.value.hint == "did you mean 'two'?"


def test_without_rows_sources_are_what_the_pipeline_says() -> None:
    stream = cd.source("memory", rows=ROWS, schema=SCHEMA, event_time="t")
    assert_rows(run(counts(stream)).rows, [{"k": "a", "n": 1}, {"k": "b", "n": 1}])


def test_silence_in_virtual_time() -> None:
    script = Script().rows(ROWS[0]).silence("10h")
    result = run(counts(events()), script)
    assert_rows(result.rows, [{"k": "a", "window_start": 0, "n": 1}])
    assert result.drained
    assert run(counts(events()), Script().rows(ROWS[0]).silence("1s")).rows == []
    assert run(counts(events()), script, until=1000).rows == []


def test_a_live_script_goes_on_where_no_partition_is_open() -> None:
    script = Script().wait("1s").rows(ROWS[0]).end().wait("1h").rows(ROWS[1], partition="late").wait("1s")
    result = run(counts(events()), script)
    assert result.ledger.entries["events"].partitions == {"p0": 1, "late": 1}


def test_a_source_that_breaks() -> None:
    with pytest.raises(RunError, match="the script aborts"):
        run(counts(events()), Script().rows(ROWS[0]).abort())


def test_a_bounded_script_has_the_rows_in_parts() -> None:
    script = Script().rows(*ROWS[:2]).rows(ROWS[2])
    first = run(counts(events()), script)
    assert first.rows == run(counts(events()), ROWS[:3]).rows
    assert first.late["counts"][0]["late_position"] == 2
    assert not script.live


@pytest.mark.parametrize("seed", range(8))
def test_every_way_gives_the_same(seed: int) -> None:
    dice = random.Random(seed)
    rows = [
        {"k": dice.choice("ab"), "t": i * 100 - dice.choice([0, 0, 800, 1500]), "x": dice.random()} for i in range(60)
    ]
    stream = events(disorder="200ms")
    window = cd.hopping("1s", every="500ms")
    out = stream.group_by("k").window(window).agg(n=cd.count(), s=cd.sum("x"), all=cd.collect("x"), name="w")
    result = check_everywhere(out, rows, seed=seed)
    assert result.ledger.entries["w"].late > 0
    assert result.ledger.entries["w"].partly_late > 0
    plan = cd.Pipeline("test", out.to("memory", into=[], name="out"))
    wanted = interpret(plan, {"events": {"p0": records(rows)}})
    assert_rows(result.rows, wanted.rows["out"])


def test_a_cut_falls_inside_the_rows() -> None:
    """Over some seeds: the first engine has written a part, and not all."""
    case = Case(counts(events()), [{"k": "a", "t": i * 1000, "x": 0.0} for i in range(20)])
    (way,) = (way for way in WAYS if way.cut)
    written = {len(case._begin(way, random.Random(seed))[0].rows["out"]) for seed in range(8)}
    assert len(written) > 3
    assert all(n <= 20 for n in written)


@cd.batch(returns="float64")
def centred(x: Any) -> Any:
    return x - x.mean()


@cd.batch(returns="float64")
def doubled(x: Any) -> Any:
    return x * 2


def test_a_batch_function_that_is_row_wise() -> None:
    result = check_everywhere(events().select(y=doubled(col("x"))), ROWS[:3])
    assert_rows(result.rows, [{"y": 2.0}, {"y": 4.0}, {"y": 6.0}], ordered=True)


def test_a_batch_function_that_is_not_row_wise_is_named_by_its_rows() -> None:
    with pytest.raises(AssertionError) as found:
        check_everywhere(events().select("k", y=centred(col("x"))), ROWS[:2])
    assert str(found.value).splitlines() == [
        "in morsels of 1, it gives other rows than whole:",
        "  out: missing {'k': 'a', 'y': -0.5} x1",
        "  out: missing {'k': 'b', 'y': 0.5} x1",
        "  out: extra {'k': 'a', 'y': 0.0} x1",
        "  out: extra {'k': 'b', 'y': 0.0} x1",
        "  hint: a Python function must give a row the same result whatever rows stand beside it",
    ]


def test_columns_may_be_ignored() -> None:
    check_everywhere(events().select("k", y=centred(col("x"))), ROWS[:2], ignore=["y"])


def test_the_oracle_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Case, "against_oracle", lambda *_: ["counts: late is 1, not 0"])
    with pytest.raises(AssertionError, match="the oracle says otherwise:\n  counts: late is 1, not 0"):
        check_everywhere(counts(events()), ROWS)


def test_the_oracle_gets_the_rows_as_the_engine_reads_them() -> None:
    moment = datetime(2026, 1, 31, 10, tzinfo=UTC)
    schema = {"t": "timestamp", "d": "duration", "f": "float32", "s": {"a": "int64"}, "l": ["int64"]}
    stream = cd.source("memory", rows=[], schema=schema, event_time="t", name="events")
    row = {"t": moment, "d": timedelta(seconds=1), "f": 0.1, "s": {"a": 1}, "l": [1, None]}
    case = Case(stream, [row, {**row, "t": moment.replace(tzinfo=None)}])
    result = case.run()
    assert case.against_oracle(result) == []
    assert [r["t"] for r in result.rows] == [1_769_853_600_000] * 2
    case = Case(stream, [{**row, "t": "2026-01-31T10:00:00Z"}])
    assert case.against_oracle(case.run()) is None


def test_assert_rows() -> None:
    got = [{"a": 1, "b": float("nan")}, {"a": 2, "b": -0.0}]
    assert_rows(got, [{"b": 0.0, "a": 2}, {"a": 1, "b": float("nan")}])
    assert_rows(got, [{"a": 1}, {"a": 2}], ordered=True)
    with pytest.raises(AssertionError, match=r"another order: row 0 is \{'a': 1"):
        assert_rows(got, [{"a": 2}, {"a": 1}], ordered=True)
    with pytest.raises(AssertionError, match=r"missing {'a': 2} x1"):
        assert_rows(got, [{"a": 1}, {"a": 2}, {"a": 2}])
    with pytest.raises(AssertionError, match=r"extra {'a': 1.*} x1"):
        assert_rows(got[:1], [])


def test_the_fixtures(
    clock: VirtualClock, run_pipeline: Callable[..., Any], check_pipeline: Callable[..., Any]
) -> None:
    assert clock() == 0
    clock.advance(5)
    assert clock() == 5
    assert run_pipeline(counts(events()), ROWS).rows == check_pipeline(counts(events()), ROWS).rows


FLOW = "title: T\n--- input e\nn int64\n1\n--- program\nout = e.filter('n > 0')\n--- output out\nn\n1\n"


def test_pytest_collects_scenarios(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("flows")
    (folder / "right.flow").write_text(FLOW)
    (folder / "wrong.flow").write_text(FLOW[:-2] + "2\n")
    (folder / "mistake.flow").write_text(FLOW.replace("output out", "output oot"))
    (folder / "other.flow").write_text("// a file of some other tool\n")
    (folder / "other.js.flow").write_text("title: of some other tool\n")
    result = pytester.runpytest_inprocess("flows", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*no stream 'oot'*", "*missing*wrong.flow:9: 2", "*extra*1"])
    result.stdout.no_fnmatch_line("*Traceback*")
