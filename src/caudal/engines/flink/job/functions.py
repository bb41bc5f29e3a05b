"""Shipped functions as Flink calls them: in Python workers, on pandas Series or on the values of a row."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from pyflink.common import Row
from pyflink.table.udf import udf, udtf

from caudal.worker.coercion import arrow_of

Function = Callable[..., Any]


def columns_function(tables: Any, name: str, function: Function, inputs: Sequence[str], gives: str) -> None:
    """Make a function of Series known by a name; `inputs` and `gives`: its types, as Flink spells them."""
    made = udf(function, input_types=list(inputs), result_type=gives, func_type="pandas")
    tables.create_temporary_function(name, made)


def row_function(tables: Any, name: str, function: Function, inputs: Sequence[str], gives: str) -> None:
    """Make a function of values known by a name."""
    tables.create_temporary_function(name, udf(function, input_types=list(inputs), result_type=gives))


def table_function(tables: Any, name: str, function: Function, inputs: Sequence[str], gives: Sequence[str]) -> None:
    """Make a function that gives rows known by a name."""
    tables.create_temporary_function(name, udtf(function, input_types=list(inputs), result_types=list(gives)))


def on_series(function: Function, takes: Sequence[str]) -> Function:
    """Return the function of Arrow arrays as one of pandas Series; a text may be null, a number never is."""
    kinds = [arrow_of(spec) for spec in takes]

    def run(some: Any, *given: Any) -> Any:
        # A constant comes bare; the first is none, and tells how many rows there are.
        columns = [s if isinstance(s, pd.Series) else pd.Series([s] * len(some)) for s in given]
        arrays = [pa.array(s, k, from_pandas=not pa.types.is_primitive(k)) for s, k in zip(columns, kinds)]
        return pd.Series(function(*arrays).to_pylist(), dtype=object)

    return run


def on_columns(function: Function, takes: Sequence[Any], real: bool) -> Function:
    """Return the function of Arrow arrays as one of Series: behind each number stands whether it is null.

    `real`: it gives floats; of each is told whether it is NaN.
    """
    kinds = [arrow_of(spec) for spec in takes]

    def run(*given: Any) -> Any:
        rows = max((len(s) for s in given if isinstance(s, pd.Series)), default=1)
        series = iter([s if isinstance(s, pd.Series) else pd.Series([s] * rows) for s in given])
        arrays: list[Any] = []
        for kind in kinds:
            values = next(series)
            if pa.types.is_primitive(kind):
                arrays.append(pa.array(values.to_numpy(), kind, mask=next(series).to_numpy(dtype=bool)))
            else:
                arrays.append(pa.array(values, kind, from_pandas=True))
        made = function(*arrays)
        values = made.field(0).to_pylist()
        out = {"value": pd.Series(values, dtype=object)}
        if real:
            out["nan"] = pd.Series([v is not None and v != v for v in values])
        for name in ("reason", "message", "detail"):
            out[name] = pd.Series(made.field(name).to_pylist(), dtype=object)
        return pd.DataFrame(out)

    return run


def on_row(function: Function, takes: Sequence[Any], real: bool) -> Function:
    """Return the function of Arrow arrays as one of a row's values."""
    kinds = [arrow_of(spec) for spec in takes]

    def run(*given: Any) -> Any:
        made = function(*(pa.array([_arrow_value(v, k)], k) for v, k in zip(given, kinds))).to_pylist()[0]
        nan = [made["value"] is not None and made["value"] != made["value"]] if real else []
        return Row(flink_value(made["value"]), *nan, made["reason"], made["message"], made["detail"])

    return run


def on_table(function: Function, takes: Sequence[Any]) -> Function:
    """Return the function that gives lists of structs as a table function."""
    kinds = [arrow_of(spec) for spec in takes]

    def run(*given: Any) -> Iterator[Any]:
        made = function(*(pa.array([_arrow_value(v, k)], k) for v, k in zip(given, kinds)))
        for row in zip(*(column.to_pylist() for column in made.flatten().flatten())):
            yield tuple(flink_value(v) for v in row)

    return run


def on_value(function: Function, takes: Any) -> Function:
    """Return a function of one array as one of a value."""
    kind = arrow_of(takes)

    def run(value: Any) -> Any:
        return flink_value(function(pa.array([_arrow_value(value, kind)], kind)).to_pylist()[0])

    return run


def _arrow_value(value: Any, kind: Any) -> Any:
    """Return a value of Flink's as Arrow takes it."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_arrow_value(v, kind.value_type) for v in value]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _arrow_value(value[i], kind.field(i).type) for i in range(kind.num_fields)}
    return bytes(value) if pa.types.is_binary(kind) else value


def flink_value(value: Any) -> Any:
    """Return a value of Arrow's as Flink takes it."""
    if isinstance(value, dict):
        return Row(*(flink_value(v) for v in value.values()))
    return [flink_value(v) for v in value] if isinstance(value, list) else value
