"""Calls of the user's functions in the process of the job, where they may kill it: which are not made, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

POISON = "poison"
"""The reason of dead letters in the place of what kills the process."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that kills the process. `site`: where in the plan (see `Calls.sites`); `args`: what the function is given.

    That is one row, or, of a function over windows, the rows of one. `message` and `detail`: what its dead letter says.
    """

    site: str
    args: pa.Table
    message: str
    detail: str = ""


class Watching(Protocol):
    """Looks on as functions are called. One call at a time: from any thread, but the next `begins` waits for `done`."""

    def begins(self, site: str, args: pa.Table, lengths: Sequence[int] | None) -> None:
        """A function is about to be called. `lengths`: how many of these rows each window has, None where rows are by themselves."""
        ...

    def done(self) -> None:
        """It has come back."""
        ...


Run = Callable[["pa.Table", "Sequence[int] | None"], None]
"""Calls a function with rows, or with windows of so many rows; what it gives, or raises, is forgotten."""


@dataclass(slots=True)
class Calls:
    """What an engine is to know of the calls that it makes in its own process.

    `withheld`: calls that are dead letters, by site; `skipped`: operators that call nothing; `watching`: who looks on, None for
    nobody. `sites`: where it is a mapping, the engine puts in by name how the function of each site is called.
    A function gives by contract the same for the same arguments: so a call is withheld wherever it would be made again.
    """

    withheld: Mapping[str, Sequence[Call]] = field(default_factory=dict[str, Sequence[Call]])
    skipped: frozenset[str] = frozenset()
    watching: Watching | None = None
    sites: dict[str, Run] | None = None
