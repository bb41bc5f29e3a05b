"""Envelopes: JSON records of which one field holds a line of another format, as shippers of logs write them (Filebeat, Fluent Bit)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar import gather
from caudal.columnar.column import Text
from caudal.core.errors import OptionError, PlanError
from caudal.core.types import STRING, Field, Schema
from caudal.formats.json.reader import JsonDecoder, JsonReader
from caudal.ports import registry
from caudal.ports.format import Decoder, LineReader
from caudal.ports.records import MAX_PAYLOAD, PADDING, Block, Dead, Decoded, Options

_LINE = "\0line"
"""The column of inner lines: no column of a user's is called so."""
_HINT = 'inner=("message", "combined"), or inner=("log", "json", {"schema": {"n": "int64"}})'
_NEWLINE, _RETURN = 10, 13


@dataclass(frozen=True, slots=True)
class Inner:
    """What `inner=` says: the keys that lead to the field, the format of the line in it, its options, its columns."""

    keys: tuple[str, ...]
    format: str
    options: Options
    schema: Schema

    @classmethod
    def of(cls, given: Any) -> Inner:
        """Return what a value of the option says; raises `OptionError`, `PlanError`."""
        parts = list(given) if isinstance(given, list | tuple) else []
        if len(parts) not in (2, 3) or not isinstance(parts[1], str):
            raise OptionError(f"option 'inner' of json cannot be {given!r}", hint=_HINT)
        keys = (
            (parts[0],) if isinstance(parts[0], str) else tuple(parts[0]) if isinstance(parts[0], list | tuple) else ()
        )
        more = parts[2] if len(parts) == 3 else {}
        if not keys or not all(isinstance(key, str) and key for key in keys) or not isinstance(more, Mapping):
            raise OptionError(f"option 'inner' of json cannot be {given!r}", hint=_HINT)
        chosen = registry.find("format", parts[1])
        own = {str(name): value for name, value in more.items() if name != "schema"}
        options = registry.check_options(own, chosen.reader_options, f"format '{parts[1]}'")
        declared = Schema.of(more["schema"]) if "schema" in more else chosen.default_schema(options)
        if declared is None:
            raise PlanError(f"the lines in '{'.'.join(keys)}' need a schema", hint=_HINT)
        return cls(keys, parts[1], options, declared)

    def reader(self, schema: Schema, needed: frozenset[str], encoding: str) -> InnerReader:
        """Return a reader of envelopes with the columns of `schema`, of which some are the inner line's."""
        outer = [field for field in schema if field.name not in self.schema]
        own = Schema([*outer, Field(_LINE, STRING, self.keys)])
        chosen = registry.find("format", self.format)
        inside = chosen.reader(self.schema, needed & {*self.schema.names}, self.options)
        if not isinstance(inside, LineReader) or getattr(chosen, "messages_only", False):
            raise OptionError(f"option 'inner' of json cannot name the format '{self.format}'", hint="one of lines")
        envelope = JsonReader(own, (needed & {field.name for field in outer}) | {_LINE}, encoding=encoding)
        return InnerReader(envelope, inside, self)


class InnerReader:
    """Keeps `ports.format.LineReader`."""

    def __init__(self, envelope: JsonReader, inside: LineReader, inner: Inner) -> None:
        self._envelope, self._inside, self._inner = envelope, inside, inner

    def open(self, head: bytes, name: str) -> tuple[InnerDecoder, int]:
        """Return the decoder; raises what the envelope's reader raises."""
        decoder, skip = self._envelope.open(head, name)
        return InnerDecoder(decoder, self._inside.open(b"", name)[0], self._inner), skip

    def names(self, sample: bytes) -> frozenset[str]:
        """Return the names of the envelope's fields."""
        return self._envelope.names(sample)


class InnerDecoder:
    """Keeps `ports.format.Decoder`."""

    def __init__(self, envelope: JsonDecoder, inside: Decoder, inner: Inner) -> None:
        self._envelope, self._inside = envelope, inside
        self._field = ".".join(inner.keys)
        self._places = frozenset(inner.schema.places())

    def decode(self, block: Block) -> Decoded:
        """Return the rows whose envelope and line are both good; any other record is one dead letter."""
        outer = self._envelope.decode(block)
        line = outer.columns.pop(_LINE)
        assert isinstance(line, Text)
        lines, start = _lines(line, block)
        found = self._inside.decode(lines)
        rows = np.searchsorted(start, found.position, side="right") - 1
        dead = {
            int(row): Dead(0, letter.reason, f"in '{self._field}': {letter.message}", letter.detail)
            for row, letter in zip(
                np.searchsorted(start, [letter.position for letter in found.dead], side="right") - 1,
                found.dead,
                strict=True,
            )
        }
        missing = np.setdiff1d(np.arange(outer.rows), np.concatenate([rows, np.array([*dead], np.int64)]))
        dead |= {int(row): Dead(0, "inner", f"there is no line in '{self._field}'") for row in missing}
        letters = outer.dead + [self._letter(block, int(outer.position[row]), each) for row, each in dead.items()]
        columns = outer.columns if len(rows) == outer.rows else {n: c.take(rows) for n, c in outer.columns.items()}
        named = None if outer.named is None else (outer.named - {(_LINE,)}) | self._places
        return Decoded(
            {**columns, **found.columns},
            len(rows),
            outer.position[rows],
            sorted(letters, key=lambda letter: letter.position),
            [*outer.notices, *found.notices],
            named,
        )

    def _letter(self, block: Block, position: int, found: Dead) -> Dead:
        raw = block.record(position, MAX_PAYLOAD + 1)
        return Dead.of(position, found.reason, found.message, raw, found.detail)


def _lines(line: Text, block: Block) -> tuple[Block, np.ndarray]:
    """Return texts as lines, one for each, and where each begins; newlines within are read as carriage returns."""
    data, offsets = gather.text(line.data, line.start, line.length, line.valid_or_all())
    count = len(line)
    text = np.where(data == _NEWLINE, np.uint8(_RETURN), data)
    shift = np.arange(count, dtype=np.int64)
    start = offsets[:-1] + shift
    lines = np.zeros(len(text) + count + PADDING, np.uint8)
    lines[np.arange(len(text)) + np.repeat(shift, np.diff(offsets))] = text
    lines[offsets[1:] + shift] = _NEWLINE
    return Block(lines, 0, len(text) + count, 0, 0, block.read_at), start
