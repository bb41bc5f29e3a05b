"""What keeps state by key over input that goes on: a shipped function walks the rows of a key once the watermark has passed.

Where bounded input is gathered by key and numbered (`sequences`), here each key has a state: the rows that are not due yet,
and what the operator keeps. Rows cross to Python and back as lines (`functions.walking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caudal.core.types import INT64, STRING, DataType, Field, Schema, struct_of
from caudal.engines.jvm.places import PARTITION, POSITION, SOURCE, TIME
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.shape import FAILURE, REASON, hidden, spec
from caudal.engines.jvm.streaming import INSTANT, marked, refused
from caudal.engines.jvm.windows import Extra, ordered_rows
from caudal.plan.expr import Column
from caudal.plan.nodes import Deduplicate, Keyed, Reduce, Running
from caudal.plan.windows import Order

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

_MODULES = ("calling", "ordered", "walking")


class _Rows:
    """The rows of an operator on their way to its function: which columns they have, and where in a line each is."""

    def __init__(self, lo: Lowering, node: Keyed, extras: Sequence[Extra], order: Order) -> None:
        self.lo, self.node = lo, node
        self.view, sequence = ordered_rows(lo, node, extras, order.by, arrival=order.arrival)
        schema = node.input.schema
        self.types: dict[str, DataType] = {name: dtype for name, _, dtype in extras}
        self.types |= {f.name: f.dtype for f in hidden(node.input, True)}
        self.types[POSITION] = lo.positions[node.input]
        self.types |= {f"__y{i}": expr.dtype(schema) for i, expr in enumerate(order.by)}
        self.at = {name: i for i, name in enumerate(self.types)}
        self.sequence = [item.strip("`") for item in sequence]
        self.order = [self.at[name] for name in self.sequence]
        self.time = None if order.arrival else self.at[TIME]
        self.keys = [f"__k{i}" for i in range(len(node.keys))]

    @property
    def clock(self) -> int | None:
        """Where the event time is; None for rows that have none."""
        return self.at.get(TIME)

    def walked(self, step: str, made: Schema) -> str:
        """Return the view of the rows that a step makes, with these columns."""
        lo, node = self.lo, self.node
        keys = self.keys or ["__one"]
        columns = [*self.keys, *self.types]
        # what is late is known before: here nothing is behind
        united = marked(lo, node, self.view, columns, f"{lo.epoch}L")
        arguments = [(name_of(name), dtype) for name, dtype in self.types.items()]
        line = lo.functions.struct("packed", _MODULES, arguments, STRING)
        one = "" if self.keys else f"{name_of(SOURCE)} IS NULL AS `__one`, "
        query = f"SELECT {one}{''.join(f'{name_of(k)}, ' for k in self.keys)}{name_of(INSTANT)}, {line} AS `row`\nFROM {united}"
        walk = f"walking({step}, {self.time}, {self.order!r}, {lo.epoch})"
        lines = lo.walked(node, query, keys, walk)
        kinds = [spec(f.dtype) for f in made]
        struct = lo.functions.struct(
            f"unpacked({[f.name for f in made]!r}, {kinds!r})", _MODULES, [("`made`", STRING)], struct_of(made)
        )
        picked = ", ".join(f"u.{name_of(f.name)}" for f in made)
        # the condition holds always: Spark would hand the rows of one Python operator to the next, which wants another kind
        return lo.view(
            node, "calls", f"SELECT {picked}\nFROM (\n  SELECT {struct} AS u FROM {lines} WHERE `made` <> ''\n) AS x"
        )

    def passed(self, names: Sequence[str]) -> tuple[list[int], list[Field]]:
        """Return where these columns are, and what they are behind the step."""
        return [self.at[n] for n in names], [Field(n, self.types[n]) for n in names]


def _kept(rows: _Rows) -> list[str]:
    """Return the hidden columns that a row keeps, and those that it was ordered by where somebody will ask."""
    order = rows.sequence if rows.node in rows.lo.ordered else []
    return list(dict.fromkeys([*(f.name for f in hidden(rows.node.input, False)), *order]))


def _placed(rows: _Rows) -> list[str]:
    """Return the hidden columns of results as texts."""
    lo, node = rows.lo, rows.node
    texts = [name_of(f.name) for f in hidden(node.input, False)]
    ordered = node in lo.ordered
    position = f"struct({', '.join(name_of(n) for n in rows.sequence)})" if ordered else "CAST(NULL AS BIGINT)"
    return texts + [f"{text} AS {name_of(name)}" for name, text in lo.place(node, position)]


def deduplicate(lo: Lowering, node: Deduplicate) -> str:
    """Lower `deduplicate`: what is kept of a key is when its last row passed."""
    schema = [*node.input.schema]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(schema)]
    rows = _Rows(lo, node, extras, node.order)
    passed, fields = rows.passed([*(name for name, _, _ in extras), *_kept(rows)])
    called = rows.walked(f"deduplicating({rows.clock}, {node.within}, {passed!r})", Schema(fields))
    columns = [f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(schema)]
    return lo.view(node, "", f"SELECT {', '.join([*columns, *_placed(rows)])}\nFROM {called}")


def running(lo: Lowering, node: Running) -> str:
    """Lower sliding windows: what is kept of a key is the rows of its last frame."""
    frame = node.frame
    if not frame.size and not frame.rows:
        why = "a frame of all rows so far would keep them all; sliding windows are done"
        raise refused(lo, "running aggregates", why)
    schema = node.input.schema
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(schema)]
    keys = [(f"__q{i}", expr, expr.dtype(schema)) for i, (_, expr) in enumerate(node.keys)]
    extras += keys
    specs: list[object] = []
    given: list[tuple[str, DataType] | None] = []
    for i, (name, each) in enumerate(node.aggregates):
        dtype = None if each.argument is None else each.argument.dtype(schema)
        if each.argument is not None and dtype is not None:
            extras.append((f"__a{i}", each.argument, dtype))
        given.append(None if dtype is None else (f"__a{i}", dtype))
        specs.append((each.function, None if dtype is None else spec(dtype), spec(node.schema.dtype(name))))
    rows = _Rows(lo, node, extras, frame.order)
    held = [f"__x{i}" for i in range(len(schema))] + [name for name, _, _ in keys] + _kept(rows)
    passed, fields = rows.passed(held)
    arguments = [None if a is None else (rows.at[a[0]], spec(a[1])) for a in given]
    function = f"running({specs!r}, {frame.size}, {frame.rows})"
    step = f"running_on({function}, {rows.clock}, {arguments!r}, {frame.size}, {frame.rows}, {passed!r})"
    results = [Field(f"__z{i}", node.schema.dtype(name)) for i, (name, _) in enumerate(node.aggregates)]
    called = rows.walked(step, Schema([*fields, *results]))
    texts = {f.name: f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(schema)}
    for i, (name, _) in enumerate(node.keys):
        texts.setdefault(name, f"{name_of(f'__q{i}')} AS {name_of(name)}")
    for i, (name, _) in enumerate(node.aggregates):
        texts[name] = f"{name_of(f'__z{i}')} AS {name_of(name)}"
    picked = [*(texts[n] for n in node.schema.names), *_placed(rows)]
    return lo.view(node, "", f"SELECT {', '.join(picked)}\nFROM {called}")


def reduce(lo: Lowering, node: Reduce) -> str:
    """Lower `reduce`: what is kept of a key is its state."""
    given = [*node.input.schema]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(given)]
    extras += [(f"__q{i}", expr, expr.dtype(node.input.schema)) for i, (_, expr) in enumerate(node.keys)]
    rows = _Rows(lo, node, extras, node.order)
    taken, output = ({f.name: spec(f.dtype) for f in schema} for schema in (given, node.output))
    function = node.function
    place = [SOURCE, PARTITION, *([POSITION] if rows.types[POSITION] == INT64 else [])]
    held = [*(f"__q{i}" for i in range(len(node.keys))), *_kept(rows), *place]
    passed, fields = rows.passed([*dict.fromkeys(held)])
    fold = f"reduced({lo.code.add(function)}, {taken!r}, {output!r}, {function.timeout})"
    columns = [(f.name, rows.at[f"__x{i}"], spec(f.dtype)) for i, f in enumerate(given)]
    results = [Field(f"__z{i}", f.dtype) for i, f in enumerate(node.output)]
    called = rows.walked(f"reducing({fold}, {columns!r}, {passed!r})", Schema([*fields, *results, *FAILURE]))
    plain = [f.name for f in hidden(node.input, False)]
    letters = [name_of(n) for n in (*plain, *place, *(f.name for f in FAILURE))]
    if POSITION not in place:
        letters.append(f"CAST(NULL AS BIGINT) AS {name_of(POSITION)}")
    lo.add_dead(node, lo.view(node, "failing", f"SELECT {', '.join(letters)} FROM {called}"))
    texts = [f"{name_of(f'__q{i}')} AS {name_of(name)}" for i, (name, _) in enumerate(node.keys)]
    texts += [f"{name_of(f'__z{i}')} AS {name_of(f.name)}" for i, f in enumerate(node.output)]
    picked = ", ".join([*texts, *_placed(rows)])
    return lo.view(node, "", f"SELECT {picked}\nFROM {called}\nWHERE {name_of(REASON)} IS NULL")
