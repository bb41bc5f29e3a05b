"""A bug that is put into the protocol or its driver on purpose."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

Patch = tuple[Any, Any, Any]
"""An object or a table, the name of what is replaced in it, and by what."""


@dataclass(frozen=True, slots=True)
class Bug:
    """What is done wrong, what happens then, and what is replaced by it."""

    name: str
    incident: str
    patches: tuple[Patch, ...]

    @contextmanager
    def planted(self) -> Generator[None]:
        """Have the bug for a while."""
        with ExitStack() as stack:
            for owner, name, value in self.patches:
                if isinstance(owner, dict):
                    stack.callback(owner.__setitem__, name, owner[name])
                    owner[name] = value
                else:
                    stack.callback(setattr, owner, name, owner.__dict__[name])
                    setattr(owner, name, value)
            yield
