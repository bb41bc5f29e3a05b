"""Aggregates of a step over ranges of the rows that it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caudal.worker.ranges import Ranges, order_key, over_ranges

Fold = tuple[Any, ...]
"""An aggregate: name, function, options, and arguments (or "", the event time) that it sorts rows by before their order."""


def folds(
    takes: dict[str, Any], gives: dict[str, Any], functions: list[Fold]
) -> Callable[[Ranges, list[Any]], list[Any]]:
    """Return what makes the aggregates over ranges of rows, whose columns are times and the arguments of these types.

    An argument has the name of its aggregate; where an aggregate has none, there is no argument of that name.
    """
    at = {"": 0} | {name: i for i, name in enumerate(takes, 1)}

    def run(ranges: Ranges, columns: list[Any]) -> list[Any]:
        made: list[Any] = []
        for name, function, options, *ties in functions:
            values = columns[at[name]] if name in at else None
            places = [*zip(*(_places(columns[at[tie]].to_pylist()) for tie in ties))] if ties else None
            made.append(over_ranges(ranges, function, options, values, takes.get(name), gives[name], places))
        return made

    return run


def _places(values: list[Any]) -> list[Any]:
    """Return by what values are sorted, nulls first."""
    return [(False,) if value is None else (True, order_key(value)) for value in values]
