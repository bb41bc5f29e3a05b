"""The authority on what a record means, in plain Python, with a reason for each refusal; it stands alone.

Grammar: RFC 8259 by the standard library's parser, with the limits that all readers share. Conversion: the rules of
`SEMANTICS`, "Input", one function per type. `JsonLines` reads many lines at once by these rules: what a whole column
shows to be good is not looked at value by value, and what is odd goes the slow way.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
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

JSON_DEPTH = 128
"""How deep arrays and objects may be nested."""

_JSON_BOM = b"\xef\xbb\xbf"
_JSON_BLANK = b" \t\r"
_JSON_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_JSON_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_JSON_MAX_FLOAT32 = 3.4028234663852886e38 * (1 + 2.0**-25)
_JSON_NAMES = {
    bool: "a bool",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_JSON_NONE = type(None)
_JSON_INFINITY = float("inf")

JsonConvert = Callable[[Any, str], Any]
"""From a parsed value that is not null, and what messages call its field, to a value of the declared type."""


class _JsonHuge:
    """An integer of more digits than Python converts: valid, and out of every type's range."""


def _json_integer(text: str) -> Any:
    return int(text) if len(text) < 4000 else JSON_HUGE


def _json_constant(text: str) -> Any:
    raise Refused("syntax", f"not valid JSON: {text} is no JSON number")


def _json_fast_constant(text: str) -> Any:
    raise ValueError(text)


JSON_HUGE = _JsonHuge()
_JSON_DECODER = json.JSONDecoder(parse_int=_json_integer, parse_constant=_json_constant)
_json_fast: Any = json.JSONDecoder(parse_constant=_json_fast_constant)
_json_scan = _json_fast.scan_once


def json_value(text: str) -> Any:
    """Return the value of JSON text whose grammar is known to be good."""
    return _JSON_DECODER.decode(text)


def json_record(line: bytes) -> dict[str, Any]:
    """Return the object that a line (without its newline) holds.

    Raises `Refused` with the reason "utf8" (also for a lone surrogate), "depth", "syntax" or "not_object".
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Refused("utf8", f"not valid UTF-8 at byte {error.start + 1}", error.reason) from None
    if line.count(b"{") + line.count(b"[") > JSON_DEPTH:
        _json_check_depth(line)
    try:
        record = _JSON_DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Refused("syntax", f"not valid JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Refused("depth", f"nested more than {JSON_DEPTH} deep") from None
    if _JSON_SURROGATE.search(line):
        _json_check_surrogates(line)
    if not isinstance(record, dict):
        raise Refused("not_object", f"a record is a JSON object, not {_json_name(record)}")
    return record


def _json_check_depth(line: bytes) -> None:
    depth = 0
    for token in _JSON_TOKEN.finditer(line):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth > JSON_DEPTH:
                raise Refused("depth", f"nested more than {JSON_DEPTH} deep at byte {token.start() + 1}")
        elif token[0] in (b"}", b"]"):
            depth -= 1


def _json_check_surrogates(line: bytes) -> None:
    """Raise for half of a pair in a line of valid JSON, whose backslashes all belong to escapes."""
    first = None  # of a pair that is still open
    for escape in _JSON_ESCAPE.finditer(line):
        code = int(escape[1], 16) if escape[1] else 0
        second = 0xDC00 <= code <= 0xDFFF
        if second != (first is not None and first.end() == escape.start()) or (first is not None and not second):
            raise Refused("utf8", f"half of a surrogate pair at byte {(first or escape).start() + 1}")
        first = escape if 0xD800 <= code <= 0xDBFF else None
    if first is not None:
        raise Refused("utf8", f"half of a surrogate pair at byte {first.start() + 1}")


# -- values ---------------------------------------------------------------------------------------------------------


def json_converter(kind: Any, unit: str = "", time_format: str = "") -> JsonConvert:
    """Return the function to values of a type: bool, int (also times in ms), float, str, bytes, list, dict or None.

    It raises `Refused` with the reason "type" or "range", which names the field.
    """
    if isinstance(kind, list):
        return _json_list(json_converter(kind[0], unit, time_format))
    if isinstance(kind, tuple):
        return _json_struct(kind)
    if kind == "timestamp":
        return _json_timestamp(unit, time_format)
    return _JSON_SCALARS[kind]


def _json_list(item: JsonConvert) -> JsonConvert:
    def to_list(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise json_mismatch(name, "an array", value)
        return [None if v is None else item(v, f"{name}[{i}]") for i, v in enumerate(value)]

    return to_list


def _json_struct(fields: tuple[Any, ...]) -> JsonConvert:
    inner = [_JsonField(*field) for field in fields]

    def to_struct(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise json_mismatch(name, "an object", value)
        return {field.name: field.inside(value, name) for field in inner}

    return to_struct


class _JsonField:
    """A declared field: where it is in the record, and what its value becomes."""

    def __init__(self, name: str, kind: Any, path: tuple[str, ...] = (), unit: str = "", time_format: str = "") -> None:
        self.name = name
        self.kind = kind
        self.keys = path or (name,)
        self.unit = unit
        self.time_format = time_format
        self.convert = json_converter(kind, unit, time_format)

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


def _json_name(value: Any) -> str:
    return "null" if value is None else _JSON_NAMES.get(type(value), "an integer")


def json_mismatch(name: str, wanted: str, value: Any) -> Refused:
    """Return the refusal of a value of another type."""
    shown = "" if isinstance(value, dict | list) or value is JSON_HUGE else f" ({value!r:.100})"
    return Refused("type", f"field '{name}' takes {wanted}, not {_json_name(value)}{shown}", f"field {name}")


def _json_range(name: str, dtype: str) -> Refused:
    return Refused("range", f"field '{name}' is out of the range of {dtype}", f"field {name}")


def _json_bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise json_mismatch(name, "a bool", value)
    return value


def _json_whole(bits: int) -> JsonConvert:
    dtype, limit = f"int{bits}", 2 ** (bits - 1)

    def to_int(value: Any, name: str) -> int:
        if value is JSON_HUGE:
            raise _json_range(name, dtype)
        if isinstance(value, bool) or not isinstance(value, int):
            raise json_mismatch(name, f"an {dtype}", value)
        if not -limit <= value < limit:
            raise _json_range(name, dtype)
        return value

    return to_int


def _json_real(dtype: str, limit: float) -> JsonConvert:
    def to_float(value: Any, name: str) -> float:
        if value is JSON_HUGE:
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


def _json_narrow(value: Any, name: str) -> float:
    rounded = float32_of(_json_wide(value, name))
    assert rounded is not None
    return rounded


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


def _json_timestamp(unit: str, time_format: str) -> JsonConvert:
    wanted = f"a time of the form {time_format!r}" if time_format else "an ISO 8601 time"

    def to_time(value: Any, name: str) -> int:
        if isinstance(value, str):
            parsed = time_of_text(value, time_format)
            if parsed is None:
                raise json_mismatch(name, wanted, value)
            return parsed
        if isinstance(value, float):
            made = time_of_float(value, unit)
        elif value is JSON_HUGE:
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
    if value is JSON_HUGE:
        raise _json_range(name, "duration")
    if isinstance(value, bool) or not isinstance(value, int):
        raise json_mismatch(name, "a duration in whole milliseconds", value)
    if not -(2**63) <= value < 2**63:
        raise _json_range(name, "duration")
    return value


_JSON_SCALARS: dict[str, JsonConvert] = {
    "bool": _json_bool,
    "int32": _json_whole(32),
    "int64": _json_whole(64),
    "float32": _json_narrow,
    "float64": _json_real("float64", _JSON_INFINITY),
    "string": _json_string,
    "binary": _json_binary,
    "duration": _json_duration,
}


def json_at(record: dict[str, Any], keys: tuple[str, ...], convert: JsonConvert) -> Any:
    """Return the converted value at a path of a record, None for null or nothing; raises `Refused`."""
    value: Any = record
    for depth, key in enumerate(keys):
        if not isinstance(value, dict):
            raise json_mismatch(".".join(keys[:depth]), "an object", value)
        value = value.get(key)
        if value is None:
            return None
    return convert(value, ".".join(keys))


def json_present(value: Any, name: str) -> bool:
    """Return True for an object: the converter of a place that the schema looks into."""
    if not isinstance(value, dict):
        raise json_mismatch(name, "an object", value)
    return True


# -- many lines -----------------------------------------------------------------------------------------------------


class _JsonPlace:
    """A place of the record with one type; `known` the types whose values need no look, None where all do."""

    def __init__(self, keys: tuple[str, ...], kind: Any, convert: JsonConvert) -> None:
        self.keys = keys
        self.name = ".".join(keys)
        self.kind = kind
        self.convert = convert

    def column(self, values: list[Any], bad: set[int]) -> list[Any]:
        """Return the converted values; adds the numbers of those that are refused to `bad`."""
        kinds = set(map(type, values))
        if self._good(kinds, values):
            return values
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
        if kind == "string":
            return only is str
        if kind == "bool":
            return only is bool
        if kind in ("int64", "int32"):
            limit = 2**31 if kind == "int32" else 2**63
            return only is int and -limit <= _json_least(values) and _json_most(values) < limit
        if kind == "float64":
            return only is float and _json_least(values) > -_JSON_INFINITY and _json_most(values) < _JSON_INFINITY
        return False


def _json_least(values: list[Any]) -> Any:
    try:
        return min(values)
    except TypeError:
        return min(v for v in values if v is not None)


def _json_most(values: list[Any]) -> Any:
    try:
        return max(values)
    except TypeError:
        return max(v for v in values if v is not None)


class JsonLines:
    """Reads JSON lines by a schema. `fields` and types are as plain values (see `json_converter`)."""

    def __init__(self, fields: tuple[Any, ...], needed: tuple[str, ...]) -> None:
        self._places: list[_JsonPlace] = []
        self._known: set[tuple[str, ...]] = set()
        made = {field[0]: self._declare((), _JsonField(*field)) for field in fields}
        self._parts = {name: part for name, part in made.items() if name in needed}
        self.narrow = {field[0] for field in fields if field[1] == "float32" and field[0] in needed}

    def _declare(self, keys: tuple[str, ...], field: _JsonField) -> Any:
        """Note the places of a field; return how its column is made: a place, or (place, parts) for a struct."""
        for key in field.keys:
            if keys:
                self._object(keys)
            keys = (*keys, key)
        if not isinstance(field.kind, tuple):
            place = _JsonPlace(keys, field.kind, field.convert)
            self._places.append(place)
            return place
        present = self._object(keys)
        return present, [(inner[0], self._declare(keys, _JsonField(*inner))) for inner in field.kind]

    def _object(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        if keys not in self._known:
            self._known.add(keys)
            self._places.append(_JsonPlace(keys, None, json_present))
        return keys

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return `decode`, and 3 when the partition begins with a byte order mark, else 0."""
        what, hint = other_format(head)
        if what:
            raise Unreadable(f"{name}:1: {what}: {hint}")
        return self.decode, len(_JSON_BOM) if head.startswith(_JSON_BOM) else 0

    def decode(self, lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        """Return the rows, their columns and the records that are none; see `ports.portable.Portable`."""
        dead: list[Any] = []
        kept: list[int] = []
        records: list[Any] = []
        scan = _json_scan
        whole = b"".join(lines)  # looked at as one for what hardly any line has
        escapes = b"\\u" in whole
        for i, line in enumerate(lines):
            try:
                text = line.decode()
                record, end = scan(text, 0)
                good = (
                    type(record) is dict
                    and (end == len(text) or not text[end:].strip(" \t\r"))
                    and not (escapes and _JSON_SURROGATE.search(line))
                )
            except (ValueError, StopIteration, RecursionError):
                good = False
                record = None
            if not good:
                if not line.strip(_JSON_BLANK):
                    continue
                try:
                    record = json_record(line)
                except Refused as refused:
                    dead.append((at[i], refused.reason, refused.message, refused.detail, line))
                    continue
            kept.append(i)
            records.append(record)
        if whole.count(b"{") + whole.count(b"[") - len(kept) >= JSON_DEPTH:  # each has one at least
            kept, records = self._not_deep(lines, at, kept, records, dead)
        columns, bad = self._columns(records)
        if bad:
            dead += [self._refusal(lines[kept[row]], at[kept[row]]) for row in sorted(bad)]
            dead.sort(key=lambda letter: letter[0])
            columns = {
                name: [value for row, value in enumerate(values) if row not in bad] for name, values in columns.items()
            }
            kept = [i for row, i in enumerate(kept) if row not in bad]
        return kept, columns, dead

    def _not_deep(
        self, lines: list[bytes], at: list[int], kept: list[int], records: list[Any], dead: list[Any]
    ) -> tuple[list[int], list[Any]]:
        """Return what is left without the records that are nested too deep: those are dead letters."""
        left: list[int] = []
        for row, i in enumerate(kept):
            line = lines[i]
            if line.count(b"{") + line.count(b"[") > JSON_DEPTH:
                try:
                    _json_check_depth(line)
                except Refused as refused:
                    dead.append((at[i], refused.reason, refused.message, refused.detail, line))
                    continue
            left.append(row)
        dead.sort(key=lambda letter: letter[0])
        return [kept[row] for row in left], [records[row] for row in left]

    def _columns(self, records: list[Any]) -> tuple[dict[str, list[Any]], set[int]]:
        """Return the needed columns of all records, and the numbers of those that do not fit the schema."""
        bad: set[int] = set()
        objects: dict[tuple[str, ...], list[Any]] = {(): records}
        made: dict[int, list[Any]] = {}
        for place in self._places:
            *above, key = place.keys
            values = [None if o is None else o.get(key) for o in objects[tuple(above)]]
            if place.kind is None:
                if not set(map(type, values)) <= {dict, _JSON_NONE}:
                    bad.update(i for i, v in enumerate(values) if v is not None and type(v) is not dict)
                    values = [v if type(v) is dict else None for v in values]
                objects[place.keys] = values
            else:
                made[id(place)] = place.column(values, bad)
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
        record = json_record(line)
        try:
            for place in self._places:
                json_at(record, place.keys, place.convert)
        except Refused as refused:
            return (at, refused.reason, refused.message, refused.detail, line)
        raise AssertionError("both ways of reading must agree")
