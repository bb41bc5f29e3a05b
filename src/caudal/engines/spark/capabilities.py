"""What Spark does not do as the local engine does. The tests hold the lists to be true both ways."""

from __future__ import annotations

from caudal.engines.jvm.capabilities import SHARED, THEIRS, Gap

GAPS: dict[str, str] = {}
"""For each function of expressions that is refused on Spark, the reason. Today there is none."""

CAPABILITIES: tuple[Gap, ...] = (
    *SHARED,
    Gap(
        "following a file that grows by Structured Streaming",
        THEIRS,
        "its file source reads a file once, when it appears",
        "refused, as every live source",
    ),
)
"""All gaps of this engine."""
