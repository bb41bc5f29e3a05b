"""What lowered streams look like beside their own columns: failures, hidden columns."""

from __future__ import annotations

from caudal.core.types import INT32, INT64, STRING, Field
from caudal.engines.jvm.hidden_columns import NUMBER, PARTITION, POSITION, SOURCE, TIME, WATERMARK
from caudal.plan.nodes import Node, WindowAggregate, WindowApply, WindowTop

REASON, MESSAGE, DETAIL = "__reason", "__message", "__detail"
"""What a row that a Python function failed on carries in place of a result."""

FAILURE = (Field(REASON, STRING), Field(MESSAGE, STRING), Field(DETAIL, STRING))

NTH = "__i"
"""The number of a row among those that one call gives."""


START, END = "window_start", "window_end"
"""The columns of a window's bounds."""

Windowed = WindowAggregate | WindowApply | WindowTop
"""The operators over windows."""


def hidden(node: Node, place: bool) -> list[Field]:
    """Return the hidden columns of a node's rows; `place`: with where they stand."""
    found = [Field(TIME, INT64)] if node.timed else []
    found.append(Field(WATERMARK, INT64))
    if place:
        found += [Field(SOURCE, INT32), Field(PARTITION, INT64), Field(POSITION, INT64), Field(NUMBER, INT64)]
    return found
