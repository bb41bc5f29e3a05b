"""What Spark does not do as the local engine does. The tests hold the lists to be true both ways."""

from __future__ import annotations

from caudal.engines.jvm.capabilities import SHARED, Gap

GAPS: dict[str, str] = {}
"""For each function of expressions that is refused on Spark, the reason. Today there is none."""

IN_PYTHON: dict[str, str] = {
    "cast": "float to text: Java lays digits out otherwise, and before JDK 19 not always the fewest",
    "hash": "of floats: no function gives the bits of a double",
    "matches": "patterns beyond the part of RE2's syntax that means the same in Java, or that could backtrack far",
    "regexp_extract": "as for matches",
    "regexp_replace": "as for matches, and patterns that can match nothing",
    "in_cidr": "where one of the networks is IPv6: 128 bits",
    "ip_prefix": "IPv6 as RFC 5952 writes it",
    "strptime": "with a format: Java's patterns read other texts",
}
"""Functions that run in a Python worker, and when: they cost throughput, and all else is Spark's own."""

CAPABILITIES: tuple[Gap, ...] = SHARED
"""All gaps of this engine."""
