"""Cutting into pieces: neighbours that are looked at together, so that memory stays moderate however many there are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np


def pieces(sizes: Any, room: int) -> list[tuple[int, int]]:
    """Return (begin, end) of neighbours that take about `room` together, or that are one alone; `sizes`: what each takes, int64."""
    if not len(sizes):
        return []
    cuts = np.flatnonzero(np.diff((np.cumsum(sizes) - 1) // room)) + 1
    return [*pairwise([0, *cuts.tolist(), len(sizes)])]
