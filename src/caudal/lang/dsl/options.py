"""Options of a source or a sink: which are the connector's, which the format's, and which format a path names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from caudal.core.errors import OptionError, nearest
from caudal.core.shown import holds_password
from caudal.core.unpacking import compression_named
from caudal.plan.nodes import Pairs
from caudal.ports import registry


def path_of(options: Mapping[str, Any], side: str, example: str) -> Any:
    """Return the path of files to read or write; raises `OptionError` where it is missing, misspelt or empty."""
    path = options.get("path")
    if path is None or path == "" or path == []:
        for key in difflib.get_close_matches("path", [k for k in options if k != "path"], n=1):
            raise OptionError(f"unknown option '{key}' of connector 'files'", hint="did you mean 'path'?")
        missing = "an empty path names no file" if "path" in options else f"{side}() needs a path for files"
        raise OptionError(missing, hint=example)
    return path


def refuse_compressed(path: Any) -> None:
    """Raise `OptionError` for a file to write whose name promises what a sink does not do: it never compresses."""
    if not isinstance(path, str):
        return
    plain, dot, suffix = path.rpartition(".")
    if dot and (compression_named(path) != "none" or suffix.lower() in ("zip", "7z", "lz4", "br", "z", "snappy")):
        raise OptionError(
            f"'{path}' is the name of a compressed file, and a sink does not compress",
            hint=f'write path="{plain}"; .parquet is compressed by itself',
        )


def split(options: Mapping[str, Any], known: Mapping[str, Any], what: str) -> tuple[Pairs, dict[str, Any]]:
    """Return (the options that a connector knows, checked; all others)."""
    own = {k: v for k, v in options.items() if k in known}
    registry.check_options(own, dict(known), what)
    if isinstance(own.get("database"), str) and holds_password(own["database"]):
        raise OptionError(f"option 'database' of {what} must not hold a password", hint="password_env=, password_file=")
    return tuple(own.items()), {k: v for k, v in options.items() if k not in known}


def format_options(format: str, rest: dict[str, Any], known: Mapping[str, Any], side: str, what: str) -> Pairs:
    """Return the options of a format, checked; `side`: "reader_options" or "writer_options"."""
    available: dict[str, Any] = {}
    if format:
        available = getattr(registry.find("format", format), side)
        what += f" with format '{format}'"
    for key in rest:
        if key not in available:
            raise OptionError(f"unknown option '{key}' of {what}", hint=nearest(key, [*known, *available]))
    registry.check_options(rest, available, f"format '{format}'")
    return tuple(rest.items())


def format_of_path(path: Any, known: Mapping[str, Any]) -> str:
    """Return the format that a path's suffix names, "" where the connector has no paths: its rows need none."""
    if "path" not in known:
        return ""
    first = path[0] if isinstance(path, list | tuple) and path else path
    if isinstance(first, str):
        stem = first.lower()
        for packed in (".gz", ".zst"):
            stem = stem.removesuffix(packed)
        for candidate in registry.available("format"):
            if any(stem.endswith(suffix) for suffix in registry.find("format", candidate).suffixes):
                return candidate
        if stem.endswith(".mmdb"):
            hint = f'cd.table("maxmind", path={first!r}, ...); caudal infer prints the rest'
            raise OptionError("a MaxMind DB is no file of records", hint=hint)
    what = f"cannot tell the format of {first!r} by its name" if first else "the format is missing"
    raise OptionError(what, hint="format= one of " + ", ".join(sorted(registry.available("format"))))
