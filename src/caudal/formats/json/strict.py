"""The authority on what a record means: one line at a time, in plain Python, with a reason for each refusal.

Grammar: RFC 8259 by the standard library's parser, with the limits that all readers share. Conversion: the rules of
`SEMANTICS`, "Input", one function per type.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import DataType, Field
from caudal.formats.json import values
from caudal.formats.json.shape import Shape, Slot
from caudal.formats.json.values import MAX_DEPTH

_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_MAX_FLOAT32 = float(np.finfo(np.float32).max) * (1 + 2.0**-25)
_NAMES = {bool: "a bool", int: "an integer", float: "a number", str: "a string", list: "an array", dict: "an object"}
_NONE = type(None)
_PLAIN = {"string": frozenset({str, _NONE}), "bool": frozenset({bool, _NONE})}  # items that need no conversion


class Refusal(Exception):
    """Why a line is no record: a stable `reason`, a `message` for people and a `detail`."""

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail


class _Huge:
    """An integer of more digits than Python converts: valid, and out of every type's range."""


def _integer(text: str) -> Any:
    return int(text) if len(text) < 4000 else _HUGE


def _constant(text: str) -> Any:
    raise Refusal("syntax", f"not valid JSON: {text} is no JSON number")


_HUGE = _Huge()
_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_constant)


def parse(line: bytes) -> dict[str, Any]:
    """Return the object that a line (without its newline) holds.

    Raises `Refusal` with the reason "utf8" (also for a lone surrogate), "depth", "syntax" or "not_object".
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Refusal("utf8", f"not valid UTF-8 at byte {error.start + 1}", error.reason) from None
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        _check_depth(line)
    try:
        record = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Refusal("syntax", f"not valid JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Refusal("depth", f"nested more than {MAX_DEPTH} deep") from None
    if _SURROGATE.search(line):
        _check_surrogates(line)
    if not isinstance(record, dict):
        raise Refusal("not_object", f"a record is a JSON object, not {_name(record)}")
    return record


def parse_lists(texts: list[bytes], slot: Slot) -> list[Any]:
    """Return the converted list (or the `Refusal` of one that does not fit) in each text, whose grammar is known."""
    found = _DECODER.decode(b"".join([b"[", b",".join(texts), b"]"]).decode())
    dtype, name = slot.field.dtype, ".".join(slot.keys)
    plain = _PLAIN.get(dtype.item.name if dtype.item else "", frozenset())
    for i, items in enumerate(found):
        if not plain.issuperset(map(type, items)):
            try:
                found[i] = convert(items, dtype, slot.field, name)
            except Refusal as refusal:
                found[i] = refusal
    return found


def _check_depth(line: bytes) -> None:
    depth = 0
    for token in _TOKEN.finditer(line):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth > MAX_DEPTH:
                raise Refusal("depth", f"nested more than {MAX_DEPTH} deep at byte {token.start() + 1}")
        elif token[0] in (b"}", b"]"):
            depth -= 1


def _check_surrogates(line: bytes) -> None:
    """Raise for half of a pair in a line of valid JSON, whose backslashes all belong to escapes."""
    first = None  # of a pair that is still open
    for escape in _ESCAPE.finditer(line):
        code = int(escape[1], 16) if escape[1] else 0
        second = 0xDC00 <= code <= 0xDFFF
        if second != (first is not None and first.end() == escape.start()) or (first is not None and not second):
            raise Refusal("utf8", f"half of a surrogate pair at byte {(first or escape).start() + 1}")
        first = escape if 0xD800 <= code <= 0xDBFF else None
    if first is not None:
        raise Refusal("utf8", f"half of a surrogate pair at byte {first.start() + 1}")


def convert_record(record: dict[str, Any], shape: Shape) -> list[tuple[Slot, Any]]:
    """Return each slot with its converted value (None: null).

    Raises `Refusal` with the reason "type" or "range", which names the field.
    """
    return [(slot, _slot_value(record, slot)) for slot in shape.slots]


def _slot_value(record: dict[str, Any], slot: Slot) -> Any:
    value: Any = record
    for depth, key in enumerate(slot.keys):
        if not isinstance(value, dict):
            raise _mismatch(".".join(slot.keys[:depth]), "an object", value)
        value = value.get(key)
        if value is None:
            return None
    if slot.kind == values.PRESENT:
        if not isinstance(value, dict):
            raise _mismatch(".".join(slot.keys), "an object", value)
        return True
    return convert(value, slot.field.dtype, slot.field, ".".join(slot.keys))


def convert(value: Any, dtype: DataType, declared: Field, name: str) -> Any:
    """Return a parsed JSON value as `dtype`: bool, int (also times in ms), float, str, bytes, list, dict or None.

    `declared` gives unit and time format, `name` what messages call the field. Raises `Refusal`.
    """
    if value is None:
        return None
    if dtype.item is not None:
        if not isinstance(value, list):
            raise _mismatch(name, "an array", value)
        return [convert(item, dtype.item, declared, f"{name}[{i}]") for i, item in enumerate(value)]
    if dtype.name == "struct":
        if not isinstance(value, dict):
            raise _mismatch(name, "an object", value)
        return {inner.name: _inner(value, inner, name) for inner in dtype.fields}
    return _SCALARS[dtype.name](value, declared, name)


def _inner(value: Any, declared: Field, name: str) -> Any:
    for key in declared.keys:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _mismatch(name, "an object", value)
        value = value.get(key)
        name = f"{name}.{key}"
    return convert(value, declared.dtype, declared, name)


def _name(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), "an integer")


def _mismatch(name: str, wanted: str, value: Any) -> Refusal:
    shown = "" if isinstance(value, dict | list) or value is _HUGE else f" ({value!r:.100})"
    return Refusal("type", f"field '{name}' takes {wanted}, not {_name(value)}{shown}", f"field {name}")


def _range(name: str, dtype: str) -> Refusal:
    return Refusal("range", f"field '{name}' is out of the range of {dtype}", f"field {name}")


def _bool(value: Any, declared: Field, name: str) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(name, "a bool", value)
    return value


def _whole(bits: int) -> Callable[[Any, Field, str], int]:
    dtype, limit = f"int{bits}", 2 ** (bits - 1)

    def to_int(value: Any, declared: Field, name: str) -> int:
        if value is _HUGE:
            raise _range(name, dtype)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mismatch(name, f"an {dtype}", value)
        if not -limit <= value < limit:
            raise _range(name, dtype)
        return value

    return to_int


def _real(dtype: str, limit: float) -> Callable[[Any, Field, str], float]:
    def to_float(value: Any, declared: Field, name: str) -> float:
        if value is _HUGE:
            raise _range(name, dtype)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(name, f"a {dtype}", value)
        try:
            value = float(value)
        except OverflowError:
            raise _range(name, dtype) from None
        if not -limit < value < limit:
            raise _range(name, dtype)
        return value

    return to_float


def _string(value: Any, declared: Field, name: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(name, "a string", value)
    return value


def _binary(value: Any, declared: Field, name: str) -> bytes:
    if not isinstance(value, str):
        raise _mismatch(name, "a base64 string", value)
    return from_base64(value.encode(), name)


def from_base64(text: bytes, name: str) -> bytes:
    """Return the bytes of base64 text (RFC 4648, with padding); raises `Refusal`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("type", f"field '{name}' is no base64 text", f"field {name}") from None


def _timestamp(value: Any, declared: Field, name: str) -> int:
    from caudal.columnar import times

    if isinstance(value, str):
        parsed = times.parse_text(value, declared.time_format)
        if parsed is None:
            wanted = f"a time of the form {declared.time_format!r}" if declared.time_format else "an ISO 8601 time"
            raise _mismatch(name, wanted, value)
        return parsed
    if isinstance(value, float):
        milliseconds, fits = times.from_floats(np.full(1, value), declared.unit)
    elif isinstance(value, bool) or not isinstance(value, int):
        if value is _HUGE:
            raise _range(name, "timestamp")
        raise _mismatch(name, "a time", value)
    elif not -(2**63) <= value < 2**63:
        raise _range(name, "timestamp")
    else:
        milliseconds, fits = times.from_ints(np.full(1, value), declared.unit)
    if not fits[0]:
        raise _range(name, "timestamp")
    return int(milliseconds[0])


def _duration(value: Any, declared: Field, name: str) -> int:
    if isinstance(value, str):
        try:
            return duration.parse(value)
        except PlanError:
            raise _mismatch(name, "a duration such as '1h30m'", value) from None
    if value is _HUGE:
        raise _range(name, "duration")
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(name, "a duration in whole milliseconds", value)
    if not -(2**63) <= value < 2**63:
        raise _range(name, "duration")
    return value


_SCALARS: dict[str, Callable[[Any, Field, str], Any]] = {
    "bool": _bool,
    "int32": _whole(32),
    "int64": _whole(64),
    "float32": _real("float32", _MAX_FLOAT32),
    "float64": _real("float64", math.inf),
    "string": _string,
    "binary": _binary,
    "timestamp": _timestamp,
    "duration": _duration,
}
