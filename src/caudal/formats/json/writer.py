"""Rows to JSON lines: polars writes what it writes by the rules; times, durations and bytes are put into form before.

Timestamps are ISO 8601 in UTC with three decimals, durations whole milliseconds, binary is base64, NaN and the
infinities are null.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from caudal.core.types import Schema

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_ISO = "%Y-%m-%dT%H:%M:%S%.3fZ"


class JsonEncoder:
    """Keeps the contract of `ports.format.Encoder`; a payload is the bytes of whole lines."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._out: BinaryIO | None = None

    def begin(self, out: BinaryIO, *, append: bool) -> None:
        """Start writing to `out`; JSON lines have no header, so appending is no different."""
        self._out = out

    def encode(self, table: pa.Table) -> bytes:
        """Return the rows as JSON lines, in the order and with the names of the table. Thread-safe."""
        import polars as pl

        if table.num_rows == 0:
            return b""
        if table.num_columns == 0:
            return b"{}\n" * table.num_rows
        frame = pl.DataFrame(pl.from_arrow(table))
        forms = [
            form.alias(name) for name, dtype in frame.schema.items() if (form := _form(pl.col(name), dtype)) is not None
        ]
        if forms:
            frame = frame.lazy().with_columns(forms).collect(engine="in-memory")
        out = io.BytesIO()
        frame.write_ndjson(out)
        return out.getvalue()

    def write(self, payload: bytes) -> None:
        """Write encoded rows."""
        assert self._out is not None, "begin comes first"
        self._out.write(payload)

    def end(self) -> None:
        """Flush; JSON lines have no footer."""
        assert self._out is not None, "begin comes first"
        self._out.flush()


def _form(column: pl.Expr, dtype: Any) -> pl.Expr | None:
    """Return the expression that gives a column the form in which it is written, None when it has it already."""
    import polars as pl

    if isinstance(dtype, pl.Datetime):
        return column.cast(pl.Datetime("ms", "UTC")).dt.strftime(_ISO)
    if isinstance(dtype, pl.Duration):
        return column.dt.total_milliseconds()
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("base64")
    if dtype.is_float():
        return pl.when(column.is_finite()).then(column)
    if isinstance(dtype, pl.List):
        inner = _form(pl.element(), dtype.inner)
        return None if inner is None else column.list.eval(inner)
    if isinstance(dtype, pl.Struct):
        parts = [(column.struct.field(field.name), field) for field in dtype.fields]
        forms = [_form(part, field.dtype) for part, field in parts]
        if all(form is None for form in forms):
            return None
        fields = [
            (part if form is None else form).alias(field.name) for form, (part, field) in zip(forms, parts, strict=True)
        ]
        return pl.when(column.is_not_null()).then(pl.struct(fields))
    return None
