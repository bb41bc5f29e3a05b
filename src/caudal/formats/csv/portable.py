"""The authority on what a line of CSV holds or what is wrong with it, in plain Python; it stands alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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

CSV_BOM = b"\xef\xbb\xbf"

_CSV_INTEGER = re.compile(r"[+-]?[0-9]+")
_CSV_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CSV_BOOLS = {"true": True, "false": False, "1": True, "0": False}
_CSV_MOST_DIGITS = 1000

CsvConvert = Callable[[str], Any]
"""From the text of a field to its value; raises `Refused` with the reason "type" or "range"."""


def csv_split(text: str, delimiter: str, quote: str) -> list[tuple[str, bool]]:
    """Return each field's text and whether it is quoted; raises `Refused` "syntax". `quote` may be "" for none."""
    if not quote or quote not in text:
        return [(field, False) for field in text.split(delimiter)]
    found: list[tuple[str, bool]] = []
    at = 0
    while True:
        if text.startswith(quote, at):
            parts: list[str] = []
            begin = at
            at += 1
            while True:
                end = text.find(quote, at)
                if end < 0:
                    where = f"field {len(found) + 1}, character {begin}"
                    raise Refused("syntax", "a quote is not closed on its line", where)
                parts.append(text[at:end])
                at = end + 1
                if not text.startswith(quote, at):
                    break
                parts.append(quote)
                at += 1
            if at < len(text) and text[at] != delimiter:
                where = f"field {len(found) + 1}, character {at}"
                raise Refused("syntax", "text stands behind a closing quote", where)
            found.append(("".join(parts), True))
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            found.append((text[at:end], False))
            at = end
        if at >= len(text):
            return found
        at += 1


def csv_header(head: bytes, at: int, comment: int) -> tuple[bytes, int, int]:
    """Return the first line from `at` that is neither empty nor a comment, where the next begins, its number from 1."""
    line = 0
    while at < len(head):
        end = head.find(b"\n", at)
        behind = len(head) if end < 0 else end + 1
        found = head[at : len(head) if end < 0 else end].removesuffix(b"\r")
        at = behind
        line += 1
        if found and found[0] != comment:
            return found, at, line
    return b"", at, line


def csv_converter(kind: str, unit: str = "", time_format: str = "") -> CsvConvert:
    """Return the function to values of a type: str, bool, int (also times in ms) or float."""
    if kind == "timestamp":
        return lambda text: _csv_timestamp(text, unit, time_format)
    return _CSV_SCALARS[kind]


def _csv_bool(text: str) -> bool:
    value = _CSV_BOOLS.get(text.lower() if text.isascii() else text)
    if value is None:
        raise Refused("type", f"is not true, false, 1 or 0: {_csv_shown(text)}")
    return value


def _csv_whole(kind: str, bits: int) -> CsvConvert:
    def to_int(text: str) -> int:
        if not _CSV_INTEGER.fullmatch(text):
            raise Refused("type", f"is not an integer: {_csv_shown(text)}")
        return _csv_integer(text, bits, kind)

    return to_int


def _csv_integer(text: str, bits: int, kind: str) -> int:
    if len(text) < 10:
        return int(text)
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits) if len(digits) < _CSV_MOST_DIGITS else 2**64
    value = -value if text[0] == "-" else value
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise Refused("range", f"is out of range for {kind}: {_csv_shown(text)}")
    return value


def _csv_real(kind: str) -> CsvConvert:
    def to_float(text: str) -> float:
        if not _CSV_DECIMAL.fullmatch(text):
            raise Refused("type", f"is not a number: {_csv_shown(text)}")
        return _csv_float(text, kind)

    return to_float


def _csv_float(text: str, kind: str) -> float:
    value: float | None = float(text)
    if kind == "float32" and abs(value) != float("inf"):
        value = float32_of(value)
    if value is None or abs(value) == float("inf"):
        raise Refused("range", f"is out of range for {kind}: {_csv_shown(text)}")
    return value


def _csv_duration(text: str) -> int:
    if _CSV_INTEGER.fullmatch(text):
        return _csv_integer(text, 64, "duration")
    value = duration_of_text(text)
    if value is None or value > MAX_DURATION:
        raise Refused("type", f"is not a duration: {_csv_shown(text)}")
    return value


def _csv_timestamp(text: str, unit: str, time_format: str) -> int:
    value = time_of_text(text, time_format)
    if value is not None:
        return value
    if time_format:
        raise Refused("type", f"is not a time as '{time_format}': {_csv_shown(text)}")
    if _CSV_INTEGER.fullmatch(text):
        value = time_of_int(_csv_integer(text, 64, "timestamp"), unit)
    elif _CSV_DECIMAL.fullmatch(text):
        value = time_of_float(_csv_float(text, "float64"), unit)
    else:
        raise Refused("type", f"is not a time: {_csv_shown(text)}")
    if value is None:
        raise Refused("range", f"is out of range for timestamp: {_csv_shown(text)}")
    return value


def _csv_shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


_CSV_SCALARS: dict[str, CsvConvert] = {
    "string": str,
    "bool": _csv_bool,
    "int32": _csv_whole("int32", 32),
    "int64": _csv_whole("int64", 64),
    "float32": _csv_real("float32"),
    "float64": _csv_real("float64"),
    "duration": _csv_duration,
}


class CsvRecords:
    """Reads lines of `width` fields. `wanted`: the name, the place in the line and the converter of each value."""

    def __init__(
        self, delimiter: str, quote: str, nulls: frozenset[str], wanted: list[tuple[str, int, CsvConvert]], width: int
    ) -> None:
        self._delimiter = delimiter
        self._quote = quote
        self._nulls = nulls
        self._wanted = wanted
        self._width = width

    def read(self, line: bytes) -> list[Any]:
        """Return the wanted values, None for null.

        Raises `Refused` with the reason "utf8", "syntax", "fields", "type" or "range", the first that applies.
        """
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise Refused("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
        if self._quote and self._quote in text:
            return self._values(csv_split(text, self._delimiter, self._quote))
        fields = text.split(self._delimiter)
        self._check_width(fields)
        nulls = self._nulls
        values: list[Any] = []
        for name, place, convert in self._wanted:
            value = fields[place]
            try:
                values.append(None if value in nulls else convert(value))
            except Refused as refused:
                raise _csv_at(refused, name, place) from None
        return values

    def _values(self, fields: list[tuple[str, bool]]) -> list[Any]:
        self._check_width(fields)
        values: list[Any] = []
        for name, place, convert in self._wanted:
            value, quoted = fields[place]
            try:
                values.append(None if not quoted and value in self._nulls else convert(value))
            except Refused as refused:
                raise _csv_at(refused, name, place) from None
        return values

    def _check_width(self, fields: list[Any]) -> None:
        if len(fields) != self._width:
            raise Refused("fields", f"the line has {len(fields)} fields, the header {self._width}")


def _csv_at(refused: Refused, name: str, place: int) -> Refused:
    return Refused(refused.reason, f"column '{name}' {refused.message}", f"field {place + 1} of the line")


class CsvLines:
    """Reads CSV by a schema. `fields` as plain values: (name, type, path, unit, time_format), the last three optional.

    `columns`: the names of the columns where there is no header line.
    """

    def __init__(
        self,
        fields: tuple[Any, ...],
        needed: tuple[str, ...],
        *,
        delimiter: str = ",",
        quote: str = '"',
        columns: tuple[str, ...] | None = None,
        null_values: tuple[str, ...] = ("",),
        comment: str = "",
    ) -> None:
        self._fields = [(name, kind, *more) for name, kind, *more in fields]
        self._needed = needed
        self._delimiter = delimiter
        self._quote = quote
        self._columns = columns
        self._nulls = frozenset(null_values)
        self._comment = comment.encode()
        self.narrow = {field[0] for field in fields if field[1] == "float32" and field[0] in needed}

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return `decode`, and the length of BOM, comments and header line; raises `Unreadable` for a wrong header."""
        skipped = len(CSV_BOM) if head.startswith(CSV_BOM) else 0
        if self._columns is not None:
            return self._decoder(list(self._columns)), skipped
        found, at, line = csv_header(head, skipped, self._comment[0] if self._comment else -1)
        if not found:
            return self._decoder([_csv_key(field) for field in self._fields]), at
        try:
            columns = [text for text, _ in csv_split(found.decode(), self._delimiter, self._quote)]
        except (Refused, UnicodeDecodeError) as error:
            message = error.message if isinstance(error, Refused) else "it is not UTF-8"
            raise Unreadable(f"{name}:{line}: cannot read the header: {message}") from None
        for key in map(_csv_key, self._fields):
            if columns.count(key) != 1:
                problem = "has no column" if key not in columns else "has more than one column"
                raise Unreadable(f"{name}:{line}: the header {problem} '{key}'")
        return self._decoder(columns), at

    def _decoder(self, columns: list[str]) -> Any:
        wanted = [
            (name, columns.index(_csv_key((name, kind, *more))), csv_converter(kind, *more[1:]))
            for name, kind, *more in self._fields
        ]
        records = CsvRecords(self._delimiter, self._quote, self._nulls, wanted, len(columns))
        places = [(i, field[0]) for i, field in enumerate(self._fields) if field[0] in self._needed]
        comment, single = self._comment, len(columns) == 1

        def decode(lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
            kept: list[int] = []
            rows: list[list[Any]] = []
            dead: list[Any] = []
            for i, line in enumerate(lines):
                if comment and line.startswith(comment):
                    continue
                if line.endswith(b"\r"):
                    line = line[:-1]
                if not line and not single:  # of one column, an empty line is an empty field
                    continue
                try:
                    rows.append(records.read(line))
                except Refused as refused:
                    dead.append((at[i], refused.reason, refused.message, refused.detail, line))
                    continue
                kept.append(i)
            return kept, {name: [row[i] for row in rows] for i, name in places}, dead

        return decode


def _csv_key(field: Any) -> str:
    """Return the name of a field's column in the header."""
    path = field[2] if len(field) > 2 else ()
    return path[0] if path else field[0]
