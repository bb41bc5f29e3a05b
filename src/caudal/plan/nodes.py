"""The nodes of a plan: a directed acyclic graph from sources to sinks.

Nodes are frozen. A constructor derives the schema and checks that the node hangs together with its inputs, so a plan
that exists is a plan that can be explained to an engine. Two streams that share an object share the work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from caudal.core import duration, time_formats
from caudal.core.errors import PlanError
from caudal.core.naming import cut
from caudal.core.types import BOOL, INT64, STRING, TIMESTAMP, Field, Schema
from caudal.core.zones import zone
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Call, Column, Expr
from caudal.plan.python import PythonFunction, calls
from caudal.plan.windows import CountWindow, Sliding, Window

RESERVED = ("window_start", "window_end")
"""Columns that a window operator adds; no key or aggregate may take these names."""

Pairs = tuple[tuple[str, Any], ...]
Named = tuple[tuple[str, Expr], ...]


_NO_TIME = (
    "give the source event_time='...'; where times are made later, of a list that becomes rows, let the source have them: "
    "make a line of each item first (jq -c '.Records[]')"
)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Node:
    """A node: its inputs, the schema of what it emits, whether its rows carry event time.

    `name` is the user's `name=`, or "" (the plan then derives an id from kind and upstream).
    """

    kind: ClassVar[str] = ""
    name: str = ""
    schema: Schema = field(init=False, repr=False)
    timed: bool = field(init=False, repr=False)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes this one reads, in order."""
        source = getattr(self, "input", None)
        return () if source is None else (source,)

    def derive(self) -> tuple[Schema, bool]:
        """Return (schema, timed); raises `PlanError` where the node does not fit its inputs."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return one line of detail for explain."""
        return ""

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The Python functions that it calls: a row that one of them fails on becomes a dead letter of this node."""
        return ()

    @property
    def has_dead(self) -> bool:
        """Whether it has an output port of dead letters."""
        return bool(self.functions)

    def __repr__(self) -> str:
        return f"<{' '.join(part for part in (self.kind, self.name, cut(self.describe(), 160)) if part)}>"

    def __post_init__(self) -> None:
        try:
            schema, timed = self.derive()
        except PlanError as error:
            raise error.at(f"{self.kind} '{self.name}'" if self.name else self.kind) from None
        object.__setattr__(self, "schema", schema)
        object.__setattr__(self, "timed", timed)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Source(Node):
    """Rows read by a connector and decoded by a format, with event time and bounded disorder in milliseconds.

    `idle` and `max_future` are in milliseconds; None means the engine's default for the kind of source. `timezone`: an IANA
    name, the zone of times that are written without an offset ("": UTC). `projection`
    is set by a rewrite pass: the declared columns that the plan uses (None: all of them).
    """

    kind: ClassVar[str] = "source"
    connector: str
    options: Pairs
    format: str = ""
    format_options: Pairs = ()
    declared: Schema
    event_time: Expr | None = None
    unit: str = ""
    time_format: str = ""
    disorder: int = 0
    idle: int | None = None
    max_future: int | None = None
    timezone: str = ""
    projection: tuple[str, ...] | None = None

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.declared):
            raise PlanError("a source needs a schema", hint='schema={"ip": "string", ...}; cd.infer(path) prints one')
        if self.event_time is not None:
            dtype = self.event_time.dtype(self.declared)
            if calls(self.event_time):
                raise PlanError(
                    "event time cannot come from a Python function", hint="give the source a column or an expression"
                )
            if not (dtype.is_numeric or dtype.name in ("timestamp", "string")):
                raise PlanError(
                    f"event time cannot come from a {dtype}",
                    hint="it takes a timestamp, a number or a string in ISO 8601",
                )
            if self.unit not in ("", "s", "ms", "us", "ns"):
                raise PlanError(f"unknown time unit '{self.unit}'", hint="one of s, ms, us, ns")
            if self.unit and dtype.name in ("string", "timestamp"):
                raise PlanError(f"unit= is for numbers; event time is a {dtype}", hint="for text use time_format=")
            if self.time_format and dtype.name != "string":
                raise PlanError(f"time_format= is for text; event time is a {dtype}", hint="for numbers use unit=")
            time_formats.compiled(self.time_format)
        elif self.disorder:
            raise PlanError("disorder= needs event_time=")
        if self.timezone:
            self._check_zone()
        names = self.declared.names if self.projection is None else self.projection
        return Schema([f for f in self.declared if f.name in names], self.declared.absent), self.event_time is not None

    @property
    def readable(self) -> Schema:
        """The declared schema as a reader takes it: it marks the times that are local."""
        if not self.timezone:
            return self.declared
        return Schema([replace(f, local=True) if f.dtype.name == "timestamp" else f for f in self.declared])

    @property
    def time_text(self) -> tuple[Expr | None, str]:
        """What the event time is made of, and the form of its text: of text that an expression parses, the text itself."""
        made = self.event_time
        if self.timezone and isinstance(made, Call) and made.function == "strptime":
            return made.args[0], str(dict(made.options)["format"])
        return made, self.time_format

    def _check_zone(self) -> None:
        zone(self.timezone)
        made = self.time_text[0]
        if made is not None and not isinstance(made, Column) and made.dtype(self.declared) == TIMESTAMP:
            raise PlanError(
                "timezone= does not reach into the expression of the event time",
                detail=str(made),
                hint="give it as text, which is parsed then: event_time=cd.concat(...), time_format=...",
            )
        for f in self.declared:
            if f.dtype.is_nested and "timestamp" in str(f.dtype):
                raise PlanError(
                    f"timezone= does not reach the times inside '{f.name}'",
                    hint="declare each as a column of its own: cd.field('timestamp', path=[...])",
                )

    @property
    def has_dead(self) -> bool:
        return True

    def describe(self) -> str:
        parts = [self.connector, *(f"{k}={v!r}" for k, v in self.options if isinstance(v, str | int | bool | float))]
        if self.format:
            parts.append(f"format={self.format}")
        if self.event_time is not None:
            parts.append(f"event_time={self.event_time}")
            parts.append(f"disorder={duration.show(self.disorder)}")
        if self.timezone:
            parts.append(f"timezone={self.timezone}")
        if self.projection is not None:
            parts.append(f"reads {len(self.projection)} of {len(self.declared)} columns: {', '.join(self.projection)}")
        return " ".join(parts)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Filter(Node):
    """The rows for which `predicate` is true; null is not true."""

    kind: ClassVar[str] = "filter"
    input: Node
    predicate: Expr

    def derive(self) -> tuple[Schema, bool]:
        dtype = self.predicate.dtype(self.input.schema)
        if dtype != BOOL:
            raise PlanError(
                f"a filter takes a bool, not {dtype}", detail=str(self.predicate), hint="compare it with something"
            )
        return self.input.schema, self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return _called((self.predicate,))

    def describe(self) -> str:
        return str(self.predicate)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Select(Node):
    """One row for each row, with just these columns."""

    kind: ClassVar[str] = "select"
    input: Node
    columns: Named

    def derive(self) -> tuple[Schema, bool]:
        if not self.columns:
            raise PlanError("select takes at least one column")
        return _named_schema(self.columns, self.input.schema), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return _called(e for _, e in self.columns)

    def describe(self) -> str:
        return _show_named(self.columns)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WithColumns(Node):
    """One row for each row, with these columns added or replaced."""

    kind: ClassVar[str] = "with_columns"
    input: Node
    columns: Named

    def derive(self) -> tuple[Schema, bool]:
        new = {f.name: f for f in _named_schema(self.columns, self.input.schema)}
        fields = [new.get(f.name, f) for f in self.input.schema]
        return Schema([*fields, *(f for f in new.values() if f.name not in self.input.schema)]), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return _called(e for _, e in self.columns)

    def describe(self) -> str:
        return _show_named(self.columns)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Union(Node):
    """The rows of all inputs, which must have the same columns and types."""

    kind: ClassVar[str] = "union"
    streams: tuple[Node, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        return self.streams

    def derive(self) -> tuple[Schema, bool]:
        if len(self.streams) < 2:
            raise PlanError("union takes at least two streams")
        first = self.streams[0].schema
        wanted = [(f.name, f.dtype) for f in first]
        for other in self.streams[1:]:
            if [(f.name, f.dtype) for f in other.schema] != wanted:
                raise PlanError(
                    "union takes streams of the same columns",
                    detail=f"{first}  against  {other.schema}",
                    hint="bring them to one shape with select(...)",
                )
        if len({s.timed for s in self.streams}) > 1:
            raise PlanError("union of a stream with event time and one without", hint="give both sources event_time=")
        return first, self.streams[0].timed


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Keyed(Node):
    """What stateful operators share: state by key, rows that come too late."""

    input: Node
    keys: Named

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads."""
        return frozenset().union(*(e.columns() for _, e in self.keys))

    @property
    def order_sensitive(self) -> bool:
        """Whether a result depends on the order of rows, so that positions must be carried."""
        return True

    def key_fields(self) -> list[Field]:
        """Return name and type of each key; raises `PlanError` for one that no key can be."""
        fields = [Field(name, expr.dtype(self.input.schema)) for name, expr in self.keys]
        for key in fields:
            if key.dtype.is_nested:
                raise PlanError(f"a {key.dtype} cannot be a key", detail=f"key '{key.name}'")
        refuse_calls(expr for _, expr in self.keys)
        return fields

    def show_keys(self) -> str:
        """Return the keys as explain shows them, with a blank behind."""
        return f"by {', '.join(_label(n, e) for n, e in self.keys)} " if self.keys else ""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowAggregate(Keyed):
    """One row for each key and window that has a row: keys, window_start, window_end, aggregates."""

    kind: ClassVar[str] = "window"
    window: Window
    aggregates: tuple[tuple[str, Aggregate], ...]

    def derive(self) -> tuple[Schema, bool]:
        if not self.aggregates:
            raise PlanError("agg takes at least one aggregate", hint="for example agg(total=cd.count())")
        source = self.input.schema
        fields = windowed_fields(self, self.window)
        fields += [Field(name, aggregate.dtype(source)) for name, aggregate in self.aggregates]
        refuse_reserved(n for n, _ in self.aggregates)
        refuse_calls(e for _, a in self.aggregates for e in a.expressions())
        return Schema(fields), self.input.timed

    @property
    def order_sensitive(self) -> bool:
        """Whether a result depends on the order of rows, so that positions must be carried."""
        return isinstance(self.window, CountWindow) or any(a.order_sensitive for _, a in self.aggregates)

    def reads(self) -> frozenset[str]:
        """Return the input columns that keys, aggregates and the window read."""
        return Keyed.reads(self).union(window_reads(self.window), *(a.reads() for _, a in self.aggregates))

    def describe(self) -> str:
        return f"{self.show_keys()}in {self.window}: " + ", ".join(f"{n}={a}" for n, a in self.aggregates)


LATE_FIELDS = (
    Field("late_time", TIMESTAMP),
    Field("late_source", STRING),
    Field("late_partition", STRING),
    Field("late_position", INT64),
    Field("late_operator", STRING),
    Field("late_watermark", TIMESTAMP),
)
"""What a late row carries beside its own columns: event time, where it came from, who found it late, and W_p."""

DEAD_FIELDS = (
    Field("source", STRING),
    Field("partition", STRING),
    Field("position", INT64),
    Field("operator", STRING),
    Field("reason", STRING),
    Field("message", STRING),
    Field("detail", STRING),
    Field("payload", STRING),
    Field("truncated", BOOL),
    Field("event_time", TIMESTAMP),
)
"""The columns of a dead letter."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Late(Node):
    """The late rows of a stateful operator. `whole`: the whole input row, else just what the operator reads."""

    kind: ClassVar[str] = "late"
    input: Node
    whole: bool = True

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.input, Keyed):
            raise PlanError("only a stateful operator has late rows")
        reads = self.input.reads()
        # late rows that are late once more: what is known of the newest time takes the place of the older
        known = {f.name for f in LATE_FIELDS}
        rows = [f for f in self.input.input.schema if (self.whole or f.name in reads) and f.name not in known]
        return Schema([*rows, *LATE_FIELDS]), True


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DeadLetters(Node):
    """The records that an operator could not take, with position and reason."""

    kind: ClassVar[str] = "dead"
    input: Node

    def derive(self) -> tuple[Schema, bool]:
        if not self.input.has_dead:
            raise PlanError("only a source, or an operator that calls Python functions, has dead letters")
        return Schema(DEAD_FIELDS), False


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Sink(Node):
    """Rows written by a connector, encoded by a format. It emits nothing.

    `identity`: the name of a text column that is written behind the others and holds the row's identity, "" for none.
    """

    kind: ClassVar[str] = "sink"
    input: Node
    connector: str
    options: Pairs
    format: str = ""
    format_options: Pairs = ()
    identity: str = ""

    def derive(self) -> tuple[Schema, bool]:
        extra = [Field(self.identity, STRING)] if self.identity else []
        return Schema([*self.input.schema, *extra]), self.input.timed

    def describe(self) -> str:
        parts = [self.connector, *(f"{k}={v!r}" for k, v in self.options if isinstance(v, str | int | bool | float))]
        return " ".join([*parts, f"format={self.format}"] if self.format else parts)


Step = Filter | Select | WithColumns
"""The stateless operators that map rows of one input."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Fused(Node):
    """Stateless neighbours that run as one chain, made by a rewrite pass. `steps` are the logical operators, in order."""

    kind: ClassVar[str] = "chain"
    input: Node
    steps: tuple[Step, ...]

    def derive(self) -> tuple[Schema, bool]:
        return self.steps[-1].schema, self.steps[-1].timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return tuple(f for step in self.steps for f in step.functions)

    def describe(self) -> str:
        return " | ".join(f"{s.kind} {s.describe()}" for s in self.steps)


def windowed_fields(node: Keyed, window: Window) -> list[Field]:
    """Return the fields that every window result begins with: keys, window_start, window_end; raises `PlanError`."""
    arrival = isinstance(window, CountWindow) and window.order.arrival
    if not node.input.timed and not arrival:
        raise PlanError("a window needs event time", hint=_NO_TIME)
    if isinstance(window, Sliding):
        raise PlanError(
            "a sliding window has a row for each row, not one for each window",
            hint="it takes .agg(...): the row's own columns with the aggregates behind them",
        )
    fields = node.key_fields()
    refuse_reserved(f.name for f in fields)
    return fields + [Field(name, TIMESTAMP) for name in RESERVED]


def refuse_reserved(names: Iterable[str]) -> None:
    """Raise `PlanError` for a column that takes the name of one that every window result has."""
    for name in names:
        if name in RESERVED:
            raise PlanError(
                f"'{name}' is the name of a column that every window result has", hint="choose another name"
            )


def refuse_calls(exprs: Iterable[Expr]) -> None:
    """Raise `PlanError` for a Python function where rows are grouped, ordered or folded: it may fail for single rows."""
    for function in _called(exprs):
        raise function.error(
            f"{function.name}() is called in a key or an aggregate", hint="compute it in a with_columns before"
        )


def window_reads(window: Window) -> frozenset[str]:
    """Return the input columns that decide which window a row is in."""
    return window.order.reads() if isinstance(window, CountWindow | Sliding) else frozenset()


def _called(exprs: Iterable[Expr]) -> tuple[PythonFunction, ...]:
    return tuple(call.function for expr in exprs for call in calls(expr))


def _named_schema(columns: Named, over: Schema) -> Schema:
    return Schema([Field(name, expr.dtype(over)) for name, expr in columns])


def _label(name: str, expr: Expr) -> str:
    text = str(expr)
    return name if text == name else f"{name}={text}"


def _show_named(columns: Named) -> str:
    return ", ".join(_label(n, e) for n, e in columns)
