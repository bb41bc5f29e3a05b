"""Hands the rows of an opened, bounded source over to an engine: decoded by caudal, written as what it reads natively.

`job.exchange` does the same in a script, for files, without caudal: both write the same rows and dead letters.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from caudal.core.types import Schema
from caudal.engines.jvm.intake import Channel, Intake, Rows
from caudal.engines.jvm.parts import LETTERS, Parts, dead_letters
from caudal.ingest.watching import SourceWatch
from caudal.observe.notices import Notices
from caudal.plan.nodes import Source
from caudal.ports.engine import BoundSource
from caudal.ports.source import End, Nothing

_PAUSE = 0.01


class Handed:
    """What was handed over of one source: its parts, and how much that is."""

    def __init__(
        self, node: Source, into: Path, form: str, columns: Schema, pool: ThreadPoolExecutor, watch: SourceWatch
    ) -> None:
        self._node = node
        self.rows = Parts(into / "rows", form, columns, pool)
        self.dead = Parts(into / "dead", form, LETTERS, pool)
        self.counts: dict[str, Any] = {"partitions": {}, "rows": 0, "dead": 0, "failures": [], "bytes": 0, "of": {}}
        self.notices = self.counts["notices"] = Notices()
        self.counts["watch"] = watch

    def take(self, partition: str, got: Rows, *, dead: bool = True) -> None:
        """Take stamped rows, and what is none (where `dead` says so)."""
        self.counts["partitions"][partition] = self.counts["partitions"].get(partition, 0) + got.taken
        self.counts["rows"] += got.rows
        self.counts["dead"] += got.accepted.own
        for letter in got.dead:
            if letter.operator:
                self.counts["of"][letter.operator] = self.counts["of"].get(letter.operator, 0) + 1
        self.counts["bytes"] += got.size
        self.notices.add_all(got.notices, where=partition)
        if got.rows:
            self.rows.add(got.columns, got.rows)
        if got.dead and dead:
            self.dead.add(dead_letters(got.dead, self._node.name, partition), len(got.dead))


def hand_over(
    node: Source,
    bound: BoundSource,
    index: int,
    into: Path,
    form: str,
    columns: Schema,
    *,
    dead: bool = True,
    threads: int = 1,
    watch: Callable[[], None] | None = None,
    read_at: int = 0,
) -> dict[str, Any]:
    """Write a source's rows to `into`/`index`/rows and what is none to .../dead, as parts; return the counts.

    `form`: "parquet" or "json". `columns`: what a row has, the hidden columns of `places` among them. `dead`: whether dead
    letters are written. `threads`: how many decode and write at once. `watch` is called now and then, and may raise.
    `read_at`: the reading time, by default now.

    Counts: "partitions" (name: records taken), "rows", "dead", "failures" (texts), "bytes"; "notices", gathered; "watch", of the source.
    """
    intake = Intake(node, bound, columns, read_at or time.time_ns() // 1_000_000)
    with ThreadPoolExecutor(threads, "exchange") as pool:
        handed = Handed(node, into / str(index), form, columns, pool, intake.watch)
        for rank, partition in enumerate(bound.source.partitions()):
            channel = Channel(intake, partition, rank)
            handed.counts["partitions"].setdefault(partition.name, 0)
            channel.open()
            waiting: deque[Future[Rows]] = deque()

            def take(channel: Channel = channel, waiting: deque[Future[Rows]] = waiting) -> None:
                got = waiting.popleft().result()
                channel.stamp(got)
                handed.take(channel.partition.name, got, dead=dead)

            while not isinstance(work := channel.read(), End):
                if isinstance(work, Nothing):
                    time.sleep(_PAUSE)  # a pipe whose writer pauses
                else:
                    waiting.append(pool.submit(work))
                if watch is not None:
                    watch()
                if len(waiting) > 2 * threads:
                    take()
            if work.failed:
                handed.counts["failures"].append(f"{partition.name}: {work.failed}")
            while waiting:
                take()
        handed.notices.add_all(intake.opening.told())
        handed.rows.close()
        handed.dead.close()
        return handed.counts
