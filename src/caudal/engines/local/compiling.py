"""Kernels that numba compiles while a job runs: said when it begins, shown as it goes on, kept out of the figures.

A kernel is compiled at its first call and then kept on disk, once on a machine; those that take seconds are compiled by
another process (`warming`), and jobs do without them meanwhile. Where this process compiles nothing flows, and that
says nothing of how fast the job is.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from types import FunctionType
from typing import Any

from numba.core import event

from caudal.columnar import compiled
from caudal.engines.local.warming import Warming

FIRST = os.environ.get("CAUDAL_KERNELS", "") == "first"
"""Whether this process compiles each kernel where it is first called, with no other process and no detour."""

_log = logging.getLogger("caudal")
_FUNCTIONS = "caudal.engines.local.functions"


class _Compiling(event.Listener):
    """Counts the kernels of caudal that are compiled, and the seconds in which this process compiles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0  # a kernel compiles those that it calls
        self._since = 0.0
        self._seconds = 0.0
        self._told = False
        self._known = set[FunctionType]()
        self.warming = Warming()
        self.kernels = 0
        """How many this process has compiled."""
        event.register("numba:compile", self)

    def on_start(self, event: Any) -> None:
        """Take note that a compilation begins."""
        function = event.data["dispatcher"].py_func
        kernel = function.__module__.startswith("caudal.") and not function.__module__.startswith(_FUNCTIONS)
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._since = time.perf_counter()
                if kernel:
                    self._known.update(compiled.reached(function))
            self.kernels += kernel
        if kernel:
            self.tell()
            if not FIRST:
                self.warming.start()

    def on_end(self, event: Any) -> None:
        """Take note that it has ended."""
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._seconds += time.perf_counter() - self._since

    def tell(self) -> None:
        """Say once that kernels are compiled."""
        with self._lock:
            told, self._told = self._told, True
        if not told:
            _log.info("compiling kernels, once on this machine")

    def compile(self, kernel: compiled.Kernel) -> bool:
        """Let another process compile a kernel; see `columnar.compiled.Elsewhere`."""
        self.tell()
        return self.warming.compile(kernel)

    @property
    def seconds(self) -> float:
        """For how long this process has compiled."""
        with self._lock:
            return self._seconds + (time.perf_counter() - self._since if self._depth else 0.0)

    @property
    def beside(self) -> int:
        """How many kernels the other process has compiled."""
        self.warming.busy()
        return self.warming.kernels

    def shown(self) -> str:
        """Return what to say of it now: "" where nothing is compiled."""
        if not (self.warming.busy() or self._depth) or not self._told:
            return ""
        total = len(self._known | self.warming.known)
        done = min(self.kernels + self.warming.kernels, total)
        return f"compiling kernels, once on this machine ({done} of {total})"


compiling = _Compiling()
if not FIRST:
    compiled.elsewhere = compiling


def clock() -> float:
    """Return seconds of a monotonic clock that stands still while this process compiles."""
    return time.perf_counter() - compiling.seconds
