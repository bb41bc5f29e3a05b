"""Reading a partition: its decoder is opened by what it begins with, its blocks become accepted rows, its rows get a W_p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from caudal.columnar.compiled import kernel
from caudal.columnar.zones import NEVER
from caudal.ingest.accepting import Accepted, Acceptor
from caudal.ingest.cutting import without
from caudal.ingest.messages import of_messages
from caudal.ingest.opening import Opening
from caudal.ingest.staging import Staging
from caudal.ingest.watching import SourceWatch
from caudal.plan.nodes import Source, Staged
from caudal.ports import framing
from caudal.ports.engine import BoundSource
from caudal.ports.format import Decoder
from caudal.ports.records import Block, Convict, Decoded
from caudal.ports.source import Checking, End, Nothing, Partition


@kernel(arguments="L l l l")
def row_watermarks(time, seen, disorder, floor):
    """Return (W_p before each row, how many rows lie below theirs).

    W_p is the largest earlier event time (`seen` before the first row) minus the disorder; without earlier rows (`seen`
    NEVER) it is the row's own time minus the disorder. Never below `floor`.
    """
    out = np.empty(time.size, np.int64)
    behind = 0
    if time.size == 0:
        return out, behind
    w = max((time[0] if seen == NEVER else seen) - disorder, floor)
    for i in range(time.size):
        out[i] = w
        w = max(w, time[i] - disorder)
    # apart from that, whose every step waits for the one before
    for i in range(time.size):
        behind += time[i] < out[i]
    return out, behind


class SourceReading:
    """What the partitions of one source have in common. `accept` runs in any thread."""

    def __init__(self, node: Source, bound: BoundSource, read_at: int, *, quiet: bool = False) -> None:
        """`read_at`: the reading time of a bounded run, in milliseconds. `quiet`: nothing is logged of what its rows are like."""
        self.node = node
        self.opened = bound.source
        self.convicts = bound.convicts
        self._checking = bound.source if isinstance(bound.source, Checking) else None
        self.opening = Opening(bound.reader, node.declared)
        self.watch = SourceWatch(node, bound.reader, live=self.opened.live, quiet=quiet)
        live = self.opened.live
        self.staging = Staging(node) if isinstance(node, Staged) else None
        """What stands between records and rows, where something does."""
        timing, whose = (node.timing, node.last.name) if isinstance(node, Staged) else (node, "")
        self.acceptor = Acceptor(timing, live=live, read_at=read_at, operator=whose)

    def accept(self, decoder: Decoder | None, got: Block | Decoded, partition: str) -> Accepted:
        """Decode what was read of a partition, give rows their event time, and note what the source is like.

        Rows without a valid event time become dead letters. `notices` are those of the block and its records too.
        """
        made = self.decoded(decoder, got, partition)
        self.watch.block(made)
        own = made.own
        why = next((letter.message for letter in made.dead if not letter.operator), "") if own else ""
        self.watch.partition(partition, made.taken, own, why)
        return made

    def decoded(self, decoder: Decoder | None, got: Block | Decoded, partition: str = "") -> Accepted:
        """Decode what was read and give rows their event time; that the source is so is noted by the caller."""
        if isinstance(got, Decoded):
            return self._accepted(self._checked(got, partition), None)
        assert decoder is not None
        decoded = decoder.decode(got) if got.messages is None else of_messages(decoder, got, got.messages)
        if got.dead:
            decoded.dead = sorted([*decoded.dead, *got.dead], key=lambda letter: letter.position)
        decoded.notices = [*got.notices, *decoded.notices]
        return self._accepted(self._checked(decoded, partition), got)

    def peeked(self, decoder: Decoder, block: Block) -> Accepted:
        """Decode what partitions begin with, to see their first event time."""
        return self._accepted(decoder.decode(block), None)

    def _accepted(self, decoded: Decoded, block: Block | None) -> Accepted:
        if self.staging is None:
            return self.acceptor.accept(decoded, block)
        staged = self.staging.run(decoded)
        made = self.acceptor.accept(staged.decoded, block)
        made.taken, made.fates = staged.records, staged.fates
        return made

    def _checked(self, decoded: Decoded, partition: str) -> Decoded:
        """Let the source check rows, where it wants to."""
        if self._checking is not None:
            self._checking.check(partition, decoded)
        return decoded


class PartitionReader:
    """One partition and its decoder. Used by one thread at a time."""

    def __init__(self, opening: Opening, partition: Partition, convicts: Sequence[Convict] = ()) -> None:
        """`convicts`: records that are dead letters, and that nothing looks into."""
        self.partition = partition
        self.decoder: Decoder | None = None
        self.position = partition.start
        """Where the rows that were taken end."""
        self._opening = opening
        self._convicts = convicts
        self._parts: list[Block | Decoded] = []
        """What was read and is not taken yet."""

    @property
    def name(self) -> str:
        """The partition's name."""
        return self.partition.name

    def open(self) -> bytes:
        """Open the decoder; return what the partition begins with, where it had to be looked at.

        A live partition without a whole line is opened by what is read first. Raises `InputError` for a head that is not as
        the format wants it.
        """
        if not self._opening.by_lines or self.decoder is not None:
            return b""
        head = self.partition.head()
        if not head and self.partition.live:
            return b""
        skip = self._opened(head)
        if self.position == self.partition.start and skip > self.position:
            self.position = skip
            self.partition.seek(skip)
        return head[: self._convicts[0].position] if self._convicts else head

    def take(self, size: int) -> Block | Decoded | Nothing | End:
        """Read about `size` bytes."""
        if self._parts:
            return self._parts.pop(0)
        if self.decoder is None:
            self.open()
        got = self.partition.read(size)
        if self.decoder is None and isinstance(got, Block):
            got = self._opened_with(got, size)
        if self._convicts and isinstance(got, Block | Decoded):
            got, *self._parts = without(got, self._convicts)
        return got

    def at_end(self) -> End | None:
        """Return the end of a partition that is known to have nothing more, so that it goes with the last block."""
        if self._parts or not getattr(self.partition, "exhausted", False):
            return None
        got = self.partition.read(1)
        assert isinstance(got, End)
        return got

    def _opened(self, head: bytes) -> int:
        self.decoder, skip = self._opening.open(head, self.partition)
        if head:
            framing.frame(self.partition, self.decoder)
        return skip

    def _opened_with(self, block: Block, size: int) -> Block | Decoded | Nothing | End:
        """Open the decoder of a live partition whose first lines came between looking at its head and reading.

        They are read again: now it is known where their records end.
        """
        head = b"" if block.messages is not None else block.data[block.start : block.stop].tobytes()
        skip = self._opened(head)
        if not head:
            return block
        self.partition.seek(block.position + skip)
        again = self.partition.read(size)
        if isinstance(again, Block):
            again.notices += block.notices
        return again
