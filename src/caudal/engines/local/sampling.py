"""Sampling: the first records of each source, decoded as a run would, so that a check can tell what a run would see."""

from __future__ import annotations

import time
from collections.abc import Mapping

from caudal.core.errors import CaudalError
from caudal.engines.local.counters import Counters
from caudal.engines.local.intake import Intake, PartitionLane
from caudal.engines.local.slicing import Slicer
from caudal.ingest.watching import SAMPLE_BYTES, SAMPLE_RECORDS
from caudal.observe.notices import Notice
from caudal.observe.sources import SourceReport
from caudal.plan.nodes import Keyed, Source
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource
from caudal.ports.source import End, Nothing, Partition

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
    read_at = time.time_ns() // 1_000_000
    counters = Counters(quiet=True)
    intake = Intake(node, bound, counters, judged, Slicer(False, 1), read_at, quiet=True)
    whole = len(partitions) == len(bound.source.partitions()) <= PARTITIONS and not bound.source.live
    for number, partition in enumerate(partitions[:PARTITIONS]):
        whole = _read(intake.add(partition, number, 0), partition, intake) and whole
    report = intake.watch.report()
    report.whole = whole
    report.notices = [*intake.opening.told(), *counters.notices.all()]
    if len(partitions) > PARTITIONS:
        text = f"the first {PARTITIONS} of {{count}} partitions were looked at"
        report.notices.append(Notice("sampled", node.name, text, len(partitions)))
    return report


def _read(lane: PartitionLane, partition: Partition, intake: Intake) -> bool:
    """Read a partition as far as the sample wants; return whether that was all of it."""
    try:
        lane.open()
        while (wanted := SAMPLE_BYTES - intake.watch.bytes) > 0 and intake.watch.records < SAMPLE_RECORDS:
            got = lane.read(wanted)
            if isinstance(got, End | Nothing):
                return isinstance(got, End)
            number, block = got
            lane.put(number, intake.decode(lane, block, 0.0))
    except CaudalError as error:
        raise error.at(partition.name) from None
    return isinstance(lane.read(1), End)
