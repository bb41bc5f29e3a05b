"""Which decoded rows an engine accepts, those with an event time that is valid and not too far ahead, and what becomes of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar import times
from caudal.columnar.column import Bools, Column, Fixed, Ints, Text
from caudal.columnar.morsel import Morsel
from caudal.core import duration
from caudal.ports.records import Block, Dead, Decoded

MAX_LINE = 1 << 14
"""Bytes of a record that are looked at for its dead letter."""

LIMIT = 2**53
"""Milliseconds from the epoch beyond which an instant is not accepted (about the year 287,000)."""


def event_times(column: Column, unit: str, time_format: str) -> tuple[Ints, Bools | None]:
    """Return (milliseconds, which rows are valid; None when all are).

    Integers are milliseconds unless `unit` says otherwise, floored; floats are seconds by default, rounded; text is
    ISO 8601 or `time_format`.
    """
    if isinstance(column, Text):
        values, ok = times.parse(column.data, column.start, column.length, column.valid_or_all(), time_format)
    else:
        assert isinstance(column, Fixed)
        if column.dtype.is_float:
            values, ok = times.from_floats(column.values, unit)
        elif column.dtype.name == "timestamp" or (column.dtype.name == "int64" and unit in ("", "ms")):
            values, ok = column.values, None
        else:
            values, ok = times.from_ints(column.values.astype(np.int64, copy=False), unit)
        if column.valid is not None:
            ok = column.valid if ok is None else ok & column.valid
    if len(values) and (values.min() < -LIMIT or values.max() > LIMIT):
        near = (values >= -LIMIT) & (values <= LIMIT)
        ok = near if ok is None else ok & near
    return values, None if ok is None or ok.all() else ok


def no_time(decoded: Decoded, column: Column, bad: Any, block: Block | None) -> list[Dead]:
    """Return the dead letters of rows without an event time; `column` holds what it was to be made of."""
    rows = np.flatnonzero(bad)
    out = []
    for row, value in zip(rows.tolist(), column.take(rows).to_list()):
        position = int(decoded.position[row])
        message = "the event time is null" if value is None else "the event time cannot be read"
        out.append(Dead.of(position, "event_time", message, _record(block, position), f"value {value!r}"))
    return out


def letter_values(dead: Sequence[Dead], source: str, partition: str, operator: str) -> dict[str, list[Any]]:
    """Return dead letters as lists of values, by the columns that the plan gives them (`DEAD_FIELDS`)."""
    return {
        "source": [source] * len(dead),
        "partition": [partition] * len(dead),
        "position": [None if d.position < 0 else d.position for d in dead],
        "operator": [operator] * len(dead),
        "reason": [d.reason for d in dead],
        "message": [d.message for d in dead],
        "detail": [d.detail for d in dead],
        "payload": [d.payload.decode("utf-8", "replace") for d in dead],
        "truncated": [d.truncated for d in dead],
        "event_time": [d.event_time for d in dead],
    }


def far_future(morsel: Morsel, rows: Ints, limit: int, block: Block) -> list[Dead]:
    """Return the dead letters of rows that are more than `limit` ms ahead of the time they were read at."""
    assert morsel.time is not None
    assert morsel.position is not None
    out = []
    for row in rows.tolist():
        position, time = int(morsel.position[row]), int(morsel.time[row])
        message = f"the event time is more than {duration.show(limit)} ahead of the record's arrival"
        detail = f"{(time - block.read_at) / 1000:.3f} s after the read at {block.read_at} ms"
        dead = Dead.of(position, "far_future", message, _record(block, position), detail)
        dead.event_time = time
        out.append(dead)
    return out


def _record(block: Block | None, position: int) -> bytes:
    """Return the raw line at a position of a block."""
    if block is None:
        return b""
    start = block.start + position - block.position
    raw = block.data[start : min(block.stop, start + MAX_LINE)].tobytes()
    return raw.split(b"\n", 1)[0].rstrip(b"\r")
