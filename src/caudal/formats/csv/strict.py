"""The strict reader: one line at a time, in Python. It is the authority on what a record holds or what is wrong."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

from caudal.columnar import times
from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import Field
from caudal.formats.csv.scanner import Dialect

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLS = {"true": True, "false": False, "1": True, "0": False}
_MOST_DIGITS = 1000


class Bad(Exception):
    """Why a line is no row: a code, a line for people, what stands where."""

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail


class StrictReader:
    """Reads lines of `width` fields; `columns[i]` is the place in the line of `declared[i]`."""

    def __init__(self, dialect: Dialect, declared: tuple[Field, ...], columns: list[int], width: int) -> None:
        self._delimiter = chr(dialect.delimiter)
        self._quote = chr(dialect.quote) if dialect.quote >= 0 else ""
        self._nulls = {n.decode() for n in dialect.nulls}
        self._declared = declared
        self._columns = columns
        self._width = width

    def read(self, line: bytes) -> list[Any]:
        """Return the declared values: int (milliseconds for times), float, bool, bytes for strings, None for null.

        Raises `Bad` with the reason "utf8", "syntax", "fields", "type" or "range", the first that applies.
        """
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise Bad("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
        found = self.split(text)
        if len(found) != self._width:
            raise Bad("fields", f"the line has {len(found)} fields, the header {self._width}")
        values = []
        for field, column in zip(self._declared, self._columns):
            value, quoted = found[column]
            if not quoted and value in self._nulls:
                values.append(None)
                continue
            try:
                values.append(convert(value, field))
            except Bad as bad:
                raise Bad(
                    bad.reason, f"column '{field.name}' {bad.message}", f"field {column + 1} of the line"
                ) from None
        return values

    def split(self, text: str) -> list[tuple[str, bool]]:
        """Return each field's text and whether it is quoted; raises `Bad` "syntax"."""
        quote, delimiter = self._quote, self._delimiter
        found: list[tuple[str, bool]] = []
        at = 0
        while True:
            if quote and text.startswith(quote, at):
                parts = []
                begin = at
                at += 1
                while True:
                    end = text.find(quote, at)
                    if end < 0:
                        raise Bad(
                            "syntax", "a quote is not closed on its line", f"field {len(found) + 1}, character {begin}"
                        )
                    parts.append(text[at:end])
                    at = end + 1
                    if not text.startswith(quote, at):
                        break
                    parts.append(quote)
                    at += 1
                if at < len(text) and text[at] != delimiter:
                    raise Bad("syntax", "text stands behind a closing quote", f"field {len(found) + 1}, character {at}")
                found.append(("".join(parts), True))
            else:
                end = text.find(delimiter, at)
                end = len(text) if end < 0 else end
                found.append((text[at:end], False))
                at = end
            if at >= len(text):
                return found
            at += 1


def convert(text: str, field: Field) -> Any:
    """Return the value of a field's text by its declared type; raises `Bad` "type" or "range"."""
    kind = field.dtype.name
    if kind == "string":
        return text.encode()
    if kind == "bool":
        value = _BOOLS.get(text.lower() if text.isascii() else text)
        if value is None:
            raise Bad("type", f"is not true, false, 1 or 0: {_shown(text)}")
        return value
    if kind in ("int32", "int64"):
        if not _INTEGER.fullmatch(text):
            raise Bad("type", f"is not an integer: {_shown(text)}")
        return _integer(text, 32 if kind == "int32" else 64, kind)
    if kind in ("float32", "float64"):
        if not _DECIMAL.fullmatch(text):
            raise Bad("type", f"is not a number: {_shown(text)}")
        return _float(text, kind)
    if kind == "duration":
        return _duration(text)
    return _timestamp(text, field)


def _integer(text: str, bits: int, kind: str) -> int:
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits) if len(digits) < _MOST_DIGITS else 2**64
    value = -value if text[0] == "-" else value
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise Bad("range", f"is out of range for {kind}: {_shown(text)}")
    return value


def _float(text: str, kind: str) -> float:
    value = float(text)
    if kind == "float32":
        try:
            value = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            value = float("inf")
    if value in (float("inf"), float("-inf")):
        raise Bad("range", f"is out of range for {kind}: {_shown(text)}")
    return value


def _duration(text: str) -> int:
    if _INTEGER.fullmatch(text):
        return _integer(text, 64, "duration")
    try:
        return duration.parse(text)
    except PlanError:
        raise Bad("type", f"is not a duration: {_shown(text)}") from None


def _timestamp(text: str, field: Field) -> int:
    value = times.parse_text(text, field.time_format)
    if value is not None:
        return value
    if field.time_format:
        raise Bad("type", f"is not a time as '{field.time_format}': {_shown(text)}")
    if _INTEGER.fullmatch(text):
        values, ok = times.from_ints(np.array([_integer(text, 64, "timestamp")], np.int64), field.unit)
    elif _DECIMAL.fullmatch(text):
        values, ok = times.from_floats(np.array([_float(text, "float64")]), field.unit)
    else:
        raise Bad("type", f"is not a time: {_shown(text)}")
    if not ok[0]:
        raise Bad("range", f"is out of range for timestamp: {_shown(text)}")
    return int(values[0])


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
