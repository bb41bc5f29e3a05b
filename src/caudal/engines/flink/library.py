"""What the text of expressions calls beside Flink's own functions: collected while it is made, then written once.

Each is a shipped Python function, run on batches in a worker beside the JVM. It costs throughput and is the last
resort.
"""

from __future__ import annotations

from dataclasses import dataclass

from caudal.engines.jvm.pasting import SHARED, pasted
from caudal.engines.jvm.shipping import numbered

_HEAD = '''import pandas as pd
import pyarrow as pa
from pyflink.table.udf import udf


def on_series(function, *kinds):
    """Return the function of Arrow arrays as one of pandas Series; a text may be null, a number never is."""

    def run(some, *given):
        # A constant comes bare; the first is none, and tells how many rows there are.
        columns = [s if isinstance(s, pd.Series) else pd.Series([s] * len(some)) for s in given]
        arrays = [pa.array(s, k, from_pandas=not pa.types.is_primitive(k)) for s, k in zip(columns, kinds)]
        return pd.Series(function(*arrays).to_pylist(), dtype=object)

    return run
'''
_ARROW = {"BIGINT": "int64", "DOUBLE": "float64", "FLOAT": "float32", "STRING": "string", "BYTES": "binary"}


@dataclass(frozen=True, slots=True)
class _Entry:
    module: str
    name: str
    constants: tuple[object, ...]
    parameters: tuple[str, ...]
    result: str


class Library:
    """The functions that a script must register before its expressions can be read."""

    def __init__(self) -> None:
        self._entries: dict[_Entry, str] = {}

    def python(self, module: str, name: str, parameters: str, result: str, *constants: object) -> str:
        """Return the name under which the function `name(*constants)` of a shipped module is called.

        `parameters` are Flink types, one for each argument, separated by blanks. Before them goes a DOUBLE that the
        planner does not take for a constant, whatever its value: a worker counts the rows by its first argument.
        """
        entry = _Entry(module, name, constants, tuple(parameters.split()), result)
        if entry not in self._entries:
            self._entries[entry] = numbered(name, sum(known.name == name for known in self._entries))
        return self._entries[entry]

    @property
    def functions(self) -> frozenset[str]:
        """Names of the Python functions in use, as in the shipped modules."""
        return frozenset(entry.name for entry in self._entries)

    def source(self) -> str:
        """Return Python text that registers everything on a table environment named `tables`; "" for nothing.

        It stands alone: the shipped modules are part of it. It belongs at the top level of a script, so that what the
        workers need is sent to them by value.
        """
        if not self._entries:
            return ""
        modules = sorted({entry.module for entry in self._entries})
        lines = [_HEAD, pasted(f"{SHARED}.{module}" for module in modules)]
        for entry, called in self._entries.items():
            kinds = ", ".join(f"pa.{_ARROW[p]}()" for p in entry.parameters)
            made = f"on_series({entry.name}({', '.join(map(repr, entry.constants))}), {kinds})"
            lines += [
                f"tables.create_temporary_function({called!r}, udf(",
                f"    {made},",
                f"    input_types={['DOUBLE', *entry.parameters]!r}, result_type={entry.result!r}, func_type='pandas'))",
            ]
        return "\n".join(lines) + "\n"
