"""Window specifications, in whole milliseconds of event time."""

from __future__ import annotations

from dataclasses import dataclass

from caudal.core import duration
from caudal.core.errors import PlanError


@dataclass(frozen=True, slots=True)
class Hopping:
    """Windows [start, start + size), one every `step`, starts at multiples of `step` plus `offset` from the epoch.

    With `step` equal to `size` these are tumbling windows.
    """

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
class Session:
    """Runs of rows at most `gap` apart, inclusive; a session's end is its last row's time plus `gap`."""

    gap: int

    def __post_init__(self) -> None:
        if self.gap <= 0:
            raise PlanError("a session's gap must be greater than zero")

    def __str__(self) -> str:
        return f"session({duration.show(self.gap)})"


Window = Hopping | Session
