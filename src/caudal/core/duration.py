"""Durations as text (`500ms`, `3s`, `1h30m`) and as whole milliseconds."""

from __future__ import annotations

import re
from datetime import timedelta

from caudal.core.errors import PlanError
from caudal.core.scalars import DURATION_UNITS, MAX_DURATION, duration_of_text, text_of_duration

MAX_MS = MAX_DURATION

Duration = str | timedelta
"""How durations are given: "3s", or a timedelta."""

_UNITS = "write a whole number with a unit of ms, s, m, h or d, such as '500ms', '3s' or '1h30m'"
_MILLISECOND = timedelta(milliseconds=1)
_PART = re.compile(r"(\d+(?:\.\d+)?) *([a-z]*)")
_MEANT = {
    "ms": ("msec", "msecs", "milli", "millis", "millisecond", "milliseconds"),
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
}
_WEEK = ("w", "wk", "week", "weeks")


def parse(value: Duration | int, *, what: str = "duration") -> int:
    """Return a duration in milliseconds: a text with units, a timedelta of whole milliseconds, or 0.

    Raises `PlanError` for any other number (3 of what?), for anything but the units ms, s, m, h, d, and for a value below
    0 or beyond 2**53 ms.

    >>> parse("1h30m")
    5400000
    """
    if isinstance(value, timedelta):
        ms, rest = divmod(value, _MILLISECOND)
        if rest:
            raise PlanError(f"the {what} {value!r} is no whole number of milliseconds")
    elif isinstance(value, str):
        found = duration_of_text(value)
        if found is None:
            meant = _meant(value.lower())
            raise PlanError(
                f"cannot read the {what} {value!r}", hint=f"did you mean '{meant}'? {_UNITS}" if meant else _UNITS
            )
        ms = found
    elif value == 0 and type(value) is int:
        ms = 0
    elif isinstance(value, int | float) and not isinstance(value, bool):
        raise PlanError(
            f"the {what} {value!r} has no unit", hint=f"did you mean '{_meant(f'{value}s') or '3s'}'? {_UNITS}"
        )
    else:
        raise PlanError(f"the {what} must be text such as '3s' or a timedelta, not {value!r}", hint=_UNITS)
    if not 0 <= ms <= MAX_MS:
        raise PlanError(f"the {what} {value!r} is out of range", hint="from 0 to 2**53 milliseconds")
    return ms


def show(milliseconds: int) -> str:
    """Return the shortest text for a duration.

    >>> show(5_400_000)
    '1h30m'
    """
    return text_of_duration(milliseconds)


def _meant(text: str) -> str:
    """Return what a text that is no duration was meant to be ("5min", "1.5h", "90"), or ""."""
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip(" ,"):
        return ""
    total = 0.0
    for number, unit in parts:
        short = next((u for u, names in _MEANT.items() if unit == u or unit in names), "s" if not unit else "")
        per = 7 * DURATION_UNITS["d"] if unit in _WEEK else DURATION_UNITS.get(short)
        if per is None:
            return ""
        total += float(number) * per
    return text_of_duration(int(total)) if total <= MAX_MS and total == int(total) else ""
