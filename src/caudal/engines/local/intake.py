"""Intake: sources as the engine runs them, from blocks to morsels with event time and W_p.

Blocks are read one after another, decoded in parallel, and sequenced behind: the sequencer sees them in order of
reading, gives each the largest event time before it, and numbers the morsels of the partition's channel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from caudal.columnar.column import Ints
from caudal.columnar.morsel import Morsel
from caudal.columnar.zones import NEVER
from caudal.core.naming import natural_key
from caudal.engines.local.compiling import clock
from caudal.engines.local.counters import Counters
from caudal.engines.local.slicing import Slicer
from caudal.engines.local.stateful import LOWEST, OPEN
from caudal.ingest.accepting import Accepted
from caudal.ingest.reading import PartitionReader, SourceReading, row_watermarks
from caudal.observe.lag import PartitionLag
from caudal.observe.log import log
from caudal.plan.nodes import Source, Staged
from caudal.ports import framing
from caudal.ports import source as port
from caudal.ports.engine import BoundSource
from caudal.ports.records import Block, Dead, Decoded


@dataclass(slots=True)
class Read:
    """A block as it was read: its number in its channel, and the end of the partition where that is known to come behind it.

    `mark`: that of its `size` bytes of credit.
    """

    channel: PartitionChannel
    number: int
    got: Block | Decoded
    end: port.End | None
    size: int
    read_at: float
    mark: int


@dataclass(slots=True)
class AcceptedBlock:
    """A decoded block: what was accepted of it (without watermark), and where its partition stands."""

    rows: Accepted
    end: int
    size: int
    read_at: float
    mark: int = 0

    @property
    def taken(self) -> int:
        """Records, those that are no rows too."""
        return self.rows.taken


@dataclass(slots=True)
class Piece:
    """What leaves the sequencer: rows of a channel in sequence, the channel's watermark behind them, dead letters.

    `along`: pieces of other channels whose rows are among these. `dead_of`: the ordinals of the partitions of dead letters, where
    that is so.
    `counted`: it holds rows of a block, `size` bytes of it in flight; `part`: not the first piece of its block; `mark`:
    bytes that had been admitted with the block.
    """

    channel: PartitionChannel
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
    along: list[Piece] = field(default_factory=list)
    dead_of: Ints | None = None


SMALLEST_READ = 1 << 20
LARGEST_READ = 8 << 20
"""Bytes to ask a source for: a bounded one has as much, so that the cost of a task is small against its work; a live
one gives what is there."""

FIRST_READ = 4096
"""Bytes of the first read where functions of the user's come next: nothing is known of what a row costs them."""

BLOCK_SECONDS = 0.02
"""Seconds of decoding that one read should bring, so that what a block costs whatever is in it (0.8 ms) is little."""

READ_SECONDS = 0.25
"""Seconds of work that one read should bring where rows are expensive."""


class PartitionChannel(PartitionReader):
    """One partition: reading it, decoding it, and its watermark."""

    def __init__(self, intake: Intake, partition: port.Partition, ordinal: int, rank: tuple[Any, ...]) -> None:
        super().__init__(intake.opening, partition, intake.convicts.get(partition.name, ()))
        self.intake = intake
        self.ordinal = ordinal
        self.rank = rank
        self.since = clock()
        self.before = 0
        """Records that earlier runs have taken."""
        self.busy = False
        self.ended = False
        self.revoked = False
        """It is read no more: its next read is its end."""
        self.landed = False
        """Its end has come through."""
        self.idle = False
        self.marks = 0
        self.quiet_since: int | None = None
        """Since when reading it brings nothing."""
        self.empty_since: int | None = None
        """Since when it has been known all the time to be at its end."""
        self.poll_at = 0.0
        self.settled = False
        """What is read next has waited for so long that the partition goes on being quiet."""
        self.fresh = True
        self.in_flight = 0
        self.known = LOWEST
        self.seen: int = int(NEVER)
        self.floor = LOWEST
        self.first_time: int | None = None
        self._blocks = 0
        self._sequenced = 0
        self._decoded: dict[int, AcceptedBlock | str] = {}
        self.sequence = 0
        self._lock = threading.Lock()

    @property
    def rests(self) -> bool:
        """Whether it holds no watermark back."""
        return self.idle

    @property
    def behind(self) -> tuple[Any, ...]:
        """The order of reading: the lowest known watermark first, then pinned order."""
        return (self.known, *self.rank)

    def begins(self, time: int) -> None:
        """Take note of the first accepted row's time, before that row is read."""
        self.first_time = time
        self.known = time - self.intake.node.disorder

    def read(self, size: int) -> tuple[int, Block | Decoded] | port.Nothing | port.End:
        """Read a block and number it."""
        got = port.End() if self.revoked else self.take(size)
        if isinstance(got, port.Nothing | port.End):
            self._reached(got.position)
            return got
        number, self._blocks = self._blocks, self._blocks + 1
        return number, got

    def quiet(self, now: int, *, silent: bool) -> tuple[int, int]:
        """Take note that reading brought nothing; `silent`: and that it is not known to be at its end.

        Return for how many milliseconds it has brought nothing, and been known to be at its end (-1: that is not known).
        """
        self.quiet_since = now if self.quiet_since is None else self.quiet_since
        self.empty_since = None if silent else now if self.empty_since is None else self.empty_since
        return now - self.quiet_since, -1 if self.empty_since is None else now - self.empty_since

    def _reached(self, position: int) -> None:
        """Take note of where a partition stands that has nothing now: further than its blocks said, where nothing was a record."""
        with self._lock:
            if self._sequenced == self._blocks:
                self.position = max(self.position, position)

    def settle(self) -> bool:
        """Let a record that waits for its rest be decided; return whether there was any."""
        found = framing.settle(self.partition)
        if found:
            log.info("%s: partition %s is read as it stands at %d", self.intake.operator, self.name, self.position)
        self.settled = found
        return found

    def number_end(self, failed: str) -> int:
        """Number the end of the partition behind its blocks."""
        number, self._blocks = self._blocks, self._blocks + 1
        self._decoded[number] = failed or "end"
        return number

    def put(self, number: int, block: AcceptedBlock | None) -> list[Piece]:
        """Take a decoded block (None: the end, numbered before); return what is in sequence now."""
        pieces: list[Piece] = []
        with self._lock:
            if block is not None:
                self._decoded[number] = block
            while (following := self._decoded.pop(self._sequenced, None)) is not None:
                self._sequenced += 1
                if isinstance(following, str) and pieces:
                    self.known = pieces[-1].watermark = OPEN
                else:
                    pieces.extend(self._cut(following))
        return pieces

    def _cut(self, block: AcceptedBlock | str) -> list[Piece]:
        if isinstance(block, str):
            self.known = OPEN
            return [self._piece(None, OPEN)]
        if block.rows.open:
            self.intake.acceptor.settle(block.rows, self.seen)
        morsel = self.intake.shown(block.rows, self.ordinal)
        self.intake.passed(block.rows)
        if morsel.time is not None and morsel.rows and self.intake.judged:
            watermark, behind = row_watermarks(morsel.time, self.seen, self.intake.node.disorder, self.floor)
            morsel.watermark = watermark
            self.intake.watch.late(morsel.time, watermark, behind)
        self._pass(morsel.time, block.rows.highest, block.end)
        return self._pieces(
            morsel, block, lambda part: self.known if part.watermark is None else int(part.watermark[-1])
        )

    def _pieces(self, morsel: Morsel, block: AcceptedBlock, until: Callable[[Morsel], int]) -> list[Piece]:
        """Return a block's rows in pieces. `until`: the watermark behind a piece that is not the last one."""
        parts = self.intake.slicer.split(morsel)
        share, rest = divmod(block.size, len(parts))
        pieces = []
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            piece = self._piece(part, self.known if last else until(part))
            piece.dead = [] if i else block.rows.dead
            piece.size, piece.read_at = share + (rest if last else 0), block.read_at
            piece.counted, piece.part, piece.mark = True, i > 0, block.mark
            pieces.append(piece)
        return pieces

    def _pass(self, time: Ints | None, highest: int, end: int) -> None:
        """Take note of rows with these times, of which the largest is `highest`, and that the partition is at `end`."""
        self.position = end
        if time is None:
            return
        if len(time):
            self.first_time = int(time[0]) if self.first_time is None else self.first_time
            self.seen = max(self.seen, highest)
        if self.seen != NEVER:
            self.known = max(self.known, self.seen - self.intake.node.disorder, self.floor)

    def along(self, read: Read, time: Ints | None) -> Piece:
        """Return the piece of a block whose rows, with these times, go along with those of another channel."""
        assert isinstance(read.got, Block)
        with self._lock:
            self._pass(time, int(time.max()) if time is not None and len(time) else int(NEVER), read.got.end)
            self._sequenced = self._blocks
            if self._decoded.pop(read.number + 1, None) is not None:
                self.known = OPEN
            piece = self._piece(None, self.known)
        piece.size, piece.mark = read.size, read.mark
        return piece

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
            "ended": self.ended and not self.revoked,
            "ordinal": self.ordinal,
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Go on from an exported place."""
        self.seen, self.floor, self.known = values["seen"], values["floor"], values["known"]
        self.fresh = False
        self.before = self.intake.counters.taken(self.intake.operator, self.name)
        self.idle, self.ended, self.position = values["idle"], values["ended"], values["position"]
        if not self.ended:
            self.partition.seek(self.position)


class Intake(SourceReading):
    """One source node: its opened source, its reader, its partitions."""

    inner = False
    """Whether its rows are no records of a source, but on their way between two parts of the plan."""

    def __init__(
        self,
        node: Source,
        bound: BoundSource,
        counters: Counters,
        judged: bool,
        slicer: Slicer,
        read_at: int,
    ) -> None:
        super().__init__(node, bound, read_at)
        self.operator = node.name
        self.counters = counters
        self.judged = judged and node.timed
        self.channels: list[PartitionChannel] = []
        self.names = node.schema.names
        self.slicer = slicer
        self.read_size = FIRST_READ if slicer.expensive else SMALLEST_READ

    def add(self, partition: port.Partition, ordinal: int, order: int) -> PartitionChannel:
        """Take a partition in."""
        channel = PartitionChannel(self, partition, ordinal, (order, natural_key(partition.name)))
        self.channels.append(channel)
        return channel

    def hear(self) -> None:
        """Take note of what the source has to tell beside its partitions."""
        self.counters.notices.add_all(self.opening.told())
        if isinstance(self.opened, port.Telling):
            self.counters.notices.add_all(self.opened.told())

    def lags(self) -> list[PartitionLag]:
        """Return where the partitions stand, where the source knows where they end."""
        if not isinstance(self.opened, port.Ending):
            return []
        ends, now = self.opened.ends(), clock()
        lags: list[PartitionLag] = []
        for channel in [*self.channels]:
            rows = self.counters.taken(self.operator, channel.name) - channel.before
            rate = rows / max(now - channel.since, 1e-3)
            end = ends.get(channel.name)
            lags.append(PartitionLag(self.operator, channel.name, channel.position, end, rows, rate))
        return lags

    def waiting(self) -> str:
        """Return what the source waits for, "" for nothing."""
        return self.opened.waiting() if isinstance(self.opened, port.Telling) else ""

    def passed(self, made: Accepted) -> None:
        """Count what has been accepted, and what has not."""
        dead = made.own
        self.counters.add(self.operator, "passed", made.taken - dead)
        if dead:
            self.counters.add(self.operator, "dead", dead)
        for (operator, fate), count in made.fates.items():
            self.counters.add(operator, fate, count)
        if isinstance(self.node, Staged):
            self.counters.add(self.node.last.name, "dead", len(made.dead) - dead)

    def adapt(self, size: int, rows: int, seconds: float) -> None:
        """Learn how much to read at once: about a task's work, or a share of a second's where rows are expensive."""
        if self.slicer.expensive:
            if rows and self.slicer.cost:
                wanted = READ_SECONDS / self.slicer.cost * size / rows
                self.read_size = int(min(max(min(wanted, 4 * self.read_size), FIRST_READ), LARGEST_READ))
        elif size >= self.read_size // 2:
            wanted = size * BLOCK_SECONDS / max(seconds, 1e-6)
            self.read_size = int(min(max(min(wanted, 2 * self.read_size), SMALLEST_READ), LARGEST_READ))

    def decode(self, channel: PartitionChannel, got: Block | Decoded, read_at: float) -> AcceptedBlock:
        """Return the rows of a block, accepted and timed; runs in any thread."""
        made = self.accept(channel.decoder, got, channel.name)
        self.counters.notices.add_all(made.notices, where=channel.name)
        if isinstance(got, Block):
            return AcceptedBlock(made, got.end, got.stop - got.start, read_at)
        end = int(got.position[-1]) + 1 if got.rows else channel.position
        end = max(end, got.end)
        return AcceptedBlock(made, max([end, *(dead.position + 1 for dead in got.dead)]), 64 * got.rows, read_at)

    def shown(self, made: Accepted, ordinal: int) -> Morsel:
        """Return accepted rows with the columns that the plan uses."""
        given = made.morsel
        columns = {name: given.columns[name] for name in self.names}
        return Morsel(
            columns, given.rows, given.time, position=given.position, partition=ordinal, ordinal=given.ordinal
        )
