"""A job: one plan running on the local engine.

The scheduler runs tasks from one queue on all cores. The reading admits new data, the entry brings it into the routes and counts
what is in flight; the router carries rows to the tasks, where order is restored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from caudal.core.errors import RunError
from caudal.engines.local.cores import Cores
from caudal.engines.local.counters import Counters
from caudal.engines.local.dividing import Dividing
from caudal.engines.local.emission import Emission
from caudal.engines.local.entry import Entry
from caudal.engines.local.operator_tasks import SinkTask, StateTask
from caudal.engines.local.origins import Origins
from caudal.engines.local.reading import Reading
from caudal.engines.local.repartition import RepartitionTask
from caudal.engines.local.router import Router
from caudal.engines.local.sections import Sections
from caudal.engines.local.settings import Settings
from caudal.engines.local.stateful import OPEN
from caudal.observe.lag import PartitionLag


class Job:
    """A running plan. Build it with `lower`, then `start` and `run`; progress is asked from another thread."""

    def __init__(self, settings: Settings, counters: Counters, origins: Origins, cores: Cores) -> None:
        self.settings = settings
        self.cores = cores
        self.counters = counters
        self.origins = origins
        self.scheduler = cores.scheduler
        self.dividing = Dividing(self.scheduler, settings.threads, settings.shards)
        self.router = Router(origins)
        self.entry = Entry(self.scheduler, self.router, origins, cores.credit)
        self.reading = Reading(settings, self.scheduler, self.router, self.entry, counters, origins)
        self.stateful: dict[str, StateTask] = self.reading.stateful
        self.sinks: dict[str, SinkTask] = {}
        self.repartitions: dict[str, RepartitionTask] = {}
        self.emissions: dict[str, Emission] = {}
        self.sections: Sections | None = None
        """Its pipelines, where the plan is of several."""
        self.state_peak = 0
        self.started = time.perf_counter()

    def start(self) -> None:
        """Open partitions and channels."""
        channels = self.reading.open()
        for operator, emission in self.emissions.items():
            for edge, key in self.router.channels(operator, emission.ordinal):
                edge.task.open_channel(key, -OPEN)
        self.reading.start(channels)
        for task in self.stateful.values():
            task.go_on()
        for channel in channels:
            if channel.rests:
                self.entry.deliver(channel.mark_idle())

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Run until the end of data or a stop; raises what a task raised. `watch` is called now and then."""
        self.started = time.perf_counter()
        self.scheduler.run(self.reading, watch)

    @property
    def drained(self) -> bool:
        """Whether the job was stopped before its sources ended."""
        return self.scheduler.stopping and not self.reading.ended

    def grown(self, task: StateTask) -> None:
        """Keep an eye on the size of the state; raises `RunError` beyond `max_state`."""
        size = self.state_bytes()
        self.state_peak = max(self.state_peak, size)
        limit = self.settings.max_state
        if limit and size > limit:
            keys = ", ".join(task.state.largest_keys()) or "none"
            raise RunError(
                f"the state holds {size:,} bytes, more than max_state={limit:,}",
                location=task.operator,
                detail=f"largest keys: {keys}",
                hint="use fewer keys, shorter windows or intervals, or less disorder, or raise max_state",
            )

    def state_bytes(self) -> int:
        """Return about how many bytes the operators' state holds."""
        return sum(t.state.nbytes() for t in self.stateful.values() if not t.over)

    def flush(self) -> None:
        """Close all windows after a stop: every channel reaches the end of data."""
        for task in self.stateful.values():
            task.tracker.endless = False
        self.reading.close()
        self.scheduler.run_queued()
        for task in self.stateful.values():
            task.poke()
            self.scheduler.run_queued()

    def finish(self) -> None:
        """Count the rows whose windows stay open; hear what sources have to tell at last."""
        self.reading.finish()
        for operator, task in self.stateful.items():
            if task.over:
                continue
            buffered = task.finish()
            self.counters.add(operator, "buffered", buffered - self.counters.get(operator, "buffered"))

    def lags(self) -> list[PartitionLag]:
        """Return where the partitions stand of those sources that know where they end."""
        return [lag for intake in self.reading.intakes for lag in intake.lags()]

    def watermark(self) -> int | None:
        """Return the lowest watermark of the windows, or of the sources when there are none; None before the first row."""
        marks: Iterable[int] = [t.watermark for t in self.stateful.values() if not t.over] or [
            channel.known for i in self.reading.intakes for channel in i.channels
        ]
        known = [m for m in marks if -(2**60) < m < OPEN]
        return min(known) if known else None
