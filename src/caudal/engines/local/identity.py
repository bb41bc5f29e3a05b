"""The identity of a result row: the same after a restart, a replay, with other threads or morsels.

A row of a time window is the pipeline, the operator, the key and the window; any other row is its source record:
pipeline, source, partition and position. Where an operator makes several rows of one, which of them it is comes next.
Both end in an ordinal: which way the row took, where a union brings copies of one row together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import numpy as np

from caudal.columnar.column import Column, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import STRING

Origin = Callable[[int], tuple[str, str]]


def identities(morsel: Morsel, pipeline: str, origin: Origin) -> Column:
    """Return 32 hexadecimal digits a row: MD5 of the row's canonical JSON. `origin` names a partition by its ordinal."""
    places = [origin(ordinal) for ordinal in np.full(morsel.rows, morsel.partition, np.int64).tolist()]
    if morsel.order:
        _, *keys, start = (column.to_list() for column in morsel.order)
        parts = [[operator, list(key), at] for (operator, _), *key, at in zip(places, *keys, start, strict=True)]
    elif morsel.position is not None:
        parts = [[*place, at] for place, at in zip(places, morsel.position.tolist(), strict=True)]
    else:
        parts = [[*place, None] for place in places]
    if morsel.ordinal is not None:
        parts = [[*part, rank] for part, rank in zip(parts, morsel.ordinal.tolist(), strict=True)]
    ways = np.full(morsel.rows, morsel.branch, np.int64).tolist()
    return from_list([_digest([pipeline, *part, way]) for part, way in zip(parts, ways, strict=True)], STRING)


def _digest(parts: list[object]) -> str:
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), default=_bytes)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _bytes(value: object) -> str:
    assert isinstance(value, bytes)
    return value.hex()
