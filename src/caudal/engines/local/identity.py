"""The identity of a result row: the same after a restart, a replay, with other threads or morsels.

A row of a time window is the pipeline, the operator, the key and the window; any other row is its source record:
pipeline, source, partition and position. Where an operator makes several rows of one, which of them it is comes next.
Both end in an ordinal: which way the row took, where a union brings copies of one row together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from caudal.columnar.column import Column, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import STRING

Origin = Callable[[int], tuple[str, str]]


def identities(morsel: Morsel, pipeline: str, origin: Origin) -> Column:
    """Return 32 hexadecimal digits a row: MD5 of the row's canonical JSON. `origin` names the morsel's partition."""
    operator, partition = origin(morsel.partition)
    if morsel.order:
        _, *keys, start = (column.to_list() for column in morsel.order)
        parts = [[list(key), at] for *key, at in zip(*keys, start, strict=True)]
    elif morsel.position is not None:
        parts = [[partition, at] for at in morsel.position.tolist()]
    else:
        parts = [[partition, None]] * morsel.rows
    if morsel.ordinal is not None:
        parts = [[*part, rank] for part, rank in zip(parts, morsel.ordinal.tolist(), strict=True)]
    return from_list([_digest([pipeline, operator, *part, morsel.branch]) for part in parts], STRING)


def _digest(parts: list[object]) -> str:
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), default=_bytes)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _bytes(value: object) -> str:
    assert isinstance(value, bytes)
    return value.hex()
