"""Blocks of JSON lines to columns: the compiled scanner, the strict parser behind it, and the columns made of both."""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import NUMPY_TYPES, Bytes, Column, Fixed, Nested, Text, arrow_type
from caudal.core.dialects import other_format
from caudal.core.errors import InputError, OptionError, PlanError, nearest
from caudal.core.types import DataType, Place, Schema
from caudal.formats.json import scanner, strict, values
from caudal.formats.json.freezing import Freezing
from caudal.formats.json.grammar import json_head, json_whole
from caudal.formats.json.shape import Part, Shape, Slot
from caudal.observe.notices import Notice
from caudal.ports.records import PADDING, Block, Dead, Decoded, holds

BOM = b"\xef\xbb\xbf"
ENCODINGS = ("escape", "utf-8")
_ITEM = re.compile(r"\[\d+\]")
SCANNER, PARSER, STRICT = 1, 0, -1
"""Where decoding starts: with the tree of shapes (what users get), the general parser, the strict one (for tests)."""

COUNTED = 16
"""Blocks whose lines are counted after one that had more of them than it seemed."""

_NAMED_LINES, _NAMES, _NAMED_DEPTH = 200, 500, 8
"""How many lines are looked at for the names of fields, how many names are kept, how deep they lie."""


class Scratch:
    """What one thread writes to while it decodes a block, and the shapes it has learnt so far."""

    def __init__(self, shape: Shape, *, escape: bool) -> None:
        self.env = np.zeros(values.ENV_SIZE, np.int64)
        self.env[values.TREE_USED] = 1
        self.env[values.STRICTLY] = not escape
        self.room = shape.room
        self.side = np.empty(0, np.uint8)
        self.places = frozenset(shape.named)
        self.unnamed = dict(shape.named)
        slots, nodes, edges, keys = shape.tables
        self.seen = np.zeros((len(nodes), 2), np.int64)
        tree, literals = np.zeros((scanner.MAX_NODES, 8), np.int32), np.zeros(scanner.MAX_LITERALS + 64, np.uint8)
        self._kept = {
            values.SLOTS: slots,
            values.NODES: nodes,
            values.EDGES: edges,
            values.KEYS: keys,
            values.SEEN: self.seen,
            values.RECORDED: np.empty((scanner.MAX_VALUES, 4), np.int64),
            values.STACK: np.zeros(values.MAX_DEPTH + 1, np.int64),
            values.TREE: tree,
            values.LITERALS: literals,
        }
        self.point(self._kept)
        self.freezing = Freezing(tree, literals, slots, self.env)
        self._density = 0.0
        self._surprised = 0

    def guess(self, block: Block) -> int:
        """Return how many rows a block has at most, by the one before it; 0 where they are to be counted."""
        if self._surprised:
            self._surprised -= 1
            return 0
        return int((block.stop - block.start) * self._density * 1.25) + 64 if self._density else 0

    def counted(self, block: Block, rows: int) -> None:
        """Take note of how many rows a block had."""
        self._density = rows / max(1, block.stop - block.start)

    def surprised(self) -> None:
        """A block had more rows than it seemed: what decides on the length of lines shall not make that usual."""
        self._surprised = COUNTED

    def point(self, arrays: dict[int, Any]) -> None:
        """Write the addresses of arrays to `env`; the caller keeps them alive."""
        for cell, array in arrays.items():
            self.env[cell] = array.ctypes.data

    def named(self) -> frozenset[Place]:
        """Return the places of the schema that lines have named so far.

        Every shape was taught by the general parser, which stamps the nodes that it meets: nothing is counted by line.
        """
        if self.unnamed:
            self.unnamed = {p: (keys, n) for p, (keys, n) in self.unnamed.items() if not self.seen[n, 0]}
        return self.places - self.unnamed.keys() if self.unnamed else self.places

    def met(self, record: dict[str, Any]) -> None:
        """Note the places that a record names which the strict parser reads."""
        for place, (keys, _) in [*self.unnamed.items()]:
            if holds(record, keys):
                del self.unnamed[place]

    def start(self, block: Block) -> None:
        """Make ready for the text of a block."""
        room = self.room * (block.stop - block.start) + PADDING  # most of it is never touched, and so no memory
        if len(self.side) < room:
            self.side = np.empty(room, np.uint8)
            self.point({values.SIDE: self.side})
        self.env[values.SIDE_USED] = self.env[values.DEFERRED] = 0
        self.env[values.SIDE_BASE] = block.stop


class JsonReader:
    """Reads JSON lines by a schema. Its partitions share the shapes of lines that their threads learn."""

    def __init__(
        self, schema: Schema, needed: frozenset[str], path: int = SCANNER, *, encoding: str = ENCODINGS[0]
    ) -> None:
        if encoding not in ENCODINGS:
            raise OptionError(f"option 'encoding' of json is {encoding!r}", hint=nearest(str(encoding), ENCODINGS))
        for field in schema:
            if field.time_format:
                from caudal.columnar import times

                times.check_format(field.time_format)
            if field.unit not in ("", "s", "ms", "us", "ns"):
                raise PlanError(f"unknown unit '{field.unit}' of field '{field.name}'", hint="s, ms, us or ns")
        self._decoder = JsonDecoder(Shape(schema, needed), path, escape=encoding == "escape")

    def open(self, head: bytes, name: str) -> tuple[JsonDecoder, int]:
        """Return the decoder of a partition, and 3 when it begins with a byte order mark, else 0.

        Raises `InputError` for a file of another format, and for JSON that is not one record a line: an array, or objects
        printed over several lines.
        """
        what, hint = other_format(head)
        if not what:
            what, hint = json_whole(head)
        if what:
            raise InputError(what, location=f"{name}:1", hint=hint)
        return self._decoder, len(BOM) if head.startswith(BOM) else 0

    def names(self, sample: bytes) -> frozenset[str]:
        """Return the names of fields in some lines; see `ports.format.NamingReader`."""
        found: set[str] = set()
        for line in sample.split(b"\n")[:_NAMED_LINES]:
            try:
                _names(strict.parse(line), "", found)
            except strict.Refusal:
                continue
        return frozenset(found)


def _names(record: dict[str, Any], above: str, found: set[str]) -> None:
    for key, value in record.items():
        if len(found) < _NAMES:
            found.add(above + key)
            if isinstance(value, dict) and above.count(".") < _NAMED_DEPTH:
                _names(value, f"{above}{key}.", found)


class JsonDecoder:
    """Decodes blocks of JSON lines: `decode` is thread-safe and keeps the contract of `ports.format.Decoder`."""

    def __init__(self, shape: Shape, path: int = SCANNER, *, escape: bool = True) -> None:
        self._shape = shape
        self._path = path
        self._escape = escape
        self._scratch: deque[Scratch] = deque()  # as many as threads have decoded at once

    def decode(self, block: Block) -> Decoded:
        """Return the rows of the block; see `ports.format.Decoder`."""
        try:
            scratch = self._scratch.pop()
        except IndexError:
            scratch = Scratch(self._shape, escape=self._escape)
        try:
            guess = scratch.guess(block) if self._path != STRICT else 0
            made = _Decoding(self._shape, block, scratch, guess).run(self._path)
            if made is None:
                scratch.surprised()
                made = _Decoding(self._shape, block, scratch).run(self._path)
            assert made is not None
            return made
        finally:
            self._scratch.append(scratch)


class _Decoding:
    """The decoding of one block."""

    def __init__(self, shape: Shape, block: Block, scratch: Scratch, guess: int = 0) -> None:
        self.shape = shape
        self.block = block
        self.scratch = scratch
        self.address = block.data.ctypes.data
        self.most = 0
        if guess and self._ready() and block.data[block.stop - 1] == 10:
            self.most, self.limit = guess, block.stop
        else:
            self.most, self.limit = scanner.count_lines(self.address, block.start, block.stop)
        capacity = self.most + 1  # a last line without a newline
        self.word = np.empty((shape.outs, capacity), np.int64)
        self.real = self.word.view(np.float64)
        self.size = np.empty((shape.outs, capacity), np.int32)
        self.valid = np.zeros((shape.outs, capacity), np.bool_)
        self.position = np.empty(capacity, np.int64)
        self.down = np.empty((capacity, 4), np.int64)
        self.rows = 0
        self.text: list[bytes] = []  # of the strict parser, behind the scratch's side buffer
        self.text_size = 0
        self.values: dict[int, dict[int, Any]] = {slot.index: {} for slot in shape.deferred}
        self.bad: list[int] = []
        self.dead: list[Dead] = []

    def run(self, path: int) -> Decoded | None:
        """Return the rows; None where there are more than was thought."""
        block, env = self.block, self.scratch.env
        self.scratch.start(block)
        self.scratch.point(
            {
                values.WORDS: self.word,
                values.SIZES: self.size,
                values.VALID: self.valid,
                values.POSITION: self.position,
                values.DOWN: self.down,
            }
        )
        env[values.STRIDE] = len(self.position)
        env[values.OUTS] = self.shape.outs
        delta = block.position - block.start
        strictly = self._scan(delta, path) if path != STRICT and self._ready() else self._unread(delta)
        if self.rows < 0:
            return None
        self.scratch.counted(block, self.rows)
        if env[values.DEFERRED]:
            data = self._data()
            failed = [(slot, self._check_deferred(slot, data)) for slot in self.shape.deferred]
            for row in {row for slot, found in failed for row in found if not self._fits_another(slot, row)}:
                start = int(self.position[row]) - delta
                strictly[row] = (start, scanner.line_end(self.address, start), -1)
        last = block.data[self.limit : block.stop].tobytes()
        if json_head(last) < len(last):  # a last line without a newline
            self.position[self.rows] = self.limit + delta
            strictly[self.rows] = (self.limit, block.stop, -1)
            self.rows += 1
        for row in sorted(strictly):
            start, stop, twice = strictly[row]
            if twice < 0:
                self._strict(row, start, stop)
            else:
                name = ".".join(self.shape.keys[twice])
                self._refuse(row, block.data[start:stop].tobytes(), strict.named_twice(name))
        return self._decoded()

    def _ready(self) -> bool:
        """Whether all that reads records is compiled; what is not is asked for."""
        asked = [scanner.scan.ready()]
        for slot in self.shape.deferred:
            if slot.kind == values.TIMESTAMP:
                from caudal.columnar import times

                asked.append(times.ready(slot.field.time_format))
        return all(asked)

    def _scan(self, delta: int, path: int) -> dict[int, tuple[int, int, int]]:
        """Scan all whole lines; return those that were handed down, as DOWN tells of them, by their rows."""
        rows: int
        start, env = self.block.start, self.scratch.env.ctypes.data
        rows, lost = scanner.scan(self.address, start, self.limit, delta, path, self.most, env)  # type: ignore[misc]
        self.rows = rows
        if rows < 0:
            return {}
        if path == SCANNER:
            good = np.delete(self.position[:rows], self.down[:lost, 0]) if lost else self.position[:rows]
            self.scratch.freezing.look(self.block.data, good, delta)
        return {row: (start, stop, twice) for row, start, stop, twice in self.down[:lost].tolist()}

    def _unread(self, delta: int) -> dict[int, tuple[int, int, int]]:
        """Hand down all whole lines: what there is until the scanner is compiled."""
        found: dict[int, tuple[int, int, int]] = {}
        at = self.block.start
        for line in self.block.data[at : self.limit].tobytes().split(b"\n")[:-1]:
            if json_head(line) < len(line):
                self.position[len(found)] = at + delta
                found[len(found)] = (at, at + len(line), -1)
            at += len(line) + 1
        self.rows = len(found)
        return found

    def _fits_another(self, slot: Slot, row: int) -> bool:
        """Whether another type at the slot's place takes the value of a row."""
        (slots,) = (slots for slots in self.shape.places if slot in slots)
        return any(self.valid[other.out, row] for other in slots if other is not slot and other.kind != values.PRESENT)

    def _data(self) -> Bytes:
        """Return the block's bytes, with the text that could not stay in place behind `block.stop`."""
        used = int(self.scratch.env[values.SIDE_USED])
        if not used and not self.text:
            return self.block.data
        parts = [self.block.data[: self.block.stop], self.scratch.side[:used]]
        if self.text:
            parts.append(np.frombuffer(b"".join(self.text), np.uint8))
        return np.concatenate(parts)

    def _check_deferred(self, slot: Slot, data: Bytes) -> list[int]:
        """Convert the text of times, base64 and lists that the scanner kept; return the rows where that fails."""
        size, word = self.size[slot.out], self.word[slot.out]
        rows = np.flatnonzero(self.valid[slot.out, : self.rows])
        rows = rows[size[rows] >= 0]
        if not len(rows):
            return []
        start = word[rows]
        if slot.kind == values.TIMESTAMP:
            from caudal.columnar import times

            every = np.ones(len(rows), np.bool_)
            milliseconds, good = times.parse(
                data, start, size[rows], every, slot.field.time_format, local=slot.field.local
            )
            word[rows] = milliseconds
            self.valid[slot.out, rows[~good]] = False
            return rows[~good].tolist()
        view = memoryview(data.data)
        texts = [view[at : at + length].tobytes() for at, length in zip(start.tolist(), size[rows].tolist())]
        if slot.kind == values.BINARY:
            found = [_base64(text, ".".join(slot.keys)) for text in texts]
        else:
            found = strict.parse_lists(texts, slot)
        kept, bad = self.values[slot.index], []
        for row, value in zip(rows.tolist(), found, strict=True):
            if isinstance(value, strict.Refusal):
                self.valid[slot.out, row] = False
                bad.append(row)
            else:
                kept[row] = value
        return bad

    def _strict(self, row: int, start: int, stop: int) -> None:
        """Let the strict parser decide on a line: fill its row, or make it a dead letter."""
        line = self.block.data[start:stop].tobytes()
        self.valid[:, row] = False
        try:
            record = strict.parse(line, escape=not self.scratch.env[values.STRICTLY], exact=self.shape.exact)
            if self.scratch.unnamed:
                self.scratch.met(record)
            found = strict.convert_record(record, self.shape)
        except strict.Refusal as refusal:
            self._refuse(row, line, refusal)
            return
        for slot, value in found:
            if slot.out < 0 or value is None:
                continue
            self.valid[slot.out, row] = True
            if slot.kind in (values.BINARY, values.LIST):
                self.values[slot.index][row] = value
            elif slot.kind in (values.STRING, values.ANY):
                raw = value.encode()
                self.word[slot.out, row] = self.block.stop + int(self.scratch.env[values.SIDE_USED]) + self.text_size
                self.size[slot.out, row] = len(raw)
                self.text.append(raw)
                self.text_size += len(raw)
            elif slot.kind in (values.FLOAT32, values.FLOAT64):
                self.real[slot.out, row] = value
            elif slot.kind != values.PRESENT:
                self.word[slot.out, row] = value

    def _refuse(self, row: int, line: bytes, refusal: strict.Refusal) -> None:
        at = int(self.position[row])
        self.dead.append(Dead.of(at, refusal.reason, refusal.message, line, refusal.detail))
        self.bad.append(row)

    def _notices(self) -> list[Notice]:
        """Tell what must be told at once: somebody writes into the log."""
        # of lists the place does not matter, and whoever writes there would choose it
        twice = Counter(_ITEM.sub("[]", dead.message) for dead in self.dead if dead.reason == "duplicate_key")
        return [
            Notice("duplicate_key", "", f"{message} ({{count}} times): somebody writes into this log", count, "warning")
            for message, count in twice.items()
        ]

    def _decoded(self) -> Decoded:
        rows = self.rows
        data = self._data()
        columns = {name: self._column(part, data) for name, part in self.shape.parts.items()}
        position = self.position[:rows]
        if self.bad:
            keep = np.ones(rows, np.bool_)
            keep[self.bad] = False
            kept = np.flatnonzero(keep)
            columns = {name: column.take(kept) for name, column in columns.items()}
            position = position[kept]
            rows = len(kept)
        return Decoded(columns, rows, position, self.dead, self._notices(), self.scratch.named())

    def _column(self, part: Part, data: Bytes) -> Column:
        slot, rows, dtype = part.slot, self.rows, part.dtype
        some = self.valid[slot.out, :rows]
        valid = None if some.all() else some
        if dtype.name == "struct":
            return Nested(dtype, self._struct(part, data, some))
        if dtype.name == "list":
            kept = self.values[slot.index]
            items = [kept[row] if good else None for row, good in enumerate(some.tolist())]
            return Nested(dtype, pa.array(items, _storage(dtype)).cast(arrow_type(dtype)))
        if dtype.name == "string":
            return Text(dtype, data, self.word[slot.out, :rows], self.size[slot.out, :rows], valid)
        if dtype.name == "binary":
            return self._binary(part, valid)
        if dtype.is_float:
            reals = self.real[slot.out, :rows]
            return Fixed(dtype, reals if dtype.name == "float64" else _narrow(reals, some), valid)
        words = self.word[slot.out, :rows]
        kind = NUMPY_TYPES[dtype.name]
        return Fixed(dtype, words if kind is np.int64 else words.astype(kind), valid)

    def _binary(self, part: Part, valid: Any) -> Text:
        kept = self.values[part.slot.index]
        raws = [kept.get(row, b"") for row in range(self.rows)]
        length = np.array([len(raw) for raw in raws], np.int32)
        start = np.cumsum(length, dtype=np.int64) - length
        return Text(part.dtype, np.frombuffer(bytearray(b"".join(raws)), np.uint8), start, length, valid)

    def _struct(self, part: Part, data: Bytes, some: Any) -> pa.Array:
        children = [self._column(inner, data).to_arrow() for inner in part.fields]
        mask = pa.array(~some)
        if not children:
            return pa.array([{} if good else None for good in some.tolist()], pa.struct([]))
        return pa.StructArray.from_arrays(children, fields=list(arrow_type(part.dtype)), mask=mask)


def _base64(text: bytes, name: str) -> bytes | strict.Refusal:
    try:
        return strict.from_base64(text, name)
    except strict.Refusal as refusal:
        return refusal


def _narrow(reals: Any, some: Any) -> Any:
    """Return float32 values; what stands under a null is not looked at, so that it cannot overflow."""
    return np.where(some, reals, 0.0).astype(np.float32)


def _storage(dtype: DataType) -> pa.DataType:
    """Return the Arrow type that takes the Python values of `strict.convert`: times as int64."""
    if dtype.item is not None:
        return pa.large_list(_storage(dtype.item))
    if dtype.name == "struct":
        return pa.struct([pa.field(f.name, _storage(f.dtype)) for f in dtype.fields])
    return pa.int64() if dtype.name in ("timestamp", "duration") else arrow_type(dtype)
