"""A job: one plan running on the local engine.

The scheduler runs tasks from one queue on all cores. The reading admits new data, the entry brings it into the routes and counts
what is in flight; the router carries rows to the terminals, where order is restored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from caudal.core.errors import RunError
from caudal.engines.local.counters import Counters
from caudal.engines.local.credit import Credit
from caudal.engines.local.dividing import Dividing
from caudal.engines.local.emission import Emission
from caudal.engines.local.entry import Entry
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.origins import Origins
from caudal.engines.local.reading import Reading
from caudal.engines.local.router import Router
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Settings
from caudal.engines.local.stateful import OPEN
from caudal.engines.local.terminals import SinkTerminal, StateTerminal


class Job:
    """A running plan. Build it with `lower`, then `start` and `run`; progress is asked from another thread."""

    def __init__(self, settings: Settings, counters: Counters, origins: Origins, functions: Functions) -> None:
        self.settings = settings
        self.functions = functions
        self.counters = counters
        self.origins = origins
        self.scheduler = Scheduler(settings.threads, settings.idle_poll, settings.shuffle)
        self.dividing = Dividing(self.scheduler, settings.threads, settings.shards)
        self.router = Router(origins)
        self.entry = Entry(self.scheduler, self.router, origins, Credit(settings.credit))
        self.reading = Reading(settings, self.scheduler, self.router, self.entry, counters, origins)
        self.stateful: dict[str, StateTerminal] = self.reading.stateful
        self.sinks: dict[str, SinkTerminal] = {}
        self.emissions: dict[str, Emission] = {}
        self.state_peak = 0
        self.started = time.perf_counter()

    def start(self) -> None:
        """Open partitions and lanes."""
        lanes = self.reading.open()
        for operator, emission in self.emissions.items():
            for edge, key in self.router.lanes(operator, emission.ordinal):
                edge.terminal.open_lane(key, -OPEN)
        self.reading.start(lanes)
        for terminal in self.stateful.values():
            terminal.go_on()
        for lane in lanes:
            if lane.idle:
                self.entry.deliver(lane.mark_idle())

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Run until the end of data or a stop; raises what a task raised. `watch` is called now and then."""
        self.started = time.perf_counter()
        self.scheduler.run(self.reading, watch)

    @property
    def drained(self) -> bool:
        """Whether the job was stopped before its sources ended."""
        return self.scheduler.stopping and not self.reading.ended

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
            terminal.tracker.endless = False
        self.reading.close()
        self.scheduler.run_queued()
        for terminal in self.stateful.values():
            terminal.poke()
            self.scheduler.run_queued()

    def finish(self) -> None:
        """Count the rows whose windows stay open; hear what sources have to tell at last."""
        self.reading.finish()
        for operator, terminal in self.stateful.items():
            buffered = terminal.finish()
            self.counters.add(operator, "buffered", buffered - self.counters.get(operator, "buffered"))

    def watermark(self) -> int | None:
        """Return the lowest watermark of the windows, or of the sources when there are none; None before the first row."""
        marks: Iterable[int] = [t.watermark for t in self.stateful.values()] or [
            lane.known for i in self.reading.intakes for lane in i.lanes
        ]
        known = [m for m in marks if -(2**60) < m < OPEN]
        return min(known) if known else None
