"""Files to columns, row group by row group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from caudal.columnar import coercion, times, utf8
from caudal.columnar.column import Bools, Codes, Column, Dictionary, Fixed, Text, Words, arrow_type, from_arrow
from caudal.columnar.numbering import Numbering, renumbered
from caudal.core import types
from caudal.core.errors import InputError, RunError, nearest
from caudal.core.types import DataType, Field, Schema
from caudal.ports.records import Dead, Decoded

compute: Any = pyarrow.compute  # its functions are made at import, which no type checker sees

PART = 131_072
"""Rows of one part."""

_PER_MS = {"s": 0, "ms": 1, "us": 1_000, "ns": 1_000_000}


class ParquetReader:
    """Reads files of one schema; keeps `ports.format.FileReader`."""

    def __init__(self, schema: Schema, needed: frozenset[str]) -> None:
        self._schema = schema
        self._needed = needed

    def read(self, path: str, skip: int) -> Iterator[Decoded]:
        """Yield the rows of a file from row `skip` on; see `FileReader.read`.

        Raises `InputError` when the file is no Parquet, or has a column not or of another type; `RunError` when it
        breaks on the way.
        """
        try:
            opened = pa.OSFile(path)
            file = pq.ParquetFile(opened)
        except (OSError, pa.ArrowException) as error:
            raise InputError("cannot read the file as Parquet", location=path, detail=str(error)) from error
        with opened:
            sources = [_source(field, file.schema_arrow, path) for field in self._schema]
            chosen = [
                (field, stored)
                for field, stored in zip(self._schema, sources)
                if field.name in self._needed or _can_fail(field, stored)
            ]
            words = _in_dictionaries(file.metadata, chosen)
            try:
                if words:
                    file = pq.ParquetFile(opened, metadata=file.metadata, read_dictionary=words)
                yield from self._parts(file, chosen, skip)
            except (OSError, pa.ArrowException) as error:
                raise RunError("the file broke while it was read", location=path, detail=str(error)) from error

    def _parts(self, file: pq.ParquetFile, chosen: list[tuple[Field, pa.DataType]], skip: int) -> Iterator[Decoded]:
        groups, row = _groups_from(file, skip)
        words: dict[str, _StoredWords] = {}
        names = sorted({".".join(field.keys) for field, _ in chosen})
        for batch in file.iter_batches(PART, row_groups=groups, columns=names, use_threads=False):
            count = batch.num_rows
            if row + count > skip:
                cut = max(skip - row, 0)
                yield self._decode(batch.slice(cut), chosen, row + cut, words)
            row += count

    def _decode(
        self,
        batch: pa.RecordBatch,
        chosen: list[tuple[Field, pa.DataType]],
        first: int,
        words: dict[str, _StoredWords],
    ) -> Decoded:
        position = np.arange(first, first + batch.num_rows, dtype=np.int64)
        columns: dict[str, Column] = {}
        bad: dict[int, tuple[str, str, str]] = {}
        for field, _ in chosen:
            array = _inside(batch, field.keys)
            if field.dtype.is_text and pa.types.is_dictionary(array.type):
                column, ok = words.setdefault(field.name, _StoredWords(field.dtype)).column(array), None
            else:
                column, ok = _convert(array, field)
            for row in np.flatnonzero(~ok).tolist() if ok is not None else ():
                bad.setdefault(row, (*_refused(field), repr(array[row].as_py())))
            if field.name in self._needed:
                columns[field.name] = column
        if not bad:
            return Decoded(columns, batch.num_rows, position)
        keep = np.ones(batch.num_rows, np.bool_)
        keep[list(bad)] = False
        rows = np.flatnonzero(keep)
        dead = [
            Dead.of(int(position[row]), reason, f"{message}: {shown[:40]}", shown.encode())
            for row, (reason, message, shown) in sorted(bad.items())
        ]
        return Decoded({name: c.take(rows) for name, c in columns.items()}, len(rows), position[rows], dead)


class _StoredWords:
    """A column of a file that is read as dictionaries, one a row group: numbers their texts alike throughout the file."""

    def __init__(self, dtype: DataType) -> None:
        self._dtype = dtype
        self._numbering = Numbering(dtype, _well_formed)
        self._stored: pa.Array | None = None
        self._texts: Text | None = None
        self._known: tuple[Dictionary, Codes] | None = None

    def column(self, array: pa.DictionaryArray) -> Text:
        """Return the texts of some rows."""
        stored = array.dictionary
        if self._stored is None or not stored.equals(self._stored):
            texts = _large(stored, self._dtype)
            # a dictionary that is longer than a part saves nothing
            few = 0 < len(texts) <= PART and texts.valid is None
            self._known = self._numbering.number(texts) if few else None
            self._stored, self._texts = stored, None if few else _well_formed(texts)
        if self._texts is not None:
            return _looked_up(array, self._texts)
        assert self._known is not None
        dictionary, numbers = self._known
        indices = array.indices.cast(pa.int32())
        codes = from_arrow(indices, types.INT32)
        assert isinstance(codes, Fixed)
        return Words(self._dtype, dictionary, renumbered(numbers, codes.values), codes.valid)


def schema_of(path: str) -> Schema:
    """Return the schema of a file; raises `InputError` when it is no Parquet or has a type that caudal has not."""
    try:
        stored = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError("cannot read the file as Parquet", location=path, detail=str(error)) from error
    return Schema(_field_of(field, path) for field in stored)


def _field_of(stored: pa.Field, path: str) -> Field:
    kind = stored.type
    if pa.types.is_struct(kind):
        return Field(stored.name, types.struct_of(_field_of(kind.field(i), path) for i in range(kind.num_fields)))
    if _is_list(kind):
        return Field(stored.name, types.list_of(_field_of(kind.value_field, path).dtype))
    if pa.types.is_uint64(kind):
        return Field(stored.name, types.INT64)
    for dtype in types.SCALARS.values():
        if _fits(kind, dtype, strict=True):
            return Field(stored.name, dtype)
    raise InputError(f"column '{stored.name}' is {kind}, a type that cannot be read", location=path)


def _source(field: Field, stored: pa.Schema, path: str) -> pa.DataType:
    """Return the stored type of a declared field; raises `InputError` when there is none, or none that fits."""
    kind: Any = stored
    for depth, key in enumerate(field.keys):
        names = [kind.field(i).name for i in range(kind.num_fields)] if depth else kind.names
        if names.count(key) != 1:
            problem = "no column" if key not in names else "more than one column"
            name = ".".join(field.keys[: depth + 1])
            raise InputError(f"the file has {problem} '{name}'", location=path, hint=nearest(key, names))
        kind = kind.field(key).type
        if depth + 1 < len(field.keys) and not pa.types.is_struct(kind):
            raise InputError(f"column '{key}' of the file is {kind}, not a struct", location=path)
    if not _fits(kind, field.dtype):
        raise InputError(
            f"column '{'.'.join(field.keys)}' of the file is {kind}, not {field.dtype}",
            location=path,
            hint=_instead(kind, field.dtype),
        )
    return kind


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_string(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _fits(kind: pa.DataType, dtype: DataType, *, strict: bool = False) -> bool:
    """Whether a stored type can be read as the declared one; `strict`: whether it is the natural one."""
    name = dtype.name
    if pa.types.is_null(kind):  # of a column without a value: pandas writes it so
        return name == "string" or not strict
    if name == "list":
        assert dtype.item is not None
        return _is_list(kind) and _fits(kind.value_type, dtype.item, strict=True)
    if name == "struct":
        if not pa.types.is_struct(kind):
            return False
        found = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        return all(f.name in found and _fits(found[f.name], f.dtype, strict=True) for f in dtype.fields)
    if name == "bool":
        return pa.types.is_boolean(kind)
    if dtype.is_integer:
        if not strict:
            return pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0)
        small = pa.types.is_integer(kind) and (kind.bit_width < 32 or pa.types.is_int32(kind))
        return small or (name == "int64" and (pa.types.is_int64(kind) or pa.types.is_uint32(kind)))
    if name == "float32":
        return pa.types.is_float32(kind) or pa.types.is_float16(kind)
    if name == "float64":
        loose = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        return pa.types.is_float64(kind) or pa.types.is_decimal(kind) or (loose and not strict)
    if name == "string":
        return _is_string(kind) or (pa.types.is_decimal(kind) and not strict)
    if name == "binary":
        return (
            pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
            or pa.types.is_binary_view(kind)
            or pa.types.is_fixed_size_binary(kind)
        )
    if name == "duration":
        return pa.types.is_duration(kind) or (pa.types.is_integer(kind) and not strict)
    natural = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    return natural or (not strict and _counts_or_text(kind))


def _counts_or_text(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or _is_string(kind)


def _can_fail(field: Field, stored: pa.DataType) -> bool:
    return (field.dtype.name == "timestamp" and _counts_or_text(stored)) or coercion.can_fail(field.dtype, stored)


def _refused(field: Field) -> tuple[str, str]:
    """Return the reason and the message of a value that does not fit."""
    if field.dtype.name == "timestamp":
        return "type", f"column '{field.name}' is not a time"
    return "range", f"column '{field.name}' is out of the range of {field.dtype}"


def _instead(kind: pa.DataType, dtype: DataType) -> str:
    """Return what to declare for a stored type that the declared one does not fit."""
    for other in types.SCALARS.values():
        if _fits(kind, other, strict=True):
            return f"declare it as '{other}'" + ("" if dtype.is_nested else " and cast it in the pipeline")
    if _is_list(kind) or pa.types.is_struct(kind):
        return "declare it as a list or struct of what is inside"
    return "this type cannot be read: leave the column out, or write it as text or numbers"


_LENGTH = 4
"""Bytes that each text takes at least where it is written out."""


def _in_dictionaries(metadata: pq.FileMetaData, chosen: list[tuple[Field, pa.DataType]]) -> list[str]:
    """Return the columns of texts that are dictionaries in the file: these take fewer bytes than texts need.

    They are read as dictionaries, so that each text is looked at once, not once a row. A text written out would have to be
    put into one.
    """
    texts = {field.keys[0] for field, kind in chosen if len(field.keys) == 1 and _is_string(kind)}
    size: Counter[str] = Counter()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema in texts:
                size[column.path_in_schema] += column.total_uncompressed_size - _LENGTH * column.num_values
    return [name for name in sorted(texts) if size[name] < 0]


def _groups_from(file: pq.ParquetFile, skip: int) -> tuple[list[int], int]:
    """Return the row groups that hold row `skip` and what follows, and the number of their first row."""
    row = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if row + count > skip:
            return list(range(group, file.num_row_groups)), row
        row += count
    return [], row


def _inside(batch: pa.RecordBatch, keys: tuple[str, ...]) -> pa.Array:
    """Return the column at a path; null where a struct on the way is null."""
    array = batch.column(batch.schema.names.index(keys[0]))
    for key in keys[1:]:
        array = compute.struct_field(array, key)
    return array


def _convert(array: pa.Array, field: Field) -> tuple[Column, Bools | None]:
    """Return the column, and where each value is good (None: everywhere)."""
    kind = array.type
    if pa.types.is_null(kind):
        return from_arrow(pa.nulls(len(array), arrow_type(field.dtype)), field.dtype), None
    if field.dtype.name == "timestamp":
        if pa.types.is_unsigned_integer(kind):
            numbers, good = coercion.coerced(array, types.INT64)
            column, ok = _convert(numbers, field)
            return column, ok if good is None else good if ok is None else ok & good
        if pa.types.is_float16(kind):
            return _convert(coercion.coerced(array, types.FLOAT64)[0], field)
        if _is_string(kind):
            text = _text(array, types.STRING)
            parsed, ok = times.parse(
                text.data, text.start, text.length, text.valid_or_all(), field.time_format, local=field.local
            )
            return _checked(parsed, ok, text.valid)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            counts = from_arrow(array, types.FLOAT64 if pa.types.is_floating(kind) else types.INT64)
            assert isinstance(counts, Fixed)
            scale = times.from_floats if pa.types.is_floating(kind) else times.from_ints
            return _checked(*scale(counts.values, field.unit), counts.valid)
        if field.local and getattr(kind, "tz", None) is None:
            column = from_arrow(_floored(array, field.dtype), field.dtype)
            assert isinstance(column, Fixed)
            return Fixed(types.TIMESTAMP, column.values + times.LOCAL_TIME, column.valid), None
    if field.dtype.is_text:
        if not pa.types.is_dictionary(kind):
            array, _ = coercion.coerced(array, field.dtype)
        return _text(array, field.dtype), None
    if field.dtype.is_integer or field.dtype.is_float or pa.types.is_integer(kind):
        numbers, good = coercion.coerced(array, field.dtype)
        return from_arrow(numbers, field.dtype), good
    if field.dtype.is_nested:
        return from_arrow(_nested(array, field.dtype), field.dtype), None
    return from_arrow(_floored(array, field.dtype), field.dtype), None


def _checked(values: Any, ok: Bools, valid: Bools | None) -> tuple[Column, Bools]:
    return Fixed(types.TIMESTAMP, values, valid), ok if valid is None else ok | ~valid


def _floored(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return times in milliseconds, floored (a cast would refuse or truncate); other arrays as they are."""
    kind = array.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_duration(kind)) or _PER_MS[kind.unit] < 2:
        return array.cast(arrow_type(dtype)) if not array.type.equals(arrow_type(dtype)) else array
    counts = from_arrow(array.cast(pa.int64()), types.INT64)
    assert isinstance(counts, Fixed)
    mask = None if counts.valid is None else ~counts.valid
    return pa.array(counts.values // _PER_MS[kind.unit], pa.int64(), mask=mask).cast(arrow_type(dtype))


def _text(array: pa.Array, dtype: DataType) -> Text:
    if pa.types.is_dictionary(array.type):
        return _looked_up(array, _text(array.dictionary, dtype))
    return _well_formed(_large(array, dtype))


def _large(array: pa.Array, dtype: DataType) -> Text:
    """Return texts as they are in the file, strings or not."""
    wanted = arrow_type(dtype)
    column = from_arrow(array if array.type.equals(wanted) else array.cast(wanted), dtype)
    assert isinstance(column, Text)
    return column


def _well_formed(column: Text) -> Text:
    """Return strings with what is no UTF-8 in them escaped."""
    if column.dtype.name == "binary" or utf8.valid(column.data, column.start, column.length).all():
        return column
    repaired = [
        None if column.valid is not None and not column.valid[row] else column[row].decode(errors="backslashreplace")
        for row in range(len(column))
    ]
    mended = from_arrow(pa.array(repaired, pa.large_string()), column.dtype)
    assert isinstance(mended, Text)
    return mended


def _looked_up(array: pa.DictionaryArray, words: Text) -> Text:
    """Return the texts of rows as views into those of their dictionary."""
    if not len(words):
        return _text(pa.nulls(len(array), pa.large_string()), words.dtype)
    indices = array.indices.fill_null(0) if array.indices.null_count else array.indices
    rows = indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    column = words.take(rows)
    if array.indices.null_count:
        there = array.indices.is_valid().to_numpy(zero_copy_only=False)
        column.valid = there if column.valid is None else column.valid & there
    return column


def _nested(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return a list or struct with the declared fields only, in their order and types."""
    if dtype.item is not None:
        array = array.cast(pa.large_list(array.type.value_type))
        mask = array.is_null() if array.null_count else None
        offsets = pa.array(np.cumsum([0, *(compute.list_value_length(array).fill_null(0).to_pylist())]), pa.int64())
        return pa.LargeListArray.from_arrays(offsets, _nested(array.flatten(), dtype.item), mask=mask)
    if dtype.name == "struct":
        parts = [_nested(compute.struct_field(array, field.name), field.dtype) for field in dtype.fields]
        names = [field.name for field in dtype.fields]
        return pa.StructArray.from_arrays(parts, names, mask=array.is_null() if array.null_count else None)
    if dtype.is_text:
        return _text(array, dtype).to_arrow()
    return _floored(array, dtype)
