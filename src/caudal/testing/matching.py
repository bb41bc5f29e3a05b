"""Patterns as the oracle sees them: every search that has begun is tried with every row of its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from caudal.core.types import Field, Schema
from caudal.plan.captured import Captured, captured, substituted
from caudal.plan.expr import Column
from caudal.plan.nodes import Match
from caudal.plan.patterns import Element, Event
from caudal.testing.folding import aggregated
from caudal.testing.rows import Row, by_key, keys_of
from caudal.testing.scalars import evaluate, ordering


@dataclass(eq=False, slots=True)
class _Search:
    """A search: the element where it stands, places of its first and last row, and of all that it has taken event and row."""

    stands: int
    place: int
    last: int
    taken: list[tuple[Event, Row]] = field(default_factory=list[tuple[Event, Row]])

    def rows(self, name: str = "") -> list[Row]:
        """Return the rows taken, by the event of this name if one is given."""
        return [row for event, row in self.taken if name in ("", event.name)]

    def count(self, events: tuple[Event, ...]) -> int:
        """Return how many rows these events have taken."""
        return sum(any(event is each for each in events) for event, _ in self.taken)


def matches(node: Match, rows: list[Row]) -> list[Row]:
    """Return the matches in all rows, which stand in pinned order, each in its place."""
    found: list[tuple[tuple[Any, ...], Row]] = []
    for mine in by_key(node, rows).values():
        names = keys_of(node, mine[0][1])[1]
        for number, (search, place, last) in enumerate(_of_key(node, mine)):
            first = search.rows()[0].time
            end = last.time if last is not None else _end(node, search)
            values = {**names, "match_start": first, "match_end": end}
            for name, aggregate in node.aggregates:
                values |= aggregated([(name, aggregate)], search.rows(aggregate.of), node.input.schema)
            if last is not None:
                found.append(((last.time, 0, place, number), last.having(values)))
            else:
                order = (end, 1, *map(ordering, names.values()), number)
                found.append((order, Row(values, end, None, "", "", 0)))
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _of_key(node: Match, rows: list[tuple[int, Row]]) -> list[tuple[_Search, int, Row | None]]:
    """Return the searches that one key's rows fulfil, each with the row that ends it and its place, or None at the end of its time."""
    open_: list[_Search] = []
    found: list[tuple[_Search, int, Row | None]] = []
    for place, row in rows:
        _pass_time(node, open_, row.time, found)
        matched = False
        for search in list(open_):
            if search not in open_:
                continue
            count = len(search.taken)
            goes_on = _end(node, search) >= _time(row) if node.within else True
            goes_on = goes_on and _try(node, search, row)
            search.last = place if len(search.taken) > count else search.last
            if not goes_on:
                open_.remove(search)
            elif _complete(node, search) and not node.pattern.absent:
                matched = True
                found.append((search, place, row))
                open_.remove(search)
                if node.after == "last":
                    open_.clear()
        if matched and node.after == "last":
            continue
        event = _fitting(node, 0, row, _Search(0, place, place))
        if event is not None:
            search = _Search(0, place, place, [(event, row)])
            if _complete(node, search) and not node.pattern.absent:
                found.append((search, place, row))
                if node.after == "last":
                    open_.clear()
            else:
                open_.append(search)
    _pass_time(node, open_, None, found)
    return found


def _pass_time(
    node: Match, open_: list[_Search], time: int | None, found: list[tuple[_Search, int, Row | None]]
) -> None:
    """End the searches whose time is over before a moment, None for the end of data; what only waited is fulfilled."""
    while node.within:
        over = [search for search in open_ if time is None or _end(node, search) < time]
        if not over:
            return
        search = min(over, key=lambda each: _end(node, each))
        open_.remove(search)
        if node.pattern.absent and _complete(node, search):
            found.append((search, 0, None))
            if node.after == "last":
                open_[:] = [each for each in open_ if each.place > search.last]


def _end(node: Match, search: _Search) -> int:
    return _time(search.rows()[0]) + node.within


def _time(row: Row) -> int:
    assert row.time is not None
    return row.time


def _counts_enough(element: Element, search: _Search) -> bool:
    return all(search.count(item.events) >= item.least for item in element.items)


def _complete(node: Match, search: _Search) -> bool:
    elements = node.pattern.elements
    return search.stands == len(elements) - 1 and _counts_enough(elements[-1], search)


def _try(node: Match, search: _Search, row: Row) -> bool:
    """Try a row against a search; return whether it goes on."""
    elements = node.pattern.elements
    here = elements[search.stands]
    following = elements[search.stands + 1] if search.stands + 1 < len(elements) else None
    enough = _counts_enough(here, search)
    if enough:
        forbidden = node.pattern.absent if following is None else following.forbidden
        if any(_fits(node, event, row, search) for event in forbidden):
            return False
        event = None if following is None else _fitting(node, search.stands + 1, row, search)
        if event is not None:
            search.stands += 1
            search.taken.append((event, row))
            return True
    for item in here.items:
        if item.most is not None and search.count(item.events) >= item.most:
            continue
        for event in item.events:
            if _fits(node, event, row, search):
                search.taken.append((event, row))
                return True
    return not (enough and following is not None and following.strict)


def _fitting(node: Match, element: int, row: Row, search: _Search) -> Event | None:
    """Return the first named event of an element that fits a row."""
    for event in node.pattern.elements[element].events:
        if _fits(node, event, row, search):
            return event
    return None


def _fits(node: Match, event: Event, row: Row, search: _Search) -> bool:
    if event.condition is None:
        return True
    schema = node.input.schema
    values, fields = dict(row.values), [*schema]
    names: dict[int, str] = {}
    for each in captured(event.condition):
        name = names[id(each)] = f"earlier {len(names)}"
        rows = search.rows(each.aggregate.of)
        values |= aggregated([(name, each.aggregate)], rows, schema)
        fields.append(Field(name, each.dtype_over(schema)))

    def column(each: Captured) -> Column:
        return Column(names[id(each)])

    return evaluate(substituted(event.condition, column), values, Schema(fields)) is True
