"""Runs of a plan with every sink replaced by a capture, so that what comes out can be compared.

The engine is reached by name, as the runner does it; what is fixed for a test (morsels, the queue's order, the clock)
goes through its own settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from caudal.observe.ledger import Ledger
from caudal.plan.nodes import Node, Sink
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import ALWAYS, Bindings, BoundSource, Tuning
from caudal.ports.sink import Immediate
from caudal.ports.source import Assigned, Change, Partition, Source
from caudal.rewrite import rewrite, stage
from caudal.runner.binding import open_source
from caudal.testing.oracle import Outcome
from caudal.testing.scalars import identity


class Capture(Immediate):
    """A sink that keeps its rows as dicts, in the order written; times are int milliseconds."""

    where = "capture"

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def encode(self, table: pa.Table) -> Any:
        """Return the rows as dicts."""
        return pa.table([_plain(c) for c in table.columns], names=table.column_names).to_pylist()

    def write(self, payload: Any) -> None:
        """Keep rows."""
        self.rows.extend(payload)


class Started:
    """A prepared run: `execution`, and a capture by sink id."""

    def __init__(
        self,
        plan: Plan,
        *,
        threads: int = 1,
        rewrites: bool = True,
        wrap: Callable[[str, Source], Source] | None = None,
        sources: Mapping[str, Source] | None = None,
        tuning: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> None:
        """Prepare a run on the local engine. `rewrites`: whether the plan is rewritten before it is lowered.

        `wrap` may replace each opened source, by operator id; `sources` gives some or all of them, by operator id,
        instead of connectors. `tuning` are fields of `Tuning`, `extra` the engine's own settings.
        """
        logical = with_captures(plan)
        physical = rewrite(logical) if rewrites else stage(logical)
        given = sources or {}
        opened = {
            node.name: BoundSource(given[node.name], None) if node.name in given else open_source(node)
            for node in physical.sources
        }
        live = any(bound.source.live for bound in opened.values())
        if wrap is not None:
            opened = {name: replace(b, source=wrap(name, b.source)) for name, b in opened.items()}
        self.captures = {sink.name: Capture() for sink in physical.sinks}
        fields: dict[str, Any] = {"max_state": 1 << 40, "read_at": ALWAYS, **(tuning or {})}
        settings = Tuning(threads, live, **fields, extra=extra)
        engine = registry.find("engine", "local")
        self.execution: Any = engine.start(logical, physical, Bindings(opened, self.captures), settings)
        self._opened = opened

    def run(self, watch: Callable[[], None] | None = None) -> Started:
        """Run to the end; the sources are closed then, whatever happens."""
        try:
            self.execution.run(watch)
        finally:
            for bound in self._opened.values():
                bound.source.close()
        return self

    @property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each sink, in the order written."""
        return {name: capture.rows for name, capture in self.captures.items()}

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.execution.ledger()


def with_captures(plan: Plan) -> Plan:
    """Return the plan with pinned ids and every sink a capture that touches no target."""

    def change(node: Node, _: Any) -> Node:
        if not isinstance(node, Sink):
            return node
        return Sink(name=node.name, input=node.input, connector="memory", options=(("into", []),))

    return plan.pinned().rebuild(change)


class CountedSource:
    """A source that calls `on_read(number)` before each read of any partition, from the reading thread."""

    def __init__(self, source: Source, on_read: Callable[[int], None]) -> None:
        self.live = source.live
        self._source = source
        self._on_read = on_read
        self._reads = 0

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions, counted."""
        return [_CountedPartition(p, self._read) for p in self._source.partitions()]

    def changes(self) -> Sequence[Change]:
        """Return what was assigned, counted, and what was revoked."""
        return [
            Assigned(_CountedPartition(change.partition, self._read)) if isinstance(change, Assigned) else change
            for change in self._source.changes()
        ]

    def released(self, name: str, position: int) -> None:
        """Pass it on."""
        self._source.released(name, position)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _read(self) -> None:
        self._reads += 1
        self._on_read(self._reads)


class _CountedPartition:
    def __init__(self, partition: Partition, before: Callable[[], None]) -> None:
        self.name = partition.name
        self.live = partition.live
        self.start = partition.start
        self.head = partition.head
        self.seek = partition.seek
        self.close = partition.close
        self._partition = partition
        self._before = before

    def read(self, size: int) -> Any:
        self._before()
        return self._partition.read(size)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        return column.cast(pa.int64())
    if pa.types.is_large_list(column.type) and pa.types.is_timestamp(column.type.value_type):
        return column.cast(pa.large_list(pa.int64()))
    return column


def differences(wanted: Outcome, rows: Mapping[str, Sequence[Mapping[str, Any]]], ledger: Ledger) -> list[str]:
    """Return how rows (as multisets) and ledger differ from what the oracle says, one line each; [] when they agree."""
    out = [f"ledger: {line}" for line in ledger.check()]
    for sink, expected in wanted.rows.items():
        columns = list(expected[0]) if expected else None
        out += [f"{sink}: {line}" for line in difference(expected, rows[sink], columns)]
    for operator, fates in wanted.fates.items():
        entry = ledger.entries[operator]
        for name in (
            "taken",
            "passed",
            "absorbed",
            "filtered",
            "late",
            "dead",
            "deduplicated",
            "partly_late",
            "emitted",
        ):
            got, want = getattr(entry, name), getattr(fates, name)
            if got != want:
                out.append(f"{operator}: {name} is {got}, not {want}")
        if entry.buffered:
            out.append(f"{operator}: {entry.buffered} rows buffered")
    return out


def difference(
    wanted: Sequence[Mapping[str, Any]], got: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> list[str]:
    """Return the rows that are missing or too many, compared as multisets in these columns."""
    a, b = (Counter(_key(row, columns) for row in rows) for rows in (wanted, got))
    return [f"missing {dict(k)} x{c}" for k, c in (a - b).items()] + [
        f"extra {dict(k)} x{c}" for k, c in (b - a).items()
    ]


def _key(row: Mapping[str, Any], columns: Sequence[str] | None) -> tuple[Any, ...]:
    return tuple((c, identity(row[c])) for c in sorted(columns or row))
