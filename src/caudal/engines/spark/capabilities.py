"""What Spark does not do as the local engine does. The tests hold the lists to be true both ways."""

from __future__ import annotations

from caudal.engines.jvm.capabilities import OURS, SHARED, THEIRS, Gap

GAPS: dict[str, str] = {}
"""For each function of expressions that is refused on Spark, the reason. Today there is none."""

IN_PYTHON: dict[str, str] = {
    "cast": "float to text: Java lays digits out otherwise, and before JDK 19 not always the fewest",
    "hash": "of floats: no function gives the bits of a double",
    "matches": "patterns beyond the part of RE2's syntax that means the same in Java, or that could backtrack far",
    "regexp_extract": "as for matches",
    "regexp_replace": "as for matches, and patterns that can match nothing",
    "canonical": "no function knows all spellings of an address, nor writes IPv6 as RFC 5952 does",
    "in_cidr": "as for canonical",
    "ip_prefix": "as for canonical",
    "is_private": "as for canonical",
    "strptime": "with a format: Java's patterns read other texts",
}
"""Functions that run in a Python worker, and when: they cost throughput, and all else is Spark's own."""

CAPABILITIES: tuple[Gap, ...] = (
    *SHARED,
    Gap(
        "running aggregates over all rows so far, over live sources",
        OURS,
        "the function that walks a key's rows keeps those of a frame, and this one has no end; sliding windows are done",
        "refused over live sources, with the operator; over bounded input they are done",
        live=(
            "ordered/arrival",
            "ordered/behind_one_another",
            "ordered/running",
            "ordered/running_late",
            "ordered/running_new_key",
            "ordered/running_ties",
            "ordered/windows_behind_running",
            "windows/approx_count_distinct",
        ),
    ),
    Gap(
        "event times before 1824 and after 2115 with deduplicate, reduce, lag, sliding windows and windows of rows, over live sources",
        THEIRS,
        "rows of a key and the watermark cross to Python in frames that count nanoseconds in 64 bits",
        "the run ends with the partition and the times",
    ),
)
"""All gaps of this engine."""
