"""One measured run of a pipeline: a burst stands at its source, and each result's arrival is noted.

The burst is there at t0. Without row functions t0 is the moment at which the job starts: compiling and opening lie before
it, learning what a row costs behind it. Worker processes take some tenths of a second to start, so a pipeline with row
functions is first given two waves of messages alike, not counted, whose results arrive before t0: the processes are up
then, and the job has an idea of the cost.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.lab.arrivals import Arrivals, Waiting
from caudal.lab.usage import Usage, Watch
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource, Tuning
from caudal.rewrite import rewrite
from caudal.runner import load

WARM = 64
"""Messages of each of the two waves that start worker processes."""


@dataclass(frozen=True, slots=True)
class Run:
    """A measured run. `latencies`: seconds from t0 to each result, by the message's id; `begun`: t0 on the clock of
    `usage`."""

    threads: int
    latencies: Any
    begun: float
    usage: Usage

    @property
    def messages(self) -> int:
        """How many messages the burst had."""
        return len(self.latencies)

    @property
    def seconds(self) -> float:
        """Seconds from t0 to the last result."""
        return float(self.latencies.max())

    @property
    def throughput(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cores(self) -> float:
        """How many cores were busy on the mean; 0 where the burst was over before two looks."""
        return self.usage.cores(self.begun, self.begun + self.seconds)


def shipped(name: str, **settings: Any) -> Plan:
    """Return the plan of one of this room's pipeline files."""
    return load(path_of(name), settings={key: str(value) for key, value in settings.items()})


def path_of(name: str) -> str:
    """Return the path of one of this room's pipeline files."""
    return str(Path(__file__).with_name(f"{name}.py"))


def lines(messages: int, values: Mapping[str, Any], first: int = 0) -> bytes:
    """Return messages as JSON lines: an id, counted from `first`, and these values in each."""
    rest = json.dumps(dict(values))[1:]
    return b"".join(f'{{"id": {i}, {rest}\n'.encode() for i in range(first, first + messages))


def measure(plan: Plan, messages: int, values: Mapping[str, Any], *, threads: int, warm: bool) -> Run:
    """Run a plan of one source and one sink of JSON over a burst of so many messages; `warm`: see above.

    Raises `RunError` unless each message gives exactly one result.
    """
    counts = [WARM, WARM, messages] if warm else [messages]
    waves = [lines(count, values, -count) for count in counts[:-1]] + [lines(messages, values)]
    logical = plan.pinned()
    physical = rewrite(logical)
    (read,), (written,) = physical.sources, physical.sinks
    format = registry.find("format", read.format)
    options = registry.check_options(dict(read.format_options), format.reader_options, f"format '{read.format}'")
    arrivals = Arrivals(written.schema)
    source = Waiting(waves, counts, arrivals)
    reader = format.reader(read.declared, frozenset(read.schema.names), options)
    bindings = Bindings({read.name: BoundSource(source, reader)}, {written.name: arrivals})
    try:
        execution = registry.find("engine", "local").start(logical, physical, bindings, Tuning(threads))
        del waves
        gc.collect()  # what earlier runs left behind is not this one's
        with Watch() as usage:
            source.begun = time.perf_counter()
            execution.run()
    except BaseException:
        arrivals.abort()
        raise
    arrivals.finish()
    return Run(threads, arrivals.times(messages) - source.begun, source.begun, usage)
