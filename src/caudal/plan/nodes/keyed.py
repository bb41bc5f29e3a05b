"""What all stateful operators share: state by key, windows, rows that come too late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import TIMESTAMP, Field
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import NO_TIME, Key, Named, Node, Own, Result, Role, label, refuse_calls
from caudal.plan.python import PythonFunction
from caudal.plan.steps import END, KeyedStep
from caudal.plan.windows import CountWindow, Order, Window

RESERVED = ("window_start", "window_end")
"""Columns that a window operator adds; no key or aggregate may take these names."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Keyed(Node):
    """What stateful operators share: state by key, rows that come too late."""

    shape: ClassVar[str] = "state"
    made_later: ClassVar[bool] = False
    """Whether rows are made of its windows on their way out, so that there may be more or fewer of them."""
    input: Node
    keys: Named

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        for _, expr in self.keys:
            yield Role.KEY, expr
        for expr in self.ordering.by if self.ordering is not None else ():
            yield Role.ORDER, expr

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        return {self.input: self.reads()}

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return ()

    @property
    def identified(self) -> bool:
        return False

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads."""
        return frozenset().union(*(e.columns() for _, e in self.keys))

    @property
    def order_sensitive(self) -> bool:
        """Whether a result depends on the order of rows, so that positions must be carried."""
        return True

    def key_fields(self) -> list[Field]:
        """Return name and type of each key; raises `PlanError` for one that no key can be."""
        fields = [Field(name, expr.dtype(self.input.schema)) for name, expr in self.keys]
        for key in fields:
            if key.dtype.is_nested:
                raise PlanError(f"a {key.dtype} cannot be a key", detail=f"key '{key.name}'")
        refuse_calls(expr for _, expr in self.keys)
        return fields

    def keyed(self) -> dict[str, Result]:
        """Return where the columns of the keys come from."""
        return {name: Key(expr) for name, expr in self.keys}

    @property
    def makes(self) -> str:
        return f"{self.kind} {self.show_keys()}"

    def show_keys(self) -> str:
        """Return the keys as explain shows them, with a blank behind."""
        return f"by {', '.join(label(n, e) for n, e in self.keys)} " if self.keys else ""

    @property
    def moves(self) -> str:
        arrival = self.ordering is not None and self.ordering.arrival
        order = "as rows arrive" if arrival else "in pinned order" if self.order_sensitive else "in any order"
        names = ", ".join(name for name, _ in self.keys)
        state = f"state by key group of {names}" if names else "one group: all rows"
        return f"prepared on any core; {state}, {order}, {'on all cores by key' if names else 'one core at a time'}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Windowed(Keyed):
    """A stateful operator over windows: keys and window bounds stand before what is made of each."""

    window: Window

    @property
    def ordering(self) -> Order | None:
        return self.window.ordering

    @property
    def identified(self) -> bool:
        return self.window.in_time

    def reads(self) -> frozenset[str]:
        """Return the input columns that keys, roles and results read."""
        made = Node.needs(self, frozenset(self.schema.names))
        return frozenset().union(*made.values())

    @property
    def makes(self) -> str:
        return f"{self.kind} {self.show_keys()}{self.window}"

    def windowed(self) -> dict[str, Result]:
        """Return where the columns come from that every window result begins with."""
        return self.keyed() | dict.fromkeys(RESERVED, Own())

    def counted(
        self,
        what: str,
        arguments: Named,
        results: Iterable[Field],
        *options: tuple[str, Any],
        needs: tuple[str, ...] = (),
    ) -> KeyedStep | None:
        """Return the step over windows of rows that makes these columns behind the bounds; None for other windows."""
        window = self.window
        if not isinstance(window, CountWindow):
            return None
        made = (*(Field(name, TIMESTAMP) for name in RESERVED), *results)
        sizes = (("size", window.size), ("step", window.step), ("timed", self.input.timed))
        return KeyedStep(what, arguments, made, (*options, *sizes), gathers=True, whole=True, alone=END, needs=needs)


def can_be_late(node: Node) -> bool:
    """Whether a row of a node can be late: results of windows in time cannot, nor what is made of these row by row."""
    while node.row_wise and len(node.inputs) == 1 and node.port == "out":
        (node,) = node.inputs
    return not (isinstance(node, Windowed) and node.window.in_time)


def windowed_fields(node: Keyed, window: Window) -> list[Field]:
    """Return the fields that every window result begins with: keys, window_start, window_end; raises `PlanError`."""
    arrival = window.ordering is not None and window.ordering.arrival
    if not node.input.timed and not arrival:
        raise PlanError("a window needs event time", hint=NO_TIME)
    if window.per_row:
        raise PlanError(
            "a sliding window has a row for each row, not one for each window",
            hint="it takes .agg(...): the row's own columns with the aggregates behind them",
        )
    fields = node.key_fields()
    refuse_reserved(f.name for f in fields)
    return fields + [Field(name, TIMESTAMP) for name in RESERVED]


def refuse_reserved(names: Iterable[str]) -> None:
    """Raise `PlanError` for a column that takes the name of one that every window result has."""
    for name in names:
        if name in RESERVED:
            raise PlanError(
                f"'{name}' is the name of a column that every window result has", hint="choose another name"
            )


def refuse_unordered(node: Keyed, order: Order) -> None:
    """Raise `PlanError` where rows have no order to be taken in."""
    if not node.input.timed and not order.arrival:
        raise PlanError(
            f"{node.kind} takes rows in the order of event time, and the source has none",
            hint="give the source event_time='...', or take rows as they come: order='arrival'",
        )
    refuse_calls(order.by)
    for expr in order.by:
        if expr.dtype(node.input.schema).is_nested:
            raise PlanError(f"rows cannot be ordered by a {expr.dtype(node.input.schema)}", detail=f"order_by {expr}")
