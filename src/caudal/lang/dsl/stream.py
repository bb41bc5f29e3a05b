"""Streams: what users chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import OptionError, PlanError
from caudal.core.naming import cut
from caudal.core.types import Schema
from caudal.lang.dsl import instead
from caudal.lang.dsl.functions import plain
from caudal.lang.dsl.grouped import Grouped, Windowed
from caudal.lang.dsl.joining import broadcast, cogroup, join
from caudal.lang.dsl.lifting import lifted, without_lifted
from caudal.lang.dsl.lookups import lookup
from caudal.lang.dsl.options import format_of_path, format_options, path_of, refuse_compressed, split
from caudal.lang.dsl.processing import Columns, Function, output, process
from caudal.lang.dsl.records import explode, with_event_time
from caudal.lang.dsl.throttling import throttle
from caudal.lang.dsl.windows import condition, expression, ordering
from caudal.plan.aggregates import Aggregate
from caudal.plan.building import coalesce
from caudal.plan.called import answered_methods
from caudal.plan.expr import Expr, col
from caudal.plan.nodes import (
    Copies,
    DeadLetters,
    Deduplicate,
    Filter,
    FlatMap,
    Keyed,
    Late,
    Map,
    Node,
    Select,
    Shuffle,
    Sink,
    Union,
    WithColumns,
    can_be_late,
)
from caudal.plan.plan import Plan
from caudal.plan.windows import Window
from caudal.ports import registry

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


@answered_methods
class Stream:
    """A stream of rows: an append-only table. Each method returns a new stream; nothing runs before the pipeline does."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def schema(self) -> Schema:
        """The columns and their types."""
        return self.node.schema

    def __repr__(self) -> str:
        return f"Stream({cut(str(self.schema), 200)})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<tr><td>{escape(f.name)}</td><td>{escape(str(f.dtype))}</td></tr>" for f in self.schema)
        return f"<table><tr><th>column</th><th>type</th></tr>{rows}</table>"

    def __getattr__(self, name: str) -> Any:
        raise instead.of_stream(self, name)

    def __getitem__(self, key: Any) -> Stream:
        raise instead.of_item(key)

    def __iter__(self) -> Iterator[Any]:
        raise instead.of_loop()

    def filter(self, predicate: Expr | str, *others: Any, name: str = "") -> Stream:
        """Keep the rows for which the predicate (an expression, or SQL text such as "code IN (401, 403)") is true."""
        if others:
            raise PlanError("filter takes one predicate", hint="join them: (a == 1) & (b > 2), | for or")
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
        for other in others:
            if not isinstance(other, Stream):
                raise PlanError(f"union takes streams, not {type(other).__name__}", hint="a.union(b, c)")
        return Stream(Union(name=name, streams=(self.node, *(o.node for o in others))))

    broadcast = broadcast
    cogroup = cogroup
    join = join
    lookup = lookup
    process = process
    throttle = throttle

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

    def map(self, function: Function, *, schema: Columns | None = None, name: str = "") -> Stream:
        """Make each row anew: a row as a dict in, a dict out, with the columns of `schema` (a missing one is null).

        The function runs in worker processes; a `cd.batch` function takes a polars frame and gives one of the same
        length. The row keeps its event time.
        """
        return Stream(Map(name=name, input=self.node, function=plain(function), output=output(schema)))

    def flat_map(self, function: Function, *, schema: Columns | None = None, name: str = "") -> Stream:
        """Make any number of rows of each: a row as a dict in, an iterable of dicts (or None) out.

        A `cd.batch` function takes a polars frame with a column `_row` and gives one of any length that has it too: it
        says which row each comes from. The rows have the event time of the one they come from.
        """
        return Stream(FlatMap(name=name, input=self.node, function=plain(function), output=output(schema)))

    explode = explode
    with_event_time = with_event_time

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
        self,
        function: Function,
        *,
        schema: Columns | None = None,
        order_by: Any = None,
        order: str = "event_time",
        name: str = "",
    ) -> Stream:
        """Fold all rows, as one group, by a function of state and row: see `Grouped.reduce`."""
        return Grouped(self.node, ()).reduce(function, schema=schema, order_by=order_by, order=order, name=name)

    def deduplicate(
        self,
        keys: Expr | str | Sequence[Expr | str],
        *,
        within: Duration | None = None,
        since: Literal["passed", "seen"] = "passed",
        order_by: Any = None,
        order: str = "event_time",
        name: str = "",
    ) -> Stream:
        """Pass on the rows whose keys no row had that was passed on at most `within` before (None: ever).

        `since="seen"`: that came at most `within` before, passed on or not: what is new again after a silence of its own.
        Rows are taken in the order of event time, ties by `order_by`; one that comes later than the disorder is late.
        Without `within` every key is kept for ever. `order="arrival"` takes rows as they come, over one partition.
        """
        if since not in ("passed", "seen"):
            raise PlanError(f"since='{since}' of deduplicate", hint='since="passed" or since="seen"')
        listed = [keys] if isinstance(keys, str | Expr) else list(keys)
        within_ms = 0 if within is None else duration.parse(within, what="within")
        node, pairs, ordered = lifted(self.node, _named(listed, {}), ordering(order_by, order))
        made = Deduplicate(name=name, input=node, keys=pairs, within=within_ms, seen=since == "seen", order=ordered)
        return Stream(without_lifted(made, self.node))

    def late(self, *, name: str = "") -> Stream:
        """The rows that came too late for the nearest stateful operator upstream: whole rows, with late_* columns."""
        for node in _upstream(self.node):
            if isinstance(node, Keyed) and can_be_late(node.input):
                return Stream(Late(name=name, input=node))
        raise PlanError("there are no late rows: no window or other stateful operator stands upstream")

    def dead_letters(self, *, name: str = "") -> Stream:
        """What the sources and the Python functions upstream could not take, with position, reason and payload."""
        found = [node for node in _all_upstream(self.node) if node.has_dead]
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
        instead.refuse_connector(connector, "to")
        plugin = registry.find("connector", connector)
        known = getattr(plugin, "sink_options", None)
        if known is None:
            raise OptionError(f"the connector '{connector}' cannot be written to")
        if connector == "files":
            refuse_compressed(path_of(options, "to", '.to("files", path="alerts.jsonl")'))
        format = format or getattr(plugin, "sink_format", "") or format_of_path(options.get("path"), known)
        own, rest = split(options, known, f"connector '{connector}'")
        given = format_options(format, rest, known, "writer_options", f"connector '{connector}'")
        sink = Sink(
            name=name,
            input=self.node,
            connector=connector,
            options=own,
            format=format,
            format_options=given,
            identity=identity,
        )
        if format:
            chosen = registry.find("format", format)
            chosen.encoder(sink.schema, {**chosen.writer_options, **dict(given)})
        return sink

    @overload
    def collect(self, to: Literal["polars"] = "polars", *, threads: int = 0) -> polars.DataFrame: ...
    @overload
    def collect(self, to: Literal["pandas"], *, threads: int = 0) -> pandas.DataFrame: ...
    @overload
    def collect(self, to: Literal["arrow"], *, threads: int = 0) -> pyarrow.Table: ...
    def collect(self, to: str = "polars", *, threads: int = 0) -> Any:
        """Run the stream over its bounded sources and return its rows as a frame.

        Rows of one partition come in source order, window results by (end, key). Raises `UserError` when a source is
        live, `RunError` when a source breaks.
        """
        return registry.find("runner", "collect")(self, to, threads=threads)

    @overload
    def head(self, n: int = 10, to: Literal["polars"] = "polars") -> polars.DataFrame: ...
    @overload
    def head(self, n: int = 10, *, to: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def head(self, n: int = 10, *, to: Literal["arrow"]) -> pyarrow.Table: ...
    def head(self, n: int = 10, to: str = "polars") -> Any:
        """Run the stream until it has `n` rows, and return these: the first of what `collect` gives.

        No more is read than they need, give or take what is in flight. Raises as `collect` does.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 0:
            raise OptionError(f"head takes a number of rows, not {n!r}", hint="head(10)")
        return registry.find("runner", "collect")(self, to, first=n)


def pipeline(name: str, *sinks: Sink) -> Plan:
    """Return a pipeline: a name and the sinks that its streams end in. A pipeline file has one top-level `pipeline`."""
    if not isinstance(name, str):
        raise PlanError("a pipeline needs a name first", hint='cd.Pipeline("dos", alerts.to(...))')
    for sink in sinks:
        if isinstance(sink, Stream):
            raise PlanError("a stream does not end in a sink", hint='add .to("files", path=...) or .to("console")')
        if isinstance(sink, list | tuple):
            raise PlanError("a pipeline takes its sinks one by one", hint='cd.Pipeline("dos", a, b), or *sinks')
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


def _upstream(node: Node) -> Iterator[Node]:
    """Yield the nodes from this one to its source; raises `PlanError` at a union."""
    while True:
        yield node
        if isinstance(node, Union):
            raise PlanError("a union has no late rows of its own", hint="ask its inputs, and unite what they give")
        if not node.inputs:
            return
        (node,) = node.inputs


def _all_upstream(node: Node) -> list[Node]:
    """Return this node and all that it reads, each once, the nearest first."""
    found = {node: None}
    for each in (waiting := [node]):
        new = [above for above in each.inputs if above not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return [*found]


def _all(tests: Sequence[Expr]) -> Expr:
    whole, *others = tests
    for test in others:
        whole = whole & test
    return whole
