"""Window specifications, in whole milliseconds of event time or in rows, and the order in which rows are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.plan.expr import Expr


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The order in which an operator takes rows: by event time, then `by`, then source, partition and position.

    `arrival`: as they come instead, over a single partition.
    """

    by: tuple[Expr, ...] = ()
    arrival: bool = False

    def __post_init__(self) -> None:
        if self.by and self.arrival:
            raise PlanError("order='arrival' takes rows as they come", hint="leave out order_by")

    def reads(self) -> frozenset[str]:
        """Return the names of the columns that decide ties."""
        return frozenset().union(*(e.columns() for e in self.by))

    def __str__(self) -> str:
        if self.arrival:
            return "as they arrive"
        return "by event time" + "".join(f", {e}" for e in self.by)


PINNED = Order()


class Window:
    """What decides which windows a row is in.

    `tag`: its name in the wire form; `in_time`: whether windows have bounds in event time that rows do not decide.
    """

    __slots__ = ()
    tag: ClassVar[str]
    tags: ClassVar[dict[str, type[Window]]] = {}
    """Every kind of window by its tag."""
    in_time: ClassVar[bool] = True
    per_row: ClassVar[bool] = False
    """Whether each row has a window of its own."""

    def __init_subclass__(cls) -> None:
        Window.tags[cls.tag] = cls

    @property
    def ordering(self) -> Order | None:
        """The order in which rows are taken, None where they may come in any."""
        return None


@dataclass(frozen=True, slots=True)
class Hopping(Window):
    """Windows [start, start + size), one every `step`, starts at multiples of `step` plus `offset` from the epoch.

    With `step` equal to `size` these are tumbling windows.
    """

    tag: ClassVar[str] = "hopping"
    size: int
    step: int
    offset: int = 0

    def __post_init__(self) -> None:
        if self.size <= 0 or self.step <= 0:
            raise PlanError("a window's size and step must be greater than zero", detail=str(self))
        if self.size % self.step:
            raise PlanError(
                f"a hopping window's size must be a multiple of its step, not {duration.show(self.size)} by {duration.show(self.step)}",
                hint="for example hopping('10s', every='2s')",
            )

    @property
    def tumbling(self) -> bool:
        """Whether every row falls into just one window."""
        return self.size == self.step

    def __str__(self) -> str:
        tail = f", offset {duration.show(self.offset)}" if self.offset else ""
        if self.tumbling:
            return f"tumbling({duration.show(self.size)}{tail})"
        return f"hopping({duration.show(self.size)}, every {duration.show(self.step)}{tail})"


@dataclass(frozen=True, slots=True)
class Session(Window):
    """Runs of rows at most `gap` apart, inclusive; a session's end is its last row's time plus `gap`."""

    tag: ClassVar[str] = "session"
    gap: int

    def __post_init__(self) -> None:
        if self.gap <= 0:
            raise PlanError("a session's gap must be greater than zero")

    def __str__(self) -> str:
        return f"session({duration.show(self.gap)})"


@dataclass(frozen=True, slots=True)
class Cumulative(Window):
    """Windows that grow: [start, start + step), [start, start + 2 step) ... up to `size`, then the next start.

    Starts are multiples of `size` plus `offset` from the epoch.
    """

    tag: ClassVar[str] = "cumulative"
    size: int
    step: int
    offset: int = 0

    def __post_init__(self) -> None:
        if self.size <= 0 or self.step <= 0:
            raise PlanError("a window's size and step must be greater than zero", detail=str(self))
        if self.size % self.step:
            raise PlanError(
                f"a cumulative window's size must be a multiple of its step, not {duration.show(self.size)} by {duration.show(self.step)}",
                hint="for example cumulative('1h', every='5m')",
            )

    def __str__(self) -> str:
        tail = f", offset {duration.show(self.offset)}" if self.offset else ""
        return f"cumulative({duration.show(self.size)}, every {duration.show(self.step)}{tail})"


@dataclass(frozen=True, slots=True, eq=False)
class CountWindow(Window):
    """Windows of `size` rows of a key, one every `step` rows. The last one, at the end of data, may be shorter.

    With `step` equal to `size` each row falls into one window; `window_start` and `window_end` are the event times of
    the first and the last row.
    """

    tag: ClassVar[str] = "rows"
    in_time: ClassVar[bool] = False
    size: int
    step: int
    order: Order = PINNED

    def __post_init__(self) -> None:
        if self.size <= 0 or self.step <= 0:
            raise PlanError("a window's number of rows and step must be greater than zero", detail=str(self))
        if self.step > self.size:
            raise PlanError(f"rows between two windows would be lost: {self}", hint="every= at most the size")

    @property
    def ordering(self) -> Order | None:
        return self.order

    def __str__(self) -> str:
        every = "" if self.step == self.size else f", every {self.step}"
        return f"rows({self.size}{every})"


@dataclass(frozen=True, slots=True, eq=False)
class Sliding(Window):
    """For each row the rows of its key up to it: the last `size` ms (t - size, t], the last `rows`, or (both 0) all."""

    tag: ClassVar[str] = "sliding"
    per_row: ClassVar[bool] = True
    in_time: ClassVar[bool] = False
    size: int = 0
    rows: int = 0
    order: Order = PINNED

    def __post_init__(self) -> None:
        if self.size < 0 or self.rows < 0 or (self.size and self.rows):
            both = "this has both" if self.size and self.rows else str(self)
            hint = 'cd.sliding("10s"), or cd.sliding(rows=100)'
            raise PlanError("a sliding window has a size in time or in rows, greater than zero", detail=both, hint=hint)
        if self.size and self.order.arrival:
            raise PlanError(
                "a sliding window in time takes rows by event time", hint="sliding(rows=...) takes them as they arrive"
            )

    @property
    def ordering(self) -> Order | None:
        return self.order

    def __str__(self) -> str:
        if not self.size and not self.rows:
            return "all so far"
        return f"sliding({duration.show(self.size)})" if self.size else f"sliding(rows={self.rows})"
