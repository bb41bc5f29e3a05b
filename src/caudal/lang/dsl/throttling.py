"""Few rows of many: what is said of an alert that comes again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caudal.core import duration
from caudal.lang.dsl.lifting import lifted, without_lifted
from caudal.lang.dsl.windows import ordering
from caudal.plan.nodes import Throttle

if TYPE_CHECKING:
    from caudal.lang.dsl.grouped import Grouped
    from caudal.lang.dsl.stream import Stream


def throttle(
    self: Grouped | Stream, every: duration.Duration, *, into: str = "held_back", order_by: Any = None, name: str = ""
) -> Stream:
    """Pass on at most a row of each key in `every`, in event time: the first at once, then the last that was held back.

    A row that comes out holds those of its key back for `every`, its end included. If there were any, the last of them comes out
    at that end, with the time of that end, and holds back again. `into` is how many rows were held back since the row before and do not
    come out: 0 for one that comes out at once. So every row is out or counted once. Without keys all rows are one group.
    """
    from caudal.lang.dsl.stream import Stream  # which has this method

    node, keys, ordered = lifted(self.node, getattr(self, "keys", ()), ordering(order_by, "event_time"))
    length = duration.parse(every, what="time of throttle")
    made = Throttle(name=name, input=node, keys=keys, every=length, into=into, order=ordered)
    return Stream(without_lifted(made, self.node))
