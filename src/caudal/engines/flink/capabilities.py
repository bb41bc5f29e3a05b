"""What Flink does not do as the local engine does. The tests hold the lists to be true both ways."""

from __future__ import annotations

from caudal.engines.jvm.capabilities import OURS, SHARED, THEIRS, Gap

GAPS: dict[str, str] = {}
"""For each function of expressions that is refused on Flink, the reason. Today there is none."""

CAPABILITIES: tuple[Gap, ...] = (
    *SHARED,
    Gap(
        "live sources: following files, idle partitions and silence",
        OURS,
        "jobs are bounded: nothing closes before the end of data, which is what the views are written for",
        "refused: runs over bounded input only; an explicit idle= is refused too; --engine spark does it",
    ),
    Gap(
        "Flink's own readers, where --dead discard permits them, of anything but JSON lines",
        THEIRS,
        "its CSV reader knows no header; it has none of access logs, and that of Parquet needs Hadoop",
        "rows are checked and handed over by caudal",
    ),
)
"""All gaps of this engine."""
