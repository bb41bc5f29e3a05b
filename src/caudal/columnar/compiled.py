"""Kernels: functions that numba compiles, once on a machine, and how their code is kept on disk.

Code from the disk is of the same sources (of all that it was made of), numba and processor, and undamaged; else it is
compiled anew. A directory that cannot be written costs the time to compile, and is told once.

A kernel that takes seconds to compile says by `ready` whether it is worth calling yet: until then its caller does the
same in Python, and another process compiles it (`elsewhere`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any, Protocol, cast

import numpy as np
from numba.core import types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import CPUDispatcher

from caudal.core.code import names_of

_log = logging.getLogger("caudal")
_told: list[str] = []


_PATIENCE = 0.2
"""Seconds between two looks at the disk."""


class Elsewhere(Protocol):
    """Compiles kernels onto the disk, outside of this process."""

    def compile(self, kernel: Kernel) -> bool:
        """Take a kernel if it has not been taken yet; return whether it is still to be expected. Never blocks."""
        ...


elsewhere: Elsewhere | None = None
"""Where kernels are compiled that `ready` is asked for; None: here, at their first call."""


class Kernel(CPUDispatcher):
    """A kernel as numba compiles it; its code is kept on disk."""

    arguments: str = ""

    def enable_caching(self) -> None:
        """Keep the code on disk."""
        self._cache: Any = _KernelCache(self.py_func)
        self._lock = threading.Lock()
        self._look = 0.0
        self._is_ready = False

    @property
    def signature(self) -> tuple[Any, ...]:
        """The types of `arguments`."""
        return tuple(_TYPES[code] for code in self.arguments.split())

    def ready(self) -> bool:
        """Return whether a call with `arguments` runs machine code at once.

        Where nothing compiles elsewhere, or it cannot hand over what it made, a call is to compile: then it is true too.
        """
        if self._is_ready:
            return True
        with self._lock:
            if not self._is_ready and time.monotonic() >= self._look:
                self._is_ready = self._arrived()
                self._look = time.monotonic() + _PATIENCE
            return self._is_ready

    def _arrived(self) -> bool:
        where = elsewhere
        if where is None or not self._cache.usable or self.signature in self.overloads:
            return True
        if self._cache.has(self.signature, self.targetctx):
            self.compile(self.signature)  # that is to load it
            return True
        return not where.compile(self)


_TYPES: dict[str, Any] = {
    "l": types.int64,
    "B": types.Array(types.uint8, 1, "C"),
    "b": types.Array(types.int8, 1, "C"),
    "I": types.Array(types.int32, 1, "C"),
    "L": types.Array(types.int64, 1, "C"),
    "?": types.Array(types.boolean, 1, "C"),
    "F": types.Array(types.float64, 1, "C"),
    "II": types.Array(types.int32, 2, "C"),
    "LL": types.Array(types.int64, 2, "C"),
    "??": types.Array(types.boolean, 2, "C"),
}


def kernel(*, arguments: str = "", **options: Any) -> Callable[[Any], Any]:
    """Return a decorator for kernels, with numba's options; they release the GIL and are kept on disk.

    `arguments`: types of what `Kernel.ready` is asked for and what is compiled ahead: l is int64; B, b, I, L, F and ? are
    arrays of uint8, int8, int32, int64, float64 and bool; doubled, they have two dimensions.
    """

    def made(function: Any) -> Any:
        # nothing but Python calls a kernel by its address
        bare = {"nopython": True, "nogil": True, "boundscheck": None, "no_cfunc_wrapper": True}
        dispatcher = Kernel(function, targetoptions={**bare, **options})
        dispatcher.enable_caching()
        dispatcher.arguments = arguments
        return dispatcher

    return made


class Part(CPUDispatcher):
    """What only kernels call. A literal among the arguments does not make it a function of its own, as numba would."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return how it is called with arguments of these types."""
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(types.unliteral(kind) for kind in args), plain)


def part(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator for what only kernels call: neither wrapped for Python nor kept, which halves the time to compile."""
    bare = {"nopython": True, "nogil": True, "boundscheck": None, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return lambda function: Part(function, targetoptions={**bare, **options})


class SealedFile(IndexDataCacheFile):
    """numba's two files, index and data, each with a digest behind: machine code that was damaged is never loaded."""

    def _dump(self, obj: Any) -> bytes:
        block = super()._dump(obj)
        return block + hashlib.sha256(block).digest()  # what reads a pickle stops at its end

    def has(self, key: Any) -> bool:
        """Return whether there is code, undamaged or not."""
        name = self._load_index().get(key)
        return name is not None and os.path.exists(self._data_path(name))  # numba writes the index first

    def _load_index(self) -> dict[Any, str]:
        try:
            return super()._load_index()
        except Exception:  # cut off, or not ours: it is written anew
            return {}

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            block = file.read()
        return super()._load_data(name) if hashlib.sha256(block[:-32]).digest() == block[-32:] else None


class _KernelCache(FunctionCache):
    """numba's cache of one function: it never fails, and knows the sources of all that the function calls."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self.usable = True
        """Whether there is a directory for it, as far as is known."""
        try:
            super().__init__(function)
        except (RuntimeError, OSError):  # no directory can be written
            self.usable = False

    @cached_property
    def _file(self) -> SealedFile:
        stamp = (self._impl.locator.get_source_stamp(), sorted(_sources(self._function)))
        return SealedFile(self._cache_path, self._impl.filename_base, stamp)

    def has(self, signature: Any, target_context: Any) -> bool:
        """Return whether there is code for these argument types on the disk, undamaged or not."""
        target_context.refresh()
        return self._file.has(self._index_key(signature, target_context.codegen()))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for these argument types, or None."""
        target_context.refresh()
        if not self.usable:
            return None
        key = self._index_key(sig, target_context.codegen())
        try:
            found = self._file.load(key)
            # two processes may have numbered their files alike
            return self._impl.rebuild(target_context, found[1]) if found is not None and found[0] == key else None
        except Exception:  # of another version, not ours: compile anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code; where that cannot be, say so once."""
        if not self.usable:
            _tell("no directory for them can be written")
            return
        try:
            if not self._impl.check_cachable(data):
                return
            self._impl.locator.ensure_cache_path()
            key = self._index_key(sig, data.codegen)
            self._file.save(key, (key, self._impl.reduce(data)))
        except Exception as error:  # no space, no right to write
            self.usable = False
            _tell(f"{self._cache_path} cannot be written ({error})")


def _tell(why: str) -> None:
    if not _told:
        _told.append(why)
        _log.warning(
            "compiled kernels are not kept: %s; each process compiles them anew, "
            "unless NUMBA_CACHE_DIR names a directory that can be written",
            why,
        )


def _sources(function: FunctionType) -> set[str]:
    """Return what the code of a function is made of besides its own file: constants, and the files of what it calls."""
    found = set[str]()
    for call in reached(function):
        for name, value in _globals(call):
            if isinstance(value, bool | int | float | str | tuple):
                found.add(f"{call.__module__}.{name}={value!r}")
            if isinstance(value, np.ndarray):
                found.add(f"{call.__module__}.{name}={hashlib.sha256(value.tobytes()).hexdigest()}")
            module = sys.modules.get(getattr(value, "__module__", None) or "")
            if module is not None and module.__name__.startswith("caudal."):
                found.add(_stamp(module.__file__ or ""))
    return found


def reached(function: FunctionType) -> Iterator[FunctionType]:
    """Yield a function and all that it calls and that is to be compiled with it, each once."""
    waiting, met = [function], {function}
    while waiting:
        call = waiting.pop()
        yield call
        for _, value in _globals(call):
            inner = cast(Any, value).py_func if isinstance(value, CPUDispatcher) else None
            if inner is not None and inner not in met:
                met.add(inner)
                waiting.append(inner)


def _globals(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function names: its globals, and what it may name of those that are modules of caudal's."""
    names = names_of(function.__code__)
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and value.__name__.startswith("caudal."):
            for inner in names & vars(value).keys():
                yield f"{name}.{inner}", vars(value)[inner]
        else:
            yield name, value


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return path
    return f"{os.path.basename(path)} {status.st_mtime_ns} {status.st_size}"
