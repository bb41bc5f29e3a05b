"""Columns of what messages have beside their payloads: the option `metadata=`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from caudal.columnar.column import Column, Text, arrow_type, constant, from_arrow, from_list
from caudal.connectors.kafka.batch import Batch, as_string, offsets, stamps
from caudal.connectors.kafka.cluster import Part
from caudal.core.errors import OptionError, nearest
from caudal.core.types import BINARY, INT64, STRING, TIMESTAMP, DataType, Field, Schema, list_of, struct_of

HEADER = "header:"
HEADERS = list_of(struct_of([Field("name", STRING), Field("value", BINARY)]))
KINDS: dict[str, DataType] = {
    "key": STRING,
    "timestamp": TIMESTAMP,
    "topic": STRING,
    "partition": INT64,
    "offset": INT64,
    "headers": HEADERS,
}
"""What a message has beside its payload, and its type."""


class Columns:
    """The columns that were asked for, by what they hold."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        """`asked`: what each column holds. Raises `OptionError`."""
        self._asked: dict[str, str] = {}
        for column, what in asked.items():
            if not isinstance(what, str) or (what not in KINDS and not what.removeprefix(HEADER)):
                raise OptionError(f"option 'metadata' of kafka cannot be {what!r} for '{column}'", hint=_hint(what))
            if what not in KINDS and not what.startswith(HEADER):
                raise OptionError(f"option 'metadata' of kafka cannot be '{what}' for '{column}'", hint=_hint(what))
            self._asked[str(column)] = what

    @property
    def schema(self) -> Schema:
        """The columns."""
        return Schema([Field(name, KINDS.get(what, STRING)) for name, what in self._asked.items()])

    @property
    def key(self) -> bool:
        """Whether keys are wanted."""
        return "key" in self._asked.values()

    @property
    def headers(self) -> bool:
        """Whether headers are wanted."""
        return any(what == "headers" or what.startswith(HEADER) for what in self._asked.values())

    def of(self, batch: Batch, part: Part) -> dict[str, Column]:
        """Return the columns of the messages of a batch."""
        return {name: self._column(what, batch, part) for name, what in self._asked.items()}

    def _column(self, what: str, batch: Batch, part: Part) -> Column:
        rows = len(batch.offset)
        if what == "key":
            assert batch.key is not None
            return as_string(batch.key)
        if what == "timestamp":
            return stamps(batch.stamp)
        if what == "offset":
            return offsets(batch.offset)
        if what == "topic":
            return constant(part.topic, STRING, rows)
        if what == "partition":
            return constant(part.number, INT64, rows)
        assert batch.headers is not None
        if what == "headers":
            rows_ = [[{"name": name, "value": value} for name, value in each] for each in batch.headers]
            return from_arrow(pa.array(rows_, arrow_type(HEADERS)), HEADERS)
        wanted = what.removeprefix(HEADER)
        made = from_list([dict(each).get(wanted) for each in batch.headers], BINARY)
        assert isinstance(made, Text)
        return as_string(made)


def _hint(what: Any) -> str:
    close = nearest(str(what), KINDS)
    listed = f'one of {", ".join(KINDS)}, or "header:NAME"'
    return close if close.startswith("did") else listed
