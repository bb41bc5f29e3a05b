"""A kind of resource whose versions are made by the test, and which knows what became of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caudal.core.errors import InputError
from caudal.ports.records import Options


class FakeLoaded:
    """A version that notes its life in `events`."""

    def __init__(self, kind: FakeKind, number: int) -> None:
        self.value: Any = number
        self.version = str(number)
        self.open = True
        self._kind = kind

    def warm(self) -> None:
        """Note it; fail where the test says so."""
        self._kind.events.append(f"warm {self.value}")
        if self._kind.fails_warming:
            raise InputError("it cannot be warmed up")

    def close(self) -> None:
        """Note it."""
        assert self.open, "it is closed twice"
        self.open = False
        self._kind.events.append(f"close {self.value}")


class FakeKind:
    """Versions 1, 2 and so on, one for each load. `fails`, `fails_warming`: the next ones cannot be loaded, or warmed up."""

    resource_options: Options = {"name": ""}  # noqa: RUF012

    def __init__(self) -> None:
        self.events: list[str] = []
        self.fails = False
        self.fails_warming = False
        self.during: Callable[[], None] = lambda: None
        """Called while a version is loaded."""
        self._number = 0

    def load(self, options: Options) -> FakeLoaded:
        """Return the next version."""
        self.during()
        if self.fails:
            raise InputError("there is none")
        self._number += 1
        self.events.append(f"load {self._number}")
        return FakeLoaded(self, self._number)
