"""How times are written in text: the directives of `time_format`, and which formats can be."""

from __future__ import annotations

from functools import lru_cache

from caudal.core.errors import PlanError

DIRECTIVES = {
    "Y": "year, four digits",
    "y": "year, two digits: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068",
    "m": "month, one or two digits",
    "b": "month, three letters, any case",
    "B": "month, whole name, any case",
    "d": "day of the month, one or two digits; a blank may stand for the first",
    "j": "day of the year, one to three digits",
    "H": "hour 0 to 23, one or two digits",
    "M": "minute, one or two digits",
    "S": "second 0 to 60, one or two digits; 60, a leap second, is the last millisecond of its minute",
    "f": "fraction of a second, any number of digits",
    "z": "offset: Z, +hh, +hhmm or +hh:mm; UTC where the format has none",
    "a": "day of the week, three letters, any case; not compared with the date",
    "s": "seconds since 1970-01-01T00:00:00Z, which may be negative",
    "%": "a percent sign",
}


_INSTEAD = {
    "T": "write %H:%M:%S",
    "F": "write %Y-%m-%d",
    "D": "write %m/%d/%y",
    "R": "write %H:%M",
    "e": "write %d, which takes a blank before one digit too",
    "Z": "names of time zones are not read: leave the name out of the text, and say where it is local, or log offsets (%z)",
    "I": "hours of a 12-hour clock are not read: let the writer log 24 hours (%H)",
    "p": "AM and PM are not read: let the writer log 24 hours (%H)",
}
"""What to write for directives that other tools have."""

_INSTANT = (
    "an instant needs one year, month and day, or %s; times of syslog have no year: let it write ISO 8601 "
    "(rsyslog: RSYSLOG_FileFormat)"
)


@lru_cache(256)
def compiled(time_format: str) -> tuple[int, ...]:
    """Return the table of a format (empty for "", ISO 8601): each entry a directive's code, or -1 - byte.

    Raises `PlanError` for an unknown directive, one that stands twice, or a format that fixes no instant.
    """
    known = ", ".join(f"%{name}" for name in DIRECTIVES)
    program: list[int] = []
    seen: set[str] = set()
    raw = time_format.encode()
    at = 0
    while at < len(raw):
        if raw[at] != ord("%"):
            program.append(-1 - raw[at])
            at += 1
            continue
        name = chr(raw[at + 1]) if at + 1 < len(raw) else ""
        if name not in DIRECTIVES:
            instead = f"{_INSTEAD[name]}; known: {known}" if name in _INSTEAD else f"known: {known}"
            raise PlanError(f"unknown directive '%{name}' in the time format '{time_format}'", hint=instead)
        if name == "%":
            program.append(-1 - ord("%"))
        else:
            if name in seen:
                raise PlanError(f"'%{name}' stands twice in the time format '{time_format}'", hint=f"known: {known}")
            seen.add(name)
            program.append(ord(name))
        at += 2
    if program:
        problem = _problem(seen)
        if problem:
            raise PlanError(f"the time format '{time_format}' {problem}", hint=_INSTANT)
    return tuple(program)


def _problem(seen: set[str]) -> str:
    """Return why these directives fix no instant, or ""."""
    year, month, day = seen & set("Yy"), seen & set("mbB"), seen & set("d")
    if "s" in seen:
        return "has both %s and parts of a date or time" if seen - set("sfa") else ""
    if not year:
        return "has no year (%Y, %y or %s)"
    if len(year) > 1 or len(month) > 1:
        return "has two directives for the same part"
    if "j" in seen and (month or day):
        return "has both %j and a month or a day"
    return "has a day but no month" if day and not month else ""
