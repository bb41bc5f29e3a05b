"""Streams with keys, and windows over them: what waits for aggregates or a function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caudal.core.duration import Duration
from caudal.core.errors import PlanError
from caudal.core.naming import cut
from caudal.lang.dsl import instead
from caudal.lang.dsl.functions import plain
from caudal.lang.dsl.latest import latest
from caudal.lang.dsl.lifting import lift, lifted, lifted_aggregates, without_lifted
from caudal.lang.dsl.patterns import Matched, Pattern, matched
from caudal.lang.dsl.processing import Columns, Function, output, process
from caudal.lang.dsl.sequences import lag, lead, running
from caudal.lang.dsl.throttling import throttle
from caudal.lang.dsl.windows import expression, ordering
from caudal.plan.aggregates import Aggregate
from caudal.plan.called import answered_methods
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Node, Reduce, Running, WindowAggregate, WindowApply, WindowTop
from caudal.plan.nodes.apply import Sides
from caudal.plan.windows import CountWindow, Order, Sliding, Window

if TYPE_CHECKING:
    from caudal.lang.dsl.stream import Stream


def _stream(node: Node) -> Stream:
    from caudal.lang.dsl.stream import Stream  # which makes what is here

    return Stream(node)


@answered_methods
class Grouped:
    """A stream with keys."""

    def __init__(self, node: Node, keys: tuple[tuple[str, Expr], ...]) -> None:
        self.node = node
        self.keys = keys

    def __repr__(self) -> str:
        return f"Grouped(by {cut(', '.join(name for name, _ in self.keys), 100)}: waits for .window(...))"

    def __getattr__(self, name: str) -> Any:
        raise instead.of_unfinished(self, name)

    def window(self, window: Window) -> Windowed:
        """Cut each key's rows into windows."""
        return Windowed(self.node, self.keys, window)

    process = process
    throttle = throttle
    latest = latest

    running = running
    lag = lag
    lead = lead

    def reduce(
        self,
        function: Function,
        *,
        schema: Columns | None = None,
        order_by: Any = None,
        order: str = "event_time",
        name: str = "",
    ) -> Stream:
        """Fold the rows of each key by `function(state, row)`: both are dicts, the first state of a key is None.

        What it returns is the new state and, with the keys, the row that comes out for each row; `schema` are its
        columns. The function keeps nothing itself: the state is caudal's, by key, typed, part of every cut. Rows are
        taken in the order of event time, ties by `order_by`; `order="arrival"` takes them as they come.
        """
        node, keys, ordered = lifted(self.node, self.keys, ordering(order_by, order))
        fold = Reduce(name=name, input=node, keys=keys, function=plain(function), output=output(schema), order=ordered)
        return _stream(fold)

    def first_seen(
        self, *values: Expr | str, within: Duration | None = None, order_by: Any = None, name: str = ""
    ) -> Stream:
        """Pass on the rows whose values are new for their key: no row had them at most `within` before (None: ever).

        `group_by("ip").first_seen("domain", within="30d")`: domains that this address had not asked for in 30 days. Keys and values of
        that time are kept, exactly.
        """
        if not values:
            raise PlanError(
                "first_seen takes what is to be new", hint='group_by("ip").first_seen("domain", within="30d")'
            )
        keys = [
            *(expr if isinstance(expr, Column) and expr.name == name else expr.alias(name) for name, expr in self.keys),
            *values,
        ]
        since = "passed" if within is None else "seen"
        return _stream(self.node).deduplicate(keys, within=within, since=since, order_by=order_by, name=name)

    def match(
        self, pattern: Pattern, *, within: Duration | None = None, after: str = "last", order_by: Any = None
    ) -> Matched:
        """Look for a pattern of events in the rows of each key: `.match(fail.times(5) >> ok, within="10m").agg(...)`.

        Rows are taken in the order of event time (ties by `order_by`). First and last row are at most `within` apart; None is any
        time, over bounded sources. After a match goes on what begins behind its last row (`after="last"`), or everything
        else that has begun ("next").
        """
        return matched(self.node, self.keys, pattern, within, after, order_by)

    def agg(self, *args: Any, **aggregates: Any) -> Stream:
        """Raise: aggregates of a stream need a window."""
        raise PlanError("agg needs a window", hint=f"{instead.WINDOWED}; .running(...) gives a row per event")


@answered_methods
class Windowed:
    """Keys and windows, waiting for aggregates or a function."""

    def __init__(
        self, node: Node, keys: tuple[tuple[str, Expr], ...], window: Window, sides: Sides | None = None
    ) -> None:
        if not isinstance(window, Window):
            raise PlanError(
                f"{window!r} is not a window",
                hint='cd.tumbling("3s"), cd.hopping("10s", every="2s"), cd.session("30s"), cd.rows(100) ...',
            )
        self.node = node
        self.keys = keys
        self.over = window
        self.sides = sides

    def __repr__(self) -> str:
        keys = f"by {cut(', '.join(name for name, _ in self.keys), 100)} " if self.keys else ""
        return f"Windowed({keys}in {self.over}: waits for .agg(...))"

    def __getattr__(self, name: str) -> Any:
        raise instead.of_unfinished(self, name)

    def agg(self, *unnamed: Any, name: str = "", **aggregates: Aggregate) -> Stream:
        """One row for each key and window: keys, window_start, window_end, and `column=cd.count()` and the like.

        Over a sliding window: a row for each row, its own columns first, the aggregates behind.
        """
        instead.refuse_aggregates(unnamed, aggregates)
        node, keys, window = self._lifted()
        node, folded = lifted_aggregates(node, aggregates)
        if isinstance(window, Sliding):
            made = Running(name=name, input=node, keys=keys, frame=window, aggregates=folded)
            return _stream(without_lifted(made, self.node, dict(keys)))
        return _stream(WindowAggregate(name=name, input=node, keys=keys, window=window, aggregates=folded))

    def apply(self, function: Function, *, schema: Columns | None = None, name: str = "") -> Stream:
        """Give a function all rows of a key and window, in pinned order; take any number of rows back.

        A plain function gets a polars frame in a worker process, a `cd.batch` function in an operator thread; both give
        a frame with the columns of `schema`. A `cd.jit` function gets one array for each of its parameters, which name
        columns, and gives a tuple of arrays. Keys, window_start and window_end stand before its columns. A window that
        it fails on becomes a dead letter.
        """
        node, keys, window = self._lifted()
        made = WindowApply(
            name=name,
            input=node,
            keys=keys,
            window=window,
            function=plain(function),
            output=output(schema),
            sides=self.sides,
        )
        return _stream(made)

    def top(self, n: int, *, by: Any, descending: bool = True, name: str = "") -> Stream:
        """The first `n` rows of each key and window by a column or expression (or several), the largest first.

        Ties stand in pinned order. Keys, window_start and window_end stand before the rows' columns.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise PlanError(f"top takes a number of rows, not {n!r}", hint="top(10, by='bytes')")
        return self._ranked(n, by, descending, name)

    def sort(self, *, by: Any, descending: bool = False, name: str = "") -> Stream:
        """All rows of each key and window, in the order of a column or expression (or several); see `top`."""
        return self._ranked(0, by, descending, name)

    def _ranked(self, limit: int, by: Any, descending: bool, name: str) -> Stream:
        listed = [by] if isinstance(by, str | Expr) else list(by)
        node, keys, window = self._lifted()
        node, ranking = lift(node, [(f"by{i}", expression(e, "by")) for i, e in enumerate(listed)])
        made = WindowTop(
            name=name,
            input=node,
            keys=keys,
            window=window,
            by=tuple((e, descending) for _, e in ranking),
            limit=limit,
        )
        return _stream(without_lifted(made, self.node, dict(keys)))

    def _lifted(self) -> tuple[Node, tuple[tuple[str, Expr], ...], Window]:
        window = self.over
        order = window.order if isinstance(window, CountWindow | Sliding) else Order()
        node, keys, order = lifted(self.node, self.keys, order)
        return node, keys, replace(window, order=order) if isinstance(window, CountWindow | Sliding) else window
