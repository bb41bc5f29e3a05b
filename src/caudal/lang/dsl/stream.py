"""Streams: what users chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from caudal.core import duration
from caudal.core.errors import OptionError, PlanError, UserError, nearest
from caudal.core.types import Field, Schema, parse_type
from caudal.lang.dsl.windows import condition, expression
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr, col
from caudal.plan.nodes import (
    DeadLetters,
    Filter,
    Late,
    Node,
    Pairs,
    Select,
    Sink,
    Source,
    Union,
    WindowAggregate,
    WithColumns,
)
from caudal.plan.plan import Plan
from caudal.plan.windows import Window
from caudal.ports import registry

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Stream:
    """A stream of rows: an append-only table. Each method returns a new stream; nothing runs before the pipeline does."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def schema(self) -> Schema:
        """The columns and their types."""
        return self.node.schema

    def __repr__(self) -> str:
        return f"Stream({self.schema})"

    def filter(self, predicate: Expr | str, *, name: str = "") -> Stream:
        """Keep the rows for which the predicate (an expression, or SQL text such as "code IN (401, 403)") is true."""
        return Stream(Filter(name=name, input=self.node, predicate=condition(predicate, self.schema)))

    def select(self, *columns: Expr | str, name: str = "", **named: Expr | str) -> Stream:
        """Keep just these columns: names, expressions with a name (`.alias("x")`), or `x=expression`."""
        return Stream(Select(name=name, input=self.node, columns=_named(columns, named)))

    def with_columns(self, *columns: Expr, name: str = "", **named: Expr) -> Stream:
        """Add columns, or replace those of the same name."""
        pairs = _named(columns, named)
        if not pairs:
            raise PlanError("with_columns takes at least one column")
        return Stream(WithColumns(name=name, input=self.node, columns=pairs))

    def drop(self, *columns: str, name: str = "") -> Stream:
        """Leave out columns; raises `PlanError` for one that is not there."""
        for column in columns:
            self.schema[column]
        kept = [n for n in self.schema.names if n not in columns]
        if not kept:
            raise PlanError("drop leaves no column")
        return self.select(*kept, name=name)

    def rename(self, columns: Mapping[str, str], *, name: str = "") -> Stream:
        """Give columns new names: {"old": "new"}."""
        for column in columns:
            self.schema[column]
        pairs = tuple((columns.get(n, n), col(n)) for n in self.schema.names)
        return Stream(Select(name=name, input=self.node, columns=pairs))

    def union(self, *others: Stream, name: str = "") -> Stream:
        """Put the rows of streams with the same columns together."""
        return Stream(Union(name=name, streams=(self.node, *(o.node for o in others))))

    def group_by(self, *keys: Expr | str, **named: Expr | str) -> Grouped:
        """Group by columns or expressions; null is a group of its own."""
        return Grouped(self.node, _named(keys, named))

    def window(self, window: Window) -> Windowed:
        """Cut the whole stream, as one group, into windows."""
        return Windowed(self.node, (), window)

    def late(self, *, name: str = "") -> Stream:
        """The rows that came too late for the nearest window operator upstream: whole rows, with late_* columns."""
        return Stream(Late(name=name, input=_nearest(self.node, WindowAggregate, "late rows", "window")))

    def dead_letters(self, *, name: str = "") -> Stream:
        """The records that the nearest source upstream could not take, with position, reason and payload."""
        return Stream(DeadLetters(name=name, input=_nearest(self.node, Source, "dead letters", "source")))

    def to(self, connector: str, *, format: str = "", name: str = "", identity: str = "", **options: Any) -> Sink:
        """End the stream in a sink; the result goes into `cd.Pipeline(...)`.

        `identity`: write one more text column of this name, 32 hexadecimal digits that are the same for a row after
        every restart, replay or change of threads: what a receiver can drop duplicates by.

        Raises `OptionError` for an unknown connector, format or option, with the nearest name.
        """
        plugin = registry.find("connector", connector)
        known = getattr(plugin, "sink_options", None)
        if known is None:
            raise OptionError(f"the connector '{connector}' cannot be written to")
        format = format or _format_of_path(options.get("path"), known)
        own, rest = _split(options, known, f"connector '{connector}'")
        format_options = _format_options(format, rest, known, "writer_options", f"connector '{connector}'")
        sink = Sink(
            name=name,
            input=self.node,
            connector=connector,
            options=own,
            format=format,
            format_options=format_options,
            identity=identity,
        )
        if format:
            chosen = registry.find("format", format)
            chosen.encoder(sink.schema, {**chosen.writer_options, **dict(format_options)})
        return sink

    def collect(
        self, to: Literal["polars", "pandas", "arrow"] = "polars", *, threads: int = 0
    ) -> polars.DataFrame | pandas.DataFrame | pyarrow.Table:
        """Run the stream over its bounded sources and return its rows as a frame.

        Rows of one partition come in source order, window results by (end, key). Raises `UserError` when a source is
        live, `RunError` when a source breaks.
        """
        return registry.find("runner", "collect")(self, to, threads=threads)


class Grouped:
    """A stream with keys, waiting for a window."""

    def __init__(self, node: Node, keys: tuple[tuple[str, Expr], ...]) -> None:
        self.node = node
        self.keys = keys

    def window(self, window: Window) -> Windowed:
        """Cut each key's rows into windows."""
        return Windowed(self.node, self.keys, window)

    def agg(self, *args: Any, **aggregates: Any) -> Stream:
        """Raise: aggregates of a stream need a window."""
        raise PlanError("agg needs a window", hint='.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count())')


class Windowed:
    """Keys and windows, waiting for aggregates."""

    def __init__(self, node: Node, keys: tuple[tuple[str, Expr], ...], window: Window) -> None:
        if not isinstance(window, Window):
            raise PlanError(
                f"{window!r} is not a window",
                hint='cd.tumbling("3s"), cd.hopping("10s", every="2s") or cd.session("30s")',
            )
        self.node = node
        self.keys = keys
        self.over = window

    def agg(self, *, name: str = "", **aggregates: Aggregate) -> Stream:
        """One row for each key and window: keys, window_start, window_end, and `column=cd.count()` and the like."""
        for column, aggregate in aggregates.items():
            if not isinstance(aggregate, Aggregate):
                hint = "cd.count(), cd.sum('bytes') ...; compute with them in a with_columns behind agg"
                raise PlanError(f"'{column}' is not an aggregate: {aggregate}", hint=hint)
        node = WindowAggregate(
            name=name, input=self.node, keys=self.keys, window=self.over, aggregates=tuple(aggregates.items())
        )
        return Stream(node)


def source(
    connector: str,
    *,
    schema: Mapping[str, Any] | Schema | None = None,
    format: str = "",
    event_time: str | Expr | None = None,
    unit: str = "",
    time_format: str = "",
    disorder: str | int = 0,
    idle: str | int | None = None,
    max_future: str | int | None = None,
    name: str = "",
    **options: Any,
) -> Stream:
    """Read a stream: `connector` ("files", "memory" ...) with its options, `format` with its options, and a schema.

    `event_time`: a column or an expression (a timestamp; text in ISO 8601 or `time_format`; integers in milliseconds
    or `unit`; floats in seconds). `disorder`: how far behind the newest row a row may be without being late. `idle`
    and `max_future` matter on live sources only. Raises `OptionError` and `PlanError`, with the nearest name.
    """
    plugin = registry.find("connector", connector)
    known = getattr(plugin, "source_options", None)
    if known is None:
        raise OptionError(f"the connector '{connector}' cannot be read")
    format = format or _format_of_path(options.get("path"), known)
    own, rest = _split(options, known, f"connector '{connector}'")
    format_options = _format_options(format, rest, known, "reader_options", f"connector '{connector}'")
    default = registry.find("format", format).default_schema() if format else None
    if schema is None and default is None:
        raise PlanError(
            "the source needs a schema", hint='schema={"ip": "string", ...}; cd.infer(path) prints one to paste'
        )
    declared = Schema.of(schema) if schema is not None else default
    assert declared is not None
    if schema is not None and default is not None:
        declared = Schema([_fixed(f, default, format) for f in declared])
    node = Source(
        name=name,
        connector=connector,
        options=own,
        format=format,
        format_options=format_options,
        declared=declared,
        event_time=None if event_time is None else expression(event_time, "event_time"),
        unit=unit,
        time_format=time_format,
        disorder=duration.parse(disorder, what="disorder"),
        idle=None if idle is None else duration.parse(idle, what="idle"),
        max_future=None if max_future is None else duration.parse(max_future, what="max_future"),
    )
    if format:
        chosen = registry.find("format", format)
        chosen.reader(declared, frozenset(declared.names), {**chosen.reader_options, **dict(format_options)})
    return Stream(node)


def field(dtype: Any, *, path: str | Iterable[str] | None = None, unit: str = "", time_format: str = "") -> Field:
    """Describe a column of a schema: its type, where it comes from (`path`, a list of keys), how its time is written.

    A dot in a key is literal, so a text `path` with a dot is refused: write ["alert", "signature"] for a nested field
    or ["id.orig_h"] for a flat one.
    """
    if isinstance(path, str):
        if "." in path:
            parts = path.split(".")
            raise PlanError(f"path='{path}' can be read in two ways", hint=f"write path={parts} or path=['{path}']")
        path = [path]
    if unit not in ("", "s", "ms", "us", "ns"):
        raise PlanError(f"unknown time unit '{unit}'", hint="one of s, ms, us, ns")
    return Field("", parse_type(dtype), tuple(path or ()), unit, time_format)


def pipeline(name: str, *sinks: Sink) -> Plan:
    """Return a pipeline: a name and the sinks that its streams end in. A pipeline file has one top-level `pipeline`."""
    for sink in sinks:
        if isinstance(sink, Stream):
            raise PlanError("a stream does not end in a sink", hint='add .to("files", path=...) or .to("console")')
    return Plan(name, sinks)


def _named(columns: Iterable[Expr | str], named: Mapping[str, Expr | str]) -> tuple[tuple[str, Expr], ...]:
    pairs: list[tuple[str, Expr]] = []
    for column in columns:
        expr = expression(column)
        label = getattr(expr, "name", "") if not isinstance(column, str) else column
        if not label:
            raise PlanError(f"the column {expr} has no name", hint=f'write name={expr}, or add .alias("name")')
        pairs.append((label, expr))
    pairs += [(label, expression(value)) for label, value in named.items()]
    return tuple(pairs)


def _nearest(node: Node, kind: type[Node], what: str, where: str) -> Node:
    while not isinstance(node, kind):
        if isinstance(node, Union):
            raise PlanError(f"a union has no {what} of its own", hint="ask its inputs, and unite what they give")
        if not node.inputs:
            raise PlanError(f"there are no {what}: no {where} stands upstream")
        (node,) = node.inputs
    return node


def _split(options: Mapping[str, Any], known: Mapping[str, Any], what: str) -> tuple[Pairs, dict[str, Any]]:
    own = {k: v for k, v in options.items() if k in known}
    registry.check_options(own, dict(known), what)
    return tuple(own.items()), {k: v for k, v in options.items() if k not in known}


def _format_options(format: str, rest: dict[str, Any], known: Mapping[str, Any], side: str, what: str) -> Pairs:
    available: dict[str, Any] = {}
    if format:
        available = getattr(registry.find("format", format), side)
        what += f" with format '{format}'"
    for key in rest:
        if key not in available:
            raise OptionError(f"unknown option '{key}' of {what}", hint=nearest(key, [*known, *available]))
    registry.check_options(rest, available, f"format '{format}'")
    return tuple(rest.items())


def _format_of_path(path: Any, known: Mapping[str, Any]) -> str:
    """Return the format that a path's suffix names, "" where the connector has no paths: its rows need none."""
    if "path" not in known:
        return ""
    first = path[0] if isinstance(path, list | tuple) and path else path
    if isinstance(first, str):
        stem = first.lower()
        for packed in (".gz", ".zst"):
            stem = stem.removesuffix(packed)
        for candidate in registry.available("format"):
            if any(stem.endswith(suffix) for suffix in registry.find("format", candidate).suffixes):
                return candidate
    what = f"cannot tell the format of {first!r} by its name" if first else "the format is missing"
    raise OptionError(what, hint="format= one of " + ", ".join(sorted(registry.available("format"))))


def _fixed(given: Field, default: Schema, format: str) -> Field:
    try:
        known = default[given.name]
    except PlanError as error:
        raise PlanError(f"the format '{format}' has no field '{given.name}'", hint=error.hint) from None
    if known.dtype != given.dtype:
        raise PlanError(f"'{given.name}' of the format '{format}' is {known.dtype}, not {given.dtype}")
    return known


__all__ = ["Column", "Grouped", "Stream", "UserError", "Windowed", "field", "pipeline", "source"]
