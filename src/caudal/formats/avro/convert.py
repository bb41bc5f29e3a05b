"""Values as `fastavro` reads them, without logical types, to those of declared columns: one function for each column and schema."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

from caudal.core import scalars
from caudal.core.scalars import LOCAL_TIME, Refused
from caudal.core.types import Field, Place, Schema
from caudal.formats.avro.kinds import Kind

Convert = Callable[[Any], Any]
"""From a value of Avro to one of a column, None for null; raises `Refused`."""

_BITS = {"int32": 31, "int64": 63}
_PYTHON = {
    "null": "NoneType", "boolean": "bool", "int": "int", "long": "int", "float": "float", "double": "float", "bytes": "bytes",
    "string": "str", "array": "list", "map": "dict",
}  # fmt: skip
_UNITS = {"millis": 1, "micros": 1_000, "nanos": 1_000_000}
_DAY = 86_400_000
_MAX_DECIMAL = 1_000
"""Bytes of a decimal: what making one costs is in proportion to their square."""
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Misfit:
    """The conversion of values of which none can be of the declared type."""

    def __init__(self, kind: Kind, field: Field) -> None:
        self.message = f"column '{field.name}' is {field.dtype}, the record has {shown(kind)}"

    def __call__(self, value: Any) -> Any:
        """Raise `Refused`."""
        raise Refused("type", self.message)


def shown(kind: Kind) -> str:
    """Return a kind for people."""
    if kind.name == "union":
        return " or ".join(shown(each) for each in kind.items if each.name != "null")
    return f"{kind.name} ({kind.logical})" if kind.logical else kind.name


def converter(kind: Kind, keys: tuple[str, ...], field: Field) -> Convert:
    """Return what makes a column's value of a value of this kind; a `Misfit` where nothing does. `keys` lead on into it."""
    if kind.name == "null":
        return _nothing
    if kind.name == "union":
        return _of_union(kind, keys, field)
    if not keys:
        return _leaf(kind, field)
    key, rest = keys[0], keys[1:]
    if kind.name == "map":
        inner = converter(kind.items[0], rest, field)
        return lambda value: inner(value[key]) if key in value else None
    if key not in kind.fields:
        return _nothing
    inside = converter(kind.fields[key], rest, field)
    return inside if isinstance(inside, Misfit) else lambda value: inside(value[key])


def places_named(kind: Kind, schema: Schema) -> frozenset[Place]:
    """Return the places of a declared schema that records of a kind name."""
    return frozenset(place for place, keys in schema.places().items() if _reaches(kind, keys))


def _reaches(kind: Kind, keys: tuple[str, ...]) -> bool:
    if kind.name == "union":
        return any(_reaches(each, keys) for each in kind.items)
    if not keys or kind.name == "map":
        return True
    return keys[0] in kind.fields and _reaches(kind.fields[keys[0]], keys[1:])


def _nothing(value: Any) -> None:
    return None


def _of_union(kind: Kind, keys: tuple[str, ...], field: Field) -> Convert:
    made = [converter(each, keys, field) for each in kind.items]
    some = [each for each, of in zip(made, kind.items, strict=True) if of.name != "null"]
    if some and all(isinstance(each, Misfit) for each in some):
        return Misfit(kind, field)
    by_name = {of.full: each for each, of in zip(made, kind.items, strict=True) if of.full}
    by_type: dict[str, Convert] = {}
    for each, of in zip(made, kind.items, strict=True):
        if not of.full:
            alike = [other for other in kind.items if _PYTHON.get(other.name) == _PYTHON[of.name]]
            vague = len(alike) > 1 and any(other.logical for other in alike)  # an int and a long are not told apart
            by_type[_PYTHON[of.name]] = Misfit(kind, field) if vague else each

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is tuple:  # of a named type: its name comes along
            return by_name[value[0]](value[1])
        return by_type[type(value).__name__](value)

    return convert


def _leaf(kind: Kind, field: Field) -> Convert:
    dtype = field.dtype
    if dtype.item is not None:
        if kind.name != "array":
            return Misfit(kind, field)
        item = converter(
            kind.items[0], (), Field(field.name, dtype.item, unit=field.unit, time_format=field.time_format)
        )
        return item if isinstance(item, Misfit) else lambda value: [item(each) for each in value]
    if dtype.name == "struct":
        if kind.name not in ("record", "map"):
            return Misfit(kind, field)
        parts = {inner.name: converter(kind, inner.keys, inner) for inner in dtype.fields}
        bad = [each for each in parts.values() if isinstance(each, Misfit)]
        return bad[0] if bad else lambda value: {name: part(value) for name, part in parts.items()}
    return _scalar(kind, field) or Misfit(kind, field)


def _scalar(kind: Kind, field: Field) -> Convert | None:
    name = field.dtype.name
    number = kind.name in ("int", "long", "float", "double")
    if name == "bool":
        return _same if kind.name == "boolean" else None
    if name in _BITS:
        return _whole(_BITS[name], field) if kind.name in ("int", "long") else None
    if name in ("float32", "float64"):
        if kind.logical == "decimal":
            return _real(name, field, _decimal(kind))
        return _real(name, field, _same) if number else None
    if name == "string":
        return _text(kind)
    if name == "binary":
        return _same if kind.name in ("bytes", "fixed") else None
    return _time(kind, field) if name == "timestamp" else _duration(kind, field)


def _same(value: Any) -> Any:
    return value


def _whole(bits: int, field: Field) -> Convert:
    low, high = -(2**bits), 2**bits - 1

    def convert(value: int) -> int:
        if low <= value <= high:
            return value
        raise Refused("range", f"column '{field.name}' is {field.dtype}, which {value} is beyond")

    return convert


def _real(name: str, field: Field, first: Convert) -> Convert:
    def convert(value: Any) -> float:
        made = float(first(value))
        if math.isinf(made) and not isinstance(value, float):
            raise Refused("range", f"column '{field.name}' is {field.dtype}, which a decimal is beyond")
        narrow = made if name == "float64" or not math.isfinite(made) else scalars.float32_of(made)
        if narrow is None:
            raise Refused("range", f"column '{field.name}' is {field.dtype}, which {made} is beyond")
        return narrow

    return convert


def _decimal(kind: Kind) -> Convert:
    def convert(value: bytes) -> Decimal:
        if len(value) > _MAX_DECIMAL:
            raise Refused("range", f"a decimal of {len(value):,} bytes")
        return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-kind.scale, _EXACT)

    return convert


def _text(kind: Kind) -> Convert | None:
    if kind.logical == "decimal" and kind.name in ("bytes", "fixed"):
        decimal = _decimal(kind)
        return lambda value: format(decimal(value), "f")
    if kind.logical == "uuid" and kind.name == "fixed" and kind.least == 16:
        return lambda value: str(uuid.UUID(bytes=value))
    return _same if kind.name in ("string", "enum") else None


def _time(kind: Kind, field: Field) -> Convert | None:
    what, _, unit = kind.logical.rpartition("-")
    whole = kind.name in ("int", "long")
    if whole and kind.logical == "date":
        read: Convert = lambda value: scalars.time_of_int(value * _DAY)  # noqa: E731
    elif whole and what in ("timestamp", "local-timestamp") and unit in _UNITS:
        above = LOCAL_TIME if field.local and what == "local-timestamp" else 0
        read = lambda value: value // _UNITS[unit] + above  # noqa: E731
    elif whole and not kind.logical:
        read = lambda value: scalars.time_of_int(value, field.unit)  # noqa: E731
    elif kind.name in ("float", "double"):
        read = lambda value: scalars.time_of_float(value, field.unit)  # noqa: E731
    elif kind.name == "string" and not kind.logical:
        read = lambda value: scalars.time_of_text(value, field.time_format, field.local)  # noqa: E731
    else:
        return None
    return _read(read, field)


def _duration(kind: Kind, field: Field) -> Convert | None:
    if kind.name in ("int", "long") and kind.logical in ("", "time-millis", "time-micros"):
        per = 1_000 if kind.logical == "time-micros" else 1
        return _read(lambda value: value // per, field)
    return _read(scalars.duration_of_text, field) if kind.name == "string" else None


def _read(read: Convert, field: Field) -> Convert:
    def convert(value: Any) -> int:
        found = read(value)
        if found is None or not -(2**63) <= found < 2**63:
            raise Refused("type", f"column '{field.name}' is {field.dtype}", f"found {value!r:.200}")
        return found

    return convert


def misfits(converters: Iterable[tuple[str, Convert]]) -> Mapping[str, str]:
    """Return the columns that no record can fill, and why."""
    return {name: each.message for name, each in converters if isinstance(each, Misfit)}
