"""Row functions as bytes for the worker processes.

A function goes by name where a fresh interpreter could import it, else by value, with the globals and the closure
that it uses: the pipeline file, a notebook and a script are no modules that another process could import.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, cast

import cloudpickle

from caudal.core.code import names_of
from caudal.plan.python import PythonFunction

_SHARED = threading.Lock()
"""Held while modules are registered: cloudpickle's register is one for the process."""

_PLAIN_STREAMS = (io.BytesIO, io.StringIO)
_HINT = "create it inside the function, or at its first use there"
_DEPTH = 8


def ship(function: PythonFunction) -> bytes:
    """Return the function for `worker`: the module search path as a line of JSON, then the function pickled.

    The path is this process's, behind the folder of the function's file where that is no importable module, so that
    helper modules beside a pipeline file are found. Raises `PlanError`, located at the function, that names what
    cannot be sent: a lock, an open file, a socket, a generator ... in its closure or in a global that it uses.
    """
    path = _path(function)
    try:
        pickled = _dump(function.call, path)
    except Exception as error:
        name, value = _culprit(function.call, path) or ("", None)
        shown = f"{name} is {_kind(value)}" if name else str(error)
        raise function.error(
            f"{function.name}() cannot be sent to a worker process: {shown}",
            detail=f"{type(error).__name__}: {error}",
            hint=_HINT if name else "a row function runs in another process: all that it uses must be picklable",
        ) from error
    return json.dumps(path).encode() + b"\n" + pickled


def _path(function: PythonFunction) -> list[str]:
    path = list(sys.path)
    call = function.call
    code = getattr(call, "__code__", None) or getattr(type(call).__call__, "__code__", None)
    if code is None or not os.path.isfile(code.co_filename):
        return path
    module = sys.modules.get(function.module)
    if module is not None and _importable(module, path):
        return path
    folder = os.path.dirname(os.path.abspath(code.co_filename))
    return path if folder in path else [folder, *path]


def _dump(value: Any, path: list[str]) -> bytes:
    with _SHARED:
        stream = io.BytesIO()
        pickler = _Pickler(stream, path)
        try:
            pickler.dump(value)
        finally:
            for module in pickler.registered:
                cloudpickle.unregister_pickle_by_value(module)
        return stream.getvalue()


class _Pickler(cloudpickle.Pickler):
    """Pickles by value what a fresh interpreter with this path could not import."""

    def __init__(self, stream: io.BytesIO, path: list[str]) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self._path = path
        self._known: set[str] = set()
        self.registered: list[ModuleType] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, PythonFunction):
            # in a worker a declared function is the plain function: cast() is an importable way to say "this"
            return cast, (None, obj.call)
        if isinstance(obj, io.IOBase) and not isinstance(obj, _PLAIN_STREAMS) and not _standard(obj):
            raise pickle.PicklingError("an open file cannot be sent")  # cloudpickle would send the text in it
        if isinstance(obj, FunctionType | type | ModuleType):
            self._consider(obj.__name__ if isinstance(obj, ModuleType) else obj.__module__)
        return super().reducer_override(obj)

    def _consider(self, name: str | None) -> None:
        if not name or name in self._known:
            return
        self._known.add(name)
        module = sys.modules.get(name)
        if module is None or name == "__main__" or name in cloudpickle.list_registry_pickle_by_value():
            return
        if not _importable(module, self._path):
            cloudpickle.register_pickle_by_value(module)
            self.registered.append(module)


def _importable(module: ModuleType, path: list[str]) -> bool:
    """Whether a fresh interpreter with this path would import this module from the same file."""
    name, file = module.__name__, getattr(module, "__file__", None)
    top = name.partition(".")[0]
    if name == "__main__":
        return False
    if file is None or top in sys.stdlib_module_names:
        return True
    where: Any = path
    origin: str | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        full = ".".join(parts[:depth])
        spec = PathFinder.find_spec(full, where)
        if spec is None:
            return _by_other_finders(full, None if depth == 1 else where)
        where, origin = spec.submodule_search_locations or [], spec.origin
    return origin is not None and os.path.realpath(origin) == os.path.realpath(file)


def _by_other_finders(name: str, where: Any) -> bool:
    """Whether a finder of another kind knows the module: packages that are installed to be edited in place."""
    return any(f.find_spec(name, where) is not None for f in sys.meta_path if f is not PathFinder)


def _standard(stream: Any) -> bool:
    return any(stream is s for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__))


def _culprit(value: Any, path: list[str], depth: int = 0) -> tuple[str, Any] | None:
    """Return the innermost thing, with its name, that `value` uses and that cannot be pickled."""
    for name, part in _parts(value):
        try:
            _dump(part, path)
        except Exception:
            inner = _culprit(part, path, depth + 1) if depth < _DEPTH else None
            return inner or (name, part)
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, PythonFunction):
        yield from _parts(value.call)
    elif isinstance(value, MethodType):
        yield f"the object that {value.__name__} is bound to", value.__self__
        yield from _parts(value.__func__)
    elif isinstance(value, FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            try:
                yield f"'{name}' (of its closure)", cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        for name in sorted(names_of(value.__code__)):
            if name in value.__globals__ and value.__globals__[name] is not value:
                yield f"the global '{name}'", value.__globals__[name]
        for number, default in enumerate(value.__defaults__ or ()):
            yield f"the default value {number + 1} of {value.__name__}", default
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield f"the item {key!r}", part
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield "an item", part
    elif not isinstance(value, ModuleType | type):
        for name, part in getattr(value, "__dict__", {}).items():
            yield f"the attribute '{name}' of a {type(value).__name__}", part


def _kind(value: Any) -> str:
    kind = type(value)
    if isinstance(value, io.IOBase):
        return f"an open file ({getattr(value, 'name', kind.__name__)})"
    if isinstance(value, socket.socket):
        return "a socket"
    if isinstance(value, GeneratorType):
        return f"a generator ({value.__name__})"
    if kind.__name__ in ("lock", "RLock", "Condition", "Semaphore", "Event"):
        return f"a lock ({kind.__module__}.{kind.__qualname__})"
    return f"a {kind.__module__}.{kind.__qualname__}"
