"""Assignment: which partitions a job reads, while its sources gain and lose them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from caudal.core.errors import RunError
from caudal.engines.local.admission import Admission
from caudal.engines.local.intake import Intake, PartitionLane
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
        self, scheduler: Scheduler, admission: Admission, take: Callable[[Intake, Partition], PartitionLane]
    ) -> None:
        """`take` makes the lane of a partition, open in every terminal below its source."""
        self._scheduler = scheduler
        self._admission = admission
        self._take = take
        self._changes: dict[str, deque[Change]] = {}
        self._leaving: list[PartitionLane] = []
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
        if any(lane.intake is intake and lane.name == change.partition.name for lane in self._leaving):
            return False
        self._assign(intake, change)
        return True

    def _assign(self, intake: Intake, change: Assigned) -> None:
        lane = self._take(intake, change.partition)
        log.info("%s: new partition %s", intake.operator, lane.name)
        with self._scheduler.lock:
            self._admission.add(lane)

    def _revoke(self, intake: Intake, change: Revoked) -> None:
        lane = next((lane for lane in intake.lanes if lane.name == change.name and not lane.revoked), None)
        if lane is None:
            raise RunError(f"{intake.operator} revoked the partition {change.name}, which it had not assigned")
        if change.lost:
            text = "partitions that others took over before they were given up: {count}; rows may be counted there too"
            intake.counters.notices.add(Notice("lost", lane.name, text, level="warning"))
        self._leaving.append(lane)
        with self._scheduler.lock:
            lane.revoked = True
            self._admission.hurry(lane)
            self._scheduler.wake()

    def _release(self) -> None:
        gone = [lane for lane in self._leaving if lane.landed and not lane.in_flight]
        for lane in gone:
            self._leaving.remove(lane)
            intake = lane.intake
            intake.lanes = [other for other in intake.lanes if other is not lane]
            log.info("%s: partition %s is given up at %d", intake.operator, lane.name, lane.position)
            intake.opened.released(lane.name, lane.position)
