"""`caudal` whose threads bear their names in /proc too, so that their processor time can be told apart: python -m ... run FILE."""

from __future__ import annotations

import ctypes
import runpy
import sys
import threading

_SET_NAME = 15
"""PR_SET_NAME of prctl: of the thread that calls."""


def _named() -> None:
    prctl = ctypes.CDLL(None).prctl
    run = threading.Thread.run

    def named(self: threading.Thread) -> None:
        prctl(_SET_NAME, self.name.encode()[:15], 0, 0, 0)
        run(self)

    threading.Thread.run = named


if __name__ == "__main__":
    if sys.platform == "linux":
        _named()
    runpy.run_module("caudal", run_name="__main__", alter_sys=True)
