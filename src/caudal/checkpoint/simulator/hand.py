"""What a worker has in hand while it carries effects out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from caudal.checkpoint.simulator.broker import Broker
from caudal.checkpoint.simulator.clock import Host, Routine
from caudal.checkpoint.simulator.engine import Cut, Operator, Task, Timers
from caudal.checkpoint.simulator.groups import NOBODY, Group, Metadata
from caudal.checkpoint.simulator.producer import Producer
from caudal.checkpoint.simulator.store import Shown, Store

GENESIS = "genesis/"
"""What the token of a start begins with; the offsets follow."""


class Parts(Protocol):
    """What a worker has around it: a broker, its group, a store, and the job that it runs."""

    broker: Broker
    group: Group
    store: Store
    shown: Shown
    shards: Mapping[str, Sequence[str]]
    """The partitions of each shard: several where topics are joined."""
    slow: float
    """Seconds that it takes to load the state of a shard, or to let go of it."""
    staging: bool
    """Whether there is a sink that stages files, beside the topic."""

    def operator(self, shard: str) -> Operator:
        """Return a new operator for a shard."""
        ...

    def beginning(self, partition: str) -> int:
        """Return where a partition is to be read from that was never read."""
        ...

    def fresh(self) -> int:
        """Return a number that was never returned before."""
        ...

    def is_committed(self, staged: str) -> bool:
        """Tell whether the epoch that a file was staged for has been committed."""
        ...

    def runs(self, process: Host, shard: str, positions: Mapping[str, int]) -> None:
        """A shard is read from here on, for the book of the schedule."""
        ...


class Process(Host, Timers, Protocol):
    """The process of a worker."""

    name: str
    traced: bool

    def start(self, routine: Routine) -> None:
        """Begin something that waits."""
        ...

    def exit(self, why: str) -> None:
        """End."""
        ...

    def say(self, text: str) -> None:
        """Note it in the trace."""
        ...


class Hand:
    """A worker's producer, its shards, and what it has cut and staged for the epoch under way."""

    def __init__(self, process: Process, parts: Parts) -> None:
        self.process = process
        self.parts = parts
        self.producer = Producer(parts.broker, parts.group, process.name)
        self.metadata: Metadata = NOBODY
        """What commits are sent with: that of the last change of the assignment that the protocol was told whole."""
        self.tasks: dict[str, Task] = {}
        self.outboxes: dict[str, Cut] = {}
        """What each shard had at the barrier of the epoch under way."""
        self.staged: dict[str, tuple[str, ...]] = {}
        """Files that were staged for that epoch, by shard."""

    def write(self, objects: Mapping[str, Any]) -> Routine:
        """Write to the store, and return once it is durable."""
        yield partial(self.parts.store.write, objects)
        yield partial(self.parts.store.sync, list(objects))

    def show(self, names: Sequence[str]) -> Routine:
        """Rename staged files into place."""
        if names:
            yield partial(self.parts.shown.publish, self.parts.store, names, self.parts.is_committed)
