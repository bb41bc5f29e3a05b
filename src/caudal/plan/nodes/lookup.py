"""Rows with what a table says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import ClassVar

from caudal.core.errors import PlanError, nearest
from caudal.core.types import Field, Schema
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes.base import NO_TIME, Computed, Node, Own, Pairs, Result, Role
from caudal.plan.nodes.table import Table

HOW = ("left", "inner", "anti")
"""Which rows come out: all, with nulls where the table has none; those that the table has; those that it has not."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Lookup(Node):
    """Rows with columns of the table's row that has their key; a row meets one version of the table, whole.

    `on`: the columns that hold the key, in the order of the table's. `columns`: (name here, name in the table). `as_of`: (), or
    the table's columns from when and until when each row of it holds: from <= event time < until, of several the latest.
    """

    kind: ClassVar[str] = "lookup"
    row_wise: ClassVar[bool] = True
    input: Node
    table: Table
    on: tuple[str, ...]
    how: str = "left"
    columns: Pairs = ()
    as_of: tuple[str, ...] = ()

    def derive(self) -> tuple[Schema, bool]:
        if self.how not in HOW:
            raise PlanError(f"how='{self.how}' is no kind of lookup", hint=f"one of {', '.join(HOW)}")
        self._check_keys()
        self._check_times()
        schema, known = self.input.schema, self.table.schema
        if self.how == "anti" and self.columns:
            raise PlanError("rows that a table has not get no columns of it", hint='leave out columns=, or how="left"')
        for new, name in self.columns:
            known[name]
            if new in schema:
                raise PlanError(f"the rows have a column '{new}' already", hint='suffix="_table" renames the table\'s')
        return Schema([*schema, *(Field(new, known.dtype(name)) for new, name in self.columns)]), self.input.timed

    def _check_keys(self) -> None:
        schema, table = self.input.schema, self.table
        if len(self.on) != len(table.asked) and table.match == "range":
            raise PlanError("a range is met by one address", hint='on="ip": the column that holds it')
        if len(self.on) != len(table.asked):
            raise PlanError(
                f"the table's key has {len(table.key)} columns, on= has {len(self.on)}",
                hint=f"name those that hold {', '.join(table.key)}, in this order",
            )
        for name, key in zip(self.on, table.asked, strict=True):
            if name not in schema:
                raise PlanError(f"the rows have no column '{name}'", hint=nearest(name, schema.names))
            mine, theirs = schema.dtype(name), table.schema.dtype(key)
            if mine != theirs:
                raise PlanError(
                    f"the keys of a lookup have other types: '{name}' is a {mine}, '{key}' of the table a {theirs}",
                    hint=f"cast it before: .with_columns({name}=col('{name}').cast('{theirs}'))",
                )

    def _check_times(self) -> None:
        if not self.as_of:
            return
        if len(self.as_of) != 2:
            raise PlanError("as_of= takes two columns of the table", hint='as_of=("valid_from", "valid_to")')
        for name in self.as_of:
            dtype = self.table.schema.dtype(name)
            if dtype.name != "timestamp":
                raise PlanError(
                    f"'{name}' of the table is a {dtype}, not a timestamp: as_of= compares event time with it"
                )
        if not self.input.timed:
            raise PlanError("as_of= needs event time", hint=NO_TIME)

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield from ((Role.FILTER, Column(name)) for name in self.on)

    def results(self) -> Mapping[str, Result]:
        passed = {name: Computed(Column(name)) for name in self.input.schema.names}
        return passed | {new: Own() for new, _ in self.columns}

    def trimmed(self, used: Set[str]) -> Lookup:
        """Return the lookup without the columns that nobody uses."""
        return replace(self, columns=tuple((new, name) for new, name in self.columns if new in used))

    def describe(self) -> str:
        got = ", ".join(new if new == name else f"{new}={name}" for new, name in self.columns)
        parts = [f"{self.how} on {', '.join(self.on)}", self.table.describe()]
        parts += [f"as of {self.as_of[0]} to {self.as_of[1]}"] if self.as_of else []
        return "; ".join([*parts, *([f"gives {got}"] if got else [])])
