"""Schemas of Avro as trees of kinds, with all names resolved; those that records could be made costly with are refused.

Avro 1.12, https://avro.apache.org/docs/1.12.0/specification/. `fastavro` checks the schema and reads the records; it reads records of a
recursive schema by recursion in C, and an array of items of no bytes (nulls) as many times as its count says. So neither is read:
what a record costs is in proportion to its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caudal.core import extras
from caudal.core.errors import InputError
from caudal.core.types import (
    BINARY,
    BOOL,
    DURATION,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    STRING,
    TIMESTAMP,
    DataType,
    Field,
    Schema,
    list_of,
    struct_of,
)  # fmt: skip

MAX_DEPTH, MAX_KINDS, MAX_SCHEMA = 64, 20_000, 4 << 20
"""How deep a schema may be nested, how many types it may have with names written out, how many bytes of JSON."""

_MAX_SCALE = 1_000
_LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1, "enum": 1}


class SchemaRefused(Exception):
    """Why a schema is not read, for people."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of Avro. `name`: such as "long", "record", "union"; `full`: that of a named type; `logical`: its logical type, or "".

    `fields`: of a record, by name; `items`: the one of an array or a map, all of a union. `least`: bytes that a value has at least;
    `kinds`: how many types there are in it. `scale`: of a decimal.
    """

    name: str
    full: str = ""
    logical: str = ""
    fields: Mapping[str, Kind] = field(default_factory=dict)
    items: tuple[Kind, ...] = ()
    least: int = 0
    kinds: int = 1
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A schema that records were written by: as a kind, and as `fastavro` reads it."""

    kind: Kind
    parsed: Any


def library() -> Any:
    """Return the module `fastavro`; raises `OptionError` where it is not installed."""
    return extras.library("the format 'avro'", "fastavro", "avro", "fastavro", "fastavro.schema")


def of_file(path: str) -> Written:
    """Return the schema in a file; raises `InputError` for one that cannot be read, and `OptionError` without the extra."""
    library()
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read the schema: {why}", location=path) from None
    except SchemaRefused as error:
        raise InputError("the schema cannot be read", location=path, detail=str(error)) from None


def parse(text: str, before: Iterable[str] = ()) -> Written:
    """Return a schema that is written as JSON. `before`: those whose names it uses, in order. Raises `SchemaRefused`."""
    api = library()
    try:
        *known, own = ([_plain(json.loads(each), logical) for logical in (True, False)] for each in (*before, text))
        named: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for each in known:
            for schema, names in zip(each, named, strict=True):
                api.schema.parse_schema(schema, names)
        full, bare = (api.schema.parse_schema(schema, names) for schema, names in zip(own, named, strict=True))
        kind = _Walk(named[0]).kind(full, 0, frozenset())
    except SchemaRefused:
        raise
    except RecursionError:
        raise SchemaRefused(f"it is nested more than {MAX_DEPTH} deep") from None
    except Exception as error:  # what a registry holds may be anything
        raise SchemaRefused(f"{type(error).__name__}: {error}"[:500]) from None
    if kind.name not in ("record", "union"):
        raise SchemaRefused(f"it is of {kind.name}, not of records")
    return Written(kind, bare)


def columns_of(written: Written) -> Schema:
    """Return the fields of a record as columns: those that caudal has a type for."""
    kind = written.kind
    return Schema(f for f in map(_column, kind.fields, kind.fields.values()) if f is not None)


_LOGICAL = {
    **dict.fromkeys(("date", "timestamp-millis", "timestamp-micros", "timestamp-nanos"), TIMESTAMP),
    **dict.fromkeys(("local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos"), TIMESTAMP),
    **dict.fromkeys(("time-millis", "time-micros"), DURATION),
    **dict.fromkeys(("decimal", "uuid"), STRING),
}
_TYPES = {
    "boolean": BOOL, "int": INT32, "long": INT64, "float": FLOAT32, "double": FLOAT64, "string": STRING, "enum": STRING,
    "bytes": BINARY, "fixed": BINARY,
}  # fmt: skip


def _column(name: str, kind: Kind) -> Field | None:
    dtype = _type(kind)
    return None if dtype is None else Field(name, dtype)


def _type(kind: Kind) -> DataType | None:
    if kind.name == "union":
        there = [each for each in kind.items if each.name != "null"]
        return _type(there[0]) if len(there) == 1 else None
    if kind.name == "array":
        item = _type(kind.items[0])
        return None if item is None else list_of(item)
    if kind.name == "record":
        fields = [f for f in map(_column, kind.fields, kind.fields.values()) if f is not None]
        return struct_of(fields) if fields else None
    return _LOGICAL.get(kind.logical) or _TYPES.get(kind.name)


def _plain(schema: Any, logical: bool) -> Any:
    """Return a schema without what reading needs not: defaults, aliases, and logical types unless they are wanted."""
    if isinstance(schema, list):
        return [_plain(each, logical) for each in schema]
    if not isinstance(schema, dict):
        return schema
    left = {"default", "aliases", "doc", "order", *(() if logical else ("logicalType",))}
    return {key: _plain(value, logical) for key, value in schema.items() if key not in left}


class _Walk:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._made: dict[str, Kind] = {}

    def kind(self, schema: Any, depth: int, within: frozenset[str]) -> Kind:
        """Return the kind of a schema as `fastavro` has parsed it."""
        if depth > MAX_DEPTH:
            raise SchemaRefused(f"it is nested more than {MAX_DEPTH} deep")
        if isinstance(schema, list):
            return self._of("union", tuple(self.kind(each, depth + 1, within) for each in schema), least=1)
        if isinstance(schema, str):
            if schema in _LEAST:
                return Kind(schema, least=_LEAST[schema])
            return self._made.get(schema) or self.kind(self._definition(schema, within), depth, within)
        name, full = schema["type"], schema.get("name", "")
        if not isinstance(name, str):
            return self.kind(name, depth + 1, within)
        logical = str(schema.get("logicalType", ""))
        scale = int(schema.get("scale", 0))
        if not 0 <= scale <= _MAX_SCALE:
            raise SchemaRefused(f"it has a decimal of scale {scale}")
        if name in ("array", "map"):
            item = self.kind(schema["items" if name == "array" else "values"], depth + 1, within)
            if name == "array" and item.least == 0:
                raise SchemaRefused("it has an array of items of no bytes, of which a short record can hold any number")
            return self._of(name, (item,), least=1)
        if name in ("record", "error"):
            if full in within:
                raise SchemaRefused(f"it is recursive: a '{full}' may hold another")
            inside = within | {full}
            fields = {f["name"]: self.kind(f["type"], depth + 1, inside) for f in schema["fields"]}
            least = sum(each.least for each in fields.values())
            made = self._of("record", tuple(fields.values()), least=least, full=full, fields=fields)
        elif name == "fixed":
            made = Kind(name, full, logical, least=int(schema["size"]), scale=scale)
        elif name in _LEAST:
            made = Kind(name, full, logical, least=_LEAST[name], scale=scale)
        else:
            return self.kind(name, depth + 1, within)
        if full:
            self._made[full] = made
        return made

    def _definition(self, name: str, within: frozenset[str]) -> Any:
        if name in within:
            raise SchemaRefused(f"it is recursive: a '{name}' may hold another")
        if name not in self._named:
            raise SchemaRefused(f"it has no type '{name}'")
        return self._named[name]

    def _of(
        self,
        name: str,
        items: tuple[Kind, ...],
        *,
        least: int,
        full: str = "",
        fields: Mapping[str, Kind] | None = None,
    ) -> Kind:
        kinds = 1 + sum(each.kinds for each in items)
        if kinds > MAX_KINDS:
            raise SchemaRefused(f"it has more than {MAX_KINDS:,} types when its names are written out")
        return Kind(
            name, full, fields=fields or {}, items=() if fields is not None else items, least=least, kinds=kinds
        )
