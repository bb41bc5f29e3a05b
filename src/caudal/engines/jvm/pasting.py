"""Modules that stand alone, put behind one another in a script."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SHARED = "caudal.worker"
"""The package of what several engines ship."""


def pasted(modules: Iterable[str]) -> str:
    """Return the text of modules, each behind those that it takes names from, and each once.

    What may stand only at the top of a file is left out: put `from __future__ import annotations` before it.
    """
    texts: dict[str, str] = {}
    for module in modules:
        _paste(module, texts)
    return "\n\n".join(texts.values())


def _paste(module: str, texts: dict[str, str]) -> None:
    if module not in texts:
        taken, text = _split(module)
        for other in taken:
            _paste(other, texts)
        texts[module] = text


@cache
def _split(module: str) -> tuple[list[str], str]:
    """Return the modules that a module takes names from, in order, and its text without those imports."""
    source = _source(module)
    lines = source.splitlines()
    taken: list[str] = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        inside = node.module.split(".")[0] == module.split(".")[0]
        if inside:
            taken.append(node.module)
        if inside or node.module == "__future__":
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = ""
    return taken, re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines).strip()) + "\n"


def _source(module: str) -> str:
    """Return a module's text; it is not imported."""
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(module)
    return Path(found.origin).read_text(encoding="utf-8")
