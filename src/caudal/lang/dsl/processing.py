"""Functions of state, rows and timers; what all methods say of functions and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.lang.dsl.functions import plain
from caudal.lang.dsl.lifting import lifted
from caudal.lang.dsl.windows import ordering
from caudal.plan.nodes import Process
from caudal.plan.python import PythonFunction

if TYPE_CHECKING:
    from caudal.lang.dsl.grouped import Grouped
    from caudal.lang.dsl.stream import Stream

Function = Callable[..., Any] | PythonFunction
Columns = Mapping[str, Any] | Schema


def output(schema: Columns | None) -> Schema:
    """Return the schema of what a function makes. Raises `PlanError` for none."""
    if schema is None:
        raise PlanError("the function's result needs a schema", hint='schema={"ip": "string", "score": "float64"}')
    return Schema.of(schema)


def process(
    self: Grouped | Stream,
    function: Function,
    *,
    schema: Columns | None = None,
    state: Columns | None = None,
    order_by: Any = None,
    name: str = "",
) -> Stream:
    """Make any number of rows of each row of a key, and of timers in event time: `function(state, rows, timers)`.

    It is called for one row (`rows` holds it, a dict) or for the timers of one time (`rows` is empty, `timers.due` has their
    names), in the order of event time, ties by `order_by`; timers behind the rows of their time. It changes `state`, a dict
    with the fields of `state=`, null at first, and gives or yields dicts with the columns of `schema`: they come out behind
    the keys, with the time of the row or timer. `timers.set(time, name="")`, `.cancel(name)`, `.get(name)`, `.now`. The
    function keeps nothing itself: state and timers are caudal's, by key, typed, part of every cut; those of a key
    whose state is null and that has no timer are let go. Without keys all rows are one group.
    """
    from caudal.lang.dsl.stream import Stream  # which has this method

    node, keys, ordered = lifted(self.node, getattr(self, "keys", ()), ordering(order_by, "event_time"))
    made = Process(
        name=name,
        input=node,
        keys=keys,
        function=plain(function),
        output=output(schema),
        state=Schema.of(state or {}),
        order=ordered,
    )
    return Stream(made)
