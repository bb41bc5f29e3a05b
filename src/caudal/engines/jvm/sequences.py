"""What keeps state by key, as SQL: rows of a key are numbered in pinned order, gathered and walked by a shipped function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core.types import INT64, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm.places import NUMBER, PARTITION, PLACE, POSITION, SOURCE, TIME
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.shape import FAILURE, REASON, hidden, spec
from caudal.engines.jvm.windows import Extra, ordered_rows, partition, parts
from caudal.plan.expr import Column
from caudal.plan.nodes import Deduplicate, Keyed, Reduce, Running
from caudal.plan.windows import Order

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

_ORIGIN = {SOURCE: "__os", PARTITION: "__op", POSITION: "__oo"}
"""Where a row came from, kept beside the place that the operator gives it."""


def _numbered(lo: Lowering, node: Keyed, extras: list[Extra], order: Order) -> tuple[str, list[Field]]:
    """Return the view of rows with their number `__r` among those of their key, and the hidden columns they have behind it.

    Where somebody asks for places, the rows have those that the operator gives: their number among all.
    """
    rows, sequence = ordered_rows(lo, node, extras, order.by, arrival=order.arrival)
    keys = [name_of(f"__k{i}") for i in range(len(node.keys))]
    by = partition(parts(lo, node))
    ordered = ", ".join(sequence)
    kept = list(hidden(node.input, False))
    texts = [*keys, *(name_of(name) for name, _, _ in extras), *(name_of(f.name) for f in kept)]
    texts.append(f"ROW_NUMBER() OVER ({by}ORDER BY {ordered}) AS `__r`")
    texts += [f"{name_of(n)} AS {name_of(_ORIGIN[n])}" for n in (SOURCE, PARTITION, POSITION)]
    kept += [Field(_ORIGIN[f.name], f.dtype) for f in hidden(node.input, True) if f.name in _ORIGIN]
    for name, text in lo.place(node, f"{_number(ordered)} - 1"):
        texts.append(f"{text} AS {name_of(name)}")
        kept.append(next(f for f in hidden(node.input, True) if f.name == name))
    return lo.view(node, "numbered", f"SELECT {', '.join(texts)}\nFROM {rows}"), kept


def _number(ordered: str) -> str:
    return f"CAST(ROW_NUMBER() OVER (ORDER BY {ordered}) AS BIGINT)"


def _walked(
    lo: Lowering, node: Keyed, numbered: str, given: list[tuple[str, DataType]], made: str, rows: Schema
) -> str:
    """Return the view of what a table function makes of all rows of each key: keys, and its rows."""
    keys = [f"__k{i}" for i in range(len(node.keys))]
    columns = [("__r", INT64), *given]
    texts = [*(name_of(k) for k in keys), f"{lo.dialect.gathered(columns)} AS `__rows`"]
    by = f"\n  GROUP BY {', '.join(name_of(k) for k in keys)}" if keys else ""
    groups = f"SELECT {', '.join(texts)}\n  FROM {numbered}{by}"
    whole = list_of(struct_of(Field(name, dtype) for name, dtype in columns))
    call = lo.functions.table(made, ("calling", "ordered", "tables"), [("`__rows`", whole)], rows)
    text = lo.dialect.applied(f"(\n  {groups}\n)", keys, call, rows)
    return lo.view(node, "calls", text, shared=node.has_dead)


def _picked(lo: Lowering, node: Keyed) -> list[str]:
    return [name_of(n) for n in lo.hidden(node)]


def running(lo: Lowering, node: Running) -> str:
    """Lower `running` and sliding windows: a row for each row, with aggregates over the frame up to it."""
    schema = node.input.schema
    passed = [*schema]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(passed)]
    arguments: list[tuple[str, DataType]] = []
    specs: list[object] = []
    for i, (name, each) in enumerate(node.aggregates):
        dtype = None
        if each.argument is not None:
            dtype = each.argument.dtype(schema)
            extras.append((f"__a{i}", each.argument, dtype))
            arguments.append((f"__a{i}", dtype))
        specs.append((each.function, None if dtype is None else spec(dtype), spec(node.schema.dtype(name))))
    numbered, kept = _numbered(lo, node, extras, node.frame.order)
    through = [(f"__x{i}", f.dtype) for i, f in enumerate(passed)] + [(f.name, f.dtype) for f in kept]
    made = (
        f"running_rows(running({specs!r}, {node.frame.size}, {node.frame.rows}), {len(through)},"
        f" {[a for a, _ in arguments]!r}, {[f'__a{i}' for i in range(len(specs))]!r})"
    )
    results = [Field(f"__z{i}", node.schema.dtype(name)) for i, (name, _) in enumerate(node.aggregates)]
    rows = Schema([*(Field(n, t) for n, t in through), *results])
    time = (TIME, INT64) if node.input.timed else None
    given = [*([("__t0", INT64)] if time else []), *through, *arguments]
    if time:
        numbered = lo.view(node, "timed", f"SELECT *, {name_of(TIME)} AS `__t0` FROM {numbered}")
    else:
        numbered = lo.view(node, "timed", f"SELECT *, CAST(NULL AS BIGINT) AS `__t0` FROM {numbered}")
        given = [("__t0", INT64), *given]
    called = _walked(lo, node, numbered, given, made, rows)
    texts = {f.name: f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(passed)}
    for i, (name, _) in enumerate(node.keys):
        texts.setdefault(name, f"{name_of(f'__k{i}')} AS {name_of(name)}")
    for i, (name, _) in enumerate(node.aggregates):
        texts[name] = f"{name_of(f'__z{i}')} AS {name_of(name)}"
    return lo.view(
        node, "", f"SELECT {', '.join([*(texts[n] for n in node.schema.names), *_picked(lo, node)])}\nFROM {called}"
    )


def deduplicate(lo: Lowering, node: Deduplicate) -> str:
    """Lower `deduplicate`: the first row of a key, or those that no row of the key was passed on shortly before."""
    passed = [*node.input.schema]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(passed)]
    numbered, kept = _numbered(lo, node, extras, node.order)
    columns = [f"{name_of(f'__x{i}')} AS {name_of(f.name)}" for i, f in enumerate(passed)]
    # those that pass are numbered among themselves
    place = {name: f"{text} AS {name_of(name)}" for name, text in lo.place(node, f"{_number(name_of(POSITION))} - 1")}
    picked = ", ".join([*columns, *(place.get(name, name_of(name)) for name in lo.hidden(node))])
    if not node.within:
        return lo.view(node, "", f"SELECT {picked}\nFROM {numbered}\nWHERE `__r` = 1")
    through = [(f"__x{i}", f.dtype) for i, f in enumerate(passed)] + [(f.name, f.dtype) for f in kept]
    rows = Schema([Field(n, t) for n, t in through])
    timed = lo.view(node, "timed", f"SELECT *, {name_of(TIME)} AS `__t0` FROM {numbered}")
    called = _walked(
        lo, node, timed, [("__t0", INT64), *through], f"passing(deduplicate({node.within}), {len(through)})", rows
    )
    return lo.view(node, "", f"SELECT {picked}\nFROM {called}")


def reduce(lo: Lowering, node: Reduce) -> str:
    """Lower `reduce`: a row for each row, the state of its key behind it."""
    given = [*node.input.schema]
    extras: list[Extra] = [(f"__x{i}", Column(f.name), f.dtype) for i, f in enumerate(given)]
    numbered, kept = _numbered(lo, node, extras, node.order)
    taken, output = ({f.name: spec(f.dtype) for f in schema} for schema in (given, node.output))
    function = node.function
    made = (
        f"reduced_rows(reduced({lo.code.add(function)}, {taken!r}, {output!r}, {function.timeout}),"
        f" {len(kept)}, {[f.name for f in given]!r})"
    )
    rows = Schema([*kept, *(Field(f"__z{i}", f.dtype) for i, f in enumerate(node.output)), *FAILURE])
    columns = [*((f.name, f.dtype) for f in kept), *((f"__x{i}", f.dtype) for i, f in enumerate(given))]
    called = _walked(lo, node, numbered, columns, made, rows)
    letters = [name_of(f.name) for f in rows if not f.name.startswith("__z") and f.name not in PLACE]
    letters += [f"{name_of(_ORIGIN[n])} AS {name_of(n)}" for n in (SOURCE, PARTITION, POSITION)]
    letters.append(f"CAST(0 AS BIGINT) AS {name_of(NUMBER)}")
    lo.add_dead(node, lo.view(node, "failing", f"SELECT {', '.join(letters)} FROM {called}"))
    texts = [f"{name_of(f'__k{i}')} AS {name_of(name)}" for i, (name, _) in enumerate(node.keys)]
    texts += [f"{name_of(f'__z{i}')} AS {name_of(f.name)}" for i, f in enumerate(node.output)]
    return lo.view(
        node,
        "",
        f"SELECT {', '.join([*texts, *_picked(lo, node)])}\nFROM {called}\nWHERE {name_of(REASON)} IS NULL",
    )
