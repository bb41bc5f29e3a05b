"""How the partitions of a source are opened by their heads, so that no file that appears ends a run that goes on.

A log that is rotated by a writer that writes its header once begins, from then on, with a record: it is read by the
header of the file before it at that path, and lines that do not fit are dead letters. A stray file, of which no header
is known, is dead letters all through. Both are told. Only where not one partition of the source begins as declared is it the
declaration that is wrong: an error before the run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import arrow_type, from_arrow
from caudal.core.errors import CaudalError, InputError
from caudal.core.types import Schema
from caudal.observe.notices import Notice
from caudal.ports.format import LineReader
from caudal.ports.records import Block, Dead, Decoded
from caudal.ports.source import Partition

_INCARNATION = re.compile(r"#[0-9]+$")


class Opening:
    """Opens the partitions of one source; what it has to tell is taken by `told`."""

    def __init__(self, reader: Any, schema: Schema) -> None:
        self._reader = reader
        self.by_lines = isinstance(reader, LineReader)
        self._schema = schema
        self._decoders: dict[str, Any] = {}
        self._error: CaudalError | None = None
        self._told: list[Notice] = []

    def open(self, head: bytes, partition: Partition) -> tuple[Any, int]:
        """Return a partition's decoder, and how many bytes of its head are no records.

        Raises `InputError` for a head that is not as the format wants it, unless the partition is live.
        """
        name = _INCARNATION.sub("", partition.name)
        try:
            decoder, skip = self._reader.open(head, partition.name)
        except InputError as found:
            error = found.at(partition.name)
            if not partition.live:
                raise error from None
            decoder, skip = self._decoders.get(name), 0
            if decoder is None:
                self._error = self._error or error
                decoder = Refusing(self._schema, error)
                text = f"{error.message}: its lines are dead letters"
            else:
                text = f"{error.message}: it is read by the header that the file had before"
            self._told.append(Notice("header", partition.name, text, level="warning"))
        else:
            self._decoders[name] = decoder
            if head:
                notices: Sequence[Notice] = getattr(decoder, "notices", ())
                self._told += [notice.at(partition.name) for notice in notices]
        return decoder, skip

    def check(self) -> None:
        """Raise the first error where every partition that was opened had one."""
        if self._error is not None and not self._decoders:
            raise self._error

    def told(self) -> list[Notice]:
        """Return what is to be told since the last call."""
        told, self._told = self._told, []
        return told


class Refusing:
    """Decodes a partition of which nothing can be read: each line is a dead letter ("header")."""

    def __init__(self, schema: Schema, error: CaudalError) -> None:
        self._message = error.message
        self._detail = error.detail
        self._columns = {field.name: from_arrow(pa.array([], arrow_type(field.dtype)), field.dtype) for field in schema}

    def decode(self, block: Block) -> Decoded:
        """Return no rows; see `ports.format.Decoder.decode`."""
        data = block.data[block.start : block.stop].tobytes()
        dead: list[Dead] = []
        at = 0
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            if end > at:
                dead.append(Dead.of(block.position + at, "header", self._message, data[at:end], self._detail))
            at = end + 1
        return Decoded(dict(self._columns), 0, np.empty(0, np.int64), dead)
