"""Times against `datetime` as the oracle."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caudal.columnar import times
from caudal.columnar.column import ALL_VALID
from caudal.core.errors import PlanError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)


def floored(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def offset_text(minutes: int, style: int) -> str:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    return [f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}", f"{sign}{hours:02}"][style]


@given(INSTANTS, OFFSETS, st.integers(0, 2), st.sampled_from("Tt "), st.sampled_from(".,"))
@settings(max_examples=400, deadline=None)
@example(datetime(1969, 12, 31, 23, 59, 59, 999_999), 0, 0, "T", ".")
@example(datetime(1600, 2, 29), -90, 1, " ", ",")
def test_iso_agrees_with_datetime(local, minutes, style, blank, point):
    minutes = minutes - minutes % 60 if style == 2 else minutes
    if abs(minutes) >= 24 * 60:
        minutes = -23 * 60
    text = local.strftime("%H:%M:%S") + f"{point}{local.microsecond:06}" + offset_text(minutes, style)
    text = f"{local.year:04}-{local.month:02}-{local.day:02}{blank}{text}"
    assert times.parse_text(text) == floored(local.replace(tzinfo=timezone(timedelta(minutes=minutes))))


@given(INSTANTS, st.text("0123456789", min_size=1, max_size=30))
@settings(max_examples=300, deadline=None)
def test_fraction_of_any_length_is_floored(moment, digits):
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    exact = Fraction(floored(whole)) + Fraction(int(digits), 10 ** len(digits)) * 1000
    stem = f"{moment.year:04}" + whole.strftime("-%m-%dT%H:%M:%S")
    assert times.parse_text(f"{stem}.{digits}Z") == floor(exact)
    assert times.parse_text(f"{floored(whole) // 1000}.{digits}", "%s.%f") == floor(
        exact if floored(whole) >= 0 else Fraction(floored(whole)) - Fraction(int(digits), 10 ** len(digits)) * 1000
    )


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2015-05-17", "2015-05-17T00:00:00"),
        ("2015-05-17T10:05", "2015-05-17T10:05:00"),
        ("2015-05-17 10:05Z", "2015-05-17T10:05:00"),
        ("2015-05-17T10:05:03z", "2015-05-17T10:05:03"),
        ("2015-05-17T10:05+02", "2015-05-17T08:05:00"),
        ("2016-07-13T22:42:07.199672+0000", "2016-07-13T22:42:07.199"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.9999", "9999-12-31T23:59:59.999"),
        ("2000-02-29", "2000-02-29T00:00:00"),
        # all of a leap second is the last millisecond of its minute: wherever it stands, nobody drops out by it
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999"),
        ("2016-12-31T23:59:60.2509Z", "2016-12-31T23:59:59.999"),
        ("2017-01-01T01:59:60+02:00", "2016-12-31T23:59:59.999"),
        ("2015-05-17 10:05:60", "2015-05-17T10:05:59.999"),
        ("9999-12-31T23:59:60.999999Z", "9999-12-31T23:59:59.999"),
    ],
)
def test_iso_accepts(text, iso):
    assert times.parse_text(text) == floored(datetime.fromisoformat(iso).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2015",
        "2015-05",
        "2015-5-17",
        "20150517",
        "0000-01-01",
        "2015-00-10",
        "2015-13-10",
        "2015-04-31",
        "1900-02-29",
        "2015-02-29",
        "2015-05-17T",
        "2015-05-17Z",
        "2015-05-17T10",
        "2015-05-17T10Z",
        "2015-05-17T1005",
        "2015-05-17  10:05",
        "2015-05-17T24:00:00",
        "2015-05-17T10:60:00",
        "2016-12-31T23:59:61Z",
        "2016-12-31T23:60:60Z",
        "2015-05-17T10:05:03.",
        "2015-05-17T10:05:03.Z",
        "2015-05-17T10:05.5",
        "2015-05-17T10:05:3",
        "2015-05-17T10:05:03 Z",
        "2015-05-17T10:05:03+",
        "2015-05-17T10:05:03+2",
        "2015-05-17T10:05:03+24:00",
        "2015-05-17T10:05:03+02:6",
        "2015-05-17T10:05:03+02:60",
        "2015-05-17T10:05:03+02000",
        "2015-05-17T10:05:03ZZ",
        " 2015-05-17",
        "2015-05-17 ",
        "+2015-05-17",
        "20a5-05-17",
        "٢015-05-17",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_iso_refuses(text):
    assert times.parse_text(text) is None


@given(st.text("0123456789-:TZ+., ", max_size=30))
@settings(max_examples=1000, deadline=None)
def test_what_iso_accepts_datetime_does_not_contradict(text):
    value = times.parse_text(text)
    if value is None:
        return
    match = re.fullmatch(r"(\S{10})(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?(Z|[+-].+)?)?", text)
    assert match is not None
    day, clock, digits, zone = match.groups()
    leap = (clock or "").endswith(":60")
    clock = (clock or "00:00")[:5] + ":59" if leap else clock or "00:00"
    moment = datetime.fromisoformat(day + "T" + clock + (zone or "Z"))
    assert value == floored(moment) + (999 if leap else int(((digits or "") + "000")[:3]))


FORMATS = [
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y%m%dT%H%M%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%B %d %Y %H:%M:%S",
    "%y/%j %H:%M:%S",
    "100%% %Y/%m/%d",
]


@given(st.datetimes(min_value=datetime(1969, 1, 2), max_value=datetime(2068, 12, 30)), OFFSETS)
@settings(max_examples=300, deadline=None)
def test_formats_agree_with_strptime(local, minutes):
    aware = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    for time_format in FORMATS:
        text = aware.strftime(time_format)
        expected = datetime.strptime(text, time_format)
        expected = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
        assert times.parse_text(text, time_format) == floored(expected), (text, time_format)


@pytest.mark.parametrize(
    ("text", "time_format", "iso"),
    [
        ("17/may/2015:1:05:03 Z", "%d/%b/%Y:%H:%M:%S %z", "2015-05-17T01:05:03"),
        ("Apr  7 2004", "%b %d %Y", "2004-04-07T00:00:00"),
        ("may 7 2004", "%B %d %Y", "2004-05-07T00:00:00"),
        ("2004", "%Y", "2004-01-01T00:00:00"),
        ("2016-12-31 23:59:60.5", "%Y-%m-%d %H:%M:%S.%f", "2016-12-31T23:59:59.999"),
        ("9.60:59:23 2016-366", "%f.%S:%M:%H %Y-%j", "2016-12-31T23:59:59.999"),
        ("2004-366", "%Y-%j", "2004-12-31T00:00:00"),
        ("-1", "%s", "1969-12-31T23:59:59"),
        ("2019/04/04 16:23:00.325010", "%Y/%m/%d %H:%M:%S.%f", "2019-04-04T16:23:00.325"),
    ],
)
def test_format_accepts(text, time_format, iso):
    assert times.parse_text(text, time_format) == floored(datetime.fromisoformat(iso).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "time_format"),
    [
        ("2005-366", "%Y-%j"),
        ("2005-0", "%Y-%j"),
        ("31 Apr 2004", "%d %b %Y"),
        ("0 Apr 2004", "%d %b %Y"),
        ("7 Abr 2004", "%d %b %Y"),
        ("7 Apr 204", "%d %b %Y"),
        ("7 Apr 2004 ", "%d %b %Y"),
        ("7 Apr", "%d %b %Y"),
        ("7  Apr 2004", "%d %b %Y"),
        ("2004 61", "%Y %S"),
        ("2004 24", "%Y %H"),
        ("2004 60", "%Y %M"),
        ("2004 ", "%Y %f"),
        ("2004 13", "%Y %m"),
        ("2004 +1", "%Y %z"),
        ("99999999999999", "%s"),
        ("--1", "%s"),
        ("", "%s"),
        ("Xyz 2004", "%a %Y"),
    ],
)
def test_format_refuses(text, time_format):
    assert times.parse_text(text, time_format) is None


@pytest.mark.parametrize(
    ("time_format", "message"),
    [
        ("%Y-%Q", "unknown directive '%Q'"),
        ("%Y-%", "unknown directive '%'"),
        ("%H:%M", "no year"),
        ("%Y-%Y", "twice"),
        ("%Y %d", "no month"),
        ("%Y %y %m %d", "two directives"),
        ("%Y %j %m", "both %j"),
        ("%s %Y", "both %s"),
    ],
)
def test_formats_that_cannot_be(time_format, message):
    with pytest.raises(PlanError, match=re.escape(message)) as caught:
        times.check_format(time_format)
    assert caught.value.hint


@given(st.binary(max_size=40), st.sampled_from(["", *FORMATS, "%s.%f"]))
@settings(max_examples=500, deadline=None)
def test_random_bytes_never_raise(raw, time_format):
    assert times.parse_text(raw, time_format) is None or raw.isascii()


def test_views_and_nulls():
    data = np.frombuffer(bytearray(b"x1970-01-02yz1970-01-01T00:00:01Z"), np.uint8)
    start, length = np.array([13, 1, 1, 1], np.int64), np.array([20, 10, 10, 11], np.int32)
    values, ok = times.parse(data, start, length, np.array([True, True, False, True]))
    assert values.tolist() == [1000, 86_400_000, 0, 0]
    assert ok.tolist() == [True, True, False, False]
    assert times.parse(data, start, length, ALL_VALID)[1].tolist() == [True, True, True, False]


@given(st.lists(st.integers(times.MIN_MS, times.MAX_MS), max_size=5))
@settings(max_examples=300, deadline=None)
def test_format_iso_and_civil_agree_with_datetime(values):
    array = np.array(values, np.int64)
    moments = [EPOCH + timedelta(milliseconds=v) for v in values]
    shown = [f"{m.year:04}" + m.strftime("-%m-%dT%H:%M:%S.") + f"{m.microsecond // 1000:03}Z" for m in moments]
    assert times.format_iso(array).to_list() == shown
    parts = {
        times.YEAR: lambda m: m.year,
        times.MONTH: lambda m: m.month,
        times.DAY: lambda m: m.day,
        times.HOUR: lambda m: m.hour,
        times.MINUTE: lambda m: m.minute,
        times.SECOND: lambda m: m.second,
        times.MILLISECOND: lambda m: m.microsecond // 1000,
        times.WEEKDAY: lambda m: m.isoweekday(),
        times.ORDINAL_DAY: lambda m: m.timetuple().tm_yday,
    }
    for part, oracle in parts.items():
        assert times.civil(array, part).tolist() == [oracle(m) for m in moments]


def test_every_int64_has_a_date():
    extremes = np.array([-(2**63), 2**63 - 1, times.MIN_MS - 1, times.MAX_MS + 1], np.int64)
    assert times.format_iso(extremes).to_list() == [
        "-292275055-05-16T16:47:04.192Z",
        "+292278994-08-17T07:12:55.807Z",
        "0000-12-31T23:59:59.999Z",
        "+10000-01-01T00:00:00.000Z",
    ]


def test_from_ints():
    values = np.array([1, -1, 2**63 - 1, -(2**63)], np.int64)
    assert [v.tolist() for v in times.from_ints(values)] == [values.tolist(), [True] * 4]
    seconds, ok = times.from_ints(values, "s")
    assert seconds[:2].tolist() == [1000, -1000]
    assert ok.tolist() == [True, True, False, False]
    assert times.from_ints(np.array([1999, -1]), "us")[0].tolist() == [1, -1]
    assert times.from_ints(np.array([1_999_999, -1]), "ns")[0].tolist() == [1, -1]


def test_from_floats_rounds_half_away_from_zero():
    values = np.array([1.0625, 0.0005, -0.0005, 0.00049999999999999, 1e300, np.nan, np.inf, -np.inf])
    ms, ok = times.from_floats(values)
    assert ms[:4].tolist() == [1063, 1, -1, 0]
    assert ok.tolist() == [True] * 4 + [False] * 4
    assert times.from_floats(np.array([2.5, -2.5]), "ms")[0].tolist() == [3, -3]
