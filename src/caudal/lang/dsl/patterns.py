"""Patterns: events, and what follows what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import Misuse, PlanError
from caudal.lang.dsl import instead
from caudal.lang.dsl.lifting import lift, lifted, lifted_aggregates
from caudal.lang.dsl.windows import condition as conditioned
from caudal.lang.dsl.windows import ordering
from caudal.plan.aggregates import Aggregate
from caudal.plan.called import answered, answered_methods
from caudal.plan.captured import of_the_row
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import Named, Node
from caudal.plan.nodes.match import Match
from caudal.plan.patterns import Element, Event, Item
from caudal.plan.patterns import Pattern as Told

if TYPE_CHECKING:
    from caudal.lang.dsl.stream import Stream

_EXAMPLE = 'cd.event("fail", col("code") == 401).times(5) >> cd.event("ok", col("code") == 200)'


@answered_methods
class Pattern:
    """A pattern: an event, or several that follow one another. What it matches is looked for by `.match(...)`.

    `a >> b`: b comes after a, whatever lies between. `a | b`: one of both; a row that fits both is the first's. `~a`: a does not
    occur, between two events, or at the end: `a >> ~b >> c`, `a >> ~b`.
    """

    def __init__(self, told: Told) -> None:
        self.told = told

    def __repr__(self) -> str:
        return f"Pattern({self.told})"

    def times(self, least: int, most: Any = ...) -> Pattern:
        """The event so many times, or `least` to `most` times (None: any number), whatever lies between."""
        item = _single(self, ".times(...)")
        if (item.least, item.most) != (1, 1):
            raise PlanError(f"{self.told} has its times already", hint="times(2, 8)")
        made = replace(item, least=least, most=least if most is ... else most)
        for n in (least, made.most):
            if n is not None and (not isinstance(n, int) or isinstance(n, bool)):
                raise PlanError(f"times takes numbers of rows, not {n!r}", hint="times(5), times(2, 8), times(3, None)")
        if least < 1:
            raise PlanError(f"an event occurs once or more, not {least} times", hint="~event: it does not occur")
        if made.most is not None and made.most < least:
            raise PlanError(f"times({least}, {made.most}) is no range", hint=f"times({made.most}, {least})")
        return Pattern(Told((Element((made,)),)))

    def then(self, following: Pattern) -> Pattern:
        """What follows with the very next row of the key."""
        if isinstance(following, Absent):
            raise PlanError(
                "then takes an event that occurs", hint="a >> ~b >> c: no b between; a >> ~b: none until within is over"
            )
        return self._joined(following, True)

    def __rshift__(self, following: Any) -> Pattern:
        if isinstance(following, Absent):
            return Pattern(replace(self.told, absent=(*self.told.absent, *following.events)))
        return self._joined(following, False)

    def __or__(self, other: Any) -> Pattern:
        if not isinstance(other, Pattern):
            raise PlanError(f"| takes events that occur, not {_kind(other)}", hint='a | cd.event("mfa", ...)')
        items = [_single(each, "|") for each in (self, other)]
        for item in items:
            if (item.least, item.most) != (1, 1):
                raise PlanError(f"one of several events has no times of its own: {item}", hint="(a | b).times(5)")
        return Pattern(Told((Element((Item((*items[0].events, *items[1].events)),)),)))

    def __invert__(self) -> Absent:
        item = _single(self, "~")
        if (item.least, item.most) != (1, 1):
            raise PlanError(
                f"that {item} does not occur cannot be said", hint="~ takes an event, or one of several: ~(a | b)"
            )
        return Absent(item.events)

    def __and__(self, other: Any) -> Any:
        raise PlanError(
            "events are not joined by &", hint="cd.all_of(a, b): both, in any order; a >> b: one after the other"
        )

    def __bool__(self) -> bool:
        raise Misuse("a pattern has no truth value", hint="write a >> b, a | b, ~a, cd.all_of(a, b)")

    def _joined(self, following: Any, strict: bool) -> Pattern:
        if not isinstance(following, Pattern):
            raise PlanError(f"what follows is an event or a pattern, not {_kind(following)}", hint=_EXAMPLE)
        first, *others = following.told.elements
        first = replace(first, strict=strict, forbidden=self.told.absent)
        return Pattern(Told((*self.told.elements, first, *others), following.told.absent))


class Absent:
    """An event that does not occur: it stands behind another."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.events = events

    def __repr__(self) -> str:
        return f"~({' | '.join(event.name for event in self.events)})"

    def first(self, *_: Any) -> Any:
        """Raise: nothing begins with it."""
        raise PlanError(
            f"a pattern begins with an event that occurs, not with {self!r}", hint="a >> ~b >> c, or a >> ~b at the end"
        )

    __rshift__ = __or__ = __and__ = __invert__ = then = times = first

    def __bool__(self) -> bool:
        raise Misuse("a pattern has no truth value", hint="write a >> b, a | b, ~a, cd.all_of(a, b)")


@answered
def event(name: str, condition: Expr | str | None = None) -> Pattern:
    """A row of the key for which a condition (an expression, or SQL text) is true; without one, any row.

    The condition may read what rows of events before it had: `col("bytes") > 10 * cd.first("bytes", of="small")`.
    """
    if not isinstance(name, str) or not name:
        raise PlanError(f"an event needs a name first, not {_kind(name)}", hint='cd.event("fail", col("code") == 401)')
    if isinstance(condition, Aggregate):
        condition = condition.as_expression()
    made = None if condition is None else conditioned(condition)
    return Pattern(Told((Element((Item((Event(name, made),)),)),)))


@answered
def all_of(*events: Pattern) -> Pattern:
    """All of these events, in any order; a row that fits several is the first's that still waits for one."""
    for each in events:
        if isinstance(each, Absent):
            raise PlanError(
                f"all_of takes events that occur, not {each!r}", hint="cd.all_of(a, c) >> ~b: no b behind them"
            )
    if len(events) < 2:
        raise PlanError("all_of takes two events or more", hint="cd.all_of(a, b)")
    return Pattern(Told((Element(tuple(_single(each, "all_of") for each in events)),)))


@answered_methods
class Matched:
    """A pattern over keys, waiting for aggregates."""

    def __init__(self, node: Node, keys: Named, given: Mapping[str, Any]) -> None:
        self.node = node
        self.keys = keys
        self.given = given

    def __repr__(self) -> str:
        return f"Matched({self.given['pattern']}: waits for .agg(...))"

    def __getattr__(self, name: str) -> Any:
        raise instead.of_unfinished(self, name)

    def agg(self, *unnamed: Any, name: str = "", **aggregates: Aggregate) -> Stream:
        """One row for each match: keys, match_start, match_end, and aggregates over its rows.

        With `of=` over those that an event took: `fails=cd.count(of="fail")`. A match has the event time of its last row; one
        that ends with what did not occur that of the moment when that was sure, which is its match_end.
        """
        from caudal.lang.dsl.stream import Stream

        instead.refuse_aggregates(unnamed, aggregates)
        node, folded = lifted_aggregates(self.node, aggregates)
        return Stream(Match(name=name, input=node, keys=self.keys, aggregates=folded, **self.given))


def matched(node: Node, keys: Named, pattern: Any, within: Duration | None, after: str, order_by: Any) -> Matched:
    """Return what looks for a pattern; see `Grouped.match`."""
    if isinstance(pattern, Absent):
        pattern.first()
    if not isinstance(pattern, Pattern):
        raise PlanError(f"match takes a pattern, not {_kind(pattern)}", hint=f'.match({_EXAMPLE}, within="10m")')
    length = 0 if within is None else duration.parse(within, what="within")
    if within is not None and length <= 0:
        raise PlanError("within must be greater than zero", hint='within="10m"')
    node, keys, order = lifted(node, keys, ordering(order_by, "event_time"))
    node, told = _lifted_conditions(node, pattern.told)
    return Matched(node, keys, {"pattern": told, "within": length, "after": after, "order": order})


def _lifted_conditions(node: Node, told: Told) -> tuple[Node, Told]:
    """Return node and pattern of which no condition calls a Python function of the row alone."""
    given = [(event, event.condition) for event in told.events if event.condition is not None]
    parts: list[tuple[str, Expr]] = []
    for event, test in given:

        def part(expr: Expr, label: str = f"is_{event.name}") -> Expr:
            parts.append((label, expr))
            return expr

        of_the_row(test, part)
    node, found = lift(node, parts)
    exprs = iter(expr for _, expr in found)
    made = {id(event): replace(event, condition=of_the_row(test, lambda _: next(exprs))) for event, test in given}
    return node, _with(told, made)


def _with(told: Told, made: Mapping[int, Event]) -> Told:
    """Return a pattern with other events in the place of these."""

    def those(events: tuple[Event, ...]) -> tuple[Event, ...]:
        return tuple(made.get(id(each), each) for each in events)

    elements = [
        replace(
            element,
            items=tuple(replace(item, events=those(item.events)) for item in element.items),
            forbidden=those(element.forbidden),
        )
        for element in told.elements
    ]
    return Told(tuple(elements), those(told.absent))


def _single(pattern: Any, what: str) -> Item:
    """Return the only item of a pattern; raises `PlanError` where it is more than that."""
    if isinstance(pattern, Absent):
        pattern.first()
    if not isinstance(pattern, Pattern):
        raise PlanError(f"{what} takes an event, not {_kind(pattern)}", hint='cd.event("fail", col("code") == 401)')
    element, *others = pattern.told.elements
    absent = pattern.told.absent
    item, *more = element.items
    if others or absent or more:
        raise PlanError(
            f"{what} takes an event, or one of several, not {pattern.told}",
            hint="put brackets around what belongs together: a >> (b | c), a >> b.times(5)",
        )
    return item


def _kind(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)[:80]
