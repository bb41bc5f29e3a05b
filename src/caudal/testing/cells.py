"""Cells of the tables in scenario files: text to values and back.

A cell is `null`, or is read as its column's type says: `3`, `0.5`, `true`, `192.0.2.7`, `1.5s` (a time: so long after the
epoch; or `2026-01-31T10:00:00Z`), `0x00ff` (binary). Text that would read as something else, lists and structs are JSON.
`!` and JSON is a value as it stands, whether it fits the column or not: what a broken record holds.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import DataType

_DECODER = json.JSONDecoder()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = 86_400_000
_SECONDS = re.compile(r"(-?)(\d+)(?:\.(\d{1,3}))?s")
_BARE = re.compile(r"[^\s\"\[{!#@|\x00-\x1f\x7f-](?:[^|\x00-\x1f\x7f]*[^\s|\x00-\x1f\x7f])?")


class Raw:
    """A value as it stands in a broken record."""

    def __init__(self, value: Any) -> None:
        self.value = value


class CellError(Exception):
    """A cell that cannot be read: what is wrong, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def split(line: str) -> list[str]:
    """Return the texts of a table line's cells; `|` inside JSON does not part them. Raises `CellError`."""
    cells: list[str] = []
    at = 0
    while True:
        start = len(line) - len(line[at:].lstrip())
        json_at = start + (line[start : start + 1] == "!")
        stop = start
        if line[json_at : json_at + 1] in ('"', "[", "{"):
            try:
                _, stop = _DECODER.raw_decode(line, json_at)
            except json.JSONDecodeError as error:
                raise CellError(f"cannot read the JSON of cell {len(cells) + 1}: {error.msg}") from None
        bar = line.find("|", stop)
        end = len(line) if bar < 0 else bar
        if stop > start and line[stop:end].strip():
            raise CellError(
                f"cell {len(cells) + 1} goes on behind its JSON: {line[stop:end].strip()!r}",
                hint="put the whole text in quotation marks",
            )
        cells.append(line[start:end].strip())
        if bar < 0:
            return cells
        at = bar + 1


def read(text: str, dtype: DataType) -> Any:
    """Return the value of a cell; times and durations are int milliseconds. Raises `CellError`."""
    if text == "null":
        return None
    if not text:
        raise CellError("the cell is empty", hint='write null, or "" for empty text')
    if text.startswith("!"):
        return Raw(_json(text[1:]))
    if dtype.is_nested:
        return _inner(_json(text), dtype)
    if text.startswith('"'):
        text = _json(text)
        if dtype.name == "string":
            return text
    return _READ[dtype.name](text)


def show(value: Any, dtype: DataType) -> str:
    """Return the text of a cell that reads as this value."""
    if value is None:
        return "null"
    if dtype.is_nested:
        return json.dumps(_outer(value, dtype), ensure_ascii=False)
    return _SHOW.get(dtype.name, str)(value)


def layout(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return table lines whose cells are padded to these widths."""
    return [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of the columns."""
    return [max(map(len, column)) for column in zip(*rows)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CellError(f"cannot read {text!r} as JSON: {error.msg}", hint='text is written "like this"') from None


def _inner(value: Any, dtype: DataType) -> Any:
    if value is None:
        return None
    if dtype.item is not None:
        if not isinstance(value, list):
            raise CellError(f"{json.dumps(value)} is no {dtype}", hint='write a JSON list such as ["a", "b"]')
        return [_inner(item, dtype.item) for item in value]
    if dtype.name == "struct":
        if not isinstance(value, Mapping):
            raise CellError(f"{json.dumps(value)} is no {dtype}", hint='write a JSON object such as {"a": 1}')
        unknown = [key for key in value if key not in [f.name for f in dtype.fields]]
        if unknown:
            raise CellError(f"the struct has no field '{unknown[0]}'", hint=str(dtype))
        return {f.name: _inner(value.get(f.name), f.dtype) for f in dtype.fields}
    if isinstance(value, str):
        return value if dtype.name == "string" else _READ[dtype.name](value)
    if dtype.name == "string":
        raise CellError(f"{json.dumps(value)} is no string", hint="put it in quotation marks")
    return _READ[dtype.name](json.dumps(value))


def _outer(value: Any, dtype: DataType) -> Any:
    if value is None:
        return None
    if dtype.item is not None:
        return [_outer(item, dtype.item) for item in value]
    if dtype.name == "struct":
        return {f.name: _outer(value[f.name], f.dtype) for f in dtype.fields}
    if dtype.is_integer or dtype.name in ("bool", "string") or (dtype.is_float and math.isfinite(value)):
        return value
    return show(value, dtype)


def _whole(bits: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"-?\d+", text):
            raise CellError(f"{text!r} is no int{bits}", hint="write a whole number, or !" + json.dumps(text))
        value = int(text)
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise CellError(f"{text} is out of the range of int{bits}", hint=f"write !{text} for a broken record")
        return value

    return convert


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CellError(f"{text!r} is no number", hint="write 0.5, 1e9, NaN, inf or -inf") from None


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise CellError(f"{text!r} is no bool", hint="write true or false")
    return text == "true"


def _binary(text: str) -> bytes:
    try:
        if not text.startswith("0x"):
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise CellError(f"{text!r} is no binary value", hint="write its bytes in hexadecimal: 0x00ff") from None


def span(text: str) -> int:
    """Return a duration such as `1.5s`, `-2s` or `1h30m` in milliseconds; raises `CellError`."""
    found = _SECONDS.fullmatch(text)
    if found:
        value = int(found[2]) * 1000 + int((found[3] or "").ljust(3, "0"))
        return -value if found[1] else value
    try:
        return -duration.parse(text[1:]) if text.startswith("-") else duration.parse(text)
    except PlanError:
        raise CellError(f"{text!r} is no time", hint="write 3s, 1.5s, 250ms or 1h30m") from None


def _timestamp(text: str) -> int:
    try:
        return span(text)
    except CellError as error:
        hint = error.hint
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise CellError(f"{text!r} is no time", hint=hint + ", or 2026-01-31T10:00:00Z") from None
    return ((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)) - _EPOCH) // _MS


def _show_span(value: int) -> str:
    whole, part = divmod(abs(value), 1000)
    return f"{'-' if value < 0 else ''}{whole}{f'.{part:03}'.rstrip('0') if part else ''}s"


def _show_timestamp(value: int) -> str:
    if abs(value) < _DAY:
        return _show_span(value)
    try:
        shown = (_EPOCH + value * _MS).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    except OverflowError:
        return _show_span(value)
    return (shown[:-4] if shown.endswith(".000") else shown).rjust(19, "0") + "Z"


def _show_string(value: str) -> str:
    bare = _BARE.fullmatch(value) and value != "null"
    return value if bare else json.dumps(value, ensure_ascii=not value.isprintable())


def _show_real(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(value)


_READ: dict[str, Callable[[str], Any]] = {
    "bool": _bool,
    "int32": _whole(32),
    "int64": _whole(64),
    "float32": _real,
    "float64": _real,
    "string": lambda text: text,
    "binary": _binary,
    "timestamp": _timestamp,
    "duration": span,
}
_SHOW: dict[str, Callable[[Any], str]] = {
    "bool": lambda value: "true" if value else "false",
    "float32": _show_real,
    "float64": _show_real,
    "string": _show_string,
    "binary": lambda value: "0x" + value.hex(),
    "timestamp": _show_timestamp,
    "duration": _show_span,
}
