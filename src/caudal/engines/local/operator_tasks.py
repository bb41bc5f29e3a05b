"""Operator tasks: where routes end, and where order is restored.

A task gets envelopes on channels, one channel for each way in and partition. Deliveries come in any order, from any
thread; each channel is applied in sequence, by one thread at a time, while the others go on with other work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from caudal.columnar import sorting
from caudal.columnar.column import Column
from caudal.columnar.morsel import Morsel
from caudal.engines.local.counters import Counters
from caudal.engines.local.sections import Section, guarded
from caudal.engines.local.state import Blocks
from caudal.engines.local.stateful import LOWEST, OPEN, Partial, Released, StatefulOperator
from caudal.ingest.watermarks import WatermarkTracker
from caudal.ports.sink import Sink

ENCODED_ROWS = 1 << 15
"""Rows that a sink encodes at once."""


class Ticket:
    """The right to have some bytes in flight: given back when the last effect of a morsel is done."""

    __slots__ = ("_done", "_left", "_lock")

    def __init__(self, done: Callable[[], None]) -> None:
        self._left = 1
        self._done = done
        self._lock = threading.Lock()

    def hold(self, count: int = 1) -> None:
        """Wait for `count` more effects."""
        with self._lock:
            self._left += count

    def release(self) -> None:
        """One effect is done."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._done()


class Flow:
    """Results that are made while they are sent on: no more than so many are on their way, however many there are.

    `run` goes on until all are sent, or too many are under way; then `again` is called once some have landed.
    """

    def __init__(self, sends: Iterator[Callable[[Ticket], None]], most: int, again: Callable[[], None]) -> None:
        self._sends = sends
        self._most = most
        self._again = again
        self._going = 0
        self._waits = False
        self._lock = threading.Lock()

    def run(self) -> bool:
        """Send on; return whether all are sent. Called by one thread at a time, first and whenever `again` has been called."""
        while True:
            with self._lock:
                self._waits = self._going == self._most
                if self._waits:
                    return False
                self._going += 1
            send = next(self._sends, None)
            if send is None:
                return True
            ticket = Ticket(self._landed)
            send(ticket)
            ticket.release()

    def _landed(self) -> None:
        with self._lock:
            self._going -= 1
            waits, self._waits = self._waits, False
        if waits:
            self._again()


ChannelKey = tuple[int, ...]
"""(partition ordinal, edge number, and further edge numbers where late rows go on)."""


class Way(NamedTuple):
    """A channel (or, of one, the way so far), the number in its sequence, and its watermark behind that.

    `idle`: the number of the idle mark that it is, 0 for none.
    """

    channel: ChannelKey
    sequence: int
    watermark: int
    idle: int = 0

    def into(self, edge: int) -> Way:
        """Return the way through an edge."""
        return Way((*self.channel, edge), self.sequence, self.watermark, self.idle)


@dataclass(slots=True)
class Envelope:
    """What a channel carries: a payload (None: no rows), the channel's watermark behind it, the rows it stands for."""

    payload: Any
    watermark: int
    ticket: Ticket | None = None
    idle: int = 0


@dataclass(slots=True)
class Channel:
    """One partition's way into a task. `resumed`: the last idle mark that no longer holds."""

    watermark: int
    next: int = 0
    idle: bool = False
    resumed: int = 0
    waiting: dict[int, Envelope] = field(default_factory=dict)

    def reach(self, envelope: Envelope) -> None:
        """Take note of how far it is behind an envelope, and whether that is an idle mark that holds."""
        self.watermark = max(self.watermark, envelope.watermark)
        if envelope.idle > self.resumed:
            self.idle = True

    def resume(self, mark: int) -> None:
        """Hold watermarks back again behind the idle mark of this number, whether that has arrived or not."""
        self.idle, self.resumed = False, mark


class OperatorTask:
    """Applies envelopes channel by channel, in sequence."""

    def __init__(self, operator: str, counters: Counters) -> None:
        self.operator = operator
        self.counters = counters
        self.channels: dict[ChannelKey, Channel] = {}
        self._lock = threading.Lock()
        self._ready: deque[tuple[ChannelKey, Envelope]] = deque()
        self._busy = False
        self._settled = False
        self._done: list[Ticket] = []
        """What is given back once it is settled and sent."""
        self.section: Section | None = None
        """The pipelines that it is of, where it is not of all in the plan."""

    def prepared(self, morsel: Morsel | None) -> Any:
        """Return the payload for these rows, None for one that is of no use any more; runs in any thread."""
        return guarded(self.section, self.prepare, morsel)

    @property
    def over(self) -> bool:
        """Whether all pipelines that it is of have failed."""
        return self.section is not None and self.section.over

    def prepare(self, morsel: Morsel | None) -> Any:
        """Return the payload for these rows; runs in any thread."""
        raise NotImplementedError

    def apply(self, key: ChannelKey, envelope: Envelope) -> None:
        """Take an envelope; runs in one thread at a time, a channel's envelopes in order."""
        raise NotImplementedError

    def settle(self) -> None:
        """Called when no envelope is ready: act on what has changed."""

    def sent(self) -> bool:
        """Whether all that settling has set free is on its way; if not, the task goes on with `work` once there is room for more."""
        return True

    def forget(self) -> None:
        """Let go what is held for pipelines that have failed."""

    def open_channel(self, key: ChannelKey, watermark: int) -> int:
        """Announce a channel before its first envelope; return the watermark below which it must not fall."""
        with self._lock:
            self.channels[key] = Channel(watermark)
        return -OPEN

    def resume(self, key: ChannelKey, mark: int) -> int:
        """A partition has rows again behind its idle mark of this number; return the watermark below which it must not fall."""
        return -OPEN

    def deliver(self, ways: Sequence[Way], payload: Any, ticket: Ticket | None) -> None:
        """Put rows in their place in the first channel, and what they mean for the others in theirs, all at once.

        Apply what is ready, unless another thread does already.
        """
        with self._lock:
            for key, sequence, watermark, idle in ways:
                channel = self.channels[key]
                channel.waiting[sequence] = Envelope(payload, watermark, ticket, idle)
                payload = None
                while (following := channel.waiting.pop(channel.next, None)) is not None:
                    channel.next += 1
                    self._ready.append((key, following))
            if self._busy or not self._ready:
                return
            self._busy = True
        self.work()

    def poke(self) -> None:
        """Run `settle` once more, in turn with envelopes."""
        with self._lock:
            if self._busy:
                return
            self._busy = True
        self.work()

    def work(self) -> None:
        """Take what is ready, until nothing is; by the thread that has made the task busy, or for which it was left so."""
        try:
            while guarded(self.section, self.sent) is not False:
                for ticket in self._done:
                    ticket.release()
                self._done.clear()
                with self._lock:
                    if self._settled and not self._ready:
                        self._busy = self._settled = False
                        return
                self._take()
                guarded(self.section, self.settle)
                self._settled = True
        except BaseException:
            with self._lock:
                self._busy = self._settled = False
            raise

    def _take(self) -> None:
        """Apply what is ready, until nothing is."""
        while True:
            with self._lock:
                if not self._ready:
                    return
                key, envelope = self._ready.popleft()
            guarded(self.section, self.apply, key, envelope)
            if self.over:
                self.forget()
            if envelope.ticket is not None:
                self._done.append(envelope.ticket)


class SinkTask(OperatorTask):
    """Encodes rows where they are, writes them in order."""

    def __init__(
        self,
        operator: str,
        counters: Counters,
        sink: Sink,
        names: tuple[str, ...],
        live: bool,
        identify: Callable[[Morsel], Column] | None = None,
    ) -> None:
        super().__init__(operator, counters)
        self.sink = sink
        self.names = names
        self.live = live
        self._identify = identify
        self._dirty = False

    def prepare(self, morsel: Morsel | None) -> Any:
        if morsel is None:
            return None
        if morsel.order:
            morsel = morsel.take(sorting.order(morsel.order))
        columns = [morsel.columns[n] for n in (self.names if self._identify is None else self.names[:-1])]
        if self._identify is not None:
            columns.append(self._identify(morsel))
        table = pa.table([c.to_arrow() for c in columns], names=list(self.names))
        # in parts: memory of moderate size is used again, large blocks are new to the machine each time
        parts = range(0, morsel.rows, ENCODED_ROWS)
        return [self.sink.encode(table.slice(at, ENCODED_ROWS)) for at in parts], morsel.rows

    def apply(self, key: ChannelKey, envelope: Envelope) -> None:
        if envelope.watermark >= OPEN:
            self.channels.pop(key, None)
        if envelope.payload is None:
            return
        payloads, rows = envelope.payload
        for payload in payloads:
            self.sink.write(payload)
        self.counters.add(self.operator, "written", rows)
        self._dirty = True

    def settle(self) -> None:
        if self._dirty and self.live:
            self.sink.flush()
        self._dirty = False


class StateTask(OperatorTask):
    """Feeds a stateful operator, advances it as the watermark moves, and sends its results on.

    `emit(released, watermark, again)` takes what came free and the forwarded watermark, and returns what is left to be sent on, where
    something is; `again` is called as there is room for more. The operator's watermark is the minimum over
    the channels that are not idle; when all are idle it moves on with the clock from where it stood (SEMANTICS: idle
    and silent).
    """

    def __init__(
        self,
        operator: str,
        counters: Counters,
        state: StatefulOperator,
        emit: Callable[[Released, int, Callable[[], None]], Flow | None],
        clock: Callable[[], int],
        grown: Callable[[StateTask], None],
    ) -> None:
        super().__init__(operator, counters)
        self.state = state
        self.tracker: WatermarkTracker[ChannelKey] = WatermarkTracker(self.channels, LOWEST)
        self._emit = emit
        self._clock = clock
        self._grown = grown
        self._forwarded = -OPEN
        self._flow: Flow | None = None

    def prepare(self, morsel: Morsel | None) -> Partial | None:
        if morsel is None:
            return None
        partial = self.state.prepare(morsel)
        self.counters.add(self.operator, "taken", morsel.rows)
        if partial.late is not None:
            self.counters.add(self.operator, "late", partial.late.rows)
            for side, count in self.state.late_of(partial.late).items():
                self.counters.add(self.operator, f"late {side}", count)
        self.state.latecomers.add(morsel, partial.late)
        if partial.partly_late:
            self.counters.add(self.operator, "partly_late", partial.partly_late)
        return partial

    def apply(self, key: ChannelKey, envelope: Envelope) -> None:
        if envelope.payload is not None and envelope.payload.table is not None:
            self.state.add(envelope.payload)
            self._grown(self)
        channel = self.channels[key]
        with self._lock:
            channel.reach(envelope)
            if channel.watermark >= OPEN:
                del self.channels[key]

    def settle(self) -> None:
        if not self._moved() and not self.state.arrival:
            return
        released = self.state.advance(self.watermark)
        for fate, count in released.fates.items():
            self.counters.add(self.operator, fate, count)
        made = released.rows is not None or released.parts or released.failing
        if made or self.state.forwarded > self._forwarded:
            self._forwarded = self.state.forwarded
            self._flow = self._emit(released, self._forwarded, self.work)

    def sent(self) -> bool:
        if self._flow is not None and not self._flow.run():
            return False  # and from here on another thread may be at it
        self._flow = None
        return True

    def go_on(self) -> None:
        """After a restore: tell what follows how far this operator had come, the end of data among others."""
        if self.watermark > -OPEN:
            self._forwarded = self.state.forwarded
            self._emit(Released(), self._forwarded, self.work)

    @property
    def watermark(self) -> int:
        """The operator's watermark W."""
        return self.tracker.watermark

    def _moved(self) -> bool:
        """Move the watermark on; return whether it did. A channel that opens or resumes sees it before or after, whole."""
        with self._lock:
            return self.tracker.move(self._clock)

    def silent(self) -> bool:
        """Whether all channels are idle, so that the watermark moves with the clock."""
        with self._lock:
            return self.tracker.silent

    def open_channel(self, key: ChannelKey, watermark: int) -> int:
        with self._lock:
            self.channels[key] = Channel(watermark)
            return self.tracker.count_in(key)

    def resume(self, key: ChannelKey, mark: int) -> int:
        """A partition has rows again behind its idle mark of this number, whether that has arrived here or not.

        Counts the channel in; returns the watermark below which it must not fall.
        """
        with self._lock:
            self.channels[key].resume(mark)
            return self.tracker.count_in(key)

    def forget(self) -> None:
        self.state.blocks = Blocks()
        self._flow = None

    def finish(self) -> int:
        """Return the rows whose fate is open, for the ledger."""
        return self.state.buffered()
