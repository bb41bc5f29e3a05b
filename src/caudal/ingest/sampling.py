"""Sampling: the first records of each source, decoded as a run would, so that a check can tell what a run would see."""

from __future__ import annotations

import time
from collections.abc import Mapping

from caudal.columnar.zones import NEVER
from caudal.core.errors import CaudalError
from caudal.ingest.reading import PartitionReader, SourceReading, row_watermarks
from caudal.ingest.watching import SAMPLE_BYTES, SAMPLE_RECORDS
from caudal.observe.notices import Notice, Notices
from caudal.observe.sources import SourceReport
from caudal.plan.nodes import Keyed, Source
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource
from caudal.ports.source import End, Nothing

PARTITIONS = 16
"""How many partitions of a source are looked at."""


def sample(plan: Plan, sources: Mapping[str, BoundSource]) -> list[SourceReport]:
    """Return a report of the first records of each opened source: about 1,000 of them, or 1 MiB.

    The sources are read from and of no use to a run any more. What cannot be read twice is not touched: a pipe, standard
    input, an object in memory; what a live source has not got yet is not waited for.
    """
    judged = _above_windows(plan)
    return [
        _sampled(node, sources[node.name], node.name in judged)
        for node in plan.sources
        if node.format and node.name in sources
    ]


def _above_windows(plan: Plan) -> set[str]:
    """Return the sources whose rows an operator can find late."""
    found: set[str] = set()
    for node in plan.nodes:
        stack = list(node.inputs) if isinstance(node, Keyed) else []
        while stack:
            each = stack.pop()
            stack += each.inputs
            if isinstance(each, Source):
                found.add(each.name)
    return found


def _sampled(node: Source, bound: BoundSource, judged: bool) -> SourceReport:
    partitions = [p for p in bound.source.partitions() if bound.source.live or not p.live]
    source = SourceReading(node, bound, time.time_ns() // 1_000_000, quiet=True)
    notices = Notices(quiet=True)
    whole = len(partitions) == len(bound.source.partitions()) <= PARTITIONS and not bound.source.live
    for partition in partitions[:PARTITIONS]:
        whole = _read(PartitionReader(source.opening, partition), source, notices, judged) and whole
    report = source.watch.report()
    report.whole = whole
    report.notices = [*source.opening.told(), *notices.all()]
    if len(partitions) > PARTITIONS:
        text = f"the first {PARTITIONS} of {{count}} partitions were looked at"
        report.notices.append(Notice("sampled", node.name, text, len(partitions)))
    return report


def _read(reader: PartitionReader, source: SourceReading, notices: Notices, judged: bool) -> bool:
    """Read a partition as far as the sample wants; return whether that was all of it."""
    seen = int(NEVER)
    try:
        reader.open()
        while (wanted := SAMPLE_BYTES - source.watch.bytes) > 0 and source.watch.records < SAMPLE_RECORDS:
            got = reader.take(wanted)
            if isinstance(got, End | Nothing):
                return isinstance(got, End)
            made = source.accept(reader.decoder, got, reader.name)
            notices.add_all(made.notices, where=reader.name)
            if made.open:
                source.acceptor.settle(made, seen)
            time = made.morsel.time
            if time is not None and made.morsel.rows:
                if judged:
                    watermark, behind = row_watermarks(time, seen, source.node.disorder, int(NEVER))
                    source.watch.late(time, watermark, behind)
                seen = max(seen, made.highest)
    except CaudalError as error:
        raise error.at(reader.name) from None
    return isinstance(reader.take(1), End)
