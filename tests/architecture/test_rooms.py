"""The rooms: each has its card, keeps to its contracts, and stays small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "caudal"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = [path for path in MODULES if path.name == "__init__.py" and path.parent != PACKAGE]

LINES = 500
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}


def _show(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("room", ROOMS, ids=_show)
def test_every_room_has_a_card(room: Path) -> None:
    card = re.sub(r"\s+", " ", ast.get_docstring(ast.parse(room.read_text(encoding="utf-8"))) or "")
    parts = re.findall(
        r"(Enters|Leaves|May touch|Must never): (\S.*?)(?=\. |\.$|Enters:|Leaves:|May touch:|Must never:)", card
    )
    assert [name for name, _ in parts] == ["Enters", "Leaves", "May touch", "Must never"]
    assert all(len(text) > 3 for _, text in parts)


def test_no_module_is_over_500_lines() -> None:
    sizes = {_show(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > LINES} == {}


def _imported(path: Path) -> set[Path]:
    """Return the modules that a module imports when it is loaded itself: not in functions, not for types alone."""
    found: set[Path] = set()
    waiting: list[ast.stmt] = [*ast.parse(path.read_text(encoding="utf-8")).body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            waiting += [*node.body, *node.orelse]
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("caudal."):
                place = PACKAGE.joinpath(*name.split(".")[1:])
                found |= {each for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists()}
    return found - {path}


def test_no_import_goes_in_a_circle() -> None:
    graph = {path: _imported(path) for path in MODULES}
    for room in ROOMS:  # a room's card is loaded before what is in it, and may name what it offers
        for path in MODULES:
            if path.parent == room.parent:
                graph[path].discard(room)
    left = dict(graph)
    while free := [path for path, wanted in left.items() if not wanted & left.keys()]:
        for path in free:
            del left[path]
    assert sorted(map(_show, left)) == []


def test_no_class_is_over_250_lines() -> None:
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 250:
                found.add(f"{_show(path)}:{node.name}")
    assert found == set()


TABLES = {"cli/arguments.py:parser"}
"""Functions over 60 lines: one statement after the other, each an entry of a table."""


def test_no_function_is_over_60_lines() -> None:
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                found.add(f"{_show(path)}:{node.name}")
    assert found == TABLES


def test_no_room_or_module_has_a_name_that_says_nothing() -> None:
    assert [_show(path) for path in MODULES if {path.stem, *path.relative_to(PACKAGE).parts} & VAGUE] == []


def test_the_rooms_keep_their_contracts() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


_BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
_BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml", "jsonpickle", "joblib"}
# Row functions go to worker processes over a private pipe: the parent's own bytes, to its own child. Nothing that
# comes from a config, a snapshot, a plan or a payload is ever unpickled.
_SHIPPING = {"engines/local/functions/shipping.py", "engines/local/functions/worker.py"}


def _imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("module", MODULES, ids=_show)
def test_nothing_is_evaluated_or_unpickled(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert called & _BANNED_CALLS == set()
    shipping = {"pickle", "cloudpickle"} if _show(module) in _SHIPPING else set[str]()
    assert _imports(tree) & _BANNED_MODULES == shipping
    keywords = {k.arg for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords}
    assert "allow_pickle" not in keywords


def test_no_test_sleeps() -> None:
    sleeping = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "id", "") or getattr(node, "attr", "")
            if name == "sleep" and not isinstance(getattr(node, "ctx", None), ast.Store):
                sleeping.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert sleeping == []
