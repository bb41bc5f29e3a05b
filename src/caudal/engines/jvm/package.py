"""The package that a job brings along: the modules it needs, under their own names, as one zip file beside its script.

Packages are stubs there, for their own `__init__` says what the whole of caudal, or of a plugin, offers. A module may
import the standard library, what the engine's environment has, and other modules that can be shipped.
"""

from __future__ import annotations

import ast
import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import entry_points, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from textwrap import fill

from caudal.ports import registry

PACKAGE = "caudal_worker.zip"
"""What the file is called, wherever it lies."""

_OURS = "caudal"
_STUB = '"""A part of what a job brings along."""\n'
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class _Module:
    """A module's text, the modules that it imports and that go along, and the names of what it defines."""

    text: str
    package: bool
    wants: tuple[str, ...]
    defines: frozenset[str]


def packed(modules: Iterable[str]) -> bytes:
    """Return the zip file of modules and of all that they import; the same ones give the same bytes.

    Raises `ModuleNotFoundError` for a module that is not there.
    """
    files: dict[str, str] = {}
    for name, module in _closure(modules).items():
        path = name.replace(".", "/")
        files[f"{path}/__init__.py" if module.package else f"{path}.py"] = module.text
    for path in [*files]:
        for folder in Path(path).parents[:-1]:
            files.setdefault(f"{folder}/__init__.py", _STUB)
    return _zipped({path: text.encode() for path, text in files.items()})


def whole() -> bytes:
    """Return the zip file of all of caudal, with what says which plugins it has: for jobs whose tasks read by its own readers.

    caudal itself is a stub there, for what it offers is the front end, which no task needs.
    """
    root = _root()
    files = {
        f"{_OURS}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return _zipped({**files, f"{_OURS}/__init__.py": _STUB.encode(), **_metadata()})


def linked(home: Path) -> tuple[Path, Path]:
    """Return a directory below `home` that an interpreter on this machine finds all of caudal in, as it is installed here, and
    nothing else; and one for its compiled kernels, which go with that directory's name.

    Those of installations that are gone are removed.
    """
    root = _root()
    for old in home.glob("*/package/" + _OURS):
        if not old.exists():
            shutil.rmtree(old.parent.parent, ignore_errors=True)
    place = home / hashlib.sha256(f"{root} {version(_OURS)}".encode()).hexdigest()[:16]
    if not (place / "package").exists():
        place.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".package-", dir=place))
        (made / _OURS).symlink_to(root, target_is_directory=True)
        for name, data in _metadata().items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_bytes(data)
        try:
            made.rename(place / "package")
        except OSError:  # another job was faster
            shutil.rmtree(made)
    return place / "package", place / "kernels"


def _root() -> Path:
    spec = find_spec(_OURS)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _metadata() -> dict[str, bytes]:
    """Return the files that name caudal's plugins, as an installation has them."""
    lines: list[str] = []
    for group in sorted(f"{_OURS}.{kind}" for kind in registry.KINDS.values()):
        own = [e for e in entry_points(group=group) if e.value.startswith(f"{_OURS}.")]
        lines += [f"[{group}]", *sorted(f"{e.name} = {e.value}" for e in own), ""]
    named = f"{_OURS}-{version(_OURS)}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {_OURS}\nVersion: {version(_OURS)}\n"
    return {f"{named}/METADATA": about.encode(), f"{named}/entry_points.txt": "\n".join(lines).encode()}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path), files[path], zipfile.ZIP_DEFLATED)
    return into.getvalue()


def import_lines(texts: Iterable[str], modules: Iterable[str]) -> str:
    """Return the statements by which a script gets the names that these texts of its use and these modules define."""
    trees = [ast.parse(text) for text in texts]
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines: list[str] = []
    for name in sorted({*modules}):
        taken = sorted(used & _module(name).defines)
        if not taken:
            continue
        line = f"from {name} import {', '.join(taken)}"
        if len(line) > _WIDTH:
            listed = fill(f"{', '.join(taken)},", _WIDTH, initial_indent="    ", subsequent_indent="    ")
            line = f"from {name} import (\n{listed}\n)"
        lines.append(line)
    return "\n".join(lines)


def _closure(modules: Iterable[str]) -> dict[str, _Module]:
    found: dict[str, _Module] = {}
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _module(name)
            waiting += found[name].wants
    return found


@cache
def _module(name: str) -> _Module:
    spec = find_spec(name)  # the packages around it are imported, it itself is not
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    text = Path(spec.origin).read_text(encoding="utf-8")
    package = spec.submodule_search_locations is not None
    tree = ast.parse(text)
    wants = dict.fromkeys(_wanted(tree, name, name if package else name.rpartition(".")[0]))
    kinds = (ast.FunctionDef, ast.ClassDef)
    defines = {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}
    return _Module(text, package, tuple(wants), frozenset(defines))


def _wanted(tree: ast.Module, name: str, around: str) -> Iterator[str]:
    """Yield the modules that a module imports, wherever it does, and that are not of the engine's environment."""
    tops = {_OURS, name.partition(".")[0]}
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in tops)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), around)
            if base.partition(".")[0] in tops:
                yield from (_holder(base, alias.name) for alias in node.names)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree but for those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
            yield from _run(node)


def _holder(base: str, name: str) -> str:
    """Return the module that `from base import name` takes the name from: the package itself, or one in it."""
    spec: ModuleSpec | None = find_spec(base)
    places = None if spec is None else spec.submodule_search_locations
    inner = None if places is None else PathFinder.find_spec(f"{base}.{name}", list(places))
    return base if inner is None else f"{base}.{name}"
