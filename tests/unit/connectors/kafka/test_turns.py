"""A partition of a group, around the turns at which partitions are given and taken: nothing is skipped, nothing comes twice."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

pytest.importorskip("confluent_kafka")

from caudal.connectors.kafka.batch import Batch, Event, padded
from caudal.connectors.kafka.client import library
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.partition import KafkaPartition
from caudal.ports.records import Block

EOF = library().KafkaError._PARTITION_EOF


def batch_of(offsets: list[int], *events: Event) -> Batch:
    values = [str(offset).encode() for offset in offsets]
    ends = np.cumsum([len(value) + 1 for value in values], dtype=np.int64)
    starts = ends - np.array([len(value) + 1 for value in values], np.int64)
    none = np.zeros(len(offsets), np.int64)
    stop = int(ends[-1]) if len(ends) else 0
    made = Batch(padded(values), stop, starts, np.array(offsets, np.int64), none, none.astype(np.bool_))
    made.events = list(events)
    return made


class Client:
    """A client that loses what it was about to hand over at a turn, or hands it over twice, and says that it is further than that."""

    failed = ""

    def __init__(self, there: list[int], draw: random.Random) -> None:
        self.turns = 0
        self.position = -1
        self._there, self._draw = there, draw
        self._next = 0
        self._seen_end = False

    def seek(self, part: Part, offset: int) -> None:
        self._next, self._seen_end = offset, False

    def turn(self) -> None:
        """Partitions are given and taken."""
        self.turns += 1
        self._next = max(0, self._next + self._draw.choice([-7, -1, 0, 0, 1, 3, 40]))
        self._seen_end = False
        self.position = max(self.position, self._next)

    def take(self, size: int, seconds: float) -> Batch | None:
        offsets = [offset for offset in self._there if offset >= self._next][: self._draw.randrange(1, 9)]
        if offsets:
            self._next = self.position = offsets[-1] + 1
            return batch_of(offsets)
        if self._seen_end:
            return None
        self._seen_end = True
        self.position = END
        return batch_of([], Event(EOF, END, ""))


END = 400


class Ends:
    def bounds(self, part: Part) -> tuple[int, int]:
        return 0, END

    def at_end(self, part: Part, position: int) -> bool:
        return position >= END


@pytest.mark.parametrize("gaps", [False, True], ids=["plain", "with gaps"])
@pytest.mark.parametrize("seed", range(40))
def test_turns_lose_nothing_and_double_nothing(seed: int, gaps: bool) -> None:
    draw = random.Random(seed)
    there = [offset for offset in range(END) if not gaps or draw.random() < 0.9]
    client: Any = Client(there, draw)
    partition = KafkaPartition(client, Part("t", 0), Columns({}), Ends(), start=0, feed=client)
    partition.seek(draw.randrange(1, 50))
    first, taken, turns = partition.start, list[int](), 5
    for _ in range(2000):
        got = partition.read(100)
        if isinstance(got, Block):
            assert got.messages is not None
            data = got.data[got.start : got.stop].tobytes().splitlines()
            assert [int(value) for value in data] == got.messages.offset.tolist()
            taken += got.messages.offset.tolist()
            assert not taken or got.end > taken[-1]
        assert all(offset < partition.position for offset in taken[-1:])
        if turns and draw.random() < 0.1:
            client.turn()
            turns -= 1
        wanted = [offset for offset in there if first <= offset < partition.position]
        assert taken == wanted, "what a commit would say was read is what was"
    assert partition.position == END
    assert taken == [offset for offset in there if offset >= first]
