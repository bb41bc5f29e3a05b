"""The decoder: blocks of lines to columns."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import numpy as np

from caudal.columnar import utf8
from caudal.columnar.addresses import network_rows
from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.draft import Draft
from caudal.core.addresses import network_of
from caudal.core.dialects import other_format
from caudal.core.errors import InputError, OptionError, PlanError, nearest
from caudal.core.types import INT64, STRING, TIMESTAMP, Field, Schema
from caudal.formats.combined import scanner, strict
from caudal.formats.combined.layout import decide, layout_of
from caudal.formats.combined.portable import LOG_DECIDED, LOG_LAYOUTS
from caudal.formats.combined.scanner import TEXTS, VIEWS, Lines
from caudal.observe.notices import Notice
from caudal.ports.records import PADDING, Block, Dead, Decoded, Options

BOM = b"\xef\xbb\xbf"
ENCODINGS = ("escape", "utf-8")
AUTO = "auto"
Network = IPv4Network | IPv6Network

_DOUBT = (
    "{{count}} lines do not fit the log's layout ({} ident user), so that their client is in doubt: dead letters;"
    " declare the layout= if it is another, and cut off what stands before it (of syslog, of a container)"
)

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
        Field("vhost", STRING),
        Field("forwarded", STRING),
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
        self._layout = str(options["layout"])
        if self._layout not in (AUTO, *LOG_LAYOUTS):
            hint = nearest(self._layout, (AUTO, *LOG_LAYOUTS))
            raise OptionError(f"option 'layout' of combined is {self._layout!r}", hint=hint)
        trusted = trusted_networks(options["trusted"])
        escape = encoding == "escape"
        self._decoders = {name: CombinedDecoder(fields, escape, name, trusted) for name in LOG_LAYOUTS}
        if self._layout == AUTO:
            for name, decoder in self._decoders.items():
                decoder.notices = (Notice("layout_decided", "", LOG_DECIDED.format(name)),)

    def open(self, head: bytes, name: str) -> tuple[CombinedDecoder, int]:
        """Return the decoder of a log that begins so, and the length of a BOM; an access log has no header."""
        what, hint = other_format(head)
        if what:
            raise InputError(what, location=f"{name}:1", hint=hint)
        layout = decide(head) if self._layout == AUTO else self._layout
        return self._decoders[layout], len(BOM) if head.startswith(BOM) else 0


def trusted_networks(texts: Any) -> tuple[Network, ...]:
    """Return the networks of the option `trusted`; raises `OptionError`."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise OptionError(f"option 'trusted' of combined is {texts!r}", hint='a list of networks: ["10.0.0.0/8"]')
    try:
        return tuple(network_of(text) for text in texts)
    except ValueError as error:
        hint = 'write networks as ["10.0.0.0/8", "2001:db8::1"]'
        raise OptionError(f"option 'trusted' of combined is {list(texts)!r}", detail=str(error), hint=hint) from None


class CombinedDecoder:
    """Decodes blocks of one layout; keeps `ports.format.Decoder`. Holds no state between blocks."""

    def __init__(self, fields: list[Field], escape: bool, layout: str, trusted: tuple[Network, ...]) -> None:
        self.layout = layout
        self.notices: Sequence[Notice] = ()
        self._names = [(field.name, field.keys[0]) for field in fields]
        self._wanted = [*dict.fromkeys(key for _, key in self._names if key in VIEWS)]
        self._escape = escape
        self._trusted = trusted
        self._compiled = layout_of(layout), network_rows(trusted), self._wanted

    def decode(self, block: Block) -> Decoded:
        """Return the rows of the block; see `Decoder.decode`."""
        data = block.data
        if scanner.ready():
            lines = scanner.scan(data, block.start, block.stop, *self._compiled)
            data = self._stray(block, lines)
        else:
            lines = scanner.unread(data, block.start, block.stop, self._wanted)
        odd = lines.odd
        drafts = _drafts(self._wanted, data, lines)
        position = lines.start + (block.position - block.start)
        dead = self._read_odd(block, lines, odd, position, drafts) if odd.any() else []
        keep = None if not odd.any() else ~odd
        made = {key: draft.column(keep) for key, draft in drafts.items()}
        columns = {name: made[key] for name, key in self._names}
        position = position if keep is None else position[keep]
        return Decoded(columns, len(position), position, dead, self._doubts(dead))

    def _stray(self, block: Block, lines: Lines) -> Bytes:
        """Scan lines that are not UTF-8 anew, escaped and behind the block's data; return both.

        Whoever sends such bytes must not choose to be read a hundred times slower. Read strictly they are odd.
        """
        data = block.data
        rows = np.flatnonzero(lines.high)
        if not len(rows):
            return data
        rows = rows[~utf8.valid(data, lines.start[rows], lines.length[rows])]
        lines.odd[rows] = True
        if not len(rows) or not self._escape:
            return data
        view = memoryview(data.data)
        spans = zip(lines.start[rows].tolist(), lines.length[rows].tolist())
        texts = [str(view[at : at + length], "utf-8", "backslashreplace") for at, length in spans]
        raw = "".join(f"{text}\r\n" for text in texts).encode()  # one CR is taken off again
        data = np.concatenate([data[: block.stop], np.frombuffer(raw + bytes(PADDING), np.uint8)])
        again = scanner.scan(data, block.stop, block.stop + len(raw), *self._compiled)
        if len(again.start) == len(rows):
            lines.replace(rows, again)
        return data

    def _read_odd(self, block: Block, lines: Lines, odd: Bools, position: Ints, drafts: dict[str, Draft]) -> list[Dead]:
        """Read the odd lines strictly: put their values in place and unmark them, or return them as dead letters."""
        dead: list[Dead] = []
        for row in np.flatnonzero(odd).tolist():
            first = int(lines.start[row])
            raw = block.data[first : first + int(lines.length[row])].tobytes()
            try:
                values = strict.read(raw, escape=self._escape, layout=self.layout, trusted=self._trusted)
            except strict.Bad as bad:
                dead.append(Dead.of(int(position[row]), bad.reason, bad.message, raw, bad.detail))
                continue
            odd[row] = False
            for key, draft in drafts.items():
                draft.put(row, values.get(key))
        return dead

    def _doubts(self, dead: list[Dead]) -> list[Notice]:
        count = sum(letter.reason == "layout" for letter in dead)
        return [Notice("layout", "", _DOUBT.format(self.layout), count, "warning")] if count else []


def _drafts(wanted: Sequence[str], data: Bytes, lines: Lines) -> dict[str, Draft]:
    """Return the columns to be, by the names that the format gives them."""
    drafts = {"timestamp": Draft(TIMESTAMP, lines.stamps, np.ones(len(lines.stamps), np.bool_))}
    for row, key in enumerate(wanted):
        sizes, text = (lines.sizes[row], data) if key in TEXTS else ((), None)
        drafts[key] = Draft(FIELDS.dtype(key), lines.words[row], lines.valid[row], sizes, text)
    return drafts
