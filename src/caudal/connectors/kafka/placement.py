"""Whether records stand in the partition that the partitioner gives their key: what state by partition relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed, Text, from_arrow, from_list
from caudal.connectors.kafka import partitioners
from caudal.core.errors import OptionError, RunError, nearest
from caudal.core.types import BINARY, Schema
from caudal.ports.records import Dead, Decoded

TYPES = ("string", "binary", "int32", "int64")
"""Types of a key whose text everybody writes alike."""


def text_of(column: Column) -> Text:
    """Return a key's bytes: text as it is, whole numbers in decimal; null stays null. The type is one of `TYPES`."""
    if isinstance(column, Text):
        return column
    assert isinstance(column, Fixed)
    values, valid = column.values.tolist(), column.valid
    return _text([str(v).encode() if valid is None or valid[i] else None for i, v in enumerate(values)])


def _text(values: Sequence[bytes | None]) -> Text:
    made = from_list(list(values), BINARY)
    assert isinstance(made, Text)
    return made


class Placement:
    """Checks the rows of a source. Thread-safe."""

    def __init__(self, column: str, partitioner: str, schema: Schema) -> None:
        """`column`: a column of the source's. Raises `OptionError`."""
        if column not in schema:
            raise OptionError(f"partitioned_by='{column}' of kafka is no column", hint=nearest(column, schema.names))
        if schema.dtype(column).name not in TYPES:
            raise OptionError(
                f"partitioned_by='{column}' of kafka is a {schema.dtype(column)}",
                hint=f"a key is one of {', '.join(TYPES)}",
            )
        check_partitioner(partitioner)
        self._column = column
        self._type = schema.dtype(column)
        self._partitioner = partitioner
        self._counts: Mapping[str, int] = {}

    def counts(self, counts: Mapping[str, int]) -> None:
        """Take note of how many partitions topics have."""
        self._counts = counts

    def elsewhere(self, topic: str, number: int, keys: Sequence[bytes]) -> Any:
        """Return which of these keys, of messages in a partition, have another place."""
        found = self._numbers(_text(keys), self._counts[topic])
        return found != number

    def numbers(self, values: Any, partitions: int) -> Any:
        """Return the partition, of so many, of each value (an Arrow array) of the column."""
        return self._numbers(text_of(from_arrow(values, self._type)), partitions)

    def _numbers(self, key: Text, partitions: int) -> Any:
        return partitioners.partitions(self._partitioner, key.data, key.start, key.length, partitions)

    def check(self, partition: str, rows: Decoded) -> None:
        """Raise `RunError` for a row of another partition's; a row without a key becomes a dead letter."""
        if not rows.rows:
            return
        topic, _, number = partition.rpartition("/")
        key = text_of(rows.columns[self._column])
        missing = np.zeros(rows.rows, np.bool_) if key.valid is None else ~key.valid
        length = key.length if key.valid is None else np.where(key.valid, key.length, 0).astype(np.int32)
        start = key.start if key.valid is None else np.where(key.valid, key.start, 0)  # of a null nothing is said
        found = partitioners.partitions(self._partitioner, key.data, start, length, self._counts[topic])
        wrong = np.flatnonzero((found != int(number)) & ~missing)
        if len(wrong):
            row = int(wrong[0])
            raise RunError(
                f"the record at offset {int(rows.position[row])} of {partition} is of partition {int(found[row])}",
                detail=f"{self._column} is {key[row].decode('utf-8', 'backslashreplace')!r}, by the partitioner {self._partitioner}",
                hint=f"its message has no key or another one than its {self._column}, or its producer partitions by something else: "
                "see partitioner=; without partitioned_by= any key goes",
            )
        if missing.any():
            self._refuse(rows, missing)

    def _refuse(self, rows: Decoded, missing: Any) -> None:
        message = f"{self._column} is null, so it cannot be told which partition the record belongs to"
        rows.dead += [Dead.of(int(at), "partition", message, b"") for at in rows.position[missing].tolist()]
        rows.dead.sort(key=lambda letter: letter.position)
        keep = np.flatnonzero(~missing)
        rows.columns = {name: column.take(keep) for name, column in rows.columns.items()}
        rows.position, rows.rows = rows.position[keep], len(keep)


def check_partitioner(name: str) -> None:
    """Raise `OptionError` for a partitioner that is not known."""
    if name not in partitioners.NAMES:
        hint = f"{' or '.join(partitioners.NAMES)}: murmur2 is that of the Java clients"
        raise OptionError(f"option 'partitioner' of kafka cannot be '{name}'", hint=hint)
