"""Durations as text (`500ms`, `3s`, `1h30m`) and as whole milliseconds."""

from __future__ import annotations

import re

from caudal.core.errors import PlanError

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WHOLE = re.compile(r"(?:\d+(?:ms|s|m|h|d))+")
_PART = re.compile(r"(\d+)(ms|s|m|h|d)")
MAX_MS = 2**53


def parse(text: str | int, *, what: str = "duration") -> int:
    """Return `text` in milliseconds; an int is taken as milliseconds already.

    Raises `PlanError` for anything but the units ms, s, m, h, d, or for a value beyond 2**53 ms.

    >>> parse("1h30m")
    5400000
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise PlanError(f"{what} must be text such as '3s', not {text!r}")
    if isinstance(text, int):
        value = text
    else:
        compact = text.replace(" ", "")
        if not _WHOLE.fullmatch(compact):
            raise PlanError(
                f"cannot read the {what} {text!r}",
                hint="write a whole number with a unit of ms, s, m, h or d, such as '500ms', '3s' or '1h30m'",
            )
        value = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(compact))
    if not 0 <= value <= MAX_MS:
        raise PlanError(f"the {what} {text!r} is out of range", hint="from 0 to 2**53 milliseconds")
    return value


def show(milliseconds: int) -> str:
    """Return the shortest text for a duration.

    >>> show(5_400_000)
    '1h30m'
    """
    if milliseconds == 0:
        return "0ms"
    rest, parts = milliseconds, []
    for unit in ("d", "h", "m", "s", "ms"):
        number, rest = divmod(rest, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)
