"""Time zones by their IANA names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core.errors import PlanError, nearest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


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
    ends = sorted(full for full in known if asked in (full.lower(), full.lower().rpartition("/")[2]))
    hint = f"did you mean '{ends[0]}'?" if ends else nearest(str(name), known)
    if hint.startswith("known:"):
        hint = "an IANA name such as 'Europe/Berlin', 'America/New_York' or 'UTC'"
    raise PlanError(f"unknown time zone {name!r}", hint=hint)
