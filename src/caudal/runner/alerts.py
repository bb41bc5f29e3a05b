"""The rows that made an alert: found by replaying the pipeline over the same input.

A result is followed back through what maps it row by row to the operator that made it, and that operator's rows are gathered by what
tells them: a window's key and bounds, a pattern's events, the sides of a join.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from caudal.core.errors import OptionError, nearest
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr, lit
from caudal.plan.nodes import (
    RESERVED,
    Broadcast,
    DeadLetters,
    Deduplicate,
    Ewma,
    Filter,
    Join,
    Key,
    Keyed,
    Lag,
    Lead,
    Match,
    Node,
    Running,
    Select,
    Sink,
    Source,
    Throttle,
    Windowed,
    WindowTop,
    WithColumns,
)
from caudal.plan.nodes.join import TwoSided
from caudal.plan.plan import Plan
from caudal.plan.windows import CountWindow, Sliding
from caudal.runner.capture import capture
from caudal.runner.comparison import plain_value
from caudal.runner.sides import role_of

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

IDENTITY = "__caudal_identity"
_PLACE = "__caudal_place"
_ROW = "__caudal_row "
_KEY = "__caudal_key "
_FILTERED = ("string", "int32", "int64", "bool")
"""Types of keys that rows are left out by before they are gathered."""


@dataclass(frozen=True, slots=True)
class Made:
    """An alert and the rows that made it, as JSON lines have them. `operator`: what made it of them; `told`: how, in words;
    `parts`: the rows by their part in it.
    """

    sink: str
    alert: Row
    operator: str
    told: str
    parts: dict[str, list[Row]]


def made(plan: Plan, alert: str, *, threads: int = 0) -> Made:
    """Return the rows that made an alert of a pipeline over bounded sources.

    `alert`: its identity, or the row itself (or some of its columns) as a JSON object. Raises `OptionError` where there is no such
    alert, where the sources are live, or where what made it cannot be told row by row.
    """
    plan = plan.pinned()
    wanted = _wanted(alert)
    sink, row = _found(plan, wanted, threads)
    operator = _maker(sink)
    parts: dict[str, pl.DataFrame] = {}
    told = "a row of the source"
    if not isinstance(operator, Source):
        told, parts = _parts(plan, operator, _of(plan, sink, operator, row, threads), threads)
    return Made(sink.name, _plain(row)[0], operator.name, told, {part: _plain(rows) for part, rows in parts.items()})


def _wanted(alert: str) -> str | dict[str, Any]:
    if not alert.lstrip().startswith("{"):
        return alert.strip()
    try:
        return json.loads(alert)
    except ValueError as error:
        raise OptionError(
            "--alert is no JSON object", detail=str(error), hint="paste the alert as it was written"
        ) from None


def _found(plan: Plan, wanted: str | dict[str, Any], threads: int) -> tuple[Sink, pl.DataFrame]:
    """Return the alert, as one row with its identity, and the sink that it goes to."""
    rows = _captured(plan, threads)
    sinks = [sink for sink in plan.sinks if role_of(sink) == "out"]
    fits = [each for sink in sinks if sink.name in rows for each in _fits(sink, rows[sink.name], wanted)]
    if fits:
        closest = max(fit.given for fit in fits)
        best = [fit for fit in fits if fit.given == closest]
        _refuse_several(best)
        return best[0].sink, best[0].row
    names = sorted({name for sink in sinks for name in sink.input.schema.names})
    hint = "an identity as `identity=` of a sink writes it, or the row as JSON"
    if isinstance(wanted, dict):
        unknown = [name for name in wanted if name not in names]
        hint = nearest(unknown[0], names) if unknown else "times are written as in JSON lines: 2026-11-21T22:41:39.000Z"
    raise OptionError("the pipeline makes no such alert of this input", hint=hint)


_SOME, _WHOLE, _IDENTITY = range(3)
"""What is given of a row: some columns, all of them, its identity."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A row that may be the one that is asked for. `written`: as JSON lines have it; `given`: what was given of it."""

    sink: Sink
    row: pl.DataFrame
    written: Row
    given: int

    @property
    def origin(self) -> tuple[Node, str]:
        """What made it, and which of its rows it is: equal for rows that the same is to be told of."""
        return _behind(self.sink), self.row[IDENTITY][0] or repr(self.written)


def _fits(sink: Sink, known: pl.DataFrame, wanted: str | dict[str, Any]) -> Iterator[_Fit]:
    """Yield the rows of a sink that have what is given of one."""
    if isinstance(wanted, str):
        mine = known.filter(known[IDENTITY] == wanted).head(1)
        if mine.height:
            yield _Fit(sink, mine, _plain(mine)[0], _IDENTITY)
        return
    given = {name: value for name, value in wanted.items() if name != sink.identity}
    identity = wanted.get(sink.identity)
    for i, (written, bare) in enumerate(zip(_plain(known), known.to_dicts(), strict=True)):
        if all(name in written and _is(written[name], bare[name], value) for name, value in given.items()):
            its = identity is not None and known[IDENTITY][i] == identity
            much = _IDENTITY if its else _WHOLE if len(given) == len(written) else _SOME
            yield _Fit(sink, known.slice(i, 1), written, much)


def _is(written: Any, value: Any, given: Any) -> bool:
    """Whether a value is what was given: as it is written, or as JSON lines have it, in which what is no number is null."""
    return written == given or plain_value(_finite(value)) == _finite(given)


def _finite(value: Any) -> Any:
    """Return a value with null for each NaN and infinity in it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return {name: _finite(each) for name, each in value.items()} if isinstance(value, dict) else value


def _refuse_several(fits: Sequence[_Fit]) -> None:
    """Raise `OptionError` where rows may be meant of which different things are to be told; equal ones of one origin may be."""
    if len({fit.origin for fit in fits}) == 1:
        return
    if all(fit.written == fits[0].written for fit in fits) and len({_behind(fit.sink) for fit in fits}) == 1:
        return
    names = ", ".join(dict.fromkeys(fit.sink.name for fit in fits))
    if fits[0].given == _SOME:
        raise OptionError(
            f"{len(fits):,} rows fit this alert, of {names}",
            hint="paste the whole row, as it was written, or its identity",
        )
    raise OptionError(
        f"{len(fits):,} rows are like this alert, of {names}",
        hint="give its identity, as `identity=` of a sink writes it",
    )


def _behind(sink: Sink) -> Node:
    """Return what makes the rows of a sink, which come to it one by one."""
    node: Node = sink.input
    while node.row_wise:
        (node,) = node.inputs
    return node


def _maker(sink: Sink) -> Node:
    """Return the operator that the rows of a sink are made by, one by one what it gives."""
    node = _behind(sink)
    if isinstance(node, Source | Keyed):
        return node
    raise OptionError(
        f"what made a row of {node.name} cannot be told: it is of kind {node.kind}",
        hint="write the rows before it to a sink of their own, and ask for one of these",
    )


def _captured(plan: Plan, threads: int) -> dict[str, pl.DataFrame]:
    return capture(plan, threads=threads, identity=IDENTITY, what="replaying").rows


def _rows(plan: Plan, nodes: Mapping[str, Node], threads: int) -> dict[str, pl.DataFrame]:
    """Return the rows of some nodes, over the sources of the plan; the names are none of operators, whose names users choose."""
    import polars as pl

    ids = {name: f"__caudal_rows_{name}" for name in nodes}
    sinks = [
        Sink(name=ids[name], input=node, connector="memory", options=(("into", []),)) for name, node in nodes.items()
    ]
    rows = _captured(Plan(plan.name, tuple(sinks)), threads)
    return {name: rows[id] if (id := ids[name]) in rows else pl.DataFrame() for name in nodes}


def _of(plan: Plan, sink: Sink, operator: Node, row: pl.DataFrame, threads: int) -> pl.DataFrame:
    """Return the operator's own row for an alert."""
    rows = _rows(plan, {"of": operator}, threads)["of"]
    found = rows.filter(rows[IDENTITY] == row[IDENTITY][0])
    if not found.height:
        raise OptionError(
            f"what made a row of {sink.name} cannot be told: {operator.name} does not tell its rows apart"
        )
    return found.head(1)


# -- what an operator makes rows of


def _parts(plan: Plan, node: Node, of: pl.DataFrame, threads: int) -> tuple[str, dict[str, pl.DataFrame]]:
    if isinstance(node, Join):
        return _sides(node, of)
    if isinstance(node, Windowed):
        return _window(plan, node, of, threads)
    if isinstance(node, Match):
        return _match(plan, node, of, threads)
    if isinstance(node, Broadcast):
        return _setting(node, of)
    if isinstance(node, Running | Ewma | Throttle):
        return _up_to(plan, node, of, threads)
    if isinstance(node, Deduplicate | Lag | Lead):
        return "a row that it let through", {"row": of}
    assert isinstance(node, Keyed)
    return _taken(plan, node, of, threads)


def _keys(node: Keyed, of: pl.DataFrame) -> Row:
    """Return the keys that the operator's row has, by their columns: not what is called as a key and was passed on."""
    results = node.results()
    own = [name for name, expr in node.keys if isinstance(expr, Column) and expr.name == name]
    names = [name for name, _ in node.keys if name in own or isinstance(results.get(name), Key)]
    return {name: of[name][0] for name in names if name in of.columns}


def _only(node: Keyed, of: pl.DataFrame) -> Node:
    """Return the operator's input of its row's keys, as far as that can be said; whether a row is late does not hang on others."""
    tests: list[Expr] = []
    for name, value in _keys(node, of).items():
        expr = dict(node.keys)[name]
        dtype = expr.dtype(node.input.schema)
        if value is None:
            tests.append(expr.is_null())
        elif dtype.name in _FILTERED:
            tests.append(expr == lit(value, dtype))
    return Filter(input=node.input, predicate=reduce(and_, tests)) if tests else node.input


def _same(rows: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows that have these values, null among them; columns that there are not decide nothing."""
    import polars as pl

    for name, value in values.items():
        if name in rows.columns:
            rows = rows.filter(pl.col(name).eq_missing(pl.lit(value, rows[name].dtype)))
    return rows


def _window(plan: Plan, node: Windowed, of: pl.DataFrame, threads: int) -> tuple[str, dict[str, pl.DataFrame]]:
    bounds = {name: of[name][0] for name in RESERVED}
    rows = _rows(plan, {"rows": _whole(node, _only(node, of))}, threads)["rows"]
    mine = _same(rows, _keys(node, of) | bounds)
    own = {f"{_ROW}{name}": name for name in node.input.schema.names if f"{_ROW}{name}" in mine.columns}
    return f"the rows of its key in {node.window}", {"rows": mine.select(own.keys()).rename(own)}


def _whole(node: Windowed, rows: Node) -> WindowTop:
    """Return all rows of each key and window: these may have columns that are called as keys or bounds are."""
    window, keyed = node.window, [(f"{_ROW}key {name}", expr) for name, expr in node.keys]
    ties = window.order.by if isinstance(window, CountWindow) else ()
    ordered = [(f"{_ROW}order {i}", expr) for i, expr in enumerate(ties)]
    own = [(f"{_ROW}{name}", Column(name)) for name in rows.schema.names]
    if isinstance(window, CountWindow):
        window = replace(window, order=replace(window.order, by=tuple(Column(name) for name, _ in ordered)))
    return WindowTop(
        name=f"{_ROW}whole",
        input=Select(input=rows, columns=(*own, *keyed, *ordered)),
        keys=tuple((name, Column(f"{_ROW}key {name}")) for name, _ in node.keys),
        window=window,
        by=((lit(0), False),),
    )


def _sides(node: Join, of: pl.DataFrame) -> tuple[str, dict[str, pl.DataFrame]]:
    return f"{node.how} join; the rows of both sides stand in the pair", _apart(node, of, ("left", "right"))


def _setting(node: Broadcast, of: pl.DataFrame) -> tuple[str, dict[str, pl.DataFrame]]:
    part, what = ("latest", "latest row") if node.gone else ("setting", "newest setting")
    told = (
        f"a row whose key had no {what.split()[1]}" if node.anti else f"the row, and the {what} of its key at its time"
    )
    return told, _apart(node, of, ("row", part))


def _apart(node: TwoSided, of: pl.DataFrame, called: tuple[str, str]) -> dict[str, pl.DataFrame]:
    """Return the columns of each side, where there is one."""
    shared = [name for name, _ in node.keys if name in of.columns and name not in (*node.left, *node.right)]
    parts: dict[str, pl.DataFrame] = {}
    for side, names in zip(called, (node.left, node.right), strict=True):
        mine = of.select([*shared, *(name for name in names if name in of.columns)])
        if any(mine[name][0] is not None for name in mine.columns if name not in shared):
            parts[side] = mine
    return parts


def _numbered(node: Keyed, of: pl.DataFrame) -> Running:
    """Return the rows that an operator takes, late ones not, each with its keys and its number among those of its key."""
    assert node.ordering is not None
    rows = _only(node, of)
    if node.keys:
        rows = WithColumns(input=rows, columns=tuple((f"{_KEY}{name}", expr) for name, expr in node.keys))
    return Running(
        name=f"{_PLACE}s",
        input=rows,
        keys=tuple((f"{_KEY}{name}", Column(f"{_KEY}{name}")) for name, _ in node.keys),
        frame=Sliding(order=node.ordering),
        aggregates=((_PLACE, Aggregate("count")),),
    )


def _keyed(keys: Row) -> Row:
    """Return keys by the columns that numbered rows have them in."""
    return {f"{_KEY}{name}": value for name, value in keys.items()}


def _nth(rows: pl.DataFrame, of: pl.DataFrame, names: Iterable[str]) -> int:
    """Return which of some rows an operator's row is: by how values are written, since NaN is equal to itself here."""
    shown = [name for name in names if name in rows.columns]
    mine = repr(of.select(shown).row(0))
    return next(i for i, each in enumerate(rows.select(shown).iter_rows()) if repr(each) == mine)


def _match(plan: Plan, node: Match, of: pl.DataFrame, threads: int) -> tuple[str, dict[str, pl.DataFrame]]:
    keys = _keys(node, of)
    numbered = _numbered(node, of)
    events = [event.name for event in node.pattern.taking]
    again = replace(
        node,
        name="__caudal_again",
        input=numbered,
        aggregates=tuple((f"{_PLACE} {e}", Aggregate("collect", Column(_PLACE), of=e)) for e in events),
    )
    only = replace(node, name="__caudal_only", input=_only(node, of))
    rows = _rows(plan, {"rows": numbered, "places": again, "matches": only}, threads)
    names = [*keys, "match_start", "match_end", *(name for name, _ in node.aggregates)]
    nth = _nth(rows["matches"], of, names)
    parts: dict[str, pl.DataFrame] = {}
    for event in events:
        places = rows["places"][f"{_PLACE} {event}"][nth]
        taken = rows["rows"].filter(rows["rows"][_PLACE].is_in(places))
        parts[event] = _same(taken, _keyed(keys))
    return "the rows that its events took", parts


def _up_to(
    plan: Plan, node: Running | Ewma | Throttle, of: pl.DataFrame, threads: int
) -> tuple[str, dict[str, pl.DataFrame]]:
    """Return the last rows of a key up to the operator's own."""
    numbered = _numbered(node, of)
    again: Keyed = replace(node, name="__caudal_again", input=numbered)
    count, told = _PLACE, "the rows of its key, up to its own"
    if isinstance(again, Running):
        count, told = f"{_PLACE} in", f"the rows of its key in {again.frame}, up to its own"
        again = replace(again, aggregates=(*again.aggregates, (count, Aggregate("count"))))
    rows = _rows(plan, {"rows": numbered, "again": again}, threads)
    own = rows["again"].row(_nth(rows["again"], of, node.schema.names), named=True)
    size = own[count]
    if isinstance(node, Throttle):
        size, told = own[node.into] + 1, "a row that it let through, behind those of its key that were held back for it"
    taken = rows["rows"].filter((rows["rows"][_PLACE] > own[_PLACE] - size) & (rows["rows"][_PLACE] <= own[_PLACE]))
    mine = _same(taken, _keyed({name: own[f"{_KEY}{name}"] for name, _ in node.keys}))
    return told, {"rows": mine.select(node.input.schema.names)}


def _taken(plan: Plan, node: Keyed, of: pl.DataFrame, threads: int) -> tuple[str, dict[str, pl.DataFrame]]:
    """Return all rows of a key that an operator took: none that was late, or that its function failed on."""
    numbered = _numbered(node, of)
    nodes: dict[str, Node] = {"rows": numbered}
    told = "all rows of its key that it took"
    if node.functions:
        again = replace(node, name="__caudal_again", input=_only(node, of))
        nodes |= {"given": again.input, "dead": DeadLetters(input=again)}
        told += "; which of them decided, its function knows"
    rows = _rows(plan, nodes, threads)
    mine = _same(rows["rows"], _keyed(_keys(node, of))).select(node.input.schema.names)
    if rows.get("dead") is not None and rows["dead"].height:
        given, dead = rows["given"], rows["dead"][IDENTITY]
        failed = given.filter(given[IDENTITY].is_in(dead.implode()))
        mine = _without(mine, failed.select(mine.columns))
        if dead.len() > failed.height:
            told += f" ({dead.len() - failed.height:,} dead letters of it do not tell of which row they are)"
    return told, {"rows": mine}


def _without(rows: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the rows without one for each of these, by how values are written."""
    import polars as pl

    left = Counter(map(repr, gone.iter_rows()))
    stay: list[bool] = []
    for row in map(repr, rows.iter_rows()):
        stay.append(not left[row])
        left[row] -= not stay[-1]
    return rows.filter(pl.Series(stay, dtype=pl.Boolean))


def _plain(rows: pl.DataFrame) -> list[Row]:
    """Return rows as JSON lines would have them, without what was added to find them."""
    names = [name for name in rows.columns if not name.startswith("__caudal_")]
    return [{name: plain_value(value) for name, value in row.items()} for row in rows.select(names).to_dicts()]
