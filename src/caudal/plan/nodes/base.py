"""What every node is, and the facts that it knows about itself.

Who walks plans (projection, explain, the wire form, what decides, what depends on the clock, the ledger) asks nodes for these and
knows no kinds, so a new operator is one file here beside what runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, ClassVar

from caudal.core.errors import PlanError
from caudal.core.naming import cut
from caudal.core.types import Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr
from caudal.plan.python import PythonFunction, calls
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import Order

Pairs = tuple[tuple[str, Any], ...]
Named = tuple[tuple[str, Expr], ...]
Aggregates = tuple[tuple[str, Aggregate], ...]

NO_TIME = (
    "give the source event_time='...'; where times stand in the items of a list, give them to its rows: "
    '.explode("Records").with_event_time("eventTime")'
)


LATER = {"later": True}
"""Metadata of a field that came later than its node: at its default it does not stand in JSON, so that what was stored before fits."""


class Role(Enum):
    """What an expression is for, where it makes no column."""

    TIME = "event time"
    FILTER = "filter"
    KEY = "key"
    RANK = "rank"
    ORDER = "order"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Computed:
    """A column that an expression makes of one row of the input: a column itself where it is passed on."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Key:
    """A column that holds a key by which rows are brought together: what an expression makes of each of them."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Aggregated:
    """A column that an aggregate makes of several rows of the input."""

    aggregate: Aggregate


@dataclass(frozen=True, slots=True)
class Called:
    """A column that a Python function makes of these columns of the input's rows."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Own:
    """A column that the operator itself knows: a window's bounds, an instance's number, where a late row came from."""


Result = Computed | Key | Aggregated | Called | Own
"""Where a column comes from."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Node:
    """A node: its inputs, the schema of what it emits, whether its rows carry event time.

    `name` is the user's `name=`, or "" (the plan then derives an id from kind and upstream).
    """

    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, type[Node]]] = {}
    """Every kind of node by its name."""
    port: ClassVar[str] = "out"
    """Which port of its input it reads: its rows, or the "late" or "dead" ones."""
    shape: ClassVar[str] = "step"
    """How it is drawn: an "end" of the plan, one with "state", or a "step"."""
    row_wise: ClassVar[bool] = False
    """Whether each of its rows is one of the input's, with the same or other columns; some may be left out."""
    multiplies: ClassVar[bool] = False
    """Whether it makes any number of rows of one."""
    name: str = ""
    schema: Schema = field(init=False, repr=False)
    timed: bool = field(init=False, repr=False)

    def __init_subclass__(cls) -> None:
        if cls.kind:
            Node.kinds[cls.kind] = cls

    # -- what it is made of ------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes this one reads, in order."""
        source = getattr(self, "input", None)
        return () if source is None else (source,)

    def over(self, inputs: Sequence[Node]) -> Node:
        """Return the node over other inputs."""
        (source,) = inputs
        return replace(self, input=source)  # type: ignore[call-arg]

    def even(self, inputs: Sequence[Node]) -> Node:
        """Return the node over inputs of which some carry more columns than they did."""
        return self.over(inputs)

    def derive(self) -> tuple[Schema, bool]:
        """Return (schema, timed); raises `PlanError` where the node does not fit its inputs."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return one line of detail for explain."""
        return ""

    @property
    def moves(self) -> str:
        """What of it is free to move between cores, for explain."""
        return "free: any core takes any morsel"

    def details(self) -> Iterator[str]:
        """Yield lines of detail for explain."""
        if self.describe():
            yield self.describe()

    # -- what it reads and makes -------------------------------------------------------------------------------------

    @property
    def rows_of(self) -> tuple[Node, ...]:
        """The nodes whose rows `roles` and `results` are about."""
        return self.inputs

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        """Yield the expressions over a row of the input that make no column, with what they are for."""
        yield from ()

    def results(self) -> Mapping[str, Result]:
        """Return where each of its columns comes from."""
        return passed(self.schema)

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        """Return the columns that are needed of the nodes above if `used` of its own are.

        What a Python function computes is needed even so: whether a row becomes a dead letter must not depend on who reads it.
        """
        columns: set[str] = set().union(*(expr.columns() for _, expr in self.roles()))
        for name, result in self.results().items():
            if isinstance(result, Computed) and (name in used or calls(result.expr)):
                columns |= result.expr.columns()
            elif isinstance(result, Called) or (isinstance(result, Aggregated) and name in used):
                columns |= set(result.columns if isinstance(result, Called) else result.aggregate.reads())
        return dict.fromkeys(self.rows_of, columns)

    def trimmed(self, used: Set[str]) -> Node:
        """Return the node without the columns that nobody uses, where it can do without."""
        return self

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The Python functions that it calls: a row that one of them fails on becomes a dead letter of this node."""
        made = [result.expr for result in self.results().values() if isinstance(result, Computed)]
        return called([*(expr for _, expr in self.roles()), *made])

    @property
    def has_dead(self) -> bool:
        """Whether it has an output port of dead letters."""
        return bool(self.functions)

    @property
    def ordering(self) -> Order | None:
        """The order in which it takes rows, None where it takes them in any."""
        return None

    @property
    def step(self) -> KeyedStep | None:
        """How it walks the rows of each key, where it is a keyed step."""
        return None

    @property
    def needs_end(self) -> str:
        """Why it cannot be run over a source that goes on for ever, "" where it can."""
        return ""

    @property
    def identified(self) -> bool:
        """Whether its rows are known by their source record, or by key and window, not by how many came before."""
        return all(above.identified for above in self.rows_of)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that tell its rows apart, () where that is not known."""
        return ()

    @property
    def makes(self) -> str:
        """What decides which rows there are, in words, equal where two operators are alike."""
        return self.kind

    def __repr__(self) -> str:
        return f"<{' '.join(part for part in (self.kind, self.name, cut(self.describe(), 160)) if part)}>"

    def __post_init__(self) -> None:
        try:
            schema, timed = self.derive()
        except PlanError as error:
            raise error.at(f"{self.kind} '{self.name}'" if self.name else self.kind) from None
        object.__setattr__(self, "schema", schema)
        object.__setattr__(self, "timed", timed)


def passed(schema: Schema) -> dict[str, Result]:
    """Return the columns of a schema as what is passed on of them."""
    return {name: Computed(Column(name)) for name in schema.names}


def passed_on(node: Node) -> dict[str, str]:
    """Return which columns of the input a node passes on, by the names that they have in its rows."""
    return {
        name: made.expr.name
        for name, made in node.results().items()
        if isinstance(made, Computed) and isinstance(made.expr, Column)
    }


def refuse_calls(exprs: Iterable[Expr]) -> None:
    """Raise `PlanError` for a Python function where rows are grouped, ordered or folded: it may fail for single rows."""
    for function in called(exprs):
        raise function.error(
            f"{function.name}() is called in a key or an aggregate", hint="compute it in a with_columns before"
        )


def called(exprs: Iterable[Expr]) -> tuple[PythonFunction, ...]:
    """Return the Python functions that expressions call."""
    return tuple(call.function for expr in exprs for call in calls(expr))


def named_schema(columns: Named, over: Schema) -> Schema:
    """Return the schema of named expressions."""
    return Schema([Field(name, expr.dtype(over)) for name, expr in columns])


def label(name: str, expr: Expr) -> str:
    """Return a named expression as explain shows it."""
    text = str(expr)
    return name if text == name else f"{name}={text}"


def show_named(columns: Named) -> str:
    """Return named expressions as explain shows them."""
    return ", ".join(label(n, e) for n, e in columns)
