"""Data types and schemas.

A `DataType` is one of bool, int32, int64, float32, float64, string, binary, timestamp (milliseconds, UTC),
duration (milliseconds), list and struct. There are no unsigned types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from caudal.core.errors import PlanError, nearest
from caudal.core.naming import cut


@dataclass(frozen=True, slots=True)
class DataType:
    """A type: its `name`, the item type of a list, the fields of a struct."""

    name: str
    item: DataType | None = None
    fields: tuple[Field, ...] = ()

    def __str__(self) -> str:
        if self.item is not None:
            return f"list<{self.item}>"
        if self.name == "struct":
            return "struct<" + ", ".join(f"{f.name}: {f.dtype}" for f in self.fields) + ">"
        return self.name

    @property
    def is_integer(self) -> bool:
        """Whether this is int32 or int64."""
        return self.name in ("int32", "int64")

    @property
    def is_float(self) -> bool:
        """Whether this is float32 or float64."""
        return self.name in ("float32", "float64")

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic is defined: integers and floats."""
        return self.is_integer or self.is_float

    @property
    def is_text(self) -> bool:
        """Whether values are byte sequences: string or binary."""
        return self.name in ("string", "binary")

    @property
    def is_nested(self) -> bool:
        """Whether this is a list or a struct."""
        return self.name in ("list", "struct")

    @property
    def spec(self) -> Any:
        """The type as `worker` takes it, of plain values: a name, [item] for a list, {name: type} for a struct."""
        if self.item is not None:
            return [self.item.spec]
        return {f.name: f.dtype.spec for f in self.fields} if self.name == "struct" else self.name

    def field(self, name: str) -> Field:
        """Return the struct's field `name`; raises `PlanError` with the nearest name."""
        for field in self.fields:
            if field.name == name:
                return field
        if self.name != "struct":
            raise PlanError(f"a {self} has no fields", hint="field() takes a struct column")
        raise PlanError(f"unknown field '{name}'", hint=nearest(name, [f.name for f in self.fields]))


@dataclass(frozen=True, slots=True)
class Field:
    """A named, typed column. `path` is where it comes from in the record: a tuple of keys, () for its own name.

    `unit` says what integers (and floats) of a timestamp are counted in: "s", "ms", "us", "ns" or "" (the default:
    integers are milliseconds, floats seconds); `time_format` how its text is written ("": ISO 8601). `any_json`: a
    string column that takes any JSON value: text as it is, anything else as compact JSON text. `local`, which only readers
    see: a time without an offset is local, and stands `core.scalars.LOCAL_TIME` above.
    """

    name: str
    dtype: DataType
    path: tuple[str, ...] = ()
    unit: str = ""
    time_format: str = ""
    any_json: bool = False
    local: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the value inside the record."""
        return self.path or (self.name,)


BOOL = DataType("bool")
INT32 = DataType("int32")
INT64 = DataType("int64")
FLOAT32 = DataType("float32")
FLOAT64 = DataType("float64")
STRING = DataType("string")
BINARY = DataType("binary")
TIMESTAMP = DataType("timestamp")
DURATION = DataType("duration")

ANY_JSON = "json"
"""What a schema says for a string column that takes any JSON value."""

SCALARS = {t.name: t for t in (BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BINARY, TIMESTAMP, DURATION)}
_LIST = re.compile(r"list<(.+)>")


MAX_NESTING = 64
"""Lists and structs inside one another in a type; what walks a type goes down with it."""


def list_of(item: DataType) -> DataType:
    """Return the list type with this item type."""
    return DataType("list", item=item)


def struct_of(fields: Iterable[Field]) -> DataType:
    """Return the struct type with these fields; raises `PlanError` on a duplicate."""
    fields = tuple(fields)
    _no_duplicates(fields, "struct field")
    return DataType("struct", fields=fields)


_ELSEWHERE = {
    **dict.fromkeys(("str", "text", "utf8", "varchar"), "'string'"),
    **dict.fromkeys(("int", "integer", "long", "bigint", "uint32", "uint64", "number"), "'int64'"),
    **dict.fromkeys(("float", "double", "real", "decimal"), "'float64'"),
    "boolean": "'bool'",
    **dict.fromkeys(("datetime", "date", "time"), "'timestamp'"),
    "timedelta": "'duration'",
    "bytes": "'binary'",
    **dict.fromkeys(
        ("ip", "ipv4", "ipv6", "inet", "ipaddress", "addr"),
        "'string': an address is text, and col(...).ip.canonical() its one spelling, to group by",
    ),
}
"""What to write for types of other systems."""


def parse_type(spec: Any, where: str = "", depth: int = 0) -> DataType:
    """Return the type for `spec`: "int64", "list<string>", ["string"] (a list) or {"a": "int64"} (a struct)."""
    if depth > MAX_NESTING:
        raise PlanError(f"the type{where} is nested more than {MAX_NESTING} deep")
    if isinstance(spec, DataType):
        return spec
    if isinstance(spec, str):
        text = spec.strip()
        if text in SCALARS:
            return SCALARS[text]
        inner = _LIST.fullmatch(text)
        if inner:
            return list_of(parse_type(inner.group(1), where, depth + 1))
        if text == ANY_JSON:
            raise PlanError(
                f"the type json is one of a column, not of items{where}", hint="a json column takes lists too"
            )
        hint = (
            f"write {_ELSEWHERE[text.lower()]}"
            if text.lower() in _ELSEWHERE
            else nearest(text, [*SCALARS, "list<...>"])
        )
        raise PlanError(f"unknown type '{spec}'{where}", hint=hint)
    if isinstance(spec, list | tuple) and len(spec) == 1:
        return list_of(parse_type(spec[0], where, depth + 1))
    if isinstance(spec, Mapping):
        return struct_of(make_field(name, inner, depth + 1) for name, inner in spec.items())
    raise PlanError(f"{spec!r} is not a type{where}", hint='write a name such as "int64", or a mapping for a struct')


def make_field(name: str, spec: Any, depth: int = 0) -> Field:
    """Return a field from a schema entry: a type, a nested mapping, or a `Field` made by `cd.field(...)`."""
    if not isinstance(name, str) or not name:
        raise PlanError(f"a column name must be non-empty text, not {name!r}")
    if isinstance(spec, Field):
        return replace(spec, name=name)
    if spec == ANY_JSON:
        return Field(name, STRING, any_json=True)
    return Field(name, parse_type(spec, f" for column '{name}'", depth))


Place = tuple[str, ...]
"""A field, or a field of a struct in it: the names that lead to it."""


class Schema:
    """An ordered, immutable set of fields with unique names. `absent`: what to write for names that it could have.

    >>> str(Schema.of({"ip": "string", "code": "int64"}))
    'ip: string, code: int64'
    """

    __slots__ = ("_by_name", "absent", "fields")

    def __init__(self, fields: Iterable[Field], absent: Mapping[str, str] | None = None) -> None:
        self.fields = tuple(fields)
        self.absent = absent or {}
        _no_duplicates(self.fields, "column")
        self._by_name = {f.name: f for f in self.fields}

    @classmethod
    def of(cls, spec: Mapping[str, Any] | Schema) -> Schema:
        """Return a schema from a mapping of names to types."""
        if isinstance(spec, Schema):
            return spec
        if not isinstance(spec, Mapping):
            raise PlanError(f"a schema is a mapping of names to types, not {spec!r}")
        return cls(make_field(name, inner) for name, inner in spec.items())

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __str__(self) -> str:
        return ", ".join(f"{f.name}: {f.dtype}" for f in self.fields)

    __repr__ = __str__

    def __getitem__(self, name: str) -> Field:
        """Return the field; raises `PlanError` with the nearest name when there is none."""
        field = self._by_name.get(name)
        if field is None:
            head, dot, rest = name.partition(".")
            inside = dot and head in self._by_name and self._by_name[head].dtype.name == "struct"
            hint = f'a field of a struct is col("{head}").field("{rest}")' if inside else nearest(name, self._by_name)
            hint = self.absent.get(name, hint)
            raise PlanError(f"unknown column '{cut(name, 100)}'", hint=hint)
        return field

    def places(self) -> dict[Place, tuple[str, ...]]:
        """Return every field and every field of a struct, parents first, with the keys that lead to it in a record.

        >>> Schema.of({"alert": {"id": "int64"}}).places()
        {('alert',): ('alert',), ('alert', 'id'): ('alert', 'id')}
        """
        return dict(_places((), (), self.fields))

    def dtype(self, name: str) -> DataType:
        """Return the type of a column."""
        return self[name].dtype


def _places(above: Place, keys: tuple[str, ...], fields: Iterable[Field]) -> Iterator[tuple[Place, tuple[str, ...]]]:
    for field in fields:
        inside = ((*above, field.name), (*keys, *field.keys))
        yield inside
        yield from _places(*inside, field.dtype.fields)


def _no_duplicates(fields: tuple[Field, ...], what: str) -> None:
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise PlanError(f"duplicate {what} '{field.name}'", hint="rename one of them with .alias()")
        seen.add(field.name)
