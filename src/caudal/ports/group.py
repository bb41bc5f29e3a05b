"""The contract of a group: workers that share the partitions of a source, and who keeps where each of them stands.

A group outlives its workers. It knows of each partition how far it was read when an epoch was last committed, and a token that
names that epoch's state; both are moved by a worker's transaction alone, where it begins too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from caudal.core.types import Schema
from caudal.ports.records import Decoded, Options
from caudal.ports.sink import TransactionalSink
from caudal.ports.source import Partition, Revoked, Source
from caudal.ports.transaction import Outcome

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Membership:
    """Who joins what. `group`: its name; `worker`: this worker's own name in it. `static`: it is known again by that after a restart,
    and gets its partitions back at once.
    """

    group: str
    worker: str
    static: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """A source whose partitions a group shares: its options, and what it declares."""

    options: Options
    schema: Schema


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a partition stands: its next offset, and the token that was committed with it, JSON that names the writer's transaction."""

    offset: int
    token: str


@dataclass(frozen=True, slots=True)
class Unstable:
    """Where partitions stand cannot be told: a transaction is open that may still move it."""


@dataclass(frozen=True, slots=True)
class Given:
    """The group has given a partition to this worker."""

    partition: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The group has come to a new generation, behind the changes that it brought; `member`: what this worker commits as in it.

    A group does not ask who owns what: it takes any commit of its present generation. So a worker commits as what it was
    in the last generation whose changes it has dealt with, and is refused where there is a newer one.
    """

    member: Any


Change = Given | Revoked | Renewed
"""A partition that is `Revoked` waits for `Group.release`, unless it was lost."""


class GroupTransaction(Protocol):
    """The transaction of a worker, one epoch after another; sinks of the group's domain write through it. See `Transaction`."""

    domain: str

    def begin(self, epoch: int) -> None:
        """Begin an epoch. Raises `Fenced`."""
        ...

    def stands(self, stands: Mapping[str, Stand], member: Any) -> None:
        """Put in where partitions stand, as this member (see `Renewed`).

        Where the group has come to a newer generation the epoch is lost: `commit` says "aborted". Tokens are ASCII, of at most
        3,000 characters. Raises `Fenced`.
        """
        ...

    def commit(self) -> Outcome:
        """Commit the epoch. Raises `Fenced`; never waits for long: an answer that does not come is "unknown"."""
        ...

    def abort(self) -> None:
        """Discard the epoch. Idempotent, never raises."""
        ...

    def renew(self) -> None:
        """Open the transaction anew: nothing that is under way can happen any more. Raises `Fenced`."""
        ...

    def close(self) -> None:
        """Let it go, aborting what is open. Idempotent, never raises."""
        ...


class Placing(Protocol):
    """How a source's records are placed by their keys, which state by partition relies on."""

    def numbers(self, keys: pa.Array, partitions: int) -> Sequence[int]:
        """Return the partition, of so many, of each value of the column that partitions are made by."""
        ...

    def hold(self, counts: Mapping[str, int]) -> None:
        """From now on hold records to topics of so many partitions (see `Group.check`), as they were placed then."""
        ...

    def behind(self, stands: Mapping[str, int]) -> Mapping[str, int]:
        """Return of each partition the offset behind the last record, from these on, whose key has its place elsewhere by now.

        Partitions that have none are left out. Reads all that there is; raises `InputError`, `RunError`.
        """
        ...


class Group(Protocol):
    """This worker's membership, and the partitions of its sources. Used by one thread at a time, but for reading partitions."""

    domain: str
    """The system that keeps the group, with its address: see `ports.sink.TransactionalSink.domain`."""

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return of each source how many partitions each of its topics has; partitions are called "topic/number"."""
        ...

    def share(self, topics: Mapping[str, int]) -> None:
        """Begin to take part: partitions of all sources are given and taken from now on, and with them those of further topics.

        `topics`: with how many partitions, made where they are missing; they keep what is written until `trim`, and are read from
        their beginning. Raises `InputError` for one that cannot be made, or that has another number of partitions.
        """
        ...

    def repartition(self, topic: str) -> TransactionalSink:
        """Return the way into one of these topics: of a table whose metadata `to` names the partition, one message.

        The message is the table in Arrow's stream format (`columnar.ipc`).
        """
        ...

    def trim(self, ends: Mapping[str, int]) -> None:
        """What is before these offsets of partitions will not be read again: it may go. Never waits, never raises."""
        ...

    def bounds(self, partitions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Return the first offset of partitions, and where they end now; waits. Raises `InputError`."""
        ...

    def placing(self) -> Mapping[str, Placing]:
        """Return of each source how its records are placed, but for those of which that is not known, or taken on trust."""
        ...

    def changes(self) -> Sequence[Change]:
        """Return what was given and taken since the last call, in this order; never waits. Raises `RunError`."""
        ...

    def found(self, partitions: Sequence[str]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand, None where nothing was ever committed (or that has expired); waits for a second at most.

        Raises `RunError` where the group does not answer.
        """
        ...

    def start(self, partitions: Sequence[str]) -> Mapping[str, int]:
        """Return where partitions begin that nothing was committed of. Raises `InputError`, `RunError`."""
        ...

    def expel(self, writer: str) -> None:
        """Open the transaction of that name, which fences its worker off and ends what it has open. Raises `RunError`."""
        ...

    def partition(self, name: str) -> Partition:
        """Return a partition that was given to this worker, to be read from where `seek` says."""
        ...

    def release(self, partition: str) -> None:
        """All that was read of a partition that is taken away is committed: it may be another's. Idempotent."""
        ...

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold decoded rows to what their source relies on; see `ports.source.Checking`."""
        ...

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end as far as is known; see `ports.source.Ending`."""
        ...

    def transaction(self, name: str) -> GroupTransaction:
        """Open this worker's transaction. `name` is its own: whoever opened it before is fenced off."""
        ...

    def close(self) -> None:
        """Leave the group; idempotent."""
        ...


@runtime_checkable
class GroupConnector(Protocol):
    """The source side of a connector whose partitions a group of workers can share."""

    source_options: Options

    def join(self, sources: Mapping[str, Shared], membership: Membership) -> Group:
        """Join the group over sources, by their operator ids; see `SourceConnector.source` for what is raised.

        What is raised for one of them has its id as the location.
        """
        ...

    def between(self, options: Options, topic: str) -> Source:
        """Return a source of a topic that workers send rows through, by the access that a source's options give.

        It takes part in no group and commits nothing: a trial reads what a worker would. Raises `InputError`.
        """
        ...

    def shared(self, options: Options) -> bool:
        """Whether a source with these options is one whose partitions are to be shared: a live one."""
        ...

    def apart(self, several: Sequence[Options]) -> str:
        """Return why one group cannot share all the sources that these options name, "" where one can."""
        ...
