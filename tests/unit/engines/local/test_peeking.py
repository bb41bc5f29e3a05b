"""The first accepted row's time of each of many partitions, of heads that are decoded together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.columnar.morsel import Morsel
from caudal.engines.local.peeking import Peeking
from caudal.ports.records import Block


class Decoder:
    """Lines are numbers; others are no rows. `blocks`: how many heads' bytes came at once."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def decode(self, block: Block) -> Any:
        data = block.data[block.start : block.stop].tobytes()
        self.blocks.append(data)
        rows: list[tuple[int, int]] = []
        at = 0
        for line in data.split(b"\n"):
            if line.isdigit():
                rows.append((at, int(line)))
            at += len(line) + 1
        return rows


@dataclass
class Made:
    morsel: Morsel
    open: bool = False


class Acceptor:
    def accept(self, rows: list[tuple[int, int]], block: object) -> Made:
        position = np.array([at for at, _ in rows], np.int64)
        time = np.array([value for _, value in rows], np.int64)
        return Made(Morsel({}, len(rows), time, position=position))


@dataclass
class Node:
    timezone: str = ""


@dataclass
class Intake:
    node: Node = field(default_factory=Node)
    acceptor: Acceptor = field(default_factory=Acceptor)

    def peeked(self, decoder: Decoder, block: Block) -> Made:
        return self.acceptor.accept(decoder.decode(block), None)


@dataclass
class Channel:
    intake: Intake
    decoder: Decoder | None
    position: int = 0
    seen: int = 0
    time: int | None = None

    def begins(self, time: int) -> None:
        self.time = time


def peek(*given: tuple[Channel, bytes]) -> list[int | None]:
    peeking = Peeking()
    for channel, head in given:
        peeking.add(channel, head)  # type: ignore[arg-type]
    peeking.finish()
    return [channel.time for channel, _ in given]


HEADS = [b"5\n9\n", b"x\n7", b"", b"x\n", b"\xef\xbb\xbf3\n", b"1\n"]
TIMES = [5, 7, None, None, 3, 1]


def channels(decoder: Decoder, intake: Intake) -> list[tuple[Channel, bytes]]:
    return [(Channel(intake, decoder, 3 if head.startswith(b"\xef") else 0), head) for head in HEADS]


def test_heads_are_decoded_together_and_each_lane_learns_its_own_time() -> None:
    decoder = Decoder()
    assert peek(*channels(decoder, Intake())) == TIMES
    assert decoder.blocks == [b"5\n9\nx\n7\nx\n3\n1\n"]


def test_heads_of_several_decoders_and_sources_are_kept_apart() -> None:
    decoder, other, intake = Decoder(), Decoder(), Intake()
    given = [*channels(decoder, intake), *channels(other, intake), *channels(other, Intake())]
    assert peek(*given) == TIMES * 3
    assert len(decoder.blocks) == 1
    assert len(other.blocks) == 2


def test_where_a_record_hangs_on_those_before_it_each_head_stands_alone() -> None:
    decoder = Decoder()
    assert peek(*channels(decoder, Intake(Node("Europe/Berlin")))) == TIMES
    framing = Decoder()
    framing.framer = object()  # type: ignore[attr-defined]
    assert peek(*channels(framing, Intake())) == TIMES
    assert len(decoder.blocks) == len(framing.blocks) == 5
