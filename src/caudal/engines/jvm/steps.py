"""Keyed steps: operators that take the rows of each key in pinned order, by a step of the worker package (`worker.steps`).

One adapter for each way: over bounded input the rows of a key are gathered and handed over as a list; over input that goes
on each key has a state, which is the rows that are not due yet and what the step keeps. The lowering knows none of the
operators: what a step takes and makes, a node says (`Node.step`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caudal.core.types import INT64, STRING, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm import sides
from caudal.engines.jvm.assigning import Extra, key_names, key_order, ordered_rows, parts
from caudal.engines.jvm.hidden_columns import NUMBER, PARTITION, POSITION, SOURCE, TIME, WATERMARK
from caudal.engines.jvm.relation import Call, Group, Join, LiveStep, Named, Over, Relation, View, column, kept, quoted
from caudal.engines.jvm.shape import FAILURE, NTH, REASON, hidden
from caudal.engines.jvm.streaming import INSTANT, marked, refused
from caudal.engines.jvm.windows import RANK
from caudal.plan.expr import Column
from caudal.plan.nodes import Computed, Keyed
from caudal.plan.python import PythonFunction
from caudal.plan.steps import END, KeyedStep

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

_NTH_PLACE, _AT = "__q", "__at"
"""Of what a step makes: the number of its place among those of its key, and the time of what is made of no row."""

_ORIGIN = {SOURCE: "__os", PARTITION: "__op", POSITION: "__oo"}
"""Where a row came from, kept beside the place that the operator gives it."""


@dataclass(slots=True)
class _Shape:
    """What an operator's rows are made of. `texts`: its columns behind the step; `passed`, `given`: what is computed of a
    row to be passed on, and to be given to the step; `made`: the columns that the step makes, those of failures too."""

    step: KeyedStep
    texts: list[Named]
    passed: list[Extra]
    given: list[Extra]
    made: list[Field]

    @property
    def extras(self) -> list[Extra]:
        """Everything that is computed of a row."""
        return [*self.passed, *self.given]


def lower(lo: Lowering, node: Keyed) -> View:
    """Lower an operator that is a keyed step."""
    step = node.step
    assert step is not None
    shape = _shape(node, step)
    if not lo.live:
        return _bounded(lo, node, shape)
    if step.grows:
        raise refused(lo, *step.grows)
    return _live(lo, node, shape)


def _shape(node: Keyed, step: KeyedStep) -> _Shape:
    schema = node.inputs[0].schema
    made = {f.name: f"__z{i}" for i, f in enumerate(step.results)}
    keys = {name: f"__k{i}" for i, (name, _) in enumerate(node.keys)}
    texts: list[Named] = []
    passed: list[Extra] = []
    for name, result in node.results().items():
        if name in made:
            texts.append((column(name), quoted(made[name])))
        elif isinstance(result, Computed) and isinstance(result.expr, Column):
            texts.append((column(name), quoted(f"__x{len(passed)}")))
            passed.append((f"__x{len(passed)}", result.expr, schema.dtype(result.expr.name)))
        else:
            texts.append((column(name), quoted(keys[name])))
    given: list[Extra] = [(f"__a{i}", e, e.dtype(schema)) for i, (_, e) in enumerate(step.arguments)]
    results = [Field(f"__z{i}", f.dtype) for i, f in enumerate(step.results)]
    return _Shape(step, texts, passed, given, [*results, *(FAILURE if node.has_dead else ())])


def _made(lo: Lowering, shape: _Shape) -> str:
    """Return the Python text that makes the step."""
    step = shape.step
    takes = {name: dtype.spec for (name, _), (_, _, dtype) in zip(step.arguments, shape.given, strict=True)}
    gives = {f.name: f.dtype.spec for f in step.results}
    options = [
        f"{name}={lo.code.add(value) if isinstance(value, PythonFunction) else repr(value)}"
        for name, value in step.options
    ]
    return f"{step.name}({', '.join([repr(takes), repr(gives), *options])})"


def _modules(shape: _Shape) -> tuple[str, ...]:
    home = f"{shape.step.package}.{shape.step.name}"
    return (home.removeprefix("caudal.worker."), *shape.step.needs)


def _results(lo: Lowering, node: Keyed, shape: _Shape, called: Relation, placed: list[Named]) -> View:
    good = called.where(*([f"{quoted(REASON)} IS NULL"] if node.has_dead else []))
    return lo.view(node, "", good.project([*shape.texts, *placed]))


# -- bounded input


def _bounded(lo: Lowering, node: Keyed, shape: _Shape) -> View:
    above, keys, order = node.inputs[0], key_names(node), node.ordering
    assert order is not None
    rows, sequence = ordered_rows(lo, node, shape.extras, order)
    through = [(name, dtype) for name, _, dtype in shape.passed]
    through += [(f.name, f.dtype) for f in hidden(above, False)]
    columns: list[Named] = kept([*keys, *(name for name, _ in through), *(name for name, _, _ in shape.given)])
    columns.append((RANK, Over("ROW_NUMBER()", parts(lo, node), sequence)))
    types = {f.name: f.dtype for f in hidden(above, True)}
    if node.has_dead and not shape.step.whole:
        columns += [(new, quoted(name)) for name, new in _ORIGIN.items()]
        through += [(new, types[name]) for name, new in _ORIGIN.items()]
    position = f"CAST({Over('ROW_NUMBER()', (), sequence)} AS BIGINT) - 1"
    if shape.step.alone:
        both = shape.step.alone == END
        numbered = lo.view(node, "numbered", rows.project([*columns, (POSITION, position)]), shared=both)
        return _placed(lo, node, shape, numbered, [*through, (POSITION, INT64)])
    place = lo.place(node, position)
    through += [(name, types[name]) for name, _ in place]
    numbered = lo.view(node, "numbered", rows.project([*columns, *place]))
    placed = kept(lo.hidden(node))
    if shape.step.drops or node.has_dead:
        # those that come out are numbered among themselves
        among = f"CAST({Over('ROW_NUMBER()', (), [quoted(POSITION)])} AS BIGINT) - 1"
        placed = [(name, among if name == POSITION else text) for name, text in placed]
    if shape.step.first:
        return lo.view(node, "", numbered.where(f"{quoted(RANK)} = 1").project([*shape.texts, *placed]))
    called = _called(lo, node, shape, numbered, through)
    if node.has_dead:
        sides.add_dead(lo, node, _failing(lo, node, called))
    return _results(lo, node, shape, called, placed)


def _failing(lo: Lowering, node: Keyed, called: Relation) -> View:
    """Return why rows failed, with where each came from."""
    letters = kept([*(f.name for f in hidden(node.inputs[0], False)), *(f.name for f in FAILURE)])
    letters += [(name, quoted(new)) for name, new in _ORIGIN.items()]
    letters.append((NUMBER, lo.whole(0)))
    return lo.view(node, "failing", called.project(letters))


def _placed(lo: Lowering, node: Keyed, shape: _Shape, numbered: View, through: list[tuple[str, DataType]]) -> View:
    """Return the results of a step that makes some of no row, in their places (see `worker.steps.contract`).

    These have no position of a row; at timers they have a time of their own, at the end of data that of the last row.
    """
    t, w, row = quoted(TIME), quoted(WATERMARK), quoted(POSITION)
    timed = TIME in (name for name, _ in through)
    called: Relation = _called(lo, node, shape, numbered, through)
    alone = f"CASE WHEN {row} IS NULL THEN 1 ELSE 0 END"
    own: list[Named] = [(TIME, t)] if node.timed else []
    order = [t, alone, f"COALESCE({row}, 0)"]
    if shape.step.alone == END:
        order = [alone, f"COALESCE({row}, {t})" if timed else f"COALESCE({row}, 0)"]
        ended: list[Named] = [("__et", t)] if timed else []
        among = numbered.plus(("__e", Over("COUNT(*)", ()))).where(f"{row} + 1 = `__e`")
        called = Join(called, lo.view(node, "last row", among.project([*ended, ("__ew", w)])))
        own = [(name, f"CASE WHEN {row} IS NULL THEN `__et` ELSE {text} END") for name, text in own]
        w = f"CASE WHEN {row} IS NULL THEN `__ew` ELSE {w} END"
    if node.has_dead and shape.step.whole:
        letters = [*own, *kept(f.name for f in FAILURE)]
        sides.add_dead(lo, node, lo.view(node, "failing", called.project(letters)), whole=True)
    elif node.has_dead:
        sides.add_dead_of_some(lo, node, _failing(lo, node, called))
    rank = Over("DENSE_RANK()", (), [*order, *key_order(lo, node), quoted(_NTH_PLACE)])
    place = lo.place(node, f"CAST({rank} AS BIGINT) - 1", quoted(NTH))
    return _results(lo, node, shape, called, [*own, (WATERMARK, w), *place])


def _called(lo: Lowering, node: Keyed, shape: _Shape, numbered: View, through: list[tuple[str, DataType]]) -> View:
    """Return what the step makes of all rows of each key: keys, columns that are passed through, its own."""
    columns = [(RANK, INT64), *through, *((name, dtype) for name, _, dtype in shape.given)]
    groups = Group(numbered, tuple(kept(key_names(node))), (("__rows", lo.dialect.gathered(columns)),))
    names = [name for name, _ in through]
    time = names.index(TIME) if TIME in names else None
    placed = [Field(_NTH_PLACE, INT64), Field(NTH, INT64)] if shape.step.alone else []
    made = f"over_keys({_made(lo, shape)}, {len(through)}, {time}{', True' if placed else ''})"
    rows = Schema([*(Field(n, t) for n, t in through), *shape.made, *placed])
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in columns))
    call = lo.functions.table(made, (*_modules(shape), "tables"), [("`__rows`", whole)], rows)
    return lo.view(node, "calls", Call(groups, tuple(key_names(node)), call, rows), shared=node.has_dead)


# -- unbounded input


def _live(lo: Lowering, node: Keyed, shape: _Shape) -> View:
    above, keys, order = node.inputs[0], key_names(node), node.ordering
    assert order is not None
    rows, texts = ordered_rows(lo, node, shape.extras, order)
    schema = above.schema
    types: dict[str, DataType] = {name: dtype for name, _, dtype in shape.extras}
    types |= {key: expr.dtype(schema) for key, (_, expr) in zip(keys, node.keys, strict=True)}
    types |= {f.name: f.dtype for f in hidden(above, True)}
    types[POSITION] = lo.positions[above]
    types |= {f"__y{i}": expr.dtype(schema) for i, expr in enumerate(order.by)}
    by = {quoted(name): name for name in types}
    sequence = [by[text] for text in texts]
    at = {name: i for i, name in enumerate(types)}
    plain = [f.name for f in hidden(above, False)]
    ends = shape.step.alone == END
    passed = [*(name for name, _, _ in shape.passed), *keys, *plain, *(sequence if node in lo.ordered or ends else [])]
    if node.has_dead and not shape.step.whole:
        passed += [SOURCE, PARTITION, *([POSITION] if types[POSITION] == INT64 else [])]
    passed = [*dict.fromkeys(passed)]
    stays = [*keys, *(n for n in (TIME, WATERMARK, *sequence) if ends and n in passed)]
    step = (
        f"live_step({_made(lo, shape)}, {[at[n] for n in passed]!r},"
        f" {[(at[name], dtype.spec) for name, _, dtype in shape.given]!r},"
        f" {None if order.arrival else at[TIME]}, {at.get(TIME)}, {[at[n] for n in sequence]!r}, {lo.epoch}"
        f"{f', {(shape.step.alone, [at[n] for n in stays])!r}' if shape.step.alone else ''})"
    )
    places = [Field(name, INT64) for name in (_NTH_PLACE, NTH, _AT)] if shape.step.alone else []
    made = Schema([*(Field(n, types[n]) for n in passed), *shape.made, *places])
    called = _stepped(lo, node, rows, types, step, made, _modules(shape), sequence if ends else ())
    if node.has_dead:
        letters = kept([*(n for n in passed if n in (*plain, SOURCE, PARTITION, POSITION)), *(f.name for f in FAILURE)])
        if POSITION not in passed:
            letters.append((POSITION, "CAST(NULL AS BIGINT)"))
        failing = lo.view(node, "failing", called.project(letters))
        if shape.step.alone and not shape.step.whole:
            sides.add_dead_of_some(lo, node, failing)
        else:
            sides.add_dead(lo, node, failing, whole=shape.step.whole)
    position, number = f"struct({', '.join(quoted(n) for n in sequence)})", ""
    if shape.step.alone:
        alone: list[Named] = [("__u", f"CASE WHEN {quoted(_AT)} IS NULL THEN 0L ELSE 1L END")]
        # what is made of no row may have the place of its key's last one, by which the last of all is found
        of_rows: list[Named] = [(n, f"CASE WHEN {quoted(_AT)} IS NULL THEN {quoted(n)} END") for n in sequence]
        fields = [*alone, *of_rows, *kept([_AT, *keys, _NTH_PLACE])]
        position, number = f"struct({', '.join(f'{text} AS {quoted(n)}' for n, text in fields)})", quoted(NTH)
    place = lo.place(node, position if node in lo.ordered else "CAST(NULL AS BIGINT)", number)
    return _results(lo, node, shape, called, [*kept(plain), *place])


def _stepped(
    lo: Lowering,
    node: Keyed,
    rows: View,
    types: dict[str, DataType],
    step: str,
    made: Schema,
    modules: tuple[str, ...],
    ends: Sequence[str],
) -> View:
    """Return the rows that a step makes, with these columns. Rows cross to Python and back as lines (`worker.live_steps`).

    `ends`: where it makes rows at the end of data, by what columns of a result the last row of all is found.
    """
    functions, keys = lo.functions, key_names(node)
    # what is late is known before: here nothing is behind
    united = marked(lo, node, rows, [*dict.fromkeys([*keys, *types])], f"{lo.epoch}L")
    line = functions.struct("packed", (*modules, "live_steps"), [(quoted(n), t) for n, t in types.items()], STRING)
    one: list[Named] = [] if keys else [("__one", f"{quoted(SOURCE)} IS NULL")]
    query = united.project([*one, *kept(keys), *kept([INSTANT]), ("row", line)])
    lines = lo.view(node, "stepped", LiveStep(query, tuple(keys or ["__one"]), step))
    if ends:
        lines = _ended(lo, node, lines, made, ends)
    unpacked = f"unpacked({[f.name for f in made]!r}, {[f.dtype.spec for f in made]!r})"
    struct = functions.struct(unpacked, (*modules, "live_steps"), [("`made`", STRING)], struct_of(made))
    # the condition holds always: Spark would hand the rows of one Python operator to the next, which wants another kind
    each = lines.where("`made` <> ''").project([("u", struct)])
    return lo.view(node, "calls", each.project([(f.name, f"u.{quoted(f.name)}") for f in made]))


def _ended(lo: Lowering, node: Keyed, lines: View, made: Schema, sequence: Sequence[str]) -> View:
    """Return the lines of a step with time and W_p of the last row of all keys, which the end of data makes some of.

    No key knows that row, so all results pass one task.
    """
    at = {name: i for i, name in enumerate(made.names)}
    united = marked(lo, node, lines, ["made"], f"{lo.epoch}L", "marked results")
    query = united.project([("__one", "`made` IS NULL"), (INSTANT, quoted(INSTANT)), ("row", quoted("made"))])
    function = f"live_end({at[_AT]}, {at.get(TIME)}, {at[WATERMARK]}, {[at[n] for n in sequence]!r})"
    return lo.view(node, "ended", LiveStep(query, ("__one",), function))
