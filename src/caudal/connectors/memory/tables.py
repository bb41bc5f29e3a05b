"""Arrow batches to columns, without a copy where a column has the declared type already.

A column of another type is found before anything is read; only numbers beyond the declared type, and text and numbers that
stand for times, can still be wrong row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from caudal.columnar import coercion, times
from caudal.columnar.column import Bools, Column, Fixed, Text, arrow_type, from_arrow
from caudal.core.errors import InputError, nearest
from caudal.core.types import FLOAT64, INT64, STRING, TIMESTAMP, DataType, Field, Schema
from caudal.ports.records import Dead, Decoded

_compute: Any = pyarrow.compute  # its functions are made at import, which no type checker sees
_UNITS_PER_MS = {"us": 1_000, "ns": 1_000_000}


def table_of(given: Any) -> pa.Table | None:
    """Return an Arrow table or batch, a polars or pandas frame as a table; None for anything else."""
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    module = type(given).__module__.partition(".")[0]
    if module == "polars" and hasattr(given, "to_arrow"):
        return given.to_arrow()
    if module == "pandas" and hasattr(given, "columns"):
        return pa.Table.from_pandas(given, preserve_index=False)
    return None


def check(given: pa.Schema, schema: Schema) -> None:
    """Raise `InputError` for a declared column that the table has not, or has of a type that does not fit."""
    for field in schema:
        kind: Any = given
        for depth, key in enumerate(field.keys):
            names = kind.names if depth == 0 else [kind.field(i).name for i in range(kind.num_fields)]
            path = ".".join(field.keys[: depth + 1])
            if names.count(key) != 1:
                problem = "no column" if key not in names else "more than one column"
                raise InputError(f"the table has {problem} '{path}'", hint=nearest(key, names))
            kind = kind.field(key).type
            if depth + 1 < len(field.keys) and not pa.types.is_struct(kind):
                raise InputError(f"column '{path}' of the table is {kind}, not a struct")
        if not _fits(kind, field.dtype):
            raise InputError(
                f"column '{'.'.join(field.keys)}' of the table is {kind}, not {field.dtype}",
                hint="declare it as the table has it, and cast it in the pipeline",
            )


def decode(batch: pa.RecordBatch, schema: Schema, first: int) -> Decoded:
    """Return the rows of a batch; `first` is the position of its first row."""
    position = np.arange(first, first + batch.num_rows, dtype=np.int64)
    columns: dict[str, Column] = {}
    wrong: dict[int, tuple[str, str]] = {}
    for field in schema:
        array = batch.column(batch.schema.get_field_index(field.keys[0]))
        for key in field.keys[1:]:
            array = _compute.struct_field(array, key)
        columns[field.name], good = _convert(array, field)
        if good is not None and not good.all():
            for row in np.flatnonzero(~good).tolist():
                wrong.setdefault(row, _refused(field, array[row].as_py()))
    if not wrong:
        return Decoded(columns, batch.num_rows, position)
    dead = [
        Dead.of(first + row, reason, message, repr(batch.slice(row, 1).to_pylist()[0]).encode("utf-8", "replace"))
        for row, (reason, message) in sorted(wrong.items())
    ]
    rows = np.delete(np.arange(batch.num_rows), list(wrong))
    return Decoded({name: c.take(rows) for name, c in columns.items()}, len(rows), position[rows], dead)


def _refused(field: Field, value: Any) -> tuple[str, str]:
    """Return the reason and the message of a value that does not fit."""
    if field.dtype.name == "timestamp":
        return "type", f"field '{field.name}' is not a time: {value!r:.100}"
    return "range", f"field '{field.name}' is out of the range of {field.dtype}"


def _is_string(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _fits(kind: pa.DataType, dtype: DataType) -> bool:
    """Whether the values of a column can be read as the declared type, as far as their type says."""
    is_ = pa.types
    if dtype.is_integer:
        return is_.is_integer(kind) or (is_.is_decimal(kind) and kind.scale <= 0) or is_.is_null(kind)
    if dtype.name in ("float64", "string") and is_.is_decimal(kind):
        return True
    if dtype.name == "duration" and is_.is_integer(kind):
        return True
    if dtype.name == "timestamp" and (is_.is_integer(kind) or is_.is_floating(kind) or _is_string(kind)):
        return True
    return _fits_inside(kind, dtype)


def _fits_inside(kind: pa.DataType, dtype: DataType) -> bool:
    """Whether every value of a type, which may be inside a list or struct, fits: there, text and numbers are no times."""
    is_ = pa.types
    if is_.is_null(kind):
        return True
    if dtype.item is not None:
        lists = is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind)
        return lists and _fits_inside(kind.value_type, dtype.item)
    if dtype.name == "struct":
        inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)} if is_.is_struct(kind) else {}
        return bool(inner) and all(f.name in inner and _fits_inside(inner[f.name], f.dtype) for f in dtype.fields)
    if dtype.is_integer:
        bits = 32 if dtype.name == "int32" else 64
        return is_.is_integer(kind) and kind.bit_width <= bits - is_.is_unsigned_integer(kind)
    if dtype.is_float:
        return (is_.is_floating(kind) and kind.bit_width <= int(dtype.name[5:])) or (
            dtype.name == "float64" and is_.is_integer(kind)
        )
    if dtype.name == "bool":
        return is_.is_boolean(kind)
    if dtype.name == "string":
        return _is_string(kind)
    if dtype.name == "binary":
        return is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_binary_view(kind)
    if dtype.name == "duration":
        return is_.is_duration(kind) or is_.is_int64(kind)
    return is_.is_timestamp(kind) or is_.is_date(kind)


def _convert(array: pa.Array, field: Field) -> tuple[Column, Bools | None]:
    """Return the column, and where its values are good (None: everywhere)."""
    kind, dtype = array.type, field.dtype
    if dtype.name == "timestamp" and _is_string(kind):
        text = from_arrow(array, STRING)
        assert isinstance(text, Text)
        parsed, good = times.parse(
            text.data, text.start, text.length, text.valid_or_all(), field.time_format, local=field.local
        )
        return Fixed(TIMESTAMP, parsed, text.valid), good if text.valid is None else good | ~text.valid
    if dtype.name == "timestamp" and pa.types.is_float16(kind):
        return _convert(coercion.coerced(array, FLOAT64)[0], field)
    if dtype.name == "timestamp" and pa.types.is_unsigned_integer(kind):
        numbers, good = coercion.coerced(array, INT64)
        column, ok = _convert(numbers, field)
        return column, ok if good is None else good if ok is None else ok & good
    if dtype.name == "timestamp" and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        counts = from_arrow(array, INT64 if pa.types.is_integer(kind) else FLOAT64)
        assert isinstance(counts, Fixed)
        if pa.types.is_integer(kind) and field.unit in ("", "ms"):
            return Fixed(TIMESTAMP, counts.values, counts.valid), None
        scale = times.from_ints if pa.types.is_integer(kind) else times.from_floats
        made, good = scale(counts.values, field.unit)
        return Fixed(TIMESTAMP, made, counts.valid), good if counts.valid is None else good | ~counts.valid
    rounded = dtype.name == "float64" and pa.types.is_integer(kind)
    if not rounded and (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        numbers, good = coercion.coerced(array, dtype)
        return from_arrow(numbers, dtype), good
    column = from_arrow(_as_declared(array, dtype), dtype)
    if field.local and isinstance(column, Fixed) and getattr(kind, "tz", None) is None:
        return Fixed(TIMESTAMP, column.values + times.LOCAL_TIME, column.valid), None
    return column, None


def _as_declared(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return the array with times floored to milliseconds and, inside, the declared fields only."""
    kind = array.type
    if dtype.name == "struct" and pa.types.is_struct(kind):
        parts = [_as_declared(_compute.struct_field(array, f.name), f.dtype) for f in dtype.fields]
        mask = array.is_null() if array.null_count else None
        made = [part.cast(arrow_type(f.dtype)) for part, f in zip(parts, dtype.fields)]
        return pa.StructArray.from_arrays(made, [f.name for f in dtype.fields], mask=mask)
    if dtype.item is not None and not pa.types.is_null(kind):
        if dtype.item.is_nested or pa.types.is_temporal(kind.value_type):
            array = array.cast(pa.large_list(kind.value_type))
            lengths = _compute.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
            inner = _as_declared(array.flatten(), dtype.item).cast(arrow_type(dtype.item))
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
            return pa.LargeListArray.from_arrays(offsets, inner, mask=array.is_null() if array.null_count else None)
        return array
    if (pa.types.is_timestamp(kind) or pa.types.is_duration(kind)) and kind.unit in _UNITS_PER_MS:
        mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        counts = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) // _UNITS_PER_MS[kind.unit]
        return pa.array(counts, mask=mask)
    if dtype.name == "float64" and pa.types.is_integer(kind):
        return array.cast(pa.float64(), safe=False)  # rounded to the nearest, as the same number in JSON is
    return array
