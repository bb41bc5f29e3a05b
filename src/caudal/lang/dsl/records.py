"""Records that hold many rows: lists that become rows, and event time that stands inside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import PlanError
from caudal.lang.dsl.windows import expression
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Explode, Node, Retimed

if TYPE_CHECKING:
    from caudal.lang.dsl.stream import Stream


def explode(self: Stream, column: Expr | str, *, into: str = "", name: str = "") -> Stream:
    """Make a row of each element of a list, in their order, beside the other columns: `explode("Records")`.

    The fields of a struct become columns, with `into="record"` one struct column; any other element keeps the name of the list. A row
    whose list is empty or null gives none: it is `filtered` in the ledger. A null element is a row with nulls.
    """
    taken = expression(column, "explode")
    if not isinstance(taken, Column):
        raise PlanError(f"explode takes a column, not {taken}", hint="compute it in a with_columns before")
    return _stream(Explode(name=name, input=self.node, column=taken.name, into=into))


def with_event_time(
    self: Stream,
    event_time: Expr | str,
    *,
    disorder: Duration = "0ms",
    unit: str = "",
    time_format: str = "",
    idle: Duration | None = None,
    max_future: Duration | None = None,
    name: str = "",
) -> Stream:
    """Give rows their event time where the source's records have none: one record of CloudTrail holds many events.

    Options are those of a source, and mean the same: what is late is decided by the rows of each file or partition. Between
    it and its source may stand `explode`, `filter`, `select` and `with_columns`. A row without a valid time becomes a dead
    letter.
    """
    made = Retimed(
        name=name,
        input=self.node,
        event_time=expression(event_time, "event_time"),
        unit=unit,
        time_format=time_format,
        disorder=duration.parse(disorder, what="disorder"),
        idle=None if idle is None else duration.parse(idle, what="idle"),
        max_future=None if max_future is None else duration.parse(max_future, what="max_future"),
    )
    return _stream(made)


def _stream(node: Node) -> Stream:
    from caudal.lang.dsl.stream import Stream  # which has these methods

    return Stream(node)
