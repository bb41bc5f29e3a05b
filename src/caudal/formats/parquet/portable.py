"""Files of Parquet to rows of plain values, by pyarrow alone; it stands alone. The rules are those of `reader`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from caudal.core.scalars import LOCAL_TIME, Unreadable, time_of_float, time_of_int, time_of_text

_PQ_PART = 16_384
_PQ_PER_MS = {"us": 1_000, "ns": 1_000_000}
_pq_compute: Any = pyarrow.compute
_pq_types: Any = pa.types
_PQ_BOUNDS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "duration": (-(2**63), 2**63 - 1),
    "float64": (-(2**53), 2**53),
}


class ParquetFiles:
    """Reads files by a schema. `fields` as plain values: (name, type, path, unit, time_format, local), four of them optional."""

    def __init__(self, fields: tuple[Any, ...], needed: tuple[str, ...]) -> None:
        self._fields = [_PqField(*field) for field in fields]
        self._needed = needed
        self.narrow = {field.name for field in self._fields if field.kind == "float32" and field.name in needed}

    def parts(self, path: str) -> Iterator[tuple[list[int], dict[str, list[Any]], list[Any]]]:
        """Yield (positions, needed columns, dead letters) of the rows in order; positions are row numbers.

        Raises `Unreadable` when the file is no Parquet, or has a column not or of another type.
        """
        try:
            file = pyarrow.parquet.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise Unreadable(f"{path}: cannot read the file as Parquet: {error}") from error
        with file:
            chosen = [field for field in self._fields if self._read(field, _pq_source(field, file.schema_arrow, path))]
            names = sorted({".".join(field.keys) for field in chosen})
            first = 0
            for batch in file.iter_batches(_PQ_PART, columns=names, use_threads=False):
                yield self._decode(batch, chosen, first)
                first += batch.num_rows

    def _read(self, field: _PqField, stored: Any) -> bool:
        if field.name in self._needed or (field.kind == "timestamp" and _pq_counts_or_text(stored)):
            return True
        return field.kind in ("int32", "int64", "float64", "duration") and (
            _pq_types.is_integer(stored) or _pq_types.is_decimal(stored)
        )

    def _decode(
        self, batch: Any, chosen: list[_PqField], first: int
    ) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        columns: dict[str, list[Any]] = {}
        bad: dict[int, tuple[str, str, str]] = {}
        for field in chosen:
            array = batch.column(batch.schema.names.index(field.keys[0]))
            for key in field.keys[1:]:
                array = _pq_compute.struct_field(array, key)
            if field.kind == "timestamp" and _pq_counts_or_text(array.type):
                given = _pq_plain(array, _pq_kind(array.type))
                values = [None if value is None else _pq_time(value, field) for value in given]
                for row, (value, made) in enumerate(zip(given, values)):
                    if made is None and value is not None:
                        bad.setdefault(row, ("type", f"column '{field.name}' is not a time", repr(value)))
            else:
                values = _pq_plain(array, field.kind)
                if field.local and getattr(array.type, "tz", None) is None:
                    values = [None if value is None else value + LOCAL_TIME for value in values]
                if _pq_types.is_integer(array.type) or _pq_types.is_decimal(array.type):
                    low, high = _PQ_BOUNDS.get(field.kind, (None, None))
                    if field.kind == "float64" and _pq_types.is_decimal(array.type):
                        low = None
                    for row, value in enumerate(values if low is not None else ()):
                        if value is not None and not low <= value <= high:
                            shown = repr(array[row].as_py())
                            bad.setdefault(
                                row, ("range", f"column '{field.name}' is out of the range of {field.kind}", shown)
                            )
                    if field.kind == "float64":
                        values = [None if value is None else float(value) for value in values]
            if field.name in self._needed:
                columns[field.name] = values
        dead = [
            (first + row, reason, f"{message}: {shown[:40]}", "", shown.encode())
            for row, (reason, message, shown) in sorted(bad.items())
        ]
        kept = [row for row in range(batch.num_rows) if row not in bad]
        if bad:
            columns = {name: [values[row] for row in kept] for name, values in columns.items()}
        return [first + row for row in kept], columns, dead


class _PqField:
    def __init__(
        self,
        name: str,
        kind: Any,
        path: tuple[str, ...] = (),
        unit: str = "",
        time_format: str = "",
        local: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.keys = path or (name,)
        self.unit = unit
        self.time_format = time_format
        self.local = local


def _pq_time(value: Any, field: _PqField) -> int | None:
    if isinstance(value, str):
        return time_of_text(value, field.time_format, field.local)
    return time_of_float(value, field.unit) if isinstance(value, float) else time_of_int(value, field.unit)


def _pq_plain(array: Any, kind: Any) -> list[Any]:
    """Return the values of an array as plain ones of the declared type."""
    stored = array.type
    if _pq_types.is_null(stored):
        return [None] * len(array)
    if isinstance(kind, list):
        array = array.cast(pa.large_list(stored.value_type))
        items = _pq_plain(array.flatten(), kind[0])
        made: list[Any] = []
        at = 0
        for length in _pq_compute.list_value_length(array).to_pylist():
            made.append(None if length is None else items[at : at + length])
            at += length or 0
        return made
    if isinstance(kind, tuple):
        names = [field[0] for field in kind]
        parts = [_pq_plain(_pq_compute.struct_field(array, field[0]), field[1]) for field in kind]
        rows = zip(*parts) if parts else ((),) * len(array)
        return [dict(zip(names, row)) if there else None for row, there in zip(rows, array.is_valid().to_pylist())]
    if kind == "string" and _pq_types.is_decimal(stored):
        return [None if value is None else format(value, "f") for value in array.to_pylist()]
    if kind == "string":
        if _pq_types.is_dictionary(stored):
            array = array.dictionary_decode()
        raw = array.cast(pa.large_binary()).to_pylist()
        return [None if text is None else text.decode(errors="backslashreplace") for text in raw]
    if kind in ("timestamp", "duration"):
        if _pq_types.is_date(stored):
            array = array.cast(pa.timestamp("ms"))
        elif not _pq_types.is_integer(stored) and stored.unit == "s":
            array = array.cast(pa.timestamp("ms", stored.tz) if kind == "timestamp" else pa.duration("ms"))
        per = 1 if _pq_types.is_integer(stored) or _pq_types.is_date(stored) else _PQ_PER_MS.get(stored.unit, 1)
        counts = array.cast(pa.int64()).to_pylist()
        return counts if per == 1 else [None if count is None else count // per for count in counts]
    if _pq_types.is_decimal(stored):
        make = int if kind in ("int32", "int64") else float
        return [None if value is None else make(value) for value in array.to_pylist()]
    if _pq_types.is_float16(stored):
        return [None if value is None else float(value) for value in array.to_pylist()]
    return array.to_pylist()


def _pq_kind(stored: Any) -> str:
    return "string" if _pq_is_string(stored) else "number"


def _pq_source(field: _PqField, stored: Any, path: str) -> Any:
    """Return the stored type of a declared field; raises `Unreadable` when there is none, or none that fits."""
    kind = stored
    for depth, key in enumerate(field.keys):
        names = [kind.field(i).name for i in range(kind.num_fields)] if depth else kind.names
        if names.count(key) != 1:
            problem = "no column" if key not in names else "more than one column"
            raise Unreadable(f"{path}: the file has {problem} '{'.'.join(field.keys[: depth + 1])}'")
        kind = kind.field(key).type
        if depth + 1 < len(field.keys) and not _pq_types.is_struct(kind):
            raise Unreadable(f"{path}: column '{key}' of the file is {kind}, not a struct")
    if not _pq_fits(kind, field.kind):
        raise Unreadable(f"{path}: column '{'.'.join(field.keys)}' of the file is {kind}, not {field.kind}")
    return kind


def _pq_is_list(kind: Any) -> bool:
    return _pq_types.is_list(kind) or _pq_types.is_large_list(kind) or _pq_types.is_fixed_size_list(kind)


def _pq_is_string(kind: Any) -> bool:
    if _pq_types.is_dictionary(kind):
        kind = kind.value_type
    return _pq_types.is_string(kind) or _pq_types.is_large_string(kind) or _pq_types.is_string_view(kind)


def _pq_fits(kind: Any, declared: Any, *, strict: bool = False) -> bool:
    """Whether a stored type can be read as the declared one; `strict`: whether it is the natural one."""
    if _pq_types.is_null(kind):
        return declared == "string" or not strict
    if isinstance(declared, list):
        return _pq_is_list(kind) and _pq_fits(kind.value_type, declared[0], strict=True)
    if isinstance(declared, tuple):
        if not _pq_types.is_struct(kind):
            return False
        found = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        return all(field[0] in found and _pq_fits(found[field[0]], field[1], strict=True) for field in declared)
    if declared == "bool":
        return _pq_types.is_boolean(kind)
    if declared in ("int32", "int64"):
        if not strict:
            return _pq_types.is_integer(kind) or (_pq_types.is_decimal(kind) and kind.scale <= 0)
        small = _pq_types.is_integer(kind) and (kind.bit_width < 32 or _pq_types.is_int32(kind))
        return small or (declared == "int64" and (_pq_types.is_int64(kind) or _pq_types.is_uint32(kind)))
    if declared == "float32":
        return _pq_types.is_float32(kind) or _pq_types.is_float16(kind)
    if declared == "float64":
        loose = _pq_types.is_floating(kind) or _pq_types.is_integer(kind)
        return _pq_types.is_float64(kind) or _pq_types.is_decimal(kind) or (loose and not strict)
    if declared == "string":
        return _pq_is_string(kind) or (_pq_types.is_decimal(kind) and not strict)
    if declared == "binary":
        fixed = _pq_types.is_fixed_size_binary(kind) or _pq_types.is_binary_view(kind)
        return fixed or _pq_types.is_binary(kind) or _pq_types.is_large_binary(kind)
    if declared == "duration":
        return _pq_types.is_duration(kind) or (_pq_types.is_integer(kind) and not strict)
    natural = _pq_types.is_timestamp(kind) or _pq_types.is_date(kind)
    return natural or (not strict and _pq_counts_or_text(kind))


def _pq_counts_or_text(kind: Any) -> bool:
    return _pq_types.is_integer(kind) or _pq_types.is_floating(kind) or _pq_is_string(kind)
