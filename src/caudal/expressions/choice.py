"""Choices between values: case and coalesce. All branches are computed, since none can raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column
from caudal.expressions.kernel import Kernel, Site, choose, full, implements


@implements("case")
def _case(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        result = args[-1]
        for condition, value in zip(args[-3::-2], args[-2::-2]):
            mask = condition.values if condition.valid is None else condition.values & condition.valid
            result = choose(mask, value, result, rows)
        return result

    return kernel


@implements("coalesce")
def _coalesce(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        result = args[-1]
        for value in args[-2::-1]:
            mask = value.valid
            if mask is None:
                mask = np.ones(1, np.bool_)
            result = value if mask.all() and len(value) == rows else choose(mask, value, result, rows)
        return full(result, rows)

    return kernel
