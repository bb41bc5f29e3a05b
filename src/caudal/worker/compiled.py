"""Compiled functions: by numba, at their first use in a worker; times are int64 milliseconds.

Functions that another one calls are compiled with it where they are marked (`caudal_jit`). What one raises is noticed
row by row in machine code; the message and the traceback come from calling it as plain Python with that row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of
from caudal.worker.failures import Failed, FunctionMistake, raised

_MACHINE_TYPES = {"timestamp": "int64", "duration": "int64"}


def machine_values(values: pa.Array, spec: Any) -> Any:
    """Return an array's values for machine code; what stands where one is null is 0."""
    if values.null_count:
        values = values.fill_null(False if spec == "bool" else 0)
    return np.array(values.to_numpy(zero_copy_only=False), _MACHINE_TYPES.get(spec, spec))


def compiled_scalar(
    function: Any, arguments: Sequence[Any], returns: Any, pass_nulls: bool
) -> Callable[[Sequence[pa.Array], int], tuple[pa.Array, list[Failed]]]:
    """Return the function as a loop over the rows of columns; a null is None to it where it takes nulls."""
    loops: list[Any] = []  # compiled in the worker, at the first rows
    dtype = np.dtype(_MACHINE_TYPES.get(returns, returns))

    def run(columns: Sequence[pa.Array], rows: int) -> tuple[pa.Array, list[Failed]]:
        if not rows:
            return pa.nulls(0, arrow_of(returns)), []
        if not loops:
            loops.append(_loop(function, len(arguments), pass_nulls))
        values = tuple(machine_values(c, s) for c, s in zip(columns, arguments))
        masks = tuple(np.array(c.is_valid().to_numpy(zero_copy_only=False)) for c in columns) if pass_nulls else ()
        out, state = np.zeros(rows, dtype), np.zeros(rows, np.int8)
        one, loop = loops[0]
        if len(loops) == 1:
            loop.compile(tuple(_numba().typeof(v) for v in (values, masks, out, state)))
            _check_result(function, one, returns)
            loops.append(True)
        loop(values, masks, out, state)
        failed = [_explained(function, columns, int(row)) for row in np.flatnonzero(state == 2)]
        return pa.array(out, arrow_of(returns), mask=state != 0), failed

    return run


def compiled_window(function: Any, output: dict[str, Any]) -> Callable[[list[Any]], list[Any] | BaseException]:
    """Return the function over a window's arrays: one array for each column of `output`, or what it raised."""
    known: list[Any] = []

    def run(arrays: list[Any]) -> list[Any] | BaseException:
        if not known:
            known.append(_dispatcher(function, {}))
        types = tuple(_numba().typeof(a) for a in arrays)
        known[0].compile(types)  # what cannot be compiled is no failure of a window's
        try:
            results = known[0](*(a.copy() for a in arrays))
        except Exception as error:
            return error
        results = list(results) if isinstance(results, tuple) else [results]
        _check_arrays(function, results, output)
        if len({len(r) for r in results}) > 1:
            counts = ", ".join(f"{name}: {len(r)}" for name, r in zip(output, results))
            return FunctionMistake(function, "gave arrays of unequal length", counts)
        return results

    return run


def explained(function: Any, row: int, given: Sequence[Any]) -> Failed:
    """Return what the function raises as plain Python: machine code has no message and no traceback."""
    try:
        value = function(*given)
    except BaseException as error:  # also SystemExit: it is this row that fails, not the job
        return raised(row, error)
    return row, "exception", f"raised in compiled code; as plain Python it gives {value!r:.200}", ""


def _explained(function: Any, columns: Sequence[pa.Array], row: int) -> Failed:
    return explained(function, row, [c[row].as_py() for c in columns])


def _numba() -> Any:
    import numba

    return numba


# -- the loop: made for each function, so that it is inlined


def _loop(function: Any, count: int, pass_nulls: bool) -> tuple[Any, Any]:
    """Return (the call for one row, the loop over all of them)."""
    nb = _numba()
    called = _dispatcher(function, {})
    row = _row_or_none(count) if pass_nulls else _row_values(count)

    if pass_nulls:

        def one(columns: Any, masks: Any, i: int) -> Any:
            return called(*row(columns, masks, i))
    else:

        def one(columns: Any, masks: Any, i: int) -> Any:
            return called(*row(columns, i))

    one_row = nb.njit(one)

    def loop(columns: Any, masks: Any, out: Any, state: Any) -> None:
        for i in range(out.size):
            try:
                value = one_row(columns, masks, i)
                if value is None:
                    state[i] = 1
                else:
                    out[i] = value
            except Exception:
                state[i] = 2

    return one_row, nb.njit(loop)


def _row_values(count: int) -> Any:
    """Return what gives row i of a tuple of arrays as a tuple of scalars."""
    nb = _numba()
    if count == 0:
        return nb.njit(lambda columns, i: ())
    if count == 1:  # numba does not add an empty tuple
        return nb.njit(lambda columns, i: (columns[0][i],))
    others = _row_values(count - 1)
    return nb.njit(lambda columns, i: (columns[0][i],) + others(columns[1:], i))  # noqa: RUF005 - tuples by +


def _row_or_none(count: int) -> Any:
    """Return the same, with None where there is no value."""
    nb = _numba()

    def value_or_none(values: Any, valid: Any, i: int) -> Any:
        if valid[i]:
            return values[i]
        return None

    value = nb.njit(value_or_none)
    if count == 0:
        return nb.njit(lambda columns, masks, i: ())
    if count == 1:
        return nb.njit(lambda columns, masks, i: (value(columns[0], masks[0], i),))
    others = _row_or_none(count - 1)

    def joined(columns: Any, masks: Any, i: int) -> Any:
        return (value(columns[0], masks[0], i),) + others(columns[1:], masks[1:], i)  # noqa: RUF005 - tuples by +

    return nb.njit(joined)


# -- functions that call each other


def _dispatcher(function: Any, known: dict[int, Any]) -> Any:
    """Return numba's compiler of a function, in which the marked functions that it calls have theirs."""
    found = known.get(id(function))
    if found is not None:
        return found
    scope = dict(function.__globals__)
    cells = tuple(CellType() for _ in function.__closure__ or ())
    own = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells)
    own.__kwdefaults__ = function.__kwdefaults__
    own.__module__ = __name__
    found = known[id(function)] = _numba().njit(nogil=True, boundscheck=True)(own)
    for name in _code_names(function.__code__):
        if name in scope:
            scope[name] = _compilable(scope[name], known)
    for cell, before in zip(cells, function.__closure__ or ()):
        try:
            cell.cell_contents = _compilable(before.cell_contents, known)
        except ValueError:  # not assigned yet
            continue
    return found


def _compilable(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, FunctionType) and (id(value) in known or getattr(value, "caudal_jit", False)):
        return _dispatcher(value, known)
    if isinstance(value, ModuleType) and getattr(value, "__spec__", None) is None:  # made of the user's source
        copied = ModuleType(value.__name__)
        vars(copied).update({name: _compilable(part, known) for name, part in vars(value).items()})
        return copied
    return value


def _code_names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _code_names(constant)
    return found


# -- results


def _check_result(function: Any, one: Any, returns: Any) -> None:
    types = _numba().types
    found = types.unliteral(one.nopython_signatures[0].return_type)
    bare = types.unliteral(found.type) if isinstance(found, types.Optional) else found
    if isinstance(found, types.NoneType):
        raise FunctionMistake(function, f"returns nothing, not {returns}", "return a value")
    if not machine_fits(bare, returns):
        raise FunctionMistake(function, f"gives {bare} where it is declared to give {returns}")


def _check_arrays(function: Any, results: list[Any], output: dict[str, Any]) -> None:
    nb = _numba()
    shown = "the schema: " + ", ".join(f"{name}: {spec}" for name, spec in output.items())
    if not all(isinstance(r, np.ndarray) and r.ndim == 1 for r in results):
        hint = "return a tuple of one-dimensional numpy arrays, one for each column of the schema"
        raise FunctionMistake(function, "does not give arrays", hint)
    if len(results) != len(output):
        raise FunctionMistake(
            function, f"gives {len(results)} arrays where the schema has {len(output)} columns", shown
        )
    for result, spec in zip(results, output.values()):
        if not machine_fits(nb.typeof(result).dtype, spec):
            raise FunctionMistake(function, f"gives an array of {result.dtype} where the schema has {spec}", shown)


def machine_fits(found: Any, wanted: str) -> bool:
    """Whether numba's type is the wanted one, or widens to it (ints to doubles too, as in Python)."""
    types = _numba().types
    if wanted == "bool":
        return isinstance(found, types.Boolean)
    if isinstance(found, types.Boolean):
        return wanted == "int64"
    if isinstance(found, types.Integer):
        room = {"int32": 32, "float32": 24, "float64": 64}.get(wanted, 64)
        return found.bitwidth + (not found.signed and wanted[0] != "f") <= room
    return isinstance(found, types.Float) and wanted[0] == "f" and found.bitwidth <= int(wanted[5:])
