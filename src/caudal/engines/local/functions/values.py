"""Arrow arrays and the Python values of row functions: the one into the other, by declared types.

What a function returns is fitted value by value (`fitter`, `recorder`), so that a mistake is found at the row that made it
and a fold sees the same state whether or not it was written in between. Arrays are built from buffers and read from
them: pa.array() and to_numpy() would import pandas where it is installed. Worker processes import this; it imports
nothing of caudal's.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Misshapen(Exception):
    """What the function returned has another form than its declaration: a message, a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Misfit(Exception):
    """A value that does not fit a type: the value, what is declared, a hint, the key that it stands under."""

    def __init__(self, value: Any, wanted: str, hint: str = "", key: str = "") -> None:
        super().__init__(wanted)
        self.value = value
        self.wanted = wanted
        self.hint = hint
        self.key = key


def _type_name(kind: pa.DataType) -> str:
    """Return caudal's name of an Arrow type."""
    if pa.types.is_large_list(kind):
        return f"list<{_type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ", ".join(f"{f.name}: {_type_name(f.type)}" for f in kind) + ">"
    names = {"float": "float32", "double": "float64"}
    text = str(kind).partition("[")[0].removeprefix("large_")
    return names.get(text, text)


def _validity(array: pa.Array) -> list[bool]:
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=len(array), bitorder="little").view(np.bool_).tolist()


def read(array: pa.Array) -> list[Any]:
    """Return the Python values of an array without an offset; raises `OverflowError` for a time beyond Python's."""
    values = _present(array)
    if array.null_count:
        return [v if known else None for v, known in zip(values, _validity(array))]
    return values


def _present(array: pa.Array) -> list[Any]:
    kind, rows = array.type, len(array)
    if rows == 0:
        return []
    if pa.types.is_struct(kind):
        names = [f.name for f in kind]
        return [dict(zip(names, row)) for row in zip(*(read(array.field(i)) for i in range(len(names))))]
    buffers = array.buffers()
    if pa.types.is_large_list(kind):
        ends = np.frombuffer(buffers[1], np.int64, rows + 1).tolist()
        items = read(array.values)
        return [items[a:b] for a, b in pairwise(ends)]
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        ends = np.frombuffer(buffers[1], np.int64, rows + 1).tolist()
        data = b"" if buffers[2] is None else buffers[2].to_pybytes()
        if pa.types.is_large_binary(kind):
            return [data[a:b] for a, b in pairwise(ends)]
        return [data[a:b].decode() for a, b in pairwise(ends)]
    if pa.types.is_boolean(kind):
        bits = np.frombuffer(buffers[1], np.uint8)
        return np.unpackbits(bits, count=rows, bitorder="little").view(np.bool_).tolist()
    numbers = np.frombuffer(buffers[1], _NUMPY.get(kind, np.int64), rows)
    if array.null_count and kind not in _NUMPY:
        numbers = np.where(_validity(array), numbers, 0)
    if pa.types.is_timestamp(kind):
        return [_EPOCH + timedelta(0, 0, 0, ms) for ms in numbers.tolist()]
    if pa.types.is_duration(kind):
        return [timedelta(0, 0, 0, ms) for ms in numbers.tolist()]
    return numbers.tolist()


_NUMPY: dict[pa.DataType, Any] = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def write(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of values that a fit of this type has passed. Built from buffers: pa.array imports pandas."""
    known = [v is not None for v in values]
    bitmap = None if all(known) else pa.py_buffer(np.packbits(known, bitorder="little"))
    if pa.types.is_struct(kind):
        children = [write([None if v is None else v[f.name] for v in values], f.type) for f in kind]
        return pa.StructArray.from_buffers(kind, len(values), [bitmap], children=children)
    if pa.types.is_large_list(kind):
        lists: list[Any] = [v or () for v in values]
        items = write([item for v in lists for item in v], kind.value_type)
        return pa.LargeListArray.from_buffers(kind, len(values), [bitmap, _ends(lists)], children=[items])
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        text = pa.types.is_large_string(kind)
        raw: list[Any] = [b"" if v is None else v.encode() if text else v for v in values]
        return pa.Array.from_buffers(kind, len(values), [bitmap, _ends(raw), pa.py_buffer(b"".join(raw))])
    if pa.types.is_boolean(kind):
        bits = np.packbits(np.array([bool(v) for v in values], np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(bits)])
    if pa.types.is_timestamp(kind):
        values = [None if v is None else (v - _EPOCH) // _MILLISECOND for v in values]
    elif pa.types.is_duration(kind):
        values = [None if v is None else v // _MILLISECOND for v in values]
    numbers = np.array([0 if v is None else v for v in values] if bitmap else values, _NUMPY.get(kind, np.int64))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(numbers)])


def _ends(values: list[Any]) -> pa.Buffer:
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(v) for v in values], out=ends[1:])
    return pa.py_buffer(ends)


def fitter(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes a value one of this type, or raises `Misfit`; None stays None."""
    name = _type_name(kind)
    if pa.types.is_large_list(kind):
        item = fitter(kind.value_type)

        def a_list(value: Any) -> Any:
            if value is None:
                return None
            if isinstance(value, np.ndarray):
                value = value.tolist()
            if not isinstance(value, list | tuple):
                raise Misfit(value, name)
            return [item(v) for v in value]

        return a_list
    if pa.types.is_struct(kind):
        record = recorder(kind, "field")
        names = [f.name for f in kind]

        def a_struct(value: Any) -> Any:
            return None if value is None else dict(zip(names, record(value)))

        return a_struct
    if pa.types.is_integer(kind):
        return _integer(name, 1 << (kind.bit_width - 1))

    known: dict[str, Callable[[Any], Any]] = {
        "float32": lambda v: array("f", [float(v)])[0] if _is_real(v) else None,
        "float64": lambda v: float(v) if _is_real(v) else None,
        "bool": lambda v: bool(v) if isinstance(v, np.bool_) else None,
        "string": _text,
        "binary": lambda v: bytes(v) if isinstance(v, bytes | bytearray | memoryview) else None,
        "timestamp": _timestamp,
        "duration": lambda v: v // _MILLISECOND * _MILLISECOND if isinstance(v, timedelta) else None,
    }
    exact = {"float64": float, "bool": bool, "binary": bytes}.get(name)
    change = known[name]

    def a_value(value: Any) -> Any:
        if value is None or type(value) is exact:
            return value
        try:
            changed = change(value)
        except (OverflowError, ValueError, TypeError):
            changed = None
        if changed is None:
            hint = "return a datetime, for example datetime.fromtimestamp(seconds, UTC)" if name == "timestamp" else ""
            raise Misfit(value, name, hint)
        return changed

    def a_text(value: Any) -> Any:
        return value if type(value) is str and value.isascii() else a_value(value)

    return a_text if name == "string" else a_value


def _integer(name: str, bound: int) -> Callable[[Any], Any]:
    def an_integer(value: Any) -> Any:
        if type(value) is not int:
            if value is None:
                return None
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise Misfit(value, name)
            value = int(value)
        if not -bound <= value < bound:
            raise Misfit(value, name, f"an {name} is at least -{bound} and less than {bound}")
        return value

    return an_integer


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return None
    value = str.__str__(value)
    value.encode()  # raises for a lone surrogate, a ValueError
    return value


def _timestamp(value: Any) -> Any:
    if not isinstance(value, datetime):
        return None
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return _EPOCH + (moment - _EPOCH) // _MILLISECOND * _MILLISECOND


def recorder(kind: Iterable[pa.Field], what: str) -> Callable[[Any], list[Any]]:
    """Return what makes a mapping the values of these fields, or raises `Misfit`; missing keys give None."""
    fits = [(f.name, fitter(f.type)) for f in kind]
    names = {name for name, _ in fits}

    def a_record(value: Any) -> list[Any]:
        if not isinstance(value, Mapping):
            raise Misfit(value, "a dict")
        if not value.keys() <= names:
            unknown = next(key for key in value if key not in names)
            raise Misshapen(f"returned the unknown {what} {short(unknown)}", _nearest(unknown, names))
        get = value.get
        values: list[Any] = []
        for name, fit in fits:
            try:
                values.append(fit(get(name)))
            except Misfit as misfit:
                raise Misfit(misfit.value, misfit.wanted, misfit.hint, misfit.key or name) from None
        return values

    return a_record


def _nearest(name: Any, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(name), sorted(known), n=1)
    return f"did you mean '{close[0]}'?" if close else "declared: " + ", ".join(sorted(known))


def short(value: Any, most: int = 60) -> str:
    """Return a value as text of at most `most` characters."""
    try:
        text = repr(value)
    except BaseException:  # also SystemExit: it is the user's code that runs here
        text = f"<{type(value).__name__}>"
    return clean(text if len(text) <= most else text[: most - 3] + "...")


def clean(text: str) -> str:
    """Return the text with lone surrogates written out, so that it can be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()


def frame_batch(result: Any, schema: pa.Schema) -> pa.RecordBatch:
    """Return a polars frame as a record batch of this schema; raises `Misfit` or `Misshapen`."""
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        raise Misfit(result, "a polars DataFrame", "end with .collect()" if isinstance(result, pl.LazyFrame) else "")
    for name in result.columns:
        if name not in schema.names:
            raise Misshapen(f"returned the unknown column '{name}'", _nearest(name, schema.names))
    for name in schema.names:
        if name not in result.columns:
            raise Misshapen(f"returned a frame without the column '{name}'", _nearest(name, result.columns))
    table = result.to_arrow(compat_level=pl.CompatLevel.oldest())
    arrays: list[pa.Array] = []
    for wanted in schema:
        got = table.column(wanted.name).combine_chunks()
        try:
            arrays.append(_cast(got, wanted.type))
        except pa.ArrowInvalid as error:
            raise Misshapen(
                f"returned the column '{wanted.name}' of type {result.schema[wanted.name]} where "
                f"{_type_name(wanted.type)} is declared",
                str(error).partition("\n")[0] or f"cast it: pl.col('{wanted.name}').cast(...)",
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return the array as the type `wanted`; raises `pa.ArrowInvalid` for another kind of values."""
    if array.type == wanted:
        return array
    if not _alike(array.type, wanted):
        raise pa.ArrowInvalid("")
    if pa.types.is_timestamp(wanted):
        import pyarrow.compute as pc

        array = pc.call_function("floor_temporal", [array], pc.RoundTemporalOptions(unit="millisecond"))
    return array.cast(wanted, safe=pa.types.is_integer(wanted) or pa.types.is_nested(wanted))


def _alike(got: pa.DataType, wanted: pa.DataType) -> bool:
    if got == wanted or pa.types.is_null(got):
        return True
    if pa.types.is_floating(wanted):
        return pa.types.is_integer(got) or pa.types.is_floating(got)
    if pa.types.is_large_list(wanted):
        lists = pa.types.is_large_list(got) or pa.types.is_list(got) or pa.types.is_fixed_size_list(got)
        return lists and _alike(got.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return (
            pa.types.is_struct(got)
            and [f.name for f in got] == [f.name for f in wanted]
            and all(_alike(a.type, b.type) for a, b in zip(got, wanted))
        )
    kinds = (pa.types.is_integer, pa.types.is_timestamp, pa.types.is_duration)
    return any(kind(wanted) and kind(got) for kind in kinds)
