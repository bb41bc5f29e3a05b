"""Shipped functions as Spark calls them: in Python workers, on Arrow arrays."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql.functions import arrow_udf

from caudal.worker.coercion import arrow_of


def register(spark: Any, name: str, function: Callable[..., Any], gives: str) -> None:
    """Make a function of Arrow arrays known by a name; `gives`: its type, as Spark spells it."""
    spark.udf.register(name, arrow_udf(function, gives))


def on_arrays(function: Callable[..., Any], takes: Sequence[Any], gives: Any) -> Callable[..., Any]:
    """Return a function of Arrow arrays that takes and gives just these types."""
    kinds, result = [arrow_of(spec) for spec in takes], arrow_of(gives)

    def run(*given):  # without hints of types: Spark takes them for another kind of function
        if not len(given[0]):
            return pa.array([], result)
        return _typed(function(*(_typed(a, k) for a, k in zip(given, kinds))), result)

    return run


def _typed(array: Any, kind: Any) -> Any:
    """Return an array as a type whose structs may name their fields otherwise."""
    if array.type == kind:
        return array
    if pa.types.is_list(kind):
        items = _typed(array.flatten(), kind.value_type)
        counts = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *counts.cumsum()], pa.int32())
        return pa.ListArray.from_arrays(offsets, items, type=kind, mask=array.is_null() if array.null_count else None)
    if pa.types.is_struct(kind):
        parts = [_typed(array.field(i), kind.field(i).type) for i in range(kind.num_fields)]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=mask)
    return array.cast(kind)
