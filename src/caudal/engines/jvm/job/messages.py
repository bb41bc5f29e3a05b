"""What a job's process knows of topics that its tasks read: which offsets, in the words of its engine's connector."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KIND, TOLD, LETTER = "__kind", "__told", "__letter_"
"""Columns of what tasks make of messages (see `tasks.topics`); the last is what stands before the names of a letter's."""

Span = tuple[str, str, int, int, int]
"""A partition as caudal calls it, its topic and number, where to begin, and where to end before."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of topics and what decodes them: how they are reached, which, and whether their keys and headers are wanted.

    `columns`: of what a task makes of them, with their types; `task`: a `tasks.topics.TopicTask`, `received` makes what it takes.
    """

    columns: Mapping[str, str]
    properties: Mapping[str, str]
    spans: Sequence[Span]
    key: bool
    headers: bool
    task: Any
    received: Callable[..., Any]

    @property
    def own(self) -> dict[str, str]:
        """The columns of rows."""
        return {n: kind for n, kind in self.columns.items() if n not in (KIND, TOLD) and not n.startswith(LETTER)}

    @property
    def letters(self) -> dict[str, str]:
        """The columns of dead letters, as these call them."""
        return {n.removeprefix(LETTER): kind for n, kind in self.columns.items() if n.startswith(LETTER)}


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


def handed(names: Iterable[str]) -> dict[str, Any]:
    """Return what the counts of a source begin with: none of its partitions, in order, has given anything."""
    return {"partitions": dict.fromkeys(names, 0), "rows": 0, "dead": 0, "failures": [], "told": []}


def added(counts: dict[str, Any], told: Mapping[str, Any]) -> None:
    """Add what a task has told to counts."""
    for name, number in told.get("partitions", {}).items():
        counts["partitions"][name] += number
        counts["rows"] += number
    counts["dead"] += told.get("dead", 0)
    counts["rows"] -= told.get("dead", 0)
