"""A plan as a sequence of views: one or more for each operator, in the plan's order.

Over bounded input every window closes at the end of data, so an operator is a query over all its rows; what differs over
unbounded input is in `streaming`. What is late depends on a row and the W_p that it carries, and the pinned order on its
place; both are hidden columns (`hidden_columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import INT32, INT64, DataType, Schema
from caudal.engines.jvm import lookups, positions, sides, stateless, steps, streaming, windows
from caudal.engines.jvm.dialect import Dialect
from caudal.engines.jvm.hidden_columns import (
    NUMBER,
    PARTITION,
    POSITION,
    SOURCE,
    TIME,
    WATERMARK,
    check_names,
    handed_over,
    placed,
)
from caudal.engines.jvm.lookups import TableInput
from caudal.engines.jvm.reading import Native
from caudal.engines.jvm.relation import Named, Relation, Union, View, kept, printed, quoted
from caudal.engines.jvm.relation import column as named
from caudal.engines.jvm.shape import hidden
from caudal.engines.jvm.usercode import UserCode
from caudal.plan.expr import Expr
from caudal.plan.nodes import (
    Copies,
    DeadLetters,
    Explode,
    Filter,
    FlatMap,
    Fused,
    Keyed,
    Late,
    Lookup,
    Map,
    Node,
    Punctual,
    Select,
    Shuffle,
    Sink,
    Source,
    Staged,
    WindowAggregate,
    WindowApply,
    WindowTop,
    WithColumns,
)
from caudal.plan.nodes import Union as UnionNode
from caudal.plan.plan import Plan, with_inputs


@dataclass(frozen=True, slots=True)
class Made:
    """A named relation. `shared`: several read it and it is expensive: worth keeping where it would be computed again."""

    name: str
    relation: Relation
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """A source as a script reads it: a table with the columns, the hidden ones among them, and one of dead letters.

    `rank`: its number in the order of all operators' ids.
    """

    node: Source
    rank: int
    rows: str
    dead: str
    columns: Schema


@dataclass(frozen=True, slots=True)
class Output:
    """What a sink takes: a view and its columns."""

    sink: Sink
    view: View
    columns: Schema


@dataclass(frozen=True, slots=True)
class Count:
    """A number that the ledger wants: rows of a view that are "late" or "dead" for an operator, or "taken" by a source.

    "step" counts the marks that a live job has read.
    """

    operator: str
    fate: str
    view: View


@dataclass(slots=True)
class Lowered:
    """A plan as views, and what a script needs around them."""

    plan: Plan
    prefix: str = ""
    made: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Operators whose rows have places of their own, with their ranks."""
    names_used: bool = False
    """Whether a view reads what partitions are called."""
    inputs: list[Input] = field(default_factory=list[Input])
    views: list[Made] = field(default_factory=list[Made])
    outputs: list[Output] = field(default_factory=list[Output])
    natives: list[tuple[Native, list[str]]] = field(default_factory=list[tuple[Native, list[str]]])
    """Sources that the engine reads by itself, each with the names of its tables."""
    tables: list[TableInput] = field(default_factory=list[TableInput])
    """What lookups look things up in."""
    counts: list[Count] = field(default_factory=list[Count])


class Lowering:
    """Lowers one plan. `prefix` stands before the names of all its views: a script can hold several plans."""

    def __init__(
        self,
        plan: Plan,
        dialect: Dialect,
        functions: Any,
        code: UserCode,
        *,
        native: Mapping[str, Native] | None = None,
        prefix: str = "",
        number: int = 0,
        live: bool = False,
    ) -> None:
        """`plan`: rewritten, with every operator's id as its name.

        `live`: the input goes on (see `streaming`); `number`: that of the plan in its script.
        `native`: how sources are read by the engine's own readers, which know no W_p and no place: nothing is late then.
        Raises `PlanError`, located at the operator, for what this engine cannot do.
        """
        check_names(plan)
        self.plan = plan
        self.dialect = dialect
        self.functions = functions
        self.code = code
        self.native = native is not None
        self._natives = native or {}
        self.prefix = prefix
        self.number = number
        self.live = live
        self.placed = placed(plan, sides=native is None)
        self.ranks = {name: i for i, name in enumerate(sorted((n.name for n in plan.nodes), key=str.encode))}
        self.out = Lowered(plan, prefix, [(n.name, self.ranks[n.name]) for n in plan.nodes if isinstance(n, Keyed)])
        self._views: dict[Node, View] = {}
        self.tables: dict[str, TableInput] = {}
        """What lookups look things up in, by what those have in common that share one."""
        self.epoch = streaming.epoch_of(plan)
        self.positions: dict[Node, DataType] = {}
        """For unbounded input: the type of the rows' positions; only those of one type can be compared."""
        self.ordered = placed(plan, sides=False)
        """Nodes whose rows must carry a place, late rows and dead letters aside."""
        self.sides: dict[tuple[Node, str], Relation] = {}
        """Late rows and dead letters, by operator and fate."""

    def lowered(self) -> Lowered:
        """Return the plan as views."""
        for node in self.plan.nodes:
            try:
                self._lower(node)
            except PlanError as error:
                raise error.at(node.name) from None
        sides.count(self)
        if self.live:
            self.count(View(f"{self.prefix}marks"), "", "step")  # which tells how far the job has come
        return self.out

    def _lower(self, node: Node) -> None:
        lower = STEPS if node.step is not None else LIVE.get(type(node)) if self.live else None
        lower = lower or LOWER.get(type(node))
        if lower is None:
            raise PlanError(f"the operator {node.kind} is not known to {self.dialect.engine}")
        if self.live:
            self.positions[node] = positions.position_type(self, node)
        made = lower(self, node)
        if made is not None:
            self._views[node] = made

    # What operators are made of.

    def view(self, node: Node, what: str, relation: Relation, *, shared: bool = False) -> View:
        """Give a relation of a node a name. `what` tells several of one node apart."""
        name = f"{self.prefix}{node.name}{what and ' ' + what}"
        self.out.views.append(Made(name, relation, shared))
        return View(name)

    def of(self, node: Node) -> View:
        """Return the view of a node that was lowered before."""
        return self._views[node]

    def printed(self, relation: Relation) -> str:
        """Return a relation as a query."""
        return printed(relation, self.dialect)

    def count(self, view: View, operator: str, fate: str) -> None:
        """Have the rows of a view counted."""
        self.out.counts.append(Count(operator, fate, view))

    def show(self, expr: Expr, schema: Schema, wanted: DataType | None = None) -> str:
        """Return an expression as text."""
        text = self.dialect.show(expr, schema, self.functions)
        if wanted is None or self.dialect.type_of(expr.dtype(schema)) == self.dialect.type_of(wanted):
            return text
        return f"CAST({text} AS {self.dialect.type_of(wanted)})"

    def whole(self, value: int, dtype: DataType = INT64) -> str:
        """Return a constant integer."""
        return self.dialect.literal(value, dtype)

    def hidden(self, node: Node) -> list[str]:
        """Return the names of the hidden columns of a node's rows."""
        return [f.name for f in hidden(node, node in self.placed)]

    def columns(self, node: Node) -> list[Named]:
        """Return all columns of a node's rows, kept as they are."""
        return kept([*(named(n) for n in node.schema.names), *self.hidden(node)])

    def place(self, node: Node, position: object, number: str = "") -> list[Named]:
        """Return the place of rows that an operator makes; [] where nobody asks for it.

        `position`: the text of theirs; `number`: that of what tells apart those of one position, 0 by default.
        """
        if node not in self.placed:
            return []
        return [
            (SOURCE, self.whole(self.ranks[node.name], INT32)),
            (PARTITION, self.whole(0)),
            (POSITION, position),
            (NUMBER, number or self.whole(0)),
        ]

    @property
    def marks(self) -> View:
        """The table of how far the sources have come, for unbounded input."""
        return View(f"{self.prefix}marks")

    def in_time(self, arrival: bool = False) -> list[str]:
        """Return the condition under which a row comes in time where there are no fixed windows; [] where all do."""
        if self.native or arrival:
            return []
        return [f"({quoted(WATERMARK)} IS NULL OR {quoted(TIME)} >= {quoted(WATERMARK)})"]

    # Sources and sinks.

    def source(self, node: Source) -> View:
        """Lower a source whose rows are handed over."""
        if self.native:
            return self._native(node)
        rank = self.ranks[node.name]
        staged = isinstance(node, Staged)
        if staged and self.live:
            raise streaming.refused(
                self, "with_event_time", "rows are numbered within their records over bounded input alone"
            )
        table = f"{self.prefix}{node.name} input"
        self.out.inputs.append(Input(node, rank, table, f"{self.prefix}{node.name} letters", handed_over(node)))
        picked: list[Named] = [(named(n), quoted(n)) for n in node.schema.names]
        picked += kept([TIME, WATERMARK] if node.timed else [WATERMARK])
        if node in self.placed:
            picked += [(SOURCE, self.whole(rank, INT32)), *kept([PARTITION, POSITION])]
            picked.append((NUMBER, quoted(NUMBER) if staged else self.whole(0)))
        return self.view(node, "", View(table).project(picked))

    def _native(self, node: Source) -> View:
        """Return the view of a source that the engine reads by itself: rows without an event time are left out."""
        way = self._natives[node.name]
        tables = [f"{self.prefix}{node.name} input"]
        if self.dialect.one_path and len(way.files.paths) > 1:
            tables = [f"{tables[0]} {i + 1}" for i in range(len(way.files.paths))]
        self.out.natives.append((way, tables))
        read: list[Named] = [(named(f.name), quoted(f.name)) for f in way.columns]
        parts = [View(table).project(read) for table in tables]
        rows: Relation = parts[0] if len(parts) == 1 else Union(tuple(parts))
        picked = kept(named(n) for n in node.schema.names)
        nothing: Named = (WATERMARK, "CAST(NULL AS BIGINT)")
        if way.time is None:
            return self._counted(node, rows.project([*picked, nothing]))
        timed = rows.plus((TIME, self.show(way.time, way.columns)))
        return self._counted(
            node, timed.where(f"{quoted(TIME)} IS NOT NULL").project([*picked, *kept([TIME]), nothing])
        )

    def _counted(self, node: Source, rows: Relation) -> View:
        view = self.view(node, "", rows)
        self.count(view, node.name, "taken")
        return view

    def sink(self, node: Sink) -> None:
        """Lower a sink."""
        if node.identity:
            raise PlanError(
                f"a row's identity is not known on {self.dialect.engine}", hint="leave out identity=, or run it locally"
            )
        if not (self.native and isinstance(node.input, Late | DeadLetters)):  # of which there are none then
            self.out.outputs.append(Output(node, self.of(node.input), node.input.schema))


def unfused(plan: Plan) -> Plan:
    """Return a plan without chains: an engine of its own process fuses as it sees fit."""

    def change(node: Node, new: dict[Node, Node]) -> Node:
        if not isinstance(node, Fused):
            return node
        made = node.input
        for step in node.steps:
            made = with_inputs(step, [made])
        return made

    return plan.rebuild(change)


Lower = Callable[[Lowering, Any], View | None]

LIVE: dict[type[Node], Lower] = {
    WindowAggregate: streaming.aggregate,
    WindowTop: streaming.top,
    WindowApply: streaming.apply,
}
"""Operators that are lowered otherwise over unbounded input."""

LOWER: dict[type[Node], Lower] = {
    Source: Lowering.source,
    Staged: Lowering.source,
    Sink: Lowering.sink,
    Filter: stateless.filter_,
    Select: stateless.select,
    WithColumns: stateless.with_columns,
    UnionNode: stateless.union,
    Shuffle: stateless.shuffle,
    Copies: stateless.copies,
    Map: stateless.map_,
    Punctual: stateless.punctual,
    FlatMap: stateless.map_,
    Lookup: lookups.lookup,
    Explode: stateless.explode,
    Late: sides.late,
    DeadLetters: sides.dead,
    WindowAggregate: windows.aggregate,
    WindowTop: windows.top,
    WindowApply: windows.apply,
}
"""How operators are lowered that are no keyed step (`Node.step`)."""

STEPS: Lower = steps.lower
