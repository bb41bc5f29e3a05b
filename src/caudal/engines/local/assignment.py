"""Assignment: which partitions a job reads, while its sources gain and lose them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from caudal.core.errors import RunError
from caudal.engines.local.admission import Admission
from caudal.engines.local.intake import Intake, PartitionChannel
from caudal.engines.local.scheduler import Scheduler
from caudal.observe.log import log
from caudal.observe.notices import Notice
from caudal.ports.source import Assigned, Change, Partition, Revoked


class Assignment:
    """Takes partitions in and lets them go.

    One that is revoked ends where it stands, behind the block that is being read. When all that was read of it has landed,
    its source is told; the same partition, assigned again, waits for that.
    """

    def __init__(
        self, scheduler: Scheduler, admission: Admission, take: Callable[[Intake, Partition], PartitionChannel]
    ) -> None:
        """`take` makes the channel of a partition, open in every task below its source."""
        self._scheduler = scheduler
        self._admission = admission
        self._take = take
        self._changes: dict[str, deque[Change]] = {}
        self._leaving: list[PartitionChannel] = []
        self._looking = threading.Lock()

    def look(self, intakes: Sequence[Intake]) -> None:
        """See what live sources have to tell, and what was assigned and revoked."""
        if not self._looking.acquire(blocking=False):
            return  # another thread is looking
        try:
            self._release()
            for intake in intakes:
                if intake.opened.live:
                    intake.hear()
                    changes = self._changes.setdefault(intake.operator, deque())
                    changes.extend(intake.opened.changes())
                    while changes and self._made(intake, changes[0]):
                        changes.popleft()
        finally:
            self._looking.release()

    def finish(self) -> None:
        """Tell the sources at last where the partitions stand that were revoked, once nothing is in flight."""
        self._release()

    def _made(self, intake: Intake, change: Change) -> bool:
        """Make a change; return whether that could be done now."""
        if isinstance(change, Revoked):
            self._revoke(intake, change)
            return True
        if any(channel.intake is intake and channel.name == change.partition.name for channel in self._leaving):
            return False
        self._assign(intake, change)
        return True

    def _assign(self, intake: Intake, change: Assigned) -> None:
        channel = self._take(intake, change.partition)
        log.info("%s: new partition %s", intake.operator, channel.name)
        with self._scheduler.lock:
            self._admission.add(channel)

    def _revoke(self, intake: Intake, change: Revoked) -> None:
        channel = next(
            (channel for channel in intake.channels if channel.name == change.name and not channel.revoked), None
        )
        if channel is None:
            raise RunError(f"{intake.operator} revoked the partition {change.name}, which it had not assigned")
        if change.lost:
            text = "partitions that others took over before they were given up: {count}; rows may be counted there too"
            intake.counters.notices.add(Notice("lost", channel.name, text, level="warning"))
        self._leaving.append(channel)
        with self._scheduler.lock:
            channel.revoked = True
            self._admission.hurry(channel)
            self._scheduler.wake()

    def _release(self) -> None:
        gone = [channel for channel in self._leaving if channel.landed and not channel.in_flight]
        for channel in gone:
            self._leaving.remove(channel)
            intake = channel.intake
            intake.channels = [other for other in intake.channels if other is not channel]
            log.info("%s: partition %s is given up at %d", intake.operator, channel.name, channel.position)
            intake.opened.released(channel.name, channel.position)
