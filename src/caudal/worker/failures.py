"""What a dead letter says of a row that a function could not take."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from caudal.worker.coercion import Misfit, Misshapen, clean_text, short

Failed = tuple[int, str, str, str]
"""A row that a function could not take: its number, reason, message, traceback or detail."""

EXCEPTION, RESULT, TIMED_OUT, DIED = "exception", "result", "timeout", "died"
"""Reasons of dead letters: the function raised; it returned what its declaration excludes; it took longer than its
time-out; its process ended."""

TRACEBACK = 4096
"""Bytes that a dead letter keeps of a traceback."""

MESSAGE = 1000
"""Characters that a dead letter keeps of what an exception says."""

_OURS = {"caudal.worker", "caudal.engines.local.functions", "caudal.expressions.functions", "caudal.plan"}
"""Packages whose frames are the engine's part of a traceback."""


class FunctionMistake(Exception):
    """A function returned what its declaration excludes: costs the row; ends the job where no row is to blame."""

    def __init__(self, function: Any, message: str, *more: str) -> None:
        self.message = f"{name_of(function)}() {message}"
        self.detail = "\n".join(part for part in more if part)
        super().__init__("\n".join(part for part in (self.message, self.detail) if part))


def name_of(function: Any) -> str:
    """Return what messages call a function; a text is its name."""
    return function if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)


def mistaken(function: Any, error: Misfit | Misshapen, called: str) -> FunctionMistake:
    """Return the mistake that a result is; `called`: with what the function was."""
    if isinstance(error, Misfit):
        key = f" for '{error.key}'" if error.key else ""
        message = f"returned {short(error.value)}{key} where {error.wanted} is declared"
    else:
        message = error.message
    hint = error.hint or "return such a value, or declare another type"
    return FunctionMistake(function, clean_text(message), clean_text(f"called with {called}"), clean_text(hint))


def failure(error: BaseException, place: Callable[[str], str] | None = None) -> tuple[str, str, str]:
    """Return the reason, the message and the traceback of what a function raised, over the user's own frames.

    Of a traceback of more than TRACEBACK bytes the end is kept. `place`: what a file is called in it. Never raises,
    whatever the exception does when it is looked at.
    """
    if isinstance(error, FunctionMistake):
        return RESULT, clean_text(error.message[:MESSAGE]), error.detail
    try:
        return EXCEPTION, *_told(error, place)
    except BaseException:
        return EXCEPTION, type(error).__name__, "the exception cannot be shown"


def raised(row: int, error: BaseException) -> Failed:
    """Return the row as failed, as an engine elsewhere tells it: a path on this machine says nothing there."""
    return row, *failure(error, _without_machine)


def _told(error: BaseException, place: Callable[[str], str] | None) -> tuple[str, str]:
    report = traceback.TracebackException(type(error), error, None)
    part: Any = report
    cause: BaseException | None = error
    while part is not None and cause is not None:
        # frames by line alone: finding the columns too would take most of the time where every row raises
        frames = traceback.walk_tb(cause.__traceback__)
        own = ((frame, line) for frame, line in frames if frame.f_globals.get("__package__") not in _OURS)
        part.stack = traceback.StackSummary.extract(own)
        if place is not None:
            for frame in part.stack:
                frame.filename = place(frame.filename)
        by_hand = part.__cause__ is not None
        part = part.__cause__ if by_hand else part.__context__
        cause = cause.__cause__ if by_hand else cause.__context__
    lines = "".join(report.format()).encode("utf-8", "replace")
    if len(lines) > TRACEBACK:
        lines = b"...\n" + lines[len(lines) - TRACEBACK + 4 :]
    name, text = type(error).__name__, str(report)
    message = clean_text((f"{name}: {text}" if text else name)[:MESSAGE])
    return message, lines.decode("utf-8", "ignore")


def _without_machine(path: str) -> str:
    """Return a file's path from the library on."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part in ("site-packages", "dist-packages"):
            return "/".join(parts[number + 1 :])
    return parts[-1] if path.startswith("/") else path
