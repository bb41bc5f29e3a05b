"""Lookups in tables: the runner reads a version and hands its rows over; the engine joins them by key, or by the number of a row.

Where keys are equal the join is the engine's own. Networks, ranges, rows that hold for a time and keys of floats are found by
`worker.lookups`, which gives the number of the table's row: each worker process reads the index once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column
from caudal.core.errors import PlanError
from caudal.core.types import INT64, Field, Schema
from caudal.engines.jvm.hidden_columns import TIME
from caudal.engines.jvm.parts import Parts, array, storage, stored
from caudal.engines.jvm.relation import Join, Named, View, column, kept, own, quoted
from caudal.ingest.tables import Version, key_of, pins
from caudal.plan.nodes import Lookup

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering
    from caudal.engines.jvm.script import Job

ROW = "__n"
"""The number of a row of a table."""


@dataclass(frozen=True, slots=True)
class TableInput:
    """A table as a script reads it. `node`: a lookup in it; `part`: its directory among the rows that are handed over.

    `names`: the columns of the table that are handed over; they are called c0, c1 and so on. `found`: whether an index goes along.
    """

    node: Lookup
    name: str
    part: str
    names: tuple[str, ...]
    found: bool

    @property
    def columns(self) -> Schema:
        """What its rows have."""
        known = self.node.table.schema
        return Schema([Field(ROW, INT64), *(Field(f"c{i}", known.dtype(n)) for i, n in enumerate(self.names))])

    def column(self, name: str) -> str:
        """Return what a column of the table is called."""
        return f"c{self.names.index(name)}"


def lookup(lo: Lowering, node: Lookup) -> View:
    """Lower `lookup`."""
    if lo.live and node.table.reload is not None:
        raise PlanError(
            f"a table that is read anew over unbounded input is not known to {lo.dialect.engine}",
            detail="a running job there keeps the version of its start",
            hint="leave out reload=, or run it with --engine local",
        )
    table = _table(lo, node)
    rows: Any = lo.of(node.input)
    columns = lo.columns(node.input)
    on = tuple((column(mine), table.column(theirs)) for mine, theirs in zip(node.on, node.table.asked, strict=True))
    if table.found:
        call = rows.project([*columns, ("__f", _call(lo, node, table))])
        row: Named = ("__row", lo.dialect.value(f"x.{quoted('__f')}", INT64))
        rows, on = lo.view(node, "found", call.project([*columns, row]), shared=True), (("__row", ROW),)
    got = [(f"__c{i}", table.column(theirs)) for i, (_, theirs) in enumerate(node.columns)]
    met, joined = "__row", rows
    if got or not table.found:
        met, joined = "__met", Join(rows, View(table.name), on, (("__met", ROW), *got))
    if node.how != "left":
        joined = joined.where(f"{quoted(met)} IS {'NOT ' * (node.how == 'inner')}NULL")
    picked: list[Named] = kept(column(name) for name in node.input.schema.names)
    picked += [(column(mine), quoted(f"__c{i}")) for i, (mine, _) in enumerate(node.columns)]
    return lo.view(node, "", joined.project([*picked, *kept(lo.hidden(node.input))]))


def _table(lo: Lowering, node: Lookup) -> TableInput:
    """Return the table of a lookup, which those in the same one share."""
    key = key_of(node)
    if key not in lo.tables:
        alike = [each for each in lo.plan.nodes if isinstance(each, Lookup) and key_of(each) == key]
        used = {name for each in alike for _, name in each.columns} | {*node.table.key}
        names = tuple(name for name in node.table.schema.names if name in used)
        floats = any(node.table.schema.dtype(name).is_float for name in node.table.key)
        number = len(lo.tables)
        part = f"table-{lo.number}-{number}"
        name = f"{lo.prefix}table {number + 1}"
        lo.tables[key] = TableInput(node, name, part, names, node.table.match != "equal" or bool(node.as_of) or floats)
        lo.out.tables.append(lo.tables[key])
    return lo.tables[key]


def _call(lo: Lowering, node: Lookup, table: TableInput) -> str:
    where = f"os.path.join(given.rows, {table.part!r}, 'index.arrow')"
    arguments = [(own(name), node.input.schema.dtype(name)) for name in node.on]
    if node.as_of:
        arguments.append((quoted(TIME), INT64))
    made = f"found({where}, {node.table.match != 'equal'}, {bool(node.as_of)})"
    return lo.functions.call(made, ("lookups",), arguments, INT64)


def read_tables(job: Job) -> list[tuple[TableInput, Version]]:
    """Return the version of each table of a job; raises `InputError`."""
    found: dict[str, Version] = {}
    for plan in job.plans:
        for each in plan.tables:
            key = key_of(each.node)
            found[key] = found.get(key) or pins.read(key, each.node.table, each.node.as_of)
    return [(each, found[key_of(each.node)]) for plan in job.plans for each in plan.tables]


def hand_over_tables(tables: Sequence[tuple[TableInput, Version]], rows: Path, form: str) -> None:
    """Write the rows of tables, and what workers find them by, beside the rows of sources."""
    with ThreadPoolExecutor(1, "tables") as pool:
        for each, version in tables:
            indexed = version.indexed
            parts = Parts(rows / each.part / "rows", form, each.columns, pool)
            columns = {each.column(n): _stored(indexed.columns[n]) for n in each.names}
            parts.add({ROW: array(np.arange(indexed.rows, dtype=np.int64)), **columns}, indexed.rows)
            parts.close()
            if each.found:
                _write_index(rows / each.part / "index.arrow", indexed.arrays())


def _stored(values: Column) -> pa.Array:
    return stored(values.to_arrow(), values.dtype)


def _write_index(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays of different lengths: a row of lists."""
    made: dict[str, pa.Array] = {}
    for name, values in arrays.items():
        items = values.to_arrow().cast(storage(values.dtype)) if isinstance(values, Column) else pa.array(values)
        made[name] = pa.LargeListArray.from_arrays(pa.array([0, len(items)], pa.int64()), items)
    table = pa.table(made)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
