"""The connector `console`: rows for people (or pipes) to read, one line each, on standard output or standard error.

Enters: tables of rows. Leaves: lines. May touch: the standard streams, core, columnar, ports.
Must never: let a value of a row reach the terminal as a control sequence, buffer rows beyond a write.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from caudal.core import duration
from caudal.core.errors import OptionError, RunError
from caudal.core.shown import shown
from caudal.core.types import DataType, Schema
from caudal.ports.format import Encoder
from caudal.ports.records import Options
from caudal.ports.sink import Immediate, Receipt, Sink

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-+@%")


class ConsoleConnector:
    """Writes to the console; it has no source."""

    def __init__(self) -> None:
        self.sink_options: Options = {"stderr": False}

    def sink(
        self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool, staged: bool = False
    ) -> Sink:
        """Open the console. `stderr`: write to standard error instead.

        Rows are shown as `name=value`, aligned, or by the encoder of a format that was asked for. Raises `OptionError`
        for a format that is not text.
        """
        stream = sys.stderr if options["stderr"] else sys.stdout
        return ConsoleSink(stream, schema, encoder)


class ConsoleSink(Immediate):
    """Lines on a stream, visible after every write.

    Text: `name=value` for every column, two blanks between; values of one write are padded to one width. Times are
    ISO 8601 in UTC, durations as `1h30m`, null is `-`, and text with anything but plain characters is quoted as in
    JSON, so that no control character of an attacker's reaches the terminal. What an encoder wrote is data to a pipe,
    and stays as it is; on a terminal each row is a line, with its control characters and newlines escaped. What was written stays.
    """

    where = "console"

    def __init__(self, stream: TextIO, schema: Schema, encoder: Encoder | None) -> None:
        self._stream = stream
        self._schema = schema
        self._encoder = encoder
        self._out = io.BytesIO()
        self._people = stream.isatty()
        if encoder is not None:
            if not isinstance(encoder.encode(_no_rows(schema)), bytes | bytearray | memoryview):
                raise OptionError("the console takes text", hint='format="json" or "csv", or none for aligned lines')
            encoder.begin(cast(BinaryIO, self._out), append=False)

    def encode(self, table: pa.Table) -> Any:
        if self._encoder is not None:
            rows = range(table.num_rows) if self._people else ()
            return [self._encoder.encode(table.slice(row, 1)) for row in rows] or [self._encoder.encode(table)]
        cells = []
        for field in self._schema:
            values = _values(table.column(field.name), field.dtype)
            texts = [f"{_text(field.name)}={_for_people(value, field.dtype)}" for value in values]
            width = max(map(len, texts), default=0)
            cells.append([text.ljust(width) for text in texts])
        return "".join("  ".join(row).rstrip() + "\n" for row in zip(*cells))

    def write(self, payload: Any) -> None:
        if self._encoder is None:
            self._put(payload)
        else:
            self._put_encoded()  # a header
            for rows in payload:
                self._encoder.write(rows)
                self._put_encoded()

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Every write is out; at the end of data, write what stands at the end."""
        if last and self._encoder is not None:
            self._encoder.end()
            self._put_encoded()
            self._encoder = None

    def _put_encoded(self) -> None:
        text = self._out.getvalue().decode("utf-8", "replace")
        self._out.seek(0)
        self._out.truncate()
        if text:
            self._put(shown(text.removesuffix("\n")) + "\n" if self._people else text)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError as error:
            _silence(self._stream)
            raise RunError("cannot write to the console: its reader has gone") from error
        except OSError as error:
            raise RunError(f"cannot write to the console: {error.strerror or error}") from error


def _no_rows(schema: Schema) -> pa.Table:
    import pyarrow as pa

    from caudal.columnar.column import arrow_type

    return pa.schema([(f.name, arrow_type(f.dtype)) for f in schema]).empty_table()


def _silence(stream: TextIO) -> None:
    """Point the stream at nothing, so that what it still buffers cannot fail again when the process ends."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def _values(array: pa.ChunkedArray, dtype: DataType) -> list[Any]:
    """Return Python values; times as whole milliseconds, wherever they stand."""
    return array.cast(_counted(array.type)).to_pylist()


def _counted(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_temporal(kind):
        return pa.int64()
    if pa.types.is_large_list(kind):
        return pa.large_list(_counted(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(kind.field(i).name, _counted(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


def _time(milliseconds: int) -> str:
    import numpy as np

    from caudal.columnar import times

    return times.format_iso(np.full(1, milliseconds))[0].decode()


def _for_json(value: Any, dtype: DataType) -> Any:
    if value is None or (dtype.is_float and not math.isfinite(value)):
        return None
    if dtype.item is not None:
        return [_for_json(item, dtype.item) for item in value]
    if dtype.name == "struct":
        return {f.name: _for_json(value[f.name], f.dtype) for f in dtype.fields}
    if dtype.name == "timestamp":
        return _time(value)
    if dtype.is_float:
        return value + 0.0  # -0 is 0.0
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _for_people(value: Any, dtype: DataType) -> str:
    if value is None:
        return "-"
    if dtype.is_nested:
        return _dumps(_for_json(value, dtype))
    if dtype.name == "timestamp":
        return _time(value)
    if dtype.name == "duration":
        return duration.show(value) if value >= 0 else f"-{duration.show(-value)}"
    if dtype.name == "bool":
        return "true" if value else "false"
    if dtype.is_text:
        return _text(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    return repr(value + 0.0 if dtype.is_float else value)  # -0 is 0.0


def _text(value: str) -> str:
    return value if value and value != "-" and _PLAIN.issuperset(value) else _dumps(value)


def _dumps(value: Any) -> str:
    # ASCII only: JSON escapes C0 control characters by itself, but not DEL, C1 or those that turn the text's direction.
    return json.dumps(value, separators=(",", ":"))


CONNECTOR = ConsoleConnector()
