"""Aggregates over windows of rows."""

from __future__ import annotations

from typing import Any

from caudal.worker.steps.contract import Step
from caudal.worker.steps.counting import counting
from caudal.worker.steps.folding import Fold, folds


def count_aggregate(
    takes: dict[str, Any], gives: dict[str, Any], functions: list[Fold], size: int, step: int, timed: bool
) -> Step:
    """Return the step that gives a row for each window: its bounds, and aggregates (`folds`); for windows see `counting`."""
    fold = folds(takes, gives, functions)
    return counting(takes, size, step, timed, lambda windows, _, columns: fold(windows, columns))
