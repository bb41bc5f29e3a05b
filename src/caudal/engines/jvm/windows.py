"""Windows as SQL: rows are put into their windows, then folded, ranked or handed to a function.

Windows in time are arithmetic over BIGINT milliseconds; sessions are runs of rows without a gap; windows of so many rows,
and what keeps state by key, number the rows of a key in pinned order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caudal.core.types import INT64, TIMESTAMP, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm.dialect import Item
from caudal.engines.jvm.places import PLACE, TIME, WATERMARK
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.shape import FAILURE, NTH, REASON, spec
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Keyed, WindowAggregate, WindowApply, WindowTop
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Session

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

START, END = "window_start", "window_end"
GROUP = "__g"
"""What tells windows of a key apart where their bounds do not: the number of a window of rows."""

Windowed = WindowAggregate | WindowApply | WindowTop
Extra = tuple[str, Expr, DataType]
"""A column that is computed of an input row: name, expression, type."""


@dataclass(slots=True)
class Cells:
    """Rows with the window that each stands in. `group`: the columns that make a window, `inside`: what
    PARTITION BY takes for them; `order`: that of its rows."""

    view: str
    group: list[str]
    inside: list[str]
    order: list[str]
    backwards: list[str]
    hidden: dict[str, str] = field(default_factory=dict[str, str])
    """For windows of rows: aggregates over a cell that give its hidden columns."""
    ranked: list[str] = field(default_factory=list[str])
    """How windows are ordered, by columns of a cell."""
    bounds: dict[str, str] = field(default_factory=dict[str, str])
    """Bounds that hang on the columns of the group: computed behind the grouping, which is cheaper without them."""
    last: str = ""
    """For windows of rows: the view of the last row of all."""


def assigned(lo: Lowering, node: Windowed, extras: Sequence[Extra]) -> Cells:
    """Put the rows of a window operator into their windows; late ones are made known, and left out."""
    window = node.window
    if isinstance(window, CountWindow):
        return _counted(lo, node, window, extras)
    keys = [f"__k{i}" for i in range(len(node.keys))]
    t, w = name_of(TIME), name_of(WATERMARK)
    group, more = [*keys, START, END], [START, END]
    bounds: dict[str, str] = {}
    if isinstance(window, Session):
        late = lo.not_late(node)
        rows = keyed_rows(lo, node, extras, late)
        lo.add_late(node, lo.of(node.input), f"{t} < {w}" if late else "")
        view = _sessions(lo, node, rows, window.gap)
        more = [START]
    else:
        assert isinstance(window, Hopping | Cumulative)
        rows = keyed_rows(lo, node, extras, "")
        view = timed(lo, node, rows, window)
        if isinstance(window, Hopping):
            group, more = [*keys, START], [START]
            bounds = {END: f"{name_of(START)} + {window.size}"}
    order = [t, *(name_of(n) for n in PLACE)] if node.input in lo.placed else [t]
    ranked = [name_of(END), *_key_order(lo, node), name_of(START)]
    return Cells(view, group, parts(lo, node, more), order, [f"{o} DESC" for o in order], ranked=ranked, bounds=bounds)


def parts(lo: Lowering, node: Keyed, more: Sequence[str] = ()) -> list[str]:
    """Return what parts rows by key (and further columns of numbers) in PARTITION BY."""
    schema = node.input.schema
    keys = [lo.dialect.parts(name_of(f"__k{i}"), expr.dtype(schema)) for i, (_, expr) in enumerate(node.keys)]
    return [*(text for each in keys for text in each), *(name_of(m) for m in more)]


def partition(texts: Sequence[str]) -> str:
    """Return PARTITION BY with a blank behind; "" for nothing to part by."""
    return f"PARTITION BY {', '.join(texts)} " if texts else ""


def keyed_rows(lo: Lowering, node: Keyed, extras: Sequence[Extra], where: str) -> str:
    """Return the view of a node's input rows with keys `__k0` ... and extra columns, hidden ones beside them."""
    schema = node.input.schema
    texts = [
        f"{lo.dialect.key(lo.show(expr, schema), expr.dtype(schema))} AS {name_of(f'__k{i}')}"
        for i, (_, expr) in enumerate(node.keys)
    ]
    texts += [f"{lo.show(expr, schema, dtype)} AS {name_of(name)}" for name, expr, dtype in extras]
    texts += [name_of(n) for n in lo.hidden(node.input)]
    condition = f"\nWHERE {where}" if where else ""
    return lo.view(node, "rows", f"SELECT {', '.join(texts)}\nFROM {lo.of(node.input)}{condition}")


def timed(lo: Lowering, node: Windowed, rows: str, window: Hopping | Cumulative) -> str:
    """Return the view of rows, each once for every window of fixed bounds that it counts in; late ones are made known."""
    t, w, nth = name_of(TIME), name_of(WATERMARK), name_of(NTH)
    size, step = window.size, window.step
    shifted = f"{t} - {window.offset}" if window.offset else t
    hopping = isinstance(window, Hopping)
    every = step if hopping else size
    newest = f"{t} - {lo.dialect.floor_mod(shifted, every)}"
    last = f"{newest} + {size}"
    lo.add_late(node, lo.of(node.input), "" if lo.native else f"{w} >= {last}")
    if size == step:
        inner = f"SELECT *, {newest} AS {name_of(START)}, {last} AS {name_of(END)} FROM {rows}"
    else:
        many = lo.dialect.numbered(rows, size // step, NTH)
        if hopping:
            start = f"{newest} - {nth} * {step}"
            inner = f"SELECT *, {start} AS {name_of(START)}, {start} + {size} AS {name_of(END)} FROM {many}"
        else:
            end = f"{newest} + ({nth} + 1) * {step}"
            inner = f"SELECT *, {newest} AS {name_of(START)}, {end} AS {name_of(END)} FROM {many}"
    conditions = [] if lo.native else [f"({w} IS NULL OR {w} < {name_of(END)})"]
    if not hopping:
        conditions.append(f"{t} < {name_of(END)}")
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    return lo.view(node, "windows", f"SELECT *\nFROM (\n  {inner}\n) AS x{where}")


def _sessions(lo: Lowering, node: Windowed, rows: str, gap: int) -> str:
    # a session is known by its first time, which rows of one time have in common whatever their order
    t = name_of(TIME)
    by = partition(parts(lo, node))
    ends = {"`__z0`": f"{t} - LAG({t}) OVER ({by}ORDER BY {t})", "`__z1`": f"LEAD({t}) OVER ({by}ORDER BY {t}) - {t}"}
    marked = ", ".join(
        f"CASE WHEN {apart} <= {gap} THEN CAST(NULL AS BIGINT) ELSE {t} END AS {name}" for name, apart in ends.items()
    )
    start, end = f"MAX(`__z0`) OVER ({by}ORDER BY {t})", f"MIN(`__z1`) OVER ({by}ORDER BY {t} DESC) + {gap}"
    return lo.view(
        node,
        "windows",
        f"SELECT *, {start} AS {name_of(START)}, {end} AS {name_of(END)}\nFROM (\n  SELECT *, {marked} FROM {rows}\n) AS x",
    )


def ordered_rows(
    lo: Lowering, node: Keyed, extras: Sequence[Extra], by: Sequence[Expr], *, arrival: bool
) -> tuple[str, list[str]]:
    """Return the view of rows that an operator takes in order (late ones are left out), and that order."""
    schema = node.input.schema
    named = [(f"__y{i}", expr, expr.dtype(schema)) for i, expr in enumerate(by)]
    late = lo.not_late(node, arrival)
    lo.add_late(node, lo.of(node.input), f"{name_of(TIME)} < {name_of(WATERMARK)}" if late else "")
    rows = keyed_rows(lo, node, [*extras, *named], late)
    ties = [item for name, _, dtype in named for item in lo.dialect.sorted_by(name_of(name), dtype)]
    place = [name_of(n) for n in PLACE]
    return rows, place if arrival else [name_of(TIME), *ties, *place]


def _counted(lo: Lowering, node: Windowed, window: CountWindow, extras: Sequence[Extra]) -> Cells:
    arrival = window.order.arrival
    rows, order = ordered_rows(lo, node, extras, window.order.by, arrival=arrival)
    keys = [f"__k{i}" for i in range(len(node.keys))]
    by = partition(parts(lo, node))
    sequence = ", ".join(order)
    timed = node.input.timed
    t = name_of(TIME) if timed else "CAST(NULL AS BIGINT)"
    last_of_all = f"ROW_NUMBER() OVER (ORDER BY {sequence})"
    numbers = (
        f"SELECT *, ROW_NUMBER() OVER ({by}ORDER BY {sequence}) - 1 AS `__h`, {last_of_all} AS `__q`,"
        f" COUNT(*) OVER ({by.strip() or ''}) AS `__m`, COUNT(*) OVER () AS `__e` FROM {rows}"
    )
    view = lo.view(node, "numbered", numbers)
    nth, size, step = name_of(NTH), window.size, window.step
    overlap = -(-size // step)
    # the window begun at row g * step holds a row; the newest of them, and those begun before
    many = lo.dialect.numbered(view, overlap, NTH)
    group = f"CAST({lo.dialect.floor_div('`__h`', step)} AS BIGINT) - {nth}"
    inner = f"SELECT *, {group} AS {name_of(GROUP)} FROM {many}"
    inside = partition(parts(lo, node, [GROUP])).strip()
    g = name_of(GROUP)
    first, last = f"`__h` = {g} * {step}", f"(`__h` = {g} * {step} + {size - 1} OR `__h` = `__m` - 1)"
    bounds = (
        f"SELECT *, MAX(CASE WHEN {first} THEN {t} END) OVER ({inside}) AS {name_of(START)},"
        f" MAX(CASE WHEN {last} THEN {t} END) OVER ({inside}) AS {name_of(END)},"
        f" CASE WHEN {last} THEN 1 ELSE 0 END AS `__l`,"
        f" CASE WHEN `__q` = `__e` THEN 1 ELSE 0 END AS `__u`\n"
        f"FROM (\n  {inner}\n) AS x\nWHERE {g} >= 0 AND `__h` < {g} * {step} + {size}"
    )
    cells = lo.view(node, "windows", bounds)
    # a window that the end of data cuts short has time and W_p of the last row of all
    end = lo.view(
        node,
        "last row",
        f"SELECT {f'{t} AS `__et`, ' if timed else ''}{name_of(WATERMARK)} AS `__ew` FROM {view} WHERE `__q` = `__e`",
    )
    hidden = {
        "__v": f"COUNT(*) = {size}",
        "__lw": f"MAX(CASE WHEN `__l` = 1 THEN {name_of(WATERMARK)} END)",
        "__lq": "MAX(`__q`)",
    }
    if timed:
        hidden["__lt"] = f"MAX(CASE WHEN `__l` = 1 THEN {t} END)"
    own = [
        "CASE WHEN `__v` THEN 0 ELSE 1 END",
        "CASE WHEN `__v` THEN `__lq` ELSE " + ("`__lt`" if timed else "0") + " END",
    ]
    backwards = [f"{o} DESC" for o in order]
    inner_parts = parts(lo, node, [GROUP])
    return Cells(
        cells,
        [*keys, GROUP, START, END],
        inner_parts,
        order,
        backwards,
        hidden,
        [*own, *_key_order(lo, node), g],
        last=end,
    )


def _key_order(lo: Lowering, node: Keyed) -> list[str]:
    schema = node.input.schema
    return [
        item
        for i, (_, expr) in enumerate(node.keys)
        for item in lo.dialect.sorted_by(name_of(f"__k{i}"), expr.dtype(schema))
    ]


_END_OF_COUNTED = "CASE WHEN `__v` THEN `__lt` ELSE `__et` END"
"""The event time of a window of rows: that of its last row, where the end of data cuts it short that of the last of all."""


def finished(lo: Lowering, node: Windowed, cells: Cells, rows: str, columns: Sequence[str], number: str = "") -> str:
    """Return the view of a window operator's results: rows of a query, `columns` of it, hidden ones behind them.

    `number`: the text of a row's number where a window gives several.
    """
    texts = list(columns)
    source = f"(\n  {rows}\n) AS x"
    if cells.hidden:
        source += f"\nCROSS JOIN {cells.last} AS e"
        if node.timed:
            texts.append(f"{_END_OF_COUNTED} AS {name_of(TIME)}")
        texts.append(f"CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS {name_of(WATERMARK)}")
    else:
        texts.append(f"{name_of(END)} - 1 AS {name_of(TIME)}")
        texts.append(f"CAST(NULL AS BIGINT) AS {name_of(WATERMARK)}")
    ranking = "DENSE_RANK()" if number else "ROW_NUMBER()"
    position = f"CAST({ranking} OVER (ORDER BY {', '.join(cells.ranked)}) AS BIGINT) - 1"
    texts += [f"{text} AS {name_of(name)}" for name, text in lo.place(node, position, number)]
    return f"SELECT {', '.join(texts)}\nFROM {source}"


def _named_keys(node: Keyed) -> list[str]:
    return [f"{name_of(f'__k{i}')} AS {name_of(name)}" for i, (name, _) in enumerate(node.keys)]


def folded_extras(node: WindowAggregate) -> list[Extra]:
    """Return what aggregates take of a row: arguments `__a{i}`, and `__b{i}_{j}` of their own order."""
    schema = node.input.schema
    extras: list[Extra] = []
    for i, (_, each) in enumerate(node.aggregates):
        if each.argument is not None:
            extras.append((f"__a{i}", each.argument, each.argument.dtype(schema)))
        extras += [(f"__b{i}_{j}", e, e.dtype(schema)) for j, e in enumerate(each.order_by)]
    return extras


def ranked_extras(node: WindowTop) -> tuple[list[Field], list[Extra]]:
    """Return the columns that pass, and what is taken of a row: these as `__x{i}`, and `__b{i}`, by which it is ranked."""
    schema = node.input.schema
    passed = [f for f in schema if f.name not in {name for name, _ in node.keys}]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(passed)]
    return passed, extras + [(f"__b{i}", expr, expr.dtype(schema)) for i, (expr, _) in enumerate(node.by)]


def aggregate(lo: Lowering, node: WindowAggregate) -> str:
    """Lower `agg`: one row for each key and window."""
    schema = node.input.schema
    cells = assigned(lo, node, folded_extras(node))
    items: list[Item] = []
    prepared: dict[str, str] = {}
    by = ", ".join(name_of(g) for g in cells.group)
    for i, (name, each) in enumerate(node.aggregates):
        value = name_of(f"__a{i}") if each.argument is not None else ""
        dtype = each.argument.dtype(schema) if each.argument is not None else INT64
        rank = ""
        if each.order_sensitive:
            rank = name_of(f"__r{i}")
            own = [(name_of(f"__b{i}_{j}"), e.dtype(schema)) for j, e in enumerate(each.order_by)]
            backwards = each.function == "last"
            ties = [item for text, t in own for item in lo.dialect.sorted_by(text, t, descending=backwards)]
            rest = cells.backwards if backwards else cells.order
            if isinstance(node.window, CountWindow) and backwards:
                rest = _reversed(lo, node, node.window)
            if ties:
                at = f"{name_of(TIME)} DESC" if backwards else name_of(TIME)
                rest = [at, *ties, *(r for r in rest if r != at)]
            nulls = f"CASE WHEN {value} IS NULL THEN 1 ELSE 0 END"
            prepared[rank] = (
                f"ROW_NUMBER() OVER (PARTITION BY {', '.join(cells.inside)} ORDER BY {', '.join([nulls, *rest])})"
            )
        item = Item(each.function, value, dtype, node.schema.dtype(name), rank)
        prepared |= lo.dialect.prepared(item, cells.inside, cells.order)
        items.append(item)
    rows = cells.view
    if prepared:
        added = ", ".join(f"{text} AS {name}" for name, text in prepared.items())
        rows = lo.view(node, "ranked", f"SELECT *, {added}\nFROM {rows}")
    texts = [*(name_of(g) for g in cells.group), *(f"{text} AS {name_of(name)}" for name, text in cells.bounds.items())]
    texts += [
        f"{lo.dialect.aggregate(item, lo.functions)} AS {name_of(name)}"
        for item, (name, _) in zip(items, node.aggregates, strict=True)
    ]
    texts += [f"{text} AS {name_of(name)}" for name, text in cells.hidden.items()]
    folded = f"SELECT {', '.join(texts)}\n  FROM {rows}\n  GROUP BY {by}"
    columns = [*_named_keys(node), name_of(START), name_of(END), *(name_of(n) for n, _ in node.aggregates)]
    return lo.view(node, "", finished(lo, node, cells, folded, columns))


def _reversed(lo: Lowering, node: WindowAggregate, window: CountWindow) -> list[str]:
    """Return the order of a window of rows from its end."""
    schema = node.input.schema
    place = [f"{name_of(n)} DESC" for n in PLACE]
    if window.order.arrival:
        return place
    named = [(name_of(f"__y{i}"), e.dtype(schema)) for i, e in enumerate(window.order.by)]
    ties = [item for text, t in named for item in lo.dialect.sorted_by(text, t, descending=True)]
    return [f"{name_of(TIME)} DESC", *ties, *place]


def top(lo: Lowering, node: WindowTop) -> str:
    """Lower `top` and `sort`: the rows of a window, ranked."""
    schema = node.input.schema
    passed, extras = ranked_extras(node)
    cells = assigned(lo, node, extras)
    ranking = [
        item
        for i, (expr, descending) in enumerate(node.by)
        for item in lo.dialect.sorted_by(name_of(f"__b{i}"), expr.dtype(schema), descending=descending)
    ]
    by = ", ".join(cells.inside)
    number = f"ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY {', '.join([*ranking, *cells.order])})"
    extra = _cell_columns(cells, by)
    ranked = lo.view(node, "ranked", f"SELECT *, {number} AS `__r`{extra}\nFROM {cells.view}")
    limit = f" WHERE `__r` <= {node.limit}" if node.limit else ""
    columns = [*_named_keys(node), name_of(START), name_of(END)]
    texts = {f.name: f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(passed)}
    columns += [texts[f.name] for f in node.schema if f.name in texts]
    return lo.view(
        node, "", finished(lo, node, cells, f"SELECT * FROM {ranked}{limit}", columns, "CAST(`__r` AS BIGINT)")
    )


def _cell_columns(cells: Cells, by: str) -> str:
    """Return a cell's hidden aggregates as columns of its rows."""
    return "".join(f", {_over(text, by)} AS {name_of(name)}" for name, text in cells.hidden.items())


def _over(text: str, by: str) -> str:
    function, _, rest = text.partition("(")
    inner, _, tail = rest.rpartition(")")
    return f"{function}({inner}) OVER (PARTITION BY {by}){tail}"


def apply(lo: Lowering, node: WindowApply) -> str:
    """Lower `apply`: what a function makes of all rows of a window."""
    schema = node.input.schema
    taken = [f for f in schema if f.name in node.takes]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(taken)]
    cells = assigned(lo, node, extras)
    by = ", ".join(name_of(g) for g in cells.group)
    inside = ", ".join(cells.inside)
    number = f"ROW_NUMBER() OVER (PARTITION BY {inside} ORDER BY {', '.join(cells.order)})"
    numbered = lo.view(node, "ranked", f"SELECT *, {number} AS `__r`\nFROM {cells.view}")
    made, rows, gathered = window_call(lo, node, taken)
    texts = [*(name_of(g) for g in cells.group), *(f"{text} AS {name_of(name)}" for name, text in cells.bounds.items())]
    texts += [f"{text} AS {name_of(name)}" for name, text in cells.hidden.items()]
    texts.append(f"{lo.dialect.gathered(gathered)} AS `__rows`")
    groups = f"SELECT {', '.join(texts)}\n  FROM {numbered}\n  GROUP BY {by}"
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in gathered))
    arguments = [("`__rows`", whole), (name_of(START), TIMESTAMP), (name_of(END), TIMESTAMP)]
    call = lo.functions.table(made, ("calling", "tables"), arguments, rows)
    kept = [*cells.group, *cells.bounds, *cells.hidden]
    called = lo.view(node, "calls", lo.dialect.applied(f"(\n  {groups}\n)", kept, call, rows), shared=True)
    time, failing = f"{name_of(END)} - 1", called
    if cells.hidden:
        failing += f" CROSS JOIN {cells.last} AS e"
        time = _END_OF_COUNTED if node.timed else "CAST(NULL AS BIGINT)"
    lo.add_dead(node, lo.view(node, "failing", f"SELECT *, {time} AS {name_of(TIME)} FROM {failing}"), whole=True)
    columns = [*_named_keys(node), name_of(START), name_of(END)]
    columns += [f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(node.output)]
    good = f"SELECT * FROM {called} WHERE {name_of(REASON)} IS NULL"
    return lo.view(node, "", finished(lo, node, cells, good, columns, name_of(NTH)))


def window_call(
    lo: Lowering, node: WindowApply, taken: Sequence[Field]
) -> tuple[str, Schema, list[tuple[str, DataType]]]:
    """Return what calls a function on a window's rows, the rows that it gives, and the columns of those that it takes."""
    given = {f.name: spec(f.dtype) for f in taken}
    output = {f.name: spec(f.dtype) for f in node.output}
    function = node.function
    made = (
        f"each_window(window({lo.code.add(function)}, {function.kind!r}, {list(node.takes)!r}, {given!r}, {output!r}),"
        f" {[f.name for f in taken]!r})"
    )
    rows = Schema([Field(NTH, INT64), *(Field(f"__x{i}", f.dtype) for i, f in enumerate(node.output)), *FAILURE])
    return made, rows, [("__r", INT64), *((f"__x{i}", f.dtype) for i, f in enumerate(taken))]
