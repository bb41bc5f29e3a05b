"""Earlier values: what a row some rows before of its key had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import Made, Rows, Step, behind, last


def lag(takes: dict[str, Any], gives: dict[str, Any], n: int) -> Step:
    """Return the step that gives each row the value of the row `n` before it, null for the first `n` of a key.

    Kept are the last `n` values of each key.
    """
    (kind,) = takes.values()

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        whole, at = behind(state, Rows(rows.starts, [as_array(rows.columns[0], kind)]))
        before = at - n
        none = before < np.repeat(whole.starts[:-1], np.diff(rows.starts))
        earlier = whole.columns[0].take(pa.array(np.where(none, 0, before), mask=none))
        return Made(np.arange(len(rows)), [earlier], last(whole, n))

    return Step([kind], run)
