"""One partition of a source on its way to an engine: blocks become rows that are accepted, timed and stamped with W_p."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Ints
from caudal.columnar.zones import NEVER
from caudal.core.types import Schema
from caudal.engines.jvm.hidden_columns import NUMBER, PARTITION, POSITION, TIME, WATERMARK
from caudal.engines.jvm.parts import array, stored
from caudal.ingest.accepting import Accepted
from caudal.ingest.reading import PartitionReader, SourceReading, row_watermarks
from caudal.observe.notices import Notice
from caudal.plan.nodes import Source
from caudal.ports.engine import BoundSource
from caudal.ports.format import Decoder
from caudal.ports.records import Block, Dead, Decoded
from caudal.ports.source import End, Nothing, Partition

LOWEST = -(1 << 62)
"""A watermark before the first row."""

_READ = 4 * 1024 * 1024


@dataclass(slots=True)
class Rows:
    """Rows of a block: accepted, with all columns but the watermark; `Channel.stamp` makes them whole."""

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


class Intake(SourceReading):
    """What the partitions of one source have in common. `columns`: what a row has, hidden ones among them."""

    def __init__(self, node: Source, bound: BoundSource, columns: Schema, read_at: int) -> None:
        """`read_at`: the reading time of a bounded run."""
        super().__init__(node, bound, read_at)
        self.columns = columns

    def rows(self, decoder: Decoder | None, got: Block | Decoded, partition: str, rank: int) -> Rows:
        """Return accepted rows. Runs in any thread."""
        made = Rows(self.accept(decoder, got, partition), rank)
        return made if made.accepted.open else self.stored(made)

    def settled(self, rows: Rows, seen: int) -> Rows:
        """Decide what depends on the rows before, of which `seen` is the largest event time."""
        if rows.accepted.open:
            self.acceptor.settle(rows.accepted, seen)
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
        if NUMBER in self.columns:
            number = np.zeros(morsel.rows, np.int64) if morsel.ordinal is None else morsel.ordinal
            made[NUMBER] = array(number)
        rows.columns = made
        block = rows.accepted.block
        rows.size = block.stop - block.start if block is not None else sum(column.nbytes for column in made.values())
        return rows


class Channel(PartitionReader):
    """One partition. `rank`: its number among those of its source; `floor`: no W_p of it is below."""

    def __init__(self, intake: Intake, partition: Partition, rank: int) -> None:
        super().__init__(intake.opening, partition)
        self.intake = intake
        self.rank = rank
        self.floor = LOWEST
        self.watermark = LOWEST
        """The watermark behind the rows so far."""
        self._seen = int(NEVER)

    def read(self) -> Callable[[], Rows] | Nothing | End:
        """Read a block; return what decodes it, in any thread."""
        got = self.take(_READ)
        if isinstance(got, End | Nothing):
            return got
        decoder = self.decoder
        return lambda: self.intake.rows(decoder, got, self.name, self.rank)

    def stamp(self, got: Rows) -> None:
        """Give rows time and W_p; to be called in order, for these depend on what came before."""
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
        disorder = self.intake.node.disorder
        if WATERMARK in named:
            watermark, behind = row_watermarks(got.times, self._seen, disorder, self.floor)
            columns[WATERMARK] = array(watermark)
            self.intake.watch.late(got.times, watermark, behind)
        self._seen = max(self._seen, got.accepted.highest)
        self.watermark = max(self.watermark, self.floor, self._seen - disorder)
