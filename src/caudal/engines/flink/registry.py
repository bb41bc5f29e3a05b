"""The functions of a job on Flink: those of expressions, and those that call what the user wrote or walk rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.core.types import DataType, Schema
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import literal, type_of
from caudal.engines.jvm.dialect import Arguments
from caudal.engines.jvm.shape import spec
from caudal.engines.jvm.shipping import PREFIX, called

_FIXED = {"bool": False, "int32": 0, "int64": 0, "float32": 0.0, "float64": 0.0, "timestamp": 0, "duration": 0}
_SHORT = {"columns": "pandas", "row": "udf", "table": "udtf"}


@dataclass(frozen=True, slots=True)
class _Call:
    kind: str
    made: str
    inputs: tuple[str, ...]
    result: str | tuple[str, ...]


class Registry(Library):
    """Keeps `engines.jvm.dialect.Functions`; it is the library of expressions too."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[_Call, str] = {}

    def call(self, made: str, modules: Sequence[str], arguments: Arguments, returns: DataType) -> str:
        """Return the text of a call that gives a struct; see `Functions.call`."""
        self._used.update(modules)
        nan = "`nan` BOOLEAN, " if returns.is_float else ""
        result = f"ROW<`value` {type_of(returns)}, {nan}`reason` STRING, `message` STRING, `detail` STRING>"
        kinds = [spec(dtype) for _, dtype in arguments]
        if returns.is_nested or not arguments or any(dtype.is_nested for _, dtype in arguments):
            inputs = tuple(type_of(dtype) for _, dtype in arguments)
            name = self._named(_Call("row", f"on_row({made}, {kinds!r}, {returns.is_float})", inputs, result))
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
        made = f"on_columns({made}, {kinds!r}, {returns.is_float})"
        return f"{self._named(_Call('columns', made, tuple(inputs_), result))}({', '.join(texts)})"

    def table(self, made: str, modules: Sequence[str], arguments: Arguments, rows: Schema) -> str:
        """Return the text of a call that gives rows; see `Functions.table`."""
        self._used.update(modules)
        kinds = [spec(dtype) for _, dtype in arguments]
        inputs = tuple(type_of(dtype) for _, dtype in arguments)
        result = tuple(type_of(f.dtype) for f in rows)
        name = self._named(_Call("table", f"on_table({made}, {kinds!r})", inputs, result))
        return f"{name}({', '.join(text for text, _ in arguments)})"

    def ordered(self, dtype: DataType) -> str:
        """Return the name of the function from an array of (number, value) to the values by number."""
        self._used.add("tables")
        kind = f"ARRAY<ROW<`r` BIGINT, `v` {type_of(dtype)}>>"
        taken = [{"r": "int64", "v": spec(dtype)}]
        return self._named(_Call("row", f"on_value(in_order, {taken!r})", (kind,), f"ARRAY<{type_of(dtype)}>"))

    def _named(self, call: _Call) -> str:
        if call not in self._calls:
            self._calls[call] = f"{PREFIX}{_SHORT[call.kind]}_{len(self._calls) + 1}"
        return self._calls[call]

    def source(self) -> str:
        """Return Python text that registers everything on a table environment named `tables`; "" for nothing."""
        lines = [
            called(
                f"{call.kind}_function", ["tables", repr(name), call.made, repr([*call.inputs]), _result(call.result)]
            )
            for call, name in self._calls.items()
        ]
        return super().source() + "\n".join(lines)


def _result(types: str | tuple[str, ...]) -> str:
    return repr(types if isinstance(types, str) else [*types])
