"""The authority on what a record means, in plain Python, with a reason for each refusal; it stands alone.

Grammar: RFC 8259 by the standard library's parser, with the limits that all readers share. Conversion: the rules of
`SEMANTICS`, "Input", one function per type. `JsonLines` reads many lines at once by these rules: what a whole column
shows to be good is not looked at value by value, and what is odd goes the slow way.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

from caudal.core.dialects import other_format
from caudal.core.scalars import (
    MAX_DURATION,
    Refused,
    Unreadable,
    duration_of_text,
    float32_of,
    time_of_float,
    time_of_int,
    time_of_text,
)
from caudal.formats.json.grammar import (
    JSON_DEPTH,
    JsonConstant,
    JsonHuge,
    json_check_names,
    json_compact,
    json_decoder,
    json_halves,
    json_head,
    json_name,
    json_record,
    json_whole,
)

_JSON_BOM = b"\xef\xbb\xbf"
_JSON_MAX_FLOAT32 = 3.4028234663852886e38 * (1 + 2.0**-25)
_JSON_NONE = type(None)
_JSON_INFINITY = float("inf")

JsonConvert = Callable[[Any, str], Any]
"""From a parsed value that is not null, and what messages call its field, to a value of the declared type."""


# -- values ---------------------------------------------------------------------------------------------------------


def json_converter(kind: Any, unit: str = "", time_format: str = "", local: bool = False) -> JsonConvert:
    """Return the function to values of a type: bool, int (also times in ms), float, str, bytes, list, dict or None.

    It raises `Refused` with the reason "type" or "range", which names the field.
    """
    if isinstance(kind, list):
        return _json_list(json_converter(kind[0], unit, time_format))
    if isinstance(kind, tuple):
        return _json_struct(kind)
    if kind == "timestamp":
        return _json_timestamp(unit, time_format, local)
    return _JSON_SCALARS[kind]


def _json_list(item: JsonConvert) -> JsonConvert:
    def to_list(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise json_mismatch(name, "an array", value)
        return [None if v is None else item(v, f"{name}[{i}]") for i, v in enumerate(value)]

    return to_list


def _json_struct(fields: tuple[Any, ...]) -> JsonConvert:
    inner = [_JsonField(*field) for field in fields]
    declared = json_declared(inner)

    def to_struct(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise json_mismatch(name, "an object", value)
        json_check_names(value, declared, f"{name}.")
        return {field.name: field.inside(value, name) for field in inner}

    return to_struct


class _JsonField:
    """A declared field: where it is in the record, and what its value becomes."""

    def __init__(
        self,
        name: str,
        kind: Any,
        path: tuple[str, ...] = (),
        unit: str = "",
        time_format: str = "",
        local: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.keys = path or (name,)
        self.unit = unit
        self.time_format = time_format
        self.convert = json_converter(kind, unit, time_format, local)

    def inside(self, value: Any, name: str) -> Any:
        """Return the field's value in a parsed value that messages call `name`."""
        for key in self.keys:
            if value is None:
                return None
            if not isinstance(value, dict):
                raise json_mismatch(name, "an object", value)
            value = value.get(key)
            name = f"{name}.{key}"
        return None if value is None else self.convert(value, name)


def json_mismatch(name: str, wanted: str, value: Any) -> Refused:
    """Return the refusal of a value of another type."""
    shown = "" if isinstance(value, dict | list | JsonHuge | JsonConstant) else f" ({value!r:.100})"
    return Refused("type", f"field '{name}' takes {wanted}, not {json_name(value)}{shown}", f"field {name}")


def _json_range(name: str, dtype: str) -> Refused:
    hint = "; the type json keeps all digits" if dtype.startswith("int") else ""
    return Refused("range", f"field '{name}' is out of the range of {dtype}", f"field {name}{hint}")


def _json_bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise json_mismatch(name, "a bool", value)
    return value


def _json_whole(bits: int) -> JsonConvert:
    dtype, limit = f"int{bits}", 2 ** (bits - 1)

    def to_int(value: Any, name: str) -> int:
        if isinstance(value, JsonHuge):
            raise _json_range(name, dtype)
        if isinstance(value, bool) or not isinstance(value, int):
            raise json_mismatch(name, f"an {dtype}", value)
        if not -limit <= value < limit:
            raise _json_range(name, dtype)
        return int(value)

    return to_int


def _json_real(dtype: str, limit: float) -> JsonConvert:
    def to_float(value: Any, name: str) -> float | None:
        if isinstance(value, JsonConstant):
            return None
        if isinstance(value, JsonHuge):
            raise _json_range(name, dtype)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise json_mismatch(name, f"a {dtype}", value)
        try:
            value = float(value)
        except OverflowError:
            raise _json_range(name, dtype) from None
        if not -limit < value < limit:
            raise _json_range(name, dtype)
        return value

    return to_float


_json_wide = _json_real("float32", _JSON_MAX_FLOAT32)


def _json_narrow(value: Any, name: str) -> float | None:
    wide = _json_wide(value, name)
    return None if wide is None else float32_of(wide)


def _json_string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise json_mismatch(name, "a string", value)
    return value


def _json_binary(value: Any, name: str) -> bytes:
    if not isinstance(value, str):
        raise json_mismatch(name, "a base64 string", value)
    return json_base64(value.encode(), name)


def json_base64(text: bytes, name: str) -> bytes:
    """Return the bytes of base64 text (RFC 4648, with padding); raises `Refused`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("type", f"field '{name}' is no base64 text", f"field {name}") from None


def _json_any(value: Any, name: str) -> str | None:
    """Return text as it is, and any other value (parsed exactly) as compact JSON."""
    if isinstance(value, str):
        return value
    return None if isinstance(value, JsonConstant) else json_compact(value)


def _json_timestamp(unit: str, time_format: str, local: bool) -> JsonConvert:
    wanted = f"a time of the form {time_format!r}" if time_format else "an ISO 8601 time"

    def to_time(value: Any, name: str) -> int:
        if isinstance(value, str):
            parsed = time_of_text(value, time_format, local)
            if parsed is None:
                raise json_mismatch(name, wanted, value)
            return parsed
        if isinstance(value, float):
            made = time_of_float(value, unit)
        elif isinstance(value, JsonHuge):
            made = None
        elif isinstance(value, bool) or not isinstance(value, int):
            raise json_mismatch(name, "a time", value)
        else:
            made = time_of_int(value, unit) if -(2**63) <= value < 2**63 else None
        if made is None:
            raise _json_range(name, "timestamp")
        return made

    return to_time


def _json_duration(value: Any, name: str) -> int:
    if isinstance(value, str):
        made = duration_of_text(value)
        if made is None or made > MAX_DURATION:
            raise json_mismatch(name, "a duration such as '1h30m'", value)
        return made
    if isinstance(value, JsonHuge):
        raise _json_range(name, "duration")
    if isinstance(value, bool) or not isinstance(value, int):
        raise json_mismatch(name, "a duration in whole milliseconds", value)
    if not -(2**63) <= value < 2**63:
        raise _json_range(name, "duration")
    return int(value)


_JSON_SCALARS: dict[str, JsonConvert] = {
    "bool": _json_bool,
    "int32": _json_whole(32),
    "int64": _json_whole(64),
    "float32": _json_narrow,
    "float64": _json_real("float64", _JSON_INFINITY),
    "string": _json_string,
    "binary": _json_binary,
    "json": _json_any,
    "duration": _json_duration,
}


def json_exactly(kind: Any) -> bool:
    """Whether a type takes any value, so that values must be parsed exactly."""
    if isinstance(kind, list):
        return json_exactly(kind[0])
    return any(json_exactly(field[1]) for field in kind) if isinstance(kind, tuple) else kind == "json"


def json_declared(fields: Iterable[_JsonField]) -> dict[str, Any]:
    """Return the names of declared fields, each with those inside it, as `json_check_names` takes them."""
    tree: dict[str, Any] = {}
    for field in fields:
        inside = tree
        for key in field.keys:
            inside = inside.setdefault(key, {})
        if isinstance(field.kind, tuple):
            _json_merge(inside, json_declared(_JsonField(*inner) for inner in field.kind))
    return tree


def _json_merge(tree: dict[str, Any], other: dict[str, Any]) -> None:
    for key, inside in other.items():
        _json_merge(tree.setdefault(key, {}), inside)


def json_values(record: dict[str, Any], keys: tuple[str, ...], converts: list[JsonConvert]) -> list[Any]:
    """Return what each type makes of the value at a place of a record: null where it does not fit, but another does.

    Raises the first `Refused` of a value that fits none.
    """
    value: Any = record
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return [None] * len(converts)
    name = ".".join(keys)
    if len(converts) == 1:
        return [converts[0](value, name)]
    made: list[Any] = []
    refusals: list[Refused] = []
    for convert in converts:
        try:
            made.append(convert(value, name))
        except Refused as refused:
            refusals.append(refused)
            made.append(None)
    if len(refusals) == len(converts):
        raise refusals[0]
    return made


def json_present(value: Any, name: str) -> bool:
    """Return True for an object: the converter of a place that the schema looks into."""
    if not isinstance(value, dict):
        raise json_mismatch(name, "an object", value)
    return True


# -- many lines -----------------------------------------------------------------------------------------------------


class _JsonPlace:
    """A place of the record with one type; None for an object that the schema looks into."""

    def __init__(self, keys: tuple[str, ...], kind: Any, convert: JsonConvert) -> None:
        self.name = ".".join(keys)
        self.kind = kind
        self.convert = convert

    def column(self, values: list[Any], bad: set[int]) -> list[Any]:
        """Return the converted values; adds the numbers of those that are refused to `bad`."""
        kinds = set(map(type, values))
        if self._good(kinds, values):
            return values
        if self.kind is None:
            bad.update(i for i, v in enumerate(values) if not isinstance(v, dict | None))
            return [v if isinstance(v, dict) else None for v in values]
        convert, name = self.convert, self.name
        made: list[Any] = []
        for i, value in enumerate(values):
            try:
                made.append(None if value is None else convert(value, name))
            except Refused:
                bad.add(i)
                made.append(None)
        return made

    def _good(self, kinds: set[type], values: list[Any]) -> bool:
        """Whether a look at the whole column shows that its values are as they must be."""
        kind = self.kind
        kinds.discard(_JSON_NONE)
        if not kinds:
            return True
        if len(kinds) > 1:
            return False
        (only,) = kinds
        if kind is None:
            return issubclass(only, dict)
        if kind in ("string", "json", "bool"):
            return only is (bool if kind == "bool" else str)
        if kind in ("int64", "int32") and only is int:
            limit = 2**31 if kind == "int32" else 2**63
            least, most = _json_ends(values)
            return -limit <= least and most < limit
        if kind == "float64" and only is float:
            least, most = _json_ends(values)
            return least > -_JSON_INFINITY and most < _JSON_INFINITY
        return False


def _json_ends(values: list[Any]) -> tuple[Any, Any]:
    """Return the least and the largest of numbers, some of which may be None."""
    try:
        return min(values), max(values)
    except TypeError:
        return _json_ends([value for value in values if value is not None])


class JsonLines:
    """Reads JSON lines by a schema. `fields` and types are as plain values (see `json_converter`).

    `encoding`: "escape" reads leniently, "utf-8" strictly (see `grammar`).
    """

    def __init__(self, fields: tuple[Any, ...], needed: tuple[str, ...], *, encoding: str = "escape") -> None:
        self._nodes: dict[tuple[str, ...], list[_JsonPlace]] = {}
        self._exact = False
        declared = [_JsonField(*field) for field in fields]
        self._declared = json_declared(declared)
        made = {field.name: self._declare((), field) for field in declared}
        self._parts = {name: part for name, part in made.items() if name in needed}
        self.narrow = {field.name for field in declared if field.kind == "float32" and field.name in needed}
        self._escape = encoding == "escape"
        self._scan = json_decoder(exact=self._exact, escape=self._escape).scan_once

    def _declare(self, keys: tuple[str, ...], field: _JsonField) -> Any:
        """Note the places of a field; return how its column is made: a place, or (place, parts) for a struct."""
        for key in field.keys:
            if keys:
                self._object(keys)
            keys = (*keys, key)
        if not isinstance(field.kind, tuple):
            self._exact |= json_exactly(field.kind)
            place = _JsonPlace(keys, field.kind, field.convert)
            self._nodes.setdefault(keys, []).append(place)
            return place
        self._object(keys)
        return keys, [(inner[0], self._declare(keys, _JsonField(*inner))) for inner in field.kind]

    def _object(self, keys: tuple[str, ...]) -> None:
        places = self._nodes.setdefault(keys, [])
        if not places or places[0].kind is not None:
            places.insert(0, _JsonPlace(keys, None, json_present))

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return `decode`, and 3 when the partition begins with a byte order mark, else 0.

        Raises `Unreadable` for a file of another format, and for JSON that is not one record a line.
        """
        what, hint = other_format(head)
        if not what:
            what, hint = json_whole(head)
        if what:
            raise Unreadable(f"{name}:1: {what}: {hint}")
        return self.decode, len(_JSON_BOM) if head.startswith(_JSON_BOM) else 0

    def decode(self, lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        """Return the rows, their columns and the records that are none; see `ports.portable.Portable`."""
        dead: list[Any] = []
        kept: list[int] = []
        records: list[Any] = []
        scan = self._scan
        whole = b"".join(lines)  # looked at as one for what hardly any line has
        halves = json_halves(whole)
        deep = whole.count(b"{") + whole.count(b"[") - len(lines) >= JSON_DEPTH  # each has one at least
        for i, line in enumerate(lines):
            try:
                text = line.decode()
                record, end = scan(text, 0)
                good = (
                    isinstance(record, dict)
                    and (end == len(text) or not text[end:].strip(" \t\r"))
                    and not (halves and json_halves(line))
                    and not (deep and line.count(b"{") + line.count(b"[") > JSON_DEPTH)
                )
            except (Refused, ValueError, StopIteration, RecursionError):
                good = False
                record = None
            if not good:
                if json_head(line) == len(line):
                    continue
                try:
                    record = json_record(line, escape=self._escape)
                    json_check_names(record, self._declared)
                except Refused as refused:
                    dead.append((at[i], refused.reason, refused.message, refused.detail, line))
                    continue
            kept.append(i)
            records.append(record)
        columns, bad = self._columns(records)
        if bad:
            dead += [self._refusal(lines[kept[row]], at[kept[row]]) for row in sorted(bad)]
            dead.sort(key=lambda letter: letter[0])
            columns = {
                name: [value for row, value in enumerate(values) if row not in bad] for name, values in columns.items()
            }
            kept = [i for row, i in enumerate(kept) if row not in bad]
        return kept, columns, dead

    def _columns(self, records: list[Any]) -> tuple[dict[str, list[Any]], set[int]]:
        """Return the needed columns of all records, and the numbers of those that do not fit the schema."""
        bad: set[int] = set()
        objects: dict[tuple[str, ...], list[Any]] = {(): records}
        made: dict[int, list[Any]] = {}
        for keys, places in self._nodes.items():
            *above, key = keys
            values = [None if o is None else o.get(key) for o in objects[tuple(above)]]
            refused: list[set[int]] = []
            for place in places:
                refused.append(set())
                made[id(place)] = place.column(values, refused[-1])
            if places[0].kind is None:
                objects[keys] = made[id(places[0])]
            bad |= set.intersection(*refused)
        return {name: self._column(part, made, objects) for name, part in self._parts.items()}, bad

    def _column(self, part: Any, made: dict[int, list[Any]], objects: dict[tuple[str, ...], list[Any]]) -> list[Any]:
        if isinstance(part, _JsonPlace):
            return made[id(part)]
        keys, inner = part
        names = [name for name, _ in inner]
        columns = [self._column(piece, made, objects) for _, piece in inner]
        rows = zip(*columns) if columns else ((),) * len(objects[keys])
        return [None if o is None else dict(zip(names, row)) for o, row in zip(objects[keys], rows)]

    def _refusal(self, line: bytes, at: int) -> Any:
        """Return the dead letter of a record that does not fit, by its first place that does not."""
        record = json_record(line, escape=self._escape, exact=self._exact)
        try:
            for keys, places in self._nodes.items():
                json_values(record, keys, [place.convert for place in places])
        except Refused as refused:
            return (at, refused.reason, refused.message, refused.detail, line)
        raise AssertionError("both ways of reading must agree")
