"""The strict reader: one line at a time, by the rules of `portable`. It has the last word on what a record holds."""

from __future__ import annotations

from typing import Any

from caudal.core.scalars import Refused
from caudal.core.types import Field
from caudal.formats.csv.portable import CSV_RENAMES, CsvRecords, csv_converter, csv_renamed, csv_split, csv_stripped
from caudal.formats.csv.scanner import Dialect

Bad = Refused


class StrictReader:
    """Reads lines of `width` fields; `columns[i]` is the place in the line of `declared[i]`."""

    def __init__(self, dialect: Dialect, declared: tuple[Field, ...], columns: list[int], width: int) -> None:
        self._delimiter = chr(dialect.delimiter)
        self._quote = chr(dialect.quote) if dialect.quote >= 0 else ""
        self._comment = bytes([dialect.comment]) if dialect.comment >= 0 else b""
        wanted = [
            (f.name, column, csv_converter(f.dtype.name, f.unit, f.time_format, f.local))
            for f, column in zip(declared, columns)
        ]
        nulls = frozenset(n.decode() for n in dialect.nulls)
        self._records = CsvRecords(self._delimiter, self._quote, nulls, wanted, width, dialect.encoding)

    def read(self, line: bytes) -> list[Any]:
        """Return the declared values: int (milliseconds for times), float, bool, bytes for strings, None for null.

        Raises `Bad` with the reason "utf8", "columns", "syntax", "fields", "type" or "range", the first that applies.
        """
        line = csv_stripped(line)
        if line[:1] == self._comment and line.startswith(CSV_RENAMES):
            raise csv_renamed()
        return [value.encode() if isinstance(value, str) else value for value in self._records.read(line)]

    def split(self, text: str) -> list[tuple[str, bool]]:
        """Return each field's text and whether it is quoted; raises `Bad` "syntax"."""
        return csv_split(text, self._delimiter, self._quote)


def convert(text: str, field: Field) -> Any:
    """Return the value of a field's text by its declared type; raises `Bad` "type" or "range"."""
    return csv_converter(field.dtype.name, field.unit, field.time_format, field.local)(text)
