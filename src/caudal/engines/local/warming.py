"""A process that compiles kernels which a job will need later, onto the disk, while the job compiles its first ones.

numba compiles under one lock of the process, so another core helps only as another process. Where a job finds that a
kernel is not on the disk yet (`compiling`), this one begins with what comes last in nearly every detection: printing,
folding, grouping. The job loads what it finds and compiles the rest, so that nothing hangs on this process.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

_LATE = (
    ("caudal.formats.json.encode", "_rows", "lllllll"),
    ("caudal.formats.json.encode", "_room", "lll"),
    ("caudal.columnar.grouping", "_text", "BLI?L"),
    ("caudal.engines.local.aggregates.kernels", "sum_int", "LL?l"),
    ("caudal.engines.local.aggregates.kernels", "count_true", "L??l"),
    ("caudal.engines.local.aggregates.kernels", "count", "Ll"),
    ("caudal.engines.local.windows.kernels", "assign", "LLlllLL"),
    ("caudal.engines.local.windows.kernels", "row_watermarks", "Llll"),
    ("caudal.columnar.gather", "_copy", "BLLB"),
    ("caudal.columnar.gather", "_offsets", "I?L"),
)
"""Kernels with their arguments: l int64; B, I, L, ? arrays of uint8, int32, int64 and bool."""


class Warming:
    """The process, if there is one: none where one core is all there is. `start` and `stop` may be called at any time."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, once, for the kernels whose modules this one has loaded."""
        cores = len(os.sched_getaffinity(0))
        modules = {module for module, _, _ in _LATE if module in sys.modules}
        if self._child is not None or cores < 2 or not modules:
            return
        command = [sys.executable, "-P", "-m", __name__, *sorted(modules)]
        silent = subprocess.DEVNULL
        with contextlib.suppress(OSError):  # no memory, no process: the job compiles it all
            self._child = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)

    def stop(self) -> None:
        """End the process: the job is over."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()


def kernels(modules: Iterable[str]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield the kernels of these modules that are compiled ahead: numba's dispatcher and argument types."""
    from numba import types

    array: Any = types.Array
    codes: dict[str, Any] = {
        "l": types.int64,
        "B": array(types.uint8, 1, "C"),
        "I": array(types.int32, 1, "C"),
        "L": array(types.int64, 1, "C"),
        "?": array(types.boolean, 1, "C"),
    }
    for module, kernel, arguments in _LATE:
        if module in modules:
            yield getattr(importlib.import_module(module), kernel), tuple(codes[c] for c in arguments)


if __name__ == "__main__":
    for dispatcher, signature in kernels(sys.argv[1:]):
        dispatcher.compile(signature)
