"""What is made of windows over bounded input: their rows are folded, ranked or handed to a function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caudal.core.types import INT64, TIMESTAMP, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm import sides
from caudal.engines.jvm.assigning import Cells, Extra, assigned, key_names
from caudal.engines.jvm.dialect import Item
from caudal.engines.jvm.hidden_columns import TIME, WATERMARK
from caudal.engines.jvm.relation import Call, Group, Named, Over, Relation, View, column, kept, quoted
from caudal.engines.jvm.shape import END, FAILURE, NTH, REASON, START, Windowed
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column
from caudal.plan.nodes import WindowAggregate, WindowApply, WindowTop

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

RANK = "__r"
"""The number of a row in its window, or among those of its key, from 1 on."""


def finished(
    lo: Lowering, node: Windowed, cells: Cells, rows: Relation, columns: Sequence[Named], number: str = ""
) -> View:
    """Return a window operator's results: keys and columns of rows, hidden ones behind them.

    `number`: the text of a row's number where a window gives several.
    """
    made = named_keys(node) + list(columns)
    made += [(TIME, f"{quoted(END)} - 1"), (WATERMARK, "CAST(NULL AS BIGINT)")]
    ranking = Over("DENSE_RANK()" if number else "ROW_NUMBER()", (), cells.ranked)
    return lo.view(node, "", rows.project([*made, *lo.place(node, f"CAST({ranking} AS BIGINT) - 1", number)]))


def named_keys(node: Windowed) -> list[Named]:
    """Return the keys by their names."""
    return [(column(name), quoted(key)) for (name, _), key in zip(node.keys, key_names(node), strict=True)]


def folded_extras(node: WindowAggregate) -> list[Extra]:
    """Return what aggregates take of a row: arguments `__a{i}`, and `__b{i}_{j}` of their own order."""
    schema = node.input.schema
    extras: list[Extra] = []
    for i, (_, each) in enumerate(node.aggregates):
        if each.argument is not None:
            extras.append((f"__a{i}", each.argument, each.argument.dtype(schema)))
        extras += [(f"__b{i}_{j}", e, e.dtype(schema)) for j, e in enumerate(each.order_by)]
    return extras


def item_of(node: WindowAggregate, i: int, rank: str) -> Item:
    """Return the aggregate of this number as its dialect writes it; `rank`: what orders its rows."""
    name, each = node.aggregates[i]
    dtype = each.argument.dtype(node.input.schema) if each.argument is not None else INT64
    return Item(
        each.function,
        f"__a{i}" if each.argument is not None else "",
        dtype,
        node.schema.dtype(name),
        rank,
        each.options,
    )


def ranked_extras(node: WindowTop) -> tuple[list[Field], list[Extra]]:
    """Return the columns that pass, and what is taken of a row: these as `__x{i}`, and `__b{i}`, by which it is ranked."""
    schema = node.input.schema
    passed = [f for f in schema if f.name not in {name for name, _ in node.keys}]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(passed)]
    return passed, extras + [(f"__b{i}", expr, expr.dtype(schema)) for i, (expr, _) in enumerate(node.by)]


def aggregate(lo: Lowering, node: WindowAggregate) -> View:
    """Lower `agg`: one row for each key and window."""
    cells = assigned(lo, node, folded_extras(node))
    items: list[Item] = []
    prepared: list[Named] = []
    for i, (_, each) in enumerate(node.aggregates):
        rank = ""
        if each.order_sensitive:
            rank = f"__r{i}"
            prepared.append((rank, _ranked(lo, node, cells, i, each)))
        item = item_of(node, i, rank and quoted(rank))
        prepared += lo.dialect.prepared(item, cells.inside, cells.order)
        items.append(item)
    rows = lo.view(node, "ranked", cells.view.plus(*prepared)) if prepared else cells.view
    folds: list[Named] = [
        (column(name), lo.dialect.aggregate(item, lo.functions))
        for item, (name, _) in zip(items, node.aggregates, strict=True)
    ]
    folded = Group(rows, cells.by, (*cells.shown(), *folds))
    return finished(lo, node, cells, folded, kept([START, END, *(column(n) for n, _ in node.aggregates)]))


def _ranked(lo: Lowering, node: WindowAggregate, cells: Cells, i: int, each: Aggregate) -> Over:
    """Return the number of a row in the order that an aggregate takes rows in, rows with a value first."""
    schema = node.input.schema
    backwards = each.function == "last"
    ties = [
        item
        for j, e in enumerate(each.order_by)
        for item in lo.dialect.sorted_by(quoted(f"__b{i}_{j}"), e.dtype(schema), descending=backwards)
    ]
    rest = cells.backwards if backwards else cells.order
    if ties:
        at = f"{quoted(TIME)} DESC" if backwards else quoted(TIME)
        rest = [at, *ties, *(r for r in rest if r != at)]
    nulls = f"CASE WHEN {quoted(f'__a{i}')} IS NULL THEN 1 ELSE 0 END"
    return Over("ROW_NUMBER()", cells.inside, [nulls, *rest])


def top(lo: Lowering, node: WindowTop) -> View:
    """Lower `top` and `sort`: the rows of a window, ranked."""
    schema = node.input.schema
    passed, extras = ranked_extras(node)
    cells = assigned(lo, node, extras)
    ranking = [
        item
        for i, (expr, descending) in enumerate(node.by)
        for item in lo.dialect.sorted_by(quoted(f"__b{i}"), expr.dtype(schema), descending=descending)
    ]
    rank = Over("ROW_NUMBER()", cells.inside, [*ranking, *cells.order])
    ranked = lo.view(node, "ranked", cells.view.plus((RANK, rank)))
    texts = {f.name: quoted(f"__x{i}") for i, f in enumerate(passed)}
    columns: list[Named] = kept([START, END])
    columns += [(column(f.name), texts[f.name]) for f in node.schema if f.name in texts]
    best = ranked.where(*([f"{quoted(RANK)} <= {node.limit}"] if node.limit else []))
    return finished(lo, node, cells, best, columns, f"CAST({quoted(RANK)} AS BIGINT)")


def apply(lo: Lowering, node: WindowApply) -> View:
    """Lower `apply`: what a function makes of all rows of a window."""
    taken = [f for f in node.input.schema if f.name in node.takes]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(taken)]
    cells = assigned(lo, node, extras)
    numbered = lo.view(node, "ranked", cells.view.plus((RANK, Over("ROW_NUMBER()", cells.inside, cells.order))))
    made, rows, gathered = window_call(lo, node, taken)
    groups = Group(numbered, cells.by, (*cells.shown(), ("__rows", lo.dialect.gathered(gathered))))
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in gathered))
    arguments = [("`__rows`", whole), (quoted(START), TIMESTAMP), (quoted(END), TIMESTAMP)]
    call = lo.functions.table(made, ("calling", "tables"), arguments, rows)
    stay = (*cells.group, *cells.bounds)
    called = lo.view(node, "calls", Call(groups, stay, call, rows), shared=True)
    failing = called.plus((TIME, f"{quoted(END)} - 1"))
    sides.add_dead(lo, node, lo.view(node, "failing", failing), whole=True)
    columns: list[Named] = kept([START, END])
    columns += [(column(f.name), quoted(f"__x{i}")) for i, f in enumerate(node.output)]
    return finished(lo, node, cells, called.where(f"{quoted(REASON)} IS NULL"), columns, quoted(NTH))


def window_call(
    lo: Lowering, node: WindowApply, taken: Sequence[Field]
) -> tuple[str, Schema, list[tuple[str, DataType]]]:
    """Return what calls a function on a window's rows, the rows that it gives, and the columns of those that it takes."""
    given = {f.name: f.dtype.spec for f in taken}
    output = {f.name: f.dtype.spec for f in node.output}
    function = node.function
    sides = "" if node.sides is None else f", {node.sides!r}"
    made = (
        f"each_window(window({lo.code.add(function)}, {function.kind!r}, {list(node.takes)!r}, {given!r}, {output!r}{sides}),"
        f" {[f.name for f in taken]!r})"
    )
    rows = Schema([Field(NTH, INT64), *(Field(f"__x{i}", f.dtype) for i, f in enumerate(node.output)), *FAILURE])
    return made, rows, [(RANK, INT64), *((f"__x{i}", f.dtype) for i, f in enumerate(taken))]
