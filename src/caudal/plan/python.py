"""Python functions as parts of a plan: how they are declared, never how they run.

A `PythonFunction` is made by the decorators `cd.jit`, `cd.batch` and `cd.row`. Called with an expression it gives an
expression (`PythonCall`); called with plain values it is the function itself, so that it can be tested as any other.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_type_hints

from caudal.core.errors import PlanError
from caudal.core.types import (
    BINARY,
    BOOL,
    DURATION,
    FLOAT64,
    INT64,
    STRING,
    TIMESTAMP,
    DataType,
    Schema,
    list_of,
    parse_type,
)
from caudal.plan.expr import Expr, lit
from caudal.plan.signature import NULL

JIT, BATCH, ROW = "jit", "batch", "row"
"""Compiled and called with scalars; called with columns; called with plain values in a worker process."""

TIMEOUT = 60_000
"""Milliseconds that one call of a row function may take where its decorator does not say."""

_TYPES: dict[Any, DataType] = {
    bool: BOOL,
    int: INT64,
    float: FLOAT64,
    str: STRING,
    bytes: BINARY,
    datetime: TIMESTAMP,
    timedelta: DURATION,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A positional parameter: its name, and its type where it has an annotation (None: any)."""

    name: str
    dtype: DataType | None = None


@dataclass(frozen=True, eq=False)
class PythonFunction:
    """A function of the user's, with what its declaration says. Compared by identity.

    `call`: the function as written. `kind`: JIT, BATCH or ROW. `parameters`: those that are positional; `variadic`:
    whether it takes any number behind them. `returns`: the type of its result, None where nothing says (maps, windows
    and reductions give a schema). `pass_nulls`: it is called with nulls too; else a null argument gives null.
    `timeout`: milliseconds that one call of a row function may take; `memory`: bytes that its process may hold, 0 for
    the engine's choice.
    """

    call: Callable[..., Any]
    kind: str
    parameters: tuple[Parameter, ...]
    returns: DataType | None
    variadic: bool = False
    pass_nulls: bool = False
    timeout: int = TIMEOUT
    memory: int = 0
    required: int = 0
    name: str = field(init=False)
    where: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", getattr(self.call, "__name__", type(self.call).__name__))
        object.__setattr__(self, "where", location(self.call))

    def __call__(self, *args: Any) -> Any:
        """Return an expression if any argument is one, else what the function gives for these values."""
        if any(isinstance(a, Expr) or hasattr(type(a), "as_expression") for a in args):
            return PythonCall(self, tuple(lit(a) for a in args))
        return self.call(*args)

    @property
    def module(self) -> str:
        """The module that it was defined in."""
        return getattr(self.call, "__module__", "") or ""

    @property
    def qualified_name(self) -> str:
        """Its name inside the module."""
        return getattr(self.call, "__qualname__", self.name)

    def source_hash(self) -> str:
        """Return 16 hexadecimal digits over its source text, or over its code where there is no text."""
        try:
            text = inspect.getsource(self.call).encode()
        except (OSError, TypeError):
            code = getattr(self.call, "__code__", None)
            text = code.co_code if code is not None else self.qualified_name.encode()
        return hashlib.sha256(text).hexdigest()[:16]

    def check_takes(self, *given: str) -> None:
        """Raise `PlanError` where the function cannot be called with these, each by place: "state", "row" ..."""
        count, most = len(given), len(self.parameters)
        if self.required <= count and (count <= most or self.variadic):
            return
        wanted = f"{self.required}" if self.required == most else f"{self.required} to {most}"
        if self.variadic:
            wanted = f"at least {self.required}"
        parameters = "parameter" if wanted.endswith("1") else "parameters"
        listed = ", ".join(given)
        raise self.error(
            f"{self.name} takes {wanted} {parameters}, and is called with {count}: {listed}",
            hint=f"write def {'score' if self.name == '<lambda>' else self.name}({listed})",
        )

    def error(self, message: str, *, detail: str = "", hint: str = "") -> PlanError:
        """Return an error located at the function."""
        return PlanError(message, location=f"{self.where}: {self.name}", detail=detail, hint=hint)


def declare(
    call: Callable[..., Any],
    kind: str,
    *,
    returns: Any = None,
    nulls: str = "null",
    timeout: int = TIMEOUT,
    memory: int = 0,
) -> PythonFunction:
    """Return a function with the types of its annotations; `returns` (a type or its name) takes their place.

    Raises `PlanError` for an annotation that is no type of caudal's, for parameters by keyword only, and for an
    unknown rule of nulls.
    """
    if isinstance(call, PythonFunction):
        raise call.error(f"the function is declared twice: {call.kind} and {kind}", hint="keep one of the decorators")
    if not callable(call):
        raise PlanError(f"{call!r} is not a function", hint="decorate a function: @cd.jit")
    where = f"{location(call)}: {getattr(call, '__name__', '?')}"
    if nulls not in ("null", "pass"):
        raise PlanError(f"nulls cannot be {nulls!r}", location=where, hint='nulls="null" or nulls="pass"')
    if timeout <= 0:
        raise PlanError("a time-out must be greater than zero", location=where, hint='for example timeout="2s"')
    if inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call):
        raise PlanError("an async function cannot be called for a row", location=where, hint="write def")
    hints = _hints(call, where)
    parameters: list[Parameter] = []
    variadic, required = False, 0
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        variadic = True
    else:
        for p in signature.parameters.values():
            if p.kind == p.VAR_POSITIONAL:
                variadic = True
            elif p.kind == p.KEYWORD_ONLY and p.default is p.empty:
                raise PlanError(
                    f"the parameter '{p.name}' can be given by keyword only", location=where, hint="leave out the *"
                )
            elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                parameters.append(Parameter(p.name, _type(hints.get(p.name), f"the parameter '{p.name}'", where)))
                required += p.default is p.empty
    given = hints.get("return") if returns is None else returns
    return PythonFunction(
        call,
        kind,
        tuple(parameters),
        _type(given, "the result", where),
        variadic,
        nulls == "pass",
        timeout,
        memory,
        required,
    )


def _hints(call: Callable[..., Any], where: str) -> dict[str, Any]:
    target = call if inspect.isroutine(call) else type(call).__call__
    try:
        return get_type_hints(target)
    except NameError as error:
        raise PlanError("an annotation names something that is not there", location=where, detail=str(error)) from error
    except TypeError:
        return {}


def _type(annotation: Any, what: str, where: str) -> DataType | None:
    if annotation is None or annotation is inspect.Parameter.empty or annotation is Any:
        return None
    found = _known(annotation)
    if found is None:
        shown = getattr(annotation, "__name__", str(annotation))
        raise PlanError(
            f"{what} has the type {shown}, which no column has",
            location=where,
            hint="bool, int, float, str, bytes, datetime, timedelta, list[...] of these, or a name such as 'int32'",
        )
    return found if found != NULL else None


def _known(annotation: Any) -> DataType | None:
    if isinstance(annotation, DataType):
        return annotation
    if isinstance(annotation, str | dict | list):  # "int32", {"x": "int64"}, ["string"]
        return parse_type(annotation)
    if annotation in _TYPES:
        return _TYPES[annotation]
    args = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) is list and len(args) == 1:
        item = _known(args[0])
        return None if item is None else list_of(item)
    plain = [a for a in args if a is not type(None)]
    if len(plain) == 1 and len(args) == 2:  # int | None
        return _known(plain[0])
    if plain and len(plain) < len(args):  # dict | list | None
        return NULL if all(_known(a) is not None for a in plain) else None
    origin = getattr(annotation, "__origin__", annotation)
    if isinstance(origin, type) and (
        issubclass(origin, dict | list | type(None)) or origin.__module__ == "collections.abc"
    ):
        return NULL  # any: a struct or a list as the column has it; what a map or a fold takes and gives
    # frames, series and arrays of functions that take whole columns
    if getattr(annotation, "__module__", "").partition(".")[0] in ("polars", "numpy", "pandas", "pyarrow"):
        return NULL
    return None


def location(call: Callable[..., Any]) -> str:
    """Return "file:line" of a function, relative to the working directory where it lies in it; "" where unknown."""
    code = getattr(inspect.unwrap(call) if inspect.isroutine(call) else call, "__code__", None)
    if code is None:
        return getattr(call, "__module__", "") or ""
    path = code.co_filename
    if os.path.isabs(path):
        near = os.path.relpath(path)
        path = path if near.startswith("..") else near
    return f"{path}:{code.co_firstlineno}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PythonCall(Expr):
    """A call of a Python function with expressions. Unlike other expressions it can fail, for single rows."""

    function: PythonFunction
    args: tuple[Expr, ...]

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Raise `PlanError`: it has none."""
        raise PlanError(f"the expression {self} has no name", hint="give it one with .alias('...')")

    def infer(self, schema: Schema) -> DataType:
        """Return the declared type; raises `PlanError` for a wrong number or type of arguments, or no type at all."""
        function = self.function
        count, most = len(self.args), len(function.parameters)
        if count < function.required or (count > most and not function.variadic):
            few = function.required
            wanted = f"{few}" if few == most else f"{few} to {most}"
            arguments = "argument" if wanted == "1" else "arguments"
            raise function.error(f"{function.name}() takes {wanted} {arguments}, not {count}", detail=f"in {self}")
        for parameter, arg in zip(function.parameters, self.args):
            got = arg.infer(schema)
            if parameter.dtype is not None and not accepts(parameter.dtype, got):
                raise function.error(
                    f"the parameter '{parameter.name}' of {function.name}() takes {parameter.dtype}, not {got}",
                    detail=f"in {self}",
                    hint="cast the argument, or change the annotation",
                )
        if function.returns is None:
            raise function.error(
                f"the type of {function.name}()'s result is not known",
                hint=f'annotate it (def {function.name}(...) -> float) or write @cd.{function.kind}(returns="float64")',
            )
        return function.returns

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        return ("python", id(self.function), *(arg.key() for arg in self.args))

    def walk(self) -> Any:
        """Yield this node and all below it, parents first."""
        yield self
        for arg in self.args:
            yield from arg.walk()


def accepts(wanted: DataType, got: DataType) -> bool:
    """Whether an argument of type `got` fits a parameter: the same, or widened without loss (int to float as in Python)."""
    if wanted == got or got == NULL:
        return True
    if wanted.name == "float64":
        return got.is_numeric
    if wanted.name == "float32":
        return got.name == "int32"
    return wanted.name == "int64" and got.name == "int32"


def calls(expr: Expr) -> list[PythonCall]:
    """Return the calls of Python functions in an expression, parents first."""
    return [node for node in expr.walk() if isinstance(node, PythonCall)]
