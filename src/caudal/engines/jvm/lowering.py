"""A plan as a sequence of SQL views: one or more for each operator, in the plan's order.

Over bounded input every window closes at the end of data, so an operator is a query over all its rows; what differs over
input that goes on is in `streaming`. What is late hangs on a row and the W_p that it carries, and the pinned order on its
place; both are hidden columns (`places`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import INT32, INT64, STRING, DataType, Field, Schema
from caudal.engines.jvm import sequences, streaming, walks, windows
from caudal.engines.jvm.dialect import Dialect
from caudal.engines.jvm.places import (
    BRANCHES,
    NUMBER,
    PARTITION,
    PLACE,
    POSITION,
    SOURCE,
    TIME,
    WATERMARK,
    check_names,
    placed,
)
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.reading import Native
from caudal.engines.jvm.shape import DETAIL, FAILURE, MESSAGE, NTH, REASON, hidden, spec
from caudal.engines.jvm.takeout import Taken, TakenOut, take_out
from caudal.engines.jvm.usercode import UserCode
from caudal.plan.expr import Expr
from caudal.plan.nodes import (
    DEAD_FIELDS,
    LATE_FIELDS,
    Copies,
    DeadLetters,
    Deduplicate,
    Filter,
    FlatMap,
    Keyed,
    Late,
    Map,
    Node,
    Reduce,
    Running,
    Select,
    Shuffle,
    Sink,
    Source,
    Union,
    WindowAggregate,
    WindowApply,
    WindowTop,
    WithColumns,
)
from caudal.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class View:
    """A named query. `shared`: several read it and it is dear: worth keeping where the engine would compute it again."""

    name: str
    sql: str
    shared: bool = False
    walk: str = ""
    """Of rows by key over input that goes on: the Python text that makes the function of `functions.walking`."""
    keys: tuple[str, ...] = ()


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
    view: str
    columns: Schema


@dataclass(frozen=True, slots=True)
class Count:
    """A number that the ledger wants: rows of a view that are "late" or "dead" for an operator, or "taken" by a source.

    "step" counts the marks that a live job has read.
    """

    operator: str
    fate: str
    view: str


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
    views: list[View] = field(default_factory=list[View])
    outputs: list[Output] = field(default_factory=list[Output])
    natives: list[tuple[Native, list[str]]] = field(default_factory=list[tuple[Native, list[str]]])
    """Sources that the engine reads by itself, each with the names of its tables."""
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
        physical: Plan | None = None,
        native: Mapping[str, Native] | None = None,
        prefix: str = "",
        number: int = 0,
        live: bool = False,
    ) -> None:
        """`plan` has pinned ids; of `physical`, its rewritten form, the sources say which columns are read.

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
        self.ranks = {name: i for i, name in enumerate(sorted(plan.ids.values(), key=str.encode))}
        self.out = Lowered(
            plan, prefix, [(plan.ids[n], self.ranks[plan.ids[n]]) for n in plan.nodes if isinstance(n, Keyed)]
        )
        self._read = {} if physical is None else {s.name: s.schema for s in physical.sources}
        self._views: dict[Node, str] = {}
        self.epoch = streaming.epoch_of(plan)
        self.positions: dict[Node, DataType] = {}
        """For input that goes on: the type of the rows' positions; only those of one type can be compared."""
        self.ordered = placed(plan, sides=False)
        """Nodes whose rows must carry a place, late rows and dead letters aside."""
        self._sides: dict[tuple[Node, str], str] = {}

    def lowered(self) -> Lowered:
        """Return the plan as views."""
        for node in self.plan.nodes:
            try:
                self._lower(node)
            except PlanError as error:
                raise error.at(self.plan.ids[node]) from None
        return self.out

    # What operators are made of.

    def name(self, node: Node) -> str:
        """Return a node's operator id."""
        return self.plan.ids[node]

    def view(self, node: Node, what: str, sql: str, *, shared: bool = False) -> str:
        """Add a view of a node; return its name, in backticks. `what` tells several of one node apart."""
        name = f"{self.prefix}{self.name(node)}{what and ' ' + what}"
        self.out.views.append(View(name, sql, shared))
        return name_of(name)

    def walked(self, node: Node, sql: str, keys: Sequence[str], walk: str) -> str:
        """Add a view of what a function makes of the rows of each key, over input that goes on."""
        name = f"{self.prefix}{self.name(node)} walked"
        self.out.views.append(View(name, sql, walk=walk, keys=tuple(keys)))
        return name_of(name)

    def of(self, node: Node) -> str:
        """Return the view of a node that was lowered before."""
        return self._views[node]

    def show(self, expr: Expr, schema: Schema, wanted: DataType | None = None) -> str:
        """Return an expression as text."""
        text = self.dialect.show(expr, schema, self.functions)
        if wanted is None or self.dialect.type_of(expr.dtype(schema)) == self.dialect.type_of(wanted):
            return text
        return f"CAST({text} AS {self.dialect.type_of(wanted)})"

    def hidden(self, node: Node) -> list[str]:
        """Return the names of the hidden columns of a node's rows."""
        return [f.name for f in hidden(node, node in self.placed)]

    def place(self, node: Node, position: str, number: str = "") -> list[tuple[str, str]]:
        """Return the place of rows that an operator makes; [] where nobody asks for it.

        `position`: the text of theirs; `number`: that of what tells apart those of one position, 0 by default.
        """
        if node not in self.placed:
            return []
        whole = self.dialect.literal(self.ranks[self.name(node)], INT32)
        return [
            (SOURCE, whole),
            (PARTITION, self.dialect.literal(0, INT64)),
            (POSITION, position),
            (NUMBER, number or self.dialect.literal(0, INT64)),
        ]

    @property
    def marks(self) -> str:
        """The table of how far the sources have come, for input that goes on."""
        return name_of(f"{self.prefix}marks")

    def named(self, rows: str) -> tuple[str, str]:
        """Return a FROM item, the rows `r` of a view, and what holds where each came from: `source`, `partition`, `made`."""
        if self.live:
            return streaming.named(self, rows), "r.`__h`"
        self.out.names_used = True
        names = name_of(f"{self.prefix}partitions")
        joined = (
            f"{rows} AS r\nLEFT JOIN {names} AS n ON r.{name_of(SOURCE)} = n.`s` AND r.{name_of(PARTITION)} = n.`p`"
        )
        return joined, "n"

    def position(self, node: Node) -> str:
        """Return the text of the position of a node's rows, for people; of what operators make it may say nothing."""
        return streaming.position_text(self, node) if self.live else f"r.{name_of(POSITION)}"

    def not_late(self, node: Keyed, arrival: bool = False) -> str:
        """Return the condition under which a row comes in time where there are no fixed windows; "" where all do."""
        if self.native or arrival:
            return ""
        return f"({name_of(WATERMARK)} IS NULL OR {name_of(TIME)} >= {name_of(WATERMARK)})"

    def add_late(self, node: Keyed, rows: str, condition: str) -> None:
        """Make known which rows of a view are late for a node; a condition of "" says that none is."""
        if not condition:
            condition = "1 = 0"
        self._sides[node, "late"] = f"SELECT * FROM {rows} WHERE {condition}"

    def _lower(self, node: Node) -> None:
        lower = (_LIVE.get(type(node)) if self.live else None) or _LOWER.get(type(node))
        if lower is None:
            raise PlanError(f"the operator {node.kind} is not known to {self.dialect.engine}")
        if self.live:
            self.positions[node] = streaming.position_type(self, node)
        made = lower(self, node)
        if made:
            self._views[node] = made

    def _count(self, node: Node, fate: str, view: str) -> None:
        self.out.counts.append(Count(self.name(node), fate, view))

    # Sources and sinks.

    def source(self, node: Source) -> str:
        read = self._read.get(self.name(node), node.schema)
        if self.native:
            return self._native(node, read)
        rank = self.ranks[self.name(node)]
        columns = [*read]
        if node.timed:
            columns.append(Field(TIME, INT64))
        columns += [Field(WATERMARK, INT64), Field(PARTITION, INT64), Field(POSITION, INT64)]
        table = f"{self.prefix}{self.name(node)} input"
        dead = f"{self.prefix}{self.name(node)} letters"
        self.out.inputs.append(Input(node, rank, table, dead, Schema(columns)))
        picked = self._columns(node, read)
        if node.timed:
            picked.append(name_of(TIME))
        picked.append(name_of(WATERMARK))
        if node in self.placed:
            picked.append(f"{self.dialect.literal(rank, INT32)} AS {name_of(SOURCE)}")
            picked += [name_of(PARTITION), name_of(POSITION), f"{self.dialect.literal(0, INT64)} AS {name_of(NUMBER)}"]
        return self.view(node, "", f"SELECT {', '.join(picked)}\nFROM {name_of(table)}")

    def _columns(self, node: Source, read: Schema) -> list[str]:
        """Return a source's columns; those that nobody reads pass through operators as nulls."""
        return [
            name_of(f.name) if f.name in read else f"CAST(NULL AS {self.dialect.type_of(f.dtype)}) AS {name_of(f.name)}"
            for f in node.schema
        ]

    def _native(self, node: Source, read: Schema) -> str:
        """Return the view of a source that the engine reads by itself: rows without an event time are left out."""
        way = self._natives[self.name(node)]
        tables = [f"{self.prefix}{self.name(node)} input"]
        if self.dialect.one_path and len(way.files.paths) > 1:
            tables = [f"{tables[0]} {i + 1}" for i in range(len(way.files.paths))]
        self.out.natives.append((way, tables))
        picked = [name_of(f.name) for f in read]
        if way.time is not None:
            picked.append(f"{self.show(way.time, way.columns)} AS {name_of(TIME)}")
        parts = "\nUNION ALL ".join(f"SELECT {', '.join(picked)} FROM {name_of(t)}" for t in tables)
        kept = ", ".join([*self._columns(node, read), *([name_of(TIME)] if way.time is not None else [])])
        where = f"\nWHERE {name_of(TIME)} IS NOT NULL" if way.time is not None else ""
        rows = f"SELECT {kept}, CAST(NULL AS BIGINT) AS {name_of(WATERMARK)}\nFROM (\n  {parts}\n) AS x{where}"
        view = self.view(node, "", rows)
        self._count(node, "taken", view)
        return view

    def sink(self, node: Sink) -> str:
        if node.identity:
            raise PlanError(
                f"a row's identity is not known on {self.dialect.engine}", hint="leave out identity=, or run it locally"
            )
        if not (self.native and isinstance(node.input, Late | DeadLetters)):  # of which there are none then
            self.out.outputs.append(Output(node, self.of(node.input), node.input.schema))
        return ""

    # Stateless operators.

    def filter(self, node: Filter) -> str:
        taken = take_out([node.predicate], node.input.schema)
        rows = self._called(node, node.input, taken)
        return self.view(
            node, "", f"SELECT {self._kept(node.input)}\nFROM {rows}\nWHERE {self.show(taken.exprs[0], taken.schema)}"
        )

    def select(self, node: Select) -> str:
        return self._projected(node, [], node.columns)

    def with_columns(self, node: WithColumns) -> str:
        made = {name for name, _ in node.columns}
        return self._projected(node, [n for n in node.input.schema.names if n not in made], node.columns)

    def _projected(self, node: Select | WithColumns, kept: Sequence[str], columns: Iterable[tuple[str, Expr]]) -> str:
        named = list(columns)
        taken = take_out([expr for _, expr in named], node.input.schema)
        rows = self._called(node, node.input, taken)
        texts = {name: name_of(name) for name in kept}
        for (name, _), expr in zip(named, taken.exprs, strict=True):
            texts[name] = f"{self.show(expr, taken.schema, node.schema.dtype(name))} AS {name_of(name)}"
        picked = [texts[n] for n in node.schema.names] + [name_of(n) for n in self.hidden(node.input)]
        return self.view(node, "", f"SELECT {', '.join(picked)}\nFROM {rows}")

    def _kept(self, node: Node) -> str:
        return ", ".join(name_of(n) for n in (*node.schema.names, *self.hidden(node)))

    def _called(self, node: Node, above: Node, taken: TakenOut) -> str:
        """Return the view with the columns of the calls in expressions, without the rows that one of them failed on."""
        rows = self.of(above)
        if not taken.stages:
            return rows
        failures: list[str] = []
        columns = [*above.schema.names, *self.hidden(above)]
        for number, stage in enumerate(taken.stages):
            calls = [(t, f"__f{number}_{i}") for i, t in enumerate(stage)]
            texts = [f"{self._call(t, taken.schema)} AS {name_of(f)}" for t, f in calls]
            carried = ", ".join(name_of(c) for c in columns)
            inner = f"SELECT {carried}, {', '.join(texts)}\n  FROM {rows}"
            got = [f"{self.dialect.value(f'x.{name_of(f)}', t.dtype)} AS {name_of(t.column)}" for t, f in calls]
            new = [f"{f}_{part}" for _, f in calls for part in ("reason", "message", "detail")]
            got += [
                f"x.{name_of(f)}.{name_of(part)} AS {name_of(f'{f}_{part}')}"
                for _, f in calls
                for part in ("reason", "message", "detail")
            ]
            shown = ", ".join(f"x.{name_of(c)}" for c in columns)
            what = "calls" if number == 0 else f"calls {number + 1}"
            rows = self.view(node, what, f"SELECT {shown}, {', '.join(got)}\nFROM (\n  {inner}\n) AS x", shared=True)
            failures += [f for _, f in calls]
            columns += [*(t.column for t, _ in calls), *new]
        letters = {
            part: f"COALESCE({', '.join(name_of(f'{f}_{part}') for f in failures)})"
            if len(failures) > 1
            else name_of(f"{failures[0]}_{part}")
            for part in ("message", "detail")
        }
        first = [name_of(f"{f}_reason") for f in failures]
        reason = f"COALESCE({', '.join(first)})" if len(first) > 1 else first[0]
        self.add_dead(node, rows, reason, letters["message"], letters["detail"])
        good = " AND ".join(f"{name} IS NULL" for name in first)
        return self.view(node, "taken", f"SELECT * FROM {rows} WHERE {good}")

    def _call(self, taken: Taken, schema: Schema) -> str:
        function = taken.call.function
        types = [arg.dtype(schema) for arg in taken.args]
        made = (
            f"scalar({self.code.add(function)}, {function.kind!r}, {[spec(t) for t in types]!r},"
            f" {spec(taken.dtype)!r}, {function.pass_nulls!r}, {function.timeout})"
        )
        arguments = [(self.show(arg, schema), dtype) for arg, dtype in zip(taken.args, types, strict=True)]
        return self.functions.call(made, ("calling",), arguments, taken.dtype)

    def add_dead(
        self,
        node: Node,
        rows: str,
        reason: str = name_of(REASON),
        message: str = name_of(MESSAGE),
        detail: str = name_of(DETAIL),
        *,
        whole: bool = False,
    ) -> None:
        """Make known the dead letters of a node: the rows of a view that have a reason. `whole`: they stand for windows."""
        above = node.inputs[0]
        name = self.dialect.literal(self.name(node), STRING)
        time = name_of(TIME) if node.timed or above.timed else "CAST(NULL AS BIGINT)"
        texts = {
            "source": f"{name}",
            "partition": self.dialect.literal("", STRING),
            "position": "CAST(NULL AS BIGINT)",
            "operator": name,
            "reason": reason,
            "message": message,
            "detail": detail,
            "payload": self.dialect.literal("", STRING),
            "truncated": "FALSE",
            "event_time": time,
        }
        source = rows
        if not whole and above in self.placed:
            source, origin = self.named(rows)
            texts |= {
                "source": f"{origin}.`source`",
                "partition": f"{origin}.`partition`",
                "position": f"CASE WHEN {origin}.`made` THEN CAST(NULL AS BIGINT) ELSE {self.position(above)} END",
            }
        columns = ", ".join(f"{texts[f.name]} AS {name_of(f.name)}" for f in DEAD_FIELDS)
        self._sides[node, "dead"] = (
            f"SELECT {columns}, CAST(NULL AS BIGINT) AS {name_of(WATERMARK)}{self._no_place()}\n"
            f"FROM {source}\nWHERE {reason} IS NOT NULL"
        )

    def _no_place(self) -> str:
        """Return a place for letters, which have no order: they are not timed."""
        zero, wide = self.dialect.literal(0, INT32), self.dialect.literal(0, INT64)
        return f", {zero} AS {name_of(SOURCE)}, {wide} AS {name_of(PARTITION)}, {wide} AS {name_of(POSITION)}, {wide} AS {name_of(NUMBER)}"

    def union(self, node: Union) -> str:
        parts: list[str] = []
        several = node in self.placed
        for number, stream in enumerate(node.streams):
            picked = [name_of(n) for n in node.schema.names]
            for name in self.hidden(stream):
                text = name_of(name)
                if name == POSITION and self.live:
                    text = f"{streaming.position_in(self, node, stream)} AS {name_of(POSITION)}"
                elif name == NUMBER and several:
                    text = f"{name_of(NUMBER)} * {len(node.streams)} + {number} AS {name_of(NUMBER)}"
                picked.append(text)
            parts.append(f"SELECT {', '.join(picked)} FROM {self.of(stream)}")
        return self.view(node, "", "\nUNION ALL ".join(parts))

    def shuffle(self, node: Shuffle) -> str:
        return self.of(node.input)

    def copies(self, node: Copies) -> str:
        picked = [name_of(n) for n in node.input.schema.names]
        picked.append(f"{name_of(NTH)} AS {name_of(node.column)}")
        for name in self.hidden(node.input):
            text = name_of(name)
            picked.append(f"{text} * {node.instances} + {name_of(NTH)} AS {text}" if name == NUMBER else text)
        source = self.dialect.numbered(self.of(node.input), node.instances, NTH)
        return self.view(node, "", f"SELECT {', '.join(picked)}\nFROM {source}")

    def map(self, node: Map) -> str:
        above = node.input
        given = {f.name: spec(f.dtype) for f in above.schema}
        output = {f.name: spec(f.dtype) for f in node.output}
        many = isinstance(node, FlatMap)
        call = f"mapped({self.code.add(node.function)}, {node.function.kind!r}, {given!r}, {output!r}, {many!r}"
        made = f"each_row({call}, {node.function.timeout}), {list(given)!r})"
        rows = Schema([Field(NTH, INT64), *(Field(f"__x{i}", f.dtype) for i, f in enumerate(node.output)), *FAILURE])
        arguments = [(name_of(f.name), f.dtype) for f in above.schema]
        call = self.functions.table(made, ("calling", "tables"), arguments, rows)
        text = self.dialect.applied(self.of(above), self.hidden(above), call, rows)
        called = self.view(node, "calls", text, shared=True)
        self.add_dead(node, called)
        picked = [f"`__x{i}` AS {name_of(f.name)}" for i, f in enumerate(node.output)]
        for hide in self.hidden(above):
            text = name_of(hide)
            picked.append(f"{text} * {BRANCHES} + {name_of(NTH)} AS {text}" if hide == NUMBER and many else text)
        return self.view(node, "", f"SELECT {', '.join(picked)}\nFROM {called}\nWHERE {name_of(REASON)} IS NULL")

    # Side outputs.

    def late(self, node: Late) -> str:
        if self.native:
            return ""
        keyed = node.input
        assert isinstance(keyed, Keyed)
        above = keyed.inputs[0]
        rows, origin = self.named(self.view(keyed, "late rows", self._sides[keyed, "late"]))
        texts = {
            "late_time": f"r.{name_of(TIME)}" if above.timed else "CAST(NULL AS BIGINT)",
            "late_source": f"{origin}.`source`",
            "late_partition": f"{origin}.`partition`",
            "late_position": self.position(above),
            "late_operator": self.dialect.literal(self.name(keyed), STRING),
            "late_watermark": f"r.{name_of(WATERMARK)}",
        }
        own = {f.name for f in LATE_FIELDS}
        picked = [
            f"{texts[f.name]} AS {name_of(f.name)}" if f.name in own else f"r.{name_of(f.name)}" for f in node.schema
        ]
        time = f"r.{name_of(TIME)}" if above.timed else "CAST(NULL AS BIGINT)"
        picked += [f"{time} AS {name_of(TIME)}", f"r.{name_of(WATERMARK)}"]
        picked += [f"r.{name_of(n)}" for n in PLACE]
        return self.view(node, "", f"SELECT {', '.join(picked)}\nFROM {rows}")

    def dead(self, node: DeadLetters) -> str:
        if self.native:
            return ""
        above = node.input
        if isinstance(above, Source):
            table = name_of(f"{self.prefix}{self.name(above)} letters")
            columns = ", ".join(name_of(f.name) for f in DEAD_FIELDS)
            return self.view(
                node,
                "",
                f"SELECT {columns}, CAST(NULL AS BIGINT) AS {name_of(WATERMARK)}{self._no_place()} FROM {table}",
            )
        return self.view(node, "", self._sides[above, "dead"])

    def count_sides(self) -> None:
        """Count the late rows and dead letters of operators that nobody reads."""
        read = {(type(n), i) for n in self.plan.nodes if isinstance(n, Late | DeadLetters) for i in n.inputs}
        for (node, fate), sql in self._sides.items():
            if (Late if fate == "late" else DeadLetters, node) in read or (fate == "late" and self.native):
                continue
            self._count(node, fate, self.view(node, f"{fate} uncounted", sql))

    def count_steps(self) -> None:
        """Count the marks that are read, which tells how far the job has come."""
        self.out.counts.append(Count("", "step", self.marks))


_LIVE: dict[type, Callable[[Lowering, Any], str]] = {
    WindowAggregate: streaming.aggregate,
    WindowTop: streaming.top,
    WindowApply: streaming.apply,
    Running: walks.running,
    Deduplicate: walks.deduplicate,
    Reduce: walks.reduce,
}
"""Operators that are lowered otherwise over input that goes on."""

_LOWER: dict[type, Callable[[Lowering, Any], str]] = {
    Source: Lowering.source,
    Sink: Lowering.sink,
    Filter: Lowering.filter,
    Select: Lowering.select,
    WithColumns: Lowering.with_columns,
    Union: Lowering.union,
    Shuffle: Lowering.shuffle,
    Copies: Lowering.copies,
    Map: Lowering.map,
    FlatMap: Lowering.map,
    Late: Lowering.late,
    DeadLetters: Lowering.dead,
    WindowAggregate: windows.aggregate,
    WindowTop: windows.top,
    WindowApply: windows.apply,
    Running: sequences.running,
    Deduplicate: sequences.deduplicate,
    Reduce: sequences.reduce,
}
