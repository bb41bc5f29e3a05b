"""Steps: what a stateless operator does to a morsel, on whichever core carries it.

A step never fails for what the data holds, save where Python functions are called: the rows that these fail on leave
the morsel and become dead letters of their operator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, TIMESTAMP, Field, Schema
from caudal.engines.local.counters import Counters
from caudal.engines.local.dead_letters import Origin, failed_rows, keep, told
from caudal.engines.local.functions import guarding
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.lookup import lookup
from caudal.engines.local.stateful import joined
from caudal.engines.local.tables import Held
from caudal.expressions.lists import exploded
from caudal.plan.expr import Call, Expr, call
from caudal.plan.expr import Column as ColumnExpr
from caudal.plan.nodes import (
    Copies,
    DeadLetters,
    Explode,
    Filter,
    FlatMap,
    Fused,
    Late,
    Lookup,
    Map,
    Node,
    Punctual,
    Select,
    Shuffle,
    Step,
    Union,
    WithColumns,
)
from caudal.plan.python import PythonCall, calls
from caudal.ports.calls import Calls

Letters = dict[str, Morsel]
"""The dead letters that the steps of one morsel made, by operator."""

StepRun = Callable[[Morsel, Letters], Morsel]


@dataclass(frozen=True, slots=True)
class Context:
    """What steps are made with: `bind` compiles expressions, `functions` binds Python functions, `table` opens that of a lookup.

    `calls`: what is known of the calls of functions in this process.
    """

    bind: Callable[..., Any]
    counters: Counters
    functions: Functions
    origin: Origin
    table: Callable[[Lookup], Held]
    calls: Calls


def steps(node: Node, context: Context) -> list[StepRun]:
    """Return what a stateless operator does, in order; neighbouring filters share one gathering of rows."""
    if isinstance(node, Fused):
        return _chain(node.steps, context)
    if isinstance(node, Filter | Select | WithColumns):
        return _chain((node,), context)
    if isinstance(node, Map):
        return [_map(node, context)]
    if isinstance(node, Copies):
        return [_copies(node, context)]
    if isinstance(node, Explode):
        return [_explode(node, context)]
    if isinstance(node, Punctual):
        return [_punctual(node)]
    if isinstance(node, Lookup):
        return [lookup(node, context.table(node), context.counters)]
    assert isinstance(node, Union | Late | DeadLetters | Shuffle), node.kind
    names = node.schema.names
    return [lambda morsel, _: morsel.with_columns({n: morsel.columns[n] for n in names})]


def _punctual(node: Punctual) -> StepRun:
    def run(morsel: Morsel, letters: Letters) -> Morsel:
        assert morsel.time is not None
        made = morsel.with_columns({**morsel.columns, node.into: Fixed(TIMESTAMP, morsel.time)})
        if morsel.watermark is not None:
            made.time = np.maximum(morsel.time, morsel.watermark)
        return made

    return run


def _chain(nodes: Sequence[Step], context: Context) -> list[StepRun]:
    out: list[StepRun] = []
    filters: list[Filter] = []
    for node in nodes:
        if isinstance(node, Filter) and not node.functions:
            filters.append(node)
            continue
        if filters:
            out.append(_filters(filters, context))
            filters = []
        out.append(_calling(node, context) if node.functions else _plain(node, node.input.schema, context))
    if filters:
        out.append(_filters(filters, context))
    return out


def _plain(node: Step, schema: Schema, context: Context) -> StepRun:
    if isinstance(node, Filter):
        return _filters([node], context, schema)
    bound = [(name, context.bind(expr, schema)) for name, expr in node.columns]
    names = node.schema.names
    whole = isinstance(node, Select)

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        new = {name: compute(morsel) for name, compute in bound}
        columns = new if whole else {n: new[n] if n in new else morsel.columns[n] for n in names}
        return morsel.with_columns(columns)

    return run


def _filters(filters: list[Filter], context: Context, schema: Schema | None = None) -> StepRun:
    conditions = [(f.name, context.bind(f.predicate, schema or f.input.schema)) for f in filters]
    counters = context.counters

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        left = morsel.rows
        kept = None
        for name, condition in conditions:
            passed, known = condition.decided(morsel)
            if known is not None:
                null = int(np.count_nonzero(~known if kept is None else kept & ~known))
                if null:
                    counters.add(name, "undecided", null)
            kept = passed if kept is None else kept & passed
            now = int(np.count_nonzero(kept))
            if now != left:
                counters.add(name, "filtered", left - now)
                left = now
            if not left:
                break
        return morsel if left == morsel.rows or kept is None else morsel.take(np.flatnonzero(kept))

    return run


def _calling(node: Step, context: Context) -> StepRun:
    """Return an operator whose expressions call Python functions: each call is computed into a hidden column first."""
    hoisted = _Hoisted(node.input.schema)
    if isinstance(node, Filter):
        plain: Step = _over(node, predicate=hoisted.without_calls(node.predicate))
    else:
        plain = _over(node, columns=tuple((name, hoisted.without_calls(expr)) for name, expr in node.columns))
    called = [_call(node.name, column, made, shown, hoisted.schema, context) for column, made, shown in hoisted.found]
    last = _plain(plain, hoisted.schema, context)
    names = node.schema.names
    filters = isinstance(node, Filter)

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        morsel = morsel.with_columns(morsel.columns)  # of this step's own: the calls add their columns in place
        for step in called:
            morsel = step(morsel, letters)
            if not morsel.rows:
                return morsel
        morsel = last(morsel, letters)
        # a filter leaves the hidden columns in
        return morsel.with_columns({n: morsel.columns[n] for n in names}) if filters else morsel

    return run


def _over(node: Step, **changes: Any) -> Any:
    """Return a stand-in for the operator with other expressions: its own schema was checked, with the calls in it."""
    stand_in = object.__new__(type(node))
    for name, value in {**vars(node), **changes}.items():
        object.__setattr__(stand_in, name, value)
    return stand_in


class _Hoisted:
    """Takes the calls of Python functions out of expressions, the innermost first, one that is written twice once."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.found: list[tuple[str, PythonCall, tuple[str, ...]]] = []
        self._known: dict[Any, ColumnExpr] = {}
        self._visible = set(schema.names)

    def without_calls(self, expr: Expr) -> Expr:
        """Return the expression with a hidden column in place of each call."""
        if not calls(expr):
            return expr
        if isinstance(expr, Call):
            return replace(expr, args=tuple(self.without_calls(a) for a in expr.args))
        assert isinstance(expr, PythonCall)
        key = expr.key()
        if key not in self._known:
            shown = tuple(n for n in self.schema.names if n in expr.columns() & self._visible)
            dtype = expr.dtype(self.schema)
            args = tuple(self.without_calls(a) for a in expr.args)
            column = f"\0{len(self.found)}"
            self.found.append((column, PythonCall(expr.function, args), shown))
            self.schema = Schema([*self.schema, Field(column, dtype)])
            self._known[key] = ColumnExpr(column)
        return self._known[key]


def _call(
    operator: str, column: str, made: PythonCall, shown: tuple[str, ...], schema: Schema, context: Context
) -> StepRun:
    function = made.function
    args: list[Expr] = []
    for i, arg in enumerate(made.args):
        parameter = function.parameters[i].dtype if i < len(function.parameters) else None
        got = arg.infer(schema)
        args.append(arg if parameter is None or got == parameter else call("cast", arg, to=str(parameter)))
    bound = [context.bind(arg, schema) for arg in args]
    assert function.returns is not None
    types = [arg.dtype(schema) for arg in args]
    run_call = context.functions.scalar(function, types, function.returns)
    run_call = guarding.scalar(context.calls, f"{operator}/{column[1:]}", function, run_call, types)
    counters = context.counters

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        values = run_call([compute(morsel) for compute in bound], morsel.rows)
        morsel.columns[column] = values.column
        if not values.failed:
            return morsel
        _add(letters, operator, failed_rows(morsel, values.failed, operator, context.origin, shown))
        counters.add(operator, "dead", len(values.failed))
        told(counters, operator, function, values.failed)
        return morsel.take(keep(values.failed, morsel.rows))

    return run


def _map(node: Map, context: Context) -> StepRun:
    operator, names, flat = node.name, node.input.schema.names, isinstance(node, FlatMap)
    run_map = context.functions.rows(node.function, node.input.schema, node.output, flat)
    types = {name: node.input.schema.dtype(name) for name in names}
    run_map = guarding.rows(context.calls, operator, node.function, run_map, types)
    counters = context.counters

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        made = run_map({n: morsel.columns[n] for n in names}, morsel.rows)
        if made.failed:
            _add(letters, operator, failed_rows(morsel, made.failed, operator, context.origin, names))
            counters.add(operator, "dead", len(made.failed))
            told(counters, operator, node.function, made.failed)
        if flat:
            counters.add(operator, "emitted", len(made.owner))
            return morsel.spread(made.owner, made.columns)
        if not made.failed:
            return morsel.with_columns(made.columns)
        return morsel.with_columns({}).take(made.owner).with_columns(made.columns)

    return run


def _copies(node: Copies, context: Context) -> StepRun:
    def run(morsel: Morsel, letters: Letters) -> Morsel:
        owner = np.repeat(np.arange(morsel.rows, dtype=np.int64), node.instances)
        context.counters.add(node.name, "emitted", len(owner))
        instance = np.tile(np.arange(node.instances, dtype=np.int64), morsel.rows)
        columns: dict[str, Column] = {name: column.take(owner) for name, column in morsel.columns.items()}
        columns[node.column] = Fixed(INT64, instance)
        return morsel.spread(owner, columns)

    return run


def _explode(node: Explode, context: Context) -> StepRun:
    beside = [name for name in node.input.schema.names if name != node.column]
    names = node.schema.names

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        owner, made = exploded(node, morsel.columns[node.column])
        context.counters.add(node.name, "emitted", len(owner))
        context.counters.add(node.name, "filtered", morsel.rows - len(np.unique(owner)))
        columns = {**{name: morsel.columns[name].take(owner) for name in beside}, **made}
        return morsel.spread(owner, {name: columns[name] for name in names})

    return run


def _add(letters: Letters, operator: str, more: Morsel) -> None:
    """Put dead letters to those that the same operator has already."""
    before = letters.get(operator)
    both = more if before is None else joined([before, more])
    assert both.position is not None
    letters[operator] = both if before is None else both.take(np.argsort(both.position, kind="stable"))
