"""Lookups of streams in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caudal.core.errors import PlanError, nearest
from caudal.lang.dsl.latest import Latest, looked_up
from caudal.plan.nodes import Lookup, Table

if TYPE_CHECKING:
    from caudal.lang.dsl.stream import Stream


def lookup(
    self: Stream,
    table: Table | Latest,
    on: str | Sequence[str] | None = None,
    *,
    how: str = "left",
    columns: Sequence[str] | None = None,
    suffix: str = "_table",
    as_of: tuple[str, str] | None = None,
    name: str = "",
) -> Stream:
    """Add what a table (`cd.table`) says of each row, or keep the rows that it has, or has not.

    `on`: the column that holds the key, or a list of them in the order of the table's key (of a range of two columns: the one that
    holds the address); without it they are called as there. `how`: "left" all rows, with nulls where the table has none; "inner"
    those that it has; "anti" those that it has not. A null key, and for networks and ranges what is no address, is in no table.
    `columns`: those of the table that are added (all but the key); one that the rows have too gets `suffix`. `as_of`: the table's
    columns from when and until when a row of it holds: a row meets the one with from <= event time < until, of several the latest;
    a null until is open, a null from never holds.

    It keeps no state. Which version of a table that changes a row of a live run met is known only with `as_of`. `table` may be the
    latest rows of a stream too, `settings.group_by("ip").latest()`: those are kept, and met as of event time.
    """
    if isinstance(table, Latest):
        if as_of is not None:
            raise PlanError("the latest rows of a stream are always met as of event time", hint="leave out as_of=")
        return looked_up(self, table, on, how, columns, suffix, name)
    if not isinstance(table, Table):
        raise PlanError(
            f"lookup takes a table, not {type(table).__name__}",
            hint='cd.table("files", path=..., key=..., schema={...}), or of a stream group_by("ip").latest()',
        )
    keys = table.key if on is None else (on,) if isinstance(on, str) else tuple(on)
    known = table.schema.names
    listed = [n for n in known if n not in table.key] if columns is None and how != "anti" else list(columns or ())
    for each in listed:
        if each not in known:
            raise PlanError(f"the table has no column '{each}'", hint=nearest(each, known))
    taken = self.schema.names
    pairs = tuple((f"{each}{suffix}" if each in taken else each, each) for each in listed)
    made = Lookup(
        name=name, input=self.node, table=table, on=keys, how=how, columns=pairs, as_of=tuple(as_of) if as_of else ()
    )
    return type(self)(made)
