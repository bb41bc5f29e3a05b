"""Time zones by their IANA names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from caudal.core.errors import PlanError, nearest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


SHORTEST_CITY = 5
"""Characters of a name that is compared with those of cities; shorter ones are abbreviations, which name several zones."""
EASTMOST = 14
"""Hours of the largest offset."""
_OFFSET = re.compile(r"(?:utc|gmt|etc/utc|z)?\s*([+-])(\d{1,2})(?::?(\d\d))?")


def zone(name: str) -> ZoneInfo:
    """Return a time zone; raises `PlanError` for a name that the database of time zones does not know, with the nearest."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        known = available_timezones() - {"localtime", "posixrules", "Factory"}
    if not known:
        raise PlanError("this machine has no database of time zones", hint="pip install tzdata")
    asked = str(name).lower()
    if (offset := _OFFSET.fullmatch(asked)) and int(offset[2]) <= EASTMOST:
        raise PlanError(f"unknown time zone {name!r}", hint=_of_offset(*offset.groups()))
    ends = sorted((full for full in known if asked in (full.lower(), full.lower().rpartition("/")[2])), key=len)
    hint = f"did you mean '{ends[0]}'?" if ends else nearest(str(name), known)
    # "BST" is not nearly "EST", nor "UTC+20" nearly "UTC": hours lie between.
    far = not ends and (len(asked) < SHORTEST_CITY or any(c.isdecimal() for c in asked))
    if far or hint.startswith("known:"):
        hint = "an IANA name such as 'Europe/Berlin', 'America/New_York' or 'UTC'"
    raise PlanError(f"unknown time zone {name!r}", hint=hint)


def _of_offset(sign: str, hours: str, minutes: str | None) -> str:
    """Return what to write for an offset: the names of whole hours in the database have the sign inverted."""
    city = "a city, such as 'Europe/Berlin', has its summer time too"
    if int(minutes or 0):
        return "an IANA name, such as 'Asia/Kolkata' for +05:30: a part of an hour has no name of its own"
    if not int(hours):
        return "write 'UTC'"
    side = "east" if sign == "+" else "west"
    inverted = "-" if sign == "+" else "+"
    return f"write 'Etc/GMT{inverted}{int(hours)}', its sign inverted, for {int(hours)} h {side} of Greenwich; {city}"
