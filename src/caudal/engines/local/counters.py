"""What the running job counts, and the ledger made of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from caudal.observe.ledger import FATES, Entry, Ledger
from caudal.observe.notices import Notices
from caudal.plan.nodes import DeadLetters, Explode, Filter, Keyed, Late, Lookup, Node, Sink, Source
from caudal.plan.plan import Plan

_HEAD = "partition:"
"""What tells the counts of partitions from others in a cut."""


class Counters:
    """Thread-safe counts by (operator, name), and the notices of the run."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: no notice is logged when it comes."""
        self.notices = Notices(quiet=quiet)
        self.failing: dict[str, str] = {}
        """Why a function failed first, by operator."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._partitions: dict[tuple[str, str], int] = defaultdict(int)  # apart: there may be thousands

    def add(self, operator: str, name: str, count: int) -> None:
        """Add to a count."""
        with self._lock:
            self._counts[operator, name] += count

    def take(self, operator: str, partition: str, rows: int) -> None:
        """Count rows that a source has taken from one of its partitions."""
        with self._lock:
            self._counts[operator, "taken"] += rows
            self._partitions[operator, partition] += rows

    def get(self, operator: str, name: str) -> int:
        """Return a count, 0 when nothing was added."""
        return self._counts.get((operator, name), 0)

    def total(self, name: str) -> int:
        """Return the sum of a count over operators."""
        return sum(value for (_, n), value in list(self._counts.items()) if n == name)

    def export(self) -> list[list[Any]]:
        """Return the counts as plain values, for a cut."""
        with self._lock:
            counts = [[operator, name, value] for (operator, name), value in sorted(self._counts.items())]
            parts = [[operator, _HEAD + name, value] for (operator, name), value in sorted(self._partitions.items())]
            return counts + parts

    def restore(self, values: list[list[Any]]) -> None:
        """Load exported counts."""
        with self._lock:
            for operator, name, value in values:
                if name.startswith(_HEAD):
                    self._partitions[operator, name.removeprefix(_HEAD)] = value
                else:
                    self._counts[operator, name] = value

    def balance(self, operator: str, held: int) -> None:
        """Count as opening what an operator holds beyond what its counts say, or, below zero, what others hold of it."""
        with self._lock:
            counts = self._counts
            known = sum(counts.get((operator, fate), 0) for fate in FATES if fate != "buffered")
            counts[operator, "opening"] = known + held - counts.get((operator, "taken"), 0)

    def taken(self, operator: str, partition: str) -> int:
        """Return the rows taken of one partition of a source."""
        return self._partitions.get((operator, partition), 0)

    def partitions(self, operator: str) -> dict[str, int]:
        """Return the rows taken by each partition of a source."""
        with self._lock:
            items = sorted(self._partitions.items())
        return {name: value for (owner, name), value in items if owner == operator}


def ledger(logical: Plan, counters: Counters) -> Ledger:
    """Return the ledger of the logical plan.

    Sources, window operators and sinks are counted where they stand; a stateless operator takes what its inputs emit,
    and its own count of filtered rows gives the rest. So `Ledger.check` compares two independent counts at every
    window and sink.
    """
    entries: dict[str, Entry] = {}
    for node in logical.nodes:
        name = logical.ids[node]
        inputs = tuple((logical.ids[i], node.port) for i in node.inputs)
        entry = Entry(name, node.kind, inputs)
        entries[name] = entry
        _fill(entry, node, entries, counters)
    return Ledger(entries)


def _fill(entry: Entry, node: Node, entries: dict[str, Entry], counters: Counters) -> None:
    name = entry.operator

    def count(what: str) -> int:
        return counters.get(name, what)

    if isinstance(node, Source):
        entry.passed, entry.dead = count("passed"), count("dead")
        entry.taken = count("taken")
        entry.partitions = counters.partitions(name)
        entry.emitted = {"out": entry.passed, "dead": entry.dead}
    elif isinstance(node, Keyed):
        entry.taken, entry.partly_late = count("taken"), count("partly_late")
        entry.opening = count("opening")
        for fate in FATES:
            setattr(entry, fate, count(fate))
        # a window's rows are made of it on the way out, on any core
        entry.windows = count("windows")
        made = count("made" if node.made_later else "emitted")
        entry.emitted = {"out": made, "late": entry.late}
        if node.has_dead:
            # windows, and what is made of no row, fail beside the rows
            entry.emitted["dead"] = entry.dead + count("failed")
    elif isinstance(node, Sink):
        entry.taken = entry.passed = count("written")
    elif isinstance(node, Late | DeadLetters):
        entry.taken = entry.passed = entries[entry.inputs[0][0]].emitted[node.port]
        entry.emitted = {"out": entry.passed}
    else:
        entry.taken = sum(entries[up].emitted[port] for up, port in entry.inputs)
        if isinstance(node, Filter):
            entry.filtered, entry.undecided = count("filtered"), count("undecided")
        elif isinstance(node, Lookup | Explode):
            entry.filtered = count("filtered")
        entry.dead = count("dead")
        entry.passed = entry.taken - entry.filtered - entry.dead
        entry.emitted = {"out": count("emitted") if node.multiplies else entry.passed}
        if node.has_dead:
            entry.emitted["dead"] = entry.dead
