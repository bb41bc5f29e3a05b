"""What calling a function over rows comes to: values, and the rows that have none."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.plan import python

if TYPE_CHECKING:  # worker processes import this module, and start without numba
    from caudal.columnar.column import Column, Ints

EXCEPTION, RESULT, TIMED_OUT, DIED = "exception", "result", "timeout", "died"
"""Reasons of dead letters: the function raised; it returned what its declaration excludes; it took longer than its
time-out; its process ended."""

TRACEBACK = 4096
"""Bytes that a dead letter keeps of a traceback."""

MESSAGE = 1000
"""Characters that a dead letter keeps of what an exception says."""

# files whose frames are the engine's part of a traceback
_ENGINE = (str(Path(__file__).parent), str(Path(python.__file__)))


class BadResult(Exception):
    """A function returned what its declaration excludes: the message names the function; `detail`: what else to know."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


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
    """Return the row as failed with the exception: its type and text, and the user's part of the traceback.

    The engine's own frames are left out. The traceback has at most TRACEBACK bytes; of a longer one the end is kept.
    Never raises, whatever the exception does when it is looked at.
    """
    if isinstance(error, BadResult):
        return Failed(row, RESULT, str(error)[:MESSAGE], error.detail)
    name = type(error).__name__
    try:
        return Failed(row, EXCEPTION, *_told(name, error))
    except BaseException:
        return Failed(row, EXCEPTION, name, "the exception cannot be shown")


def _told(name: str, error: BaseException) -> tuple[str, str]:
    report = traceback.TracebackException(type(error), error, None)
    # frames by line alone: finding the columns too would take most of the time where every row raises
    frames = traceback.walk_tb(error.__traceback__)
    report.stack = traceback.StackSummary.extract(
        (frame, line) for frame, line in frames if not frame.f_code.co_filename.startswith(_ENGINE)
    )
    part = report.__cause__ or report.__context__
    while part is not None:
        part.stack = traceback.StackSummary.from_list(f for f in part.stack if not f.filename.startswith(_ENGINE))
        part = part.__cause__ or part.__context__
    lines = "".join(report.format()).encode("utf-8", "replace")
    if len(lines) > TRACEBACK:
        lines = b"...\n" + lines[len(lines) - TRACEBACK + 4 :]
    text = str(report)[:MESSAGE]
    return f"{name}: {text}"[:MESSAGE] if text else name, lines.decode("utf-8", "ignore")
