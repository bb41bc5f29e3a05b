"""Rows to JSON lines.

Timestamps are ISO 8601 in UTC with three decimals, durations whole milliseconds, binary is base64. Floats have a point
or an exponent and read back the same (`printing`); NaN and the infinities are null. Strings are escaped only where they
must be. How it is done: `encode`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from caudal.core.types import Schema
from caudal.formats.json.encode import lines

if TYPE_CHECKING:
    import pyarrow as pa


class JsonEncoder:
    """Keeps the contract of `ports.format.Encoder`; a payload is the bytes of whole lines."""

    suffix = ".jsonl"

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._out: BinaryIO | None = None

    def begin(self, out: BinaryIO, *, append: bool) -> None:
        """Start writing to `out`; JSON lines have no header, so appending is no different."""
        self._out = out

    def encode(self, table: pa.Table) -> bytes | memoryview:
        """Return the rows as JSON lines, in the order and with the names of the table.

        Thread-safe; threads encode side by side. Raises `TypeError` for a type that caudal does not have.
        """
        texts = [lines(batch) for batch in table.to_batches()]
        return texts[0] if len(texts) == 1 else b"".join(texts)

    def write(self, payload: bytes | memoryview) -> None:
        """Write encoded rows."""
        assert self._out is not None, "begin comes first"
        self._out.write(payload)

    def end(self) -> None:
        """Flush; JSON lines have no footer."""
        assert self._out is not None, "begin comes first"
        self._out.flush()
