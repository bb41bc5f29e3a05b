"""Compiled functions: a loop of machine code over the rows, made before the job starts, without the GIL.

A function is typed by numba from the types of its columns: bool, int32, int64, float32, float64, and timestamps and
durations as int64 milliseconds. Inside it other jit functions can be called, itself too. Integers wrap; arrays that it
indexes are checked for bounds. What it raises is noticed row by row in machine code; the message and the traceback come
from calling the function as plain Python with that row. Compiled code is kept on disk (`codecache`). Nothing can stop
a call: recursion without an end ends the process, as in C, and a loop without an end holds its thread.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numba as nb
import numpy as np
from numba.core import types as numba_types
from numba.core.imputils import fix_returning_optional
from numba.extending import intrinsic, overload, typeof_impl

from caudal.columnar.column import ALL_VALID, NUMPY_TYPES, Column, Fixed, Ints
from caudal.core.errors import PlanError, nearest
from caudal.core.types import DataType, Schema
from caudal.expressions.functions import linking
from caudal.expressions.functions.codecache import CodeFile, Counts, digest
from caudal.expressions.functions.outcome import Failed, Rows, Values, raised
from caudal.expressions.kernel import full, known, validity
from caudal.plan.python import JIT, PythonFunction
from caudal.worker.compiled import machine_fits
from caudal.worker.failures import EXCEPTION, RESULT

COUNTS = Counts()
"""How often code was loaded and compiled in this process."""

types: Any = numba_types
"""numba's types, which have no types themselves."""

_LOCK = threading.RLock()
_SOURCE = hashlib.sha256(b"".join(Path(f).read_bytes() for f in (__file__, linking.__file__))).hexdigest()
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_TEXT_HINT = "@cd.batch or @cd.row take text"
_PLAIN_HINT = "@cd.row runs it as plain Python"

_compiled: dict[str, Any] = {}  # by digest: numba's compile results
_dispatchers: dict[PythonFunction, Any] = {}  # of the compilation under way, under the lock


def compile_scalar(
    function: PythonFunction, types: Sequence[DataType], returns: DataType
) -> Callable[[Sequence[Column], int], Values]:
    """Return the function as a loop over columns of these types, compiled now; one row a call, scalars in and out.

    The callable takes one `Fixed` column for each argument (full or of one row) and the number of rows, may run in any
    thread, and never raises for what a row holds. A null argument gives null unless `function.pass_nulls`: then the
    function gets None. Raises `PlanError`, located at the function, for types other than numbers, bools and times, for
    a function that numba cannot compile, and for a result that does not fit `returns` without loss.
    """
    arguments = tuple(_scalar(function, dtype, "takes") for dtype in types)
    result = _scalar(function, returns, "gives")
    columns = nb.types.Tuple([_array(t) for t in arguments])
    flags = _array(nb.types.boolean)
    pass_nulls = function.pass_nulls
    masks = nb.types.UniTuple(flags, len(arguments) if pass_nulls else 0)
    signature = (columns, flags, masks, _array(result), flags, _array(nb.types.int64))
    given = tuple(nb.types.Optional(t) for t in arguments) if pass_nulls else arguments

    def make(key: str) -> Any:
        found = _infer(function, given)
        if not machine_fits(_bare(found), returns.name):
            raise _misfit(function, found, returns)
        return _loop(_dispatcher(function), pass_nulls, key)

    entry = _code(function, f"scalar {pass_nulls}", signature, make)
    dtype: Any = NUMPY_TYPES[returns.name]

    def run(args: Sequence[Column], rows: int) -> Values:
        values = tuple([_values(arg, rows) for arg in args])
        out, present, failed = np.empty(rows, dtype), np.empty(rows, np.bool_), np.empty(rows, np.int64)
        valid = ALL_VALID if pass_nulls else known(args, rows)
        masks = tuple([full(arg, rows).valid_or_all() for arg in args]) if pass_nulls else ()
        failures, nulls = entry(values, valid, masks, out, present, failed)
        column = Fixed(returns, out, present if nulls else None)
        return Values(column, _explain(function, args, failed[:failures]) if failures else [])

    return run


def compile_window(
    function: PythonFunction, columns: Mapping[str, DataType], schema: Schema
) -> Callable[[Sequence[Mapping[str, Column]]], Rows]:
    """Return the function over whole windows, compiled now: arrays in, arrays in the order of `schema` out.

    Each parameter is the name of a column; the function gets its values as an array of its own (times as int64
    milliseconds), without the rows where one of these columns is null. It returns a tuple of one-dimensional arrays of
    one length, or a single array where `schema` has one column. The callable takes the windows' columns; a window for
    which the function raises is failed, by its number. Raises `PlanError`, located at the function, for unknown
    columns, nulls="pass", types other than numbers, bools and times, a function that numba cannot compile and a result
    that does not fit `schema`. A window that gives arrays of unequal length is failed.
    """
    if function.pass_nulls:
        raise function.error("a compiled function takes no nulls in a window", hint="@cd.batch takes them")
    if function.variadic:
        raise function.error("each parameter of a window's function names a column", hint="leave out the *")
    names = [p.name for p in function.parameters]
    for name in names:
        if name not in columns:
            raise function.error(f"the parameter '{name}' is no column of the window", hint=nearest(name, columns))
    arguments = tuple(_array(_scalar(function, columns[name], f"reads '{name}', which is")) for name in names)
    wanted = [field.dtype for field in schema]
    for dtype in wanted:
        _scalar(function, dtype, "gives")

    def make(key: str) -> Any:
        _check_arrays(function, _infer(function, arguments), wanted)
        return linking.entry(_renamed(function, key), boundscheck=True)

    entry = _code(function, f"window {schema}", arguments, make)

    def arrays(frame: Mapping[str, Column]) -> list[Any]:
        read = [frame[name] for name in names]
        valid = validity(read)
        return [_values(c, len(c)).copy() if valid is None else _values(c, len(c))[valid] for c in read]

    def run(frames: Sequence[Mapping[str, Column]]) -> Rows:
        parts: list[list[Any]] = [[] for _ in wanted]
        lengths = np.zeros(len(frames), np.int64)
        failed: list[Failed] = []
        for i, frame in enumerate(frames):
            try:
                results = entry(*arrays(frame))
            except Exception:
                failed.append(_again(function, i, arrays(frame)))
                continue
            results = results if isinstance(results, tuple) else (results,)
            counts = {len(r) for r in results}
            if len(counts) > 1:
                shown = ", ".join(f"{field.name}: {len(r)}" for field, r in zip(schema, results))
                failed.append(Failed(i, RESULT, f"{function.name}() gave arrays of unequal length", shown))
                continue
            lengths[i] = counts.pop()
            for part, array in zip(parts, results):
                part.append(array)
        done: dict[str, Column] = {f.name: _joined(part, f.dtype) for f, part in zip(schema, parts)}
        return Rows(done, np.repeat(np.arange(len(frames)), lengths), failed)

    return run


def _joined(parts: list[Any], dtype: DataType) -> Column:
    kind = NUMPY_TYPES[dtype.name]
    return Fixed(dtype, np.concatenate(parts, dtype=kind) if parts else np.empty(0, kind))


def _values(column: Column, rows: int) -> Any:
    values: Any = (column if len(column) == rows else full(column, rows)).values  # type: ignore[attr-defined]
    return values if values.flags.c_contiguous else np.ascontiguousarray(values)


# -- the loops: made for each function, so that it is inlined


def _loop(function: Any, pass_nulls: bool, key: str) -> Any:
    """Return the loop over the rows. What it is made of has names of its own, as `_dispatcher` explains."""

    def strict(columns: Any, masks: Any, i: int) -> Any:
        return function(*_row(columns, i))

    def passing(columns: Any, masks: Any, i: int) -> Any:
        return function(*_row_or_none(columns, masks, i))

    def loop(columns: Any, valid: Any, masks: Any, out: Any, present: Any, failed: Any) -> tuple[int, int]:
        failures = nulls = 0
        for i in range(out.size):
            out[i] = 0
            if valid.size and not valid[i]:
                present[i] = False
                nulls += 1
                continue
            present[i] = True
            done, value = attempt(one, columns, masks, i)
            if done:
                nulls += _put(out, present, i, value)
            else:
                failed[failures] = i
                failures += 1
        return failures, nulls

    call = passing if pass_nulls else strict
    call.__qualname__ += key
    loop.__qualname__ += key
    one = nb.njit(call)
    return linking.entry(loop)


@intrinsic
def _attempt(typingctx, function, columns, masks, i):
    """Return (True, result of the call), or (False, anything) where it raised.

    numba's own try costs 20 ns and more a row where the call can raise.
    """
    found = function.get_call_type(typingctx, (columns, masks, i), {}).return_type
    signature = types.Tuple((types.boolean, types.unliteral(found)))(function, columns, masks, i)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = function.dispatcher.overloads[(columns, masks, i)]
        context.add_linking_libs([made.library])
        status, value = context.call_internal_no_propagate(builder, made.fndesc, made.signature, args[1:])
        value = fix_returning_optional(context, builder, made.signature, status, value)
        value = context.cast(builder, value, made.signature.return_type, sig.return_type[1])
        return context.make_tuple(builder, sig.return_type, [builder.not_(status.is_error), value])

    return signature, generate


attempt: Any = _attempt


def _row(columns: Any, i: int) -> Any:
    """Return row i of a tuple of arrays as a tuple of scalars."""
    raise NotImplementedError


def _row_or_none(columns: Any, valid: Any, i: int) -> Any:
    """Return the same, with None where there is no value."""
    raise NotImplementedError


def _value_or_none(values: Any, valid: Any, i: int) -> Any:
    raise NotImplementedError


def _put(out: Any, present: Any, i: int, value: Any) -> int:
    """Store a result; return 1 if it is None, else 0."""
    raise NotImplementedError


@overload(_row)
def _compile_row(columns, i):
    if len(columns) == 0:
        return lambda columns, i: ()
    if len(columns) == 1:  # numba does not add an empty tuple
        return lambda columns, i: (columns[0][i],)
    return lambda columns, i: (columns[0][i],) + _row(columns[1:], i)  # noqa: RUF005 - numba joins tuples by +


@overload(_row_or_none)
def _compile_row_or_none(columns, valid, i):
    if len(columns) == 0:
        return lambda columns, valid, i: ()
    if len(columns) == 1:
        return lambda columns, valid, i: (_value_or_none(columns[0], valid[0], i),)

    def row_or_none(columns, valid, i):
        first = (_value_or_none(columns[0], valid[0], i),)
        return first + _row_or_none(columns[1:], valid[1:], i)

    return row_or_none


@overload(_value_or_none)
def _compile_value_or_none(values, valid, i):
    def value_or_none(values, valid, i):
        if valid.size and not valid[i]:
            return None
        return values[i]

    return value_or_none


@overload(_put)
def _compile_put(out, present, i, value):
    def put(out, present, i, value):
        out[i] = value
        return 0

    def put_or_null(out, present, i, value):
        if value is None:
            present[i] = False
            return 1
        out[i] = value
        return 0

    return put_or_null if isinstance(value, types.Optional) else put


# -- compiling


@typeof_impl.register(PythonFunction)
def _type_of(value: PythonFunction, context: Any) -> Any:
    """Return numba's type of a jit function that another one calls, or that calls itself."""
    return types.Dispatcher(_dispatcher(value)) if value.kind == JIT else None


def _dispatcher(function: PythonFunction) -> Any:
    """Return the function's dispatcher in the compilation under way.

    Its name carries a digest, so that functions of one name are told apart where their code is linked.
    """
    found = _dispatchers.get(function)
    if found is None:
        own = _renamed(function, digest(function)[:16])
        found = _dispatchers[function] = nb.njit(nogil=True, boundscheck=True)(own)
    return found


def _renamed(function: PythonFunction, key: str) -> FunctionType:
    call = function.call
    if not isinstance(call, FunctionType):
        raise function.error("numba compiles functions that are written in Python", hint=_PLAIN_HINT)
    own = FunctionType(call.__code__, call.__globals__, call.__name__, call.__defaults__, call.__closure__)
    own.__qualname__ = f"{call.__qualname__}_{key}"
    own.__module__ = __name__  # a pipeline file is no module; numba then links no call of itself, and files no code
    return own


def _code(function: PythonFunction, use: str, signature: tuple[Any, ...], make: Callable[[str], Any]) -> Any:
    """Return machine code as a callable: as compiled before, from disk, or of the dispatcher that `make` gives."""
    with _LOCK:
        key = digest(function, use, str(signature), _SOURCE)
        result = _compiled.get(key) if key else None
        if result is None:
            file = CodeFile(function.call, key)
            result = file.load()
            if result is not None:
                COUNTS.loaded += 1
            else:
                result = _compile(function, key, signature, make)
                COUNTS.compiled += 1
                COUNTS.saved += file.save(result)
            if key:
                _compiled[key] = result
        return result.entry_point


def _compile(function: PythonFunction, key: str, signature: tuple[Any, ...], make: Callable[[str], Any]) -> Any:
    _dispatchers.clear()
    try:
        dispatcher = make(key)
        return linking.compiled(dispatcher, signature, _dispatchers.values())
    except PlanError:
        raise
    except Exception as error:  # numba's own, and what its passes let through
        raise _not_compiled(function, error) from None
    finally:
        _dispatchers.clear()


def _infer(function: PythonFunction, arguments: tuple[Any, ...]) -> Any:
    """Return numba's type of the result, without literal types."""
    dispatcher = _dispatcher(function)
    return types.unliteral(types.Dispatcher(dispatcher).get_call_type(dispatcher.typingctx, arguments, {}).return_type)


def _scalar(function: PythonFunction, dtype: DataType, what: str) -> Any:
    found = NUMPY_TYPES.get(dtype.name)
    if found is None:
        raise function.error(f"a compiled function {what} {dtype}", detail="numbers, bools and times", hint=_TEXT_HINT)
    return types.boolean if found is np.bool_ else getattr(types, dtype.name, types.int64)


def _array(item: Any) -> Any:
    return types.Array(item, 1, "C")


def _bare(found: Any) -> Any:
    return types.unliteral(found.type) if isinstance(found, types.Optional) else found


def _misfit(function: PythonFunction, found: Any, wanted: DataType) -> PlanError:
    if isinstance(found, types.NoneType):
        return function.error(f"{function.name}() returns nothing, not {wanted}", hint="return a value")
    bare, hint = _bare(found), f"change the annotation of the result, or return {_cast(wanted)}"
    if not isinstance(bare, types.Number | types.Boolean):
        hint = _TEXT_HINT
    return function.error(f"{function.name}() gives {bare} where it is declared to give {wanted}", hint=hint)


def _cast(wanted: DataType) -> str:
    return {"bool": "bool(...)", "float64": "float(...)"}.get(
        wanted.name, f"np.{wanted.name}(...)" if wanted.is_numeric else "np.int64(...)"
    )


def _check_arrays(function: PythonFunction, found: Any, wanted: list[DataType]) -> None:
    arrays: list[Any] = list(found.types) if isinstance(found, types.BaseTuple) else [found]
    shown = ", ".join(str(dtype) for dtype in wanted)
    if not all(isinstance(a, types.Array) and a.ndim == 1 for a in arrays):
        raise function.error(
            f"{function.name}() gives {found}, not arrays",
            hint="return a tuple of one-dimensional numpy arrays, one for each column of the schema",
        )
    if len(arrays) != len(wanted):
        raise function.error(
            f"{function.name}() gives {len(arrays)} arrays where the schema has {len(wanted)} columns",
            detail=f"the schema: {shown}",
        )
    for array, dtype in zip(arrays, wanted):
        if not machine_fits(array.dtype, dtype.name):
            raise function.error(
                f"{function.name}() gives an array of {array.dtype} where the schema has {dtype}",
                detail=f"the schema: {shown}",
                hint=f"change the schema, or return array.astype(np.{np.dtype(NUMPY_TYPES[dtype.name])})",
            )


def _not_compiled(function: PythonFunction, error: Exception) -> PlanError:
    """Return an error with the lines of numba's message that say what and where."""
    lines = [line.strip() for line in _ANSI.sub("", str(error)).splitlines()]
    lines = [line for line in lines if line]
    told = [line for line in lines if not line.startswith(("Failed in", "During:", "There are", "- Of which"))]
    told = told[: 2 if len(told) > 1 and told[1].startswith(">>>") else 1]
    place = re.search(r"^File \"(.+)\", line (\d+):", "\n".join(lines), re.MULTILINE)
    if place is not None:
        told.append(f"{Path(place[1]).name}:{place[2]}")
    plain = re.search(r"Untyped global name '(\w+)':.*'function'", told[0]) if told else None
    hint = f"decorate {plain[1]} with @cd.jit too; {_PLAIN_HINT}" if plain else _PLAIN_HINT
    if "re-entrant" in str(error):  # numba knows a function that is being compiled by its bare name alone
        hint = f"call functions of other modules by name (from module import function); {_PLAIN_HINT}"
    return function.error(f"numba cannot compile {function.name}()", detail="\n  ".join(told), hint=hint)


# -- what a row raised


def _explain(function: PythonFunction, args: Sequence[Column], rows: Ints) -> list[Failed]:
    found = [arg.take(rows if len(arg) > 1 else rows * 0).to_list() for arg in args]
    return [_again(function, int(row), [values[i] for values in found]) for i, row in enumerate(rows)]


def _again(function: PythonFunction, row: int, args: Sequence[Any]) -> Failed:
    """Return what the function raises as plain Python: machine code has no message and no traceback."""
    try:
        value = function.call(*args)
    except BaseException as error:  # also SystemExit: it is this row that fails, not the job
        return raised(row, error)
    return Failed(row, EXCEPTION, f"raised in compiled code; as plain Python it gives {value!r:.200}")
