"""Watching a source while it is read: what its records name, which are dead and why, what their times are like.

What is seen is kept in a report that the run is judged by at its end, and said once early on, so that a detection that
sees nothing is noticed before its end, which may never come. It costs a few numbers a block.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from caudal.columnar.column import Ints
from caudal.core.shown import shown
from caudal.core.types import Place
from caudal.ingest.accepting import Accepted
from caudal.observe.log import log
from caudal.observe.sources import CELLS, EARLIEST, REASONS, SourceReport, latest, show_share
from caudal.plan.expr import Column
from caudal.plan.nodes import Source
from caudal.ports.format import NamingReader
from caudal.ports.records import Block, Dead

SAMPLE_RECORDS = 1_000
SAMPLE_BYTES = 1 << 20
"""What is looked at before something is said: so many records or bytes of a source."""

LIVE_RECORDS = 100
"""Records of a live source before something is said: it may bring few, and have no end at which to say it."""

_NAMED_FROM = 1 << 16
"""Bytes of a block in which the names of fields are looked for, where one that is declared is missing."""

_BEHIND = 0.01
"""The share of rows below their watermark from which on a live source is told of."""


_VALUES = re.compile(r"\(.*?\)|\d+")
"""What differs between dead letters of one kind."""


class SourceWatch:
    """Watches one source, all its partitions together; thread-safe."""

    def __init__(self, node: Source, reader: Any, *, live: bool, quiet: bool = False) -> None:
        """`quiet`: nothing is said early, there is just the report."""
        self._node = node
        self._reader = reader
        self._live = live
        self._lock = threading.Lock()
        self._unnamed: set[Place] | None = None
        self._kinds: set[tuple[str, str]] = set()
        self._alive: set[str] = set()
        """Partitions with a row."""
        self.bytes = 0
        self._told = quiet
        self._told_behind = quiet or not live
        self._latest = latest()
        self._report = SourceReport(node.name, disorder=node.disorder, unit=_unit(node))

    def block(self, made: Accepted) -> None:
        """Take in what became of a block: all its dead letters, the times of its accepted rows."""
        block, dead, time, taken = made.block, made.dead, made.morsel.time, made.taken
        early = ahead = 0
        odd: int | None = None
        if time is not None and made.lowest is not None:
            lowest, highest = made.lowest, made.highest
            if lowest < EARLIEST:
                early, odd = int(np.count_nonzero(time < EARLIEST)), lowest
            if highest >= self._latest:
                ahead, odd = int(np.count_nonzero(time >= self._latest)), highest if odd is None else odd
        for letter in dead:  # those too far ahead to be accepted
            if letter.event_time is not None and letter.event_time >= self._latest:
                ahead, odd = ahead + 1, letter.event_time if odd is None else odd
        report = self._report
        with self._lock:
            report.records += taken
            report.dead += made.own
            report.rows += taken - made.own
            report.early += early
            report.ahead += ahead
            report.odd = odd if report.odd is None else report.odd
            if dead and len(self._kinds) < REASONS:
                self._note_reasons([letter for letter in dead if not letter.operator])
            self._note_names(made.named, block)
            self.bytes += 0 if block is None else block.stop - block.start
            enough = LIVE_RECORDS if self._live else SAMPLE_RECORDS
            tell = not self._told and (report.records >= enough or self.bytes >= SAMPLE_BYTES)
            self._told = self._told or tell
        if tell:
            self._tell()

    def partition(self, name: str, taken: int, dead: int, why: str = "") -> None:
        """Take in of which partition the records of a block are, how many of them are no rows, and why the first is none."""
        if not dead and (name in self._alive or not taken):
            return
        with self._lock:
            if taken > dead:
                self._alive.add(name)
                self._report.dead_partitions.pop(name, None)
            elif name not in self._alive:
                before, first = self._report.dead_partitions.get(name, (0, why))
                self._report.dead_partitions[name] = before + dead, first

    def late(self, time: Ints, watermark: Ints, behind: int) -> None:
        """Take in rows of a block of which `behind` lie below their W_p."""
        if not behind:
            return
        rows = np.flatnonzero(time < watermark)
        lateness = watermark[rows] + self._node.disorder - time[rows]
        power = np.frexp(lateness.astype(np.float64))[1].astype(np.int64) - 1
        part = ((lateness << 3) >> power) & (CELLS - 1)
        counts = np.bincount(power * CELLS + part)
        cells = np.flatnonzero(counts)
        report = self._report
        with self._lock:
            report.behind += len(rows)
            for cell, count in zip(cells.tolist(), counts[cells].tolist()):
                report.lateness[cell] = report.lateness.get(cell, 0) + count
            tell = not self._told_behind and report.rows >= SAMPLE_RECORDS and report.behind > _BEHIND * report.rows
            self._told_behind = self._told_behind or tell
            proposed = report.proposed() if tell else 0
        if tell:
            from caudal.core import duration

            share = show_share(report.behind, report.rows)
            wanted = f'disorder="{duration.show(proposed)}" keeps 99.9 % of them'
            log.warning("%s: %s of its rows so far come too late for its disorder: %s", report.source, share, wanted)

    @property
    def records(self) -> int:
        """Records so far."""
        return self._report.records

    def report(self) -> SourceReport:
        """Return what is known by now."""
        with self._lock:
            self._report.unnamed = tuple(p for p in self._node.declared.places() if p in (self._unnamed or ()))
            return replace(self._report)

    def _note_reasons(self, dead: Sequence[Dead]) -> None:
        report = self._report
        for letter in dead[:SAMPLE_RECORDS]:
            kind = (letter.reason, _VALUES.sub("", letter.message))
            if kind in self._kinds or len(self._kinds) == REASONS:
                continue
            self._kinds.add(kind)
            detail = f" ({letter.detail})" if letter.detail and not letter.detail.startswith("field ") else ""
            report.reasons.append(shown(f"{letter.message}{detail}"[:200]))
            if len(self._kinds) == 1:
                report.first = shown(letter.payload[:60].decode("utf-8", "replace").rstrip())

    def _note_names(self, named: frozenset[Place] | None, block: Block | None) -> None:
        if named is None or self._unnamed == set():
            return
        if self._unnamed is None:
            self._unnamed = set(self._node.declared.places())
        self._unnamed -= named
        if self._unnamed and not self._report.names and block is not None and isinstance(self._reader, NamingReader):
            start = block.start
            self._report.names = self._reader.names(block.data[start : min(block.stop, start + _NAMED_FROM)].tobytes())

    def _tell(self) -> None:
        """Say what the first records are like, where something is wrong with them."""
        report = replace(self.report(), whole=False)
        if report.all_dead:
            log.warning("%s: %s", report.source, report.dead_text())
            return
        level = logging.WARNING if self._live else logging.INFO
        if report.dead:
            log.info("%s: %s", report.source, report.dead_text())
        if report.unnamed:
            missing = [p for p in report.unnamed if p[:-1] not in report.unnamed]
            log.log(level, "%s: %s", report.source, report.unnamed_text(missing))
        if report.likely_unit:
            log.warning("%s: %s", report.source, report.time_text())


def _unit(node: Source) -> str:
    """Return what the numbers of the event time count, "" where they are no numbers."""
    expression = node.event_time
    if not isinstance(expression, Column):
        return ""
    declared = node.declared[expression.name]
    if declared.dtype.is_float:
        return node.unit or "s"
    if declared.dtype.is_integer:
        return node.unit or "ms"
    return (declared.unit or "ms") if declared.dtype.name == "timestamp" and not declared.time_format else ""
