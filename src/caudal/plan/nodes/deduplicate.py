"""Rows that none was like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.nodes.base import LATER
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Deduplicate(Keyed):
    """The rows whose key no row had that was passed on in the `within` milliseconds before, inclusive (0: ever).

    `seen`: that came at all, passed on or not.
    """

    kind: ClassVar[str] = "deduplicate"
    within: int = 0
    seen: bool = field(default=False, metadata=LATER)
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if self.within < 0:
            raise PlanError("within must be greater than zero", hint="within='10m'")
        if not self.keys:
            raise PlanError("deduplicate needs keys", hint="deduplicate('eventid', within='10m')")
        if self.seen and not self.within:
            raise PlanError("since='seen' needs within=", hint="without within= a key passes once, ever")
        if self.within and self.order.arrival:
            raise PlanError("within= is in event time, which order='arrival' does not follow", hint="leave out one")
        refuse_unordered(self, self.order)
        self.key_fields()
        return self.input.schema, self.input.timed

    @property
    def ordering(self) -> Order | None:
        return self.order

    @property
    def step(self) -> KeyedStep:
        return KeyedStep(
            "deduplicate", options=(("within", self.within), ("seen", self.seen)), drops=True, first=not self.within
        )

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        since = " since the last" if self.seen else ""
        return f"{self.show_keys()}within {duration.show(self.within) if self.within else 'all time'}{since}"
