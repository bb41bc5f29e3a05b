"""One partition of a source on its way to an engine: blocks become rows that are accepted, timed and stamped with W_p."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import zones
from caudal.columnar.column import Ints
from caudal.core.types import Schema
from caudal.engines.jvm.parts import array, stored
from caudal.engines.jvm.places import PARTITION, POSITION, TIME, WATERMARK
from caudal.ingest.accepting import Accepted, Acceptor
from caudal.ingest.opening import Opening
from caudal.ingest.watching import SourceWatch
from caudal.observe.notices import Notice
from caudal.plan.nodes import Source
from caudal.ports import framing
from caudal.ports.engine import BoundSource
from caudal.ports.format import LineReader
from caudal.ports.records import Block, Dead, Decoded
from caudal.ports.source import End, Nothing, Partition

"""From an expression and the schema that it is written for to the function of its values."""

LOWEST = -(1 << 62)
"""A watermark before the first row."""

_READ = 4 * 1024 * 1024


@dataclass(slots=True)
class Rows:
    """Rows of a block: accepted, with all columns but the watermark; `Lane.stamp` makes them whole."""

    accepted: Accepted
    rank: int
    size: int = 0
    columns: dict[str, pa.Array] = field(default_factory=dict[str, pa.Array])

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.accepted.morsel.rows

    @property
    def taken(self) -> int:
        """Records, those that are no rows too."""
        return self.accepted.taken

    @property
    def times(self) -> Ints | None:
        """Their event times."""
        return self.accepted.morsel.time

    @property
    def dead(self) -> list[Dead]:
        """The records that are no rows."""
        return self.accepted.dead

    @property
    def notices(self) -> list[Notice]:
        """What is to be told of them."""
        return self.accepted.notices


class Intake:
    """What the partitions of one source have in common. `columns`: what a row has, hidden ones among them."""

    def __init__(self, node: Source, bound: BoundSource, columns: Schema, read_at: int) -> None:
        """`read_at`: the reading time of a bounded run."""
        self.node = node
        self.bound = bound
        self.opening = Opening(bound.reader, node.declared)
        self.columns = columns
        self._acceptor = Acceptor(node, live=bound.source.live, read_at=read_at)
        self.watch = SourceWatch(node, bound.reader, live=bound.source.live)

    def accepted(self, decoded: Decoded, block: Block | None, rank: int) -> Rows:
        """Give decoded rows their event time; rows without a valid one become dead letters. Runs in any thread."""
        decoded.dead = [*decoded.dead, *(block.dead if block is not None else ())]
        made = self._acceptor.accept(decoded, block)
        self.watch.block(decoded, block, made.dead, made.morsel.time, made.taken)
        made.notices += [*(block.notices if block is not None else ()), *decoded.notices]
        return Rows(made, rank) if made.open else self.stored(Rows(made, rank))

    def settled(self, rows: Rows, seen: int | None) -> Rows:
        """Decide what hangs on the rows before, of which `seen` is the largest event time."""
        if rows.accepted.open:
            self._acceptor.settle(rows.accepted, int(zones.NEVER) if seen is None else seen)
            self.stored(rows)
        return rows

    def stored(self, rows: Rows) -> Rows:
        """Give rows the columns as they are handed over."""
        morsel = rows.accepted.morsel
        made = {
            f.name: stored(morsel.columns[f.name].to_arrow(), f.dtype) for f in self.columns if f.name in morsel.columns
        }
        if PARTITION in self.columns:
            made[PARTITION] = array(np.full(morsel.rows, rows.rank, np.int64))
        if POSITION in self.columns:
            assert morsel.position is not None
            made[POSITION] = array(morsel.position)
        rows.columns = made
        block = rows.accepted.block
        rows.size = block.stop - block.start if block is not None else sum(column.nbytes for column in made.values())
        return rows


class Lane:
    """One partition. `rank`: its number among those of its source; `floor`: no W_p of it is below."""

    def __init__(self, intake: Intake, partition: Partition, rank: int) -> None:
        self.intake = intake
        self.partition = partition
        self.rank = rank
        self.floor = LOWEST
        self.known = LOWEST
        """The watermark behind the rows so far."""
        self._seen: int | None = None
        self._decoder: Any = None

    def open(self) -> None:
        """Open the decoder where what it needs is there; raises `InputError` for a head that is not as the format wants it."""
        if not isinstance(self.intake.bound.reader, LineReader):
            return
        head = self.partition.head()
        if head or not self.partition.live:
            self._decoder, skip = self._opened(head)
            if skip > getattr(self.partition, "start", 0):
                self.partition.seek(skip)

    def read(self) -> Callable[[], Rows] | Nothing | End:
        """Read a block; return what decodes it, in any thread."""
        got = self.partition.read(_READ)
        if isinstance(got, End | Nothing):
            return got
        if isinstance(got, Decoded):
            return lambda: self.intake.accepted(got, None, self.rank)
        if self._decoder is None:
            self._decoder, skip = self._opened(got.data[got.start : got.stop].tobytes())
            if got.stop > got.start:  # read again, now that it is known where records end
                self.partition.seek(got.position + skip)
                return self.read()
        decoder = self._decoder
        return lambda: self.intake.accepted(decoder.decode(got), got, self.rank)

    def _opened(self, head: bytes) -> tuple[Any, int]:
        decoder, skip = self.intake.opening.open(head, self.partition)
        framing.frame(self.partition, decoder)
        return decoder, skip

    def stamp(self, got: Rows) -> None:
        """Give rows time and W_p; to be called in order, for these hang on what came before."""
        self.intake.settled(got, self._seen)
        columns, named = got.columns, self.intake.columns
        if got.times is None:
            if WATERMARK in named:
                columns[WATERMARK] = pa.nulls(got.rows, pa.int64())
            return
        if not got.rows:
            return
        if TIME in named:
            columns[TIME] = array(got.times)
        before = np.empty(got.rows, np.int64)
        before[0] = got.times[0] if self._seen is None else self._seen
        before[1:] = got.times[:-1]
        np.maximum.accumulate(before, out=before)
        self._seen = max(int(before[-1]), int(got.times[-1]))
        disorder = self.intake.node.disorder
        if WATERMARK in named:
            watermark = np.maximum(before - disorder, self.floor)
            columns[WATERMARK] = array(watermark)
            self.intake.watch.late(got.times, watermark, int(np.count_nonzero(got.times < watermark)))
        self.known = max(self.known, self.floor, self._seen - disorder)
