"""Cutting into pieces: neighbours that are looked at together, so that memory stays moderate however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np


def pieces(sizes: Any, room: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of neighbours that take about `room` together, or that are one alone; `sizes`: what each takes, int64."""
    if len(sizes):
        whole = np.cumsum(sizes)
        cuts = np.flatnonzero(np.diff((whole - 1) // room)) + 1
        yield from pairwise([0, *cuts.tolist(), len(sizes)])
