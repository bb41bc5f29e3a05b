"""Tables that streams make: the latest row of each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from caudal.core.errors import PlanError, nearest
from caudal.core.naming import cut, free
from caudal.core.types import Schema
from caudal.lang.dsl import instead
from caudal.lang.dsl.joining import sides
from caudal.lang.dsl.windows import condition
from caudal.plan.expr import Column, Expr, col, lit
from caudal.plan.nodes import Broadcast, Filter, Node, Punctual, Select, Source
from caudal.plan.nodes.base import NO_TIME, passed_on
from caudal.plan.nodes.lookup import HOW

if TYPE_CHECKING:
    from caudal.lang.dsl.grouped import Grouped
    from caudal.lang.dsl.stream import Stream


class Latest:
    """A table of the latest row of each key of a stream, for `stream.lookup(table, on=...)`."""

    def __init__(self, node: Node, key: tuple[str, ...], gone: Expr) -> None:
        """`node`: its rows, keys among their columns; `gone`: which of them say that there is none of their key."""
        self.node = node
        self.key = key
        self.gone = gone

    def __getattr__(self, name: str) -> Any:
        raise instead.of_latest(self.key, name)

    @property
    def schema(self) -> Schema:
        """The columns and their types."""
        return self.node.schema

    def __repr__(self) -> str:
        return f"Latest(by {', '.join(self.key)}: {cut(str(self.schema), 200)})"


def latest(self: Grouped, *, tombstone: Expr | str | None = None) -> Latest:
    """Make a table of the latest row of each key, as of event time: `rows.lookup(table, on="ip")`.

    A row at time t meets the newest row of its key with a time <= t, once the watermark of the table's stream is past t; so a
    replay meets the same. One that comes too late holds from the watermark of its partition on, unless there is a newer one.
    `tombstone`: which rows say that there is none of their key from then on, an expression or SQL text; without it those of
    which all is null but keys and event time.
    """
    if not self.keys:
        raise PlanError("latest needs keys", hint='group_by("ip").latest()')
    names = tuple(name for name, _ in self.keys)
    node = self.node
    if any(not isinstance(expr, Column) or expr.name != name for name, expr in self.keys):
        rest = [(name, col(name)) for name in node.schema.names if name not in names]
        node = Select(input=node, columns=(*self.keys, *rest))
    if not node.timed:
        raise PlanError("the latest row is so in event time, and there is none", hint=NO_TIME)
    if tombstone is not None:
        gone = condition(tombstone, node.schema)
        if gone.dtype(node.schema).name != "bool":
            raise PlanError(f"a tombstone is told by true or false, not by {gone.dtype(node.schema)}", hint="n == 0")
        return Latest(node, names, gone)
    values = [name for name in node.schema.names if name not in {*names, *_times(node)}]
    gone = lit(bool(values))
    for name in values:
        gone = gone & col(name).is_null()
    return Latest(node, names, gone)


def _times(node: Node) -> frozenset[str]:
    """Return the columns that event time is read from, as far as they are passed on."""
    if isinstance(node, Source):
        return node.event_time.columns() if node.event_time is not None else frozenset()
    if len(node.inputs) != 1:
        return frozenset()
    above = _times(node.inputs[0])
    return frozenset(name for name, old in passed_on(node).items() if old in above)


def looked_up(
    stream: Stream,
    table: Latest,
    on: str | Sequence[str] | None,
    how: str,
    columns: Sequence[str] | None,
    suffix: str,
    name: str,
) -> Stream:
    """Return rows with what the latest row of their key says; see `lookup`."""
    mine, theirs = stream.node.schema, table.schema
    keys = table.key if on is None else (on,) if isinstance(on, str) else tuple(on)
    if not stream.node.timed:
        raise PlanError("the latest rows hold as of event time, which both sides need", hint=NO_TIME)
    if how not in HOW:
        raise PlanError(f"how='{how}' is no kind of lookup", hint='how="left", how="inner" or how="anti"')
    if len(keys) != len(table.key):
        raise PlanError(
            f"the table's key has {len(table.key)} columns, on= has {len(keys)}",
            hint=f"name those that hold {', '.join(table.key)}, in this order",
        )
    if how == "anti" and columns:
        raise PlanError("rows that a table has not get no columns of it", hint='leave out columns=, or how="left"')
    listed = (
        [n for n in theirs.names if n not in table.key] if columns is None and how != "anti" else [*(columns or ())]
    )
    for each in listed:
        if each not in theirs:
            raise PlanError(f"the table has no column '{each}'", hint=nearest(each, theirs.names))
    renamed = {each: f"{each}{suffix}" if each in mine else each for each in listed}
    gone = free("gone", (*mine.names, *renamed.values()))
    since = free("since", (*mine.names, *renamed.values(), gone))
    pairs = [(key, col(own)) for key, own in zip(keys, table.key)]
    pairs += [(new, col(old)) for old, new in renamed.items()]
    rows: Node = Select(input=table.node, columns=(*pairs, (gone, table.gone)))
    known: Expr = lit(True)
    for key in keys:
        known = known & col(key).is_not_null()
    rows = Punctual(input=Filter(input=rows, predicate=known), into=since)
    both = sides(stream.node, rows, list(keys), suffix)
    made = Broadcast(name=name, **both, inner=how == "inner", anti=how == "anti", gone=gone, since=since)
    return type(stream)(made)
