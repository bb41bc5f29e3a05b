"""Functions of timestamps: BIGINT milliseconds.

Every int64 has its parts, far beyond the days that Spark's own calendar counts; it repeats every 400 years.
"""

from __future__ import annotations

import re

from caudal.core.errors import PlanError
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import text_of

_DAY, _ERA = 86_400_000, 146_097
_DAYS = f"(t div {_DAY}L + shiftright(t % {_DAY}L, 63))"
_DATE = f"date_from_unix_date(CAST(pmod({_DAYS}, {_ERA}L) AS INT))"
_PARTS = {
    "year": f"CAST(year({_DATE}) AS BIGINT) + 400L * ({_DAYS} div {_ERA}L + shiftright({_DAYS} % {_ERA}L, 63))",
    "month": f"CAST(month({_DATE}) AS BIGINT)",
    "day": f"CAST(day({_DATE}) AS BIGINT)",
    "ordinal_day": f"CAST(dayofyear({_DATE}) AS BIGINT)",
    "weekday": f"pmod({_DAYS} + 3L, 7L) + 1L",
}
_CLOCK = {
    "hour": f"(pmod({{0}}, {_DAY}L) div 3600000L)",
    "minute": "(pmod({0}, 3600000L) div 60000L)",
    "second": "(pmod({0}, 60000L) div 1000L)",
    "millisecond": "pmod({0}, 1000L)",
}
_DIRECTIVES = {
    "m": ("month", 2),
    "d": ("day", 2),
    "H": ("hour", 2),
    "M": ("minute", 2),
    "S": ("second", 2),
    "f": ("millisecond", 3),
    "j": ("ordinal_day", 3),
}


@shows(*_PARTS, *_CLOCK)
def _part(site: Site) -> str:
    return _time_part(site.library, site.function, site.args[0])


def _time_part(library: Library, name: str, text: str) -> str:
    if name in _CLOCK:
        return _CLOCK[name].format(text)
    return f"{library.sql(name, 't BIGINT', 'BIGINT', _PARTS[name])}({text})"


@shows("date_trunc")
def _truncate(site: Site) -> str:
    if _is_name(site.args[0]):
        return f"({site.args[0]} - pmod({site.args[0]}, {site.options['every']}L))"
    return site.sql("truncate", "t BIGINT", "BIGINT", f"t - pmod(t, {site.options['every']}L)")


def _is_name(text: str) -> bool:
    """Whether the text is a column's name, which may stand twice."""
    return re.fullmatch(r"`[^`]+`", text) is not None


@shows("now")
def _now(site: Site) -> str:
    return "unix_millis(current_timestamp())"


@shows("strftime")
def _format(site: Site) -> str:
    pieces = re.findall(r"%.|[^%]+|%", site.options["format"], re.DOTALL)
    parts: list[str] = []
    for piece in pieces:
        if piece[0] != "%" or piece == "%%":
            parts.append(text_of(piece if piece != "%%" else "%"))
        elif piece[1:] == "s":
            parts.append("CAST(t div 1000L + shiftright(t % 1000L, 63) AS STRING)")
        elif piece[1:] == "Y":
            parts.append(_year_text(site.library))
        elif piece[1:] in _DIRECTIVES:
            name, width = _DIRECTIVES[piece[1:]]
            parts.append(f"lpad(CAST({_time_part(site.library, name, 't')} AS STRING), {width}, '0')")
        else:
            known = " ".join(f"%{d}" for d in ("Y", *_DIRECTIVES))
            raise PlanError(
                f"unknown directive '{piece}' in the format '{site.options['format']}'", hint=f"known: {known} %s %%"
            )
    body = f"CASE WHEN t IS NOT NULL THEN concat({', '.join(parts) or text_of('')}) END"
    return site.sql("strftime", "t BIGINT", "STRING", body)


def _year_text(library: Library, plus: str = "") -> str:
    """Return the year of `t` as text: a sign where it is below 0 (or `plus` above 9999), at least four digits."""
    year = f"{library.sql('year', 't BIGINT', 'BIGINT', _PARTS['year'])}(t)"
    above = f" WHEN y > 9999L THEN {text_of(plus)}" if plus else ""
    digits = "lpad(CAST(abs(y) AS STRING), greatest(4, char_length(CAST(abs(y) AS STRING))), '0')"
    body = f"concat(CASE WHEN y < 0L THEN '-'{above} ELSE '' END, {digits})"
    return f"{library.sql('signed_year_text' if plus else 'year_text', 'y BIGINT', 'STRING', body)}({year})"


def text_of_time(library: Library) -> str:
    """Return the function from milliseconds to ISO 8601 text in UTC with three decimals."""
    two = "lpad(CAST({} AS STRING), 2, '0')"
    month, day, hour, minute, second = (
        two.format(_time_part(library, name, "t")) for name in ("month", "day", "hour", "minute", "second")
    )
    milli = f"lpad(CAST({_time_part(library, 'millisecond', 't')} AS STRING), 3, '0')"
    parts = [
        _year_text(library, "+"),
        "'-'",
        month,
        "'-'",
        day,
        "'T'",
        hour,
        "':'",
        minute,
        "':'",
        second,
        "'.'",
        milli,
    ]
    return library.sql("time_text", "t BIGINT", "STRING", f"concat({', '.join(parts)}, 'Z')")


_CLOCK_PATTERN = "(?:[01][0-9]|2[0-3])"
_ISO = (
    r"\A(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ]"
    rf"{_CLOCK_PATTERN}:[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,][0-9]+)?)?"
    rf"(?:[Zz]|[+-]{_CLOCK_PATTERN}(?::?[0-5][0-9])?)?)?\z"
)
_ISO_PARTS = (r"\A.{16}[^+-]*([+-])([0-9]{2}):?([0-9]{0,2})\z", "[.,]([0-9]{1,3})")
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999


def time_of_text(library: Library) -> str:
    """Return the function from ISO 8601 text to milliseconds: checked by a pattern, then taken apart."""

    def number(text: str, scale: int) -> str:
        return f"coalesce(TRY_CAST({text} AS BIGINT), 0L) * {scale}L"

    zone, milli = (text_of(p) for p in _ISO_PARTS)
    minutes = f"{number(f'regexp_extract(s, {zone}, 2)', 60)} + {number(f'regexp_extract(s, {zone}, 3)', 1)}"
    second = number("CASE WHEN substring(s, 17, 1) = ':' THEN substring(s, 18, 2) END", 1_000)
    fraction = number(f"rpad(regexp_extract(s, {milli}, 1), 3, '0')", 1)
    parts = [
        f"CAST(unix_date(TRY_CAST(substring(s, 1, 10) AS DATE)) AS BIGINT) * {_DAY}L",
        number("substring(s, 12, 2)", 3_600_000),
        number("substring(s, 15, 2)", 60_000),
        f"CASE WHEN substring(s, 17, 3) = ':60' THEN 59999L ELSE {second} + {fraction} END",
        f"CASE WHEN regexp_extract(s, {zone}, 1) = '-' THEN 60000L ELSE -60000L END * ({minutes})",
    ]
    whole = library.sql("time_in_range", "t BIGINT", "BIGINT", f"CASE WHEN t BETWEEN {_FIRST}L AND {_LAST}L THEN t END")
    body = f"{whole}(CASE WHEN s RLIKE {text_of(_ISO)} THEN {' + '.join(parts)} END)"
    return library.sql("time_of_text", "s STRING", "BIGINT", body)


@shows("strptime")
def _parse(site: Site) -> str:
    time_format = site.options["format"]
    if not time_format:
        return f"{time_of_text(site.library)}({site.args[0]})"
    from caudal.columnar.times import check_format

    check_format(time_format)
    return f"{site.library.python('times', 'strptime', 'bigint', time_format)}({site.args[0]})"
