"""Where rows come from, by name, while partitions appear: read from a file that grows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa


def origins(path: str, operators: dict[int, str], made: list[int]) -> Callable[[Any, Any], Any]:
    """Return what gives source, partition and whether an operator made it, of numbers of operators and partitions.

    `path`: a file of JSON, {operator: {partition: name}}, complete before a row with its numbers is there; `made`: the
    numbers of operators that make rows, which come from no partition.
    """
    known: dict[str, dict[str, str]] = {}

    def name_of(operator: int, partition: int) -> str:
        name = known.get(str(operator), {}).get(str(partition))
        if name is None:
            with open(path, encoding="utf-8") as file:
                known.update(json.load(file))
            name = known[str(operator)][str(partition)]
        return name

    def run(numbers: Any, partitions: Any) -> Any:
        pairs = list(zip(numbers.to_pylist(), partitions.to_pylist()))
        columns = [
            pa.array([operators.get(n) for n, _ in pairs], pa.string()),
            pa.array(["" if n in made else None if n is None else name_of(n, p) for n, p in pairs], pa.string()),
            pa.array([n in made for n, _ in pairs], pa.bool_()),
        ]
        return pa.StructArray.from_arrays(columns, ["source", "partition", "made"])

    return run
