"""Windows in time over input that goes on, as SQL: what closes them is the watermark of the stream of marks.

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
from caudal.core.types import BOOL, INT32, INT64, STRING, TIMESTAMP, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm import windows
from caudal.engines.jvm.dialect import Item, LiveDialect
from caudal.engines.jvm.places import PARTITION, PLACE, POSITION, SOURCE, TIME, WATERMARK
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.shape import NTH, REASON, hidden
from caudal.engines.jvm.windows import END, START, Extra, Windowed
from caudal.plan.expr import Column
from caudal.plan.nodes import (
    DeadLetters,
    Deduplicate,
    Keyed,
    Late,
    Node,
    Reduce,
    Running,
    WindowAggregate,
    WindowApply,
    WindowTop,
)
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Session

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
    return NEAR_EPOCH if any(isinstance(node, Running | Deduplicate | Reduce) for node in plan.nodes) else EPOCH


def instant(text: str, epoch: int) -> str:
    """Return milliseconds as an instant that can be compared with the watermark."""
    return f"timestamp_millis(GREATEST(LEAST({text}, {epoch}L), -{epoch}L) + {epoch}L)"


def shifted(watermark: int, epoch: int) -> int:
    """Return a watermark as the marks have it; see `instant`."""
    return max(min(watermark, epoch), -epoch) + epoch


@dataclass(slots=True)
class _Cells:
    """Rows with the window that each stands in, and the marks. `group`: what makes a window; `order`: that of its rows."""

    view: str
    group: list[str]
    order: list[str]
    bounds: dict[str, str] = field(default_factory=dict[str, str])
    """The bounds of a window that hang on what is grouped by."""


def refused(lo: Lowering, what: str, why: str) -> PlanError:
    """Return the error for what is not done over input that goes on."""
    return PlanError(
        f"{what} over input that goes on is not known to {lo.dialect.engine}",
        detail=why,
        hint="run it with --engine local, or over bounded input",
    )


def named(lo: Lowering, rows: str) -> str:
    """Return a FROM item: rows `r`, and where each came from in `__h`; partitions may appear, so there is no table of them."""
    names = {lo.ranks[name]: name for name in lo.plan.ids.values()}
    made = sorted(lo.ranks[lo.name(node)] for node in lo.plan.nodes if isinstance(node, Keyed))
    path = f"os.path.join(given.rows, {f'names-{lo.number}.json'!r})"
    call = f"origins({path}, {names!r}, {made!r})"
    origin = struct_of([Field("source", STRING), Field("partition", STRING), Field("made", BOOL)])
    arguments = [(name_of(SOURCE), INT32), (name_of(PARTITION), INT64)]
    return f"(SELECT *, {lo.functions.struct(call, ('origins',), arguments, origin)} AS `__h` FROM {rows}) AS r"


def position_type(lo: Lowering, node: Node) -> DataType:
    """Return the type of the positions of a node's rows; compared are those of one source, or one operator, only."""
    if isinstance(node, Keyed):
        return _position_of(lo, node)
    if isinstance(node, DeadLetters):
        return INT64
    above = node.input.inputs if isinstance(node, Late) else node.inputs
    kinds = list(dict.fromkeys(lo.positions[one] for one in above)) or [INT64]
    return kinds[0] if len(kinds) == 1 else struct_of(Field(f"p{i}", dtype) for i, dtype in enumerate(kinds))


def position_in(lo: Lowering, union: Node, stream: Node) -> str:
    """Return the position of a stream's rows as a union has it."""
    own, whole = lo.positions[stream], lo.positions[union]
    if own == whole:
        return name_of(POSITION)
    parts = [
        name_of(POSITION) if f.dtype == own else f"CAST(NULL AS {lo.dialect.type_of(f.dtype)})" for f in whole.fields
    ]
    return f"struct({', '.join(f'{text} AS {f.name}' for text, f in zip(parts, whole.fields, strict=True))})"


def position_text(lo: Lowering, node: Node) -> str:
    """Return the text of the position in a source of rows `r`; null for what operators make."""
    found = _of_source(f"r.{name_of(POSITION)}", lo.positions[node])
    return f"COALESCE({', '.join([*found, 'CAST(NULL AS BIGINT)'])})"


def _of_source(text: str, dtype: DataType) -> list[str]:
    if dtype == INT64:
        return [text]
    return [part for f in dtype.fields if f.name.startswith("p") for part in _of_source(f"{text}.{f.name}", f.dtype)]


def _position_of(lo: Lowering, node: Keyed) -> DataType:
    """Return the type of the positions of an operator's rows: windows are ordered by what they are, others as they were."""
    schema = node.input.schema
    if isinstance(node, WindowAggregate | WindowTop | WindowApply):
        keys = (Field(f"__k{i}", expr.dtype(schema)) for i, (_, expr) in enumerate(node.keys))
        return struct_of([Field(END, INT64), *keys, Field(START, INT64)])
    if node not in lo.ordered:  # nobody compares them
        return INT64
    order = (
        node.frame.order
        if isinstance(node, Running)
        else node.order
        if isinstance(node, Deduplicate | Reduce)
        else None
    )
    assert order is not None
    place = Schema(hidden(node.input, True)).dtype
    before = (
        []
        if order.arrival
        else [Field(TIME, INT64), *(Field(f"__y{i}", e.dtype(schema)) for i, e in enumerate(order.by))]
    )
    return struct_of([*before, *(Field(n, lo.positions[node.input] if n == POSITION else place(n)) for n in PLACE)])


def _assigned(lo: Lowering, node: Windowed, extras: Sequence[Extra]) -> _Cells:
    """Put the rows of a window operator into their windows; late ones are made known, and left out."""
    window = node.window
    if isinstance(window, CountWindow):
        raise refused(
            lo, "a window of rows", "where the input ends, the last one is cut short by the last row of all keys"
        )
    keys = [f"__k{i}" for i in range(len(node.keys))]
    carried = [*keys, *(name for name, _, _ in extras), *lo.hidden(node.input)]
    order = [name_of(TIME), *(name_of(n) for n in PLACE if node.input in lo.placed)]
    if isinstance(window, Session):
        late = lo.not_late(node)
        rows = windows.keyed_rows(lo, node, extras, late)
        lo.add_late(node, lo.of(node.input), f"{name_of(TIME)} < {name_of(WATERMARK)}" if late else "")
        # the engine closes a session when the watermark reaches its end, caudal when it has passed it
        view = marked(lo, node, rows, carried, f"{name_of(TIME)} + 1")
        bounds = {
            START: f"unix_millis({name_of(_SESSION)}.start) - {lo.epoch + 1}L",
            END: f"unix_millis({name_of(_SESSION)}.end) - {lo.epoch + 1}L",
        }
        return _Cells(view, [*keys, _SESSION], order, bounds)
    assert isinstance(window, Hopping | Cumulative)
    rows = windows.timed(lo, node, windows.keyed_rows(lo, node, extras, ""), window)
    view = marked(lo, node, rows, [*carried, START, END], name_of(END))
    if isinstance(window, Hopping):
        return _Cells(view, [*keys, START], order, {END: f"{name_of(START)} + {window.size}"})
    return _Cells(view, [*keys, START, END], order)


def marked(lo: Lowering, node: Keyed, rows: str, columns: Sequence[str], time: str) -> str:
    """Return the view of columns of rows with the engine's watermark: that of the marks. `time`: what it is compared with."""
    nothing = ", ".join(f"NULL AS {name_of(c)}" for c in columns)
    kept = ", ".join(name_of(c) for c in columns)
    return lo.view(
        node,
        "marked",
        f"SELECT {nothing}, `e` AS {name_of(INSTANT)} FROM {lo.marks} WHERE `e` IS NULL\n"
        f"UNION ALL SELECT {kept}, {instant(time, lo.epoch)} AS {name_of(INSTANT)} FROM {rows}",
    )


def _folded(node: Windowed, cells: _Cells, made: Sequence[str]) -> str:
    """Return the query of closed windows: what is grouped by, the bounds, and what is made of the rows."""
    group = [name_of(g) for g in cells.group]
    by = [*group, name_of(INSTANT)]
    if isinstance(node.window, Session):
        session = f"session_window({name_of(INSTANT)}, '{node.window.gap} milliseconds')"
        by = [*(group[:-1] or [f"{name_of(TIME)} IS NULL"]), session]  # the engine wants a key: this is one value
        group[-1] = f"{session} AS {group[-1]}"
    inner = f"SELECT {', '.join([*group, *made])}\n  FROM {cells.view}\n  GROUP BY {', '.join(by)}"
    if not cells.bounds:
        return inner
    bounds = ", ".join(f"{text} AS {name_of(name)}" for name, text in cells.bounds.items())
    return f"SELECT *, {bounds}\n  FROM (\n  {inner}\n  ) AS g"


def _finished(lo: Lowering, node: Windowed, rows: str, columns: Sequence[str], number: str = "") -> str:
    """Return the query of a window operator's results, hidden columns behind them; `number` as for `windows.finished`."""
    texts = [*(f"{name_of(f'__k{i}')} AS {name_of(name)}" for i, (name, _) in enumerate(node.keys)), *columns]
    texts += [f"{name_of(END)} - 1 AS {name_of(TIME)}", f"CAST(NULL AS BIGINT) AS {name_of(WATERMARK)}"]
    keys = [name_of(f"__k{i}") for i in range(len(node.keys))]
    position = f"struct({', '.join([name_of(END), *keys, name_of(START)])})"
    texts += [f"{text} AS {name_of(name)}" for name, text in lo.place(node, position, number)]
    return f"SELECT {', '.join(texts)}\nFROM (\n  {rows}\n) AS x"


def aggregate(lo: Lowering, node: WindowAggregate) -> str:
    """Lower `agg`: one row for each key and window."""
    schema = node.input.schema
    cells = _assigned(lo, node, windows.folded_extras(node))
    made: list[str] = []
    for i, (name, each) in enumerate(node.aggregates):
        value = name_of(f"__a{i}") if each.argument is not None else ""
        dtype = each.argument.dtype(schema) if each.argument is not None else INT64
        rank = ""
        if each.order_sensitive:
            ties = [name_of(f"__b{i}_{j}") for j in range(len(each.order_by))]
            rank = f"struct({', '.join([cells.order[0], *ties, *cells.order[1:]])})"
        item = Item(each.function, value, dtype, node.schema.dtype(name), rank)
        made.append(f"{cast(LiveDialect, lo.dialect).streamed(item, lo.functions)} AS {name_of(name)}")
    columns = [name_of(START), name_of(END), *(name_of(n) for n, _ in node.aggregates)]
    return lo.view(node, "", _finished(lo, node, _folded(node, cells, made), columns))


def top(lo: Lowering, node: WindowTop) -> str:
    """Lower `top` and `sort`: the rows of a window, put in order when it closes."""
    passed, extras = windows.ranked_extras(node)
    cells = _assigned(lo, node, extras)
    items = [(f"__b{i}", descending) for i, (_, descending) in enumerate(node.by)]
    items += [(item.strip("`"), False) for item in cells.order]
    held = [f"__x{i}" for i in range(len(passed))]
    gathered = f"COLLECT_LIST(struct({', '.join(name_of(n) for n in dict.fromkeys([*(n for n, _ in items), *held]))}))"
    rows = f"array_sort({gathered}, {_comparing(items)})"
    if node.limit:
        rows = f"slice({rows}, 1, {node.limit})"
    folded = _folded(node, cells, [f"{rows} AS `__rows`"])
    each = f"SELECT *\n  FROM (\n  {folded}\n  ) AS f LATERAL VIEW posexplode(`__rows`) p AS {name_of(NTH)}, `__row`"
    texts = {f.name: f"`__row`.{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(passed)}
    columns = [name_of(START), name_of(END), *(texts[f.name] for f in node.schema if f.name in texts)]
    return lo.view(node, "", _finished(lo, node, each, columns, f"CAST({name_of(NTH)} + 1 AS BIGINT)"))


def _comparing(items: Sequence[tuple[str, bool]]) -> str:
    """Return the comparison of two structs by fields: nulls first, NaN last (the other way round where descending)."""
    cases = "".join(
        f" WHEN NOT (a.{name_of(n)} <=> b.{name_of(n)}) THEN"
        f" CASE WHEN a.{name_of(n)} IS NULL OR a.{name_of(n)} < b.{name_of(n)} THEN {'1 ELSE -1' if descending else '-1 ELSE 1'} END"
        for n, descending in items
    )
    return f"(a, b) -> CASE{cases} ELSE 0 END"


def apply(lo: Lowering, node: WindowApply) -> str:
    """Lower `apply`: what a function makes of all rows of a window."""
    schema = node.input.schema
    taken = [f for f in schema if f.name in node.takes]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(taken)]
    cells = _assigned(lo, node, extras)
    given = ", ".join(name_of(f"__x{i}") for i in range(len(taken)))
    sorted_rows = f"array_sort(COLLECT_LIST(struct(struct({', '.join(cells.order)}) AS o, struct({given}) AS v)))"
    if not taken:
        sorted_rows = f"array_sort(COLLECT_LIST(struct(struct({', '.join(cells.order)}) AS o)))"
    picked = "".join(f", x.v.{name_of(f'__x{i}')} AS {name_of(f'__x{i}')}" for i in range(len(taken)))
    rows = f"transform({sorted_rows}, (x, i) -> struct(CAST(i + 1 AS BIGINT) AS `__r`{picked})) AS `__rows`"
    call, made, gathered = windows.window_call(lo, node, taken)
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in gathered))
    arguments = [("`__rows`", whole), (name_of(START), TIMESTAMP), (name_of(END), TIMESTAMP)]
    text = lo.functions.table(call, ("calling", "tables"), arguments, made)
    kept = [*cells.group, *cells.bounds]
    called = lo.view(node, "calls", lo.dialect.applied(f"(\n  {_folded(node, cells, [rows])}\n)", kept, text, made))
    failing = f"SELECT *, {name_of(END)} - 1 AS {name_of(TIME)} FROM {called}"
    lo.add_dead(node, lo.view(node, "failing", failing), whole=True)
    columns = [name_of(START), name_of(END)]
    columns += [f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(node.output)]
    good = f"SELECT * FROM {called} WHERE {name_of(REASON)} IS NULL"
    return lo.view(node, "", _finished(lo, node, good, columns, name_of(NTH)))
