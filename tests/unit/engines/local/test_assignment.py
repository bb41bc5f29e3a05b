"""Partitions that are assigned and revoked while a job runs: no row is lost, none is read twice."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.ports import registry
from caudal.ports.source import Assigned, Change, Nothing, Partition, Revoked
from caudal.testing import Script, ScriptedSource, VirtualClock
from caudal.testing.harness import Started
from caudal.testing.running import ticking

FIELDS = {"k": "string", "t": "timestamp"}


def plan(stream: Any = None) -> cd.Plan:
    source = cd.source("memory", rows=[], schema=FIELDS, event_time="t", disorder="1s", name="in")
    return cd.Pipeline("p", (stream(source) if stream else source).to("memory", into=[]))


def play(script: Script, stream: Any = None, threads: int = 1, **extra: Any) -> tuple[Started, ScriptedSource]:
    clock = VirtualClock()
    source = ScriptedSource(script.steps, Schema.of(FIELDS), clock, until=script.now + 10_000, step=10)
    settings = {"clock": ticking(clock, [source]), "idle_poll": 0.0, **extra}
    started = Started(plan(stream), threads=threads, sources={"in": source}, **settings)
    source.then = started.execution.stop
    return started.run(), source


def rows(first: int, count: int, k: str = "a") -> list[dict[str, Any]]:
    return [{"k": k, "t": 1000 + 10 * i} for i in range(first, first + count)]


@pytest.mark.parametrize("morsel_rows", [0, 1])
def test_a_revoked_partition_is_given_up_where_it_stands_and_read_on_from_there(morsel_rows: int) -> None:
    script = Script().rows(*rows(0, 5), partition="p1").rows(*rows(0, 3, "b"), partition="p2").wait("1s")
    script.revoke(partition="p1").wait("1s").rows(*rows(5, 4), partition="p1").wait("1s").rows(
        *rows(9, 2), partition="p2"
    )
    started, source = play(script, **({"morsel_rows": morsel_rows} if morsel_rows else {}))
    assert source.given_up == [("p1", 5)]
    written = [row for out in started.rows.values() for row in out]
    wanted = [*rows(0, 9), *rows(0, 3, "b"), *rows(9, 2)]
    assert Counter((r["k"], r["t"]) for r in written) == Counter((r["k"], r["t"]) for r in wanted)
    assert started.ledger.check() == []


def test_what_is_revoked_before_it_was_read_is_not_lost() -> None:
    script = (
        Script().partition("p0").wait("1s").rows(*rows(0, 3)).revoke().rows(*rows(3, 2)).wait("1s").rows(*rows(5, 1))
    )
    started, source = play(script)
    assert source.given_up[0][0] == "p0"
    written = [row["t"] for out in started.rows.values() for row in out]
    assert written == [row["t"] for row in rows(0, 6)]


def test_rows_are_those_of_a_run_without_revocations_and_windows_count_each_once() -> None:
    for seed in range(30):
        dice = random.Random(seed)
        plain, shaken = Script(), Script()
        begun = {"p0": 0, "p1": 0}
        for _ in range(dice.randint(3, 12)):
            name = dice.choice(["p0", "p1"])
            more = rows(begun[name], dice.randint(1, 6), name)
            begun[name] += len(more)
            for script in (plain, shaken):
                script.rows(*more, partition=name)
            if dice.random() < 0.5:
                shaken.revoke(partition=dice.choice([name for name in begun if begun[name]]))
            if dice.random() < 0.5:
                plain.wait("300ms")
                shaken.wait("300ms")
        plain.wait("1s")
        shaken.wait("1s")
        wanted, _ = play(plain)
        got, source = play(shaken)
        assert len(source.given_up) == sum(type(s).__name__ == "Revoke" for x in shaken.steps.values() for s in x)
        seen, expected = (
            Counter(tuple(sorted(row.items())) for out in each.rows.values() for row in out) for each in (got, wanted)
        )
        assert seen == expected, seed
        counted, _ = play(shaken, lambda s: s.group_by("k").window(cd.tumbling("50ms")).agg(n=cd.count()))
        assert counted.ledger.check() == []
        # while a partition is with nobody it holds no window back: its rows may be late, and are counted so
        (entry,) = [e for e in counted.ledger.entries.values() if e.taken and e.kind == "window"]
        assert entry.taken == sum(begun.values()) == entry.late + sum(r["n"] for x in counted.rows.values() for r in x)


class Group:
    """A source whose partitions go to and fro; each gives `count` rows, a few at a time, and is revoked after some."""

    live = True

    def __init__(self, names: list[str], count: int, seed: int) -> None:
        self.released_at: list[tuple[str, int]] = []
        self.taken_away = 0
        self.room = 50
        self.then: Any = lambda: None
        self._count = count
        self._dice = random.Random(seed)
        self._memory = registry.find("connector", "memory")
        self._reading = {name: Part(self, name, 0) for name in names}
        self._pending: list[Change] = []

    def partitions(self) -> list[Any]:
        return list(self._reading.values())

    def changes(self) -> list[Change]:
        pending, self._pending = self._pending, []
        if len(self._reading) == 3 and all(part.at >= self._count for part in self._reading.values()):
            self.then()
        for name in list(self._reading):
            if self.taken_away < 12 and self._dice.random() < 0.5:
                del self._reading[name]
                pending.append(Revoked(name))
                self.taken_away += 1
        self.room = 100 * self.taken_away
        return pending

    def released(self, name: str, position: int) -> None:
        self.released_at.append((name, position))
        self._reading[name] = Part(self, name, position)
        self._pending.append(Assigned(self._reading[name]))

    def close(self) -> None:
        pass


class Part:
    def __init__(self, group: Group, name: str, start: int) -> None:
        self.name, self.live, self.start, self.at = name, True, start, start
        self.closed = False
        self._group = group

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        raise AssertionError

    def read(self, size: int) -> Any:
        assert not self.closed
        limit = self._group._count if self._group.taken_away >= 12 else self._group.room
        if self.at >= limit:
            return Nothing()
        more = rows(self.at, min(7, self._group._count - self.at), self.name)
        (part,) = self._group._memory.source({"rows": [more]}, None, Schema.of(FIELDS)).partitions()
        decoded = part.read(1 << 20)
        decoded.position += self.at
        self.at += len(more)
        return decoded

    def close(self) -> None:
        self.closed = True


def test_nothing_is_lost_or_doubled_by_threads_that_read_what_is_taken_away() -> None:
    source = Group(["a", "b", "c"], 1500, seed=5)
    started = Started(plan(), threads=3, sources={"in": source})
    source.then = started.execution.stop
    started.run()
    assert len(source.released_at) == 12
    assert len({position for _, position in source.released_at}) > 3
    written = Counter((row["k"], row["t"]) for out in started.rows.values() for row in out)
    assert written == Counter((row["k"], row["t"]) for name in "abc" for row in rows(0, 1500, name))
    assert started.ledger.check() == []


class Hasty(ScriptedSource):
    """Assigns a partition again at once, and says things that are not so."""

    said: list[Change]

    def changes(self) -> list[Change]:
        said, self.said = self.said, []
        return [*said, *super().changes()]


def test_a_partition_that_was_not_assigned_cannot_be_revoked() -> None:
    clock = VirtualClock()
    source = Hasty({"p0": []}, Schema.of(FIELDS), clock, until=1000)
    source.said = [Revoked("p7")]
    started = Started(plan(), sources={"in": source}, clock=ticking(clock, [source]), idle_poll=0.0)
    with pytest.raises(RunError, match="revoked the partition p7"):
        started.run()


def test_a_partition_that_is_assigned_again_at_once_waits_for_the_release() -> None:
    clock = VirtualClock()
    script = Script().rows(*rows(0, 4)).wait("1s")
    source = Hasty(script.steps, Schema.of(FIELDS), clock, until=3000)
    released: list[tuple[str, int]] = []

    class Again:
        """The rest of the partition."""

        name, live, start = "p0", True, 4

        def __init__(self) -> None:
            self.read_at: list[int] = []

        def head(self) -> bytes:
            return b""

        def seek(self, position: int) -> None:
            raise AssertionError

        def read(self, size: int) -> Any:
            assert released == [("p0", 4)]
            self.read_at.append(clock())
            clock.advance(50)
            if clock() >= 3000:
                source.then()
            return Nothing()

        def close(self) -> None:
            pass

    again = Again()
    source.said = []
    first = source.changes
    partition: Partition = again

    def changes() -> list[Change]:
        if clock() >= 500 and not released and not source.said and not again.read_at:
            source.changes = first  # type: ignore[method-assign]
            source._open = 0  # nobody polls it now, so that time goes on by itself
            return [Revoked("p0"), Assigned(partition)]
        return first()

    source.changes = changes  # type: ignore[method-assign]
    source.released = lambda name, position: released.append((name, position))  # type: ignore[method-assign]
    started = Started(plan(), sources={"in": source}, clock=ticking(clock, [source]), idle_poll=0.0)
    source.then = started.execution.stop
    started.run()
    assert released == [("p0", 4)]
    assert again.read_at


def test_a_lost_partition_is_told() -> None:
    clock = VirtualClock()
    script = Script().rows(*rows(0, 4)).wait("1s")
    source = Hasty(script.steps, Schema.of(FIELDS), clock, until=2000)
    source.said = [Revoked("p0", lost=True)]
    source.released = lambda name, position: None  # type: ignore[method-assign]
    started = Started(plan(), sources={"in": source}, clock=ticking(clock, [source]), idle_poll=0.0)
    source.then = started.execution.stop
    source.wait = lambda: clock.poll(10)  # type: ignore[method-assign]
    ticks = iter(range(100_000))

    def watch() -> None:
        if next(ticks) > 1:
            started.execution.stop()

    started.run(watch)
    (notice,) = [n for n in started.execution.figures()["notices"] if n.code == "lost"]
    assert notice.where == "p0"


class Offsets(Part):
    """A topic's partition: its offsets have gaps, and it begins at one that was committed."""

    def read(self, size: int) -> Any:
        if self.at > self.start:
            return Nothing()
        (part,) = self._group._memory.source({"rows": [rows(0, 2)]}, None, Schema.of(FIELDS)).partitions()
        decoded = part.read(1 << 20)
        decoded.position = decoded.position * 2 + self.start
        decoded.end = self.at = self.start + 7
        return decoded


@pytest.mark.parametrize("read", [False, True])
def test_a_partition_is_given_up_behind_its_gaps_or_where_it_began(read: bool) -> None:
    source = Group([], 0, seed=0)
    part = Offsets(source, "topic-3", 1000)
    part.at = part.start if read else part.start + 1
    source.partitions = lambda: [part]  # type: ignore[method-assign]
    told: list[Change] = [Revoked("topic-3")]
    given_up: list[tuple[str, int]] = []

    def changes() -> list[Change]:
        if given_up:
            started.execution.stop()
        return [told.pop()] if told and part.at > part.start else []

    source.changes = changes  # type: ignore[method-assign]
    source.released = lambda name, position: given_up.append((name, position))  # type: ignore[method-assign]
    started = Started(plan(), sources={"in": source})
    started.run()
    assert given_up == [("topic-3", 1007 if read else 1000)]
