"""Windows in time over unbounded input: what closes them is the watermark of the stream of marks.

Beside the rows of its sources a live job reads marks: the operator watermark W each time it has grown, computed by
caudal as for its own engine (SEMANTICS: watermarks, idle and silent). What is late a row says by itself, by the W_p that
it carries; a mark says only what closes. Where a window is grouped, the rows are united with the marks, none of which
passes, so that the engine's watermark is caudal's, row by row out of order or not.

A window's rows are folded, or gathered with what orders them and put in order when the window closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from caudal.core.errors import PlanError
from caudal.core.types import TIMESTAMP, Field, list_of, struct_of
from caudal.engines.jvm import sides, windows
from caudal.engines.jvm.assigning import Extra, fixed_rows, key_names, keyed_rows
from caudal.engines.jvm.dialect import LiveDialect
from caudal.engines.jvm.hidden_columns import PLACE, TIME, WATERMARK
from caudal.engines.jvm.relation import Call, Group, Named, Relation, Union, Unnest, View, column, kept, quoted
from caudal.engines.jvm.shape import END, NTH, REASON, START, Windowed
from caudal.plan.expr import Column
from caudal.plan.nodes import Keyed, WindowAggregate, WindowApply, WindowTop
from caudal.plan.windows import Cumulative, Hopping, Session

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering
    from caudal.plan.plan import Plan

INSTANT = "__e"
"""The column that the engine's watermark is compared with."""

EPOCH = 4_600_000_000_000_000
"""Milliseconds that instants are moved by: Spark's watermark begins at 0 and never falls, ours begins before all time.

What lies further than this from 1970 (146,000 years) counts as there.
"""

NEAR_EPOCH = EPOCH // 1000
"""The same for plans that walk rows by key, which cross to Python in frames that have nanoseconds: from 1824 to 2115."""

_SESSION = "__sw"


def epoch_of(plan: Plan) -> int:
    """Return by how many milliseconds the instants of a plan are moved."""
    return NEAR_EPOCH if any(node.step is not None for node in plan.nodes) else EPOCH


def instant(text: str, epoch: int) -> str:
    """Return milliseconds as an instant that can be compared with the watermark."""
    return f"timestamp_millis(GREATEST(LEAST({text}, {epoch}L), -{epoch}L) + {epoch}L)"


def shifted(watermark: int, epoch: int) -> int:
    """Return a watermark as the marks have it; see `instant`."""
    return max(min(watermark, epoch), -epoch) + epoch


@dataclass(slots=True)
class _Cells:
    """Rows with the window that each stands in, and the marks. `by`: what makes a window; `order`: that of its rows."""

    view: View
    by: tuple[Named, ...]
    order: list[str]
    bounds: dict[str, str] = field(default_factory=dict[str, str])
    """The bounds of a window that depend on what is grouped by."""
    beside: tuple[str, ...] = ()
    """What is grouped by and not kept: the engine's watermark is that of this column."""


def refused(lo: Lowering, what: str, why: str) -> PlanError:
    """Return the error for what is not done over unbounded input."""
    return PlanError(
        f"{what} over unbounded input is not known to {lo.dialect.engine}",
        detail=why,
        hint="run it with --engine local, or over bounded input",
    )


def _assigned(lo: Lowering, node: Windowed, extras: Sequence[Extra]) -> _Cells:
    """Put the rows of a window operator into their windows; late ones are made known, and left out."""
    window = node.window
    keys = key_names(node)
    carried = [*keys, *(name for name, _, _ in extras), *lo.hidden(node.input)]
    order = [TIME, *(PLACE if node.input in lo.placed else ())]
    if isinstance(window, Session):
        in_time = lo.in_time()
        rows = keyed_rows(lo, node, extras, in_time)
        sides.add_late(lo, node, f"{quoted(TIME)} < {quoted(WATERMARK)}" if in_time else "")
        # the engine closes a session when the watermark reaches its end, caudal when it has passed it
        view = marked(lo, node, rows, carried, f"{quoted(TIME)} + 1")
        session = f"session_window({quoted(INSTANT)}, '{window.gap} milliseconds')"
        # the engine wants a key: this is one value
        by = kept(keys) or [("__one", f"{quoted(TIME)} IS NULL")]
        bounds = {
            START: f"unix_millis({quoted(_SESSION)}.start) - {lo.epoch + 1}L",
            END: f"unix_millis({quoted(_SESSION)}.end) - {lo.epoch + 1}L",
        }
        return _Cells(view, (*by, (_SESSION, session)), order, bounds)
    assert isinstance(window, Hopping | Cumulative)
    rows = fixed_rows(lo, node, keyed_rows(lo, node, extras, []), window)
    view = marked(lo, node, rows, [*carried, START, END], quoted(END))
    if isinstance(window, Hopping):
        return _Cells(view, tuple(kept([*keys, START])), order, {END: f"{quoted(START)} + {window.size}"}, (INSTANT,))
    return _Cells(view, tuple(kept([*keys, START, END])), order, beside=(INSTANT,))


def marked(lo: Lowering, node: Keyed, rows: View, columns: Sequence[str], time: str, name: str = "marked") -> View:
    """Return columns of rows with the engine's watermark: that of the marks. `time`: what it is compared with."""
    nothing: list[Named] = [(c, "NULL") for c in columns]
    passing = lo.marks.where("`e` IS NULL").project([*nothing, (INSTANT, "`e`")])
    united = Union((passing, rows.project([*kept(columns), (INSTANT, instant(time, lo.epoch))])))
    return lo.view(node, name, united)


def _folded(cells: _Cells, made: Sequence[Named]) -> Relation:
    """Return closed windows: what is grouped by, the bounds, and what is made of the rows."""
    folded = Group(cells.view, cells.by, tuple(made), tuple(quoted(b) for b in cells.beside))
    return folded.plus(*cells.bounds.items()) if cells.bounds else folded


def _finished(lo: Lowering, node: Windowed, rows: Relation, columns: Sequence[Named], number: str = "") -> View:
    """Return a window operator's results, hidden columns behind them; `number` as for `windows.finished`."""
    made = [*windows.named_keys(node), *columns]
    made += [(TIME, f"{quoted(END)} - 1"), (WATERMARK, "CAST(NULL AS BIGINT)")]
    position = f"struct({', '.join(quoted(n) for n in (END, *key_names(node), START))})"
    return lo.view(node, "", rows.project([*made, *lo.place(node, position, number)]))


def aggregate(lo: Lowering, node: WindowAggregate) -> View:
    """Lower `agg`: one row for each key and window."""
    cells = _assigned(lo, node, windows.folded_extras(node))
    made: list[Named] = []
    for i, (name, each) in enumerate(node.aggregates):
        rank = ""
        if each.order_sensitive:
            ties = [f"__b{i}_{j}" for j in range(len(each.order_by))]
            rank = f"struct({', '.join(quoted(n) for n in (cells.order[0], *ties, *cells.order[1:]))})"
        text = cast(LiveDialect, lo.dialect).streamed(windows.item_of(node, i, rank), lo.functions)
        made.append((column(name), text))
    return _finished(lo, node, _folded(cells, made), kept([START, END, *(column(n) for n, _ in node.aggregates)]))


def top(lo: Lowering, node: WindowTop) -> View:
    """Lower `top` and `sort`: the rows of a window, put in order when it closes."""
    passed, extras = windows.ranked_extras(node)
    cells = _assigned(lo, node, extras)
    items = [(f"__b{i}", descending) for i, (_, descending) in enumerate(node.by)]
    items += [(name, False) for name in cells.order]
    held = [f"__x{i}" for i in range(len(passed))]
    gathered = f"COLLECT_LIST(struct({', '.join(quoted(n) for n in dict.fromkeys([*(n for n, _ in items), *held]))}))"
    rows = f"array_sort({gathered}, {_comparing(items)})"
    if node.limit:
        rows = f"slice({rows}, 1, {node.limit})"
    each = Unnest(_folded(cells, [("__rows", rows)]), "__rows", NTH, "__row")
    texts = {f.name: f"`__row`.{quoted(f'__x{i}')}" for i, f in enumerate(passed)}
    columns: list[Named] = kept([START, END])
    columns += [(column(f.name), texts[f.name]) for f in node.schema if f.name in texts]
    return _finished(lo, node, each, columns, f"CAST({quoted(NTH)} + 1 AS BIGINT)")


def _comparing(items: Sequence[tuple[str, bool]]) -> str:
    """Return the comparison of two structs by fields: nulls first, NaN last (the other way round where descending)."""
    cases = "".join(
        f" WHEN NOT (a.{quoted(n)} <=> b.{quoted(n)}) THEN"
        f" CASE WHEN a.{quoted(n)} IS NULL OR a.{quoted(n)} < b.{quoted(n)} THEN {'1 ELSE -1' if descending else '-1 ELSE 1'} END"
        for n, descending in items
    )
    return f"(a, b) -> CASE{cases} ELSE 0 END"


def apply(lo: Lowering, node: WindowApply) -> View:
    """Lower `apply`: what a function makes of all rows of a window."""
    taken = [f for f in node.input.schema if f.name in node.takes]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(taken)]
    cells = _assigned(lo, node, extras)
    order = ", ".join(quoted(n) for n in cells.order)
    given = ", ".join(quoted(f"__x{i}") for i in range(len(taken)))
    values = f", struct({given}) AS v" if taken else ""
    sorted_rows = f"array_sort(COLLECT_LIST(struct(struct({order}) AS o{values})))"
    picked = "".join(f", x.v.{quoted(f'__x{i}')} AS {quoted(f'__x{i}')}" for i in range(len(taken)))
    rows = f"transform({sorted_rows}, (x, i) -> struct(CAST(i + 1 AS BIGINT) AS {quoted(windows.RANK)}{picked}))"
    call, made, gathered = windows.window_call(lo, node, taken)
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in gathered))
    arguments = [("`__rows`", whole), (quoted(START), TIMESTAMP), (quoted(END), TIMESTAMP)]
    text = lo.functions.table(call, ("calling", "tables"), arguments, made)
    stay = (*(name for name, _ in cells.by), *cells.bounds)
    called = lo.view(node, "calls", Call(_folded(cells, [("__rows", rows)]), stay, text, made))
    failing = called.plus((TIME, f"{quoted(END)} - 1"))
    sides.add_dead(lo, node, lo.view(node, "failing", failing), whole=True)
    columns: list[Named] = kept([START, END])
    columns += [(column(f.name), quoted(f"__x{i}")) for i, f in enumerate(node.output)]
    return _finished(lo, node, called.where(f"{quoted(REASON)} IS NULL"), columns, quoted(NTH))
