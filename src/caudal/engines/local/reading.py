"""The way in: which partition is read next, and what was read on its way to the first tasks.

A partition is read by one thread at a time, its blocks are decoded by any. New data is admitted only while the bytes in flight leave
room. Nothing else holds data: a source that is not polled is all the backpressure there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from caudal.engines.local.admission import Admission
from caudal.engines.local.assignment import Assignment
from caudal.engines.local.bundle import MOST, Bundle
from caudal.engines.local.compiling import clock
from caudal.engines.local.counters import Counters
from caudal.engines.local.entry import Entry
from caudal.engines.local.intake import Intake, PartitionChannel, Read
from caudal.engines.local.operator_tasks import StateTask
from caudal.engines.local.origins import Origins
from caudal.engines.local.peeking import Peeking
from caudal.engines.local.router import Router
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Settings
from caudal.engines.local.stateful import LOWEST
from caudal.observe.log import log
from caudal.ports import source as port
from caudal.ports.records import Block

TICK_MS = 20
"""Milliseconds between two looks at whether silence has moved a watermark."""

DISCOVER_MS = 50
"""Milliseconds between two looks for partitions that come and go."""

ROW_BYTES = 64
"""What a row of a source that yields rows, not bytes, counts for."""


class Reading:
    """Reads the sources of a job; keeps `scheduler.Admits`."""

    def __init__(
        self,
        settings: Settings,
        scheduler: Scheduler,
        router: Router,
        entry: Entry,
        counters: Counters,
        origins: Origins,
    ) -> None:
        self.intakes: list[Intake] = []
        self.stateful: dict[str, StateTask] = {}
        """The stateful operators, whose watermark silence moves."""
        self.failures: list[str] = []
        self.bytes_read = 0
        self._settings = settings
        self._scheduler = scheduler
        self._router = router
        self._entry = entry
        self._counters = counters
        self._origins = origins
        self._admission = Admission()
        self._assignment = Assignment(scheduler, self._admission, self._take)
        self._ticked = -TICK_MS
        self._discovered = -DISCOVER_MS

    # -- partitions ----------------------------------------------------------------------------------------------

    def add(self, intake: Intake, partition: port.Partition) -> PartitionChannel:
        """Take a partition in; `announce` it before it is read."""
        ordinal = self._origins.number(intake.operator, partition.name)
        return intake.add(partition, ordinal, self.intakes.index(intake))

    def announce(self, channel: PartitionChannel) -> None:
        """Open the channels of a partition in every task below its source; no W_p of it is below what they reached."""
        for edge, key in self._router.channels(channel.intake.operator, channel.ordinal):
            channel.floor = max(channel.floor, edge.task.open_channel(key, channel.known))

    def open(self) -> list[PartitionChannel]:
        """Open the decoders of all partitions that have not ended; the order of reading is known afterwards."""
        channels = [channel for intake in self.intakes for channel in intake.channels if not channel.ended]
        peeking = Peeking()
        for channel in channels:
            head = channel.open()
            bounded = not channel.partition.live and channel.intake.node.timed
            if len(channels) > 1 and bounded and channel.fresh:
                peeking.add(channel, head)
        peeking.finish()
        for intake in self.intakes:
            intake.opening.check()
        return channels

    def start(self, channels: Sequence[PartitionChannel]) -> None:
        """Let these partitions be read."""
        for channel in channels:
            self.announce(channel)
            self._admission.add(channel)

    def close(self) -> None:
        """Bring every partition to its end, after a stop."""
        for intake in self.intakes:
            for channel in intake.channels:
                if not channel.ended:
                    channel.ended = True
                    channel.partition.close()
                    self._entry.deliver(channel.put(channel.number_end(""), None))

    def finish(self) -> None:
        """Take note of what the sources have to tell at last, and tell them where what they revoked stands."""
        self._assignment.finish()
        for intake in self.intakes:
            intake.hear()

    def waiting(self) -> str:
        """Return what sources wait for, "" for nothing."""
        return ", ".join(text for text in (intake.waiting() for intake in self.intakes) if text)

    @property
    def ended(self) -> bool:
        """Whether all partitions have come to their ends."""
        return all(channel.ended for intake in self.intakes for channel in intake.channels)

    # -- the contract of scheduler.Admits ------------------------------------------------------------------------

    def admit(self) -> Callable[[], None] | None:
        """Return a task that reads from the partition furthest behind, or does what is due while sources are live."""
        if not self._entry.credit.left():
            return None
        now = self._settings.clock()
        live = self.waits()
        if live and now - self._ticked >= TICK_MS:
            self._ticked = now
            silent = [task for task in self.stateful.values() if task.silent()]
            if silent:
                return lambda: _poke(silent)
        if live and now - self._discovered >= DISCOVER_MS and self._live():
            self._discovered = now
            return lambda: self._assignment.look(self.intakes)
        channel = self._admission.choose(now)
        if channel is None:
            return None
        channel.busy = True
        return lambda: self._read(channel)

    def over(self) -> bool:
        return not self._admission.open and not self._live()

    def waits(self) -> bool:
        return self._live() or self._admission.waits

    def _live(self) -> bool:
        return any(intake.opened.live for intake in self.intakes)

    def _take(self, intake: Intake, partition: port.Partition) -> PartitionChannel:
        channel = self.add(intake, partition)
        self.announce(channel)
        return channel

    # -- reading -------------------------------------------------------------------------------------------------

    def _read(self, channel: PartitionChannel | None) -> None:
        bundle, asked = Bundle(), 0
        while channel is not None:
            read, asked = self._read_one(channel), asked + 1
            if read is not None and not bundle.takes(read):
                self._carry_bundle(bundle)
                self._carry_block(read)
                return
            if read is not None:
                bundle.add(read)
            more = bundle.reads and not bundle.full and asked < MOST
            channel = self._along(bundle) if more else None
        self._carry_bundle(bundle)

    def _read_one(self, channel: PartitionChannel) -> Read | None:
        """Read a block; None where there was nothing, which has been dealt with."""
        try:
            got = channel.read(self._settings.read_bytes or channel.intake.read_size)
        except BaseException:
            channel.busy = False
            raise
        if isinstance(got, port.Nothing):
            self._quiet(channel, silent=got.silent)
            return None
        if isinstance(got, port.End):
            self._entry.deliver(channel.put(self._end(channel, got), None))
            return None
        number, block = got
        end = channel.at_end()
        read_at = clock()
        if not channel.settled and (channel.quiet_since is not None or channel.idle):
            self._awake(channel)
        raw = isinstance(block, Block)
        size = max(1, block.stop - block.start if raw else ROW_BYTES * block.rows)
        with self._scheduler.lock:
            channel.in_flight += 1
            self.bytes_read += size if raw else 0
            mark = self._entry.credit.enter(size)
        if end is not None:
            self._end(channel, end)
        return Read(channel, number, block, end, size, read_at, mark)

    def _along(self, bundle: Bundle) -> PartitionChannel | None:
        """Return the next partition to read for a bundle; None where it is another source's turn."""
        now = self._settings.clock()
        with self._scheduler.lock:
            if self._scheduler.stopping or self._scheduler.paused or not self._entry.credit.left():
                return None
            channel = self._admission.choose(now)
            if channel is None or channel.intake is not bundle.reads[0].channel.intake:
                if channel is not None:
                    self._admission.back(channel)
                return None
            channel.busy = True
            return channel

    def _carry_bundle(self, bundle: Bundle) -> None:
        """Decode and carry on the blocks of a bundle, one by one where they are few or need it."""
        if len(bundle.reads) > 1:
            piece = bundle.piece()
            if piece is not None:
                self._let_go(bundle.channels)
                self._entry.carry(piece)
                return
        for read in bundle.reads:
            self._carry_block(read)

    def _carry_block(self, read: Read) -> None:
        channel = read.channel
        channel.settled = False
        self._let_go([channel])
        begin = time.thread_time()
        block = channel.intake.decode(channel, read.got, read.read_at)
        block.size, block.mark = read.size, read.mark
        self._counters.take(channel.intake.operator, channel.name, block.taken)
        pieces = channel.put(read.number, block)
        size, read_at, intake, taken = read.size, read.read_at, channel.intake, block.taken
        del read, block
        self._entry.deliver(pieces)
        # by processor time, which other work on the machine hardly moves; a function of the user's may run elsewhere
        intake.adapt(size, taken, clock() - read_at if intake.slicer.expensive else time.thread_time() - begin)

    def _let_go(self, channels: Sequence[PartitionChannel]) -> None:
        """Let partitions be read on by whoever may."""
        with self._scheduler.lock:
            for channel in channels:
                channel.busy = False
                self._admission.back(channel)
            self._scheduler.wake()

    def _end(self, channel: PartitionChannel, end: port.End) -> int:
        """Let a partition go that has ended; return the number of its end, which stands behind its blocks."""
        number = channel.number_end(end.failed)
        if end.failed:
            self.failures.append(f"{channel.name}: {end.failed}")
        with self._scheduler.lock:
            channel.ended = True
            channel.busy = False
            self._admission.end(channel)
        channel.partition.close()
        return number

    def _quiet(self, channel: PartitionChannel, *, silent: bool) -> None:
        """A live partition had nothing new. `silent`: and may have some that cannot be seen, so it is not idle."""
        now = self._settings.clock()
        if silent and channel.idle:
            self._awake(channel)
        quiet, empty = channel.quiet(now, silent=silent)
        channel.poll_at = self._admission.next_poll(now, quiet, 1000 * self._settings.idle_poll)
        wait = port.idle_after(channel.partition, channel.intake.node.idle, self._settings.idle)
        if not channel.idle and not channel.in_flight and empty >= wait and not channel.settle():
            log.info("%s: partition %s is idle", channel.intake.operator, channel.name)
            self._entry.deliver(channel.mark_idle())
        with self._scheduler.lock:
            channel.busy = False  # only now: while it is busy nobody reads rows that would wake it
            self._admission.back(channel)

    def _awake(self, channel: PartitionChannel) -> None:
        channel.quiet_since = channel.empty_since = None
        if not channel.idle:
            return
        channel.idle = False
        channel.floor = max(channel.floor, self._router.resume(channel.intake.operator, channel.ordinal, channel.marks))
        name = f"{channel.intake.operator}: partition {channel.name}"
        log.info("%s is idle no more%s", name, f", from watermark {channel.floor}" if channel.floor > LOWEST else "")


def _poke(silent: list[StateTask]) -> None:
    for task in silent:
        task.poke()
