"""What Flink does not do as the local engine does. The tests hold the lists to be true both ways."""

from __future__ import annotations

from caudal.engines.jvm.capabilities import SHARED, THEIRS, Gap

GAPS: dict[str, str] = {}
"""For each function of expressions that is refused on Flink, the reason. Today there is none."""

CAPABILITIES: tuple[Gap, ...] = (
    *SHARED,
    Gap(
        "Flink's own readers, where --dead discard permits them, of anything but JSON lines",
        THEIRS,
        "its CSV reader knows no header; it has none of access logs, and that of Parquet needs Hadoop",
        "rows are checked and handed over by caudal",
    ),
)
"""All gaps of this engine."""
