"""Dicts to columns: each value must be one of its column's type, as in a JSON record; Python's own times are times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import times
from caudal.columnar.column import Column, arrow_type, from_arrow, from_list
from caudal.core import duration, scalars
from caudal.core.errors import PlanError
from caudal.core.types import DataType, Field, Schema
from caudal.ports.records import Dead, Decoded, holds

ROW_BYTES = 256
"""What a dict is taken to weigh when a part of so and so many bytes is asked for."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MAX_FLOAT32 = float(np.finfo(np.float32).max) * (1 + 2.0**-25)


_NONE = {type(None)}
_PLAIN = {
    name: {kind, type(None)}
    for name, kind in (("string", str), ("int64", int), ("float64", float), ("bool", bool), ("binary", bytes))
}
"""By type: Python's whose values are all of it, save integers beyond 64 bits and texts that are no UTF-8."""


class _Refused(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Converter:
    """Dicts to rows of one schema, part by part; it knows which fields were named already."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._unnamed = schema.places()

    def decode(self, part: Sequence[Mapping[str, Any]], first: int) -> Decoded:
        """Return the rows; `first` is the position of the first."""
        columns, good, dead = convert(part, self._schema, first)
        self._unnamed = {p: keys for p, keys in self._unnamed.items() if not any(holds(row, keys) for row in part)}
        named = frozenset(self._schema.places()) - self._unnamed.keys()
        return Decoded(columns, len(good), np.array(good, np.int64) + first, dead, named=named)

    def decode_tuples(self, names: Sequence[str], part: Sequence[Sequence[Any]], first: int) -> Decoded:
        """Return rows that are tuples of the values of these names, which all of the schema's are among; column by column."""
        columns = _columns(names, part, self._schema)
        if columns is None:  # one of them is no row: which, and why
            return self.decode([dict(zip(names, row, strict=True)) for row in part], first)
        self._unnamed = {}
        places = np.arange(first, first + len(part), dtype=np.int64)
        return Decoded(columns, len(part), places, [], named=frozenset(self._schema.places()))


def _columns(names: Sequence[str], part: Sequence[Sequence[Any]], schema: Schema) -> dict[str, Column] | None:
    """Return the columns of tuples, None where a value is none of its column's type."""
    made: dict[str, Column] = {}
    try:
        for field in schema:
            (key,) = field.keys
            at, dtype = names.index(key), field.dtype
            values = [row[at] for row in part]
            if {*map(type, values)} <= _PLAIN.get(dtype.name, _NONE):
                made[field.name] = from_arrow(pa.array(values, arrow_type(dtype)), dtype)
            else:
                made[field.name] = from_list([_value(value, dtype, field, key) for value in values], dtype)
    except (_Refused, pa.ArrowInvalid, UnicodeEncodeError, OverflowError):
        return None
    return made


def convert(
    rows: Sequence[Mapping[str, Any]], schema: Schema, first: int
) -> tuple[dict[str, Column], list[int], list[Dead]]:
    """Return the columns of the rows that are good, which those are, and dead letters for the others.

    A missing key is null. `first` is the position of the first row.
    """
    values: list[list[Any]] = [[] for _ in schema]
    good: list[int] = []
    dead: list[Dead] = []
    for i, row in enumerate(rows):
        try:
            made = [_field(row, field) for field in schema]
        except _Refused as refused:
            payload = repr(dict(row)).encode("utf-8", "backslashreplace")
            dead.append(Dead.of(first + i, refused.reason, str(refused), payload))
            continue
        good.append(i)
        for column, value in zip(values, made):
            column.append(value)
    return {f.name: from_list(column, f.dtype) for f, column in zip(schema, values)}, good, dead


def _field(record: Any, field: Field, within: str = "") -> Any:
    value, name = record, within
    for key in field.keys:
        if not isinstance(value, Mapping):
            raise _mismatch(name, "a mapping", value)
        name = f"{name}.{key}" if name else key
        value = value.get(key)
        if value is None:
            return None
    return _value(value, field.dtype, field, name)


def _value(value: Any, dtype: DataType, field: Field, name: str) -> Any:
    if value is None:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if dtype.item is not None:
        if not isinstance(value, list | tuple | np.ndarray):
            raise _mismatch(name, "a list", value)
        return [_value(item, dtype.item, field, f"{name}[{i}]") for i, item in enumerate(value)]
    if dtype.name == "struct":
        return {inner.name: _field(value, inner, name) for inner in dtype.fields}
    return _SCALARS[dtype.name](value, field, name)


def _mismatch(name: str, wanted: str, value: Any) -> _Refused:
    return _Refused("type", f"field '{name}' takes {wanted}, not {type(value).__name__} ({value!r:.100})")


def _out_of_range(name: str, dtype: str) -> _Refused:
    return _Refused("range", f"field '{name}' is out of the range of {dtype}")


def _only(kind: type, wanted: str) -> Callable[[Any, Field, str], Any]:
    def check(value: Any, field: Field, name: str) -> Any:
        if not isinstance(value, kind):
            raise _mismatch(name, wanted, value)
        return value

    return check


def _string(value: Any, field: Field, name: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(name, "a string", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Refused("utf8", f"field '{name}' holds half of a surrogate pair") from None
    return value


def _whole(bits: int) -> Callable[[Any, Field, str], int]:
    limit = 2 ** (bits - 1)

    def check(value: Any, field: Field, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mismatch(name, f"an int{bits}", value)
        if not -limit <= value < limit:
            raise _out_of_range(name, f"int{bits}")
        return value

    return check


def _real(bits: int, limit: float) -> Callable[[Any, Field, str], float]:
    def check(value: Any, field: Field, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(name, f"a float{bits}", value)
        try:
            number = float(value)
        except OverflowError:
            raise _out_of_range(name, f"float{bits}") from None
        if math.isfinite(number) and abs(number) >= limit:
            raise _out_of_range(name, f"float{bits}")
        return number

    return check


def _timestamp(value: Any, field: Field, name: str) -> int:
    bare = scalars.LOCAL_TIME if field.local else 0  # where it says nothing of a time zone
    if isinstance(value, datetime):
        made = ((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
        return made if value.tzinfo else made + bare
    if isinstance(value, date):
        return (value - _EPOCH.date()) // _MILLISECOND + bare
    if isinstance(value, str):
        parsed = scalars.time_of_text(value, field.time_format, field.local)
        if parsed is None:
            wanted = f"a time of the form {field.time_format!r}" if field.time_format else "an ISO 8601 time"
            raise _mismatch(name, wanted, value)
        return parsed
    if isinstance(value, float):
        counts, fits = times.from_floats(np.full(1, value), field.unit)
    else:
        counts, fits = times.from_ints(np.full(1, _WHOLE_64(value, field, name)), field.unit)
    if not fits[0]:
        raise _out_of_range(name, "timestamp")
    return int(counts[0])


def _duration(value: Any, field: Field, name: str) -> int:
    if isinstance(value, timedelta):
        return value // _MILLISECOND
    if isinstance(value, str):
        try:
            return duration.parse(value)
        except PlanError:
            raise _mismatch(name, "a duration such as '1h30m'", value) from None
    return _WHOLE_64(value, field, name)


_WHOLE_64 = _whole(64)
_SCALARS: dict[str, Callable[[Any, Field, str], Any]] = {
    "bool": _only(bool, "a bool"),
    "int32": _whole(32),
    "int64": _WHOLE_64,
    "float32": _real(32, _MAX_FLOAT32),
    "float64": _real(64, math.inf),
    "string": _string,
    "binary": _only(bytes, "bytes"),
    "timestamp": _timestamp,
    "duration": _duration,
}
