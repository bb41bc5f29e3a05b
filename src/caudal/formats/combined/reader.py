"""The decoder: blocks of lines to columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar import times, utf8
from caudal.columnar.column import ALL_VALID, Bools, Ints
from caudal.columnar.draft import Draft
from caudal.core.dialects import other_format
from caudal.core.errors import InputError, OptionError, PlanError, nearest
from caudal.core.types import INT64, STRING, TIMESTAMP, Field, Schema
from caudal.formats.combined import scanner, strict
from caudal.formats.combined.scanner import NUMBERS, TEXTS, TIME_LENGTH, Lines
from caudal.ports.records import Block, Dead, Decoded, Options

BOM = b"\xef\xbb\xbf"
ENCODINGS = ("escape", "utf-8")

FIELDS = Schema(
    [
        Field("ip", STRING),
        Field("ident", STRING),
        Field("user", STRING),
        Field("timestamp", TIMESTAMP),
        Field("method", STRING),
        Field("path", STRING),
        Field("protocol", STRING),
        Field("status", INT64),
        Field("bytes", INT64),
        Field("referer", STRING),
        Field("user_agent", STRING),
        Field("request", STRING),
    ]
)


class CombinedReader:
    """Reads access logs; keeps `ports.format.LineReader`. The schema takes documented fields under any names."""

    def __init__(self, schema: Schema, needed: frozenset[str], options: Options) -> None:
        encoding = options["encoding"]
        if encoding not in ENCODINGS:
            raise OptionError(f"option 'encoding' of combined is {encoding!r}", hint=nearest(str(encoding), ENCODINGS))
        for field in schema:
            key = ".".join(field.keys)
            if key not in FIELDS:
                raise PlanError(f"an access log has no field '{key}'", hint=nearest(key, FIELDS.names))
            if field.dtype != FIELDS.dtype(key):
                raise PlanError(f"the field '{key}' of an access log is {FIELDS.dtype(key)}, not {field.dtype}")
            if field.unit or field.time_format:
                raise PlanError(f"the field '{key}' of an access log has a fixed form: leave out unit and time_format")
        fields = [field for field in schema if field.name in needed]
        self._decoder = CombinedDecoder(fields, escape=encoding == "escape")

    def open(self, head: bytes, name: str) -> tuple[CombinedDecoder, int]:
        """Return the decoder, and the length of a BOM; an access log has no header."""
        what, hint = other_format(head)
        if what:
            raise InputError(what, location=f"{name}:1", hint=hint)
        return self._decoder, len(BOM) if head.startswith(BOM) else 0


class CombinedDecoder:
    """Decodes blocks; keeps `ports.format.Decoder`. Holds no state between blocks."""

    def __init__(self, fields: list[Field], *, escape: bool) -> None:
        self._fields = fields
        self._escape = escape

    def decode(self, block: Block) -> Decoded:
        """Return the rows of the block; see `Decoder.decode`."""
        lines = scanner.scan(block.data, block.start, block.stop)
        odd = lines.odd
        # UTF-8 is looked at line by line only where there is a byte beyond ASCII at all.
        if len(lines.start) and int(block.data[block.start : block.stop].max()) >= 128:
            odd |= ~utf8.valid(block.data, lines.start, lines.length)
        width = np.full(len(odd), TIME_LENGTH, np.int32)
        width[odd] = 0
        stamps, ok = times.parse(block.data, lines.time, width, ALL_VALID, strict.TIME_FORMAT)
        odd |= ~ok
        drafts = {field.name: _draft(field, block.data, lines, stamps) for field in self._fields}
        position = lines.start + (block.position - block.start)
        dead = self._read_odd(block, lines, odd, position, drafts) if odd.any() else []
        keep = None if not odd.any() else ~odd
        columns = {name: draft.column(keep) for name, draft in drafts.items()}
        position = position if keep is None else position[keep]
        return Decoded(columns, len(position), position, dead)

    def _read_odd(self, block: Block, lines: Lines, odd: Bools, position: Ints, drafts: dict[str, Draft]) -> list[Dead]:
        """Read the odd lines strictly: put their values in place and unmark them, or return them as dead letters."""
        dead: list[Dead] = []
        for row in np.flatnonzero(odd).tolist():
            first = int(lines.start[row])
            raw = block.data[first : first + int(lines.length[row])].tobytes()
            try:
                values = strict.read(raw, escape=self._escape)
            except strict.Bad as bad:
                dead.append(Dead.of(int(position[row]), bad.reason, bad.message, raw, bad.detail))
                continue
            odd[row] = False
            for field in self._fields:
                drafts[field.name].put(row, values.get(field.keys[0]))
        return dead


def _draft(field: Field, data: Any, lines: Lines, stamps: Ints) -> Draft:
    # Copies: two declared fields may show one field of the log, and odd lines are put in place later.
    key = field.keys[0]
    if key == "timestamp":
        return Draft(TIMESTAMP, stamps.copy(), np.ones(len(stamps), np.bool_))
    if key in NUMBERS:
        row = NUMBERS.index(key)
        return Draft(INT64, lines.numbers[row].copy(), lines.number_valid[row].copy())
    row = TEXTS.index(key)
    return Draft(STRING, lines.text[row].copy(), lines.text_valid[row].copy(), lines.lengths[row].copy(), data)
