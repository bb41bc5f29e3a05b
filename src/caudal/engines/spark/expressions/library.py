"""What the text of expressions calls beside Spark's own functions: collected while it is made, then written once.

Two kinds. A SQL function is Spark's own: it is put into the query where it is called, its arguments computed once. A
Python function is one of `worker`, run on Arrow batches in a worker beside the JVM; it costs
throughput and is the last resort.
"""

from __future__ import annotations

from caudal.engines.jvm.shipping import called, numbered, shipped


class Library:
    """The functions that a script must register before its expressions can be read."""

    def __init__(self) -> None:
        self._sql: dict[tuple[str, str], str] = {}
        self._python: dict[tuple[str, str, tuple[object, ...]], tuple[str, str]] = {}
        self._used: set[str] = set()

    def sql(self, name: str, parameters: str, result: str, body: str) -> str:
        """Return the name under which the SQL function is called; others of the same name are numbered.

        `parameters` is as in `x DOUBLE, y DOUBLE`, `result` a type. The body may call functions that were made before.
        """
        key = (name, f"({parameters}) RETURNS {result} RETURN {body}")
        if key not in self._sql:
            self._sql[key] = self._numbered(name)
        return self._sql[key]

    def python(self, module: str, name: str, result: str, *constants: object) -> str:
        """Return the name under which the function `name(*constants)` of a shipped module is called."""
        self._used.add(module)
        key = (module, name, constants)
        if key not in self._python:
            self._python[key] = (self._numbered(name), result)
        return self._python[key][0]

    def _numbered(self, name: str) -> str:
        others = [known for known, _ in self._sql] + [known for _, known, _ in self._python]
        return numbered(name, others.count(name))

    @property
    def functions(self) -> frozenset[str]:
        """Names of the Python functions in use, as in the shipped modules."""
        return frozenset(name for _, name, _ in self._python)

    @property
    def modules(self) -> list[str]:
        """The modules that `source` takes names from: none where nothing runs in a Python worker."""
        return shipped("spark", self._used)

    def source(self) -> str:
        """Return Python text that registers everything on a session named `spark`; "" when there is nothing."""
        lines: list[str] = []
        for (_, name, constants), (known, result) in self._python.items():
            made = f"{name}({', '.join(map(repr, constants))})"
            lines.append(called("register", ["spark", repr(known), made, repr(result)]))
        for (_, definition), known in self._sql.items():
            lines.append(f"spark.sql({f'CREATE OR REPLACE TEMPORARY FUNCTION {known}{definition}'!r})")
        return "".join(f"{line}\n" for line in lines)
