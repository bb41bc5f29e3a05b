"""What to write instead of a stream's method that is not there, or of a connector that is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from caudal.core.errors import Misuse, NoSuchName, OptionError, PlanError, nearest
from caudal.plan.aggregates import Aggregate
from caudal.plan.averages import Ewma
from caudal.plan.expr import Expr
from caudal.ports import registry

WINDOWED = '.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count())'

_STREAM = {
    "agg": f"{WINDOWED}; .running(total=cd.count()) gives a row per event",
    "aggregate": WINDOWED,
    "alias": "rename columns by .rename({...}); an operator is named by name=",
    "apply": ".map(function, schema={...}) for each row, .window(...).apply(function, schema={...}) for whole windows",
    "assign": ".with_columns(rate=col(...) / 60)",
    "count": WINDOWED,
    "distinct": '.deduplicate("ip", within="1h")',
    "drop_duplicates": '.deduplicate("ip", within="1h")',
    "dropDuplicates": '.deduplicate("ip", within="1h")',
    "unique": '.deduplicate("ip", within="1h")',
    "flatMap": ".flat_map(function, schema={...})",
    "foreach": '.map(function, schema={...}), or a sink: .to("console")',
    "groupBy": '.group_by("ip")',
    "groupby": '.group_by("ip")',
    "key_by": '.group_by("ip")',
    "keyBy": '.group_by("ip")',
    "partition_by": '.group_by("ip")',
    "having": '.filter("total > 30") behind .agg(...)',
    "match": '.group_by("ip").match(fail.times(5) >> ok, within="10m").agg(fails=cd.count(of="fail"))',
    "match_recognize": '.group_by("ip").match(fail.times(5) >> ok, within="10m").agg(fails=cd.count(of="fail"))',
    "pattern": '.group_by("ip").match(fail.times(5) >> ok, within="10m").agg(fails=cd.count(of="fail"))',
    "limit": ".head(10)",
    "take": ".head(10)",
    "show": '.head(), or .to("console") in a pipeline',
    "print": '.to("console") in a pipeline, or .head()',
    "sink": '.to("files", path="alerts.jsonl")',
    "write": '.to("files", path="alerts.jsonl")',
    "write_stream": '.to("files", path="alerts.jsonl")',
    "writeStream": '.to("files", path="alerts.jsonl")',
    "order_by": '.window(cd.tumbling("1h")).sort(by="bytes"): only what ends can be sorted',
    "orderBy": '.window(cd.tumbling("1h")).sort(by="bytes"): only what ends can be sorted',
    "sort": '.window(cd.tumbling("1h")).sort(by="bytes"): only what ends can be sorted',
    "sort_values": '.window(cd.tumbling("1h")).sort(by="bytes"): only what ends can be sorted',
    "top": '.window(cd.tumbling("1h")).top(10, by="bytes")',
    "run": 'cd.run(cd.Pipeline("dos", alerts.to("console"))), or .collect()',
    "execute": 'cd.run(cd.Pipeline("dos", alerts.to("console"))), or .collect()',
    "start": 'cd.run(cd.Pipeline("dos", alerts.to("console"))), or .collect()',
    "to_pandas": '.collect("pandas")',
    "toPandas": '.collect("pandas")',
    "to_polars": ".collect()",
    "to_arrow": '.collect("arrow")',
    "tumbling": '.window(cd.tumbling("3s"))',
    "where": ".filter(...)",
    "withColumn": ".with_columns(rate=col(...) / 60)",
    "with_column": ".with_columns(rate=col(...) / 60)",
    "withColumnRenamed": '.rename({"old": "new"})',
    "query": '.filter("total > 30")',
    "columns": ".schema.names",
    "dtypes": ".schema",
}
_ENDS_GROUP = "a grouped stream waits for .window(...), .running(...), .match(...) or .reduce(...)"
_ENDS_WINDOW = "a windowed stream waits for .agg(...), .apply(...), .top(...) or .sort(...)"


def of_stream(stream: Any, name: str) -> AttributeError:
    """Return the error of a method that a stream has not."""
    if name.startswith("_"):
        return AttributeError(name)
    if name in stream.schema:
        return NoSuchName(f"a stream has no '{name}'", hint=f'write col("{name}") for its column')
    known = [n for n in dir(type(stream)) if not n.startswith("_")]
    hint = (
        f"write {_STREAM[name]}" if _STREAM.get(name, "").startswith(".") else _STREAM.get(name) or nearest(name, known)
    )
    return NoSuchName(f"a stream has no '{name}'", hint=hint)


def of_unfinished(waiting: Any, name: str) -> AttributeError:
    """Return the error of a method that keys or windows have not: a stream again is what is made of them."""
    if name.startswith("_"):
        return AttributeError(name)
    grouped = type(waiting).__name__ == "Grouped"
    ends = _ENDS_GROUP if grouped else _ENDS_WINDOW
    if type(waiting).__name__ == "Matched":
        return NoSuchName(
            f"there is no '{name}' here: a pattern waits for .agg(...)", hint='.agg(fails=cd.count(of="fail"))'
        )
    return NoSuchName(f"there is no '{name}' here: {ends}", hint=WINDOWED)


def of_latest(key: tuple[str, ...], name: str) -> AttributeError:
    """Return the error of a method that a table of latest rows has not: it is no stream."""
    if name.startswith("_"):
        return AttributeError(name)
    quoted = ", ".join(f'"{each}"' for each in key)
    on = quoted if len(key) == 1 else f"[{quoted}]"
    return NoSuchName(
        f"a table of latest rows has no '{name}': it is no stream", hint=f"look it up: rows.lookup(table, on={on})"
    )


def of_item(key: Any) -> Misuse:
    """Return the error of `stream[key]`."""
    if isinstance(key, Expr):
        return Misuse("a stream cannot be indexed", hint=f"write .filter({key})")
    name = key if isinstance(key, str) else "ip"
    return Misuse(
        "a stream cannot be indexed", hint=f'write col("{name}") for a column, .select("{name}") for a stream of it'
    )


def of_loop() -> Misuse:
    """Return the error of a loop over a stream."""
    return Misuse(
        "a stream is not a list of rows",
        hint="for row in stream.collect().iter_rows(named=True); .map(...) runs a function",
    )


def refuse_connector(given: Any, side: str) -> None:
    """Raise `OptionError` for what is no connector's name; `side`: "source" or "to"."""
    names = ", ".join(sorted(registry.available("connector")))
    to = side == "to"
    if not isinstance(given, str):
        hint = (
            '.collect() gives the rows, .to("memory", into=[]) keeps them, .map(function, schema={...}) calls a function'
            if to
            else 'rows of Python\'s: cd.source("memory", rows=..., schema={...}), a list, a frame or a function that yields tables'
        )
        what = "a function" if callable(given) else f"a {type(given).__name__}"
        raise OptionError(f"{side}() takes a connector's name first, not {what}", detail=f"known: {names}", hint=hint)
    if given in registry.available("connector"):
        return
    if given == "-" or os.sep in given or "." in given or "*" in given:
        call = f'.to("files", path="{given}")' if to else f'cd.source("files", path="{given}", ...)'
        raise OptionError(f"'{given}' is no connector", detail=f"known: {names}", hint=f"write {call}")


def no_name(aggregates: tuple[Any, ...]) -> PlanError:
    """Return the error of aggregates without a name."""
    first = aggregates[0]
    label = getattr(first, "function", "total")
    return PlanError(
        f"the aggregate {first} has no name", hint=f".agg({label}=...): its column's name stands before it"
    )


def refuse_aggregates(unnamed: tuple[Any, ...], aggregates: Mapping[str, Any]) -> None:
    """Raise `PlanError` for aggregates without a name, and for what is none."""
    if unnamed:
        raise no_name(unnamed)
    for column, aggregate in aggregates.items():
        if isinstance(aggregate, Aggregate):
            continue
        if isinstance(aggregate, Ewma):
            hint = f"{column} beside each row: .running({column}=cd.ewma(...)); behind the window: .group_by(...).running(...)"
            raise PlanError(f"'{column}' is an average over all rows so far, which has no window", hint=hint)
        if getattr(aggregate, "__module__", "") == "caudal.lang.dsl.aggregates" and callable(aggregate):
            called = f"{column}=cd.{aggregate.__name__}()"  # pyright: ignore[reportFunctionMemberAccess]
            raise PlanError(f"'{column}' is a function that is not called", hint=called)
        hint = "cd.count(), cd.sum('bytes') ...; compute with them in a with_columns behind agg"
        raise PlanError(f"'{column}' is not an aggregate: {aggregate}", hint=hint)
