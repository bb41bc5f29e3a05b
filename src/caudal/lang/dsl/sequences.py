"""What stands beside a row of those of its key: earlier values, later ones, aggregates and averages so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.lang.dsl.lifting import lift, lifted, without_lifted
from caudal.lang.dsl.windows import expression, ordering
from caudal.plan.aggregates import Aggregate
from caudal.plan.averages import Ewma as Average
from caudal.plan.nodes import Ewma, Lag, Lead, Node
from caudal.plan.windows import Order, Sliding

if TYPE_CHECKING:
    from caudal.lang.dsl.grouped import Grouped
    from caudal.lang.dsl.stream import Stream


def running(
    self: Grouped, *, name: str = "", order_by: Any = None, order: str = "event_time", **aggregates: Aggregate | Average
) -> Stream:
    """Add aggregates over all rows of the key so far to each row, itself among them; or moving averages (`cd.ewma`).

    Rows are taken in the order of event time (ties by `order_by`), or as they come with `order="arrival"`.
    """
    averages = {column: each for column, each in aggregates.items() if isinstance(each, Average)}
    if averages:
        if len(averages) < len(aggregates):
            raise PlanError(
                "moving averages and other aggregates are kept by operators of their own",
                hint='one behind the other: .running(usual=cd.ewma(...)).group_by("ip").running(n=cd.count())',
            )
        return _averaging(self, averages, ordering(order_by, order), name)
    frame = Sliding(order=ordering(order_by, order))
    return self.window(frame).agg(name=name, **aggregates)  # type: ignore[arg-type]


def _averaging(grouped: Grouped, averages: dict[str, Average], order: Order, name: str) -> Stream:
    node, keys, ordered = lifted(grouped.node, grouped.keys, order)
    node, values = lift(node, [(column, each.value) for column, each in averages.items()], averages)
    alphas = tuple(each.alpha for each in averages.values())
    half_lives = tuple(each.half_life for each in averages.values())
    made = Ewma(name=name, input=node, keys=keys, values=values, alphas=alphas, half_lives=half_lives, order=ordered)
    return _made(without_lifted(made, grouped.node, dict(keys)))


def lag(
    self: Grouped,
    value: Any,
    n: int = 1,
    *,
    into: str,
    order_by: Any = None,
    order: str = "event_time",
    name: str = "",
) -> Stream:
    """Add to each row what `value` was `n` rows before it, of its key, as the column `into`; null for the first `n`.

    Rows are taken in the order of event time (ties by `order_by`), or as they come with `order="arrival"`.
    """
    node, keys, ordered = lifted(self.node, self.keys, ordering(order_by, order))
    node, ((_, taken),) = lift(node, [(f"{into}_of", expression(value))], [into])
    made = Lag(name=name, input=node, keys=keys, value=taken, n=n, into=into, order=ordered)
    return _made(without_lifted(made, self.node))


def lead(
    self: Grouped,
    value: Any,
    n: int = 1,
    *,
    within: duration.Duration,
    into: str,
    order_by: Any = None,
    name: str = "",
) -> Stream:
    """Add to each row what `value` is `n` rows behind it, of its key, as the column `into`, if that is at most `within` later.

    A row comes out once, with the row that it waits for, whose event time it has then; its own columns stay as they are, that
    of its time among them. Where none comes in time it comes out with null, at its time and `within`. Rows are taken in the
    order of event time (ties by `order_by`).
    """
    node, keys, ordered = lifted(self.node, self.keys, ordering(order_by, "event_time"))
    node, ((_, taken),) = lift(node, [(f"{into}_of", expression(value))], [into])
    length = duration.parse(within, what="time of lead")
    made = Lead(name=name, input=node, keys=keys, value=taken, n=n, within=length, into=into, order=ordered)
    return _made(without_lifted(made, self.node))


def _made(node: Node) -> Stream:
    from caudal.lang.dsl.stream import Stream  # which makes what these are methods of

    return Stream(node)
