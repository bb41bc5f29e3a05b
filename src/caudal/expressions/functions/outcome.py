"""What calling a function over rows comes to: values, and the rows that have none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caudal.worker.failures import failure

if TYPE_CHECKING:
    from caudal.columnar.column import Column, Ints


@dataclass(frozen=True, slots=True)
class Failed:
    """A row (or a whole window) that a function could not take: row number, reason, message, traceback or detail."""

    row: int
    reason: str
    message: str
    detail: str = ""


@dataclass(slots=True)
class Values:
    """One value for each row; what stands under a failed row is unspecified. `failed` is in order of rows."""

    column: Column
    failed: list[Failed] = field(default_factory=list)


@dataclass(slots=True)
class Rows:
    """Rows by column, each made from the input row `owner` (int64, ascending). A failed row owns none."""

    columns: dict[str, Column]
    owner: Ints
    failed: list[Failed] = field(default_factory=list)


def raised(row: int, error: BaseException) -> Failed:
    """Return the row as failed with the exception; see `failure`."""
    return Failed(row, *failure(error))
