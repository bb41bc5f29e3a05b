"""What lowered streams look like beside their own columns: types for shipped functions, failures, hidden columns."""

from __future__ import annotations

from typing import Any

from caudal.core.types import INT32, INT64, STRING, DataType, Field
from caudal.engines.jvm.places import NUMBER, PARTITION, POSITION, SOURCE, TIME, WATERMARK
from caudal.plan.nodes import Node

REASON, MESSAGE, DETAIL = "__reason", "__message", "__detail"
"""What a row that a Python function failed on carries in place of a result."""

FAILURE = (Field(REASON, STRING), Field(MESSAGE, STRING), Field(DETAIL, STRING))

NTH = "__i"
"""The number of a row among those that one call gives."""


def spec(dtype: DataType) -> Any:
    """Return a type as shipped functions take it: a name, [item] for a list, {name: type} for a struct."""
    return dtype.spec


def hidden(node: Node, place: bool) -> list[Field]:
    """Return the hidden columns of a node's rows; `place`: with where they stand."""
    found = [Field(TIME, INT64)] if node.timed else []
    found.append(Field(WATERMARK, INT64))
    if place:
        found += [Field(SOURCE, INT32), Field(PARTITION, INT64), Field(POSITION, INT64), Field(NUMBER, INT64)]
    return found
