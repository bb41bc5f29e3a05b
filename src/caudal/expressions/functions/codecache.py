"""Compiled code on disk: what it is filed under, where it stands, how it comes back.

numba's own cache files a function under its file and bytecode. A compiled loop of caudal's calls functions of the
user's, which call others and read module-level values, and numba bakes all of that into the machine code. So code is
filed here under a digest of everything that it depends on; where something cannot be digested nothing is filed. Never
is code loaded that another version of the function, a callee, a closure or a global gave.
"""

from __future__ import annotations

import contextlib
import dis
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl

from caudal.columnar.compiled import SealedFile
from caudal.expressions.functions import linking
from caudal.plan.python import JIT, PythonFunction

VERSIONS = 64
"""How many files of one function are kept: the oldest go first."""

_KNOWN_MODULES = ("math", "cmath", "numpy", "numba", "builtins")
_PLAIN_KINDS = "biufcMm"


@dataclass(slots=True)
class Counts:
    """What came of looking for compiled code in this process: loaded from disk, compiled, saved to disk."""

    loaded: int = 0
    compiled: int = 0
    saved: int = 0


class _Unknown(Exception):
    """A value whose content cannot be told."""


def digest(function: PythonFunction, *others: str) -> str:
    """Return a SHA-256 over all that the function's compiled code depends on, and `others`; "" where that is unknown.

    Its bytecode, constants and defaults; the values of the closure and the globals that it reads, if they are numbers,
    texts, tuples, plain numpy arrays or what math, numpy and numba define; jit functions that it calls, alike.
    """
    try:
        form = _Forms().function(function)
    except _Unknown:
        return ""
    versions = (sys.implementation.cache_tag, numba.__version__, np.__version__, _processor())
    return hashlib.sha256(repr((form, versions, others)).encode()).hexdigest()


def _processor() -> str:
    return repr(_target().codegen().magic_tuple())


def _target() -> Any:
    return linking.target.target_context


class _Forms:
    """Values as nested tuples of texts: equal only for values that compile to the same code."""

    def __init__(self) -> None:
        self._met: dict[PythonFunction, int] = {}

    def function(self, function: PythonFunction) -> Any:
        if function in self._met:
            return ("met", self._met[function])
        self._met[function] = len(self._met)
        call = function.call
        if function.kind != JIT or type(call) is not FunctionType:
            raise _Unknown
        code = call.__code__
        try:
            cells = tuple(self.value(cell.cell_contents) for cell in call.__closure__ or ())
        except ValueError as empty:
            raise _Unknown from empty
        names = tuple((name, self._global(call, name)) for name in sorted(_globals(code)))
        defaults = self.value(call.__defaults__ or ())
        return ("function", call.__module__, call.__qualname__, self.value(code), defaults, cells, names)

    def _global(self, call: FunctionType, name: str) -> Any:
        return self.value(call.__globals__[name]) if name in call.__globals__ else ("builtin",)

    def value(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, PythonFunction):
            return self.function(value)
        if kind in (bool, int, str, bytes, complex, type(None), type(...)):
            return (kind.__name__, repr(value))
        if kind is float:
            return ("float", value.hex())
        if kind is tuple:
            return ("tuple", *(self.value(v) for v in value))
        if kind is frozenset:
            return ("frozenset", *sorted((self.value(v) for v in value), key=repr))
        if kind is CodeType:
            return self._code(value)
        if kind is np.ndarray and value.dtype.kind in _PLAIN_KINDS:
            content = hashlib.sha256(value.tobytes()).hexdigest()
            return ("array", value.dtype.str, value.shape, value.strides, content)
        if isinstance(value, np.generic) and value.dtype.kind in _PLAIN_KINDS:
            return ("scalar", value.dtype.str, value.tobytes().hex())
        return _named(value)

    def _code(self, code: CodeType) -> Any:
        facts = (
            code.co_code,
            code.co_exceptiontable,
            code.co_flags,
            (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
            (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        )
        return ("code", repr(facts), *(self.value(constant) for constant in code.co_consts))


def _named(value: Any) -> Any:
    """Return the name of a module, type or function that Python, numpy or numba define."""
    if isinstance(value, ModuleType):
        module, name = value.__name__, ""
    elif isinstance(value, BuiltinFunctionType):
        owner = value.__self__
        module, name = (owner.__name__ if isinstance(owner, ModuleType) else ""), value.__name__
    elif isinstance(value, np.ufunc):
        module, name = "numpy", value.__name__
    elif isinstance(value, type | FunctionType) or type(value) is type(np.sum):
        module, name = value.__module__, value.__qualname__
    else:
        raise _Unknown
    if module.partition(".")[0] not in _KNOWN_MODULES:
        raise _Unknown
    return (type(value).__name__, module, name)


def _globals(code: CodeType) -> set[str]:
    """Return the global names that the code and the code inside it read."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _globals(constant)
    return names


class CodeFile:
    """Where the code of one function with this digest stands: in numba's directory for its source file.

    That is `__pycache__` beside it, else one of the user's, or what NUMBA_CACHE_DIR says. Where there is none (a
    function typed in, a directory that cannot be written) nothing is kept, and nothing fails.
    """

    def __init__(self, call: Callable[..., Any], key: str) -> None:
        self._implementation: Any = None
        if not key:
            return
        try:
            self._implementation = CompileResultCacheImpl(call)
        except (RuntimeError, OSError, TypeError):
            return
        self._directory = self._implementation.locator.get_cache_path()
        self._prefix = f"{self._implementation.filename_base.rpartition('-')[0]}.caudal-"
        self._file = SealedFile(self._directory, self._prefix + key[:32], key)

    def load(self) -> Any:
        """Return numba's compile result, or None; a file that cannot be read counts as none."""
        if self._implementation is None:
            return None
        target = _target()
        target.refresh()
        try:
            payload = self._file.load("code")
            return None if payload is None else self._implementation.rebuild(target, payload)
        except Exception:  # a file that is cut off, of another version, not ours: compile anew
            return None

    def save(self, result: Any) -> bool:
        """Keep the result for other processes; return whether that could be done."""
        if self._implementation is None or result.library.has_dynamic_globals or result.lifted:
            return False
        try:
            self._implementation.locator.ensure_cache_path()
            self._file.save("code", self._implementation.reduce(result))
        except Exception:  # no space, no right to write, a constant that cannot be pickled: it runs without
            return False
        with contextlib.suppress(OSError):  # another process may be at it too
            self._forget_old()
        return True

    def _forget_old(self) -> None:
        with os.scandir(self._directory) as entries:
            found = [(e.stat().st_mtime_ns, e.path) for e in entries if e.name.startswith(self._prefix)]
        indexes = sorted(path for path in found if path[1].endswith(".nbi"))
        for _, index in indexes[: max(len(indexes) - VERSIONS, 0)]:
            stem = index.removesuffix(".nbi")
            for _, path in found:
                if path.startswith(stem):
                    os.unlink(path)
