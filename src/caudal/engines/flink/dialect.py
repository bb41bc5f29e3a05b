"""Flink SQL for what a lowered plan needs beyond expressions. Jobs run in batch mode: any column orders rows there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caudal.core.types import BINARY, BOOL, INT64, DataType, Field, Schema, list_of, struct_of
from caudal.engines.flink.expressions import show
from caudal.engines.flink.natives import INFINITY, NAN
from caudal.engines.flink.registry import Registry
from caudal.engines.flink.spelling import bigint, literal, type_of
from caudal.engines.jvm.dialect import Item, gathered_fold
from caudal.engines.jvm.relation import Named, Over, quoted
from caudal.plan.expr import Expr

_DECIMAL = "DECIMAL(38, 0)"


class FlinkDialect:
    """Keeps `engines.jvm.dialect.Dialect`."""

    engine = "flink"
    one_path = True
    reads = ("json",)

    def functions(self) -> Registry:
        """Return a new, empty collection of functions."""
        return Registry()

    def show(self, expr: Expr, schema: Schema, functions: Registry) -> str:
        """Return an expression of the plan as text."""
        return show(expr, schema, functions)

    def type_of(self, dtype: DataType) -> str:
        """Return a type."""
        return type_of(dtype)

    def literal(self, value: Any, dtype: DataType) -> str:
        """Return a constant."""
        return literal(value, dtype)

    def floor_mod(self, text: str, by: int) -> str:
        """Return the remainder, from 0 to by - 1, of a BIGINT."""
        return f"MOD(MOD({text}, {bigint(by)}) + {bigint(by)}, {bigint(by)})"

    def floor_div(self, text: str, by: int) -> str:
        """Return the quotient, rounded down, of a BIGINT that is not negative."""
        return f"({text} / {bigint(by)})"

    def key(self, text: str, dtype: DataType) -> str:
        """Return a value by which rows can be grouped: -0 is 0, one NaN."""
        if dtype.is_float:
            zero = literal(0.0, dtype)
            return f"(CASE WHEN {text} = {zero} THEN {zero} ELSE {text} END)"
        return text

    def parts(self, text: str, dtype: DataType) -> list[str]:
        """Return the items of PARTITION BY that keep different values apart: what sorts them does."""
        return self.sorted_by(text, dtype) if dtype.is_float else [text]

    def sorted_by(self, text: str, dtype: DataType, *, descending: bool = False) -> list[str]:
        """Return the items of ORDER BY: nulls first, NaN last (the other way round where descending)."""
        tail = " DESC" if descending else ""
        if dtype.is_float:  # Flink takes NaN for equal to everything
            kind = f"IF({text} IS NULL, 0, IF({text} <= {INFINITY}, 1, 2))"
            number = f"IF({text} <= {INFINITY}, {text}, CAST(NULL AS {type_of(dtype)}))"
            return [f"{kind}{tail}", f"{number}{tail}"]
        return [f"{text}{tail}"]

    def numbered(self, source: str, count: int, column: str) -> str:
        """Return a FROM item: the rows of a view, each with the numbers 0 to count - 1 in a BIGINT column."""
        numbers = ", ".join(bigint(i) for i in range(count))
        return f"{source} CROSS JOIN UNNEST(ARRAY[{numbers}]) AS numbers({quoted(column)})"

    def prepared(self, item: Item, within: Sequence[str], order: Sequence[str]) -> list[Named]:
        """Return columns to compute before rows are grouped: a mean, so that deviations do not cancel."""
        if item.function == "stddev":
            return [(_mean(item), Over(f"AVG(CAST({item.value} AS DOUBLE))", within))]
        if item.function == "count_distinct":  # DISTINCT splits the other aggregates, which not all of them allow
            alike = [*within, *self.parts(item.value, item.dtype)]
            # any order does, but it must not be that of a constant
            return [(_nth(item), Over("ROW_NUMBER()", alike, order))]
        if item.function in ("min", "max") and item.dtype == BINARY:  # there is no such aggregate of bytes
            tail = " DESC" if item.function == "max" else ""
            ranked = [f"CASE WHEN {item.value} IS NULL THEN 1 ELSE 0 END", f"{item.value}{tail}", *order]
            return [(_extreme_rank(item), Over("ROW_NUMBER()", within, ranked))]
        return []

    def aggregate(self, item: Item, functions: Registry) -> str:
        """Return an aggregate over grouped rows."""
        return _AGGREGATES.get(item.function, _gathered)(item, functions)

    def gathered(self, columns: Sequence[tuple[str, DataType]]) -> str:
        """Return an aggregate that gathers rows as an array of structs, in no order."""
        names = ", ".join(quoted(name) for name, _ in columns)
        kind = ", ".join(f"{quoted(name)} {type_of(dtype)}" for name, dtype in columns)
        return f"ARRAY_AGG(CAST(ROW({names}) AS ROW<{kind}>))"

    def applied(self, source: str, kept: Sequence[str], call: str, rows: Schema) -> str:
        """Return a SELECT of columns of a source and, for each of its rows, the rows that a table function gives."""
        # other names than those of the source, whose columns the call reads
        made = {f.name: quoted(f"{f.name}>") for f in rows}
        picked = [quoted(n) for n in kept] + [f"r.{new} AS {quoted(name)}" for name, new in made.items()]
        columns = ", ".join(made.values())
        return f"SELECT {', '.join(picked)}\nFROM {source}, LATERAL TABLE({call}) AS r({columns})"

    def value(self, struct: str, dtype: DataType) -> str:
        """Return the value in what a called function gives: a NaN comes as a mark, a null would be taken for one."""
        if dtype.is_float:
            return f"(CASE WHEN {struct}.`nan` THEN CAST({NAN} AS {type_of(dtype)}) ELSE {struct}.`value` END)"
        return f"{struct}.`value`"


def _mean(item: Item) -> str:
    return f"{item.name}m"


def _nth(item: Item) -> str:
    return f"{item.name}n"


def _extreme_rank(item: Item) -> str:
    return f"{item.name}{item.function}"


def _count(item: Item, _: Registry) -> str:
    return "COUNT(*)"


def _count_if(item: Item, _: Registry) -> str:
    return f"COUNT(CASE WHEN {item.value} THEN 1 END)"


def _count_distinct(item: Item, _: Registry) -> str:
    return f"COUNT(CASE WHEN {quoted(_nth(item))} = 1 THEN {item.value} END)"


def _sum(item: Item, _: Registry) -> str:
    return f"SUM(CAST({item.value} AS {type_of(item.gives)}))"


def _mean_of(item: Item, _: Registry) -> str:
    if item.dtype.is_integer:
        return f"(CAST(SUM(CAST({item.value} AS {_DECIMAL})) AS DOUBLE) / COUNT({item.value}))"
    return f"AVG(CAST({item.value} AS DOUBLE))"


def _stddev(item: Item, _: Registry) -> str:
    apart = f"(CAST({item.value} AS DOUBLE) - {quoted(_mean(item))})"
    count = f"COUNT({item.value})"
    return f"(CASE WHEN {count} > 1 THEN SQRT(SUM({apart} * {apart}) / ({count} - 1)) END)"


def _extreme(item: Item, _: Registry) -> str:
    name = item.function.upper()
    value = item.value
    if item.dtype == BOOL:
        return f"({name}(CAST({value} AS INT)) = 1)"
    if item.dtype == BINARY:
        return f"FIRST_VALUE(CASE WHEN {quoted(_extreme_rank(item))} = 1 THEN {value} END)"
    if not item.dtype.is_float:
        return f"{name}({value})"
    # NaN is above all numbers, which Flink's comparison does not know
    nan = f"CAST({NAN} AS {type_of(item.dtype)})"
    number = f"IF({value} <= {INFINITY}, {value}, CAST(NULL AS {type_of(item.dtype)}))"
    numbers = f"COUNT({number})"
    if item.function == "min":
        return f"(CASE WHEN {numbers} > 0 THEN MIN({number}) WHEN COUNT({value}) > 0 THEN {nan} END)"
    return f"(CASE WHEN COUNT({value}) > {numbers} THEN {nan} ELSE MAX({number}) END)"


def _first(item: Item, _: Registry) -> str:
    return f"FIRST_VALUE(CASE WHEN {item.rank} = 1 THEN {item.value} END)"


def _collect(item: Item, functions: Registry) -> str:
    kind = f"ROW<`r` BIGINT, `v` {type_of(item.dtype)}>"
    listed = f"ARRAY_AGG(CAST(ROW({item.rank}, {item.value}) AS {kind})) FILTER (WHERE {item.value} IS NOT NULL)"
    taken = list_of(struct_of([Field("r", INT64), Field("v", item.dtype)]))
    return f"COALESCE({functions.value('in_order', ('tables',), listed, taken, item.gives)}, {literal((), item.gives)})"


def _gathered(item: Item, functions: Registry) -> str:
    listed = f"ARRAY_AGG({item.value}) FILTER (WHERE {item.value} IS NOT NULL)"
    modules = ("tables", f"aggregates.{item.function}")
    return functions.value(gathered_fold(item), modules, listed, list_of(item.dtype), item.gives)


_AGGREGATES = {
    "count": _count,
    "count_if": _count_if,
    "count_distinct": _count_distinct,
    "sum": _sum,
    "mean": _mean_of,
    "stddev": _stddev,
    "min": _extreme,
    "max": _extreme,
    "first": _first,
    "last": _first,
    "collect": _collect,
}
