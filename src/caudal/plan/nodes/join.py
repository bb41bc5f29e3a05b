"""Pairs of rows of two streams that are near in event time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr, lit
from caudal.plan.nodes.base import NO_TIME, Aggregated, Node, Result, Role
from caudal.plan.nodes.keyed import Keyed
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.plan.windows import PINNED, Order

HOW = ("inner", "left", "right", "full", "semi", "anti")
"""Which rows come out: pairs; those without a partner too, of the left, the right, or both sides; left rows that have one, or none."""

LEFT, RIGHT = "left", "right"
"""What `Join.side` says of a row."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TwoSided(Keyed):
    """What operators over two streams share.

    `input`: the rows of both sides. Each has its own side's columns, null in those of the other; keys; and in `side` which
    it is of. `left`, `right`: the columns of each that are no keys.
    """

    side: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield from Keyed.roles(self)
        yield Role.FILTER, Column(self.side)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Join(TwoSided):
    """Pairs of rows l and r of one key where lower <= time of r - time of l <= upper, in milliseconds; see `HOW`.

    `nulls`: whether null keys match.
    """

    kind: ClassVar[str] = "join"
    lower: int
    upper: int
    how: str = "inner"
    nulls: bool = False

    def derive(self) -> tuple[Schema, bool]:
        if self.how not in HOW:
            raise PlanError(f"how='{self.how}' is no kind of join", hint=f"one of {', '.join(HOW)}")
        if self.lower > self.upper:
            raise PlanError(
                "the interval of a join ends before it begins",
                detail=f"{_shown(self.lower)} to {_shown(self.upper)}",
                hint='within=("-5s", "60s"): from 5 s before the left row to 60 s behind it; "60s" is both ways',
            )
        if not self.input.timed:
            raise PlanError("a join needs event time on both sides", hint=NO_TIME)
        self.key_fields()
        return Schema([field for field in self.input.schema if field.name in self._passed]), True

    @property
    def _passed(self) -> frozenset[str]:
        """The columns that come out."""
        one_sided = self.how in ("semi", "anti")
        return frozenset((*self._shared, *self.left, *(() if one_sided else self.right)))

    @property
    def _shared(self) -> tuple[str, ...]:
        """The keys that are columns of both sides."""
        return tuple(name for name, _ in self.keys if name not in (*self.left, *self.right))

    @property
    def ordering(self) -> Order:
        return PINNED

    @property
    def step(self) -> KeyedStep:
        made = tuple(field for field in self.schema if field.name not in self._shared)
        known: Expr = lit(True) if self.nulls else reduce(and_, (expr.is_not_null() for _, expr in self.keys))
        arguments = [("\0right", Column(self.side) == RIGHT), ("\0known", known)]
        arguments += [(field.name, Column(field.name)) for field in made]
        options = {"lower": self.lower, "upper": self.upper, "how": self.how}
        of_right = ("of_right", [field.name in self.right for field in made])
        lone = TIMERS if self.how in ("left", "right", "full", "anti") else ""
        return KeyedStep("join", tuple(arguments), made, (*options.items(), of_right), gathers=True, alone=lone)

    def results(self) -> Mapping[str, Result]:
        keys = self.keyed()
        return {
            name: keys[name] if name in self._shared else Aggregated(Aggregate("first", Column(name)))
            for name in self.schema.names
        }

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        return Node.needs(self, used)

    def trimmed(self, used: Set[str]) -> Join:
        """Return the join without the columns that nobody uses."""
        left, right = (tuple(name for name in names if name in used) for names in (self.left, self.right))
        return replace(self, left=left, right=right)

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on."""
        return Keyed.reads(self) | self._passed | {self.side}

    def describe(self) -> str:
        interval = f"from {_shown(self.lower)} to {_shown(self.upper)}"
        return f"{self.show_keys()}{self.how}, right less left {interval}{', null keys too' if self.nulls else ''}"


def _shown(milliseconds: int) -> str:
    return f"{'-' if milliseconds < 0 else ''}{duration.show(abs(milliseconds))}"
