"""What the text of expressions calls beside Flink's own functions: collected while it is made, then written once.

Each is a shipped Python function, run on batches in a worker beside the JVM. It costs throughput and is the last
resort.
"""

from __future__ import annotations

from dataclasses import dataclass

from caudal.engines.jvm.shipping import called, numbered, shipped

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
        self._used: set[str] = set()

    def python(self, module: str, name: str, parameters: str, result: str, *constants: object) -> str:
        """Return the name under which the function `name(*constants)` of a shipped module is called.

        `parameters` are Flink types, one for each argument, separated by blanks. Before them goes a DOUBLE that the
        planner does not take for a constant, whatever its value: a worker counts the rows by its first argument.
        """
        self._used.add(module)
        entry = _Entry(module, name, constants, tuple(parameters.split()), result)
        if entry not in self._entries:
            self._entries[entry] = numbered(name, sum(known.name == name for known in self._entries))
        return self._entries[entry]

    @property
    def functions(self) -> frozenset[str]:
        """Names of the Python functions in use, as in the shipped modules."""
        return frozenset(entry.name for entry in self._entries)

    @property
    def modules(self) -> list[str]:
        """The modules that `source` takes names from: none where nothing runs in a Python worker."""
        return shipped("flink", self._used)

    def source(self) -> str:
        """Return Python text that registers everything on a table environment named `tables`; "" for nothing."""
        lines: list[str] = []
        for entry, name in self._entries.items():
            made = f"{entry.name}({', '.join(map(repr, entry.constants))})"
            kinds = [_ARROW[p] for p in entry.parameters]
            inputs = ["DOUBLE", *entry.parameters]
            given = ["tables", repr(name), f"on_series({made}, {kinds!r})", repr(inputs), repr(entry.result)]
            lines.append(called("columns_function", given))
        return "".join(f"{line}\n" for line in lines)
