"""How an engine spells what a lowered plan needs, beyond expressions: the differences between Flink SQL and Spark SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from caudal.core.types import DataType, Schema
from caudal.plan.expr import Expr


@dataclass(frozen=True, slots=True)
class Item:
    """An aggregate of a window as its dialect writes it.

    `function`: its name; `value`: the column with its argument, `dtype` that one's type, `gives` the result's;
    `rank`: the column with the row's number in the order that the aggregate takes rows in, rows with a value first.
    """

    function: str
    value: str
    dtype: DataType
    gives: DataType
    rank: str = ""


Arguments = Sequence[tuple[str, DataType]]
"""The arguments of a call: the text and the type of each."""


class Functions(Protocol):
    """What collects the functions that the texts of a script call, and writes what registers them."""

    @property
    def modules(self) -> list[str]:
        """The modules that `source` takes names from: none where nothing runs in a Python worker."""
        ...

    def source(self) -> str:
        """Return the Python text that registers all of them; "" where there are none."""
        ...

    def call(self, made: str, modules: Sequence[str], arguments: Arguments, returns: DataType) -> str:
        """Return the text of a call that gives a struct of `value`, `reason`, `message` and `detail`: see `Dialect.value`.

        `made`: the Python text that makes the function, one of Arrow arrays; `modules`: the shipped modules it needs.
        """
        ...

    def table(self, made: str, modules: Sequence[str], arguments: Arguments, rows: Schema) -> str:
        """Return the text of a call that gives rows, for `Dialect.applied`.

        `made` makes a function of Arrow arrays, one for each argument, that gives a list of structs for each row.
        """
        ...


class Dialect(Protocol):
    """An engine's SQL. All texts are expressions or clauses over columns in backticks."""

    engine: str
    one_path: bool
    """Whether a table of files is made of one path only."""
    reads: Sequence[str]
    """The formats that the engine has readers of."""

    def functions(self) -> Any:
        """Return a new, empty collection of functions: a `Functions`, which `show` adds to."""
        ...

    def show(self, expr: Expr, schema: Schema, functions: Any) -> str:
        """Return an expression of the plan as text."""
        ...

    def type_of(self, dtype: DataType) -> str:
        """Return a type."""
        ...

    def literal(self, value: Any, dtype: DataType) -> str:
        """Return a constant."""
        ...

    def floor_mod(self, text: str, by: int) -> str:
        """Return the remainder, from 0 to by - 1, of a BIGINT."""
        ...

    def floor_div(self, text: str, by: int) -> str:
        """Return the quotient, rounded down, of a BIGINT."""
        ...

    def key(self, text: str, dtype: DataType) -> str:
        """Return a value by which rows can be grouped: -0 is 0, one NaN."""
        ...

    def parts(self, text: str, dtype: DataType) -> list[str]:
        """Return the items of PARTITION BY that keep different values apart."""
        ...

    def sorted_by(self, text: str, dtype: DataType, *, descending: bool = False) -> list[str]:
        """Return the items of ORDER BY: nulls first, NaN last (the other way round where descending)."""
        ...

    def numbered(self, source: str, count: int, column: str) -> str:
        """Return a FROM item: the rows of a view `x`, each with the numbers 0 to count - 1 in a BIGINT column."""
        ...

    def prepared(self, item: Item, within: Sequence[str], order: Sequence[str]) -> dict[str, str]:
        """Return columns, by name, to compute before rows are grouped, which `aggregate` reads beside.

        `within`: the items of PARTITION BY that make a group; `order`: what orders its rows.
        """
        ...

    def aggregate(self, item: Item, functions: Any) -> str:
        """Return an aggregate over grouped rows."""
        ...

    def gathered(self, columns: Sequence[tuple[str, DataType]]) -> str:
        """Return an aggregate that gathers rows as an array of structs, in no order."""
        ...

    def applied(self, source: str, kept: Sequence[str], call: str, rows: Schema) -> str:
        """Return a SELECT of columns of a source and, for each of its rows, the rows that a table function gives."""
        ...

    def value(self, struct: str, dtype: DataType) -> str:
        """Return the value in the struct that a called function gives."""
        ...


class LiveDialect(Dialect, Protocol):
    """That of an engine which takes input that goes on."""

    def streamed(self, item: Item, functions: Any) -> str:
        """Return an aggregate over grouped rows that come and come; `item.rank`: the struct that orders them."""
        ...
