"""The way in: which partition is read next, and what was read on its way to the first terminals.

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
from caudal.engines.local.intake import Intake, PartitionLane, Read
from caudal.engines.local.origins import Origins
from caudal.engines.local.peeking import Peeking
from caudal.engines.local.router import Router
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Settings
from caudal.engines.local.terminals import StateTerminal
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
        self.stateful: dict[str, StateTerminal] = {}
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

    def add(self, intake: Intake, partition: port.Partition) -> PartitionLane:
        """Take a partition in; `announce` it before it is read."""
        ordinal = self._origins.number(intake.operator, partition.name)
        return intake.add(partition, ordinal, self.intakes.index(intake))

    def announce(self, lane: PartitionLane) -> None:
        """Open the lanes of a partition in every terminal below its source; no W_p of it is below what they reached."""
        for edge, key in self._router.lanes(lane.intake.operator, lane.ordinal):
            lane.floor = max(lane.floor, edge.terminal.open_lane(key, lane.known))

    def open(self) -> list[PartitionLane]:
        """Open the decoders of all partitions that have not ended; the order of reading is known afterwards."""
        lanes = [lane for intake in self.intakes for lane in intake.lanes if not lane.ended]
        peeking = Peeking()
        for lane in lanes:
            head = lane.open()
            bounded = not lane.partition.live and lane.intake.node.event_time is not None
            if len(lanes) > 1 and bounded and lane.fresh:
                peeking.add(lane, head)
        peeking.finish()
        for intake in self.intakes:
            intake.opening.check()
        return lanes

    def start(self, lanes: Sequence[PartitionLane]) -> None:
        """Let these partitions be read."""
        for lane in lanes:
            self.announce(lane)
            self._admission.add(lane)

    def close(self) -> None:
        """Bring every partition to its end, after a stop."""
        for intake in self.intakes:
            for lane in intake.lanes:
                if not lane.ended:
                    lane.ended = True
                    lane.partition.close()
                    self._entry.deliver(lane.put(lane.number_end(""), None))

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
        return all(lane.ended for intake in self.intakes for lane in intake.lanes)

    # -- the contract of scheduler.Admits ------------------------------------------------------------------------

    def admit(self) -> Callable[[], None] | None:
        """Return a task that reads from the partition furthest behind, or does what is due while sources are live."""
        if not self._entry.credit.left():
            return None
        now = self._settings.clock()
        live = self.waits()
        if live and now - self._ticked >= TICK_MS:
            self._ticked = now
            silent = [terminal for terminal in self.stateful.values() if terminal.silent()]
            if silent:
                return lambda: _poke(silent)
        if live and now - self._discovered >= DISCOVER_MS and self._live():
            self._discovered = now
            return lambda: self._assignment.look(self.intakes)
        lane = self._admission.choose(now)
        if lane is None:
            return None
        lane.busy = True
        return lambda: self._read(lane)

    def over(self) -> bool:
        return not self._admission.open and not self._live()

    def waits(self) -> bool:
        return self._live() or self._admission.waits

    def _live(self) -> bool:
        return any(intake.opened.live for intake in self.intakes)

    def _take(self, intake: Intake, partition: port.Partition) -> PartitionLane:
        lane = self.add(intake, partition)
        self.announce(lane)
        return lane

    # -- reading -------------------------------------------------------------------------------------------------

    def _read(self, lane: PartitionLane | None) -> None:
        bundle, asked = Bundle(), 0
        while lane is not None:
            read, asked = self._read_one(lane), asked + 1
            if read is not None and not bundle.takes(read):
                self._carry_bundle(bundle)
                self._carry_block(read)
                return
            if read is not None:
                bundle.add(read)
            more = bundle.reads and not bundle.full and asked < MOST
            lane = self._along(bundle) if more else None
        self._carry_bundle(bundle)

    def _read_one(self, lane: PartitionLane) -> Read | None:
        """Read a block; None where there was nothing, which has been dealt with."""
        try:
            got = lane.read(self._settings.read_bytes or lane.intake.read_size)
        except BaseException:
            lane.busy = False
            raise
        if isinstance(got, port.Nothing):
            self._quiet(lane)
            return None
        if isinstance(got, port.End):
            self._entry.deliver(lane.put(self._end(lane, got), None))
            return None
        number, block = got
        end = lane.at_end()
        read_at = clock()
        if not lane.settled and (lane.quiet_since is not None or lane.idle):
            self._awake(lane)
        raw = isinstance(block, Block)
        size = max(1, block.stop - block.start if raw else ROW_BYTES * block.rows)
        with self._scheduler.lock:
            lane.in_flight += 1
            self.bytes_read += size if raw else 0
            mark = self._entry.credit.enter(size)
        if end is not None:
            self._end(lane, end)
        return Read(lane, number, block, end, size, read_at, mark)

    def _along(self, bundle: Bundle) -> PartitionLane | None:
        """Return the next partition to read for a bundle; None where it is another source's turn."""
        now = self._settings.clock()
        with self._scheduler.lock:
            if self._scheduler.stopping or self._scheduler.paused or not self._entry.credit.left():
                return None
            lane = self._admission.choose(now)
            if lane is None or lane.intake is not bundle.reads[0].lane.intake:
                if lane is not None:
                    self._admission.back(lane)
                return None
            lane.busy = True
            return lane

    def _carry_bundle(self, bundle: Bundle) -> None:
        """Decode and carry on the blocks of a bundle, one by one where they are few or need it."""
        if len(bundle.reads) > 1:
            piece = bundle.piece()
            if piece is not None:
                self._let_go(bundle.lanes)
                self._entry.carry(piece)
                return
        for read in bundle.reads:
            self._carry_block(read)

    def _carry_block(self, read: Read) -> None:
        lane = read.lane
        lane.settled = False
        self._let_go([lane])
        begin = time.thread_time()
        cooked = lane.intake.decode(lane, read.got, read.read_at)
        cooked.size, cooked.mark = read.size, read.mark
        self._counters.take(lane.intake.operator, lane.name, cooked.taken)
        pieces = lane.put(read.number, cooked)
        size, read_at, intake, taken = read.size, read.read_at, lane.intake, cooked.taken
        del read, cooked
        self._entry.deliver(pieces)
        # by processor time, which other work on the machine hardly moves; a function of the user's may run elsewhere
        intake.adapt(size, taken, clock() - read_at if intake.slicer.costly else time.thread_time() - begin)

    def _let_go(self, lanes: Sequence[PartitionLane]) -> None:
        """Let partitions be read on by whoever may."""
        with self._scheduler.lock:
            for lane in lanes:
                lane.busy = False
                self._admission.back(lane)
            self._scheduler.wake()

    def _end(self, lane: PartitionLane, end: port.End) -> int:
        """Let a partition go that has ended; return the number of its end, which stands behind its blocks."""
        number = lane.number_end(end.failed)
        if end.failed:
            self.failures.append(f"{lane.name}: {end.failed}")
        with self._scheduler.lock:
            lane.ended = True
            lane.busy = False
            self._admission.end(lane)
        lane.partition.close()
        return number

    def _quiet(self, lane: PartitionLane) -> None:
        """A live partition had nothing new."""
        now = self._settings.clock()
        if lane.quiet_since is None:
            lane.quiet_since = now
        lane.poll_at = self._admission.next_poll(now, now - lane.quiet_since, 1000 * self._settings.idle_poll)
        wait = port.idle_after(lane.partition, lane.intake.node.idle, self._settings.idle)
        if not lane.idle and not lane.in_flight and now - lane.quiet_since >= wait and not lane.settle():
            log.info("%s: partition %s is idle", lane.intake.operator, lane.name)
            self._entry.deliver(lane.mark_idle())
        with self._scheduler.lock:
            lane.busy = False  # only now: while it is busy nobody reads rows that would wake it
            self._admission.back(lane)

    def _awake(self, lane: PartitionLane) -> None:
        lane.quiet_since = None
        if not lane.idle:
            return
        lane.idle = False
        for edge, key in self._router.lanes(lane.intake.operator, lane.ordinal):
            if isinstance(edge.terminal, StateTerminal):
                lane.floor = max(lane.floor, edge.terminal.resume(key, lane.marks))
        log.info("%s: partition %s has rows again, from watermark %d", lane.intake.operator, lane.name, lane.floor)


def _poke(silent: list[StateTerminal]) -> None:
    for terminal in silent:
        terminal.poke()
