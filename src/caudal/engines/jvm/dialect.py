"""How an engine spells what a lowered plan needs, beyond expressions: the differences between Flink SQL and Spark SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from caudal.core.types import DataType, Schema
from caudal.engines.jvm.relation import LiveSpelling, Named, Spelling, quoted
from caudal.plan.expr import Expr


@dataclass(frozen=True, slots=True)
class Item:
    """An aggregate of a window as its dialect writes it.

    `function`: its name; `name`: the column with its argument, "" for none, `dtype` that one's type, `gives` the result's;
    `options`: what else it was given; `rank`: the text of the row's number in the order that the aggregate takes rows in,
    rows with a value first.
    """

    function: str
    name: str
    dtype: DataType
    gives: DataType
    rank: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def value(self) -> str:
        """The text of the argument; "" where there is none."""
        return quoted(self.name) if self.name else ""


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

    def value(self, made: str, modules: Sequence[str], text: str, takes: DataType, gives: DataType) -> str:
        """Return the text of a call that makes one value of another.

        `made` makes a function from an Arrow array to one of the same length.
        """
        ...


def gathered_fold(item: Item) -> str:
    """Return the Python text that makes what folds lists of all values of a group (`worker.aggregates`)."""
    options = "".join(f", {name}={value!r}" for name, value in item.options)
    return f"folded({item.function}({item.dtype.spec!r}, {item.gives.spec!r}{options}))"


class Dialect(Spelling, Protocol):
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

    def prepared(self, item: Item, within: Sequence[str], order: Sequence[str]) -> list[Named]:
        """Return columns to compute before rows are grouped, which `aggregate` reads beside.

        `within`: the items of PARTITION BY that make a group; `order`: what orders its rows.
        """
        ...

    def aggregate(self, item: Item, functions: Any) -> str:
        """Return an aggregate over grouped rows."""
        ...

    def gathered(self, columns: Sequence[tuple[str, DataType]]) -> str:
        """Return an aggregate that gathers rows as an array of structs, in no order."""
        ...

    def value(self, struct: str, dtype: DataType) -> str:
        """Return the value in the struct that a called function gives."""
        ...


class LiveDialect(Dialect, LiveSpelling, Protocol):
    """That of an engine which takes unbounded input."""

    def streamed(self, item: Item, functions: Any) -> str:
        """Return an aggregate over grouped rows that come and come; `item.rank`: the struct that orders them."""
        ...
