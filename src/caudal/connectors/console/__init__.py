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
from caudal.core.errors import OptionError, RunError, nearest
from caudal.core.types import DataType, Schema
from caudal.ports.format import Encoder
from caudal.ports.records import Options
from caudal.ports.sink import Sink

if TYPE_CHECKING:
    import pyarrow as pa

_FORMATS = ("text", "json")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-+@%")


class ConsoleConnector:
    """Writes to the console; it has no source."""

    def __init__(self) -> None:
        self.sink_options: Options = {"format": "text", "stderr": False}

    def sink(self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool) -> Sink:
        """Open the console.

        `format`: "text" (`name=value`, aligned) or "json" (JSON lines). `stderr`: write to standard error instead.
        An encoder, of a format that was asked for by name, takes the place of both. Raises `OptionError`.
        """
        if options["format"] not in _FORMATS:
            raise OptionError(
                f"option 'format' of console cannot be '{options['format']}'", hint=nearest(options["format"], _FORMATS)
            )
        stream = sys.stderr if options["stderr"] else sys.stdout
        return ConsoleSink(stream, schema, encoder, as_json=options["format"] == "json")


class ConsoleSink:
    """Lines on a stream, visible after every write.

    Text: `name=value` for every column, two blanks between; values of one write are padded to one width. Times are
    ISO 8601 in UTC, durations as `1h30m`, null is `-`, and text with anything but plain characters is quoted as in
    JSON, so that no control character of an attacker's reaches the terminal. What was written stays: there is
    nothing to commit, keep aside or take back.
    """

    where = "console"

    def __init__(self, stream: TextIO, schema: Schema, encoder: Encoder | None, *, as_json: bool) -> None:
        self._stream = stream
        self._schema = schema
        self._encoder = encoder
        self._as_json = as_json
        self._out = io.BytesIO()
        if encoder is not None:
            encoder.begin(cast(BinaryIO, self._out), append=False)

    def encode(self, table: pa.Table) -> Any:
        if self._encoder is not None:
            return self._encoder.encode(table)
        names = [field.name for field in self._schema]
        show = _for_json if self._as_json else _for_people
        columns = [[show(v, f.dtype) for v in _values(table.column(f.name), f.dtype)] for f in self._schema]
        if self._as_json:
            rows = (dict(zip(names, row)) for row in zip(*columns))
            return "".join(_dumps(row) + "\n" for row in rows)
        cells = []
        for name, column in zip(names, columns):
            texts = [f"{_text(name)}={value}" for value in column]
            width = max(map(len, texts), default=0)
            cells.append([text.ljust(width) for text in texts])
        return "".join("  ".join(row).rstrip() + "\n" for row in zip(*cells))

    def write(self, payload: Any) -> None:
        if self._encoder is None:
            self._put(payload)
        else:
            self._encoder.write(payload)
            self._put_encoded()

    def flush(self) -> None:
        """Every write is flushed already."""

    def commit(self) -> None:
        if self._encoder is not None:
            self._encoder.end()
            self._put_encoded()
            self._encoder = None

    def drain(self) -> str:
        self.commit()
        return self.where

    def abort(self) -> None:
        """What people have read cannot be taken back."""

    def _put_encoded(self) -> None:
        text = self._out.getvalue().decode("utf-8", "replace")
        self._out.seek(0)
        self._out.truncate()
        self._put(text)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError as error:
            _silence(self._stream)
            raise RunError("cannot write to the console: its reader has gone") from error
        except OSError as error:
            raise RunError(f"cannot write to the console: {error.strerror or error}") from error


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
    return repr(value)


def _text(value: str) -> str:
    return value if value and value != "-" and _PLAIN.issuperset(value) else _dumps(value)


def _dumps(value: Any) -> str:
    # ASCII only: JSON escapes C0 control characters by itself, but not DEL, C1 or those that turn the text's direction.
    return json.dumps(value, separators=(",", ":"))


CONNECTOR = ConsoleConnector()
