"""The process of a broker: signals to it, and its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from caudal.broker.directory import Directory
from caudal.core.errors import RunError

GRACE = 30.0
"""Seconds that a broker may take to end."""

_NUMBER = 2.0
"""Seconds that a process may take to write its number down, which is the first thing that it does."""


def send(found: Directory, number: int) -> bool:
    """Send a signal; return False where no broker runs. Raises `RunError` where it cannot be told which process."""
    pid = 0

    def known() -> bool:
        nonlocal pid
        pid = found.pid()
        return bool(pid) or not found.held()

    if not within(_NUMBER, known):
        raise RunError(
            "a broker runs on this data, but which process it is cannot be told",
            location=str(found.path),
            hint="it may run in a container, or for another user: end it there",
        )
    try:
        if pid:
            os.kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise RunError(f"process {pid} is another user's", hint="who started it may stop it") from error
    return bool(pid)


def end(found: Directory, number: int, patience: float = GRACE) -> bool:
    """Send a signal that ends it, and wait; return False where none ran. What SIGTERM does not end stays."""
    if not send(found, number):
        return False
    send(found, signal.SIGCONT)  # one that is frozen hears nothing else
    if not within(patience, lambda: not found.held()) and number == signal.SIGKILL:
        raise RunError("the broker does not end, though it was killed", location=str(found.path))
    return True


def within(seconds: float, done: Callable[[], object]) -> bool:
    """Return whether it becomes true within so many seconds."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True
