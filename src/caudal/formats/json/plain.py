"""Arrow arrays to JSON text in Python: what `encode` writes, byte for byte, until its kernel is compiled."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

_CYCLE = 146_097
"""Days of 400 years."""
_FIRST = datetime.date(2000, 1, 1).toordinal()
_BEFORE = (datetime.date(2000, 1, 1) - datetime.date(1970, 1, 1)).days

_text: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode


def lines(batch: pa.RecordBatch) -> bytes:
    """Return the rows as lines of JSON objects, keys in the order of the columns.

    Raises `TypeError` for a type that caudal does not have.
    """
    return "".join(f"{row}\n" for row in _objects(batch.columns, batch.schema.names, batch.num_rows)).encode()


def _objects(arrays: Iterable[pa.Array], names: list[str], rows: int) -> list[str]:
    keyed = [[f"{_text(name)}:{value}" for value in _values(array)] for name, array in zip(names, arrays)]
    return [f"{{{','.join(row)}}}" for row in zip(*keyed)] if keyed else ["{}"] * rows


def _values(array: pa.Array) -> list[str]:
    """Return the text of each value."""
    kind, types = array.type, pa.types
    if types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        found = _objects([array.field(i) for i in range(kind.num_fields)], names, len(array))
        return [text if there else "null" for text, there in zip(found, array.is_valid().to_pylist())]
    if types.is_list(kind) or types.is_large_list(kind):
        return ["null" if not items.is_valid else f"[{','.join(_values(items.values))}]" for items in array]
    if types.is_timestamp(kind) or types.is_duration(kind):
        counts = array.cast(pa.timestamp("ms", kind.tz) if types.is_timestamp(kind) else pa.duration("ms"), safe=False)
        show: Callable[[Any], str] = _instant if types.is_timestamp(kind) else str
        return _each(counts.view(pa.int64()), show)
    if types.is_floating(kind):
        return _each(array, partial(_real, np.float32 if types.is_float32(kind) else float))
    for fits, show in _SHOWN:
        if fits(kind):
            return _each(array, show)
    raise TypeError(f"no column of caudal has the type {kind}")


def _each(array: pa.Array, show: Callable[[Any], str]) -> list[str]:
    return ["null" if value is None else show(value) for value in array.to_pylist()]


def _binary(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


_SHOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any], str]], ...] = (
    (pa.types.is_null, str),
    (pa.types.is_boolean, lambda value: "true" if value else "false"),
    (pa.types.is_int64, str),
    (pa.types.is_int32, str),
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), _text),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), _binary),
)


def _real(kind: Callable[[float], Any], value: float) -> str:
    """Return a float as `printing` spells it, by the digits of Python's or numpy's shortest text."""
    if not math.isfinite(value):
        return "null"
    sign, digits, exponent = Decimal(str(kind(value))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if not text:
        return "0.0"
    if 0 < point <= 16:
        return f"{minus}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"
    if -5 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[0]}{'.' if len(text) > 1 else ''}{text[1:]}e{point - 1:+d}"


def _instant(milliseconds: int) -> str:
    """Return an instant of any year in ISO 8601, in quotes; see `columnar.times.format_iso`."""
    days, rest = divmod(milliseconds, 86_400_000)
    cycles, days = divmod(days - _BEFORE, _CYCLE)
    date = datetime.date.fromordinal(_FIRST + days)
    year = date.year + 400 * cycles
    sign = "" if 0 <= year <= 9999 else "-" if year < 0 else "+"
    minutes, ms = divmod(rest, 60_000)
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
    return f'"{sign}{abs(year):04d}-{date.month:02d}-{date.day:02d}T{clock}Z"'
