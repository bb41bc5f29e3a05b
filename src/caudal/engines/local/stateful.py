"""What every stateful operator is: morsels come in, the watermark sets rows free, the state goes into a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Ints, Text, concat, constant, from_list
from caudal.columnar.grouping import Groups, group
from caudal.columnar.morsel import Morsel
from caudal.core.errors import RunError
from caudal.core.types import DataType
from caudal.engines.local.dividing import Dividing
from caudal.engines.local.latecomers import Latecomers
from caudal.engines.local.migrating import LABELS, migrated
from caudal.engines.local.state import HASH, Blob, Blocks
from caudal.engines.local.table import Table, concat_tables
from caudal.expressions.functions.outcome import Failed
from caudal.plan.expr import col
from caudal.plan.fitting import parts
from caudal.plan.nodes import Keyed
from caudal.plan.nodes.join import LEFT, RIGHT, TwoSided

Bound = Callable[[Morsel], Column]
Bind = Callable[..., Any]

OPEN = 2**62
"""Above every event time: the watermark at the end of data."""

NEVER_LATE = -OPEN
"""The W_p of a row that cannot be late, where some rows beside it can: below every time."""

LOWEST = -(2**61)
"""The watermark of a partition that nothing is known about."""


@dataclass(slots=True)
class Partial:
    """What one morsel adds: a table of state (None: nothing), how many rows it stands for, and the fates of the others.

    `counts`: (panes, rows of each), for operators that count by pane.
    """

    table: Table | None
    rows: int
    late: Morsel | None
    partly_late: int
    counts: tuple[Ints, Ints] | None = None


Part = Callable[[], Morsel | None]
"""Makes some of the rows that an advance sets free; called once, in any thread."""


@dataclass(slots=True)
class Failing:
    """Rows of which some failed. `alone`: they stand for what is made of no row: they hold keys and times, and no place."""

    rows: Morsel
    failed: list[Failed]
    alone: bool = False


@dataclass(slots=True)
class Released:
    """What an advance sets free: result rows, and the input rows whose fate is now known, counted by fate.

    `parts`: rows that are made when they are asked for, in parts whose order does not matter, instead of `rows`;
    `pieces`: in order, each once few enough before it are on their way.
    `failing`: what functions failed on; the dead letters are sent on.
    """

    rows: Morsel | None = None
    fates: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list[Part])
    failing: list[Failing] = field(default_factory=list)
    pieces: Iterator[Morsel] | None = None


class StatefulOperator:
    """A stateful operator's runtime. `prepare` runs in any thread; the other methods in one at a time, in order.

    `arrival`: rows are taken as they come, whatever the watermark: `advance` is called behind every envelope.
    """

    kind = ""
    version = 1
    arrival = False

    def __init__(self, node: Keyed, operator: str, bind: Bind, ranks: Callable[[], Ints]) -> None:
        self.operator = operator
        self.parts = parts(node)
        """The labels of what its state columns are about (see `plan.fitting`)."""
        self._ranks = ranks
        self._keys: list[Bound] = [bind(expr, node.input.schema) for _, expr in node.keys]
        self._right = bind(col(node.side) == RIGHT, node.input.schema) if isinstance(node, TwoSided) else None
        self.latecomers = Latecomers(operator, self._keys)
        self.key_names = [f"k{i}" for i in range(len(self._keys))]
        self.blocks = Blocks()
        self.dividing = Dividing()
        """Who computes what is divided; set before anything runs."""
        self.watermark = -OPEN
        self.emitted = 0
        self._lists: set[str] = set()

    def prepare(self, morsel: Morsel) -> Partial:
        """Return what the morsel adds."""
        raise NotImplementedError

    def late_of(self, late: Morsel) -> dict[str, int]:
        """Return how many of late rows are of each side, where there are two."""
        if self._right is None:
            return {}
        right = int(np.count_nonzero(self._right(late).values))
        return {LEFT: late.rows - right, RIGHT: right}

    def add(self, partial: Partial) -> None:
        """Take a prepared morsel into the state."""
        raise NotImplementedError

    def advance(self, watermark: int) -> Released:
        """Set free what the watermark has passed."""
        raise NotImplementedError

    @property
    def forwarded(self) -> int:
        """The watermark that the operator's results have."""
        return self.watermark

    def buffered(self) -> int:
        """Return the number of input rows whose fate is still open."""
        raise NotImplementedError

    def state_types(self) -> dict[str, DataType]:
        """Return the type of each state column."""
        raise NotImplementedError

    def _group(self, table: Table, salts: Sequence[Ints]) -> Groups:
        hashes = table.ints(HASH) if HASH in table.columns else None
        return group([table[k] for k in self.key_names], salts, table.rows, hashes)

    # -- cut ----------------------------------------------------------------------------------------------------

    def export(self, whole: bool) -> Blob:
        """Return the state as a whole or since the last export."""
        for table in self.blocks.tables.values():
            self._lists.update(name for name, column in table.columns.items() if hasattr(column, "children"))
        added, removed = self.blocks.export(whole)
        values = {"watermark": self.watermark, "emitted": self.emitted, **self._values()}
        values["layout"] = sorted(self._lists)
        values[LABELS] = self.parts
        return Blob(self.operator, self.kind, self.version, whole, values, added, removed)

    def restore(self, blobs: Sequence[Blob], types: dict[str, DataType]) -> None:
        """Load a cut: a whole export and the deltas behind it. `types` are those of `state_types`."""
        last = blobs[-1]
        if last.kind != self.kind or last.version != self.version:
            raise RunError(
                f"the state of '{self.operator}' is of {last.kind} version {last.version}, not {self.kind} version {self.version}"
            )
        self.watermark = last.values["watermark"]
        self.emitted = last.values["emitted"]
        blobs = [migrated(blob, self.parts, self._nothing) for blob in blobs]
        self._load(last.values)
        lists = frozenset(name for blob in blobs for name in blob.values["layout"])
        self.blocks.restore(blobs, types, lists)

    def _nothing(self, kind: str, number: int, rows: int) -> Mapping[str, Column]:
        """Return the state columns of a part that the state of an earlier plan has not, for so many rows: null."""
        name = f"{kind}{number}"
        return {name: constant(None, self.state_types()[name], rows)}

    def _values(self) -> dict[str, Any]:
        """Return the plain values of the state beside the blocks."""
        return {}

    def _load(self, values: dict[str, Any]) -> None:
        """Take the plain values of a cut."""

    def nbytes(self) -> int:
        """Return about how many bytes the state takes, for `max_state`."""
        return self.blocks.nbytes

    def _weights(self, table: Table) -> Ints:
        """Return how many rows each row of a block stands for."""
        return np.ones(table.rows, np.int64)

    def largest_keys(self, count: int = 3) -> list[str]:
        """Return the keys with the most state rows, for the message of `max_state`."""
        if not self.blocks.tables or not self.key_names:
            return []
        tables = self.blocks.tables.values()
        weights = np.concatenate([self._weights(table) for table in tables])
        table = concat_tables([Table({k: t[k] for k in self.key_names}, t.rows) for t in tables])
        groups = self._group(table, [])
        sizes = np.bincount(groups.codes, weights, minlength=len(groups))
        top = np.argsort(sizes)[::-1][:count]
        rows = table.take(groups.first[top])
        names = zip(*(rows[k].to_list() for k in self.key_names))
        return [f"{', '.join(str(v) for v in key)} ({int(sizes[i])} rows)" for key, i in zip(names, top)]


def own(column: Column) -> Column:
    """Return the column with memory of its own: state must not point into a block that was read."""
    return column.compact() if isinstance(column, Text) else column


def empty(schema: Any) -> Morsel:
    """Return a morsel of no rows, by which an operator learns the types of its state."""
    none = np.empty(0, np.int64)
    return Morsel({f.name: from_list([], f.dtype) for f in schema}, 0, none, none, none)


def late_by_time(morsel: Morsel) -> tuple[Morsel, Morsel | None]:
    """Return (rows that are in time, late rows): for operators without fixed windows a row is late when its time < W_p."""
    if morsel.watermark is None or morsel.time is None:
        return morsel, None
    late = morsel.time < morsel.watermark
    if not late.any():
        return morsel, None
    return morsel.take(np.flatnonzero(~late)), morsel.take(np.flatnonzero(late))


def joined(parts: Sequence[Morsel]) -> Morsel:
    """Return the rows of several morsels (at least one) as one; a W_p is there if any of them has one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    whole = concat_tables([Table(part.columns, part.rows) for part in parts])
    watermark: Ints | None = None
    if any(part.watermark is not None for part in parts):
        none = [np.full(p.rows, NEVER_LATE, np.int64) if p.watermark is None else p.watermark for p in parts]
        watermark = np.concatenate(none)
    times = [part.time for part in parts if part.time is not None]
    positions = [part.position for part in parts if part.position is not None]
    return Morsel(
        whole.columns,
        whole.rows,
        time=np.concatenate(times) if times else None,
        watermark=watermark,
        position=np.concatenate(positions) if positions else None,
        partition=_origins(parts),
        order=tuple(concat([part.order[i] for part in parts]) for i in range(len(first.order))),
    )


def _origins(parts: Sequence[Morsel]) -> int | Ints:
    first = parts[0].partition
    if isinstance(first, int) and all(isinstance(p.partition, int) and p.partition == first for p in parts):
        return first
    return np.concatenate([np.full(part.rows, part.partition, np.int64) for part in parts])
