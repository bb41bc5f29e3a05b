"""Which partition is read next, and how often quiet ones are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from caudal.engines.local.admission import POLL_SHARE, Admission


@dataclass
class Part:
    live: bool


@dataclass
class Channel:
    """What admission looks at."""

    name: str
    known: int
    live: bool = True
    ended: bool = False
    revoked: bool = False
    busy: bool = False
    quiet_since: int | None = None
    poll_at: float = 0.0
    partition: Part = field(init=False)

    def __post_init__(self) -> None:
        self.partition = Part(self.live)

    @property
    def behind(self) -> tuple[int, str]:
        return self.known, self.name


def admission(*channels: Any) -> Admission:
    made = Admission()
    for channel in channels:
        made.add(channel)
    return made


def test_the_one_furthest_behind_comes_first_and_is_taken() -> None:
    a, b = Channel("a", 20), Channel("b", 10)
    made = admission(a, b)
    assert made.choose(0) is b
    assert made.choose(0) is a
    assert made.choose(0) is None
    b.known = 30
    made.back(b)  # type: ignore[arg-type]
    a.known = 40
    made.back(a)  # type: ignore[arg-type]
    assert [made.choose(0), made.choose(0)] == [b, a]


def test_quiet_ones_are_asked_when_it_is_time_and_in_turn_with_the_others() -> None:
    busy, quiet = Channel("busy", 0), Channel("quiet", 0)
    made = admission(busy, quiet)
    assert made.choose(0) is busy
    assert made.choose(0) is quiet
    quiet.quiet_since, quiet.poll_at = 0, 5.0
    made.back(quiet)  # type: ignore[arg-type]
    seen = []
    for now in range(12):
        made.back(busy)  # type: ignore[arg-type]
        chosen = made.choose(now)
        seen.append(chosen is quiet)
        if chosen is quiet:
            made.choose(now)
    assert seen.index(True) in (5, 6)
    assert sum(seen) == 1


def test_a_bounded_one_stays_while_it_is_read_by_nobody_else() -> None:
    bounded = Channel("b", 0, live=False)
    made = admission(bounded)
    assert made.choose(0) is bounded
    bounded.busy = True
    assert made.choose(0) is None
    bounded.busy = False
    bounded.ended = True
    made.end(bounded)  # type: ignore[arg-type]
    assert made.choose(0) is None
    assert made.open == 0


def test_many_quiet_partitions_are_asked_less_often() -> None:
    made = admission(*(Channel(str(n), 0) for n in range(1000)))
    assert made.next_poll(1003, 0, 5) == 1008
    assert made.next_poll(1003, 100, 5) == 1028
    longest = 1000 * POLL_SHARE
    assert {made.next_poll(now, 1e6, 5) - longest for now in range(1000, 1020)} == {1000}, "many at the same moment"
    assert admission(Channel("x", 0)).next_poll(1003, 1e6, 5) == 1008


def test_one_that_is_revoked_comes_at_once_and_only_once() -> None:
    a, b, c = Channel("a", 10), Channel("b", 20), Channel("c", 30, quiet_since=0, poll_at=1e9)
    made = admission(a, b, c)
    taken = made.choose(0)
    assert taken is a
    a.busy = a.revoked = c.revoked = True
    made.hurry(a)
    made.hurry(c)
    assert made.choose(0) is c, "the other is being read"
    c.busy = True
    assert made.choose(0) is b
    a.busy = False
    made.back(a)
    assert made.choose(0) is a
    for channel in (a, c):
        channel.ended = True
        made.end(channel)
    made.back(b)
    assert [made.choose(0), made.choose(0)] == [b, None]
