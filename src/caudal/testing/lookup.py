"""What a lookup means, row by row: all rows of the table are looked at for each."""

from __future__ import annotations

from typing import Any

from caudal.core.addresses import address_of, network_of, range_between, range_of
from caudal.core.types import DataType
from caudal.ingest.tables import read
from caudal.plan.nodes import Lookup, Table
from caudal.testing.rows import Row


def looked_up(node: Lookup, row: Row, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a lookup makes of a row: one row or none."""
    found = _met(node, row, rows)
    if node.how == "anti":
        return [row.values] if found is None else []
    if node.how == "inner" and found is None:
        return []
    return [{**row.values, **{new: None if found is None else found[name] for new, name in node.columns}}]


def rows_of(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table, in order, with plain values (milliseconds for times)."""
    given = dict(table.rows.options).get("rows")
    if isinstance(given, list) and all(isinstance(row, dict) for row in given):
        return [{name: row.get(name) for name in table.schema.names} for row in given]
    columns = read(table).indexed.columns
    lists = [columns[name].to_list() for name in table.schema.names]
    return [dict(zip(table.schema.names, values, strict=True)) for values in zip(*lists, strict=True)]


def _met(node: Lookup, row: Row, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    keys = [row.values[name] for name in node.on]
    if any(key is None for key in keys):
        return None
    best: dict[str, Any] | None = None
    rank: tuple[int, int] | None = None
    for each in rows:
        closeness = _closeness(node.table, keys, each)
        begin = 0
        if node.as_of:
            begin, end = (each[name] for name in node.as_of)
            if begin is None or row.time is None or not begin <= row.time or (end is not None and row.time >= end):
                continue
        if closeness is not None and (rank is None or (closeness, begin) >= rank):
            best, rank = each, (closeness, begin)
    return best


def _closeness(table: Table, keys: list[Any], row: dict[str, Any]) -> int | None:
    """Return how closely a row of the table fits, None where it does not."""
    if table.match == "range":
        address = address_of(keys[0])
        ends = [row[name] for name in table.key]
        first, last = range_of(*ends) if len(ends) == 1 else range_between(*ends)
        here = address is not None and address.version == first.version and int(first) <= int(address) <= int(last)
        return int(first) - int(last) if here else None
    if table.match == "cidr":
        address = address_of(keys[0])
        network = network_of(row[table.key[0]])
        inside = address is not None and address.version == network.version and address in network
        return network.prefixlen if inside else None
    same = all(_same(key, row[name], table.schema.dtype(name)) for key, name in zip(keys, table.key, strict=True))
    return 0 if same else None


def _same(a: Any, b: Any, dtype: DataType) -> bool:
    return a == b or (dtype.is_float and a != a and b != b)
