"""Which column of a sample looks like its event time, and how it has to be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from caudal.core.scalars import time_of_text
from caudal.core.types import Schema

_RANGES = (("s", 10**9, 1), ("ms", 10**12, 10**3), ("us", 10**15, 10**6), ("ns", 10**18, 10**9))
"""Units: from 2001 on they have 10, 13, 16, 19 digits; so many of each are a second."""
_LAST = 4_102_444_800
"""Seconds from 1970 to 2100."""
_NAMED = re.compile(r"time|date|stamp|epoch|\bts\b|_ts|ts_|_at$|when|msec|seconds", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{10,19}(\.[0-9]*)?")
_OFFSET = re.compile(r"[0-9]([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$")
_FORMATS = (
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
)


@dataclass(frozen=True, slots=True)
class EventTime:
    """A column that may be the event time. `given`: the arguments of a source after event_time=; `note`: for people."""

    column: str
    expression: str
    given: Mapping[str, str]
    note: str
    rank: int


def event_times(schema: Schema, values: Mapping[str, Sequence[Any]]) -> list[EventTime]:
    """Return the candidates, the likeliest first. `values`: of each column in the sample, times as their text."""
    found: list[EventTime] = []
    for field in schema:
        seen = [value for value in values.get(field.name, ()) if value is not None]
        if seen:
            one = _candidate(field.name, field.dtype.name, seen)
            found += [one] if one is not None else []
    return sorted(found, key=lambda each: each.rank)


def _candidate(name: str, kind: str, seen: Sequence[Any]) -> EventTime | None:
    unnamed = 0 if _NAMED.search(name) else 1
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind == "timestamp":
        local = [text for text in seen if isinstance(text, str) and ":" in text and not _OFFSET.search(text)]
        return EventTime(name, quoted, {}, _local(local[0]) if local else "", unnamed)
    if kind in ("int64", "float64"):
        found = _unit(seen)
        if found is None:
            return None
        unit, example = found
        usual = "ms" if kind == "int64" else "s"
        return EventTime(
            name, quoted, {} if unit == usual else {"unit": unit}, f"{unit} since 1970: {example}", 2 + unnamed
        )
    if kind != "string":
        return None
    if all(_NUMBER.fullmatch(text) for text in seen):
        whole = all("." not in text for text in seen)
        found = _unit([int(text) if whole else float(text) for text in seen])
        if found is None:
            return None
        cast = "int64" if whole else "float64"
        given = {"unit": found[0]}
        return EventTime(
            name, f'cd.col({quoted}).cast("{cast}")', given, f"{found[0]} since 1970: {found[1]}", 4 + unnamed
        )
    for form in _FORMATS:
        if all(time_of_text(text, form) is not None for text in seen):
            note = "" if "%z" in form else _local(seen[0])
            return EventTime(name, quoted, {"time_format": form}, note, unnamed)
    return None


def _local(text: str) -> str:
    return f"{text!r} names no offset: it is taken as UTC unless timezone= says where it is local"


def _unit(seen: Sequence[Any]) -> tuple[str, str] | None:
    """Return the unit in which all numbers are times between 2001 and 2100, and the first of them as one."""
    low, high = min(seen), max(seen)
    for unit, least, each in _RANGES:
        if least <= low and high < _LAST * each:
            return unit, datetime.fromtimestamp(seen[0] / each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None
