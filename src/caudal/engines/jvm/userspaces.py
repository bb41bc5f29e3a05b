"""Where the user's code stands in a script: what comes from one module is the body of one function."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Made:
    """A function or class that is there: in which space, under what local name.

    `open`: it is being defined; `jit`: compiled functions may call it.
    """

    space: Space
    local: str
    open: bool = True
    jit: bool = False


@dataclass(eq=False, slots=True)
class Space:
    """What is taken from one module: `scope`, its globals. Its statements become the body of one function.

    `bound`: names that are there; `given`: what other spaces and the script use of it, local name to name in the
    script; `uses`: the spaces that must stand before it; `modules`: the local names of what is imported.
    """

    scope: Mapping[str, Any]
    title: str
    lines: list[str] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    given: dict[str, str] = field(default_factory=dict)
    uses: set[Space] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)

    def fresh(self, name: str) -> str:
        """Return a name that stands for nothing here yet."""
        base = re.sub(r"\W", "_", name).strip("_") or "value"
        found, number = base, 1
        while found in self.scope or found in self.bound or hasattr(builtins, found):
            number += 1
            found = f"{base}_{number}"
        self.bound.add(found)
        return found


class Spaces:
    """The spaces of a script, by their modules, and the names that they have given it."""

    def __init__(self) -> None:
        self._spaces: dict[int, Space] = {}
        self._taken: set[str] = set()
        self._kept: list[Any] = []  # identities are those of living objects

    def of(self, scope: Mapping[str, Any]) -> Space:
        """Return the space of a module, by its globals."""
        space = self._spaces.get(id(scope))
        if space is None:
            file = str(scope.get("__file__") or "")
            title = shown_file(file) if file else str(scope.get("__name__") or "several modules")
            space = self._spaces[id(scope)] = Space(scope, title.replace("\\", "/").replace('"', ""))
            self._kept.append(scope)
        return space

    def in_order(self, refusal: Callable[[str], Exception]) -> list[Space]:
        """Return the spaces that have statements, those that others use before them; `refusal` makes the error for a circle."""
        done: list[Space] = []
        under_way: set[Space] = set()

        def visit(space: Space) -> None:
            if space in done:
                return
            if space in under_way:
                raise refusal(f"{space.title} and a module that it uses use each other")
            under_way.add(space)
            for used in sorted(space.uses, key=lambda s: s.title):
                visit(used)
            done.append(space)

        for space in self._spaces.values():
            visit(space)
        return [space for space in done if space.lines]

    def export(self, space: Space, local: str) -> str:
        """Return the name that what stands in a space has in the script."""
        if local not in space.given:
            name, number = f"user_{local}", 1
            while name in self._taken or any(name in other.scope for other in self._spaces.values()):
                number += 1
                name = f"user_{local}_{number}"
            self._taken.add(name)
            space.given[local] = name
        return space.given[local]

    def seen(self, space: Space, home: Space, local: str) -> str:
        """Return the name that what stands in one space has in another."""
        if home is space:
            return local
        space.uses.add(home)
        return self.export(home, local)


def shown_file(file: str) -> str:
    """Return a file as messages name it: by its way from the working directory, or its name alone."""
    near = os.path.relpath(file) if os.path.isabs(file) else file
    return os.path.basename(file) if near.startswith("..") else near
