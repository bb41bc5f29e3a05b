"""Exponentially weighted moving averages, by rows or by event time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import Made, Rows, Step

Kept = tuple[float | None, float, int]
"""An average (None: there was no value), the weight of all values in it, and the time of the last value."""


def ewma(takes: dict[str, Any], gives: dict[str, Any], alphas: Sequence[float], half_lives: Sequence[int]) -> Step:
    """Return the step that gives each row the averages of its key's values up to it.

    By rows, with a = `alphas[i]`: m + a * (x - m), from the first value on. By time, where `half_lives[i]` is not 0: the mean of
    all values of which each weighs 2 ** -(its age / half-life), in milliseconds. Nulls change nothing; before the first
    value the average is null. Kept of each key are the average, the weight of all values in it (by time), and the time of the last value.
    """
    kinds = [*takes.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        timed = np.zeros(len(rows), np.int64) if rows.time is None else rows.time
        times, at = timed.tolist(), rows.starts.tolist()
        columns: list[Any] = []
        left: list[Any] = []
        for i, kind in enumerate(kinds):
            column = as_array(rows.columns[i], kind).cast(pa.float64(), safe=False)
            values = column.to_pylist()
            before = zip(*(c.to_pylist() for c in state.columns[3 * i : 3 * i + 3]))
            known = _known(state, [*before])
            out: list[float | None] = []
            for k, begin in enumerate(known):
                start, stop = at[k], at[k + 1]
                if half_lives[i]:
                    known[k] = _by_time(begin, values[start:stop], times[start:stop], half_lives[i], out)
                else:
                    known[k] = _by_rows(begin, values[start:stop], alphas[i], out)
            columns.append(pa.array(out, pa.float64()))
            parts = [*zip(*known)] or [(), (), ()]
            left += [pa.array(part, kept) for part, kept in zip(parts, (pa.float64(), pa.float64(), pa.int64()))]
        return Made(np.arange(len(rows)), columns, Rows(np.arange(rows.keys + 1), left))

    return Step(["float64", "float64", "int64"] * len(kinds), run)


def _known(state: Rows, kept: list[Kept]) -> list[Kept]:
    """Return what is known of each key."""
    starts = state.starts.tolist()
    return [kept[start] if stop > start else (None, 0.0, 0) for start, stop in pairwise(starts)]


def _by_rows(before: Kept, values: list[float | None], alpha: float, out: list[float | None]) -> Kept:
    mean = before[0]
    for value in values:
        if value is not None:
            mean = value if mean is None else _between(mean, value, alpha)
        out.append(mean)
    return mean, 0.0, 0


def _by_time(
    before: Kept, values: list[float | None], times: list[int], half_life: int, out: list[float | None]
) -> Kept:
    mean, weight, last = before
    for value, time in zip(values, times):
        if value is not None:
            if mean is None:
                mean, weight = value, 1.0
            else:
                weight = weight * 0.5 ** ((time - last) / half_life) + 1.0
                mean = _between(mean, value, 1.0 / weight)
            last = time
        out.append(mean)
    return mean, weight, last


def _between(mean: float, value: float, part: float) -> float:
    """Return what lies so far on the way to the value. What is infinite stays so; beside NaN or the other infinity it is NaN."""
    if not math.isfinite(mean):
        return mean + value
    if part == 1.0 or not math.isfinite(value):
        return value
    step = value - mean
    return mean + part * step if math.isfinite(step) else mean * (1.0 - part) + value * part
