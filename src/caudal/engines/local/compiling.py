"""Kernels that numba compiles while a job runs: said when it begins, shown as it goes on, kept out of the figures.

A kernel is compiled at its first call and then kept on disk, once on a machine. That takes seconds in which nothing
flows, and which say nothing of how fast the job is.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from numba.core import event

from caudal.engines.local.warming import Warming

_log = logging.getLogger("caudal")
_FUNCTIONS = "caudal.engines.local.functions"


class _Compiling(event.Listener):
    """Counts the kernels of caudal that are compiled in this process, and the seconds in which one is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0  # a kernel compiles those that it calls
        self._since = 0.0
        self._seconds = 0.0
        self._told = False
        self._warming = Warming()
        self.kernels = 0
        event.register("numba:compile", self)

    def on_start(self, event: Any) -> None:
        """Take note that a compilation begins."""
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._since = time.perf_counter()
            module = event.data["dispatcher"].py_func.__module__
            kernel = module.startswith("caudal.") and not module.startswith(_FUNCTIONS)
            self.kernels += kernel
            tell, self._told = kernel and not self._told, self._told or kernel
        if tell:
            _log.info("compiling kernels, once on this machine")
            self._warming.start()

    def on_end(self, event: Any) -> None:
        """Take note that it has ended."""
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._seconds += time.perf_counter() - self._since

    def stop(self) -> None:
        """End what compiles ahead: the job is over."""
        self._warming.stop()

    @property
    def seconds(self) -> float:
        """For how long this process has compiled."""
        with self._lock:
            return self._seconds + (time.perf_counter() - self._since if self._depth else 0.0)

    def shown(self) -> str:
        """Return what to say of it now: "" where nothing is compiled."""
        return f"compiling kernels, once on this machine ({self.kernels} so far)" if self._depth and self._told else ""


compiling = _Compiling()


def clock() -> float:
    """Return seconds of a monotonic clock that stands still while this process compiles."""
    return time.perf_counter() - compiling.seconds
