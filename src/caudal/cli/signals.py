"""SIGINT and SIGTERM: the first drains the job, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

_CLEAN_UP = 1.0
"""Seconds that the unfinished targets get to be removed when a second signal ends the process."""

_AGAIN = 0.01
"""Seconds until an interrupt that Python has dropped comes again."""


class Stoppable(Protocol):
    """What a signal needs of a job."""

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight."""
        ...

    def abort(self) -> None:
        """Leave nothing unfinished behind."""
        ...


class Interrupted(BaseException):
    """A signal came before there was a job to drain."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def interrupting(error: BaseException | None) -> int:
    """Return the number of the signal that an error came of, 0 where none did.

    A client in C that is interrupted fails with an error of its own (`SystemError`), and what catches that may raise another.
    """
    if isinstance(error, KeyboardInterrupt):  # further down it may be one that a user's function has raised
        return signal.SIGINT
    seen = set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, Interrupted):
            return error.number
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return 0


@contextmanager
def kept() -> Generator[None]:
    """Within it no interrupt is lost.

    Python drops what is raised inside callbacks of weak references and finalizers. Each import runs one, so a signal that
    comes while modules are loaded would now and then be dropped: it is sent again.
    """
    before = sys.unraisablehook

    def dropped(what: sys.UnraisableHookArgs) -> None:
        number = what.exc_value.number if isinstance(what.exc_value, Interrupted) else signal.SIGINT
        if isinstance(what.exc_value, Interrupted | KeyboardInterrupt):
            # later: what a hook raises is dropped too
            timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
            timer.daemon = True
            timer.start()
        else:
            before(what)

    sys.unraisablehook = dropped
    try:
        yield
    finally:
        sys.unraisablehook = before


class Signals:
    """Handles the two signals inside a `with` block; `received` is the first one's number, 0 before."""

    def __init__(self) -> None:
        self.received = 0
        self._job: Stoppable | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def guard(self, job: Stoppable) -> None:
        """From now on a signal drains this job."""
        self._job = job

    def _handle(self, number: int, _: object) -> None:
        if self._job is None:
            raise Interrupted(number)
        if self.received:
            self._end(number)
        self.received = number
        self._job.stop()

    def _end(self, number: int) -> None:
        # In a thread of its own: a target that hangs must not keep the process alive.
        cleaner = threading.Thread(target=self._job.abort if self._job else None, daemon=True)
        cleaner.start()
        cleaner.join(_CLEAN_UP)
        os._exit(128 + number)
