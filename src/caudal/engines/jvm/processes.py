"""The processes of a job: all that it started, to the last, end with it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_PATIENCE = 5.0
"""Seconds that killed processes may take to go."""


def tell(leader: int) -> None:
    """Ask the process group of a leader to end."""
    _kill_group(leader, signal.SIGTERM)


def sweep(leader: int) -> None:
    """Kill what is left of a leader's session, and wait until it has gone."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        _kill_group(leader, signal.SIGKILL)
        left = _session(leader)
        for process in left:
            _kill(process)
        if not left or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _session(leader: int) -> list[int]:
    """Return the living processes of a session: Spark's workers leave the group that they are started in."""
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*/stat"):  # elsewhere than on Linux: none, and the group must do
        try:
            fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if fields[0] != "Z" and int(fields[3]) == leader:
            found.append(int(place.parent.name))
    return found


def _kill_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        pass


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
