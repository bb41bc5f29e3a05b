"""Functions of timestamps, in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import times
from caudal.columnar.column import Column, Fixed
from caudal.core.errors import PlanError
from caudal.core.types import INT64, TIMESTAMP
from caudal.expressions.kernel import Kernel, Site, implements, pc, restrict, text_of

_PARTS = ("year", "month", "day", "hour", "minute", "second", "millisecond", "weekday", "ordinal_day")
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 3, "j": 3}


@implements(*_PARTS)
def _part(site: Site) -> Kernel:
    part = getattr(times, site.function.upper())
    return lambda rows, args: Fixed(INT64, times.civil(args[0].values, part), args[0].valid)


@implements("date_trunc")
def _truncate(site: Site) -> Kernel:
    every = site.options["every"]
    return lambda rows, args: Fixed(TIMESTAMP, args[0].values - args[0].values % every, args[0].valid)


@implements("now")
def _now(site: Site) -> Kernel:
    return lambda rows, args: Fixed(TIMESTAMP, np.full(rows, site.now(), np.int64))


@implements("strptime")
def _parse(site: Site) -> Kernel:
    time_format = site.options["format"]
    times.check_format(time_format)

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text = args[0]
        values, ok = times.parse(text.data, text.start, text.length, text.valid_or_all(), time_format)
        return Fixed(TIMESTAMP, values, restrict(None, ok, rows))

    return kernel


@implements("strftime")
def _format(site: Site) -> Kernel:
    pieces = re.findall(r"%.|[^%]+|%", site.options["format"], re.DOTALL)
    for piece in pieces:
        if piece[0] == "%" and piece[1:] not in {*_WIDTHS, "s", "%"}:
            known = " ".join(f"%{d}" for d in _WIDTHS) + " %s %%"
            raise PlanError(
                f"unknown directive '{piece}' in the format '{site.options['format']}'", hint=f"known: {known}"
            )

    def part(values: Any, name: str) -> pa.Array:
        if name == "s":
            return pa.array(values // 1000).cast(pa.large_string())
        number = times.civil(values, dict(zip("YmdHMSfj", (0, 1, 2, 3, 4, 5, 6, 8)))[name])
        return _padded(number, _WIDTHS[name])

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        values = args[0].values
        parts = [
            part(values, p[1]) if p[0] == "%" and p != "%%" else pa.scalar("%" if p == "%%" else p, pa.large_string())
            for p in pieces
        ]
        parts.append(pa.array([""], pa.large_string()).take(pa.array(np.zeros(len(values), np.int64))))
        text: Any = text_of(pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string())), site)
        text.valid = args[0].valid
        return text

    return kernel


def _padded(numbers: Any, width: int) -> pa.Array:
    """Return decimal text with zeros in front, to at least so many digits, behind the sign."""
    digits = pc.utf8_lpad(pa.array(np.abs(numbers)).cast(pa.large_string()), width, "0")
    if not (numbers < 0).any():
        return digits
    sign = pc.if_else(pa.array(numbers < 0), pa.scalar("-", pa.large_string()), pa.scalar("", pa.large_string()))
    return pc.binary_join_element_wise(sign, digits, pa.scalar("", pa.large_string()))
