"""How the script of a job comes to its rows: caudal hands them over, the script reads them itself, or the engine does.

The first two check every record by the same rules and know positions and W_p. The engine's own readers are faster where
a machine is slow in Python, and lenient: they are used only where nobody wants dead letters, and what differs is told.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.core.errors import CaudalError, PlanError
from caudal.core.types import INT64, DataType, Schema
from caudal.core.unpacking import FIRST_BYTES, compression_of, encoding_of, foreign
from caudal.engines.jvm.hidden_columns import HIDDEN
from caudal.ingest.accepting import FUTURE
from caudal.plan.expr import Column, Expr, call, lit
from caudal.plan.nodes import Source, Staged
from caudal.ports import registry
from caudal.ports.engine import BoundSource

_SCALE = {"": 1000.0, "s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_PER_UNIT = {"": 1, "ms": 1, "s": 1000}
_UNITS_PER_MS = {"us": 1000, "ns": 1_000_000}
_PACKED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".deflate", ".lz4", ".snappy")
_PLAIN = ("bool", "int32", "int64", "float32", "float64", "string")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a source, by the names of their partitions, in order."""

    names: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scripted:
    """A source that a script can read by itself: the module of its reader, and what describes it: `name=value` as Python."""

    module: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Native:
    """A source that the engine reads by its own reader.

    `columns`: what it reads; `time`: the event time in milliseconds over these; `deviations`: how that differs from what
    caudal reads, a line each.
    """

    files: Files
    format: str
    options: Mapping[str, Any]
    columns: Schema
    time: Expr | None
    deviations: tuple[str, ...] = field(default=())


def files_of(node: Source, sources: Mapping[str, BoundSource]) -> Files | None:
    """Return a source's files, None for one that is not made of files that others can open."""
    bound = sources.get(node.name)
    if node.connector != "files" or bound is None:
        return None
    parts = bound.source.partitions()
    paths = [str(getattr(part, "where", "") or getattr(part, "path", "")) for part in parts]
    if not all(paths) or any(part.live for part in parts):
        return None
    return Files(tuple(part.name for part in parts), tuple(paths))


def scripted(node: Source, columns: Schema, files: Files | None) -> Scripted:
    """Return how a script reads a source; raises `PlanError` where it cannot: caudal must hand the rows over then."""
    if node.connector != "files" or not node.format:
        raise PlanError(f"a script cannot read the connector '{node.connector}'")
    if isinstance(node, Staged):
        raise PlanError("a script cannot compute the event time: it is that of rows made of records")
    time = node.event_time
    if time is not None and not isinstance(time, Column):
        raise PlanError("a script cannot compute the event time: it is no plain column")
    plugin = registry.find("format", node.format)
    if not hasattr(plugin, "portable"):
        raise PlanError(f"the format '{node.format}' has no reader for scripts")
    given = registry.check_options(dict(node.format_options), plugin.reader_options, f"format '{node.format}'")
    own = Schema([f for f in columns if f.name not in HIDDEN])
    needed = frozenset(own.names) | ({time.name} if time is not None else frozenset[str]())
    reader = plugin.portable(node.readable, needed, given)
    connector = registry.find("connector", node.connector)
    options = registry.check_options(dict(node.options), connector.source_options, "connector 'files'")
    found = files if files is not None else Files((), ())
    when = None if time is None else {"column": time.name, "unit": node.unit, "time_format": node.time_format}
    described = {
        "id": node.name,
        "files": [*zip(found.names, found.paths, strict=True)],
        "columns": {f.name: f.dtype.spec for f in own},
        "event_time": when,
        "disorder": node.disorder,
        "compression": options["compression"],
        "max_record": options["max_record"],
        "max_decoded": options["max_decoded"],
        "max_future": FUTURE if node.max_future is None else node.max_future,
        "timezone": node.timezone,
        "local": [f.name for f in node.readable if f.local and f.name in needed],
        "dead": True,
    }
    lines = [f"reader={reader.call}", *(f"{name}={value!r}" for name, value in described.items())]
    return Scripted(reader.module, tuple(lines))


def native(node: Source, read: Schema, files: Files | None, formats: Sequence[str]) -> Native:
    """Return how an engine reads a source by its own reader of one of these formats; raises `PlanError` where it cannot."""
    if files is None or isinstance(node, Staged):
        raise PlanError("the engine's own readers read the records of files")
    if node.format not in formats:
        raise PlanError(f"the engine has no reader of the format '{node.format}'")
    if node.timezone:
        raise PlanError("the engine's own readers know nothing of time zones")
    if len(files.paths) > 64:
        raise PlanError("too many files for the engine's own reader")
    for path in files.paths:
        if not legible(path):
            raise PlanError(f"the engine's own reader would pass over {path}, or unpack it by its own rules")
    names = set(read.names) | (node.event_time.columns() if node.event_time is not None else set[str]())
    columns = Schema([f for f in node.declared if f.name in names])
    for each in columns:
        plain = each.dtype if each.dtype.item is None else each.dtype.item
        if plain.name not in _PLAIN or each.path or each.unit or each.time_format:
            raise PlanError(f"the engine's own reader does not read '{each.name}' as it is declared")
    options = dict(node.format_options)
    if node.format == "csv" and set(options) - {"header", "delimiter"}:
        raise PlanError("the engine's own reader does not take these options of CSV")
    return Native(files, node.format, options, columns, _time(node), _deviations(node))


def legible(path: str) -> bool:
    """Whether the engines' own readers take a file as it is: they skip some names, read others as patterns, unpack some.

    >>> legible("/logs/_access.jsonl"), legible("/logs/access[1].jsonl"), legible("/logs/access.jsonl.bz2")
    (False, False, False)
    """
    name = os.path.basename(path)
    if name.startswith(("_", ".")) or name.endswith(_PACKED) or any(c in path for c in "{}[]*?\\"):
        return False
    try:
        with open(path, "rb") as file:
            first = file.read(FIRST_BYTES)
            return compression_of(first) == "none" and encoding_of(first) == "utf-8" and not foreign(first, path)[0]
    except OSError:
        return False


def _time(node: Source) -> Expr | None:
    """Return the event time as an expression that gives BIGINT milliseconds."""
    if node.event_time is None:
        return None
    dtype: DataType = node.event_time.dtype(node.declared)
    given: Expr = node.event_time
    if dtype.name == "string":
        return call("strptime", given, format=node.time_format)
    if dtype.is_float:
        return (given * lit(_SCALE[node.unit]) + 0.5).floor().cast(INT64)
    if node.unit in _UNITS_PER_MS:
        return given.cast(INT64) // _UNITS_PER_MS[node.unit]
    return given.cast(INT64) * _PER_UNIT[node.unit] if node.unit == "s" else given.cast(INT64)


def _deviations(node: Source) -> tuple[str, ...]:
    out = [
        "the engine's own reader took the place of caudal's checked one (--dead discard): records that do not fit are"
        " skipped, nulls or converted, as it sees fit, and not counted",
        "lateness is not decided, nor what lies too far ahead: all rows count",
    ]
    if node.event_time is not None and node.event_time.dtype(node.declared).is_float:
        out.append("event times before 1970 that lie on half a millisecond are rounded up")
    return tuple(out)


def try_native(
    nodes: Sequence[tuple[Source, Schema]], sources: Mapping[str, BoundSource], formats: Sequence[str]
) -> dict[str, Native] | None:
    """Return how an engine reads all sources of a plan by its own readers, None where one must be checked."""
    try:
        return {node.name: native(node, read, files_of(node, sources), formats) for node, read in nodes}
    except CaudalError:
        return None
