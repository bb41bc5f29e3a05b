"""Matches of a pattern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError, nearest
from caudal.core.types import TIMESTAMP, Field, Schema
from caudal.plan.captured import Reading, captured, parted
from caudal.plan.expr import Expr, Literal
from caudal.plan.nodes.base import NO_TIME, Aggregated, Aggregates, Own, Result, Role, refuse_calls
from caudal.plan.nodes.keyed import Keyed
from caudal.plan.patterns import MOST, Element, Event, Item, Pattern
from caudal.plan.python import calls
from caudal.plan.steps import TIMERS, KeyedStep, folding
from caudal.plan.windows import PINNED, Order

BOUNDS = ("match_start", "match_end")
"""Columns that every match has; no key or aggregate may take these names."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Match(Keyed):
    """A row for each match: its keys, times of its first and last row, aggregates over its rows or those of an event.

    `within`: how far first and last row may be apart in milliseconds, 0 for any time. `after`: what goes on behind a match:
    "last": what begins behind its last row, "next": everything else that has begun.
    """

    kind: ClassVar[str] = "match"
    pattern: Pattern
    within: int = 0
    after: str = "last"
    aggregates: Aggregates = ()
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not self.input.timed or self.order.arrival:
            raise PlanError("a pattern takes rows in the order of event time, and there is none", hint=NO_TIME)
        source = self.input.schema
        self._check_pattern(source)
        if self.after not in ("last", "next"):
            raise PlanError(f"after is 'last' or 'next', not {self.after!r}", hint='after="last"')
        names = [event.name for event in self.pattern.taking]
        for name, aggregate in self.aggregates:
            if aggregate.of and aggregate.of not in names:
                raise self._unknown(aggregate.of, f"{name}={aggregate}")
        refuse_calls([*self.order.by, *(e for _, a in self.aggregates for e in a.expressions())])
        fields = self.key_fields()
        for name in (*(f.name for f in fields), *(name for name, _ in self.aggregates)):
            if name in BOUNDS:
                raise PlanError(f"'{name}' is the name of a column that every match has", hint="choose another name")
        fields += [Field(name, TIMESTAMP) for name in BOUNDS]
        return Schema([*fields, *(Field(n, a.dtype(source)) for n, a in self._plain())]), True

    @property
    def ordering(self) -> Order | None:
        return self.order

    @property
    def needs_end(self) -> str:
        return "" if self.within else "a pattern without within= would wait for ever for what it has begun with"

    @property
    def step(self) -> KeyedStep:
        source = self.input.schema
        events = self.pattern.events
        number = {event.name: i for i, event in enumerate(events)}
        reading, alone, beside = _read(self.pattern, source)
        given = [(f"\0is {i}", expr) for i, expr in alone.items()]
        given += [(f"\0row {i}", expr) for i, expr in enumerate(reading.rows)]
        earlier: list[tuple[Any, ...]] = []
        for i, each in enumerate(reading.earlier):
            made = each.aggregate
            given += [] if made.argument is None else [(f"\0of {i}", made.argument)]
            takes = None if made.argument is None else made.argument.dtype(source).spec
            kinds = (takes, each.dtype_over(source).spec)
            earlier.append((number[made.of], made.function, dict(made.options), kinds))
        arguments, results, functions, needs = folding(self._plain(), source, self.order)
        of = {name: number[a.of] for name, a in self.aggregates if a.of}
        needs = tuple({*needs, *(f"aggregates.{f}" for _, f, _, _ in earlier if _gathered(f))})
        options = (
            ("elements", [_element(element, number) for element in self.pattern.elements]),
            ("absent", [number[event.name] for event in self.pattern.absent]),
            ("events", len(events)),
            ("beside", beside),
            ("earlier", earlier),
            ("within", self.within),
            ("after", self.after),
            ("functions", functions),
            ("of", of),
        )
        # several matches that end at one row stand in one place, which only such a step may say
        alone_at = TIMERS if self.pattern.absent or self.after == "next" else ""
        grows = None if self.within else ("patterns without within=", "what has begun would be kept for ever")
        made_fields = (*(Field(name, TIMESTAMP) for name in BOUNDS), *results)
        return KeyedStep(
            "match",
            (*given, *arguments),
            made_fields,
            options,
            drops=True,
            gathers=True,
            alone=alone_at,
            grows=grows,
            needs=needs,
        )

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield from Keyed.roles(self)
        for event in self.pattern.events:
            if event.condition is not None:
                yield Role.EVENT, event.condition

    def results(self) -> Mapping[str, Result]:
        made = {name: Aggregated(aggregate) for name, aggregate in self._plain()}
        return {**self.keyed(), **dict.fromkeys(BOUNDS, Own()), **made}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads."""
        read = [expr.columns() for _, expr in self.roles()]
        return frozenset().union(*read, *(aggregate.reads() for _, aggregate in self.aggregates))

    def describe(self) -> str:
        shown = ", ".join(f"{name}={aggregate}" for name, aggregate in self.aggregates)
        within = duration.show(self.within) if self.within else "any time"
        return f"{self.show_keys()}{self.pattern} within {within}, after {self.after}" + (f": {shown}" if shown else "")

    def details(self) -> Iterator[str]:
        yield self.describe()
        for event in self.pattern.events:
            yield f"event {event.name}: {'any row' if event.condition is None else event.condition}"

    # -- what cannot be ----------------------------------------------------------------------------------------------

    def _plain(self) -> Aggregates:
        """Return the aggregates as those of their rows, whichever these are."""
        return tuple((name, replace(aggregate, of="")) for name, aggregate in self.aggregates)

    def _unknown(self, name: str, where: str) -> PlanError:
        if name in [event.name for event in self.pattern.events]:
            return PlanError(
                f"'{name}' must not occur: it has no rows", detail=where, hint="of= names an event that takes rows"
            )
        known = [event.name for event in self.pattern.taking]
        return PlanError(
            f"the pattern has no event '{name}'", detail=where, hint=nearest(name, known) or ", ".join(known)
        )

    def _check_pattern(self, source: Schema) -> None:
        if not self.pattern.elements:
            raise PlanError("a pattern needs an event", hint='cd.event("fail", col("code") == 401).times(5)')
        names: set[str] = set()
        for event in self.pattern.events:
            if not event.name or not isinstance(event.name, str):
                raise PlanError("an event needs a name", hint='cd.event("fail", col("code") == 401)')
            if event.name in names:
                raise PlanError(f"two events are called '{event.name}'", hint="give each a name of its own")
            names.add(event.name)
        for element in self.pattern.elements:
            for item in element.items:
                _check_times(item)
        if self.pattern.elements[0].strict or self.pattern.elements[0].forbidden:
            raise PlanError("a pattern begins with an event that occurs", hint="put ~ behind one")
        if self.within < 0:
            raise PlanError("within must be greater than zero", hint='within="10m"')
        if self.pattern.absent and not self.within:
            raise PlanError("what must not come needs a time until when", hint='within="10m"')
        for place, event in self.pattern.placed():
            self._check_condition(place, event, source)
        self._check_possible()

    def _check_condition(self, place: int, event: Event, source: Schema) -> None:
        if event.condition is None:
            return
        earlier = [each.name for element in self.pattern.elements[:place] for each in element.events]
        for each in captured(event.condition):
            of = each.aggregate.of
            if of not in [known.name for known in self.pattern.taking]:
                raise self._unknown(of, f"event {event.name}: {event.condition}")
            if of not in earlier:
                raise PlanError(
                    f"the event '{of}' does not come before '{event.name}'",
                    detail=f"event {event.name}: {event.condition}",
                    hint=f"before it come: {', '.join(earlier)}" if earlier else "the first event has none before it",
                )
            if each.aggregate.order_by:
                raise PlanError(f"{each} takes rows as they came", hint="leave out order_by")
        try:
            for called in calls(event.condition):
                if captured(called):
                    raise called.function.error(
                        f"{called.function.name}() cannot be computed of an earlier event",
                        detail=f"in {event.condition}",
                        hint=f"call it with what the row has: cd.max({called.function.name}(col('bytes')), of='small')",
                    )
            refuse_calls([event.condition])
            dtype = Reading(source, [], []).typed(event.condition)
            if dtype.name != "bool":
                raise PlanError(f"a condition is true or false, not a {dtype}", hint='col("code") == 401')
            reading = Reading(source, [], [])
            for part in parted(event.condition)[1]:
                reading.read(part)
                reading.program(part)
        except PlanError as error:
            raise error.at(f"event '{event.name}'") from None

    def _check_possible(self) -> None:
        first, *others = self.pattern.elements
        for event in self.pattern.taking:
            if _never(event):
                raise PlanError(f"the pattern can never match: no row is '{event.name}'", detail=f"{event.condition}")
        if not others and not self.pattern.absent and len(first.items) == 1 and first.items[0].least == 1:
            always = [event for event in first.events if _always(event)]
            if always:
                raise PlanError(
                    f"the pattern matches every row: '{always[0].name}' has no condition",
                    hint="give it one, or times(n)",
                )
        for element in others:
            for event in element.forbidden:
                if _always(event) or all(_same(event, each) for each in element.events):
                    raise PlanError(
                        f"the pattern can never match: whatever comes next, '{event.name}' forbids it",
                        hint="the very next row is asked for by a.then(b)" if _always(event) else "",
                    )


def _check_times(item: Item) -> None:
    bounds = [item.least, item.least if item.most is None else item.most]
    if any(not isinstance(n, int) or isinstance(n, bool) for n in bounds) or item.least < 1:
        raise PlanError(
            f"times takes numbers of rows from 1 on, not {item.least!r}", hint="times(5), times(2, 8), times(3, None)"
        )
    if max(bounds) > MOST:
        raise PlanError(f"times takes numbers of rows up to {MOST:,}", hint="times(3, None): any number")
    if bounds[1] < item.least:
        raise PlanError(f"times({item.least}, {item.most}) is no range", hint=f"times({item.most}, {item.least})")


def _read(pattern: Pattern, source: Schema) -> tuple[Reading, dict[int, Expr], dict[int, Any]]:
    """Return what conditions read of earlier events, and by the numbers of events what is of the row alone, and what is not."""
    reading = Reading(source, [], [])
    alone: dict[int, Expr] = {}
    parts: dict[int, Expr] = {}
    for i, event in enumerate(pattern.events):
        if event.condition is None:
            continue
        own, others = parted(event.condition)
        if own:
            alone[i] = _all(own)
        if others:
            parts[i] = _all(others)
            reading.read(parts[i])
    return reading, alone, {i: reading.program(expr) for i, expr in parts.items()}


def _all(parts: list[Expr]) -> Expr:
    whole, *others = parts
    for each in others:
        whole = whole & each
    return whole


def _element(element: Element, number: Mapping[str, int]) -> tuple[Any, ...]:
    """Return an element for the step: whether it is strict, what is forbidden before it, its items."""
    items = [([number[event.name] for event in item.events], item.least, item.most or 0) for item in element.items]
    return element.strict, [number[event.name] for event in element.forbidden], items


def _gathered(function: str) -> bool:
    from caudal.plan.aggregates import FUNCTIONS

    return FUNCTIONS[function].gathered


def _never(event: Event) -> bool:
    """Whether no row can fit: a part of the condition is never true."""
    if event.condition is None:
        return False
    return any(isinstance(part, Literal) and part.value is not True for part in parted(event.condition)[0])


def _always(event: Event) -> bool:
    """Whether every row fits."""
    if event.condition is None:
        return True
    own, others = parted(event.condition)
    return not others and all(isinstance(part, Literal) and part.value is True for part in own)


def _same(one: Event, other: Event) -> bool:
    """Whether both have the same condition."""
    if one.condition is None or other.condition is None:
        return one.condition is other.condition
    return one.condition.same(other.condition)
