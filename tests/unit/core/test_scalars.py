"""Single values are read as whole columns are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from caudal.columnar import times
from caudal.core import scalars

TEXTS = {
    "": [
        "2015-05-17",
        "2015-05-17T10:05:03.25+02:00",
        "0001-01-01T00:00:00+0100",
        "9999-12-31 23:59:59,999",
        "2015-02-29",
        "2016-02-29t01:02z",
        "2015-05-17 10:05:03-07",
        "2015-05-17T10:05:60",
        "2016-12-31T23:59:60.5Z",
        "2015-05-17T24:00",
        "1969-12-31T23:59:59.9999Z",
    ],
    "%d/%b/%Y:%H:%M:%S %z": ["17/May/2015:10:05:03 +0000", " 7/may/2015:1:5:3 -0730", "31/Feb/2000:00:00:00 Z"],
    "%f.%S:%M %Y": ["123.60:59 2016", "9.60:00 2016", "0.59:59 2016"],
    "%s.%f": ["-5.1001", "123.4", "-0.0001", "-0.0010"],
    "%s": ["-5", "12345678901234", "253402300800"],
    "%Y%m%d%H%M%S": ["20150517100503", "20150517105960", "201551"],
    "%y%j": ["15366", "16366", "69001", "00000"],
    "%a, %d %B %Y %H:%M:%S.%f%z": ["Mon, 7 May 2015 1:2:3.9999+0530", "sun, 17 DECEMBER 2015 11:2:33.1z"],
    "%H%z%Y": ["10+0120152015", "5+012015", "5+01:302015"],
    "%z%Y-%j": ["+01152015-1", "-12:302000-60", "+012015-5"],
    "%Y%%%jſ": ["2015%5ſ", "2015%5s"],
}
LETTERS = "0123456789:-+.,TZz /JanFebmay %ſK１²"


def changed(r: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(r.choice((0, 1, 1, 2, 3))):
        at = r.randrange(len(letters) + 1)
        letters[at : at + r.randrange(2)] = r.choice((r.choice(LETTERS), ""))
    return "".join(letters)


@pytest.mark.parametrize("time_format", TEXTS)
def test_times_of_text(time_format) -> None:
    r = random.Random(1)
    texts = [changed(r, r.choice(TEXTS[time_format])) for _ in range(2_000)]
    found = [scalars.time_of_text(text, time_format) for text in texts]
    assert found == [times.parse_text(text, time_format) for text in texts]
    assert 50 < sum(value is not None for value in found) < 2_000


@pytest.mark.parametrize("unit", ["", "s", "ms", "us", "ns"])
def test_times_of_numbers(unit) -> None:
    r = random.Random(2)
    edge = 2**63 // 1000
    whole = [r.randrange(-(2**63), 2**63) for _ in range(500)] + [*range(-5, 5), *range(-1_001, -998)]
    whole += [edge + i for i in range(-3, 4)] + [-edge + i for i in range(-3, 4)]
    made, fits = times.from_ints(np.array(whole), unit)
    assert [scalars.time_of_int(v, unit) for v in whole] == [int(m) if ok else None for m, ok in zip(made, fits)]
    real = [r.uniform(-1e10, 1e10) for _ in range(500)] + [10 ** r.uniform(-5, 25) for _ in range(500)]
    real += [(i + 0.5) / 1000 for i in range(-5, 5)] + [float("nan"), float("inf"), -float("inf"), *map(float, whole)]
    for narrow in (False, True):
        values = np.array(real, np.float32 if narrow else np.float64)
        made, fits = times.from_floats(values, unit)
        found = [scalars.time_of_float(v, unit, narrow=narrow) for v in values.tolist()]
        assert found == [int(m) if ok else None for m, ok in zip(made, fits)]
