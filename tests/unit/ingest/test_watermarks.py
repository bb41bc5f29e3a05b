"""The watermark tracker: the least of what is awake, the clock's in silence; against all partitions looked at anew each time."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from caudal.ingest.watermarks import OPEN, WatermarkTracker

UNKNOWN = -(1 << 61)


@dataclass
class Partition:
    watermark: int
    idle: bool = False


def test_the_least_of_what_is_awake() -> None:
    parts = {1: Partition(10), 2: Partition(5)}
    tracker = WatermarkTracker(parts, UNKNOWN)
    for key in parts:
        assert tracker.count_in(key) == -OPEN
    assert tracker.move(lambda: 0)
    assert tracker.watermark == 5
    parts[2].idle = True
    assert tracker.move(lambda: 0)
    assert tracker.watermark == 10
    parts[2].idle = False
    assert tracker.count_in(2) == 10
    assert parts[2].watermark == 10, "it must not fall below what was given"
    assert not tracker.move(lambda: 0)


def test_in_silence_the_clock_moves_it_from_where_it_stood() -> None:
    parts = {1: Partition(100, True), 2: Partition(UNKNOWN, True)}
    tracker = WatermarkTracker(parts, UNKNOWN)
    for key in parts:
        tracker.count_in(key)
    tracker.move(lambda: 5000)
    assert tracker.silent
    assert tracker.watermark == 100, "a partition that never had a row holds nothing back"
    tracker.move(lambda: 5040)
    assert tracker.watermark == 140


def test_without_partitions_it_is_the_end_or_silence() -> None:
    tracker: WatermarkTracker[int] = WatermarkTracker({}, UNKNOWN)
    tracker.endless = True
    assert not tracker.move(lambda: 7) or tracker.watermark == UNKNOWN
    assert tracker.silent
    tracker.endless = False
    assert tracker.move(lambda: 7)
    assert tracker.watermark == OPEN


@pytest.mark.parametrize("seed", range(30))
def test_it_is_what_looking_at_all_gives(seed: int) -> None:
    dice = random.Random(seed)
    parts: dict[int, Partition] = {}
    tracker = WatermarkTracker(parts, UNKNOWN)
    tracker.endless = True
    now, wanted, since, start = 0, -OPEN, None, UNKNOWN
    for number in range(200):
        now += dice.randint(0, 5)
        choice = dice.random()
        if choice < 0.2 or not parts:
            parts[number] = Partition(dice.choice([UNKNOWN, now - dice.randint(0, 20)]))
            tracker.count_in(number)
        key = dice.choice([*parts])
        if choice < 0.3:
            parts[key].idle = True
        elif choice < 0.4:
            parts[key].idle = False
            tracker.count_in(key)
        elif choice < 0.45 and len(parts) > 1:
            del parts[key]
        else:
            parts[key].watermark = max(parts[key].watermark, now - dice.randint(0, 20))
        awake = [p.watermark for p in parts.values() if not p.idle]
        if awake:
            since, reached = None, min(awake)
        else:
            if since is None:
                known = [p.watermark for p in parts.values() if p.watermark > UNKNOWN]
                since, start = now, max(wanted, min(known, default=UNKNOWN))
            reached = start if start <= UNKNOWN else start + now - since
        wanted = max(wanted, reached)
        tracker.move(lambda now=now: now)
        assert tracker.watermark == wanted
