"""The coordinator of the group: who holds which partitions, and who gives some up for another.

As in a broker: a member is asked to give a partition up and nobody else gets it before; one that does not in time, or is
not heard of for a session, is expelled and has lost all. Now and then a partition is taken from a member that is not asked.
Commits are refused to members that are unknown, or of another generation; whether the partition is theirs nobody checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from caudal.checkpoint.simulator.clock import STALE, UNKNOWN_MEMBER, Clock, Host, Refused

SESSION_TIMEOUT = 4.0
REBALANCE_TIMEOUT = 6.0
TAKEN = 0.15
"""The share of moves for which nobody is asked."""

Metadata = tuple[int, int]
"""Member and generation: what a commit is sent with."""

NOBODY: Metadata = (0, 0)
"""The metadata of a consumer that is no member."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a consumer is told of its partitions, and the metadata that belongs to it."""

    metadata: Metadata
    assigned: Sequence[str] = ()
    revoked: Sequence[str] = ()
    taken: Sequence[str] = ()
    """Partitions that are another's already."""
    lost: bool = False
    """Whether all are."""


class Consumer:
    """The client in a worker: it hears of changes in the background, and its worker polls them.

    `current`: the newest metadata that the client knows, whether or not its worker has polled what it belongs to.
    """

    def __init__(self, host: Host, polled: Callable[[], None]) -> None:
        self.host = host
        self.current: Metadata = NOBODY
        self.closed = False
        self._queue: list[Change] = []
        self._polled = polled

    def hear(self, change: Change) -> None:
        """Take a change in the background."""
        self.current = change.metadata
        self._queue.append(change)

    def poll(self) -> list[Change]:
        """Return what is new."""
        found, self._queue = self._queue, []
        return found

    def ready(self) -> None:
        """Let the worker poll."""
        if self.host.held is not None:
            self.host.held.append(self.ready)
        elif self.host.alive and not self.closed:
            self._polled()


@dataclass(slots=True)
class _Member:
    number: int
    consumer: Consumer
    generation: int = 0
    leaving: set[str] = field(default_factory=set[str])
    heard: float = 0.0
    """When what it was told last reaches it: in order."""


class Group:
    """The coordinator. `units`: the partitions that are given to one member, by number."""

    def __init__(self, clock: Clock, random: Random, units: Mapping[str, Sequence[str]]) -> None:
        self.owner: dict[str, _Member] = {}
        self._clock = clock
        self._random = random
        self._units = units
        self._members: dict[int, _Member] = {}
        self._target: dict[str, _Member] = {}
        self._generation = 0
        self._count = 0

    # -- what clients ask ----------------------------------------------------------------------------------------------

    def join(self, consumer: Consumer) -> None:
        """Become a member, under a new number."""
        if consumer.host.held is not None:
            consumer.host.held.append(partial(self.join, consumer))
        elif consumer.host.alive and not consumer.closed:
            self._count += 1
            self._members[self._count] = _Member(self._count, consumer)
            self.rebalance()

    def release(self, metadata: Metadata, partitions: Iterable[str]) -> None:
        """A member gives partitions up that it was asked for; one by one, now and then."""
        member = self._members.get(metadata[0])
        for partition in partitions:
            if member is not None and self.owner.get(partition) is member:
                if self._random.random() < 0.2:
                    self._clock.after(self._random.random(), partial(self._free, member, partition))
                else:
                    self._free(member, partition)

    def leave(self, metadata: Metadata) -> None:
        """A member closes."""
        member = self._members.get(metadata[0])
        if member is not None:
            self._remove(member)

    def check(self, metadata: Metadata) -> None:
        """Refuse a commit of a member that is unknown, or of another generation. Partitions are not looked at."""
        member = self._members.get(metadata[0])
        if member is None:
            raise Refused(UNKNOWN_MEMBER)
        if member.generation != metadata[1]:
            raise Refused(STALE)

    def owns(self, host: Host, partition: str) -> bool:
        """Tell whether the partition is this process's, by the coordinator's own book."""
        member = self.owner.get(partition)
        return member is not None and member.consumer.host is host

    # -- what happens by itself ----------------------------------------------------------------------------------------

    def silent(self, host: Host) -> None:
        """A process is dead or frozen from now on: if it still is after the session's time-out, it is expelled."""
        held = host.held
        self._clock.after(SESSION_TIMEOUT, partial(self._expire, host, held))

    def rebalance(self, *, shuffled: bool = False) -> None:
        """Compute who is to have what, and tell all members of the new generation."""
        members = list(self._members.values())
        if not members:
            self._target = {}
            return
        quota = -(-len(self._units) // len(members))
        load = dict.fromkeys([member.number for member in members], 0)
        target: dict[str, _Member] = {}
        units = list(self._units)
        if shuffled:
            self._random.shuffle(units)
        for unit in units:
            member = self._target.get(unit)
            if not shuffled and member is not None and load.get(member.number, quota) < quota:
                target[unit] = member
                load[member.number] += 1
        for unit in units:
            if unit not in target:
                number = min(load, key=load.__getitem__)
                target[unit] = self._members[number]
                load[number] += 1
        self._target = target
        self._reconcile(members)

    def _reconcile(self, told: Iterable[_Member] = ()) -> None:
        """Ask for partitions that others are to have, give those that are free; those `told` hear of a generation at least."""
        assigned: dict[int, list[str]] = {}
        revoked: dict[int, list[str]] = {}
        taken: dict[int, list[str]] = {}
        for unit, member in self._target.items():
            for partition in self._units[unit]:
                owner = self.owner.get(partition)
                if owner is None:
                    self.owner[partition] = member
                    assigned.setdefault(member.number, []).append(partition)
                elif owner is member or partition in owner.leaving:
                    continue
                elif self._random.random() < TAKEN:
                    self.owner[partition] = member
                    assigned.setdefault(member.number, []).append(partition)
                    taken.setdefault(owner.number, []).append(partition)
                else:
                    owner.leaving.add(partition)
                    revoked.setdefault(owner.number, []).append(partition)
                    self._clock.after(REBALANCE_TIMEOUT, partial(self._overdue, owner, partition))
        for number in dict.fromkeys([*assigned, *revoked, *taken, *(member.number for member in told)]):
            member = self._members[number]
            self._generation += 1
            member.generation = self._generation
            metadata = (number, member.generation)
            change = Change(metadata, assigned.get(number, ()), revoked.get(number, ()), taken.get(number, ()))
            self._deliver(member, change)

    def _deliver(self, member: _Member, change: Change) -> None:
        member.heard = max(member.heard, self._clock.now) + 0.01 + 0.2 * self._random.random() ** 2
        self._clock.after(member.heard - self._clock.now, partial(self._heard, member, change))

    def _heard(self, member: _Member, change: Change) -> None:
        consumer = member.consumer
        if consumer.host.held is not None:
            consumer.host.held.append(partial(self._heard, member, change))
            return
        if not consumer.host.alive or consumer.closed:
            return
        consumer.hear(change)
        lag = self._random.random()
        self._clock.after(0.01 if lag < 0.8 else 2 * lag - 1.5, consumer.ready)
        if change.lost:
            self._clock.after(0.1 * self._random.random(), partial(self.join, consumer))

    def _free(self, member: _Member, partition: str) -> None:
        if self.owner.get(partition) is member:
            del self.owner[partition]
            member.leaving.discard(partition)
            self._reconcile()

    def _overdue(self, member: _Member, partition: str) -> None:
        if partition in member.leaving and self._members.get(member.number) is member:
            self._expel(member)

    def _expire(self, host: Host, held: list[Callable[[], None]] | None) -> None:
        if host.alive and (host.held is None or host.held is not held):
            return
        for member in [member for member in self._members.values() if member.consumer.host is host]:
            self._expel(member)

    def _expel(self, member: _Member) -> None:
        self._remove(member)
        self._deliver(member, Change(NOBODY, lost=True))

    def _remove(self, member: _Member) -> None:
        del self._members[member.number]
        for partition in [partition for partition, owner in self.owner.items() if owner is member]:
            del self.owner[partition]
        self.rebalance()
