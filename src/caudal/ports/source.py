"""The contract of a source connector: where partitions come from and how they are read.

Reading is pulled: the engine asks for a block when there is credit for one. A partition that is not asked costs
nothing, which is all the backpressure there is.

Partitions come and go while a job runs: a live source says so by `changes`. A file that appears is *assigned*; of a
topic whose partitions are shared by a group of workers some are assigned to this one, and *revoked* when others come.
Of a revoked partition no more is read; once all that was read of it is in sinks and state, the engine tells the source
by `released` where it stands, so that whoever is assigned it next goes on there: no row is lost, and none is read twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from caudal.core.types import Schema
from caudal.observe.notices import Notice
from caudal.ports.format import FileReader
from caudal.ports.records import Block, Decoded, Options


@dataclass(frozen=True, slots=True)
class End:
    """The partition has ended; `failed` tells why when it broke (its good rows and a dead letter came before).

    `position`: see `Nothing`.
    """

    failed: str = ""
    position: int = -1


@dataclass(frozen=True, slots=True)
class Nothing:
    """A live partition has nothing new now.

    `silent`: and nobody knows whether it is at its end, since who would know does not answer (a broker that is down) or was not
    asked. Such a partition is not idle, however long it lasts; one that was is not any more. `position`: where it stands, where
    that may be further than the last `Block.end`, since what is there is no record (the control records of a topic); -1: it is not.
    """

    silent: bool = False
    position: int = -1


class Partition(Protocol):
    """One source partition: a file, standard input, a topic's partition. Used by one thread at a time."""

    name: str
    """Relative to the source's root; `natural_key(name)` gives the order of partitions."""
    live: bool
    """Whether it can grow: a live partition never ends by itself in follow mode."""
    start: int
    """Where reading begins when nobody seeks: 0, or a `Block.end` that its source knows of (a committed offset)."""

    def head(self) -> bytes:
        """Return the beginning (whole lines, up to 64 KiB, at least one line unless it is longer than max_record).

        May be called before the first `read` and after a `seek`; does not move the position. A live partition may
        return b"" while it has no complete line.
        """
        ...

    def seek(self, position: int) -> None:
        """Read on from a `Block.end` of an earlier run; 0 is the beginning. Raises `InputError` if that is gone."""
        ...

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        """Return about `size` bytes of whole records (more for a single longer record), or what stands in their way.

        Raises `RunError` for a failure of the device; bad data never raises.
        """
        ...

    def close(self) -> None:
        """Release files; idempotent."""
        ...


def repeatable(partition: Partition) -> bool:
    """Return whether a later run can read again what was read of it; what has no attribute `repeatable` says yes."""
    return getattr(partition, "repeatable", True)


def idle_after(partition: Partition, idle: int | None, default: int) -> float:
    """Return the milliseconds of quiet after which a live partition leaves the minimum of watermarks.

    `idle`: what the source says; where it says nothing, a partition that is `patient` never leaves: one whose rows are
    made by the process itself, at whatever pace.
    """
    if idle is not None:
        return idle
    return math.inf if getattr(partition, "patient", False) else default


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition that is to be read from now on, from its `start`."""

    partition: Partition


@dataclass(frozen=True, slots=True)
class Revoked:
    """The partition of this name is to be read no more; it may be assigned again, here or elsewhere, once it was released.

    `lost`: it belongs to another already, who did not wait: what was read of it since the last commit is read there too.
    """

    name: str
    lost: bool = False


Change = Assigned | Revoked


class Source(Protocol):
    """An opened source: its partitions, and what becomes of them while it is live."""

    live: bool

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions there are at the start, in natural order of their names; the same ones when asked again."""
        ...

    def changes(self) -> Sequence[Change]:
        """Return what was assigned and revoked since the last call, in this order; [] for a bounded source.

        Called by one thread at a time, every 50 ms or so; never waits.
        """
        ...

    def released(self, name: str, position: int) -> None:
        """A revoked partition is closed, and all that was read of it is dealt with: it stands at this position.

        Called once for each that was revoked, in the thread of `changes` or, at the end of the job, in the last one.
        """
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...


class Unchanging:
    """A source whose partitions stay as they are: to inherit from."""

    live = False

    def changes(self) -> Sequence[Change]:
        """Return nothing: none comes, none goes."""
        return ()

    def released(self, name: str, position: int) -> None:
        """Nothing was revoked."""


class Listed(Unchanging):
    """A source of partitions that are known from the start, and closed with it. Bounded, though one may take its time to end."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self._partitions = partitions

    def partitions(self) -> Sequence[Partition]:
        """Return them."""
        return self._partitions

    def close(self) -> None:
        """Close them."""
        for partition in self._partitions:
            partition.close()


@runtime_checkable
class Telling(Protocol):
    """A live source that has something to tell beside its partitions; most have not."""

    def told(self) -> list[Notice]:
        """Return what happened since the last call, whatever partition it concerns."""
        ...

    def waiting(self) -> str:
        """Return in a line what is waited for at this moment, "" when nothing is."""
        ...


@runtime_checkable
class Ending(Protocol):
    """A source that knows where its live partitions end, so that it can be said how far behind a job is."""

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end as far as is known, by their names, in positions; never waits."""
        ...


@runtime_checkable
class Checking(Protocol):
    """A source that holds its rows to something its pipeline relies on."""

    def check(self, partition: str, rows: Decoded) -> None:
        """Check decoded rows; what is a record's own fault becomes a dead letter. Called by several threads.

        Raises `RunError` for rows that the pipeline must not go on with.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A source that another run can go on with only if it knows what this one does: which file is which partition."""

    def memory(self) -> Any:
        """Return what it knows, as plain values (as JSON has them); asked while nothing is read, for a snapshot."""
        ...

    def recall(self, memory: Any, positions: Mapping[str, int]) -> None:
        """Take up what a source of another run knew, once, before anything is read: `partitions` is asked anew behind it.

        `positions`: where its partitions stood that had not ended, by name. Those that can be gone on with are among `partitions`
        under these names, at these places; what becomes of the others is told. Raises `InputError` where that is no
        way to go on.
        """
        ...


@runtime_checkable
class MessageConnector(Protocol):
    """The source side of a connector whose records are messages: a format decodes their payloads, and they have columns beside."""

    def beside(self, options: Options) -> Schema:
        """Return the columns that options ask for beside what the format decodes; raises `OptionError`."""
        ...

    def relies_on(self, options: Options) -> frozenset[str]:
        """Return the columns that the source looks at itself, whether the pipeline uses them or not."""
        ...


class SourceConnector(Protocol):
    """A connector's source side. Options are checked against `source_options` (name -> default)."""

    source_options: Options

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open the source. For formats that are not framed by lines `file_reader` is given and partitions yield `Decoded`.

        Raises `InputError` for what is missing or unreadable, before anything is read.
        """
        ...
