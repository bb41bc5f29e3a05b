"""The shipped detections: which there are, what they say of themselves, which settings they take."""

from __future__ import annotations

import ast
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.core.errors import CaudalError, OptionError, nearest
from caudal.lang.dsl.settings import overriding
from caudal.ports import registry
from caudal.runner.load import file_of


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
    file = file_of(entry.value)
    source = Path(file).read_text(encoding="utf-8")
    with overriding({}) as overrides:
        try:
            runpy.run_path(file, run_name=entry.value)
        except CaudalError:
            pass  # a setting without a useful default, such as a path: they are all declared before that
    return Shipped(name, ast.get_docstring(ast.parse(source)) or "", overrides.declared)
