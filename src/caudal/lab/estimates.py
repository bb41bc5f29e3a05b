"""What repeated measurements say: rates by slopes, means with 95 % confidence intervals, ratios with their spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_T = (12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216)
"""The 97.5 % quantile of Student's t for 1 to 9 degrees of freedom."""

_Z = 1.959964


def student_t(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t; from 10 degrees of freedom on by an expansion, right to three decimals."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    z, n = _Z, freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def slope(small: int, large: int, took_small: float, took_large: float) -> float | None:
    """Return events a second beyond what starting takes, None where the larger file took no longer than the smaller."""
    more = took_large - took_small
    return (large - small) / more if more > 0 else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What `count` values say. `half`: half the width of the 95 % confidence interval of the mean; infinite for one value."""

    count: int
    mean: float
    half: float
    median: float
    least: float
    most: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values; an interval that is not known is null."""
        known = math.isfinite(self.half)
        return {
            "rounds": self.count,
            "mean": _rounded(self.mean),
            "interval": [_rounded(self.mean - self.half), _rounded(self.mean + self.half)] if known else None,
            "median": _rounded(self.median),
            "least": _rounded(self.least),
            "most": _rounded(self.most),
        }


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Return what values say, those that are not known left out; None where none is known."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    count = len(known)
    half = student_t(count - 1) * statistics.stdev(known) / math.sqrt(count) if count > 1 else math.inf
    return Estimate(count, statistics.fmean(known), half, statistics.median(known), min(known), max(known))


def ratios(above: Sequence[float | None], below: Sequence[float | None]) -> list[float | None]:
    """Return the ratio of each round, None where either is not known."""
    return [a / b if a is not None and b else None for a, b in zip(above, below, strict=True)]


def _rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")
