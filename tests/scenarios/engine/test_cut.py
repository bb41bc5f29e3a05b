"""Cuts at chosen points: what random ones seldom meet."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import RunError
from caudal.engines.local.cut import Cut
from caudal.plan.plan import Plan
from caudal.testing.harness import CountedSource, Started, differences
from caudal.testing.oracle import interpret, records

SCHEMA = {"t": "int64", "n": "int64"}


def source(name: str, rows: list[dict[str, Any]]) -> Any:
    return cd.source("memory", rows=[rows], schema=SCHEMA, event_time="t", name=name)


def cut_at(plan: Plan, name: str, number: int) -> tuple[Started, Cut]:
    """Run to the end, with a whole cut once a source has been read so often."""
    reached = threading.Event()

    def on_read(count: int) -> None:
        if count == number:
            with job.scheduler.lock:
                job.scheduler.pauses += 1
            reached.set()

    run = Started(plan, wrap=lambda n, s: CountedSource(s, on_read) if n == name else s, read_bytes=1)
    job = run.execution.job
    thread = threading.Thread(target=run.run)
    thread.start()
    assert reached.wait(60)
    cut = run.execution.cut()
    with job.scheduler.lock:
        job.scheduler.pauses -= 1
        job.scheduler.wake(all_of_them=True)
    thread.join()
    return run, cut


def finish(plan: Plan, begun: Started, cuts: Sequence[Cut], **way: Any) -> tuple[dict[str, Any], Any]:
    rest = Started(plan, **way)
    rest.execution.restore(list(cuts))
    rest.run()
    written = cuts[-1].written
    return {name: begun.rows[name][: written[name]] + rows for name, rows in rest.rows.items()}, rest.ledger


@pytest.mark.parametrize("window", [cd.tumbling("1s"), cd.hopping("2s", every="1s"), cd.session("200ms")])
def test_an_operator_that_had_ended_holds_nothing_back(window: Any) -> None:
    """One source ended before the cut; its window's results had all gone to a window that still waits for the other."""
    rows = {"one": [{"t": 0, "n": 1}, {"t": 10, "n": 1}], "two": [{"t": i * 100, "n": i} for i in range(20)]}
    left = source("one", rows["one"]).window(window).agg(c=cd.count(), name="w1").select(n=col("c"), t=col("c"))
    both = left.union(source("two", rows["two"]).select("n", "t"))
    out = both.window(cd.tumbling("1s")).agg(c=cd.count(), all=cd.collect("n"), name="w2")
    plan = cd.Pipeline("ended", out.to("console", name="out"))
    wanted = interpret(plan, {name: {"p0": records(given)} for name, given in rows.items()})
    begun, cut = cut_at(plan, "two", 12)
    assert [lane["ended"] for lanes in cut.sources.values() for lane in lanes] == [True, False]
    assert differences(wanted, begun.rows, begun.ledger) == []
    assert differences(wanted, *finish(plan, begun, [cut], threads=3)) == []


def test_a_cut_at_the_end_has_nothing_left_to_do() -> None:
    rows = [{"t": i * 300, "n": i} for i in range(20)]
    out = source("one", rows).window(cd.tumbling("1s")).agg(c=cd.count(), name="w")
    plan = cd.Pipeline("end", out.to("console", name="out"))
    begun = Started(plan).run()
    cut = begun.execution.cut()
    assert cut.written == {"out": 6}
    got, ledger = finish(plan, begun, [cut])
    assert differences(interpret(plan, {"one": {"p0": records(rows)}}), got, ledger) == []


def plan_with(name: str) -> Plan:
    out = source("one", [{"t": 0, "n": 1}]).window(cd.tumbling("1s")).agg(c=cd.count(), name=name)
    return cd.Pipeline("p", out.to("console", name="out"))


def test_what_does_not_fit_is_refused() -> None:
    run = Started(plan_with("w")).run()
    whole, delta = run.execution.cut(), run.execution.cut(whole=False)
    for cuts in ([delta], [whole, whole], [delta, whole]):
        with pytest.raises(RunError, match="one whole cut and the deltas"):
            Started(plan_with("w")).execution.restore(cuts)
    with pytest.raises(RunError, match="differ in operators: other, w"):
        Started(plan_with("other")).execution.restore([whole])
    with pytest.raises(RunError, match="version 7"):
        Started(plan_with("w")).execution.restore([Cut(True, version=7)])
    with pytest.raises(RunError, match="key hash"):
        Started(plan_with("w")).execution.restore([Cut(True, key_hash="md5")])
    kind = run.execution.cut()
    kind.operators["w"].kind = "sessions"
    with pytest.raises(RunError, match="sessions version 1, not panes"):
        Started(plan_with("w")).execution.restore([kind])
