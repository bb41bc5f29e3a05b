"""Operators without state: filters, projections, unions, copies, and the Python functions that they call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from caudal.core.types import INT64, Field, Schema
from caudal.engines.jvm import positions, sides
from caudal.engines.jvm.extraction import Extracted, Taken, extract_calls
from caudal.engines.jvm.hidden_columns import BRANCHES, NUMBER, POSITION, TIME, WATERMARK
from caudal.engines.jvm.relation import Call, Explode, Named, Relation, Union, View, column, kept, own, quoted
from caudal.engines.jvm.shape import FAILURE, NTH, REASON
from caudal.plan.expr import Expr
from caudal.plan.nodes import Copies, Filter, FlatMap, Map, Node, Punctual, Select, Shuffle, WithColumns
from caudal.plan.nodes import Explode as ExplodeNode
from caudal.plan.nodes import Union as UnionNode

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering


def filter_(lo: Lowering, node: Filter) -> View:
    """Lower `filter`."""
    taken = extract_calls([node.predicate], node.input.schema)
    rows = _called(lo, node, node.input, taken).where(lo.show(taken.exprs[0], taken.schema))
    return lo.view(node, "", rows.project(lo.columns(node.input)))


def select(lo: Lowering, node: Select) -> View:
    """Lower `select`."""
    return _projected(lo, node, [], node.columns)


def with_columns(lo: Lowering, node: WithColumns) -> View:
    """Lower `with_columns`."""
    made = {name for name, _ in node.columns}
    return _projected(lo, node, [n for n in node.input.schema.names if n not in made], node.columns)


def _projected(
    lo: Lowering, node: Select | WithColumns, passed: Sequence[str], columns: Iterable[tuple[str, Expr]]
) -> View:
    listed = list(columns)
    taken = extract_calls([expr for _, expr in listed], node.input.schema)
    rows = _called(lo, node, node.input, taken)
    texts = {name: own(name) for name in passed}
    for (name, _), expr in zip(listed, taken.exprs, strict=True):
        texts[name] = lo.show(expr, taken.schema, node.schema.dtype(name))
    picked: list[Named] = [(column(n), texts[n]) for n in node.schema.names]
    return lo.view(node, "", rows.project([*picked, *kept(lo.hidden(node.input))]))


def _called(lo: Lowering, node: Node, above: Node, taken: Extracted) -> Relation:
    """Return the rows with the columns of the calls in expressions, without those that one of them failed on."""
    rows = lo.of(above)
    if not taken.stages:
        return rows
    failures: list[str] = []
    columns = lo.columns(above)
    for number, stage in enumerate(taken.stages):
        calls = [(t, f"__f{number}_{i}") for i, t in enumerate(stage)]
        inner = rows.project([*columns, *((f, _call(lo, t, taken.schema)) for t, f in calls)])
        got: list[Named] = [(column(t.column), lo.dialect.value(f"x.{quoted(f)}", t.dtype)) for t, f in calls]
        got += [
            (f"{f}_{part}", f"x.{quoted(f)}.{quoted(part)}")
            for _, f in calls
            for part in ("reason", "message", "detail")
        ]
        what = "calls" if number == 0 else f"calls {number + 1}"
        rows = lo.view(node, what, inner.project([*columns, *got]), shared=True)
        failures += [f for _, f in calls]
        columns = [*columns, *kept(name for name, _ in got)]
    said = {part: _first([quoted(f"{f}_{part}") for f in failures]) for part in ("reason", "message", "detail")}
    sides.add_dead(lo, node, rows, said["reason"], said["message"], said["detail"])
    return lo.view(node, "taken", rows.where(*(f"{quoted(f'{f}_reason')} IS NULL" for f in failures)))


def _first(texts: Sequence[str]) -> str:
    return f"COALESCE({', '.join(texts)})" if len(texts) > 1 else texts[0]


def _call(lo: Lowering, taken: Taken, schema: Schema) -> str:
    function = taken.call.function
    types = [arg.dtype(schema) for arg in taken.args]
    made = (
        f"scalar({lo.code.add(function)}, {function.kind!r}, {[t.spec for t in types]!r},"
        f" {taken.dtype.spec!r}, {function.pass_nulls!r}, {function.timeout})"
    )
    arguments = [(lo.show(arg, schema), dtype) for arg, dtype in zip(taken.args, types, strict=True)]
    return lo.functions.call(made, ("calling",), arguments, taken.dtype)


def union(lo: Lowering, node: UnionNode) -> View:
    """Lower `union`: a row's number says too which stream it came from."""
    parts: list[Relation] = []
    several = node in lo.placed
    for number, stream in enumerate(node.streams):
        picked = kept(column(n) for n in node.schema.names)
        for name in lo.hidden(stream):
            text = quoted(name)
            if name == POSITION and lo.live:
                text = positions.position_in(lo, node, stream)
            elif name == NUMBER and several:
                text = f"{text} * {len(node.streams)} + {number}"
            picked.append((name, text))
        parts.append(lo.of(stream).project(picked))
    return lo.view(node, "", Union(tuple(parts)))


def shuffle(lo: Lowering, node: Shuffle) -> View:
    """Lower `shuffle`: the engine distributes rows as it sees fit."""
    return lo.of(node.input)


def copies(lo: Lowering, node: Copies) -> View:
    """Lower `all`."""
    picked = [*kept(column(n) for n in node.input.schema.names), (column(node.column), quoted(NTH))]
    for name in lo.hidden(node.input):
        text = quoted(name)
        picked.append((name, f"{text} * {node.instances} + {quoted(NTH)}" if name == NUMBER else text))
    return lo.view(node, "", Explode(lo.of(node.input), node.instances, NTH).project(picked))


def punctual(lo: Lowering, node: Punctual) -> View:
    """Lower what lets no row be late."""
    t, w = quoted(TIME), quoted(WATERMARK)
    picked = [*kept(column(n) for n in node.input.schema.names), (column(node.into), t)]
    moved = f"GREATEST({t}, COALESCE({w}, {t}))"
    picked += [(name, moved if name == TIME else quoted(name)) for name in lo.hidden(node.input)]
    return lo.view(node, "", lo.of(node.input).project(picked))


def map_(lo: Lowering, node: Map) -> View:
    """Lower `map` and `flat_map`."""
    above = node.input
    given = {f.name: f.dtype.spec for f in above.schema}
    output = {f.name: f.dtype.spec for f in node.output}
    many = isinstance(node, FlatMap)
    call = f"mapped({lo.code.add(node.function)}, {node.function.kind!r}, {given!r}, {output!r}, {many!r}"
    made = f"each_row({call}, {node.function.timeout}), {list(given)!r})"
    rows = Schema([Field(NTH, INT64), *(Field(f"__x{i}", f.dtype) for i, f in enumerate(node.output)), *FAILURE])
    arguments = [(own(f.name), f.dtype) for f in above.schema]
    text = lo.functions.table(made, ("calling", "tables"), arguments, rows)
    called = lo.view(node, "calls", Call(lo.of(above), tuple(lo.hidden(above)), text, rows), shared=True)
    sides.add_dead(lo, node, called)
    picked: list[Named] = [(column(f.name), quoted(f"__x{i}")) for i, f in enumerate(node.output)]
    for name in lo.hidden(above):
        text = quoted(name)
        picked.append((name, f"{text} * {BRANCHES} + {quoted(NTH)}" if name == NUMBER and many else text))
    return lo.view(node, "", called.where(f"{quoted(REASON)} IS NULL").project(picked))


def explode(lo: Lowering, node: ExplodeNode) -> View:
    """Lower `explode`: the worker takes lists apart, as engines disagree on nulls in lists, and on structs in them."""
    above, made = node.input, node.elements()
    dtype = above.schema.dtype(node.column)
    fields = len(made) != 1 or made[0].dtype != dtype.item
    rows = Schema([Field(NTH, INT64), *(Field(f"__x{i}", f.dtype) for i, f in enumerate(made))])
    text = lo.functions.table(f"elements({fields!r})", ("tables",), [(own(node.column), dtype)], rows)
    beside = [column(n) for n in above.schema.names if n != node.column]
    called = Call(lo.of(above), (*beside, *lo.hidden(above)), text, rows)
    elements = {f.name: quoted(f"__x{i}") for i, f in enumerate(made)}
    picked: list[Named] = [(column(n), elements.get(n, own(n))) for n in node.schema.names]
    for name in lo.hidden(above):
        text = quoted(name)
        picked.append((name, f"{text} * {BRANCHES} + {quoted(NTH)}" if name == NUMBER else text))
    return lo.view(node, "", lo.view(node, "elements", called, shared=True).project(picked))
