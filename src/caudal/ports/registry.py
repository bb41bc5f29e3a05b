"""Finds plugins by name through entry points: formats, connectors, engines, their environments, detections, resources.

A package adds one by declaring an entry point in the group `caudal.formats`, `caudal.connectors`, `caudal.engines`,
`caudal.environments` (under the engine's name), `caudal.detections` or `caudal.resources`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from caudal.core.errors import OptionError, nearest

KINDS = {
    "format": "formats",
    "connector": "connectors",
    "engine": "engines",
    "environment": "environments",
    "detection": "detections",
    "runner": "runners",
    "resource": "resources",
}


@cache
def available(kind: str) -> dict[str, EntryPoint]:
    """Return the plugins of a kind ("format", "connector", "engine", "environment", "detection") by name."""
    return {entry.name: entry for entry in entry_points(group=f"caudal.{KINDS[kind]}")}


def find(kind: str, name: str) -> Any:
    """Return the plugin; raises `OptionError` with the nearest name when there is none, or when it cannot load."""
    entry = available(kind).get(name)
    if entry is None:
        raise OptionError(f"unknown {kind} '{name}'", hint=nearest(name, available(kind)))
    try:
        return entry.load()
    except ImportError as error:
        raise OptionError(
            f"the {kind} '{name}' cannot be loaded", detail=str(error), hint="is the extra that it needs installed?"
        ) from error


def shipped(kind: str, name: str) -> bool:
    """Whether a plugin is caudal's own, and so goes with a job that brings all of caudal along."""
    return available(kind)[name].value.startswith("caudal.")


def check_options(given: dict[str, Any], known: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the options with defaults filled in; raises `OptionError` for an unknown one or a value of another type.

    A default of None takes any value; a bool takes only a bool, an int no bool, a float also an int.
    """
    for name, value in given.items():
        if name not in known:
            raise OptionError(f"unknown option '{name}' of {what}", hint=nearest(name, known))
        default = known[name]
        if default is None:
            continue
        wanted: tuple[type, ...] = {float: (int, float), list: (list, tuple)}.get(type(default), (type(default),))
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise OptionError(
                f"option '{name}' of {what} takes {type(default).__name__}, not {value!r}",
                hint=f"its default is {default!r}",
            )
    return {**known, **given}
