r"""Records as they are: the whole line of a file, the whole payload of a message, in one column.

Enters: blocks of lines or messages. Leaves: one column. May touch: core, columnar, ports. Must never: look into a record, write.

With `encoding="escape"`, the default, the column is a string, in which bytes that are not UTF-8 are read as `\xNN`; with "utf-8" such a
record is a dead letter ("utf8"); with "binary" the column is binary, and every record a row. A message without a payload
(a tombstone) is a row with null, an empty one a row with an empty value; an empty line of a file is no record.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from caudal.columnar.column import Column, Ints, Text, from_list
from caudal.columnar.utf8 import valid
from caudal.core.errors import OptionError, PlanError, nearest
from caudal.core.types import BINARY, STRING, Field, Schema
from caudal.ports.records import Block, Dead, Decoded, Messages, Options

__all__ = ["FORMAT", "RawFormat"]
ENCODINGS = ("escape", "utf-8", "binary")
_NEWLINE, _RETURN = 10, 13


class RawFormat:
    """Raw records by name; keeps `ports.format.Format`. Reader: `column`, its name; `encoding`, "escape", "utf-8", "binary"."""

    name = "raw"
    suffixes: tuple[str, ...] = ()
    takes_anything = True
    """That a record can be read so says nothing of what it is."""

    def __init__(self) -> None:
        self.reader_options: Options = {"column": "payload", "encoding": ENCODINGS[0]}
        self.writer_options: Options = {}

    def default_schema(self, options: Options) -> Schema:
        """Return the one column."""
        given = {**self.reader_options, **options}
        return Schema([Field(str(given["column"]), BINARY if given["encoding"] == "binary" else STRING)])

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return the one column."""
        return self.default_schema(options)

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> RawReader:
        """Return a reader; raises `OptionError`, and `PlanError` for another schema than the one column."""
        if options["encoding"] not in ENCODINGS:
            hint = nearest(str(options["encoding"]), ENCODINGS)
            raise OptionError(f"option 'encoding' of raw is {options['encoding']!r}", hint=hint)
        (field,) = self.default_schema(options)
        if schema not in (Schema([field]), Schema([])):
            raise PlanError(f"raw records have the column '{field.name}', a {field.dtype}", hint="leave schema= out")
        return RawReader(field.name, str(options["encoding"]))

    def encoder(self, schema: Schema, options: Options) -> NoReturn:
        """Raise `PlanError`: raw records are only read."""
        raise PlanError("raw records are only read", hint="write json, csv or parquet")


class RawReader:
    """Reads records as they are; keeps `ports.format.LineReader`."""

    def __init__(self, column: str, encoding: str) -> None:
        self._decoder = RawDecoder(column, encoding)

    def open(self, head: bytes, name: str) -> tuple[RawDecoder, int]:
        """Return the decoder; nothing is no record."""
        return self._decoder, 0


class RawDecoder:
    """Keeps `ports.format.Decoder` and `ports.format.PayloadDecoder`."""

    def __init__(self, column: str, encoding: str) -> None:
        self._column = column
        self._encoding = encoding

    def decode(self, block: Block) -> Decoded:
        """Return the lines that are not empty."""
        data = block.data
        ends = np.flatnonzero(data[block.start : block.stop] == _NEWLINE) + block.start
        if block.stop > block.start and data[block.stop - 1] != _NEWLINE:
            ends = np.append(ends, block.stop)
        start = np.concatenate([[block.start], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
        ends = ends - ((ends > start) & (data[np.maximum(ends - 1, 0)] == _RETURN))
        keep = ends > start
        start, ends = start[keep], ends[keep]
        text = Text(BINARY, data, start, (ends - start).astype(np.int32))
        return self._decoded(text, start - block.start + block.position)

    def payloads(self, block: Block, messages: Messages) -> Decoded:
        """Return each message, those without a payload too."""
        stop = np.append(messages.start[1:], block.stop) - 1
        there = None if messages.null is None else ~messages.null
        text = Text(BINARY, block.data, messages.start, (stop - messages.start).astype(np.int32), there)
        return self._decoded(text, np.arange(len(messages.offset), dtype=np.int64))

    def _decoded(self, text: Text, position: Ints) -> Decoded:
        dead: list[Dead] = []
        column: Column = text
        if self._encoding != "binary":
            good = valid(text.data, text.start, text.length)
            if self._encoding == "utf-8" and not good.all():
                why = "the record is not UTF-8"
                dead = [Dead.of(int(position[row]), "utf8", why, text[row]) for row in np.flatnonzero(~good).tolist()]
                rows = np.flatnonzero(good)
                text, position = text.take(rows), position[rows]
                good = good[rows]
            column = _escaped(text) if not good.all() else _typed(text)
        return Decoded({self._column: column}, len(position), position, dead)


def _typed(text: Text) -> Text:
    return Text(STRING, text.data, text.start, text.length, text.valid)


def _escaped(text: Text) -> Column:
    there = text.valid_or_all()
    rows = [
        None if len(there) and not there[row] else text[row].decode("utf-8", "backslashreplace")
        for row in range(len(text))
    ]
    return from_list(rows, STRING)


FORMAT = RawFormat()
