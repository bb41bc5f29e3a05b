"""Spark SQL for what a lowered plan needs beyond expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caudal.core.types import DataType, Schema, list_of
from caudal.engines.jvm.dialect import Item, gathered_fold
from caudal.engines.jvm.relation import Named, quoted
from caudal.engines.spark.expressions import show
from caudal.engines.spark.expressions.spelling import literal, type_of
from caudal.engines.spark.registry import Registry
from caudal.plan.expr import Expr


class SparkDialect:
    """Keeps `engines.jvm.dialect.Dialect`."""

    engine = "spark"
    one_path = False
    reads = ("json", "csv", "parquet")

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
        return f"pmod({text}, {by}L)"

    def floor_div(self, text: str, by: int) -> str:
        """Return the quotient, rounded down, of a BIGINT that is not negative."""
        return f"({text} div {by}L)"

    def key(self, text: str, dtype: DataType) -> str:
        """Return a value by which rows can be grouped: Spark takes -0 for 0 and has one NaN by itself."""
        return text

    def parts(self, text: str, dtype: DataType) -> list[str]:
        """Return the items of PARTITION BY that keep different values apart."""
        return [text]

    def sorted_by(self, text: str, dtype: DataType, *, descending: bool = False) -> list[str]:
        """Return the items of ORDER BY: nulls first, NaN last, as Spark has it (the other way round where descending)."""
        return [f"{text} DESC" if descending else text]

    def numbered(self, source: str, count: int, column: str) -> str:
        """Return a FROM item: the rows of a view, each with the numbers 0 to count - 1 in a BIGINT column."""
        return f"{source} LATERAL VIEW explode(sequence(0L, {count - 1}L)) numbers AS {quoted(column)}"

    def unnested(self, source: str, items: str, number: str, item: str) -> str:
        """Return a FROM item: the rows of another, each with every item of a list and its number, from 0 on."""
        return f"{source} LATERAL VIEW posexplode({quoted(items)}) items AS {quoted(number)}, {quoted(item)}"

    def prepared(self, item: Item, within: Sequence[str], order: Sequence[str]) -> list[Named]:
        """Return columns to compute before rows are grouped: none."""
        return []

    def aggregate(self, item: Item, functions: Registry) -> str:
        """Return an aggregate over grouped rows."""
        value = item.value
        match item.function:
            case "count":
                return "COUNT(*)"
            case "count_if":
                return f"COUNT(CASE WHEN {value} THEN 1 END)"
            case "count_distinct":
                return f"COUNT(DISTINCT {value})"
            case "sum":
                return f"SUM(CAST({value} AS {type_of(item.gives)}))"
            case "mean" if item.dtype.is_integer:
                return f"(CAST(SUM(CAST({value} AS DECIMAL(20, 0))) AS DOUBLE) / COUNT({value}))"
            case "mean":
                return f"AVG(CAST({value} AS DOUBLE))"
            case "stddev":
                return f"STDDEV_SAMP(CAST({value} AS DOUBLE))"
            case "first" | "last":
                return f"FIRST(CASE WHEN {item.rank} = 1 THEN {value} END, TRUE)"
            case "collect":
                listed = f"COLLECT_LIST(struct({item.rank} AS r, {value} AS v)) FILTER (WHERE {value} IS NOT NULL)"
                return f"transform(array_sort({listed}), x -> x.v)"
            case "min" | "max":
                return f"{item.function.upper()}({value})"
            case _:
                modules = ("tables", f"aggregates.{item.function}")
                listed = f"COLLECT_LIST({value})"
                return functions.value(gathered_fold(item), modules, listed, list_of(item.dtype), item.gives)

    def streamed(self, item: Item, functions: Registry) -> str:
        """Return an aggregate over grouped rows that come and come; `item.rank`: the struct that orders them."""
        value = item.value
        present = f"FILTER (WHERE {value} IS NOT NULL)"
        match item.function:
            case "first":
                return f"MIN_BY({value}, {item.rank}) {present}"
            case "last":
                return f"MAX_BY({value}, {item.rank}) {present}"
            case "collect":
                return (
                    f"transform(array_sort(COLLECT_LIST(struct({item.rank} AS r, {value} AS v)) {present}), x -> x.v)"
                )
            case "count_distinct" if item.dtype.is_float:
                one = f"CASE WHEN isnan({value}) THEN CAST('NaN' AS {type_of(item.dtype)}) ELSE {value} + 0 END"
                return f"CAST(size(COLLECT_SET(CAST({one} AS {type_of(item.dtype)}))) AS BIGINT)"
            case "count_distinct":
                return f"CAST(size(COLLECT_SET({value})) AS BIGINT)"
            case _:
                return self.aggregate(item, functions)

    def gathered(self, columns: Sequence[tuple[str, DataType]]) -> str:
        """Return an aggregate that gathers rows as an array of structs, in no order."""
        return f"COLLECT_LIST(struct({', '.join(quoted(name) for name, _ in columns)}))"

    def applied(self, source: str, kept: Sequence[str], call: str, rows: Schema) -> str:
        """Return a SELECT of columns of a source and, for each of its rows, the rows that a table function gives."""
        columns = ", ".join(quoted(n) for n in kept)
        made = ", ".join(quoted(f.name) for f in rows)
        inner = f"SELECT {columns}{columns and ', '}{call} AS `__made` FROM {source}"
        return f"SELECT {columns}{columns and ', '}{made}\nFROM (\n{inner}\n) AS c\nLATERAL VIEW inline(`__made`) r AS {made}"

    def value(self, struct: str, dtype: DataType) -> str:
        """Return the value in what a called function gives."""
        return f"{struct}.`value`"
