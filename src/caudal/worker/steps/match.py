"""Patterns: a row for each match of events that follow one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.cutting import pieces
from caudal.worker.ranges import Ranges
from caudal.worker.steps import linear
from caudal.worker.steps.contract import END, Made, Rows, Step, behind, places
from caudal.worker.steps.folding import Fold, folds
from caudal.worker.steps.searching import Earlier, Element, Found, Matches, Searches, Shape, Taken

_EMPTY = {"count": 0, "count_if": 0, "count_distinct": 0, "approx_count_distinct": 0, "collect": []}
"""What aggregates of no row are that are not null."""

_BITS = 60
"""As many events and elements a pattern may have for its searches to be told by numbers."""

_ROWS = 1 << 20
"""Rows of matches that are looked at at once."""

Values = Callable[[Any], list[Any]]
"""Gives the times and arguments of rows, by their numbers."""


def match(
    takes: dict[str, Any],
    gives: dict[str, Any],
    elements: list[Any],
    absent: list[int],
    events: int,
    beside: dict[int, Any],
    earlier: list[Earlier],
    within: int,
    after: str,
    functions: list[Fold],
    of: dict[str, int],
) -> Step:
    """Return the step that gives (first time, last time, aggregates) for each match.

    Events are numbered. `elements`: of each (whether it begins with the very next row, the events that may not come before it,
    items: events, least and most rows, 0 for any number); `absent`: what may not come behind the last; arguments: "\\0is 3",
    whether event 3 fits a row as far as that is of the row alone; `beside`: the rest of its condition, a program over
    "\\0row 0" ... and what is read of earlier events, `earlier` over "\\0of 0" ...
    `within`: 0 for any time. `functions`: see `folds`; `of`: the events of those that are not over all rows.

    Kept are the searches that are open and the rows that they have taken.
    """
    shape = Shape(tuple(Element(*each) for each in elements), tuple(absent), within, after == "last", beside, earlier)
    order = [n for n in takes if not n.startswith("\0")] + [n for n in takes if n.startswith("\0of ")]
    held = {name: takes[name] for name in order}
    own = {name: kind for name, kind in held.items() if not name.startswith("\0of ")}
    aggregates = _Aggregates(own, gives, functions, of)
    single = not beside and all(len(element.items) == 1 for element in shape.elements)
    make = _by_number if single and max(events, len(elements)) < _BITS // 2 else _by_walking
    return make(shape, takes, held, events, aggregates)


def _by_walking(shape: Shape, takes: dict[str, Any], held: dict[str, Any], events: int, make: _Aggregates) -> Step:
    """Return the step that moves searches as `searching` has them."""
    at = {name: i for i, name in enumerate(takes)}
    order = [*held]
    kinds: list[Any] = ["int64", ["int64"], *held.values()]
    read = [2 + order.index(n) if n in held else -1 for n in (f"\0of {i}" for i in range(len(shape.earlier)))]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        none = pa.nulls(len(rows), arrow_of(kinds[1]))
        own = [as_array(rows.columns[at[name]], kind) for name, kind in held.items()]
        whole, places = behind(state, Rows(rows.starts, [pa.array(rows.time, pa.int64()), none, *own]))
        fits = _fits(rows, at, events).tolist()
        beside = [rows.columns[i].to_pylist() for name, i in at.items() if name.startswith("\0row ")]
        earlier = [whole.columns[i].to_pylist() if i >= 0 else None for i in read]
        found, kept, wakes = Found(), _Kept(), []
        links, times, place = state.columns[1].to_pylist(), whole.columns[0].to_pylist(), places.tolist()
        for k in range(rows.keys):
            base = int(whole.starts[k])
            searches = Searches(shape, k, base, times, earlier)
            begin, end = int(state.starts[k]), int(state.starts[k + 1])
            searches.load([link for link in links[begin:end] if link is not None])
            for row in range(int(rows.starts[k]), int(rows.starts[k + 1])):
                searches.take(place[row], row, fits[row], [c[row] for c in beside], found)
            searches.expire(watermark, found)
            wakes.append(searches.wake)
            kept.add(searches)
        made, taken = found.done()
        columns = [whole.columns[0], *whole.columns[2:]]
        results = [*made.bounds(), *make(taken, lambda of: [column.take(pa.array(of)) for column in columns])]
        return Made(made.of, results, kept.rows(whole, kinds), [], np.array(wakes, np.int64), made.end)

    return Step(kinds, run)


def _fits(rows: Rows, at: dict[str, int], events: int) -> Any:
    """Return for each row which events fit it, as bits, as far as that is of the row alone."""
    bits = np.zeros(len(rows), np.int64)
    for i in range(events):
        if f"\0is {i}" in at:
            test = rows.columns[at[f"\0is {i}"]]
            test = test.fill_null(False if pa.types.is_boolean(test.type) else 0) if test.null_count else test
            bits |= (test.to_numpy(zero_copy_only=False) != 0).astype(np.int64) << i
        else:
            bits |= 1 << i
    return bits


def _by_number(shape: Shape, takes: dict[str, Any], held: dict[str, Any], events: int, make: _Aggregates) -> Step:
    """Return the step that moves searches as `linear` has them.

    Kept of a row are its time, events that fit, the logs that it is in, the ranges of the search that began with it, arguments.
    """
    at = {name: i for i, name in enumerate(takes)}
    elements = len(shape.elements)
    table = _table(shape)
    kinds: list[Any] = ["int64"] * (3 + 2 * elements) + [*held.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        place = places(state, rows)
        starts, before, index = place.starts, place.before, place.index
        old, size = np.diff(state.starts), len(index)
        kept = [column.to_numpy(zero_copy_only=False) for column in state.columns[: 3 + 2 * elements]]
        time = np.concatenate([kept[0], rows.time]).astype(np.int64, copy=False)[index]
        fits = np.concatenate([kept[1], _fits(rows, at, events)]).astype(np.int64, copy=False)[index]
        logged = np.zeros(size, np.int64)
        spans = np.full((size, 2 * elements), -1, np.int64)
        logged[before] = kept[2]
        for n in range(2 * elements):
            spans[before, n] = kept[3 + n]
        how = np.array([shape.within, shape.last, bool(shape.absent), watermark], np.int64)
        room = int(np.count_nonzero(spans[:, 0] >= 0) + np.count_nonzero(fits & table[0, 0]))
        logs = np.empty((elements, size), np.int64)
        queues = np.empty((elements, 3, int(np.diff(starts).max(initial=0))), np.int64)
        found = np.empty((room, 3 + 2 * elements), np.int64)
        wake = np.zeros(rows.keys, np.int64)
        count = linear.searching(len(rows))(
            *(starts, old, rows.starts[:-1], time, fits, logged, spans, table, how, logs),
            *(np.empty(elements, np.int64), np.empty(elements, np.int64), queues),
            *(np.empty((elements, 3, 2), np.int64), found, wake),
        )
        found = found[:count]

        def values(of: Any) -> list[Any]:
            both = zip(state.columns[3 + 2 * elements :], held.items(), strict=True)
            own = [_taken(before, rows.columns[at[name]], index[of], kind) for before, (name, kind) in both]
            return [pa.array(time[of], pa.int64()), *own]

        stays = np.flatnonzero(logged)
        ends = np.searchsorted(stays, starts)
        numbers = [time[stays], fits[stays], logged[stays], *(spans[stays, n] for n in range(2 * elements))]
        left = Rows(ends.astype(np.int64), [*(pa.array(n, pa.int64()) for n in numbers), *values(stays)[1:]])
        # rows that searches have in common are looked at for each of them
        sizes = (found[:, 4::2] - found[:, 3::2]).sum(axis=1)
        parts = [make(_ranged(found[a:b], logs, fits, shape), values) for a, b in pieces(sizes, _ROWS) or [(0, 0)]]
        made = [pa.concat_arrays(each) for each in zip(*parts, strict=True)]
        matches = Matches(*(column.copy() for column in found[:, :3].T))
        wakes = np.where(wake == 0, END, wake)
        return Made(matches.of, [*matches.bounds(), *made], left, [], wakes, matches.end)

    return Step(kinds, run)


def _table(shape: Shape) -> Any:
    """Return a pattern as `linear` takes it."""
    table = np.zeros((5, len(shape.elements)), np.int64)
    for e, element in enumerate(shape.elements):
        ((events, least, most),) = element.items
        forbidden = shape.absent if e == shape.end else shape.elements[e + 1].forbidden
        table[:, e] = _bits(events), _bits(forbidden), element.strict, least, most
    return table


def _bits(events: Sequence[int]) -> int:
    return sum(1 << event for event in set(events))


def _taken(kept: Any, given: Any, index: Any, kind: Any) -> Any:
    """Return the values at these places of what was kept and, behind that, what was given."""
    given = as_array(given, kind)
    whole = given if not len(kept) else pa.concat_arrays([as_array(kept, kind), given])
    return whole.take(pa.array(index))


def _ranged(found: Any, logs: Any, fits: Any, shape: Shape) -> Taken:
    """Return what the matches that `linear` has found have taken."""
    count, elements = len(found), len(shape.elements)
    lows, highs = found[:, 3::2].ravel(), found[:, 4::2].ravel()
    sizes = highs - lows
    element = np.repeat(np.tile(np.arange(elements), count), sizes)
    place = np.arange(int(sizes.sum())) + np.repeat(lows - (np.cumsum(sizes) - sizes), sizes)
    rows = logs[element, place]
    events = np.zeros(len(rows), np.int64)
    for e, each in enumerate(shape.elements):
        mine = element == e
        for event in reversed(each.items[0][0]):  # the first named is the last written
            events[mine & (fits[rows] >> event & 1 == 1)] = event
    counts = sizes.reshape(count, elements).sum(axis=1)
    return Taken(counts, rows, events)


@dataclass(slots=True)
class _Aggregates:
    """What makes the aggregates of matches."""

    takes: dict[str, Any]
    gives: dict[str, Any]
    functions: list[Fold]
    of: dict[str, int]

    def __call__(self, taken: Taken, values: Values) -> list[Any]:
        made: dict[str, Any] = {}
        for event in dict.fromkeys([None, *self.of.values()]):
            those = [fold for fold in self.functions if self.of.get(fold[0]) == event]
            if those:
                made |= zip((fold[0] for fold in those), self._over(those, *taken.by(event), values))
        return [made[fold[0]] for fold in self.functions]

    def _over(self, functions: list[Fold], rows: Any, counts: Any, values: Values) -> list[Any]:
        some = counts > 0
        stops = np.cumsum(counts)[some]
        ranges = Ranges(stops - counts[some], stops)
        made = folds(self.takes, self.gives, functions)(ranges, values(rows)[: 1 + len(self.takes)])
        if some.all():
            return made
        index = pa.array(np.where(some, np.cumsum(some) - 1, 0), mask=~some)
        return [self._filled(each, index, fold) for each, fold in zip(made, functions)]

    def _filled(self, made: Any, index: Any, fold: Fold) -> Any:
        """Return an aggregate of all matches, those among them in which its event took no row."""
        kind, empty = self.gives[fold[0]], _EMPTY.get(fold[1])
        if empty is None:
            return made.take(index)
        one = pa.array([empty], arrow_of(kind))
        whole = pa.concat_arrays([made.cast(one.type), one])
        return as_array(whole.take(index.fill_null(len(made))), kind)


class _Kept:
    """What is kept of keys: rows that open searches have taken, and behind them the searches."""

    def __init__(self) -> None:
        self.starts = [0]
        self.index: list[int | None] = []
        self.links: list[list[int] | None] = []

    def add(self, searches: Searches) -> None:
        """Keep what is open of the next key."""
        rows = sorted({row for search in searches for row, _ in search.taken})
        number = {row: i for i, row in enumerate(rows)}
        self.index += rows
        self.links += [None] * len(rows)
        for state, search in searches.open():
            self.index.append(None)
            self.links.append([*state, *(n for row, event in search.taken for n in (number[row], event))])
        self.starts.append(len(self.index))

    def rows(self, whole: Rows, kinds: Sequence[Any]) -> Rows:
        """Return it as rows of these types."""
        index = pa.array(self.index, pa.int64())
        columns = [column.take(index) for column in whole.columns]
        columns[1] = pa.array(self.links, arrow_of(kinds[1]))
        return Rows(np.array(self.starts, np.int64), columns)
