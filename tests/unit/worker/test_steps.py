"""Keyed steps keep their contract: what they make depends on the rows of each key, not on the cuts between calls or keys."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from caudal.plan.nodes.join import HOW
from caudal.testing.steps.silence import silence
from caudal.worker import live_steps
from caudal.worker.coercion import arrow_of
from caudal.worker.steps.broadcast import broadcast
from caudal.worker.steps.contract import END, NEVER, Made, Rows, Step, behind, each_key, last
from caudal.worker.steps.count_aggregate import count_aggregate
from caudal.worker.steps.count_top import count_top
from caudal.worker.steps.deduplicate import deduplicate
from caudal.worker.steps.ewma import ewma
from caudal.worker.steps.join import join
from caudal.worker.steps.lag import lag
from caudal.worker.steps.lead import lead
from caudal.worker.steps.match import match
from caudal.worker.steps.process import process
from caudal.worker.steps.reduce import reduce
from caudal.worker.steps.running import running
from caudal.worker.steps.throttle import throttle
from caudal.worker.tables import over_keys

Row = tuple[int, int, Any]
"""Key, event time, value."""


def total(state: Any, row: Any) -> Any:
    if row["x"] is None:
        raise ValueError("no x")
    return {"n": 1 if state is None else state["n"] + 1, "xs": [*([] if state is None else state["xs"]), row["x"]][-3:]}


def walked(state: Any, rows: Any, timers: Any) -> Any:
    for row in rows:
        state["xs"] = [*(state["xs"] or []), row["x"]][-3:]
        timers.set(timers.now + timedelta(milliseconds=row["x"] or 0) if row["x"] != 2**60 else 0, str(row["x"]))
        timers.set(timers.now + timedelta(milliseconds=4), "quiet")
        yield from [{"xs": state["xs"]}] * len(state["xs"])
        if len(state["xs"]) == 3 and row["x"] is None:
            raise ValueError("no x")
    for name in timers.due:
        yield {"xs": [len(name)], "at": timers.get("quiet")}
        if state["xs"] and None in state["xs"]:
            raise ValueError("there was no x")
        if name == "quiet":
            state.clear()
        elif name == "3":
            timers.set(timers.now + timedelta(milliseconds=1), "more")


def by_value(how: str) -> Step:
    """Return the join of rows with 1 (the right side) and the others, of which those without a value match nothing."""
    step = join(dict(zip("rkab", ["bool", "bool", "int64", "int64"])), {}, -4, 6, how, [False, True])

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        values = rows.columns[0]
        right = pc.fill_null(pc.equal(values, 1), False)
        none = pa.nulls(len(rows), pa.int64())
        sides = [pc.if_else(right, none, values), pc.if_else(right, values, none)]
        return step.run(state, Rows(rows.starts, [right, values.is_valid(), *sides], rows.time), watermark)

    return Step(step.keeps, run)


def settings(inner: bool, anti: bool = False) -> Step:
    """Return the broadcast of rows with 1 to 3, which are the settings: 1 is a tombstone, and those of an odd time are old."""
    step = broadcast({"s": "bool", "t": "timestamp", "gone": "bool", "x": "int64"}, {}, inner, anti)

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        values = rows.columns[0]
        known = pc.fill_null(pc.less_equal(values, 3), False)
        own = pa.array(rows.time - rows.time % 2 * 9, mask=~known.to_numpy(zero_copy_only=False))
        given = [known, own, pc.equal(values, 1), values]
        return step.run(state, Rows(rows.starts, given, rows.time), watermark)

    return Step(step.keeps, run)


X = {"x": "int64"}
AGGREGATES = [("c", "count", {}), ("s", "sum", {}), ("l", "last", {}), ("m", "mean", {})]
GIVES = {"c": "int64", "s": "int64", "l": "int64", "m": "float64"}


def pattern(elements: list[Any], absent: list[int], after: str, beside: bool = False) -> Step:
    """Return a step over three events: there is an x, any row, and an x again; `beside`: the second has the first's x or more."""
    takes = {"\0is 0": "int64", "\0is 2": "int64", "\0row 0": "int64", "\0of 0": "int64", "s": "int64", "l": "int64"}
    program = {1: ("ge", (False, False), "bool", ("row", 0), ("of", 0))} if beside else {}
    earlier = [(0, "first", {}, ("int64", "int64"))]
    return match(takes, GIVES, elements, absent, 3, program, earlier, 9, after, AGGREGATES[:3], {"l": 0, "c": 1})


STEPS: dict[str, Callable[[], Step]] = {
    "first of all": lambda: deduplicate({}, {}, 0),
    "within 7": lambda: deduplicate({}, {}, 7),
    "since 7": lambda: deduplicate({}, {}, 7, seen=True),
    "within 100": lambda: deduplicate({}, {}, 100),
    "last 5 ms": lambda: running({"s": "int64", "l": "int64", "m": "int64"}, GIVES, AGGREGATES, 5, 0),
    "last 3 rows": lambda: running({"s": "int64", "l": "int64", "m": "int64"}, GIVES, AGGREGATES, 0, 3),
    "so far": lambda: running({"s": "int64", "l": "int64", "m": "int64"}, GIVES, AGGREGATES, 0, 0),
    "1 before": lambda: lag(X, {"y": "int64"}, 1),
    "3 before": lambda: lag(X, {"y": "int64"}, 3),
    "1 behind in 5": lambda: lead({"x": "int64", "y": "int64"}, {}, 1, 5),
    "3 behind in 20": lambda: lead({"x": "int64", "y": "int64"}, {}, 3, 20),
    "averages": lambda: ewma({"x": "int64", "y": "int64", "z": "int64"}, {}, [0.3, 0.0, 1.0], [0, 7, 0]),
    "windows of 3": lambda: count_aggregate({"s": "int64", "l": "int64"}, GIVES, AGGREGATES[:3], 3, 3, True),
    "windows of 5, every 2": lambda: count_aggregate({"s": "int64", "l": "int64"}, GIVES, AGGREGATES[:3], 5, 2, True),
    "first 2 of 4": lambda: count_top({"x": "int64", "by": "int64"}, X, [True], 2, 4, 3, True),
    "a pattern": lambda: pattern([(False, [], [([0], 2, 3)]), (True, [], [([1], 1, 1)])], [], "last"),
    "all matches": lambda: pattern([(False, [], [([0], 1, 1)]), (False, [2], [([1], 2, 2)])], [], "next"),
    "no row in time": lambda: pattern([(False, [], [([0], 1, 0)])], [1], "last"),
    "in any order": lambda: pattern([(False, [], [([0], 1, 2), ([1], 1, 1)])], [2], "next"),
    "as the one before": lambda: pattern([(False, [], [([0], 1, 1)]), (False, [], [([1], 1, 0)])], [2], "next", True),
    "silence": lambda: silence({}, {}, 3),
    **{how: partial(by_value, how) for how in HOW},
    "settings": lambda: settings(False),
    "with settings": lambda: settings(True),
    "without settings": lambda: settings(False, True),
    "timers": lambda: process(X, {"xs": ["int64"], "at": "timestamp"}, walked, {"xs": ["int64"]}, 0),
    "one in 7": lambda: throttle(X, {"x": "int64", "n": "int64"}, 7),
    "fold": lambda: reduce(X, {"n": "int64", "xs": ["int64"]}, total, 0),
}


def drawn(dice: random.Random, keys: int) -> list[Row]:
    rows = [(dice.randrange(keys), dice.randint(0, 60), dice.choice([None, 1, 2, 3, 2**60])) for _ in range(60)]
    return sorted(rows, key=lambda row: row[1])


def gathered(rows: list[Row], keys: int) -> tuple[Rows, list[Row]]:
    """Return the rows by key, as a step takes them, and in that order."""
    listed = sorted(rows, key=lambda row: row[0])
    counts = np.bincount([k for k, _, _ in listed], minlength=keys) if listed else np.zeros(keys, np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int64)
    return Rows(
        starts, [pa.array([x for _, _, x in listed], pa.int64())], np.array([t for _, t, _ in listed], np.int64)
    ), listed


def taken(
    name: str, step: Step, columns: int, rows: list[Row], keys: int, calls: int, dice: random.Random
) -> list[Any]:
    """Return (key, time, value, results) of what a step makes of rows that come in so many calls, by key."""
    state, out, before = step.nothing(keys), [], NEVER
    edges = sorted([0, len(rows), *(dice.randint(0, len(rows)) for _ in range(calls - 1))])
    for start, stop in itertools.pairwise(edges):
        part, listed = gathered(rows[start:stop], keys)
        part.columns = part.columns * columns
        ahead = rows[stop][1] if stop < len(rows) else END
        made = step.run(state, part, ahead).whole()
        values = [column.to_pylist() for column in made.columns]
        times = [-2] * len(made.of) if made.at is None else made.at.tolist()
        numbers = [-1] * len(made.of) if made.nth is None else made.nth.tolist()
        for n, at in enumerate(made.of.tolist()):
            own = listed[at] if at >= 0 else (-1 - at, times[n], "alone")
            out.append((*own, numbers[n], *(v[n] for v in values)))
        assert all(before <= times[n] < ahead for n, at in enumerate(made.of.tolist()) if at < 0 and name in TIMED)
        before = ahead
        for n, (row, reason, message, _) in enumerate(made.failed):
            where = listed[row] if row >= 0 else (-1 - row, made.failed_at and made.failed_at[n], "alone")
            out.append((*where, reason, message))
        assert [c.type for c in made.state.columns] == [arrow_of(kind) for kind in step.keeps]
        assert made.state.keys == keys
        if made.wake is not None:
            assert all(wake > ahead or wake == END for wake in made.wake.tolist())
        state = made.state
    return sorted(out, key=repr)


WIDTHS = {
    "1 before": 1,
    "3 before": 1,
    "first of all": 0,
    "within 7": 0,
    "since 7": 0,
    "within 100": 0,
    "fold": 1,
    "timers": 1,
}
WIDTHS |= dict.fromkeys([*HOW, "settings", "with settings", "without settings", "one in 7"], 1)
WIDTHS |= {
    "1 behind in 5": 2,
    "3 behind in 20": 2,
    "windows of 3": 2,
    "windows of 5, every 2": 2,
    "first 2 of 4": 2,
    "silence": 0,
}
WIDTHS |= dict.fromkeys(("a pattern", "all matches", "no row in time", "in any order", "as the one before"), 6)
TIMED = (
    *HOW,
    "1 behind in 5",
    "3 behind in 20",
    "silence",
    "timers",
    "one in 7",
    "no row in time",
    "in any order",
    "as the one before",
)
"""Steps that make rows at timers."""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", STEPS)
def test_cuts_change_nothing(name: str, seed: int) -> None:
    dice = random.Random(f"{name} {seed}")
    keys = dice.choice([1, 2, 7])
    rows, width = drawn(dice, keys), WIDTHS.get(name, 3)
    whole = taken(name, STEPS[name](), width, rows, keys, 1, dice)
    assert whole
    for calls in (2, 5, 20):
        assert taken(name, STEPS[name](), width, rows, keys, calls, dice) == whole


@pytest.mark.parametrize("name", STEPS)
def test_keys_do_not_see_each_other(name: str) -> None:
    dice = random.Random(name)
    rows, width = drawn(dice, 5), WIDTHS.get(name, 3)
    together = taken(name, STEPS[name](), width, rows, 5, 3, dice)
    apart: list[Any] = []
    for key in range(5):
        own = [(0, t, x) for k, t, x in rows if k == key]
        apart += [(key, *made[1:]) for made in taken(name, STEPS[name](), width, own, 1, 1, dice)]
    assert sorted(apart, key=repr) == together


@pytest.mark.parametrize("within", [1, 5, 2**62])
def test_deduplication_is_that_of_the_oracle(within: int) -> None:
    dice = random.Random(within)
    for _ in range(50):
        times = sorted(dice.choice((0, 1, 2, 5, 6, 7, 12, -(2**62), 2**62)) for _ in range(dice.randrange(12)))
        passed: list[int] = []
        wanted: list[int] = []
        for row, time in enumerate(times):
            if not passed or time - passed[-1] > within:
                passed.append(time)
                wanted.append(row)
        step = deduplicate({}, {}, within)
        made = step.run(step.nothing(1), Rows(np.array([0, len(times)]), [], np.array(times, np.int64)), NEVER).whole()
        assert made.of.tolist() == wanted


def test_what_nobody_needs_is_let_go() -> None:
    step = deduplicate({}, {}, 10)
    made = step.run(step.nothing(2), Rows(np.array([0, 1, 2]), [], np.array([0, 50])), 5).whole()
    assert made.wake.tolist() == [11, 61]
    none = Rows(np.zeros(3, np.int64), [], np.empty(0, np.int64))
    left = step.run(made.state, none, 11).whole()
    assert np.diff(left.state.starts).tolist() == [0, 1]
    assert left.wake.tolist() == [END, 61]


def test_what_was_kept_stands_before_the_rows() -> None:
    state = Rows(np.array([0, 1, 1]), [pa.array([10])])
    rows = Rows(np.array([0, 2, 3]), [pa.array([11, 12, 20])])
    whole, at = behind(state, rows)
    assert whole.columns[0].to_pylist() == [10, 11, 12, 20]
    assert whole.starts.tolist() == [0, 3, 4]
    assert at.tolist() == [1, 2, 3]
    two = last(whole, 2)
    assert two.columns[0].to_pylist() == [11, 12, 20]
    assert two.starts.tolist() == [0, 2, 3]


def test_rows_of_keys_as_lists() -> None:
    @each_key
    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        values = rows.columns[0].to_pylist()
        good = [i for i, v in enumerate(values) if v is not None]
        failed = [(i, "exception", f"row {i}", "") for i, v in enumerate(values) if v is None]
        return Made(np.array(good, np.int64), [pa.array([values[i] * 2 for i in good], pa.int64())], state, failed)

    step = Step([], run, fails=True)
    kind = pa.list_(pa.struct([("n", pa.int64()), ("t", pa.int64()), ("x", pa.int64())]))
    lists = [[(2, 20, 5), (1, 10, None)], [], [(1, 30, 7)]]
    given = pa.array([[dict(zip("ntx", row)) for row in rows] for rows in lists], kind)
    made = over_keys(step, 1, 0)(given).to_pylist()
    assert [[list(row.values()) for row in rows] for rows in made] == [
        [[20, 10, None, None, None], [10, None, "exception", "row 0", ""]],
        [],
        [[30, 14, None, None, None]],
    ]


class State:
    """A key's state as Spark hands it over."""

    def __init__(self) -> None:
        self.held: Any = None
        self.watermark = 0
        self.timeout: int | None = None

    exists = property(lambda self: self.held is not None)
    get = property(lambda self: self.held)

    def getCurrentWatermarkMs(self) -> int:
        return self.watermark

    def update(self, held: Any) -> None:
        self.held = held

    def remove(self) -> None:
        self.held = self.timeout = None

    def setTimeoutTimestamp(self, at: int) -> None:
        assert at >= self.watermark
        self.timeout = at


@pytest.mark.parametrize("seed", range(10))
def test_rows_wait_for_the_watermark_and_state_is_let_go(seed: int) -> None:
    pd = pytest.importorskip("pandas")
    dice = random.Random(seed)
    epoch = 1000
    times = [dice.randint(0, 60) for _ in range(40)]
    walk = live_steps.live_step(deduplicate({}, {}, 5), [0], [], 0, 0, [0], epoch)
    state, made, done = State(), [], -100
    state.watermark = done + epoch
    for at in sorted([*(dice.randint(0, 60) for _ in range(6)), 200]):
        come = [t for t in times if t >= done and dice.random() < 0.5] if at < 200 else [t for t in times if t >= done]
        times = [*times]
        for t in come:
            times.remove(t)
        frames = [pd.DataFrame({"row": [f"[{t}]" for t in come]})] if come else []
        for frame in walk(None, frames, state):
            made += [live_steps._row(line)[0] for line in frame["made"]]
        done, state.watermark = at, at + epoch
        if state.timeout is not None and state.watermark > state.timeout:
            for frame in walk(None, [], state):
                made += [live_steps._row(line)[0] for line in frame["made"]]
        times = [t for t in times if t >= done]
    assert made == sorted(made)
    assert all(b - a > 5 for a, b in itertools.pairwise(made))
    assert not state.exists, "nothing is kept of a key that the watermark has left behind"


def lived(walk: Any, rows: list[Any], moments: list[int], epoch: int, end: Any = None) -> list[list[Any]]:
    """Return the rows that a live step makes of those of several keys, as the watermark comes to these moments and ends.

    Nothing may be kept of any key then.
    """
    pd = pytest.importorskip("pandas")
    states = {row[0]: State() for row in rows}
    whole, done, out = State(), NEVER, []
    for moment in [*moments, epoch, epoch]:
        made: list[str] = []
        for key, state in states.items():
            mine = [json.dumps(row) for row in rows if row[0] == key and done <= row[1] < moment]
            due, state.timeout = state.timeout is not None and state.watermark > state.timeout, state.timeout
            if mine or due:
                state.timeout = None
                made += [
                    line
                    for frame in walk(None, [pd.DataFrame({"row": mine})] if mine else [], state)
                    for line in frame["made"]
                ]
            # what a micro-batch brings is given with the watermark behind the one before
            state.watermark = moment + epoch
        if end is not None and made:
            made = [line for frame in end(None, [pd.DataFrame({"row": made})], whole) for line in frame["made"]]
        out += [json.loads(line) for line in made]
        done = moment
    assert not any(state.exists for state in states.values())
    return out


@pytest.mark.parametrize("seed", range(10))
def test_live_timers_are_those_of_one_call(seed: int) -> None:
    dice = random.Random(seed)
    rows, epoch = drawn(dice, 4), 1000
    walk = live_steps.live_step(silence({}, {}, 3), [0, 1], [], 1, 1, [1], epoch, ("timers", [0]))
    got = lived(walk, rows, sorted(dice.sample(range(1, 70), 6)), epoch)
    whole, listed = gathered(rows, 4)
    step = silence({}, {}, 3)
    made = step.run(step.nothing(4), whole, END).whole()
    wanted: list[list[Any]] = []
    for n, (of, at) in enumerate(zip(made.of.tolist(), made.at.tolist())):
        own = [*listed[of][:2], None] if of >= 0 else [-1 - of, at, at]
        wanted.append([*own[:2], *(column[n].as_py() for column in made.columns), own[2]])
    assert sorted([*row[:4], row[-1]] for row in got if row[-1] is None) == sorted(
        row for row in wanted if row[-1] is None
    )
    assert sorted([*row[:4], row[-1]] for row in got if row[-1]) == sorted(row for row in wanted if row[-1])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("arrival", [False, True])
def test_what_the_end_of_live_data_makes_has_the_last_rows_time(seed: int, arrival: bool) -> None:
    dice = random.Random(seed)
    epoch = 1000
    # key, event time, W_p: here a number that tells rows apart
    rows = [(key, time, number) for number, (key, time, _) in enumerate(drawn(dice, 4))]
    step = count_aggregate({"l": "int64"}, {"l": ["int64"]}, [("l", "collect", {})], 3, 3, True)
    waits, order = (None, [2]) if arrival else (1, [1, 2])
    walk = live_steps.live_step(step, [0, 1, 2], [(2, "int64")], waits, 1, order, epoch, ("end", [0, 1, 2]))
    end = live_steps.live_end(8, 1, 2, order)
    got = lived(walk, rows, sorted(dice.sample(range(1, 70), 6)), epoch, end)
    wanted: list[list[Any]] = []
    for key in range(4):
        mine = [row for row in rows if row[0] == key]
        for start in range(0, len(mine), 3):
            part = mine[start : start + 3]
            closing = part[-1] if len(part) == 3 else rows[-1]
            wanted.append([key, *closing[1:], part[0][1], part[-1][1], [number for *_, number in part]])
    assert sorted(row[:6] for row in got) == sorted(wanted)
