"""Further nodes: what calls functions row by row, what copies rows, and the stateful operators beside aggregates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import INT64, Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.plan.nodes import Keyed, Node, refuse_calls, refuse_reserved, window_reads, windowed_fields
from caudal.plan.python import JIT, ROW, PythonFunction
from caudal.plan.windows import PINNED, Order, Sliding, Window


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Map(Node):
    """One row for each row: what a function makes of it. The row keeps its event time, whatever its columns say."""

    kind: ClassVar[str] = "map"
    input: Node
    function: PythonFunction
    output: Schema

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError(f"{self.kind} needs the schema of what the function gives", hint='schema={"x": "float64"}')
        if self.function.kind == JIT:
            raise self.function.error(
                "a compiled function takes scalars, not rows",
                hint="call it in an expression: .with_columns(y=f(col('x')))",
            )
        self.function.check_takes("row" if self.function.kind == ROW else "frame")
        return self.output, self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    def describe(self) -> str:
        return f"{self.function.name} ({self.function.kind} function)"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FlatMap(Map):
    """Any number of rows for each row, all with its event time."""

    kind: ClassVar[str] = "flat_map"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Shuffle(Node):
    """The same rows, told to be free to go to any core: what every stateless operator's rows are anyway."""

    kind: ClassVar[str] = "shuffle"
    input: Node

    def derive(self) -> tuple[Schema, bool]:
        return self.input.schema, self.input.timed


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Copies(Node):
    """Each row once for each of `instances` instances, whose number stands in `column` (Storm's all grouping)."""

    kind: ClassVar[str] = "all"
    input: Node
    instances: int
    column: str

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.instances, int) or isinstance(self.instances, bool) or self.instances < 1:
            raise PlanError(f"rows cannot go to {self.instances!r} instances", hint="write .all(3), a whole number")
        return Schema([*self.input.schema, Field(self.column, INT64)]), self.input.timed

    def describe(self) -> str:
        return f"to {self.instances} instances, numbered in '{self.column}'"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowApply(Keyed):
    """What a function makes of all rows of a key and window, as a frame or as arrays: keys, bounds, its columns."""

    kind: ClassVar[str] = "apply"
    window: Window
    function: PythonFunction
    output: Schema

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError("apply needs the schema of what the function gives", hint='schema={"x": "float64"}')
        names = self.input.schema.names
        if self.function.kind != JIT:
            self.function.check_takes("frame")
        for parameter in self.function.parameters if self.function.kind == JIT else ():
            if parameter.name not in names:
                self.input.schema[parameter.name]  # raises with the nearest name
        refuse_reserved(names)
        refuse_reserved(self.output.names)
        return Schema([*windowed_fields(self, self.window), *self.output]), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    @property
    def takes(self) -> tuple[str, ...]:
        """The input columns that the function gets: those of its parameters' names if it is compiled, else all."""
        if self.function.kind == JIT:
            return tuple(p.name for p in self.function.parameters)
        return self.input.schema.names

    def reads(self) -> frozenset[str]:
        """Return the input columns that keys, function and window read."""
        return Keyed.reads(self) | window_reads(self.window) | frozenset(self.takes)

    def describe(self) -> str:
        return f"{self.show_keys()}in {self.window}: {self.function.name} ({self.function.kind} function)"


Ranking = tuple[tuple[Expr, bool], ...]
"""What rows are ranked by: (expression, whether the largest comes first), ties by the next."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowTop(Keyed):
    """The rows of each key and window in the order of `by`, only the first `limit` of them (0: all).

    Rows that tie stand in pinned order. Keys, window_start and window_end stand before the rows' own columns.
    """

    kind: ClassVar[str] = "top"
    window: Window
    by: Ranking
    limit: int = 0

    def derive(self) -> tuple[Schema, bool]:
        if self.limit < 0:
            raise PlanError(f"top cannot give {self.limit} rows", hint="top(10, by='bytes')")
        if not self.by:
            raise PlanError("top and sort need by=", hint="for example by='bytes'")
        for expr, _ in self.by:
            refuse_calls((expr,))
            if expr.dtype(self.input.schema).is_nested:
                raise PlanError(f"rows cannot be ranked by a {expr.dtype(self.input.schema)}", detail=f"by {expr}")
        refuse_reserved(self.input.schema.names)
        fields = windowed_fields(self, self.window)
        taken = {f.name for f in fields}
        return Schema([*fields, *(f for f in self.input.schema if f.name not in taken)]), self.input.timed

    def reads(self) -> frozenset[str]:
        """Return the input columns that keys, ranking and window read, and those that are passed on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        ranked = ", ".join(f"{expr}{' descending' if descending else ''}" for expr, descending in self.by)
        return f"{self.show_keys()}in {self.window}: {f'first {self.limit} ' if self.limit else ''}by {ranked}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Running(Keyed):
    """A row for each row: its own columns (keys that are none of them too), and aggregates over the frame up to it."""

    kind: ClassVar[str] = "running"
    frame: Sliding
    aggregates: tuple[tuple[str, Aggregate], ...]

    def derive(self) -> tuple[Schema, bool]:
        if not self.aggregates:
            raise PlanError("aggregates are missing", hint="for example total=cd.count()")
        _ordered(self, self.frame.order)
        source = self.input.schema
        fields = [*source, *(f for f in self.key_fields() if f.name not in source)]
        fields += [Field(name, aggregate.dtype(source)) for name, aggregate in self.aggregates]
        refuse_calls(e for _, a in self.aggregates for e in a.expressions())
        return Schema(fields), self.input.timed

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        shown = ", ".join(f"{n}={a}" for n, a in self.aggregates)
        return f"{self.show_keys()}over {self.frame}: {shown}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Deduplicate(Keyed):
    """The rows whose key no row had that was passed on in the `within` milliseconds before, inclusive (0: ever)."""

    kind: ClassVar[str] = "deduplicate"
    within: int = 0
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if self.within < 0:
            raise PlanError("within must be greater than zero", hint="within='10m'")
        if not self.keys:
            raise PlanError("deduplicate needs keys", hint="deduplicate('eventid', within='10m')")
        if self.within and self.order.arrival:
            raise PlanError("within= is in event time, which order='arrival' does not follow", hint="leave out one")
        _ordered(self, self.order)
        self.key_fields()
        return self.input.schema, self.input.timed

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}within {duration.show(self.within) if self.within else 'all time'}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Reduce(Keyed):
    """A row for each row: its keys, and the state of its key behind it, which a function makes of state and row."""

    kind: ClassVar[str] = "reduce"
    function: PythonFunction
    output: Schema
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError("reduce needs the schema of its state", hint='schema={"total": "int64"}')
        if self.function.kind != "row":
            raise self.function.error(
                f"reduce takes a plain function of state and row, not a {self.function.kind} function",
                hint="def f(state, row): return {...}",
            )
        self.function.check_takes("state", "row")
        _ordered(self, self.order)
        return Schema([*self.key_fields(), *self.output]), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    def reads(self) -> frozenset[str]:
        """Return the input columns that the function may read: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}by {self.function.name} ({self.function.kind} function), {self.order}"


def _ordered(node: Keyed, order: Order) -> None:
    """Raise `PlanError` where rows have no order to be taken in."""
    if not node.input.timed and not order.arrival:
        raise PlanError(
            f"{node.kind} takes rows in the order of event time, and the source has none",
            hint="give the source event_time='...', or take rows as they come: order='arrival'",
        )
    refuse_calls(order.by)
    for expr in order.by:
        if expr.dtype(node.input.schema).is_nested:
            raise PlanError(f"rows cannot be ordered by a {expr.dtype(node.input.schema)}", detail=f"order_by {expr}")
