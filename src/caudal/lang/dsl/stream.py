"""Streams: what users chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import OptionError, PlanError, UserError, nearest
from caudal.core.types import Field, Schema, parse_type
from caudal.lang.dsl.functions import plain
from caudal.lang.dsl.windows import condition, expression, ordering
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr, coalesce, col
from caudal.plan.nodes import (
    DeadLetters,
    Filter,
    Keyed,
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
from caudal.plan.operators import (
    Copies,
    Deduplicate,
    FlatMap,
    Map,
    Reduce,
    Running,
    Shuffle,
    WindowApply,
    WindowTop,
)
from caudal.plan.plan import Plan
from caudal.plan.python import PythonFunction, calls
from caudal.plan.windows import CountWindow, Order, Sliding, Window
from caudal.ports import registry

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Function = Callable[..., Any] | PythonFunction
Columns = Mapping[str, Any] | Schema


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

    def split(self, *, rest: str = "rest", **predicates: Expr | str) -> dict[str, Stream]:
        """Send each row to the first stream whose predicate is true, or to `rest`: `split(web=..., dns=...)["web"]`."""
        if not predicates:
            raise PlanError("split takes at least one predicate", hint='split(refused=col("code") == 403)')
        if rest in predicates:
            raise PlanError(f"'{rest}' is the stream of all other rows", hint='give it another name: rest="others"')
        out: dict[str, Stream] = {}
        before: list[Expr] = []
        for label, predicate in predicates.items():
            test = condition(predicate, self.schema)
            out[label] = self.filter(_all([*before, test]))
            before.append(~coalesce(test, False))
        out[rest] = self.filter(_all(before))
        return out

    def map(self, function: Function, *, schema: Columns, name: str = "") -> Stream:
        """Make each row anew: a row as a dict in, a dict out, with the columns of `schema` (a missing one is null).

        The function runs in worker processes; a `cd.batch` function takes a polars frame and gives one of the same
        length. The row keeps its event time.
        """
        return Stream(Map(name=name, input=self.node, function=plain(function), output=Schema.of(schema)))

    def flat_map(self, function: Function, *, schema: Columns, name: str = "") -> Stream:
        """Make any number of rows of each: a row as a dict in, an iterable of dicts (or None) out.

        A `cd.batch` function takes a polars frame with a column `_row` and gives one of any length that has it too: it
        says which row each comes from. The rows have the event time of the one they come from.
        """
        return Stream(FlatMap(name=name, input=self.node, function=plain(function), output=Schema.of(schema)))

    def shuffle(self, *, name: str = "") -> Stream:
        """Say that rows are free to go to any core (Storm's shuffle grouping): they are, at every stateless operator."""
        return Stream(Shuffle(name=name, input=self.node))

    def all(self, instances: int, *, column: str = "instance", name: str = "") -> Stream:
        """Copy each row to `instances` instances, numbered from 0 in `column` (Storm's all grouping)."""
        return Stream(Copies(name=name, input=self.node, instances=instances, column=column))

    def group_by(self, *keys: Expr | str, **named: Expr | str) -> Grouped:
        """Group by columns or expressions; null is a group of its own (Storm's fields grouping)."""
        return Grouped(self.node, _named(keys, named))

    def window(self, window: Window) -> Windowed:
        """Cut the whole stream, as one group, into windows (Storm's global grouping)."""
        return Windowed(self.node, (), window)

    def running(
        self, *, name: str = "", order_by: Any = None, order: str = "event_time", **aggregates: Aggregate
    ) -> Stream:
        """Add aggregates over all rows so far to each row, in the order of event time: see `Grouped.running`."""
        return Grouped(self.node, ()).running(name=name, order_by=order_by, order=order, **aggregates)

    def reduce(
        self, function: Function, *, schema: Columns, order_by: Any = None, order: str = "event_time", name: str = ""
    ) -> Stream:
        """Fold all rows, as one group, by a function of state and row: see `Grouped.reduce`."""
        return Grouped(self.node, ()).reduce(function, schema=schema, order_by=order_by, order=order, name=name)

    def deduplicate(
        self,
        keys: Expr | str | Sequence[Expr | str],
        *,
        within: Duration | None = None,
        order_by: Any = None,
        order: str = "event_time",
        name: str = "",
    ) -> Stream:
        """Pass on the rows whose keys no row had that was passed on at most `within` before (None: ever).

        Rows are taken in the order of event time, ties by `order_by`; one that comes later than the disorder is late.
        Without `within` every key is kept for ever. `order="arrival"` takes rows as they come, over one partition.
        """
        listed = [keys] if isinstance(keys, str | Expr) else list(keys)
        within_ms = 0 if within is None else duration.parse(within, what="within")
        node, pairs, ordered = _lifted(self.node, _named(listed, {}), ordering(order_by, order))
        return Stream(Deduplicate(name=name, input=node, keys=pairs, within=within_ms, order=ordered))

    def late(self, *, name: str = "") -> Stream:
        """The rows that came too late for the nearest stateful operator upstream: whole rows, with late_* columns."""
        for node in _upstream(self.node, "late rows"):
            if isinstance(node, Keyed):
                return Stream(Late(name=name, input=node))
        raise PlanError("there are no late rows: no window or other stateful operator stands upstream")

    def dead_letters(self, *, name: str = "") -> Stream:
        """What the source and the Python functions upstream could not take, with position, reason and payload."""
        found = [node for node in _upstream(self.node, "dead letters") if node.has_dead]
        if not found:
            raise PlanError("there are no dead letters: no source stands upstream")
        if len(found) == 1:
            return Stream(DeadLetters(name=name, input=found[0]))
        return Stream(Union(name=name, streams=tuple(DeadLetters(input=node) for node in found)))

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
    """A stream with keys."""

    def __init__(self, node: Node, keys: tuple[tuple[str, Expr], ...]) -> None:
        self.node = node
        self.keys = keys

    def window(self, window: Window) -> Windowed:
        """Cut each key's rows into windows."""
        return Windowed(self.node, self.keys, window)

    def running(
        self, *, name: str = "", order_by: Any = None, order: str = "event_time", **aggregates: Aggregate
    ) -> Stream:
        """Add aggregates over all rows of the key so far to each row, itself among them.

        Rows are taken in the order of event time (ties by `order_by`), or as they come with `order="arrival"`.
        """
        return Windowed(self.node, self.keys, Sliding(order=ordering(order_by, order))).agg(name=name, **aggregates)

    def reduce(
        self, function: Function, *, schema: Columns, order_by: Any = None, order: str = "event_time", name: str = ""
    ) -> Stream:
        """Fold the rows of each key by `function(state, row)`: both are dicts, the first state of a key is None.

        What it returns is the new state and, with the keys, the row that comes out for each row; `schema` are its
        columns. The function keeps nothing itself: the state is caudal's, by key, typed, part of every cut. Rows are
        taken in the order of event time, ties by `order_by`; `order="arrival"` takes them as they come.
        """
        node, keys, ordered = _lifted(self.node, self.keys, ordering(order_by, order))
        fold = Reduce(
            name=name, input=node, keys=keys, function=plain(function), output=Schema.of(schema), order=ordered
        )
        return Stream(fold)

    def agg(self, *args: Any, **aggregates: Any) -> Stream:
        """Raise: aggregates of a stream need a window."""
        raise PlanError(
            "agg needs a window",
            hint='.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count()); .running(...) gives a row per event',
        )


class Windowed:
    """Keys and windows, waiting for aggregates or a function."""

    def __init__(self, node: Node, keys: tuple[tuple[str, Expr], ...], window: Window) -> None:
        if not isinstance(window, Window):
            raise PlanError(
                f"{window!r} is not a window",
                hint='cd.tumbling("3s"), cd.hopping("10s", every="2s"), cd.session("30s"), cd.rows(100) ...',
            )
        self.node = node
        self.keys = keys
        self.over = window

    def agg(self, *, name: str = "", **aggregates: Aggregate) -> Stream:
        """One row for each key and window: keys, window_start, window_end, and `column=cd.count()` and the like.

        Over a sliding window: a row for each row, its own columns first, the aggregates behind.
        """
        for column, aggregate in aggregates.items():
            if not isinstance(aggregate, Aggregate):
                hint = "cd.count(), cd.sum('bytes') ...; compute with them in a with_columns behind agg"
                raise PlanError(f"'{column}' is not an aggregate: {aggregate}", hint=hint)
        node, keys, window = self._lifted()
        node, folded = _lifted_aggregates(node, aggregates)
        if isinstance(window, Sliding):
            return Stream(Running(name=name, input=node, keys=keys, frame=window, aggregates=folded))
        return Stream(WindowAggregate(name=name, input=node, keys=keys, window=window, aggregates=folded))

    def apply(self, function: Function, *, schema: Columns, name: str = "") -> Stream:
        """Give a function all rows of a key and window, in pinned order; take any number of rows back.

        A plain function gets a polars frame in a worker process, a `cd.batch` function in an operator thread; both give
        a frame with the columns of `schema`. A `cd.jit` function gets one array for each of its parameters, which name
        columns, and gives a tuple of arrays. Keys, window_start and window_end stand before its columns. A window that
        it fails on becomes a dead letter.
        """
        node, keys, window = self._lifted()
        made = WindowApply(
            name=name, input=node, keys=keys, window=window, function=plain(function), output=Schema.of(schema)
        )
        return Stream(made)

    def top(self, n: int, *, by: Any, descending: bool = True, name: str = "") -> Stream:
        """The first `n` rows of each key and window by a column or expression (or several), the largest first.

        Ties stand in pinned order. Keys, window_start and window_end stand before the rows' columns.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise PlanError(f"top takes a number of rows, not {n!r}", hint="top(10, by='bytes')")
        return self._ranked(n, by, descending, name)

    def sort(self, *, by: Any, descending: bool = False, name: str = "") -> Stream:
        """All rows of each key and window, in the order of a column or expression (or several); see `top`."""
        return self._ranked(0, by, descending, name)

    def _ranked(self, limit: int, by: Any, descending: bool, name: str) -> Stream:
        listed = [by] if isinstance(by, str | Expr) else list(by)
        node, keys, window = self._lifted()
        node, ranking = _lift(node, [(f"by{i}", expression(e, "by")) for i, e in enumerate(listed)])
        made = WindowTop(
            name=name,
            input=node,
            keys=keys,
            window=window,
            by=tuple((e, descending) for _, e in ranking),
            limit=limit,
        )
        return Stream(made)

    def _lifted(self) -> tuple[Node, tuple[tuple[str, Expr], ...], Window]:
        window = self.over
        order = window.order if isinstance(window, CountWindow | Sliding) else Order()
        node, keys, order = _lifted(self.node, self.keys, order)
        return node, keys, replace(window, order=order) if isinstance(window, CountWindow | Sliding) else window


def source(
    connector: str,
    *,
    schema: Mapping[str, Any] | Schema | None = None,
    format: str = "",
    event_time: str | Expr | None = None,
    unit: str = "",
    time_format: str = "",
    disorder: Duration = "0ms",
    idle: Duration | None = None,
    max_future: Duration | None = None,
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


def _upstream(node: Node, what: str) -> Iterator[Node]:
    """Yield the nodes from this one to its source; raises `PlanError` at a union."""
    while True:
        yield node
        if isinstance(node, Union):
            raise PlanError(f"a union has no {what} of its own", hint="ask its inputs, and unite what they give")
        if not node.inputs:
            return
        (node,) = node.inputs


def _all(tests: Sequence[Expr]) -> Expr:
    whole, *others = tests
    for test in others:
        whole = whole & test
    return whole


def _lift(node: Node, pairs: Sequence[tuple[str, Expr]]) -> tuple[Node, tuple[tuple[str, Expr], ...]]:
    """Compute what calls Python functions in a with_columns before: where rows are grouped nothing may fail."""
    columns: list[tuple[str, Expr]] = []
    out: list[tuple[str, Expr]] = []
    taken = set(node.schema.names)
    for label, expr in pairs:
        if calls(expr):
            column = next(c for c in (label, *(f"{label}_{i}" for i in range(1, 1000))) if c not in taken)
            taken.add(column)
            columns.append((column, expr))
            out.append((label, col(column)))
        else:
            out.append((label, expr))
    return (WithColumns(input=node, columns=tuple(columns)) if columns else node), tuple(out)


def _lifted(node: Node, keys: tuple[tuple[str, Expr], ...], order: Order) -> tuple[Node, Any, Order]:
    node, keys = _lift(node, keys)
    node, by = _lift(node, [(f"order{i}", e) for i, e in enumerate(order.by)])
    return node, keys, replace(order, by=tuple(e for _, e in by))


def _lifted_aggregates(node: Node, aggregates: Mapping[str, Aggregate]) -> tuple[Node, Any]:
    parts = [(f"{n}_of", e) for n, a in aggregates.items() for e in a.expressions()]
    node, lifted = _lift(node, parts)
    exprs = iter(e for _, e in lifted)
    out: list[tuple[str, Aggregate]] = []
    for name, aggregate in aggregates.items():
        argument = None if aggregate.argument is None else next(exprs)
        out.append(
            (name, replace(aggregate, argument=argument, order_by=tuple(next(exprs) for _ in aggregate.order_by)))
        )
    return node, tuple(out)


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
