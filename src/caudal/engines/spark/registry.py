"""The functions of a job on Spark: those of expressions, and those that call what the user wrote or walk rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.core.types import STRING, DataType, Field, Schema, list_of, struct_of
from caudal.engines.jvm.dialect import Arguments
from caudal.engines.jvm.pasting import SHARED, pasted
from caudal.engines.jvm.shipping import PREFIX, arrow_text
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.spelling import type_of

_HEAD = '''import pyarrow as pa
from pyspark.sql.functions import arrow_udf


def typed(array, kind):
    """Return an array as a type whose structs may name their fields otherwise."""
    if array.type == kind:
        return array
    if pa.types.is_list(kind):
        items = typed(array.flatten(), kind.value_type)
        counts = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *counts.cumsum()], pa.int32())
        return pa.ListArray.from_arrays(offsets, items, type=kind, mask=array.is_null() if array.null_count else None)
    if pa.types.is_struct(kind):
        parts = [typed(array.field(i), kind.field(i).type) for i in range(kind.num_fields)]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=mask)
    return array.cast(kind)


def on_arrays(function, kinds, result):
    """Return a function of Arrow arrays that takes and gives just these types."""

    def run(*given):
        if not len(given[0]):
            return pa.array([], result)
        return typed(function(*(typed(a, k) for a, k in zip(given, kinds))), result)

    return run
'''


@dataclass(frozen=True, slots=True)
class _Call:
    made: str
    result: str


class Registry(Library):
    """Keeps `engines.jvm.dialect.Functions`; it is the library of expressions too."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[_Call, str] = {}
        self._modules: set[str] = set()

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
        self._modules.update(modules)
        kinds = ", ".join(arrow_text(dtype) for _, dtype in arguments)
        call = _Call(f"on_arrays({made}, [{kinds}], {arrow_text(result)})", type_of(result))
        if call not in self._calls:
            self._calls[call] = f"{PREFIX}call_{len(self._calls) + 1}"
        # a function of no arguments would not be told how many rows there are
        texts = [text for text, _ in arguments] or ["1"]
        return f"{self._calls[call]}({', '.join(texts)})"

    def source(self) -> str:
        """Return Python text that registers everything on a session named `spark`; "" where there is nothing."""
        if not self._calls:
            return super().source()
        lines = [super().source(), _HEAD]
        lines.append(pasted(f"{SHARED}.{module}" for module in sorted(self._modules)))
        for call, name in self._calls.items():
            lines.append(f"spark.udf.register({name!r}, arrow_udf({call.made}, {call.result!r}))")
        return "\n".join(lines) + "\n"
