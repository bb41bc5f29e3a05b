"""Kernels: functions that numba compiles, once on a machine, and how their code is kept on disk.

Code from the disk is of the same sources (of all that it was made of), numba and processor, and undamaged; else it is
compiled anew. A directory that cannot be written costs the time to compile, and is told once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import sys
from collections.abc import Callable
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, cast

import numba as nb
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import CPUDispatcher

_log = logging.getLogger("caudal")
_told: list[str] = []


class Kernel(CPUDispatcher):
    """A kernel as numba compiles it; its code is kept on disk."""

    def enable_caching(self) -> None:
        """Keep the code on disk."""
        self._cache = _KernelCache(self.py_func)


def kernel(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator for kernels, with numba's options; they release the GIL and are kept on disk."""

    def made(function: Any) -> Any:
        dispatcher = Kernel(function, targetoptions={"nopython": True, "nogil": True, "boundscheck": None, **options})
        dispatcher.enable_caching()
        return dispatcher

    return made


def part(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator for what only kernels call: neither wrapped for Python nor kept, which halves the time to compile."""
    bare: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return lambda function: nb.njit(nogil=True, **bare, **options)(function)


class SealedFile(IndexDataCacheFile):
    """numba's two files, index and data, each with a digest behind: machine code that was damaged is never loaded."""

    def _dump(self, obj: Any) -> bytes:
        block = super()._dump(obj)
        return block + hashlib.sha256(block).digest()  # what reads a pickle stops at its end

    def _load_index(self) -> dict[Any, str]:
        try:
            return super()._load_index()
        except Exception:  # cut off, or not ours: it is written anew
            return {}

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            block = file.read()
        return pickle.loads(block) if hashlib.sha256(block[:-32]).digest() == block[-32:] else None


class _KernelCache(FunctionCache):
    """numba's cache of one function: it never fails, and knows the sources of all that the function calls."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._usable = True
        try:
            super().__init__(function)
        except (RuntimeError, OSError):  # no directory can be written
            self._usable = False

    @cached_property
    def _file(self) -> SealedFile:
        stamp = (self._impl.locator.get_source_stamp(), sorted(_sources(self._function)))
        return SealedFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for these argument types, or None."""
        target_context.refresh()
        if not self._usable:
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
        if not self._usable:
            _tell("no directory for them can be written")
            return
        try:
            if not self._impl.check_cachable(data):
                return
            self._impl.locator.ensure_cache_path()
            key = self._index_key(sig, data.codegen)
            self._file.save(key, (key, self._impl.reduce(data)))
        except Exception as error:  # no space, no right to write
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
    found, waiting, met = set[str](), [function], {function}
    while waiting:
        call = waiting.pop()
        for name in _names(call.__code__):
            value = cast(Any, call.__globals__.get(name))
            if isinstance(value, CPUDispatcher):
                inner = cast(Any, value).py_func
                if inner not in met:
                    met.add(inner)
                    waiting.append(inner)
            if isinstance(value, bool | int | float | str | tuple):
                found.add(f"{call.__module__}.{name}={value!r}")
            module = sys.modules.get(getattr(value, "__module__", None) or "")
            if module is not None and module.__name__.startswith("caudal."):
                found.add(_stamp(module.__file__ or ""))
    return found


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return path
    return f"{os.path.basename(path)} {status.st_mtime_ns} {status.st_size}"
