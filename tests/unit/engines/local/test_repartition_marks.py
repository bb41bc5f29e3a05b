"""What a repartition topic tells of watermarks does not depend on how many of its messages are read at once."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from caudal.columnar.morsel import Morsel
from caudal.engines.local import repartition
from caudal.engines.local.operator_tasks import Channel, Envelope
from caudal.engines.local.repartition import Received, RepartitionChannel, RepartitionTask
from caudal.engines.local.stateful import LOWEST
from caudal.ingest.accepting import Accepted

Mark = tuple[str, int, bool]


class Slicer:
    def split(self, morsel: Morsel) -> list[Morsel]:
        return [morsel]


class Intake:
    """As much of the end that rows come out at as a channel asks for."""

    opening = None
    slicer = Slicer()

    def __init__(self, writers: tuple[str, ...]) -> None:
        self.convicts: dict[str, Any] = {}
        self.writers = writers
        self.names_of_writers = list(writers)
        self.resumed = 0

    def resume(self, ordinal: int, mark: int) -> int:
        self.resumed += 1
        return LOWEST


class Partition:
    name, start, live = "topic/0", 0, True


def channel(*writers: str) -> RepartitionChannel:
    intake: Any = Intake(writers)
    partition: Any = Partition()
    return RepartitionChannel(intake, partition, 0, (0,))


def read(channel: RepartitionChannel, number: int, marks: list[Mark]) -> None:
    none = np.empty(0, np.int64)
    made = Accepted(Morsel({}, 0, none, none, none), [], 0, None, 0)
    channel._blocks += 1
    channel.put(number, Received(made, number + 1, 1, 0.0, writer=none, marks=marks))


TOLD: list[list[Mark]] = [
    [("0", 500, False), ("1", 700, False), ("0", 500, True), ("1", 700, True)],
    [("0", 500, True), ("1", 700, False), ("1", 700, True)],
    [("0", 500, False), ("0", 500, True), ("1", 700, True)],
    [("0", 900, False), ("0", 900, True), ("1", 700, False), ("0", 1000, False), ("1", 800, True), ("0", 1000, True)],
]


@pytest.mark.parametrize("told", TOLD)
def test_marks_that_come_at_once_are_those_that_come_one_by_one(told: list[Mark]) -> None:
    one, all_of_them = channel("0", "1"), channel("0", "1")
    for number, mark in enumerate(told):
        read(one, number, [mark])
    read(all_of_them, 0, told)
    assert all_of_them.known == one.known > LOWEST
    assert all_of_them.rests == one.rests
    assert one.rests


def test_shards_that_are_idle_when_they_are_first_heard_of_have_told_how_far_they_are() -> None:
    """A shard that was read late finds rows, their mark and the idle mark behind it in one block."""
    behind = channel("0", "1")
    read(behind, 0, [("0", 10_000, False), ("1", 10_000, False), ("0", 10_000, True), ("1", 10_000, True)])
    assert behind.known == 10_000


class Sent:
    """Where marks go."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, int]] = []

    def encode(self, table: Any) -> Any:
        return table

    def write(self, payload: Any) -> None:
        self.marks.append((payload["watermark"][0].as_py(), payload["mark"][0].as_py()))


def test_a_shard_that_has_become_idle_since_its_last_mark_tells_how_far_it_had_come() -> None:
    task = RepartitionTask.__new__(RepartitionTask)
    sent: Any = Sent()
    made: Any = {
        "_sink": sent, "_partitions": 1, "_shard": "0", "_held": [[]], "_sizes": [0], "_said": None,
        "_reached": LOWEST, "channels": {(0, 1): Channel(LOWEST), (1, 1): Channel(LOWEST)},
    }  # fmt: skip
    made |= {"_lock": threading.Lock(), "_types": repartition.pa.schema(repartition._HEAD)}
    for name, value in made.items():
        setattr(task, name, value)
    task.apply((0, 1), Envelope(None, 5_000))
    task.apply((1, 1), Envelope(None, 7_000))
    task.apply((0, 1), Envelope(None, 5_000, idle=1))
    task.apply((1, 1), Envelope(None, 7_000, idle=1))
    task.cut()
    assert sent.marks == [(7_000, repartition.IDLE)]
