"""The functions of a job on Flink: those of expressions, and those that call what the user wrote or walk rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.core.types import DataType, Schema
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import literal, type_of
from caudal.engines.jvm.dialect import Arguments
from caudal.engines.jvm.pasting import SHARED, pasted
from caudal.engines.jvm.shipping import PREFIX, arrow_text

_FIXED = {"bool": False, "int32": 0, "int64": 0, "float32": 0.0, "float64": 0.0, "timestamp": 0, "duration": 0}
_HEAD = '''import pandas as pd
import pyarrow as pa
from pyflink.common import Row
from pyflink.table.udf import udf, udtf


def arrow_value(value, kind):
    """Return a value of Flink's as Arrow takes it."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [arrow_value(v, kind.value_type) for v in value]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: arrow_value(value[i], kind.field(i).type) for i in range(kind.num_fields)}
    return bytes(value) if pa.types.is_binary(kind) else value


def flink_value(value):
    """Return a value of Arrow's as Flink takes it."""
    if isinstance(value, dict):
        return Row(*(flink_value(v) for v in value.values()))
    return [flink_value(v) for v in value] if isinstance(value, list) else value


def on_columns(function, kinds, real):
    """Return the function of Arrow arrays as one of Series: behind each number stands whether it is null."""

    def run(*given):
        rows = max((len(s) for s in given if isinstance(s, pd.Series)), default=1)
        series = iter([s if isinstance(s, pd.Series) else pd.Series([s] * rows) for s in given])
        arrays = []
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


def on_row(function, kinds, real):
    """Return the function of Arrow arrays as one of a row's values."""

    def run(*given):
        made = function(*(pa.array([arrow_value(v, k)], k) for v, k in zip(given, kinds))).to_pylist()[0]
        nan = [made["value"] is not None and made["value"] != made["value"]] if real else []
        return Row(flink_value(made["value"]), *nan, made["reason"], made["message"], made["detail"])

    return run


def on_table(function, kinds):
    """Return the function that gives lists of structs as a table function."""

    def run(*given):
        made = function(*(pa.array([arrow_value(v, k)], k) for v, k in zip(given, kinds)))
        for row in zip(*(column.to_pylist() for column in made.flatten().flatten())):
            yield tuple(flink_value(v) for v in row)

    return run


def on_value(function, kind):
    """Return a function of one array as one of a value."""

    def run(value):
        return flink_value(function(pa.array([arrow_value(value, kind)], kind)).to_pylist()[0])

    return run
'''


@dataclass(frozen=True, slots=True)
class _Call:
    maker: str
    made: str
    inputs: tuple[str, ...]
    result: str


class Registry(Library):
    """Keeps `engines.jvm.dialect.Functions`; it is the library of expressions too."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[_Call, str] = {}
        self._modules: set[str] = set()

    def call(self, made: str, modules: Sequence[str], arguments: Arguments, returns: DataType) -> str:
        """Return the text of a call that gives a struct; see `Functions.call`."""
        self._modules.update(modules)
        nan = "`nan` BOOLEAN, " if returns.is_float else ""
        result = f"ROW<`value` {type_of(returns)}, {nan}`reason` STRING, `message` STRING, `detail` STRING>"
        kinds = ", ".join(arrow_text(dtype) for _, dtype in arguments)
        if returns.is_nested or not arguments or any(dtype.is_nested for _, dtype in arguments):
            inputs = tuple(type_of(dtype) for _, dtype in arguments)
            name = self._named(_Call("udf", f"on_row({made}, [{kinds}], {returns.is_float})", inputs, result))
            return f"{name}({', '.join(text for text, _ in arguments)})"
        texts: list[str] = []
        inputs_: list[str] = []
        for text, dtype in arguments:
            inputs_.append(type_of(dtype))
            if dtype.name in _FIXED:
                texts += [f"COALESCE({text}, {literal(_FIXED[dtype.name], dtype)})", f"{text} IS NULL"]
                inputs_.append("BOOLEAN")
            else:
                texts.append(text)
        if not any("`" in text for text in texts):
            # of constants alone a function is not told how many rows there are
            texts.append("RAND()")
            inputs_.append("DOUBLE")
        made = f"on_columns({made}, [{kinds}], {returns.is_float})"
        return f"{self._named(_Call('pandas', made, tuple(inputs_), result))}({', '.join(texts)})"

    def table(self, made: str, modules: Sequence[str], arguments: Arguments, rows: Schema) -> str:
        """Return the text of a call that gives rows; see `Functions.table`."""
        self._modules.update(modules)
        kinds = ", ".join(arrow_text(dtype) for _, dtype in arguments)
        inputs = tuple(type_of(dtype) for _, dtype in arguments)
        result = repr([type_of(f.dtype) for f in rows])
        name = self._named(_Call("udtf", f"on_table({made}, [{kinds}])", inputs, result))
        return f"{name}({', '.join(text for text, _ in arguments)})"

    def ordered(self, dtype: DataType) -> str:
        """Return the name of the function from an array of (number, value) to the values by number."""
        self._modules.add("tables")
        kind = f"ARRAY<ROW<`r` BIGINT, `v` {type_of(dtype)}>>"
        arrow = f"pa.list_(pa.struct([('r', pa.int64()), ('v', {arrow_text(dtype)})]))"
        return self._named(_Call("udf", f"on_value(in_order, {arrow})", (kind,), f"ARRAY<{type_of(dtype)}>"))

    def _named(self, call: _Call) -> str:
        if call not in self._calls:
            self._calls[call] = f"{PREFIX}{call.maker}_{len(self._calls) + 1}"
        return self._calls[call]

    def source(self) -> str:
        """Return Python text that registers everything on a table environment named `tables`; "" for nothing."""
        if not self._calls:
            return super().source()
        lines = [super().source(), _HEAD]
        lines.append(pasted(f"{SHARED}.{module}" for module in sorted(self._modules)))
        for call, name in self._calls.items():
            what = {
                "pandas": f"result_type={call.result!r}, func_type='pandas'",
                "udf": f"result_type={call.result!r}",
                "udtf": f"result_types={call.result}",
            }[call.maker]
            maker = "udtf" if call.maker == "udtf" else "udf"
            lines += [
                f"tables.create_temporary_function({name!r}, {maker}(",
                f"    {call.made},",
                f"    input_types={list(call.inputs)!r}, {what}))",
            ]
        return "\n".join(lines) + "\n"
