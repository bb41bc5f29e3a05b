"""Durations as text (`500ms`, `3s`, `1h30m`) and as whole milliseconds."""

from __future__ import annotations

from caudal.core.errors import PlanError
from caudal.core.scalars import MAX_DURATION, duration_of_text, text_of_duration

MAX_MS = MAX_DURATION


def parse(text: str | int, *, what: str = "duration") -> int:
    """Return `text` in milliseconds; an int is taken as milliseconds already.

    Raises `PlanError` for anything but the units ms, s, m, h, d, or for a value beyond 2**53 ms.

    >>> parse("1h30m")
    5400000
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise PlanError(f"{what} must be text such as '3s', not {text!r}")
    value = text if isinstance(text, int) else duration_of_text(text)
    if value is None:
        raise PlanError(
            f"cannot read the {what} {text!r}",
            hint="write a whole number with a unit of ms, s, m, h or d, such as '500ms', '3s' or '1h30m'",
        )
    if not 0 <= value <= MAX_MS:
        raise PlanError(f"the {what} {text!r} is out of range", hint="from 0 to 2**53 milliseconds")
    return value


def show(milliseconds: int) -> str:
    """Return the shortest text for a duration.

    >>> show(5_400_000)
    '1h30m'
    """
    return text_of_duration(milliseconds)
