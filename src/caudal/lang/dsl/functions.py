"""The decorators that make Python functions parts of expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import PlanError
from caudal.plan.python import BATCH, JIT, ROW, PythonFunction, declare

Decorator = Callable[[Callable[..., Any]], PythonFunction]

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


def jit(function: Callable[..., Any] | None = None, *, returns: Any = None, nulls: str = "null") -> Any:
    """Compile a function of scalars by numba: once, cached on disk; it runs on every core, without the GIL.

    Numbers, booleans and times (as int milliseconds) in and out; types come from annotations, or `returns`. A null
    argument gives null unless `nulls="pass"` (the function then gets None). A row that it raises on becomes a dead
    letter. It may call itself and other compiled functions. In `.window(...).apply` it gets arrays instead. Raises
    `PlanError` for what numba cannot compile, before the pipeline runs.
    """
    return _declare(function, JIT, returns=returns, nulls=nulls)


def batch(function: Callable[..., Any] | None = None, *, returns: Any = None, nulls: str = "null") -> Any:
    """Call a function with whole columns: a polars Series for each argument, a Series of the same length back.

    It must be row-wise: what it gives for a row must not depend on the others that happen to be with it. In `map`,
    `flat_map` and `.window(...).apply` it takes and gives polars frames. Rows with a null argument are left out and give
    null unless `nulls="pass"`. Where it raises, the rows that make it raise are found and become dead letters.
    """
    return _declare(function, BATCH, returns=returns, nulls=nulls)


def row(
    function: Callable[..., Any] | None = None,
    *,
    returns: Any = None,
    nulls: str = "null",
    timeout: Duration = "1m",
    memory: str | int = 0,
) -> Any:
    """Call a plain Python function for each row, in worker processes: as many at once as there are operator threads.

    Python values in and out (times are aware datetimes and timedeltas). A null argument gives null unless
    `nulls="pass"`. A call that raises, takes longer than `timeout` or ends its process makes its row a dead letter; the
    others go on. `memory`: what its process may hold ("2GB", or bytes; 0: a fair share). Closures, module-level values
    and imports of the file come along, as copies: what a call leaves in them is seen by later calls of the same process
    only. Raises `PlanError` where something cannot be brought to another process, before the pipeline runs.
    """
    limit = duration.parse(timeout, what="timeout")
    return _declare(function, ROW, returns=returns, nulls=nulls, timeout=limit, memory=_bytes(memory))


def _declare(function: Callable[..., Any] | None, kind: str, **options: Any) -> Any:
    if function is None:
        return lambda given: declare(given, kind, **options)
    return declare(function, kind, **options)


def plain(function: Any) -> PythonFunction:
    """Return a function as a row function, if nothing else was declared."""
    return function if isinstance(function, PythonFunction) else declare(function, ROW)


def _bytes(value: str | int) -> int:
    if isinstance(value, int):
        return value
    text = value.strip()
    number = text.rstrip("BbKkMmGgIi")
    unit = _UNITS.get(text[len(number) :].strip().upper())
    try:
        return int(float(number) * unit)  # type: ignore[operator]
    except (TypeError, ValueError):
        raise PlanError(f"memory cannot be {value!r}", hint='for example memory="2GB"') from None
