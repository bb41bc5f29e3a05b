"""Which windows a row is in, over bounded input: rows are put into cells, and late ones are made known.

Windows in time are arithmetic over BIGINT milliseconds; sessions are runs of rows without a gap. Windows of so many rows are
a keyed step (`steps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caudal.core.types import DataType
from caudal.engines.jvm import sides
from caudal.engines.jvm.hidden_columns import PLACE, TIME, WATERMARK
from caudal.engines.jvm.relation import Explode, Named, Over, Relation, View, kept, quoted
from caudal.engines.jvm.shape import END, NTH, START, Windowed
from caudal.plan.expr import Expr
from caudal.plan.nodes import Keyed
from caudal.plan.windows import Cumulative, Hopping, Order, Session, Window

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

Extra = tuple[str, Expr, DataType]
"""A column that is computed of an input row: name, expression, type."""


@dataclass(slots=True)
class Cells:
    """Rows with the window that each stands in. `group`: the columns that make a window, `inside`: what
    PARTITION BY takes for them; `order`: that of its rows, `backwards`: from its end."""

    view: View
    group: list[str]
    inside: list[str]
    order: list[str]
    backwards: list[str]
    ranked: list[str] = field(default_factory=list[str])
    """How windows are ordered, by columns of a cell."""
    bounds: dict[str, str] = field(default_factory=dict[str, str])
    """Bounds that depend on the columns of the group: computed behind the grouping, which is cheaper without them."""

    @property
    def by(self) -> tuple[Named, ...]:
        """The columns that make a window."""
        return tuple(kept(self.group))

    def shown(self) -> list[Named]:
        """Return the bounds of a cell, where its rows are grouped."""
        return list(self.bounds.items())


def assigned(lo: Lowering, node: Windowed, extras: Sequence[Extra]) -> Cells:
    """Put the rows of a window operator into their windows; late ones are made known, and left out."""
    return _ASSIGN[type(node.window)](lo, node, node.window, extras)


def key_names(node: Keyed) -> list[str]:
    """Return the hidden columns that hold the keys."""
    return [f"__k{i}" for i in range(len(node.keys))]


def parts(lo: Lowering, node: Keyed, more: Sequence[str] = ()) -> list[str]:
    """Return what parts rows by key (and further columns of numbers) in PARTITION BY."""
    schema = node.inputs[0].schema
    keys = [lo.dialect.parts(quoted(f"__k{i}"), expr.dtype(schema)) for i, (_, expr) in enumerate(node.keys)]
    return [*(text for each in keys for text in each), *(quoted(m) for m in more)]


def keyed_rows(lo: Lowering, node: Keyed, extras: Sequence[Extra], conditions: Sequence[str]) -> View:
    """Return a node's input rows with keys `__k0` ... and extra columns, hidden ones beside them."""
    above = node.inputs[0]
    schema = above.schema
    columns: list[Named] = [
        (f"__k{i}", lo.dialect.key(lo.show(expr, schema), expr.dtype(schema))) for i, (_, expr) in enumerate(node.keys)
    ]
    columns += [(name, lo.show(expr, schema, dtype)) for name, expr, dtype in extras]
    rows = lo.of(above).where(*conditions)
    return lo.view(node, "rows", rows.project([*columns, *kept(lo.hidden(above))]))


def ordered_rows(lo: Lowering, node: Keyed, extras: Sequence[Extra], order: Order) -> tuple[View, list[str]]:
    """Return the rows that an operator takes in order (late ones are left out), and that order."""
    schema = node.inputs[0].schema
    ties: list[Extra] = [(f"__y{i}", expr, expr.dtype(schema)) for i, expr in enumerate(order.by)]
    in_time = lo.in_time(order.arrival)
    sides.add_late(lo, node, f"{quoted(TIME)} < {quoted(WATERMARK)}" if in_time else "")
    rows = keyed_rows(lo, node, [*extras, *ties], in_time)
    return rows, in_order(lo, ties, order.arrival)


def in_order(lo: Lowering, ties: Sequence[Extra], arrival: bool, *, descending: bool = False) -> list[str]:
    """Return the items of ORDER BY for rows in pinned order. `ties`: columns that decide before the place does."""
    tail = " DESC" if descending else ""
    place = [f"{quoted(n)}{tail}" for n in PLACE]
    if arrival:
        return place
    sorted_by = lo.dialect.sorted_by
    between = [item for name, _, t in ties for item in sorted_by(quoted(name), t, descending=descending)]
    return [f"{quoted(TIME)}{tail}", *between, *place]


def key_order(lo: Lowering, node: Keyed) -> list[str]:
    """Return the items of ORDER BY for keys."""
    schema = node.inputs[0].schema
    return [
        item
        for i, (_, expr) in enumerate(node.keys)
        for item in lo.dialect.sorted_by(quoted(f"__k{i}"), expr.dtype(schema))
    ]


def _order(lo: Lowering, node: Windowed) -> tuple[list[str], list[str]]:
    """Return the order of a window's rows, and from its end."""
    order = [quoted(n) for n in ([TIME, *PLACE] if node.input in lo.placed else [TIME])]
    return order, [f"{o} DESC" for o in order]


# -- windows of fixed bounds


def fixed_rows(lo: Lowering, node: Windowed, rows: Relation, window: Hopping | Cumulative) -> View:
    """Return rows, each once for every window of fixed bounds that it counts in; late ones are made known."""
    t, w, nth = quoted(TIME), quoted(WATERMARK), quoted(NTH)
    size, step = window.size, window.step
    shifted = f"{t} - {window.offset}" if window.offset else t
    hopping = isinstance(window, Hopping)
    newest = f"{t} - {lo.dialect.floor_mod(shifted, step if hopping else size)}"
    last = f"{newest} + {size}"
    sides.add_late(lo, node, "" if lo.native else f"{w} >= {last}")
    if size == step:
        start, end = newest, last
    else:
        rows = Explode(rows, size // step, NTH)
        start = f"{newest} - {nth} * {step}" if hopping else newest
        end = f"{start} + {size}" if hopping else f"{newest} + ({nth} + 1) * {step}"
    conditions = [] if lo.native else [f"({w} IS NULL OR {w} < {quoted(END)})"]
    if not hopping:
        conditions.append(f"{t} < {quoted(END)}")
    return lo.view(node, "windows", rows.plus((START, start), (END, end)).where(*conditions))


def _fixed(lo: Lowering, node: Windowed, window: Hopping | Cumulative, extras: Sequence[Extra]) -> Cells:
    view = fixed_rows(lo, node, keyed_rows(lo, node, extras, []), window)
    keys = key_names(node)
    order, backwards = _order(lo, node)
    ranked = [quoted(END), *key_order(lo, node), quoted(START)]
    if isinstance(window, Cumulative):
        return Cells(view, [*keys, START, END], parts(lo, node, [START, END]), order, backwards, ranked=ranked)
    bounds = {END: f"{quoted(START)} + {window.size}"}
    return Cells(view, [*keys, START], parts(lo, node, [START]), order, backwards, ranked=ranked, bounds=bounds)


# -- sessions


def _session(lo: Lowering, node: Windowed, window: Session, extras: Sequence[Extra]) -> Cells:
    in_time = lo.in_time()
    rows = keyed_rows(lo, node, extras, in_time)
    sides.add_late(lo, node, f"{quoted(TIME)} < {quoted(WATERMARK)}" if in_time else "")
    # a session is known by its first time, which rows of one time have in common whatever their order
    t, gap, by = quoted(TIME), window.gap, parts(lo, node)
    apart = {
        "__z0": f"{t} - {Over(f'LAG({t})', by, [t])}",
        "__z1": f"{Over(f'LEAD({t})', by, [t])} - {t}",
    }
    edges: list[Named] = [
        (name, f"CASE WHEN {text} <= {gap} THEN CAST(NULL AS BIGINT) ELSE {t} END") for name, text in apart.items()
    ]
    start = Over("MAX(`__z0`)", by, [t])
    end = f"{Over('MIN(`__z1`)', by, [f'{t} DESC'])} + {gap}"
    view = lo.view(node, "windows", rows.plus(*edges).plus((START, start), (END, end)))
    order, backwards = _order(lo, node)
    ranked = [quoted(END), *key_order(lo, node), quoted(START)]
    return Cells(view, [*key_names(node), START, END], parts(lo, node, [START]), order, backwards, ranked=ranked)


_ASSIGN: dict[type[Window], Callable[[Lowering, Windowed, Any, Sequence[Extra]], Cells]] = {
    Hopping: _fixed,
    Cumulative: _fixed,
    Session: _session,
}
"""How rows are put into windows of a kind."""
