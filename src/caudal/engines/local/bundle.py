"""Bundles: blocks of several partitions that are too small to be work of their own, decoded and carried on as one.

What a decoder, a morsel and an envelope cost is small against a large block. Of thousands of small files, or of followed
ones that grow by a few lines each, it would be nearly all there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from caudal.engines.local.intake import PartitionChannel, Piece, Read
from caudal.ingest.reading import row_watermarks
from caudal.ports.records import PADDING, Block, Decoded

SMALL = 1 << 16
"""Bytes of a block from which on it is work of its own."""

LARGE = 1 << 18
"""Bytes that are enough for a bundle."""

MOST = 256
"""Blocks that are enough for a bundle: those of live partitions wait for one another, and each that is asked takes time."""


class Bundle:
    """Blocks of partitions of one source that one decoder reads.

    Nothing else of these partitions is in flight or waits, and their first channel carries the rows of all. So what comes
    behind the bundle in any of its channels comes behind all its rows.
    """

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether it is time to carry it on."""
        return self.size >= LARGE or len(self.reads) >= MOST

    def takes(self, read: Read) -> bool:
        """Whether a block may be added: what its bytes say depends on no block before it, nor on how the bundle turns out."""
        channel, block = read.channel, read.got
        if isinstance(block, Decoded) or block.dead or block.notices or block.messages is not None:
            return False
        if block.stop == block.start or read.size >= SMALL:
            return False
        intake = channel.intake
        if intake.staging is not None:
            return False  # rows of several may be made of one record
        if intake.node.timezone or intake.slicer.expensive or intake.slicer.fixed:
            return False
        if channel.in_flight > 1 or channel.idle or channel.settled:
            return False
        if read.end is None and not channel.partition.live:
            return False  # it is the one furthest behind, and there is more of it to read first
        if self.reads and channel.decoder is not self.reads[0].channel.decoder:
            return False
        framer = getattr(channel.decoder, "framer", None)
        return framer is None or framer.mark not in block.data[block.start : block.stop].tobytes()

    def add(self, read: Read) -> None:
        """Add a block that it takes."""
        self.reads.append(read)
        self.size += read.size

    def piece(self) -> Piece | None:
        """Return the rows of all blocks as one piece; None where there is something to tell, so that each goes by itself."""
        reads = self.reads
        intake, decoder = reads[0].channel.intake, reads[0].channel.decoder
        blocks = [read.got for read in reads if isinstance(read.got, Block)]
        block, starts = _joined(blocks)
        made = intake.decoded(decoder, block)
        if made.open or made.notices:
            return None
        morsel = intake.shown(made, 0)
        assert morsel.position is not None
        bounds = np.searchsorted(morsel.position, [*starts, block.stop])
        counts = np.diff(bounds)
        shift = [each.position - start for each, start in zip(blocks, starts, strict=True)]
        ordinals = np.array([read.channel.ordinal for read in reads], np.int64)
        morsel.partition = np.repeat(ordinals, counts)
        morsel.position = morsel.position + np.repeat(np.array(shift, np.int64), counts)
        owners = np.searchsorted(starts, [letter.position for letter in made.dead], side="right") - 1
        why: dict[int, str] = {}
        for letter, owner in zip(made.dead, owners.tolist()):
            letter.position += shift[owner]
            why.setdefault(owner, letter.message)
        taken = (counts + np.bincount(owners, minlength=len(reads))).tolist()
        if intake.judged:
            assert morsel.time is not None
            morsel.watermark = np.empty(morsel.rows, np.int64)
        pieces, behind, limits = [], 0, bounds.tolist()
        for number, (read, start, stop, count) in enumerate(zip(reads, limits, limits[1:], taken)):
            channel = read.channel
            if morsel.watermark is not None:
                assert morsel.time is not None
                times = morsel.time[start:stop]
                morsel.watermark[start:stop], late = row_watermarks(
                    times, channel.seen, intake.node.disorder, channel.floor
                )
                behind += late
            intake.counters.take(intake.operator, channel.name, count)
            intake.watch.partition(channel.name, count, count - (stop - start), why.get(number, ""))
            pieces.append(channel.along(read, None if morsel.time is None else morsel.time[start:stop]))
        intake.passed(made)
        intake.watch.block(made)
        if behind:
            assert morsel.time is not None
            assert morsel.watermark is not None
            intake.watch.late(morsel.time, morsel.watermark, behind)
        first = pieces[0]
        first.morsel, first.along = morsel, pieces[1:]
        first.dead, first.dead_of = made.dead, ordinals[owners]
        first.read_at, first.counted = reads[0].read_at, True
        return first

    @property
    def channels(self) -> list[PartitionChannel]:
        """The partitions that it has blocks of."""
        return [read.channel for read in self.reads]


def _joined(blocks: Sequence[Block]) -> tuple[Block, list[int]]:
    """Return blocks as one, and where each begins in it."""
    data = np.zeros(sum(block.stop - block.start + 1 for block in blocks) + PADDING, np.uint8)
    starts, at = [], 0
    for block in blocks:
        starts.append(at)
        size = block.stop - block.start
        data[at : at + size] = block.data[block.start : block.stop]
        at += size
        if data[at - 1] != 10:
            data[at] = 10
            at += 1
    return Block(data, 0, at, 0, at, min(block.read_at for block in blocks)), starts
