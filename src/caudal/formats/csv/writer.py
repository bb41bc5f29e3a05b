"""Rows to CSV text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from caudal.core.errors import OptionError, PlanError
from caudal.core.types import Schema
from caudal.ports.records import Options

if TYPE_CHECKING:
    import pyarrow as pa


class CsvEncoder:
    """Writes a header and rows; keeps `ports.format.Encoder`.

    Lines end with LF, fields are quoted where they must be. Null, NaN and infinities are an unquoted empty field, an
    empty string a quoted one; -0 is 0.0; timestamps ISO 8601 in UTC with three decimals; durations integer milliseconds. A string
    with a newline is written quoted over two lines.
    """

    suffix = ".csv"

    def __init__(self, schema: Schema, options: Options) -> None:
        for field in schema:
            if field.dtype.is_nested or field.dtype.name == "binary":
                raise PlanError(
                    f"CSV cannot hold a {field.dtype} (column '{field.name}')",
                    hint="write JSON or Parquet, or select its parts into columns of their own",
                )
        delimiter = options["delimiter"]
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
            raise OptionError(f"option 'delimiter' of csv takes one ASCII character, not {delimiter!r}")
        self._schema = schema
        self._delimiter = delimiter
        self._header: bool = options["header"]
        self._out: BinaryIO | None = None

    def begin(self, out: BinaryIO, *, append: bool) -> None:
        """Start writing; the header comes first, but not behind what an earlier run wrote."""
        self._out = out
        if self._header and not append:
            quoted = [
                '"' + name.replace('"', '""') + '"' if self._must_quote(name) else name for name in self._schema.names
            ]
            out.write(self._delimiter.join(quoted).encode() + b"\n")

    def _must_quote(self, name: str) -> bool:
        return any(mark in name for mark in (self._delimiter, '"', "\r", "\n"))

    def encode(self, table: pa.Table) -> bytes:
        """Return the rows as lines; columns in the order of the schema."""
        import polars as pl

        frame = pl.DataFrame(pl.from_arrow(table.select(self._schema.names)))
        changed = []
        for field in self._schema:
            column = pl.col(field.name)
            if field.dtype.name == "timestamp":
                changed.append(column.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
            elif field.dtype.name == "duration":
                changed.append(column.dt.total_milliseconds())
            elif field.dtype.is_float:
                # -0 is 0; polars leaves out an addition of 0
                plain = pl.when(column == 0).then(0.0).otherwise(column)
                changed.append(pl.when(column.is_finite()).then(plain).alias(field.name))
        return frame.with_columns(changed).write_csv(include_header=False, separator=self._delimiter).encode()

    def write(self, payload: Any) -> None:
        """Write encoded lines."""
        assert self._out is not None
        self._out.write(payload)

    def end(self) -> None:
        """Flush; there is no footer."""
        assert self._out is not None
        self._out.flush()
