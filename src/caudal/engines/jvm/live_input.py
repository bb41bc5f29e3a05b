"""Feeds a live job: what sources give is handed over as it comes, and how far they have come, as marks.

Watermarks, idle partitions and silence are those of SEMANTICS, computed here: rows carry their W_p, and a mark says W once
the rows before it are there. A mark is published when the one before has been read, so that what comes meanwhile waits
in memory or in parts that no mark follows yet, and small parts do not pile up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from caudal.core.errors import RunError
from caudal.core.naming import natural_key
from caudal.core.types import INT64, Field, Schema
from caudal.engines.jvm.exchange import Handed
from caudal.engines.jvm.intake import LOWEST, Channel, Intake
from caudal.engines.jvm.lowering import Input, Lowered
from caudal.engines.jvm.parts import Parts
from caudal.engines.jvm.ranks import Ranks
from caudal.engines.jvm.streaming import NEAR_EPOCH, epoch_of, shifted
from caudal.ingest.watermarks import OPEN, WatermarkTracker
from caudal.plan.nodes import Keyed, Node, Source
from caudal.ports import framing
from caudal.ports.engine import BoundSource
from caudal.ports.source import End, Nothing, Revoked, Telling, idle_after

CREDIT = 64 << 20
"""Bytes that may have been read and not yet been taken in by the job."""

_DISCOVER_MS = 50
_SILENT_MS = 1000
"""Milliseconds between marks while nothing but the clock moves the watermark."""

_MARK = Schema([Field("e", INT64)])


@dataclass(frozen=True, slots=True)
class Timing:
    """`clock` gives milliseconds that never go back, `idle_poll` is in seconds, `idle` in milliseconds;
    `read_at`: the reading time of bounded sources, wall clock in milliseconds, 0 for none."""

    clock: Callable[[], int]
    idle_poll: float = 0.005
    idle: int = 5_000
    read_at: int = 0


class _Live(Channel):
    """A partition as the input reads it."""

    def __init__(self, intake: Intake, partition: Any, rank: int, order: tuple[Any, ...]) -> None:
        super().__init__(intake, partition, rank)
        self.order = order
        self.number = 0
        self.ended = False
        self.idle = False
        self.settled = False
        """What is read next has waited for so long that the partition goes on being quiet."""
        self.quiet_since: int | None = None
        self.poll_at = 0.0


class _Operator:
    """The watermark of the operators that read some of the sources."""

    def __init__(self, sources: frozenset[int], endless: bool) -> None:
        self.sources = sources
        self.channels: dict[int, _Live] = {}
        self.tracker: WatermarkTracker[int] = WatermarkTracker(self.channels, LOWEST)
        self.tracker.endless = endless


class LiveInput:
    """Feeds one plan. `step`, `publish` and `end` are for one thread; all else may be looked at from others."""

    def __init__(
        self,
        plan: Lowered,
        sources: Sequence[BoundSource],
        number: int,
        first: int,
        folder: Path,
        form: str,
        timing: Timing,
        pool: ThreadPoolExecutor,
    ) -> None:
        """`number`: that of the plan in its script; `first`: the number of its first source among all."""
        self.number = number
        self.published = 0
        """Marks so far."""
        self.consumed = 0
        """Marks that the job has read."""
        self._timing = timing
        self._folder = folder
        self._intakes = [
            Intake(i.node, b, i.columns, timing.read_at) for i, b in zip(plan.inputs, sources, strict=True)
        ]
        self._handed = [
            Handed(i.node, folder / str(first + n), form, i.columns, pool, intake.watch)
            for n, (i, intake) in enumerate(zip(plan.inputs, self._intakes, strict=True))
        ]
        self._numbers = [i.rank for i in plan.inputs]
        self._marks = Parts(folder / f"marks-{number}", form, _MARK, pool)
        self._operators = [
            _Operator(group, any(sources[i].source.live for i in group)) for group in _groups(plan, plan.inputs)
        ]
        self._epoch = epoch_of(plan.plan)
        self._reach = sum(_extent(node) for node in plan.plan.nodes)
        self._channels: list[_Live] = []
        self._ranks: list[Ranks] = []
        self._parts: list[list[Path]] = []
        self._turn = False
        self._discovered = -_DISCOVER_MS
        self._new_names = True
        self._pending = 0
        self._waiting = 0
        self._marked = -OPEN
        self._marked_at = 0
        self._latest = -OPEN

    def open(self) -> None:
        """Take in the partitions that there are; raises `InputError` for one that cannot be read."""
        for n, intake in enumerate(self._intakes):
            partitions = sorted(intake.opened.partitions(), key=lambda p: natural_key(p.name))
            self._ranks.append(Ranks(p.name for p in partitions))
            for partition in partitions:
                self._add(n, partition, self._ranks[n].numbers[partition.name])
        for intake in self._intakes:
            intake.opening.check()
        self._move()

    @property
    def counts(self) -> list[dict[str, Any]]:
        """What was handed over of each source, as `hand_over` counts it."""
        return [handed.counts for handed in self._handed]

    @property
    def watermark(self) -> int | None:
        """The lowest watermark of the operators; None before the first row."""
        return self._marked if -(1 << 60) < self._marked < OPEN else None

    @property
    def over(self) -> bool:
        """Whether all sources have come to their ends."""
        return all(channel.ended for channel in self._channels) and not any(i.opened.live for i in self._intakes)

    @property
    def has_credit(self) -> bool:
        """Whether more may be read."""
        return self._waiting < CREDIT

    @property
    def due(self) -> bool:
        """Whether there is something to publish."""
        lowest = self._lowest()
        if self._pending:
            return True
        if lowest <= self._marked:
            return False
        if not any(each.tracker.silent for each in self._operators):
            return True
        # while only the clock moves it a mark closes windows, as long as there can be any
        late = self._timing.clock() - self._marked_at >= _SILENT_MS
        return late and self._marked <= self._latest + self._reach

    def step(self) -> bool:
        """Read one block, or look for new partitions; return whether there was anything."""
        now = self._timing.clock()
        if now - self._discovered >= _DISCOVER_MS:
            self._discovered = now
            found = self._discover()
            self._move()
            if found:
                return True
        channel = self._choose(now)
        if channel is None:
            return False
        got = channel.read()
        found = not isinstance(got, Nothing)
        if isinstance(got, Nothing):
            self._quiet(channel, silent=got.silent)
        elif isinstance(got, End):
            _end(channel, self._operators)
            channel.partition.close()
            if got.failed:
                self._counts_of(channel)["failures"].append(f"{channel.partition.name}: {got.failed}")
        else:
            if not channel.settled:
                self._awake(channel)
            channel.settled = False
            rows = got()
            channel.stamp(rows)
            if rows.times is not None and rows.rows:
                _check_range(self._epoch, self._reach, channel, int(rows.times.min()), int(rows.times.max()))
                self._latest = max(self._latest, int(rows.times.max()))
            self._handed[self._intakes.index(channel.intake)].take(channel.partition.name, rows)
            self._pending += rows.taken
            self._waiting += rows.size
        self._move()
        return found

    def publish(self) -> None:
        """Hand over what was read, and then the mark behind it; forget the parts that the job has done with."""
        self._clear()
        if self._new_names:
            self._write_names()
        written: list[Path] = []
        for handed in self._handed:
            written += [*handed.rows.flush(), *handed.dead.flush()]
        self._marked, self._marked_at = self._lowest(), self._timing.clock()
        self._marks.add({"e": pa.array([shifted(self._marked, self._epoch)], pa.int64())}, 1)
        written += self._marks.flush()
        self._parts.append(written)
        self.published += 1
        self._pending = 0

    def taken_in(self, marks: int) -> None:
        """Note that the job has read so many more marks."""
        self.consumed += marks
        if self.consumed == self.published:
            self._waiting = 0

    def end(self, *, whole: bool) -> None:
        """Say that nothing comes any more; `whole`: that it is the end of data, at which all windows close."""
        if whole:
            for channel in self._channels:
                _end(channel, self._operators)
            for each in self._operators:
                each.tracker.endless = False
            self._move()
        for source in range(len(self._intakes)):
            self._hear(source)
        if self._pending or whole or self._lowest() > self._marked:
            self.publish()
        (self._folder / f"end-{self.number}").touch()

    # Partitions.

    def _add(self, source: int, partition: Any, rank: int) -> None:
        channel = _Live(self._intakes[source], partition, rank, (source, natural_key(partition.name)))
        self._new_names = True
        channel.open()
        self._counts_of(channel)["partitions"].setdefault(partition.name, 0)
        channel.number = len(self._channels)
        self._channels.append(channel)
        for each in self._operators:
            if source in each.sources:
                each.channels[channel.number] = channel
                channel.floor = max(channel.floor, each.tracker.count_in(channel.number))

    def _hear(self, source: int) -> None:
        intake, notices = self._intakes[source], self._handed[source].notices
        notices.add_all(intake.opening.told())
        if isinstance(intake.opened, Telling):
            notices.add_all(intake.opened.told())

    def _discover(self) -> bool:
        found = False
        for n, intake in enumerate(self._intakes):
            if intake.opened.live:
                self._hear(n)
                for change in intake.opened.changes():
                    if isinstance(change, Revoked):
                        raise RunError(f"the partition {change.name} was revoked: here it must stay to the end")
                    self._add(n, change.partition, self._ranks[n].add(change.partition.name))
                    found = True
        return found

    def _choose(self, now: int) -> _Live | None:
        """Return the partition to read: of bounded ones only that furthest behind, live ones in turn."""
        open_channels = [channel for channel in self._channels if not channel.ended]
        ahead = [channel for channel in open_channels if channel.partition.live and channel.quiet_since is None]
        ahead += sorted((channel for channel in open_channels if not channel.partition.live), key=_behind)[:1]
        quiet = [channel for channel in open_channels if channel.quiet_since is not None and now >= channel.poll_at]
        self._turn = not self._turn
        if quiet and (not ahead or self._turn):
            return min(quiet, key=lambda channel: channel.poll_at)
        return min(ahead, key=_behind, default=None)

    def _quiet(self, channel: _Live, *, silent: bool) -> None:
        now = self._timing.clock()
        if silent:
            self._awake(channel)
        if channel.quiet_since is None:
            channel.quiet_since = now
        channel.poll_at = now + 1000 * self._timing.idle_poll
        wait = idle_after(channel.partition, channel.intake.node.idle, self._timing.idle)
        if not channel.idle and now - channel.quiet_since >= wait:
            channel.settled = framing.settle(channel.partition)
            channel.idle = not channel.settled

    def _awake(self, channel: _Live) -> None:
        channel.quiet_since = None
        if channel.idle:
            channel.idle = False
            for each in self._operators:
                if channel.number in each.channels:
                    channel.floor = max(channel.floor, each.tracker.count_in(channel.number))

    def _move(self) -> None:
        for each in self._operators:
            each.tracker.move(self._timing.clock)

    def _lowest(self) -> int:
        return min((each.tracker.watermark for each in self._operators), default=self._marked)

    def _counts_of(self, channel: _Live) -> dict[str, Any]:
        return self._handed[self._intakes.index(channel.intake)].counts

    def _write_names(self) -> None:
        names = {
            str(number): {str(rank): name for name, rank in ranks.numbers.items()}
            for number, ranks in zip(self._numbers, self._ranks, strict=True)
        }
        _replace(self._folder / f"names-{self.number}.json", json.dumps(names))
        self._new_names = False

    def _clear(self) -> None:
        """Remove parts that every reader has done with: those before a mark, once the one behind it was read too."""
        while len(self._parts) > 1 and self.consumed > self.published - len(self._parts) + 1:
            for path in self._parts.pop(0):
                path.unlink(missing_ok=True)


def _end(channel: _Live, operators: Sequence[_Operator]) -> None:
    channel.ended = True
    for each in operators:
        each.channels.pop(channel.number, None)


def _replace(path: Path, text: str) -> None:
    hidden = path.with_name(f".{path.name}")
    hidden.write_text(text, encoding="utf-8")
    hidden.rename(path)


def _behind(channel: _Live) -> tuple[Any, ...]:
    return (channel.watermark, *channel.order)


def _groups(plan: Lowered, inputs: Sequence[Input]) -> list[frozenset[int]]:
    """Return, for the operators with windows, which of the inputs they read; each set once."""
    above: dict[Node, frozenset[int]] = {}
    found: dict[frozenset[int], None] = {}
    numbers = {each.node: n for n, each in enumerate(inputs)}
    for node in plan.plan.nodes:
        own: Collection[int] = {numbers[node]} if isinstance(node, Source) else ()
        above[node] = frozenset(own).union(*(above[i] for i in node.inputs))
        if isinstance(node, Keyed):
            found[above[node]] = None
    return list(found)


def _extent(node: Node) -> int:
    """Return for how long behind its last row an operator can have something open, in milliseconds."""
    window: Any = getattr(node, "window", None)
    return max((getattr(window, name, 0) or 0 for name in ("size", "gap")), default=0) + 1


def _check_range(epoch: int, reach: int, channel: _Live, first: int, last: int) -> None:
    if epoch == NEAR_EPOCH and not -NEAR_EPOCH < first <= last < NEAR_EPOCH - reach:
        raise RunError(
            "an event time before 1824 or after 2115",
            location=channel.partition.name,
            detail=f"{first} to {last} ms: state by key over unbounded input has no room for it on this engine",
            hint="run it with --engine local",
        )
