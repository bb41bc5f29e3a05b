"""A job: one plan running on the operator pool, from one queue.

Tasks are (what to do, with which morsel). A worker takes the task that is furthest downstream and oldest; only when
there is none, and the bytes in flight leave room, it admits new data by reading a block, which it then carries through
as far as it can. Nothing else holds data: a source that is not polled is all the backpressure there is.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Fixed, constant, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.errors import RunError
from caudal.core.types import INT64, STRING, TIMESTAMP
from caudal.engines.local.admission import Admission
from caudal.engines.local.bundle import MOST, Bundle
from caudal.engines.local.compiling import clock
from caudal.engines.local.counters import Counters
from caudal.engines.local.credit import Credit
from caudal.engines.local.emission import Emission
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.intake import Intake, PartitionLane, Piece, Read
from caudal.engines.local.letters import letters
from caudal.engines.local.origins import Origins
from caudal.engines.local.peeking import Peeking
from caudal.engines.local.routes import Branch, Edge
from caudal.engines.local.settings import Latency, Settings
from caudal.engines.local.stateful import OPEN
from caudal.engines.local.terminals import LaneKey, SinkTerminal, StateTerminal, Ticket, Way
from caudal.observe.log import log
from caudal.ports import source as port
from caudal.ports.records import Block

TICK_MS = 20
"""Milliseconds between two looks at whether silence has moved a watermark."""

DISCOVER_MS = 50
"""Milliseconds between two looks for new partitions."""

ROW_BYTES = 64
"""What a row of a source that yields rows, not bytes, counts for."""


class Job:
    """A running plan. Build it with `lower`, then `run`; `stop`, `cut` and `progress` come from another thread."""

    def __init__(self, settings: Settings, counters: Counters, origins: Origins, functions: Functions) -> None:
        self.settings = settings
        self.functions = functions
        self.counters = counters
        self.origins = origins
        self.intakes: list[Intake] = []
        self.routes: dict[str, Branch] = {}
        self.dead_routes: dict[str, Branch] = {}
        self.late_routes: dict[str, Branch] = {}
        self.stateful: dict[str, StateTerminal] = {}
        self.sinks: dict[str, SinkTerminal] = {}
        self._ways: dict[str, list[tuple[Edge, LaneKey]]] = {}
        """For each operator, the edges to the terminals below it with the keys of their lanes, but for the ordinal."""
        self.emissions: dict[str, Emission] = {}
        self.failures: list[str] = []
        self.latency = Latency()
        self.bytes_read = 0
        self.state_peak = 0
        self.started = time.perf_counter()
        self._heap: list[tuple[Any, ...]] = []
        self._number = itertools.count()
        self.admission = Admission()
        self.credit = Credit(settings.credit)
        self._wake = threading.Condition()
        self._running = 0
        self._waiting = 0
        self._paused = False
        self._stopping = False
        self._finished = False
        self._error: BaseException | None = None
        self._ticked = -TICK_MS
        self._discovered = -DISCOVER_MS

    # -- set-up --------------------------------------------------------------------------------------------------

    def add_partition(self, intake: Intake, partition: port.Partition) -> PartitionLane:
        """Take a partition in; `announce` it before it is read."""
        ordinal = self.origins.number(intake.operator, partition.name)
        return intake.add(partition, ordinal, self.intakes.index(intake))

    def announce(self, intake: Intake, lane: PartitionLane) -> None:
        """Open the lanes of a partition in every terminal below its source; no W_p of it is below what they reached."""
        for edge, key in self._lanes(intake, lane):
            lane.floor = max(lane.floor, edge.terminal.open_lane(key, lane.known))

    def _lanes(self, intake: Intake, lane: PartitionLane) -> Iterator[tuple[Edge, LaneKey]]:
        yield from self._ports(intake.operator, lane.ordinal)

    def _ports(self, operator: str, ordinal: int) -> Iterator[tuple[Edge, LaneKey]]:
        ways = self._ways.get(operator)
        if ways is None:
            ways = [*self._below(self.routes[operator], ())]
            if operator in self.dead_routes:
                ways += self._below(self.dead_routes[operator], ())
            self._ways[operator] = ways
        for edge, key in ways:
            yield edge, (ordinal, *key)

    def _below(self, route: Branch, prefix: LaneKey) -> Iterator[tuple[Edge, LaneKey]]:
        """Yield the edges to all terminals that see a lane's deliveries, with the key of its lane there."""
        for edge in route.all_edges():
            key = (*prefix, edge.number)
            yield edge, key
            if isinstance(edge.terminal, StateTerminal):
                yield from self._below(self.late_routes[edge.terminal.operator], key)

    def start(self) -> None:
        """Open partitions and lanes; the order of reading is known afterwards."""
        lanes = [(intake, lane) for intake in self.intakes for lane in intake.lanes if not lane.ended]
        peeking = Peeking()
        for intake, lane in lanes:
            head = lane.open()
            bounded = not lane.partition.live and intake.node.event_time is not None
            if len(lanes) > 1 and bounded and lane.fresh:
                peeking.add(lane, head)
        peeking.finish()
        for intake in self.intakes:
            intake.opening.check()
        for operator, emission in self.emissions.items():
            for edge, key in self._ports(operator, emission.ordinal):
                edge.terminal.open_lane(key, -OPEN)
        for intake, lane in lanes:
            self.announce(intake, lane)
            self.admission.add(lane)
        for terminal in self.stateful.values():
            terminal.go_on()
        for _, lane in lanes:
            if lane.idle:
                self._deliver_pieces(lane.mark_idle())

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, watch: Callable[[Job], None] | None = None, every: float = 0.1) -> None:
        """Run until the end of data or a stop; raises what a task raised. `watch` is called now and then."""
        self.started = time.perf_counter()
        threads = [
            threading.Thread(target=self._worker, name=f"caudal-{i}", daemon=True) for i in range(self.settings.threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(every)
                if watch is not None:
                    watch(self)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Admit nothing more; what is in flight is finished."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()

    def kill(self, error: BaseException) -> None:
        """Stop at once with this error."""
        with self._wake:
            self._error = self._error or error
            self._finished = True
            self._wake.notify_all()

    @property
    def drained(self) -> bool:
        """Whether the job was stopped before its sources ended."""
        return self._stopping and not all(lane.ended for i in self.intakes for lane in i.lanes)

    def pause(self) -> None:
        """Admit nothing and wait until nothing is in flight: the state is then one consistent cut."""
        with self._wake:
            self._paused = True
            while (self._heap or self._running) and self._error is None and not self._finished:
                self._wake.wait()

    def resume(self) -> None:
        """Go on after a pause."""
        with self._wake:
            self._paused = False
            self._wake.notify_all()

    def _worker(self) -> None:
        try:
            while True:
                task = self._next()
                if task is None:
                    return
                try:
                    task()
                finally:
                    with self._wake:
                        self._running -= 1
                        if self._waiting:
                            self._wake.notify_all()
        except BaseException as error:
            self.kill(error)

    def _next(self) -> Callable[[], None] | None:
        """Return a task to run now; None when the job is over."""
        with self._wake:
            while True:
                if self._finished:
                    return None
                if self._heap:
                    self._running += 1
                    return self._pop()
                if not self._stopping and not self._paused and self.credit.left():
                    task = self._admit()
                    if task is not None:
                        self._running += 1
                        return task
                if self._running == 0 and self._over():
                    self._finished = True
                    self._wake.notify_all()
                    return None
                if self._paused and self._running == 0:
                    self._wake.notify_all()
                self._waiting += 1
                self._wake.wait(self.settings.idle_poll if self._polls() else None)
                self._waiting -= 1

    def _pop(self) -> Callable[[], None]:
        if self.settings.shuffle is not None:
            index = self.settings.shuffle.randrange(len(self._heap))
            entry = self._heap.pop(index)
            heapq.heapify(self._heap)
            return entry[-1]
        return heapq.heappop(self._heap)[-1]

    def push(self, depth: int, task: Callable[[], None]) -> None:
        """Queue a task; the deeper downstream, the sooner it runs."""
        with self._wake:
            heapq.heappush(self._heap, (-depth, next(self._number), task))
            if self._waiting:
                self._wake.notify()

    def _over(self) -> bool:
        if self._stopping:
            return True
        return not self.admission.open and not self._live()

    def _live(self) -> bool:
        return any(i.opened.live for i in self.intakes)

    def _polls(self) -> bool:
        return not self._stopping and not self._paused and self._waits()

    def _waits(self) -> bool:
        """Whether any source may have rows later: it must be asked again and again."""
        return self._live() or self.admission.waits

    # -- admission -----------------------------------------------------------------------------------------------

    def _admit(self) -> Callable[[], None] | None:
        """Return a task that reads from the partition furthest behind; None when none may be read now."""
        now = self.settings.clock()
        live = self._waits()
        if live and now - self._ticked >= TICK_MS:
            self._ticked = now
            silent = [w for w in self.stateful.values() if w.silent()]
            if silent:
                return lambda: self._tick(silent)
        if live and now - self._discovered >= DISCOVER_MS and self._live():
            self._discovered = now
            return self._discover
        lane = self.admission.choose(now)
        if lane is None:
            return None
        lane.busy = True
        return lambda: self._read(lane)

    @staticmethod
    def _tick(silent: list[StateTerminal]) -> None:
        for terminal in silent:
            terminal.poke()

    def _discover(self) -> None:
        for intake in self.intakes:
            if not intake.opened.live:
                continue
            self._hear(intake)
            for partition in intake.opened.discover():
                lane = self.add_partition(intake, partition)
                log.info("%s: new partition %s", intake.operator, partition.name)
                self.announce(intake, lane)
                with self._wake:
                    self.admission.add(lane)

    def _hear(self, intake: Intake) -> None:
        self.counters.notices.add_all(intake.opening.told())
        if isinstance(intake.opened, port.Telling):
            self.counters.notices.add_all(intake.opened.told())

    def waiting(self) -> str:
        """Return what sources wait for, "" for nothing."""
        tellers = [intake.opened for intake in self.intakes if isinstance(intake.opened, port.Telling)]
        return ", ".join(text for text in (teller.waiting() for teller in tellers) if text)

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
            got = lane.read(self.settings.read_bytes or lane.intake.read_size)
        except BaseException:
            lane.busy = False
            raise
        if isinstance(got, port.Nothing):
            self._quiet(lane)
            return None
        if isinstance(got, port.End):
            self._deliver_pieces(lane.put(self._end(lane, got), None))
            return None
        number, block = got
        end = lane.at_end()
        read_at = clock()
        if not lane.settled and (lane.quiet_since is not None or lane.idle):
            self._awake(lane)
        raw = isinstance(block, Block)
        size = max(1, block.stop - block.start if raw else ROW_BYTES * block.rows)
        with self._wake:
            lane.in_flight += 1
            self.bytes_read += size if raw else 0
            mark = self.credit.enter(size)
        if end is not None:
            self._end(lane, end)
        return Read(lane, number, block, end, size, read_at, mark)

    def _along(self, bundle: Bundle) -> PartitionLane | None:
        """Return the next partition to read for a bundle; None where it is another source's turn."""
        now = self.settings.clock()
        with self._wake:
            if self._stopping or self._paused or not self.credit.left():
                return None
            lane = self.admission.choose(now)
            if lane is None or lane.intake is not bundle.lanes[0].intake:
                if lane is not None:
                    self.admission.back(lane)
                return None
            lane.busy = True
            return lane

    def _carry_bundle(self, bundle: Bundle) -> None:
        """Decode and carry on the blocks of a bundle, one by one where they are few or need it."""
        if len(bundle.reads) > 1:
            piece = bundle.piece()
            if piece is not None:
                self._let_go(bundle.lanes)
                self._carry(piece)
                return
        for read in bundle.reads:
            self._carry_block(read)

    def _carry_block(self, read: Read) -> None:
        lane = read.lane
        lane.settled = False
        self._let_go([lane])
        cooked = lane.intake.decode(lane, read.got, read.read_at)
        cooked.size, cooked.mark = read.size, read.mark
        self.counters.take(lane.intake.operator, lane.name, cooked.taken)
        pieces = lane.put(read.number, cooked)
        size, read_at, intake, taken = read.size, read.read_at, lane.intake, cooked.taken
        del read, cooked
        self._deliver_pieces(pieces)
        intake.adapt(size, taken, clock() - read_at)

    def _let_go(self, lanes: Sequence[PartitionLane]) -> None:
        """Let partitions be read on by whoever may."""
        with self._wake:
            for lane in lanes:
                lane.busy = False
                self.admission.back(lane)
            if self._waiting:
                self._wake.notify()

    def _end(self, lane: PartitionLane, end: port.End) -> int:
        """Let a partition go that has ended; return the number of its end, which stands behind its blocks."""
        number = lane.number_end(end.failed)
        if end.failed:
            self.failures.append(f"{lane.name}: {end.failed}")
        with self._wake:
            lane.ended = True
            lane.busy = False
            self.admission.end(lane)
        lane.partition.close()
        return number

    def _quiet(self, lane: PartitionLane) -> None:
        """A live partition had nothing new."""
        now = self.settings.clock()
        if lane.quiet_since is None:
            lane.quiet_since = now
        lane.poll_at = self.admission.next_poll(now, now - lane.quiet_since, 1000 * self.settings.idle_poll)
        wait = port.idle_after(lane.partition, lane.intake.node.idle, self.settings.idle)
        if not lane.idle and not lane.in_flight and now - lane.quiet_since >= wait and not lane.settle():
            log.info("%s: partition %s is idle", lane.intake.operator, lane.name)
            self._deliver_pieces(lane.mark_idle())
        with self._wake:
            lane.busy = False  # only now: while it is busy nobody reads rows that would wake it
            self.admission.back(lane)

    def _awake(self, lane: PartitionLane) -> None:
        lane.quiet_since = None
        if not lane.idle:
            return
        lane.idle = False
        for edge, key in self._lanes(lane.intake, lane):
            if isinstance(edge.terminal, StateTerminal):
                lane.floor = max(lane.floor, edge.terminal.resume(key, lane.marks))
        log.info("%s: partition %s has rows again, from watermark %d", lane.intake.operator, lane.name, lane.floor)

    # -- delivery ------------------------------------------------------------------------------------------------

    def _deliver_pieces(self, pieces: list[Piece]) -> None:
        """Carry the first piece on here, queue the others."""
        more = sum(piece.part for piece in pieces)
        if more:
            with self._wake:
                pieces[0].lane.in_flight += more
                for piece in pieces:
                    if piece.part:
                        self.credit.part(piece.mark)
        for piece in pieces[1:]:
            self.push(1, lambda piece=piece: self._carry(piece))
        if pieces:
            self._carry(pieces[0])

    def _carry(self, piece: Piece) -> None:
        intake = piece.lane.intake
        ticket = Ticket(lambda: self._landed(piece))
        rows = 0 if piece.morsel is None else piece.morsel.rows
        ways = [Way((p.lane.ordinal,), p.sequence, p.watermark, p.idle) for p in (piece, *piece.along)]
        begin = clock()
        self.send(self.routes[intake.operator], ways, piece.morsel, ticket)
        names = self.origins.names.__getitem__
        owner = piece.lane.ordinal if piece.dead_of is None else piece.dead_of
        dead = letters(piece.dead, names, owner, intake.operator) if piece.dead else None
        self.send(self.dead_routes[intake.operator], ways, dead, ticket)
        piece.morsel = None
        if rows:
            intake.slicer.learn(rows, clock() - begin)
        ticket.release()

    def _landed(self, piece: Piece) -> None:
        if not piece.counted:
            return
        if piece.read_at:
            self.latency.add((clock() - piece.read_at) * 1000)
        with self._wake:
            for one in (piece, *piece.along):
                one.lane.in_flight -= 1
                self.credit.leave(one.mark, one.size)
            if self._waiting:
                self._wake.notify_all()

    def send(self, route: Branch, ways: Sequence[Way], morsel: Morsel | None, ticket: Ticket | None) -> None:
        """Carry a morsel (None: no rows) down a route, and what each terminal gets of it, on the lanes it stands for."""
        for edge, rows in route.run(morsel):
            lanes = [way.into(edge.number) for way in ways]
            if rows is not None:
                rows.branch = edge.branch
            payload = edge.terminal.prepare(rows)
            if isinstance(edge.terminal, StateTerminal):
                late_route = self.late_routes[edge.terminal.operator]
                if not late_route.empty:
                    late = None if payload is None or payload.late is None else self._late(edge.terminal, payload.late)
                    self.send(late_route, lanes, late, ticket)
            if ticket is not None:
                ticket.hold(len(lanes))
            edge.terminal.deliver(lanes, payload, ticket)

    def _late(self, terminal: StateTerminal, morsel: Morsel) -> Morsel:
        """Return late rows with what is known about each."""
        rows = morsel.rows
        places = [self.origins.names[ordinal] for ordinal in np.full(rows, morsel.partition, np.int64).tolist()]
        assert morsel.time is not None
        assert morsel.watermark is not None
        position = np.full(rows, -1, np.int64) if morsel.position is None else morsel.position
        return morsel.with_columns(
            {
                **morsel.columns,
                "late_time": Fixed(TIMESTAMP, morsel.time),
                "late_source": from_list([source for source, _ in places], STRING),
                "late_partition": from_list([partition for _, partition in places], STRING),
                "late_position": Fixed(INT64, position),
                "late_operator": constant(terminal.operator, STRING, rows),
                "late_watermark": Fixed(TIMESTAMP, morsel.watermark),
            }
        )

    def grown(self, terminal: StateTerminal) -> None:
        """Keep an eye on the size of the state; raises `RunError` beyond `max_state`."""
        size = self.state_bytes()
        self.state_peak = max(self.state_peak, size)
        limit = self.settings.max_state
        if limit and size > limit:
            keys = ", ".join(terminal.state.largest_keys()) or "none"
            raise RunError(
                f"the state holds {size:,} bytes, more than max_state={limit:,}",
                location=terminal.operator,
                detail=f"largest keys: {keys}",
                hint="use fewer keys, shorter windows or less disorder, or raise max_state",
            )

    def state_bytes(self) -> int:
        """Return about how many bytes the operators' state holds."""
        return sum(t.state.blocks.nbytes for t in self.stateful.values())

    def flush(self) -> None:
        """Close all windows after a stop: every lane reaches the end of data."""
        for terminal in self.stateful.values():
            terminal.endless = False
        for intake in self.intakes:
            for lane in intake.lanes:
                if not lane.ended:
                    lane.ended = True
                    lane.partition.close()
                    self._deliver_pieces(lane.put(lane.number_end(""), None))
        while self._heap:
            self._pop()()
        for terminal in self.stateful.values():
            terminal.poke()
            while self._heap:
                self._pop()()

    def finish(self) -> None:
        """Count the rows whose windows stay open; hear what sources have to tell at last."""
        for intake in self.intakes:
            self._hear(intake)
        for operator, terminal in self.stateful.items():
            buffered = terminal.finish()
            self.counters.add(operator, "buffered", buffered - self.counters.get(operator, "buffered"))

    def watermark(self) -> int | None:
        """Return the lowest watermark of the windows, or of the sources when there are none; None before the first row."""
        marks: Iterable[int] = [t.watermark for t in self.stateful.values()] or [
            lane.known for i in self.intakes for lane in i.lanes
        ]
        known = [m for m in marks if -(2**60) < m < OPEN]
        return min(known) if known else None

    @property
    def queue_length(self) -> int:
        """Tasks that wait for a worker."""
        return len(self._heap)
