"""Emission: the results of a stateful operator on their way down its route."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from caudal.columnar import sorting
from caudal.columnar.morsel import Morsel
from caudal.engines.local.dead_letters import failed_rows
from caudal.engines.local.operator_tasks import Flow, Ticket, Way
from caudal.engines.local.slicing import Slicer
from caudal.engines.local.stateful import OPEN, Failing, Part, Released, joined

if TYPE_CHECKING:
    from caudal.engines.local.job import Job
    from caudal.engines.local.routes import Edge

DEPTH = 2
"""Results stand further downstream than what a source has just read."""


class Emission:
    """Sends results on, a channel of their own: `ordinal` is their origin.

    Where functions of the user's come next, results are cut to tasks by what they cost, and any core takes them.
    """

    def __init__(self, job: Job, operator: str, ordinal: int) -> None:
        self.operator = operator
        self.ordinal = ordinal
        self._job = job
        self._slicer = Slicer(job.router.out[operator].expensive, job.settings.threads)
        self._slicer.fixed = job.settings.morsel_rows
        self._sequence = 0
        self._forwarded = -OPEN

    def __call__(self, released: Released, watermark: int, again: Callable[[], None]) -> Flow | None:
        """Send on what an advance set free; `watermark` holds behind it. Called in order, by one thread at a time.

        Returns what goes on sending where it is made in pieces, of which many may come: see `Flow`, and `again` there.
        """
        if released.pieces is not None:
            sends = self._sends(released, released.pieces, watermark)
            return Flow(sends, self._job.settings.threads + 1, lambda: self._job.scheduler.push(DEPTH, again))
        self._send(released, watermark)
        return None

    def _sends(
        self, released: Released, pieces: Iterator[Morsel], watermark: int
    ) -> Iterator[Callable[[Ticket], None]]:
        """Yield what sends the pieces on, one by one, and then all else."""
        for rows in pieces:
            yield partial(self._send, Released(rows), self._forwarded)
        yield partial(self._send, replace(released, pieces=None), watermark)

    def _send(self, released: Released, watermark: int, ticket: Ticket | None = None) -> None:
        """Send on rows. `ticket`: where more follow: it is held until these have landed, and any thread may carry them."""
        if released.parts:
            if not (self._slicer.expensive or self._slicer.fixed):
                self._send_parts(released.parts, watermark)
                return
            made = [rows for rows in self._job.dividing.map(self._made, released.parts) if rows is not None]
            released.rows = joined(made) if made else None
        elif released.rows is not None:
            self._count(released.rows)
        pieces: list[Morsel | None] = [released.rows]
        if released.rows is not None:
            released.rows.partition = self.ordinal
            pieces = [*self._pieces(released.rows)]
        first, self._sequence = self._sequence, self._sequence + len(pieces)
        before, self._forwarded = self._forwarded, watermark
        for i, piece in enumerate(pieces):
            last = i == len(pieces) - 1
            dead = self._failed(released.failing) if last and released.failing else None
            task = self._task(first + i, piece, watermark if last else before, dead, ticket)
            if self._slicer.expensive or not last or ticket is not None:
                self._job.scheduler.push(DEPTH, task)
            else:
                task()

    def _send_parts(self, parts: list[Part], watermark: int) -> None:
        """Make rows in parts and carry each through the steps behind at once: what a filter drops is never all there."""
        route = self._job.router.out[self.operator]
        number, self._sequence = self._sequence, self._sequence + 1
        self._forwarded = watermark
        ways = [Way((self.ordinal,), number, watermark)]

        def run(part: Part) -> list[tuple[Edge, Morsel | None]]:
            return [*route.run(self._made(part))]

        together: list[tuple[Edge, Morsel | None]] = []
        for each in zip(*self._job.dividing.map(run, parts), strict=True):
            rows = [rows for _, rows in each if rows is not None]
            together.append((each[0][0], joined(rows) if rows else None))
        self._job.router.deliver(together, ways, None)
        if self.operator in self._job.router.dead:
            self._job.router.send(self._job.router.dead[self.operator], ways, None, None)

    def _made(self, part: Part) -> Morsel | None:
        rows = part()
        if rows is not None:
            rows.partition = self.ordinal
            self._count(rows)
        return rows

    def _count(self, rows: Morsel) -> None:
        self._job.counters.add(self.operator, "emitted", rows.rows)

    def _pieces(self, rows: Morsel) -> list[Morsel]:
        pieces = self._slicer.split(rows)
        if len(pieces) == 1 or not rows.order:
            return pieces
        # a sink orders the rows of a morsel: cut up, they have to be in order before
        return self._slicer.split(rows.take(sorting.order(rows.order)))

    def _task(
        self, sequence: int, morsel: Morsel | None, watermark: int, dead: Morsel | None, ticket: Ticket | None
    ) -> Callable[[], None]:
        job, ways = self._job, [Way((self.ordinal,), sequence, watermark)]
        if ticket is not None:
            ticket.hold()

        def task() -> None:
            begin = time.perf_counter()
            job.router.send(job.router.out[self.operator], ways, morsel, ticket)
            if self.operator in job.router.dead:
                job.router.send(job.router.dead[self.operator], ways, dead, ticket)
            if ticket is not None:
                ticket.release()
            if morsel is not None and self._slicer.expensive:
                self._slicer.learn(morsel.rows, time.perf_counter() - begin)

        return task

    def _failed(self, failing: list[Failing]) -> Morsel:
        self._job.counters.failing.setdefault(self.operator, failing[0].failed[0].message)
        names = self._job.origins.names.__getitem__
        letters: list[Morsel] = []
        for each in failing:
            if each.alone:
                each.rows.partition = self.ordinal
            shown = tuple(each.rows.columns)
            letters.append(failed_rows(each.rows, each.failed, self.operator, names, shown, windows=each.alone))
        return joined(letters)
