"""What a job's process knows of topics that its tasks read: which offsets, in the words of its engine's connector."""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Span = tuple[str, str, int, int, int]
"""A partition as caudal calls it, its topic and number, where to begin, and where to end before."""


def connectors() -> list[str]:
    """Return the jars of the engine's connectors, which stand beside its interpreter; ends the job where there are none."""
    found = sorted(glob.glob(os.path.join(sys.prefix, "jars", "*.jar")))
    if not found:
        raise SystemExit(f"there is no connector for Kafka in {sys.prefix}/jars: caudal engines install brings it")
    return found


def filled(spans: Sequence[Span]) -> list[Span]:
    """Return the spans that hold something."""
    return [span for span in spans if span[3] < span[4]]


def by_topic(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Return spans by their topics."""
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span[1], []).append(span)
    return found


def handed(spans: Sequence[Span]) -> dict[str, Any]:
    """Return what counts of rows begin with: the partitions, in order."""
    return {"partitions": {span[0]: 0 for span in spans}, "rows": 0, "dead": 0, "failures": [], "told": []}


def added(counts: dict[str, Any], texts: Sequence[str]) -> None:
    """Add what tasks have told to counts."""
    for text in texts:
        told: Mapping[str, Any] = json.loads(text)
        for name, number in told.get("partitions", {}).items():
            counts["partitions"][name] += number
            counts["rows"] += number
        counts["dead"] += told.get("dead", 0)
        counts["rows"] -= told.get("dead", 0)
