"""A changed pipeline over checkpoints of another: what state is kept, what is refused, and that counts add up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.snapshots import find
from caudal.core.errors import OptionError
from caudal.observe.summary import Summary
from caudal.plan.plan import Plan
from caudal.runner import Job
from caudal.runner.checkpoints import checkpointing
from caudal.runner.migration import Migration, planned

SCHEMA = {"t": "int64", "k": "string", "n": "int64", "x": "float64", "s": "string"}

BEFORE, ALL = 45, 90
"""Rows that the first pipeline takes, and all there are: ten a second, so that a window is open between the two."""

Shape = Callable[[Any], Any]


def row(i: int) -> dict[str, Any]:
    return {"t": i * 100, "k": "abc"[i % 3], "n": i * i % 17, "x": i / 7, "s": f"v{i * 31 % 11}"}


class Place:
    """A log, a target, checkpoints; and runs over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.jsonl"
        self.append(0, BEFORE)

    def append(self, start: int, stop: int) -> None:
        with self.log.open("a") as log:
            log.writelines(json.dumps(row(i)) + "\n" for i in range(start, stop))

    def plan(self, shape: Shape) -> Plan:
        rows = cd.source("files", path=str(self.log), format="json", schema=SCHEMA, event_time="t", name="in")
        return cd.Pipeline("p", shape(rows).to("files", path=str(self.folder / "out.jsonl"), name="out"))

    def first(self, shape: Shape) -> Summary:
        """Run over the rows of before, then stop: a window stays open."""
        return self.run(self.plan(shape), checkpointing(str(self.folder / "one"), "100ms"))

    def then(self, shape: Shape, *, allow_dropped: bool = False, into: str = "one") -> Summary:
        """Go on with another pipeline over all rows, and close all windows."""
        restore = "" if into == "one" else str(self.folder / "one")
        how = checkpointing(str(self.folder / into), "100ms", restore=restore, allow_dropped=allow_dropped)
        return self.run(self.plan(shape), how, flush=True)

    def run(self, plan: Plan, how: Any, *, flush: bool = False) -> Summary:
        job = Job(plan, follow=True, threads=2, late="discard", dead="discard", checkpoint=how)
        ended: list[Summary] = []
        thread = threading.Thread(target=lambda: ended.append(job.run(flush=flush)))
        thread.start()
        channels = [channel for intake in job.execution.job.reading.intakes for channel in intake.channels]  # type: ignore[attr-defined]
        size = sum(Path(dict(source.options)["path"]).stat().st_size for source in plan.sources)
        give_up = time.monotonic() + 60
        while sum(channel.position for channel in channels) < size and thread.is_alive() and time.monotonic() < give_up:
            thread.join(0.02)
        job.stop()
        thread.join(120)
        return ended[0]

    def both(self, before: Shape, after: Shape, **options: Any) -> tuple[Summary, list[dict[str, Any]]]:
        """Let one go on behind the other; return the second's summary, and the rows that are held by the target."""
        self.first(before)
        self.append(BEFORE, ALL)
        return self.then(after, **options), self.rows()

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out.jsonl").read_text().splitlines()]

    def planned(self, shape: Shape) -> Migration:
        last = find(DirectoryStore(str(self.folder / "one")), "job")
        return planned(self.plan(shape), last, late="discard", dead="discard")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def windows(**aggregates: Any) -> Shape:
    return lambda rows: rows.group_by("k").window(cd.tumbling("2s")).agg(**aggregates, name="w")


def verdicts(found: Migration) -> dict[str, str]:
    return {fate.operator: fate.verdict for fate in found.fates}


def window_rows(i: int, key: str, start: int = 0) -> list[dict[str, Any]]:
    """Return the rows of a key in window i, from row `start` on."""
    return [r for at in range(start, ALL) if (r := row(at))["k"] == key and r["t"] // 2000 == i]


ADDED: dict[str, tuple[Any, Callable[[list[Any]], Any]]] = {
    "counted": (cd.count(), len),
    "some": (cd.count_if(col("n") > 3), lambda rows: sum(r["n"] > 3 for r in rows)),
    "mean": (cd.mean("n"), lambda rows: sum(r["n"] for r in rows) / len(rows) if rows else None),
    "exact": (cd.sum("x"), lambda rows: pytest.approx(sum(r["x"] for r in rows)) if rows else None),
    "text": (cd.min("s"), lambda rows: min((r["s"] for r in rows), default=None)),
    "first": (cd.first("s"), lambda rows: rows[0]["s"] if rows else None),
    "last": (cd.last("x"), lambda rows: rows[-1]["x"] if rows else None),
    "all": (cd.collect("n"), lambda rows: [r["n"] for r in rows]),
    "distinct": (cd.count_distinct("s"), lambda rows: len({r["s"] for r in rows})),
    "p": (cd.percentile("n", 100), lambda rows: max((r["n"] for r in rows), default=None)),
    "dev": (cd.stddev("n"), lambda rows: None),
}


def test_aggregates_come_and_go(place: Place) -> None:
    """What stays counts all rows; what is new those that came since; what stands elsewhere is found again."""
    before = windows(gone=cd.collect("x"), total=cd.sum("n"), names=cd.collect("s"), low=cd.min("x"))
    added = {name: aggregate for name, (aggregate, _) in ADDED.items()}
    after = windows(names=cd.collect("s"), **added, total=cd.sum("n"))
    place.first(before)
    found = place.planned(after)
    assert verdicts(found) == {"w": "migrated"}
    (fate,) = found.fates
    assert "the aggregate text is new, and begins with no rows" in fate.changes
    assert "the aggregate gone is gone, and with it what it held" in fate.changes
    assert found.counts
    place.append(BEFORE, ALL)
    summary = place.then(after)
    assert summary.rows == ALL
    made = [r for r in place.rows() if "counted" in r]
    assert len(place.rows()) == 15
    assert len(made) == 9  # windows 2, which was open, to 4
    for given in made:
        i = [2, 3, 4][["04", "06", "08"].index(given["window_start"][17:19])]
        every, since = window_rows(i, given["k"]), window_rows(i, given["k"], BEFORE)
        assert given["total"] == sum(r["n"] for r in every)
        assert given["names"] == [r["s"] for r in every]
        for name, (_, oracle) in ADDED.items():
            if name != "dev":
                assert given[name] == oracle(since), name


def test_running_aggregates_and_rows_that_wait(place: Place) -> None:
    def before(rows: Any) -> Any:
        return rows.group_by("k").running(total=cd.sum("n"), name="r").select("k", "t", "total")

    def after(rows: Any) -> Any:
        kept = rows.group_by("k").running(seen=cd.count(), total=cd.sum("n"), name="r")
        return kept.select("k", "t", "total", "seen", "s")

    summary, made = place.both(before, after)
    assert sorted(r["t"] for r in made) == [i * 100 for i in range(ALL)]
    fresh = [r for r in made if "seen" in r]
    for given in made:
        i = given["t"] // 100
        assert given["total"] == sum(row(at)["n"] for at in range(i % 3, i + 1, 3))
    # the row that waited for the watermark has nothing in what nobody asked of it, and counts before the change
    waited = len(fresh) > ALL - BEFORE
    assert [r["s"] for r in fresh][waited:] == [row(i)["s"] for i in range(BEFORE, ALL)]
    assert [r["seen"] for r in fresh][waited:] == [i // 3 - BEFORE // 3 + 1 for i in range(BEFORE, ALL)]
    assert summary.ledger.check() == []


def longest(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    return {"total": (state["total"] if state else 0) + row["n"]}


def with_peak(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    known = state or {"total": 0, "peak": None}
    return {"total": known["total"] + row["n"], "peak": max(known["peak"] or 0, row["n"])}


def test_a_reduction_gets_a_field(place: Place) -> None:
    """The function that is called with the state of before finds null where it had no field."""
    with_peak.__name__ = with_peak.__qualname__ = "longest"  # the text of a function may change, its name stays

    def before(rows: Any) -> Any:
        return rows.group_by("k").reduce(longest, schema={"total": "int64"}, name="fold")

    def after(rows: Any) -> Any:
        return rows.group_by("k").reduce(with_peak, schema={"total": "int64", "peak": "int64"}, name="fold")

    place.first(before)
    found = place.planned(after)
    assert verdicts(found) == {"fold": "migrated"}
    assert found.fates[0].changes == (
        "the field peak is new, and is null in what is held",
        "the function longest has changed; its state is kept",
    )
    place.append(BEFORE, ALL)
    place.then(after)
    last = {r["k"]: r for r in place.rows()}
    for key, given in last.items():
        rows = [row(i) for i in range(ALL) if row(i)["k"] == key]
        assert given["total"] == sum(r["n"] for r in rows)
        assert given["peak"] >= max(r["n"] for r in rows[BEFORE // 3 + 1 :])


def test_nothing_has_changed(place: Place) -> None:
    """Another threshold changes neither state nor counts."""

    def shape(limit: int) -> Shape:
        return lambda rows: windows(total=cd.count())(rows.filter(col("n") >= limit)).filter(col("total") > limit)

    place.first(shape(0))
    found = place.planned(shape(1))
    assert (verdicts(found), found.changed, found.loses) == ({"w": "kept"}, False, False)
    place.append(BEFORE, ALL)
    summary = place.then(shape(0))
    assert summary.ledger.entries["w"].taken == ALL
    assert summary.ledger.entries["w"].opening == 0


def test_counts_begin_anew_where_operators_are_others(place: Place) -> None:
    total = windows(total=cd.count())
    summary, made = place.both(total, lambda rows: total(rows.filter(col("n") >= 0)), into="two")
    assert sum(r["total"] for r in made) == ALL
    entry = summary.ledger.entries["w"]
    held = BEFORE - 40  # window 2 is open
    assert (entry.opening, entry.taken, entry.absorbed, entry.buffered) == (held, ALL - BEFORE, ALL - BEFORE + held, 0)
    assert summary.ledger.check() == []
    assert "+ 5 held before = absorbed 50" in summary.to_text()


CHANGES: dict[str, tuple[Shape, str]] = {
    "window": (
        lambda r: r.group_by("k").window(cd.tumbling("3s")).agg(total=cd.count(), name="w"),
        "window: {",
    ),
    "kind": (lambda r: r.group_by("k").window(cd.session("2s")).agg(total=cd.count(), name="w"), "window: {"),
    "keys": (
        lambda r: r.group_by("s").window(cd.tumbling("2s")).agg(total=cd.count(), name="w"),
        'keys: [["k", {"column": "k"}, "string"]] before, [["s"',
    ),
    "operator": (lambda r: r.group_by("k").running(total=cd.count(), name="w"), "it was the operator window"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_does_not_fit_is_refused_and_nothing_is_touched(place: Place, change: str) -> None:
    after, why = CHANGES[change]
    place.first(windows(total=cd.count()))
    place.append(BEFORE, ALL)
    before = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    with pytest.raises(OptionError, match="state would be left behind") as refused:
        place.then(after)
    assert refused.value.exit_code == 2
    assert "refused   w: 3 rows" in refused.value.detail
    assert why in refused.value.detail
    assert {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()} == before
    summary = place.then(after, allow_dropped=True)
    assert summary.ledger.check() == []
    assert summary.ledger.entries["w"].taken == ALL - BEFORE


def test_operators_come_and_go(place: Place) -> None:
    def before(rows: Any) -> Any:
        return rows.deduplicate("n", name="once").group_by("k").window(cd.tumbling("2s")).agg(c=cd.count(), name="w")

    def after(rows: Any) -> Any:
        return rows.group_by("k").window(cd.tumbling("2s")).agg(c=cd.count(), name="new")

    place.first(before)
    found = place.planned(after)
    assert verdicts(found) == {"new": "new", "once": "dropped", "w": "dropped"}
    assert found.loses
    assert not found.counts
    place.append(BEFORE, ALL)
    with pytest.raises(OptionError, match="state would be left behind"):
        place.then(after, into="two")
    summary = place.then(after, into="two", allow_dropped=True)
    assert summary.ledger.entries["new"].taken == ALL - BEFORE
    assert found.to_json()["operators"][0] == {
        "operator": "new",
        "verdict": "new",
        "rows": 0,
        "bytes": 0,
        "changes": [],
    }


def test_sources_and_sinks_come_and_go(place: Place) -> None:
    other = place.folder / "other.jsonl"
    other.write_text("".join(json.dumps({**row(i), "k": "other"}) + "\n" for i in range(ALL)))
    shape = windows(total=cd.count())

    def after(rows: Any) -> Any:
        more = cd.source("files", path=str(other), format="json", schema=SCHEMA, event_time="t", name="more")
        return shape(rows.union(more))

    place.first(shape)
    found = place.planned(after)
    assert "source more: new, begins at its start" in found.notes
    place.append(BEFORE, ALL)
    summary = place.then(after)
    assert summary.ledger.entries["more"].taken == ALL
    assert summary.ledger.entries["in"].taken == ALL - BEFORE


def test_another_pipeline_is_another(place: Place) -> None:
    place.first(windows(total=cd.count()))
    rows = cd.source("files", path=str(place.log), format="json", schema=SCHEMA, event_time="t", name="in")
    other = cd.Pipeline("q", rows.to("console"))
    last = find(DirectoryStore(str(place.folder / "one")), "job")
    with pytest.raises(OptionError, match="of the pipeline 'p', not of 'q'"):
        planned(other, last)
