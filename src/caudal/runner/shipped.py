"""The shipped detections: which there are, what they say of themselves, which settings they take."""

from __future__ import annotations

import ast
import runpy
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from caudal.core.errors import CaudalError, OptionError, nearest
from caudal.lang.dsl.settings import overriding
from caudal.ports import registry


@dataclass(frozen=True, slots=True)
class Shipped:
    """A detection: its name, its docstring, and its settings with their defaults."""

    name: str
    text: str
    settings: dict[str, Any]


def names() -> list[str]:
    """Return the names of the shipped detections."""
    return sorted(registry.available("detection"))


def describe(name: str) -> Shipped:
    """Return what a detection says of itself; raises `OptionError` with the nearest name when there is none."""
    entry = registry.available("detection").get(name)
    if entry is None:
        raise OptionError(f"there is no detection '{name}'", hint=nearest(name, names()))
    spec = find_spec(entry.value)
    source = spec.loader.get_source(entry.value) if spec and spec.loader else ""  # type: ignore[attr-defined]
    with overriding({}) as overrides:
        try:
            runpy.run_module(entry.value)
        except CaudalError:
            pass  # a setting without a useful default, such as a path: they are all declared before that
    return Shipped(name, ast.get_docstring(ast.parse(source or "")) or "", overrides.declared)
