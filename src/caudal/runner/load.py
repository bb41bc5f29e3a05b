"""Loading a pipeline: a Python file, or a shipped detection by its name."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from caudal.core.errors import CaudalError, InputError, OptionError, SettingsError, UserError, nearest
from caudal.lang.dsl.settings import Overrides, overriding
from caudal.plan.plan import Plan
from caudal.ports import registry


def load(file: str | os.PathLike[str], *, settings: Mapping[str, Any] | None = None) -> Plan:
    """Execute a pipeline file (or a shipped detection, by its name) and return its `pipeline`.

    `settings` override the file's own; text is read as the type of the setting's default. Raises `UserError`: a
    missing file, an exception in the file (with its line), no `pipeline`, an unknown setting.
    """
    return load_declared(file, settings or {})[0]


def load_declared(
    file: str | os.PathLike[str], settings: Mapping[str, Any], *, where_declared: Mapping[str, Any] | None = None
) -> tuple[Plan, frozenset[str]]:
    """Load as `load` does; return the names of all settings that the file declares too.

    `where_declared`: settings that are passed where the file declares them, and are no mistake where it does not.
    """
    path, module = _find(os.fspath(file))
    where = os.fspath(file)
    optional = dict(where_declared or {})
    with overriding({**optional, **settings}) as overrides:
        try:
            names = runpy.run_path(file_of(module), run_name=module) if module else _run_path(Path(str(path)))
        except CaudalError as error:
            _check_names(overrides, settings, where)
            line = _line(path, error) or where
            error.location = f"{line}: {error.location}" if error.location else line
            raise
        except (Exception, SystemExit) as error:
            hint = "a pipeline file is plain Python: it must run from top to bottom"
            detail = f"{type(error).__name__}: {error}"
            line = _line(path, error) or where
            raise UserError("the pipeline file fails", location=line, detail=detail, hint=hint) from error
        _check_names(overrides, settings, where, complete=True)
    plan = names.get("pipeline")
    if not isinstance(plan, Plan):
        hint = 'name it at the top level: pipeline = cd.Pipeline("dos", alerts.to(...))'
        raise UserError("the file has no pipeline", location=where, hint=hint)
    return plan, frozenset(overrides.declared)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Pipelines of several files. `failed`: the files that give none, and why."""

    plans: tuple[Plan, ...]
    failed: tuple[tuple[str, UserError], ...]


def load_all(files: Sequence[str | os.PathLike[str]], *, settings: Mapping[str, Any] | None = None) -> Loaded:
    """Load the pipelines of files and of directories: there of each file NAME.py but _NAME.py and test_NAME.py.

    `settings` go to the files that declare them. Raises `UserError` for a file that is not there, a directory without any, a setting
    that no file declares; what a file itself gets wrong stands in `failed`.
    """
    given = dict(settings or {})
    plans: list[Plan] = []
    failed: list[tuple[str, UserError]] = []
    declared: set[str] = set()
    for name in [name for file in files for name in _pipelines(os.fspath(file))]:
        _find(name)
        try:
            plan, names = load_declared(name, {}, where_declared=given)
        except UserError as error:
            failed.append((name, error))
            continue
        plans.append(plan)
        declared |= names
    for key in () if failed else given:
        if key not in declared:
            raise SettingsError(f"unknown setting '{key}'", hint=nearest(key, declared))
    return Loaded(tuple(plans), tuple(failed))


def _pipelines(name: str) -> list[str]:
    """Return the pipeline files that a name stands for: those of a directory, or itself."""
    if not os.path.isdir(name):
        return [name]
    found = sorted(path for path in Path(name).glob("*.py") if not path.name.startswith(("_", "test_")))
    if not found:
        raise InputError(
            "there is no pipeline file in this directory", location=name, hint="files *.py, but _*.py and test_*.py"
        )
    return [str(path) for path in found]


def file_of(module: str) -> str:
    """Return the file of a module that is not imported for that; raises `ImportError`.

    (A module's loader need not know its code or its source: pytest's does not.)
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(f"there is no module {module}")
    return spec.origin


def _check_names(overrides: Overrides, given: Mapping[str, Any], where: str, *, complete: bool = False) -> None:
    """Raise for an override that the file did not declare; one that failed before it declared any says nothing."""
    if complete or overrides.declared:
        try:
            overrides.unknown(given)
        except SettingsError as error:
            raise error.at(where) from None


def _find(name: str) -> tuple[str | None, str | None]:
    """Return (path, None) or (None, module of a detection)."""
    if os.path.isfile(name):
        return name, None
    detections = registry.available("detection")
    if name in detections:
        return None, detections[name].value
    if os.path.isdir(name):
        raise InputError("this is a directory, not a pipeline file", location=name)
    if name.endswith(".py") or os.sep in name:
        raise InputError("there is no such file", location=name, hint=_neighbours(name))
    raise OptionError(f"'{name}' is neither a file nor a shipped detection", hint=nearest(name, detections))


def _neighbours(name: str) -> str:
    folder = Path(name).parent
    if not folder.is_dir():
        return f"the directory {folder} does not exist"
    return nearest(Path(name).name, [p.name for p in folder.glob("*.py")])


def _run_path(path: Path) -> dict[str, Any]:
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # a pipeline file may import its neighbours, as a script can
    try:
        return runpy.run_path(str(path), run_name="caudal_pipeline")
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _line(path: str | None, error: BaseException) -> str:
    """Return "file:line" of the innermost frame in the pipeline file."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
    if path is None:
        return ""
    place = os.path.abspath(path)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if os.path.abspath(f.filename) == place]
    return f"{path}:{frames[-1].lineno}" if frames else ""
