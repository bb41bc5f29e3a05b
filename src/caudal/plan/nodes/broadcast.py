"""Settings beside rows, as of the rows' event time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, lit
from caudal.plan.nodes.base import LATER, NO_TIME, Aggregated, Computed, Result
from caudal.plan.nodes.join import LEFT, RIGHT, TwoSided
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Broadcast(TwoSided):
    """Each left row with the columns of the newest right row (a setting) of its key that is not later; null where there is none.

    `inner`: rows without a setting go; `anti`: those with one. `since`: the right column with a setting's own time, by which it is the
    newest, or "": that of its place; `gone`: the one that tells tombstones, or "". Neither comes out.
    """

    kind: ClassVar[str] = "broadcast"
    inner: bool = False
    anti: bool = field(default=False, metadata=LATER)
    since: str = field(default="", metadata=LATER)
    gone: str = field(default="", metadata=LATER)

    def derive(self) -> tuple[Schema, bool]:
        if not self.input.timed:
            raise PlanError("settings hold as of event time, which both sides need", hint=NO_TIME)
        self.key_fields()
        own = (self.side, self.since, self.gone)
        return Schema([each for each in self.input.schema if each.name not in own]), True

    @property
    def ordering(self) -> Order:
        """Settings stand before the rows of their time."""
        return Order(by=(Column(self.side) == LEFT,))

    @property
    def step(self) -> KeyedStep:
        made = tuple(each for each in self.schema if each.name in self.right)
        arguments = (
            ("\0setting", Column(self.side) == RIGHT),
            ("\0since", Column(self.since) if self.since else lit(0)),
            ("\0gone", Column(self.gone) if self.gone else lit(False)),
            *((each.name, Column(each.name)) for each in made),
        )
        return KeyedStep("broadcast", arguments, made, (("inner", self.inner), ("anti", self.anti)), gathers=True)

    def results(self) -> Mapping[str, Result]:
        return {
            name: Aggregated(Aggregate("last", Column(name))) if name in self.right else Computed(Column(name))
            for name in self.schema.names
        }

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        made = [name for name in self.right if name in self.schema]
        go = ", rows without go" if self.inner else ", rows with one go" if self.anti else ""
        return f"{self.show_keys()}the newest{' of ' * bool(made)}{', '.join(made)}{go}"
