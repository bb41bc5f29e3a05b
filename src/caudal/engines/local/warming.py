"""A process that compiles kernels onto the disk, while a job goes on without them or compiles its first ones.

numba compiles under one lock of the process and holds the GIL for most of it, so another core helps only as another
process. Where a job finds that a kernel is not on the disk yet, this one begins with small ones that nearly every
detection asks for last (folding, windows); then come those that take seconds and that jobs do without until they are
there: scanners and printers (`columnar.compiled`).

It goes on when the process that started it ends, until it has compiled what it was asked for, at a low priority: so a
next run finds what this one was too short for. Several such processes take turns, kernel by kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from types import FunctionType
from typing import Any

from caudal.columnar import compiled
from caudal.columnar.compiled import Kernel

_SMALL = (
    ("caudal.engines.local.aggregates.kernels", "sum_int"),
    ("caudal.engines.local.aggregates.kernels", "count_true"),
    ("caudal.engines.local.aggregates.kernels", "count"),
    ("caudal.engines.local.windows.kernels", "assign"),
    ("caudal.ingest.reading", "row_watermarks"),
)
"""What comes last in nearly every detection, beside what `Kernel.ready` is asked for."""


class Warming:
    """The process, if there is one; keeps `columnar.compiled.Elsewhere`. All of it may be called by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._failed = False
        self._asked = set[Kernel]()
        self._said = b""
        self.known = set[FunctionType]()
        """The functions that it is to compile."""
        self.kernels = 0
        """How many of them it has compiled."""

    def start(self) -> None:
        """Start the process, once, for the small kernels whose modules this one has loaded."""
        with self._lock:
            if self._child is not None or self._failed:
                return
            command = [sys.executable, "-P", "-m", __name__]
            pipe, silent = subprocess.PIPE, subprocess.DEVNULL
            try:
                # a session of its own: a Ctrl-C is for the job
                self._child = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=silent, start_new_session=True, bufsize=0
                )
            except OSError:  # no memory, no process: the job compiles it all
                self._failed = True
                return
            assert self._child.stdout is not None
            os.set_blocking(self._child.stdout.fileno(), False)
        for module, name in _SMALL:
            if module in sys.modules:
                self.compile(getattr(sys.modules[module], name))

    def compile(self, kernel: Kernel) -> bool:
        """Take a kernel if it has not been taken yet; return whether it is still to be expected."""
        self.start()
        with self._lock:
            child = self._child
            if child is None or child.stdin is None or child.poll() is not None:
                return False
            if kernel not in self._asked:
                self._asked.add(kernel)
                function = kernel.py_func
                self.known.update(compiled.reached(function))
                try:
                    child.stdin.write(f"{function.__module__} {function.__name__}\n".encode())
                except OSError:  # it has just died
                    return False
            return True

    def busy(self) -> bool:
        """Return whether it has something to do; counts what it has done."""
        with self._lock:
            child = self._child
            if child is None or child.stdout is None or child.poll() is not None:
                return False
            with contextlib.suppress(OSError):
                self._said += child.stdout.read(1 << 16) or b""
            self.kernels = self._said.count(b".")
            return self._said.count(b"\n") < len(self._asked)


class _Telling:
    """Writes a point for each function of caudal's that is compiled, and a newline for each kernel."""

    def __init__(self) -> None:
        from numba.core import event

        telling = self

        class Listener(event.Listener):
            def on_start(self, event: Any) -> None:
                pass

            def on_end(self, event: Any) -> None:
                if event.data["dispatcher"].py_func.__module__.startswith("caudal."):
                    telling.write(b".")

        event.register("numba:compile", Listener())

    def write(self, text: bytes) -> None:
        with contextlib.suppress(OSError):  # whoever asked has gone
            os.write(1, text)


@contextlib.contextmanager
def _turn(kernel: Kernel) -> Generator[None]:
    """Wait until no other such process compiles into the kernel's directory."""
    directory = str(kernel.stats.cache_path)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, ".compiling"), "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _serve() -> None:
    telling = _Telling()
    with contextlib.suppress(OSError):
        os.nice(5)
    for line in sys.stdin:
        module, name = line.split()
        kernel = getattr(importlib.import_module(module), name)
        with _turn(kernel):
            kernel.compile(kernel.signature)  # which looks at the disk first
        telling.write(b"\n")


if __name__ == "__main__":
    _serve()
