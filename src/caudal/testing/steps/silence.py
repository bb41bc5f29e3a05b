"""Silence: a row where the rows of a key begin, and one when none has come for so long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.steps.contract import END, Made, Rows, Step, each_key


def silence(takes: dict[str, Any], gives: dict[str, Any], quiet: int) -> Step:
    """Return the step that gives a row (begun, rows) for the first row of a run, and at its end one made of no row.

    A run ends when no row has come for `quiet` ms: at that time, unless a row has just then. Kept of a run that goes on are
    its first and last time, and how many rows it has.
    """

    @each_key
    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        held = [column[0].as_py() for column in state.columns] if len(state) else None
        of: list[int] = []
        at: list[int] = []
        made: list[tuple[int, int]] = []

        def ended(before: int) -> None:
            nonlocal held
            if held is not None and held[1] + quiet < before:
                of.append(-1)
                at.append(held[1] + quiet)
                made.append((held[0], held[2]))
                held = None

        for row, time in enumerate(rows.time.tolist()):
            ended(time)
            if held is None:
                held = [time, time, 0]
                of.append(row)
                at.append(time)
                made.append((time, 1))
            held = [held[0], time, held[2] + 1]
        ended(watermark)
        left = Rows(
            np.array([0, held is not None]),
            [pa.array([] if held is None else [n], pa.int64()) for n in held or [0] * 3],
        )
        wake = END if held is None else min(held[1] + quiet + 1, END)
        columns = [pa.array([values[i] for values in made], pa.int64()) for i in range(2)]
        return Made(np.array(of, np.int64), columns, left, [], np.array([wake]), np.array(at, np.int64))

    return Step(["int64"] * 3, run)
