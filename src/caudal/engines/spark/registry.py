"""The functions of a job on Spark: those of expressions, and those that call what the user wrote or walk rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.core.types import STRING, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm.dialect import Arguments
from caudal.engines.jvm.shape import spec
from caudal.engines.jvm.shipping import PREFIX, called
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.spelling import type_of


@dataclass(frozen=True, slots=True)
class _Call:
    made: str
    result: str


class Registry(Library):
    """Keeps `engines.jvm.dialect.Functions`; it is the library of expressions too."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[_Call, str] = {}

    def call(self, made: str, modules: Sequence[str], arguments: Arguments, returns: DataType) -> str:
        """Return the text of a call that gives a struct; see `Functions.call`."""
        names = ("value", "reason", "message", "detail")
        kinds = (returns, STRING, STRING, STRING)
        result = struct_of(Field(name, dtype) for name, dtype in zip(names, kinds, strict=True))
        return self._called(made, modules, arguments, result)

    def table(self, made: str, modules: Sequence[str], arguments: Arguments, rows: Schema) -> str:
        """Return the text of a call that gives rows; see `Functions.table`."""
        return self._called(made, modules, arguments, list_of(struct_of(rows)))

    def struct(self, made: str, modules: Sequence[str], arguments: Arguments, result: DataType) -> str:
        """Return the text of a call that gives a struct of this type."""
        return self._called(made, modules, arguments, result)

    def _called(self, made: str, modules: Sequence[str], arguments: Arguments, result: DataType) -> str:
        self._used.update(modules)
        kinds = [spec(dtype) for _, dtype in arguments]
        call = _Call(f"on_arrays({made}, {kinds!r}, {spec(result)!r})", type_of(result))
        if call not in self._calls:
            self._calls[call] = f"{PREFIX}call_{len(self._calls) + 1}"
        # a function of no arguments would not be told how many rows there are
        texts = [text for text, _ in arguments] or ["1"]
        return f"{self._calls[call]}({', '.join(texts)})"

    def source(self) -> str:
        """Return Python text that registers everything on a session named `spark`; "" where there is nothing."""
        lines = [
            called("register", ["spark", repr(name), call.made, repr(call.result)])
            for call, name in self._calls.items()
        ]
        return super().source() + "\n".join(lines)
