"""Searches for a pattern in the rows of a key, one row after another: what has begun, what that becomes, what it has found.

Searches stand in the order in which they began. Neighbours in the same state are moved together, so a row costs as much as there are
states, however many searches there are; where a condition reads what a search has taken, each is moved by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.steps.contract import END
from caudal.worker.steps.programs import aggregate, computed

Item = tuple[list[int], int, int]
"""Events, the least and the most rows that they take; 0: any number."""


Earlier = tuple[int, str, dict[str, Any], tuple[Any, Any]]
"""What is read of the rows that an event took: the event, the function, its options, types of argument and result."""


@dataclass(frozen=True, slots=True)
class Element:
    """A place of a pattern; see `match`."""

    strict: bool
    forbidden: list[int]
    items: list[Item]

    def complete(self, counts: tuple[int, ...]) -> bool:
        """Whether so many rows of its items are enough."""
        return all(count >= least for count, (_, least, _) in zip(counts, self.items))


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern as the step is told it; see `match`. `earlier`: event, function, options, types of argument and result."""

    elements: tuple[Element, ...]
    absent: tuple[int, ...]
    within: int
    last: bool
    beside: dict[int, Any]
    earlier: list[Earlier]

    @property
    def end(self) -> int:
        """The number of the last element."""
        return len(self.elements) - 1


@dataclass(slots=True)
class Search:
    """What has begun with a row: the rows taken, each with the event that it was taken as; what it read of them."""

    begun: int
    taken: list[tuple[int, int]]
    read: dict[int, tuple[int, Any]] = field(default_factory=dict[int, tuple[int, Any]])


State = tuple[int, tuple[int, ...]]
"""The number of the element that a search stands at, and how many rows each of its items has."""


class Found:
    """Matches: the row that each is of, or -1 - k; times; the rows of each, one match behind the other, and their events."""

    def __init__(self) -> None:
        self.of: list[int] = []
        self.start: list[int] = []
        self.end: list[int] = []
        self.counts: list[int] = []
        self.rows: list[int] = []
        self.events: list[int] = []

    def add(self, of: int, start: int, end: int, taken: list[tuple[int, int]]) -> None:
        """Take in a match."""
        self.of.append(of)
        self.start.append(start)
        self.end.append(end)
        self.counts.append(len(taken))
        for row, event in taken:
            self.rows.append(row)
            self.events.append(event)

    def done(self) -> tuple[Matches, Taken]:
        """Return them as arrays."""
        of, start, end, *taken = (
            np.array(each, np.int64) for each in (self.of, self.start, self.end, self.counts, self.rows, self.events)
        )
        return Matches(of, start, end), Taken(*taken)


@dataclass(slots=True)
class Matches:
    """Matches as arrays, as `Found` has them."""

    of: Any
    start: Any
    end: Any

    def bounds(self) -> list[Any]:
        """Return the times of first and last rows."""
        return [pa.array(times, pa.int64()) for times in (self.start, self.end)]


@dataclass(slots=True)
class Taken:
    """What matches have taken, as arrays, as `Found` has them."""

    counts: Any
    rows: Any
    events: Any

    def by(self, event: int | None) -> tuple[Any, Any]:
        """Return the rows that an event took (None: all), one match behind the other, and how many of each match."""
        if event is None:
            return self.rows, self.counts
        mine = self.events == event
        owner = np.repeat(np.arange(len(self.counts)), self.counts)
        return self.rows[mine], np.bincount(owner[mine], minlength=len(self.counts)).astype(np.int64)


class Searches:
    """The searches of a key. `base`: where its rows begin; `times`, `earlier`: of all rows, what they have that is read later."""

    def __init__(self, shape: Shape, key: int, base: int, times: list[int], earlier: list[list[Any] | None]) -> None:
        self.shape = shape
        self.key = key
        self.base = base
        self.times = times
        self.earlier = earlier
        self._groups: list[tuple[State, list[Search]]] = []
        self._row: list[Any] = []

    def __iter__(self) -> Iterator[Search]:
        return (search for _, searches in self._groups for search in searches)

    @property
    def wake(self) -> int:
        """The watermark at which the oldest is over."""
        if not self._groups or not self.shape.within:
            return END
        return min(self.times[self._groups[0][1][0].begun] + self.shape.within + 1, END)

    # -- what is kept

    def load(self, kept: list[list[int]]) -> None:
        """Go on with searches that were kept."""
        for element, *rest in kept:
            items = len(self.shape.elements[element].items)
            counts, rows = tuple(rest[:items]), rest[items:]
            taken = [(self.base + row, event) for row, event in zip(rows[::2], rows[1::2])]
            self._join(self._groups, (element, counts), [Search(taken[0][0], taken)])

    def open(self) -> Iterator[tuple[list[int], Search]]:
        """Yield each search with its state."""
        for (element, counts), searches in self._groups:
            for search in searches:
                yield [element, *counts], search

    # -- rows

    def take(self, row: int, of: int, fits: int, beside: list[Any], found: Found) -> None:
        """Take the next row: `of` is its number for what is found, `fits` the events that it may be."""
        self._row = beside
        self.expire(self.times[row], found)
        before, self._groups = self._groups, []
        groups: list[tuple[State, list[Search]]] = []
        for state, searches in before:
            moved = self._moved(state, searches[0], fits)
            if moved is None:
                continue
            following, event = moved
            if event >= 0:
                for search in searches:
                    search.taken.append((row, event))
                if self._done(following):
                    if self._matched(of, row, searches, found):
                        return
                    continue
            self._join(groups, following, searches)
        self._groups = groups
        self._begin(row, of, fits, found)

    def _begin(self, row: int, of: int, fits: int, found: Found) -> None:
        first = self._first(0, fits, None)
        if first is None:
            return
        state, event = first
        search = Search(row, [(row, event)])
        if not self._done(state):
            self._join(self._groups, state, [search])
        elif self._matched(of, row, [search], found):
            self._groups = []

    def _matched(self, of: int, row: int, searches: list[Search], found: Found) -> bool:
        """Note what has been found; return whether nothing else goes on."""
        for search in searches[:1] if self.shape.last else searches:
            found.add(of, self.times[search.begun], self.times[row], search.taken)
        return self.shape.last

    def _done(self, state: State) -> bool:
        element, counts = state
        return element == self.shape.end and not self.shape.absent and self.shape.elements[element].complete(counts)

    def _moved(self, state: State, search: Search, fits: int) -> tuple[State, int] | None:
        """Return the state of a search behind the row and the event that took it, -1 for none; None where it ends."""
        element, counts = state
        here, last = self.shape.elements[element], element == self.shape.end
        complete = here.complete(counts)
        if complete:
            forbidden = self.shape.absent if last else self.shape.elements[element + 1].forbidden
            if any(self._is(event, fits, search) for event in forbidden):
                return None
            following = None if last else self._first(element + 1, fits, search)
            if following is not None:
                return following
        for i, (events, _, most) in enumerate(here.items):
            if most and counts[i] >= most:
                continue
            for event in events:
                if self._is(event, fits, search):
                    return (element, (*counts[:i], counts[i] + 1, *counts[i + 1 :])), event
        if complete and not last and self.shape.elements[element + 1].strict:
            return None
        return state, -1

    def _first(self, element: int, fits: int, search: Search | None) -> tuple[State, int] | None:
        """Return the state of a search whose row is the first of an element, and the event that took it."""
        items = self.shape.elements[element].items
        for i, (events, _, _) in enumerate(items):
            for event in events:
                if self._is(event, fits, search):
                    return (element, tuple(int(i == n) for n in range(len(items)))), event
        return None

    def _is(self, event: int, fits: int, search: Search | None) -> bool:
        if not fits >> event & 1:
            return False
        program = self.shape.beside.get(event)
        if program is None or search is None:
            return True
        return computed(program, self._row, lambda number: self._read(search, number)) is True

    def _join(self, groups: list[tuple[State, list[Search]]], state: State, searches: list[Search]) -> None:
        if groups and not self.shape.beside and groups[-1][0] == state:
            groups[-1][1].extend(searches)
        else:
            groups.append((state, searches))

    # -- time

    def expire(self, time: int, found: Found) -> None:
        """End what cannot go on at a time: it is fulfilled where it only waited that nothing comes."""
        within, shape = self.shape.within, self.shape
        while within and self._groups:
            (element, counts), searches = self._groups[0]
            oldest = searches[0]
            end = self.times[oldest.begun] + within
            if end >= time:
                return
            self._drop()
            if element == shape.end and shape.absent and shape.elements[element].complete(counts):
                found.add(-1 - self.key, self.times[oldest.begun], end, oldest.taken)
                while shape.last and self._groups and self._groups[0][1][0].begun <= oldest.taken[-1][0]:
                    self._drop()

    def _drop(self) -> None:
        """Let the oldest go."""
        searches = self._groups[0][1]
        if len(searches) == 1:
            del self._groups[0]
        else:
            del searches[0]

    # -- what was read of earlier events

    def _read(self, search: Search, number: int) -> Any:
        event, function, options, kinds = self.shape.earlier[number]
        known = search.read.get(number)
        if known is not None and known[0] == len(search.taken):
            return known[1]
        rows = [row for row, taken in search.taken if taken == event]
        given = self.earlier[number]
        value = aggregate(function, options, kinds, [given[row] if given is not None else 1 for row in rows])
        search.read[number] = len(search.taken), value
        return value
