"""The functions of timestamps in Flink SQL: BIGINT milliseconds in UTC, exact for every int64.

The Gregorian calendar repeats after 400 years, so a date is that of the instant within the 400 years from 1970 on,
where Flink's own calendar is exact, and the years are added.
"""

from __future__ import annotations

import re

from caudal.columnar import times
from caudal.core.errors import PlanError
from caudal.core.types import STRING, TIMESTAMP
from caudal.engines.flink.natives import Site, shows
from caudal.engines.flink.spelling import bigint, literal, text_of

_CYCLE = 146_097 * 86_400_000
_CLOCK = {"hour": (3_600_000, 24), "minute": (60_000, 60), "second": (1_000, 60), "millisecond": (1, 1_000)}
_CALENDAR = {"month": "MONTH", "day": "DAY", "ordinal_day": "DOY"}
_DIRECTIVES = {
    "Y": ("%04d", "year"),
    "m": ("%02d", "month"),
    "d": ("%02d", "day"),
    "H": ("%02d", "hour"),
    "M": ("%02d", "minute"),
    "S": ("%02d", "second"),
    "f": ("%03d", "millisecond"),
    "j": ("%03d", "ordinal_day"),
}


def floor_mod(a: str, by: int) -> str:
    """Return the remainder, from 0 to by - 1, of a BIGINT."""
    return f"MOD(MOD({a}, {bigint(by)}) + {bigint(by)}, {bigint(by)})"


def floor_div(a: str, by: int) -> str:
    """Return the quotient, rounded down, of a BIGINT."""
    return f"({a} / {bigint(by)} - (CASE WHEN MOD({a}, {bigint(by)}) < 0 THEN 1 ELSE 0 END))"


def part(a: str, name: str) -> str:
    """Return a part of an instant as BIGINT."""
    if name in _CLOCK:
        unit, count = _CLOCK[name]
        inside = floor_mod(a, unit * count)
        return inside if unit == 1 else f"({inside} / {bigint(unit)})"
    if name == "weekday":
        days = f"({floor_mod(a, 7 * 86_400_000)} / {bigint(86_400_000)})"
        return f"(MOD({days} + 3, {bigint(7)}) + 1)"
    instant = f"TO_TIMESTAMP_LTZ({floor_mod(a, _CYCLE)}, 3)"
    if name == "year":
        return f"(EXTRACT(YEAR FROM {instant}) + 400 * {floor_div(a, _CYCLE)})"
    return f"EXTRACT({_CALENDAR[name]} FROM {instant})"


@shows("year", "month", "day", "hour", "minute", "second", "millisecond", "weekday", "ordinal_day")
def _part(site: Site) -> str:
    return part(site.args[0], site.function)


@shows("date_trunc")
def _truncate(site: Site) -> str:
    a, every = site.args[0], site.options["every"]
    return a if every == 1 else f"({a} - {floor_mod(a, every)})"


@shows("now")
def _now(site: Site) -> str:
    # Within a row it is one instant, however often it stands there.
    return "(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 + EXTRACT(MILLISECOND FROM CURRENT_TIMESTAMP))"


def _formatted(a: str, layout: str, arguments: list[str]) -> str:
    shown = f"PRINTF({text_of(layout)}, {', '.join(arguments)})" if arguments else literal(layout % (), STRING)
    return f"(CASE WHEN {a} IS NOT NULL THEN {shown} ELSE {literal(None, STRING)} END)"


def iso_text(a: str) -> str:
    """Return ISO 8601 text with three decimals; a year outside 0 to 9999 has a sign."""
    year = part(a, "year")
    minus, plus, none = (literal(s, STRING) for s in ("-", "+", ""))
    sign = f"(CASE WHEN {year} < 0 THEN {minus} WHEN {year} > 9999 THEN {plus} ELSE {none} END)"
    rest = [part(a, name) for name in ("month", "day", "hour", "minute", "second", "millisecond")]
    return _formatted(a, "%s%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", [sign, f"ABS({year})", *rest])


@shows("strftime")
def _strftime(site: Site) -> str:
    a, time_format = site.args[0], site.options["format"]
    layout, arguments = "", list[str]()
    for piece in re.findall(r"%.|[^%]+|%", time_format, re.DOTALL):
        name = piece[1:]
        if piece[0] != "%" or piece == "%%":
            layout += piece
        elif name == "s":
            layout += "%d"
            arguments.append(floor_div(a, 1000))
        elif name == "Y":
            year = part(a, "year")
            layout += "%s%04d"
            minus, none = literal("-", STRING), literal("", STRING)
            arguments += [f"(CASE WHEN {year} < 0 THEN {minus} ELSE {none} END)", f"ABS({year})"]
        elif name in _DIRECTIVES:
            form, found = _DIRECTIVES[name]
            layout += form
            arguments.append(part(a, found))
        else:
            allowed = " ".join(f"%{d}" for d in _DIRECTIVES)
            raise PlanError(
                f"unknown directive '{piece}' in the format '{time_format}'", hint=f"known: {allowed} %s %%"
            )
    return _formatted(a, layout, arguments)


# Text to time.

_ISO = (
    r"'\A[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,][0-9]+)?)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?\z'"
)


def parsed_iso(a: str) -> str:
    """Return the milliseconds of ISO 8601 text, null where it is none: see `columnar.times`."""
    day = f"TRY_CAST(SUBSTRING({a}, 1, 10) AS DATE)"

    def number(at: int, size: int = 2) -> str:
        return f"CAST(SUBSTRING({a}, {at}, {size}) AS BIGINT)"

    seconds = f"(CASE WHEN SUBSTRING({a}, 17, 1) = ':' THEN {number(18)} ELSE 0 END)"
    digits = f"REGEXP_EXTRACT({a}, '[.,]([0-9]{{1,3}})', 1)"
    fraction = f"(CASE WHEN SUBSTRING({a}, 20, 1) IN ('.', ',') THEN CAST(RPAD({digits}, 3, '0') AS BIGINT) ELSE 0 END)"
    offset = f"REPLACE(REGEXP_EXTRACT({a}, ':.*([+-][0-9:]+)', 1), ':', '')"
    minutes = (
        f"CAST(SUBSTRING({offset}, 2, 2) AS BIGINT) * 60 + CAST(SUBSTRING(CONCAT({offset}, '00'), 4, 2) AS BIGINT)"
    )
    shifted = f"(CASE WHEN REGEXP({a}, ':.*[+]') THEN {minutes} WHEN REGEXP({a}, ':.*-') THEN - ({minutes}) ELSE 0 END)"
    rest = f"(CASE WHEN SUBSTRING({a}, 17, 3) = ':60' THEN 59999 ELSE {seconds} * 1000 + {fraction} END)"
    clock = f"{number(12)} * 3600000 + {number(15)} * 60000 + {rest} - {shifted} * 60000"
    days = f"CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', {day}) AS BIGINT) * 86400000"
    # An offset can lead out of the years 1 to 9999.
    whole = f"(CASE WHEN CHAR_LENGTH({a}) = 10 THEN {days} ELSE {days} + {clock} END)"
    valid = f"REGEXP({a}, {_ISO}) AND {day} IS NOT NULL AND SUBSTRING({a}, 1, 4) <> '0000'"
    if_within = f"(CASE WHEN SUBSTRING({a}, 1, 4) IN ('0001', '9999') THEN"
    bounded = f"(CASE WHEN {whole} BETWEEN {times.MIN_MS} AND {times.MAX_MS} THEN {whole} END)"
    null = literal(None, TIMESTAMP)
    return f"(CASE WHEN {valid} THEN {if_within} {bounded} ELSE {whole} END) ELSE {null} END)"


@shows("strptime")
def _strptime(site: Site) -> str:
    time_format = site.options["format"]
    times.check_format(time_format)
    if not time_format:
        return parsed_iso(site.args[0])
    return site.worker("times", "strptime", "STRING", "BIGINT", time_format)(site.args[0])
