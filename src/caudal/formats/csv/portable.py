"""The authority on what a line of CSV holds or what is wrong with it, in plain Python; it stands alone."""

from __future__ import annotations

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

CSV_BOM = b"\xef\xbb\xbf"
CSV_SPAN = 64 * 1024
"""Bytes within which a quoted field must close that holds newlines."""
CSV_RENAMES = b"#fields\t"
"""How Zeek names columns, in what is a comment to us."""
CSV_JOINED = "{count} records go over several lines (quoted)"
CSV_LINE = 1024 * 1024
"""Bytes of the longest line of a record over several lines."""

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


def csv_stripped(line: bytes) -> bytes:
    """Return a line without the NULs and byte order marks at its head, which rotation and `cat` leave there."""
    while line[:1] == b"\0" or line[:3] == CSV_BOM:
        line = line.lstrip(b"\0").removeprefix(CSV_BOM)
    return line


def csv_header(
    head: bytes, at: int, comment: int, delimiter: str = ",", quote: str = "", newlines: bool = False
) -> tuple[bytes, int, int]:
    """Return the first record from `at` that is neither empty nor a comment, where the next begins, its line from 1."""
    lines = head[at:].split(b"\n")
    behind = at
    for i, line in enumerate(lines):
        found = csv_stripped(line).removesuffix(b"\r")
        behind = min(behind + len(line) + 1, len(head))
        if not found or found[0] == comment:
            continue
        if newlines and quote:
            records, used = CsvFrames(delimiter, quote, "", 0).cut(lines[i:], final=True, most=1)
            behind = min(behind + sum(len(more) + 1 for more in lines[i + 1 : i + used]), len(head))
            found = csv_stripped(records[0]).removesuffix(b"\r")
        return found, behind, i + 1
    return b"", len(head), len(lines) - (not lines[-1])


def csv_renamed() -> Refused:
    """Return what is wrong with a comment that names the columns: what stands behind it may stand in another order."""
    return Refused("columns", "a comment names the columns anew (#fields): those behind it may be others")


class CsvFrames:
    """Tells where records end that go over several lines; `width`: the number of their fields, 0 for any.

    A quoted field may hold newlines only if it closes within `CSV_SPAN` bytes, a delimiter or the line's end follows,
    and the record then has `width` fields; else its first line stands alone. What follows an open quote is the same
    for all records that leave it open at the same newline, so it is followed once and remembered.
    """

    def __init__(self, delimiter: str, quote: str, comment: str, width: int) -> None:
        self._delimiter = delimiter.encode()
        self._quote = quote.encode()
        self._comment = comment.encode()
        self.width = width
        self.joined = self.hidden = 0
        """How many records over several lines there have been, and how many of them are of lines that fit by themselves."""

    def cut(self, lines: list[bytes], *, final: bool, most: int = 0) -> tuple[list[bytes], int]:
        """Return records, those over several lines with their newlines, and how many lines they are (all if `final`).

        `most`: return that many at most, 0 for all.
        """
        records: list[bytes] = []
        quote = self._quote
        if not most and not any(quote in line for line in lines):
            return lines, len(lines)
        path = _CsvPath(self, lines, final)
        at = 0
        while at < len(lines) and not (most and len(records) == most):
            line = lines[at]
            behind = at + 1
            if quote in line and not (self._comment and csv_stripped(line).startswith(self._comment)):
                begin = len(line) - len(csv_stripped(line))
                state, passed, opened = self.walk(line, begin, -1)
                if state == "open":
                    end = path.end(behind, passed, opened - len(line) - 1)
                    if end is None:
                        break
                    behind = end or behind
            records.append(line if behind == at + 1 else b"\n".join(lines[at:behind]))
            if behind > at + 1:
                self.joined += 1
                counts = {line.count(self._delimiter) for line in lines[at:behind]}
                self.hidden += self.width > 1 and counts == {self.width - 1}
            at = behind
        return records, at

    def walk(self, line: bytes, at: int, opened: int) -> tuple[str, int, int]:
        """Follow a line from `at`: how it ends ("closed", "open", "bad"), its delimiters, and where the open quote is.

        `opened`: where the quote that is open at `at` stands, from -2 down: before the line; -1 where none is.
        """
        delimiter, quote = self._delimiter, self._quote
        begin, passed, later = at, 0, opened < -1
        inside = later
        while True:
            if not inside:
                if not line.startswith(quote, at):
                    at = line.find(delimiter, at)
                    if at < 0:
                        return "bad" if later and len(line) > CSV_LINE else "closed", passed, -1
                    passed += 1
                    at += 1
                    continue
                opened, at = at, at + 1
            found = line.find(quote, at)
            at = len(line) if found < 0 else found
            if (opened < 0 and at - opened > CSV_SPAN) or (later and at > CSV_LINE):
                return "bad", passed, -1
            if found < 0:
                bad = at - opened > CSV_SPAN or at - begin > CSV_LINE
                return "bad" if bad else "open", passed, opened
            at += 1
            inside = line.startswith(quote, at)
            if inside:
                at += 1
                continue
            if at == len(line) or line[at:] == b"\r":
                return "closed", passed, -1
            if not line.startswith(delimiter, at):
                return "bad", passed, -1
            passed += 1
            at += 1


class _CsvPath:
    """What follows the quote that is open at a newline, followed once for all records that leave it open there."""

    def __init__(self, frames: CsvFrames, lines: list[bytes], final: bool) -> None:
        self._frames = frames
        self._lines = lines
        self._final = final
        self._first = self._next = -1
        self._passed: list[int] = []
        """The delimiters from `_first` on before each line."""
        self._opened = 0
        self._ended: bool | None = None

    def end(self, line: int, passed: int, opened: int) -> int | None:
        """Return behind which line a record ends whose first line (before `line`) left a quote open; 0 where it is no
        record over several lines, None where the lines do not tell yet. `opened`: where the quote is, before `line`."""
        if not self._first <= line <= self._next:
            self._first = self._next = line
            self._passed, self._opened, self._ended = [0], opened, None
        width = self._frames.width
        before = self._passed[line - self._first] - passed
        while self._ended is None and (not width or self._passed[-1] - before < width):
            if self._next == len(self._lines):
                if not self._final:
                    return None
                self._ended = False
                break
            text = self._lines[self._next]
            state, more, at = self._frames.walk(text, 0, self._opened)
            if state == "bad":
                self._ended = False
                break
            self._passed.append(self._passed[-1] + more)
            if state == "closed":
                self._ended = True
            else:
                self._next += 1
                self._opened = at - len(text) - 1
        fits = not width or self._passed[-1] - before + 1 == width
        return self._next + 1 if self._ended and fits else 0


def csv_converter(kind: str, unit: str = "", time_format: str = "", local: bool = False) -> CsvConvert:
    """Return the function to values of a type: str, bool, int (also times in ms) or float."""
    if kind == "timestamp":
        return lambda text: _csv_timestamp(text, unit, time_format, local)
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


def _csv_timestamp(text: str, unit: str, time_format: str, local: bool) -> int:
    value = time_of_text(text, time_format, local)
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
        self,
        delimiter: str,
        quote: str,
        nulls: frozenset[str],
        wanted: list[tuple[str, int, CsvConvert]],
        width: int,
        encoding: str = "escape",
    ) -> None:
        self._errors = "backslashreplace" if encoding == "escape" else "strict"
        self._delimiter = delimiter
        self._quote = quote
        self._nulls = nulls
        self._wanted = wanted
        self._width = width

    def read(self, line: bytes) -> list[Any]:
        """Return the wanted values, None for null.

        Quotes that do not give the right number of fields are text, if it is right then. Raises `Refused` with the reason
        "utf8", "syntax", "fields", "type" or "range", the first that applies.
        """
        try:
            text = line.decode(errors=self._errors)
        except UnicodeDecodeError as error:
            raise Refused("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
        fields = text.split(self._delimiter)
        if self._quote and self._quote in text:
            try:
                quoted = csv_split(text, self._delimiter, self._quote)
                if len(quoted) == self._width:
                    return self._values(quoted)
                self._check_width(fields)
            except Refused as refused:
                if refused.reason not in ("syntax", "fields") or len(fields) != self._width:
                    raise
        self._check_width(fields)
        values: list[Any] = []
        for name, place, convert in self._wanted:
            value = fields[place]
            try:
                values.append(None if value in self._nulls else convert(value))
            except Refused as refused:
                raise _csv_at(refused, name, place) from None
        return values

    def _values(self, fields: list[tuple[str, bool]]) -> list[Any]:
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
    """Reads CSV by a schema. `fields` as plain values: (name, type, path, unit, time_format, local), the last four optional.

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
        quoted_newlines: bool = True,
        encoding: str = "escape",
    ) -> None:
        self._encoding = encoding
        self._fields = [(name, kind, *more) for name, kind, *more in fields]
        self._needed = needed
        self._delimiter = delimiter
        self._quote = quote
        self._columns = columns
        self._nulls = frozenset(null_values)
        self._comment = comment
        self._newlines = quoted_newlines and bool(quote)
        self.narrow = {field[0] for field in fields if field[1] == "float32" and field[0] in needed}

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return `decode`, and the length of BOM, comments and header line; raises `Unreadable` for a wrong header."""
        what, hint = other_format(head)
        if what:
            raise Unreadable(f"{name}:1: {what}: {hint}")
        skipped = len(CSV_BOM) if head.startswith(CSV_BOM) else 0
        if self._columns is not None:
            return self._decoder(list(self._columns)), skipped
        comment = ord(self._comment) if self._comment else -1
        found, at, line = csv_header(head, skipped, comment, self._delimiter, self._quote, self._newlines)
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
        records = CsvRecords(self._delimiter, self._quote, self._nulls, wanted, len(columns), self._encoding)
        places = [(i, str(field[0])) for i, field in enumerate(self._fields) if field[0] in self._needed]
        frames = CsvFrames(self._delimiter, self._quote, self._comment, len(columns)) if self._newlines else None
        return CsvDecode(records, frames, places, self._comment.encode(), len(columns) == 1)


class CsvDecode:
    """Decodes lines; `frames` tells which of them are one record (None: each is one)."""

    def __init__(
        self, records: CsvRecords, frames: CsvFrames | None, places: list[tuple[int, str]], comment: bytes, single: bool
    ) -> None:
        self.frames = frames
        self._records = records
        self._places = places
        self._comment = comment
        self._single = single

    def told(self) -> list[tuple[str, int]]:
        """Return what is to be told of the file, with how often."""
        return [] if self.frames is None else [(CSV_JOINED, self.frames.joined)]

    def __call__(self, lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        kept: list[int] = []
        rows: list[list[Any]] = []
        dead: list[Any] = []
        for i, line in enumerate(lines):
            if line[:1] in (b"\0", b"\xef"):
                line = csv_stripped(line)
            renamed = self._comment != b"" and line.startswith(self._comment)
            if renamed and not line.startswith(CSV_RENAMES):
                continue
            line = line.removesuffix(b"\r")
            if not line and not self._single:  # of one column, an empty line is an empty field
                continue
            try:
                if renamed:
                    raise csv_renamed()
                rows.append(self._records.read(line))
            except Refused as refused:
                dead.append((at[i], refused.reason, refused.message, refused.detail, line))
                continue
            kept.append(i)
        return kept, {name: [row[i] for row in rows] for i, name in self._places}, dead


def _csv_key(field: Any) -> str:
    """Return the name of a field's column in the header."""
    path = field[2] if len(field) > 2 else ()
    return path[0] if path else field[0]
