"""How many files may be open at once: the limit of the process, raised when it is needed."""

from __future__ import annotations

import errno
import resource
import threading
from typing import Protocol

_HIGHEST = 1 << 16
"""To how many descriptors the soft limit is raised at most."""

SCARCE = (errno.EMFILE, errno.ENFILE)
"""The errors of a process, or a machine, that can open no more files."""


class Holder(Protocol):
    """Something that holds a descriptor, and can do without."""

    @property
    def used(self) -> int:
        """The greater, the later it was last used."""
        ...

    def release(self) -> bool:
        """Close the descriptor, without waiting; return whether that was possible."""
        ...


class Descriptors:
    """Who holds a descriptor; beyond what the process can spare, those that were used longest ago give theirs back.

    Half of the soft limit, at least all but 128, is for the files of one source.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: set[Holder] = set()
        self._room = _room()

    def add(self, holder: Holder) -> None:
        """Note that `holder` has just opened a file, and make room for the next one."""
        with self._lock:
            self._holders.add(holder)
            if len(self._holders) <= self._room:
                return
            self._room = _raised()
            excess = len(self._holders) - self._room
            if excess <= 0:
                return
            spare = excess + self._room // 8  # some more, so that not every file has to look for room
            for other in sorted(self._holders - {holder}, key=lambda other: other.used):
                if spare <= 0:
                    break
                if other.release():
                    self._holders.discard(other)
                    spare -= 1

    def remove(self, holder: Holder) -> None:
        """Note that `holder` has closed its file."""
        with self._lock:
            self._holders.discard(holder)


def _room() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _HIGHEST if soft == resource.RLIM_INFINITY else max(soft // 2, soft - 128)


def _raised() -> int:
    """Raise the soft limit as far as it may be; return how many files there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _HIGHEST if hard == resource.RLIM_INFINITY else min(hard, _HIGHEST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            pass  # then with what there is
    return _room()
