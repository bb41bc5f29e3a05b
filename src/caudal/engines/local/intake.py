"""Intake: sources as the engine runs them, from blocks to morsels with event time and W_p.

Blocks are read one after another, decoded in parallel, and sequenced behind: the sequencer sees them in order of
reading, gives each the largest event time before it, and numbers the morsels of the partition's lane.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar.morsel import Morsel
from caudal.core.naming import natural_key
from caudal.engines.accepting import event_times, far_future, no_time
from caudal.engines.local.counters import Counters
from caudal.engines.local.slicing import Slicer
from caudal.engines.local.stateful import LOWEST, OPEN
from caudal.engines.local.windows.kernels import NEVER, row_watermarks
from caudal.engines.opening import Opening
from caudal.engines.watching import SourceWatch
from caudal.plan.nodes import Source
from caudal.ports import framing
from caudal.ports import source as port
from caudal.ports.format import Decoder, LineReader
from caudal.ports.records import Block, Dead, Decoded

log = logging.getLogger("caudal")


@dataclass(slots=True)
class Cooked:
    """A decoded block: the accepted rows as a morsel (without watermark), its bad records, where its partition stands."""

    morsel: Morsel
    dead: list[Dead]
    taken: int
    highest: int
    end: int
    size: int
    read_at: float
    mark: int = 0


@dataclass(slots=True)
class Piece:
    """What leaves the sequencer: rows of a lane in sequence, the lane's watermark behind them, dead letters.

    `counted`: it holds rows of a block, `size` bytes of it in flight; `part`: not the first piece of its block; `mark`:
    bytes that had been admitted with the block.
    """

    lane: PartitionLane
    sequence: int
    morsel: Morsel | None
    dead: list[Dead]
    watermark: int
    size: int = 0
    read_at: float = 0.0
    idle: int = 0
    counted: bool = False
    part: bool = False
    mark: int = 0


class PartitionLane:
    """One partition: reading it, decoding it, and its watermark."""

    def __init__(self, intake: Intake, partition: port.Partition, ordinal: int, rank: tuple[Any, ...]) -> None:
        self.intake = intake
        self.partition = partition
        self.ordinal = ordinal
        self.rank = rank
        self.decoder: Decoder | None = None
        self.busy = False
        self.ended = False
        self.idle = False
        self.marks = 0
        self.quiet_since: int | None = None
        self.poll_at = 0.0
        self.settled = False
        """What is read next has waited for so long that the partition goes on being quiet."""
        self.fresh = True
        self.in_flight = 0
        self.known = LOWEST
        self.position = 0
        self.seen: int = int(NEVER)
        self.floor = LOWEST
        self.first_time: int | None = None
        self._blocks = 0
        self._sequenced = 0
        self._cooked: dict[int, Cooked | str] = {}
        self.sequence = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The partition's name."""
        return self.partition.name

    @property
    def behind(self) -> tuple[Any, ...]:
        """The order of reading: the lowest known watermark first, then pinned order."""
        return (self.known, *self.rank)

    def open(self) -> bytes:
        """Open the decoder; return what the partition begins with, where it had to be looked at."""
        reader = self.intake.reader
        head = b""
        if isinstance(reader, LineReader) and self.decoder is None:
            head = self.partition.head()
            if not head and self.partition.live:
                return b""
            self.decoder, skip = self.intake.opening.open(head, self.partition)
            framing.frame(self.partition, self.decoder)
            if self.position == 0 and skip > getattr(self.partition, "start", 0):
                self.position = skip
                self.partition.seek(skip)
        return head

    def _open_with(self, block: Block, size: int) -> Block | Decoded | port.Nothing | port.End:
        """Open the decoder of a live partition whose first lines came between looking at its head and reading.

        They are read again: now it is known where their records end.
        """
        head = block.data[block.start : block.stop].tobytes()
        self.decoder, skip = self.intake.opening.open(head, self.partition)
        if not head:
            return block
        framing.frame(self.partition, self.decoder)
        self.partition.seek(block.position + skip)
        again = self.partition.read(size)
        if isinstance(again, Block):
            again.notices += block.notices
        return again

    def peek(self, head: bytes) -> None:
        """Learn the first accepted row's time, on which the order of reading depends, without reading on."""
        if self.decoder is None or not head:
            return
        skip = self.position
        data = np.zeros(len(head) + 256, np.uint8)
        data[: len(head)] = np.frombuffer(head, np.uint8)
        decoded = self.decoder.decode(Block(data, min(skip, len(head)), len(head), skip, len(head)))
        cooked = self.intake.cook(self, decoded, len(head), len(head), 0.0, None)
        if cooked.morsel.rows and cooked.morsel.time is not None:
            self.first_time = int(cooked.morsel.time[0])
            self.known = self.first_time - self.intake.node.disorder

    def read(self, size: int) -> tuple[int, Block | Decoded] | port.Nothing | port.End:
        """Read a block and number it."""
        if self.decoder is None and isinstance(self.intake.reader, LineReader):
            self.open()
        got = self.partition.read(size)
        if self.decoder is None and isinstance(got, Block):
            got = self._open_with(got, size)
        if isinstance(got, port.Nothing | port.End):
            return got
        number, self._blocks = self._blocks, self._blocks + 1
        return number, got

    def settle(self) -> bool:
        """Let a record that waits for its rest be decided; return whether there was any."""
        found = framing.settle(self.partition)
        if found:
            log.info("%s: partition %s is read as it stands at %d", self.intake.operator, self.name, self.position)
        self.settled = found
        return found

    def at_end(self) -> port.End | None:
        """Return the end of a partition that is known to have nothing more, so that it goes with the last block."""
        if not getattr(self.partition, "exhausted", False):
            return None
        got = self.partition.read(1)
        assert isinstance(got, port.End)
        return got

    def number_end(self, failed: str) -> int:
        """Number the end of the partition behind its blocks."""
        number, self._blocks = self._blocks, self._blocks + 1
        self._cooked[number] = failed or "end"
        return number

    def put(self, number: int, cooked: Cooked | None) -> list[Piece]:
        """Take a decoded block (None: the end, numbered before); return what is in sequence now."""
        pieces: list[Piece] = []
        with self._lock:
            if cooked is not None:
                self._cooked[number] = cooked
            while (following := self._cooked.pop(self._sequenced, None)) is not None:
                self._sequenced += 1
                if isinstance(following, str) and pieces:
                    self.known = pieces[-1].watermark = OPEN
                else:
                    pieces.extend(self._cut(following))
        return pieces

    def _cut(self, cooked: Cooked | str) -> list[Piece]:
        if isinstance(cooked, str):
            self.known = OPEN
            return [self._piece(None, OPEN)]
        morsel = cooked.morsel
        timed = morsel.time is not None
        disorder = self.intake.node.disorder
        if timed and morsel.rows:
            assert morsel.time is not None
            if self.intake.judged:
                morsel.watermark, behind = row_watermarks(morsel.time, self.seen, disorder, self.floor)
                self.intake.watch.late(morsel.time, morsel.watermark, behind)
            if self.first_time is None:
                self.first_time = int(morsel.time[0])
            self.seen = max(self.seen, cooked.highest)
        after = max(self.seen - disorder, self.floor) if self.seen != NEVER else self.known
        self.known = max(self.known, after) if timed else self.known
        self.position = cooked.end
        parts = self.intake.slicer.split(morsel)
        share, rest = divmod(cooked.size, len(parts))
        pieces = []
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            piece = self._piece(part, self.known if last or part.watermark is None else int(part.watermark[-1]))
            piece.dead = [] if i else cooked.dead
            piece.size, piece.read_at = share + (rest if last else 0), cooked.read_at
            piece.counted, piece.part, piece.mark = True, i > 0, cooked.mark
            pieces.append(piece)
        return pieces

    def _piece(self, morsel: Morsel | None, watermark: int, idle: int = 0) -> Piece:
        number, self.sequence = self.sequence, self.sequence + 1
        return Piece(self, number, morsel, [], watermark, idle=idle)

    def mark_idle(self) -> list[Piece]:
        """Leave the minimum of watermarks: in sequence behind all rows."""
        with self._lock:
            self.idle = True
            self.marks += 1
            return [self._piece(None, self.known, idle=self.marks)]

    def export(self) -> dict[str, Any]:
        """Return where the partition stands, as plain values."""
        return {
            "name": self.name,
            "position": self.position,
            "seen": self.seen,
            "floor": self.floor,
            "known": self.known,
            "idle": self.idle,
            "ended": self.ended,
            "ordinal": self.ordinal,
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Go on from an exported place."""
        self.seen, self.floor, self.known = values["seen"], values["floor"], values["known"]
        self.fresh = False
        self.idle, self.ended, self.position = values["idle"], values["ended"], values["position"]
        if not self.ended:
            self.partition.seek(self.position)


class Intake:
    """One source node: its opened source, its reader, its partitions."""

    def __init__(
        self,
        node: Source,
        operator: str,
        opened: port.Source,
        reader: Any,
        bind: Callable[..., Any],
        counters: Counters,
        judged: bool,
        slicer: Slicer,
        *,
        quiet: bool = False,
    ) -> None:
        self.node = node
        self.operator = operator
        self.opened = opened
        self.reader = reader
        self.opening = Opening(reader, node.declared)
        self.counters = counters
        self.judged = judged and node.event_time is not None
        self.lanes: list[PartitionLane] = []
        self.names = node.schema.names
        self.slicer = slicer
        self.read_size = 0
        self.watch = SourceWatch(node, reader, live=opened.live, quiet=quiet)
        self.max_future = node.max_future if node.max_future is not None else 3_600_000 if opened.live else None
        self._time = None if node.event_time is None else bind(node.event_time, node.declared)

    def add(self, partition: port.Partition, ordinal: int, order: int) -> PartitionLane:
        """Take a partition in."""
        lane = PartitionLane(self, partition, ordinal, (order, natural_key(partition.name)))
        self.lanes.append(lane)
        return lane

    def decode(self, lane: PartitionLane, got: Block | Decoded, read_at: float) -> Cooked:
        """Return the rows of a block, accepted and timed; runs in any thread."""
        if isinstance(got, Decoded):
            self.counters.notices.add_all(got.notices, where=lane.name)
            end = int(got.position[-1]) + 1 if got.rows else lane.position
            for dead in got.dead:
                end = max(end, dead.position + 1)
            return self._watched(self.cook(lane, got, end, 64 * got.rows, read_at, None), got, None)
        assert lane.decoder is not None
        decoded = lane.decoder.decode(got)
        self.counters.notices.add_all((*got.notices, *decoded.notices), where=lane.name)
        if got.dead:
            decoded.dead = sorted([*decoded.dead, *got.dead], key=lambda d: d.position)
        return self._watched(self.cook(lane, decoded, got.end, got.stop - got.start, read_at, got), decoded, got)

    def _watched(self, cooked: Cooked, decoded: Decoded, block: Block | None) -> Cooked:
        self.watch.block(decoded, block, cooked.dead, cooked.morsel.time, cooked.taken)
        return cooked

    def cook(
        self, lane: PartitionLane, decoded: Decoded, end: int, size: int, read_at: float, block: Block | None
    ) -> Cooked:
        """Give decoded rows their event time; rows without a valid one become dead letters."""
        rows = decoded.rows
        columns = {name: decoded.columns[name] for name in self.names}
        morsel = Morsel(columns, rows, position=decoded.position, partition=lane.ordinal)
        dead = decoded.dead
        taken = rows + len(dead)
        highest = int(NEVER)
        if self._time is not None:
            whole = Morsel(decoded.columns, rows)
            column = self._time(whole)
            time, ok = event_times(column, self.node.unit, self.node.time_format)
            morsel.time = time
            if ok is not None:
                dead = [*dead, *no_time(decoded, column, ~ok, block)]
                morsel = morsel.take(np.flatnonzero(ok))
            if self.max_future is not None and block is not None and block.read_at and morsel.rows:
                assert morsel.time is not None
                far = morsel.time > block.read_at + self.max_future
                if far.any():
                    dead = [*dead, *far_future(morsel, np.flatnonzero(far), self.max_future, block)]
                    morsel = morsel.take(np.flatnonzero(~far))
            if morsel.rows:
                assert morsel.time is not None
                highest = int(morsel.time.max())
        if dead is not decoded.dead:
            dead = sorted(dead, key=lambda letter: letter.position)
        return Cooked(morsel, dead, taken, highest, end, size, read_at)
