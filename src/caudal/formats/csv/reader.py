"""Header, decoder: blocks of lines to columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar import numbers, times, utf8
from caudal.columnar.column import ALL_VALID, NUMPY_TYPES, Bools, Ints
from caudal.columnar.draft import Draft
from caudal.core.dialects import other_format
from caudal.core.errors import InputError, OptionError, PlanError, nearest
from caudal.core.types import Field, Schema
from caudal.formats.csv.portable import CSV_BOM, CSV_JOINED, csv_header, csv_stripped
from caudal.formats.csv.scanner import HIGH, ODD, Dialect, Lines, Scanner
from caudal.formats.csv.strict import Bad, StrictReader
from caudal.observe.notices import Notice
from caudal.ports.records import Block, Dead, Decoded, Options

_SURE = 18
_HIDDEN = (
    "{count} records over several lines are of lines that have the right number of fields by themselves: a writer that does"
    " not quote lets its clients hide lines so (quoted_newlines=False reads them all)"
)
ENCODINGS = ("escape", "utf-8")
BOM = CSV_BOM


class CsvReader:
    """Reads CSV of one schema; keeps `ports.format.LineReader`."""

    def __init__(self, schema: Schema, needed: frozenset[str], options: Options) -> None:
        for field in schema:
            if field.dtype.is_nested or field.dtype.name == "binary":
                raise PlanError(
                    f"CSV has no {field.dtype} (column '{field.name}')",
                    hint="read it as a string, or use JSON or Parquet",
                )
            if len(field.keys) > 1:
                raise PlanError(f"column '{field.name}' has a path of {len(field.keys)} keys, but CSV is flat")
            times.check_format(field.time_format)
        self._schema = schema
        self._needed = needed
        self._dialect = read_dialect(options)
        self._header: bool = options["header"]
        self._columns = _column_names(options, schema)
        self._last: tuple[list[str], CsvDecoder] | None = None

    def open(self, head: bytes, name: str) -> tuple[CsvDecoder, int]:
        """Return the decoder, and the length of BOM, comments and header line. See `LineReader.open`."""
        what, hint = other_format(head)
        if what:
            raise InputError(what, location=f"{name}:1", hint=hint)
        skipped = len(BOM) if head.startswith(BOM) else 0
        if not self._header:
            return self._decoder(self._columns), skipped
        found, at, line = find_header(head, skipped, self._dialect)
        if not found:
            return self._decoder([f.keys[0] for f in self._schema]), at
        try:
            columns = [text for text, _ in StrictReader(self._dialect, (), [], 0).split(found.decode())]
        except (Bad, UnicodeDecodeError) as error:
            message = error.message if isinstance(error, Bad) else "it is not UTF-8"
            raise InputError("cannot read the header", location=f"{name}:{line}", detail=message) from None
        for field in self._schema:
            key = field.keys[0]
            if columns.count(key) == 1:
                continue
            problem = "has no column" if key not in columns else "has more than one column"
            raise InputError(
                f"the header {problem} '{key}'",
                location=f"{name}:{line}",
                detail=f"header: {found[:200].decode(errors='replace')}",
                hint=_header_hint(key, columns, self._dialect.delimiter),
            )
        return self._decoder(columns), at

    def _decoder(self, columns: list[str]) -> CsvDecoder:
        """Return a decoder of these columns: the last one where they are the same, as those of one source's files are."""
        if self._last is None or self._last[0] != columns:
            self._last = columns, CsvDecoder(self._schema, self._needed, self._dialect, columns)
        return self._last[1]


def _header_hint(key: str, columns: list[str], delimiter: int) -> str:
    """Return what to write where a header does not have a column just once."""
    if key in columns:
        return "declare the columns by columns=[...], header=False"
    for other in (",", ";", "\t", "|"):
        if ord(other) != delimiter and any(key in column.split(other) for column in columns):
            return f"the header is delimited by {other!r}: say delimiter={other!r}"
    return nearest(key, columns)


class CsvDecoder:
    """Decodes the blocks of one partition; keeps `ports.format.Decoder`. Holds no state between blocks."""

    def __init__(self, schema: Schema, needed: frozenset[str], dialect: Dialect, columns: list[str]) -> None:
        places = [columns.index(f.keys[0]) for f in schema]
        # every text is one: those that nobody needs have nothing to be checked
        wanted = sorted({p for f, p in zip(schema, places) if f.name in needed or f.dtype.name != "string"})
        slots = [-1] * len(columns)
        for slot, place in enumerate(wanted):
            slots[place] = slot
        self._fields = [_Source(field, slots[place]) for field, place in zip(schema, places)]
        self._needed = needed
        self._scanner = Scanner(dialect, slots)
        self.framer = self._scanner.framer
        self._strict = StrictReader(dialect, schema.fields, places, len(columns))

    def decode(self, block: Block) -> Decoded:
        """Return the rows of the block; see `Decoder.decode`."""
        if not self._ready():
            return self._decoded(block, self._scanner.unread(block.data, block.start, block.stop))
        with self._scanner.scanned(block.data, block.start, block.stop) as lines:
            return self._decoded(block, lines)

    def _decoded(self, block: Block, lines: Lines) -> Decoded:
        odd = (lines.status & ODD) != 0
        high = np.flatnonzero(lines.status & HIGH)
        if len(high):
            odd[high] |= ~utf8.valid(block.data, lines.start[high], lines.length[high])
        made = [s.convert(lines, odd, s.field.name in self._needed) for s in self._fields]
        position = lines.start + (block.position - block.start)
        dead: list[Dead] = []
        if odd.any():
            self._read_odd(block, lines, odd, position, made, dead)
        keep = ~odd
        every = bool(keep.all())
        columns = {
            source.field.name: values.column(None if every else keep)
            for source, values in zip(self._fields, made)
            if values is not None
        }
        rows = int(np.count_nonzero(keep))
        return Decoded(columns, rows, position if every else position[keep], dead, _notices(lines, dead))

    def _ready(self) -> bool:
        """Whether all that reads records is compiled; what is not is asked for."""
        return all([self._scanner.ready(), *(source.ready() for source in self._fields)])

    def _read_odd(
        self, block: Block, lines: Lines, odd: Bools, position: Ints, made: list[Draft | None], dead: list[Dead]
    ) -> None:
        """Read the odd lines strictly: put their values in place and unmark them, or add them to the dead letters."""
        for row in np.flatnonzero(odd).tolist():
            first = int(lines.start[row])
            raw = csv_stripped(block.data[first : first + int(lines.length[row])].tobytes())
            try:
                values = self._strict.read(raw)
            except Bad as bad:
                dead.append(Dead.of(int(position[row]), bad.reason, bad.message, raw, bad.detail))
                continue
            odd[row] = False
            for column, value in zip(made, values):
                if column is not None:
                    column.put(row, value)


@dataclass(frozen=True, slots=True)
class _Source:
    """A declared field and where the scanner puts its views."""

    field: Field
    slot: int

    def ready(self) -> bool:
        """Return whether values are parsed by machine code at once."""
        kind = self.field.dtype.name
        if kind == "timestamp":
            return times.ready(self.field.time_format)
        return kind in ("string", "bool") or numbers.ready(kind)

    def convert(self, lines: Lines, odd: Bools, needed: bool) -> Draft | None:
        """Mark the lines whose value does not fit as odd; return the values when they are needed."""
        kind = self.field.dtype.name
        if kind == "string" and not needed:
            return None
        data = lines.data
        start, length, valid = lines.fields[self.slot], lines.lengths[self.slot], lines.valid[self.slot]
        # Copies: the scanner's arrays are those of the next block too, and odd lines are put in place later.
        if kind == "string":
            return Draft(self.field.dtype, start.copy(), valid.copy(), length.copy(), data)
        if not valid.any():
            return Draft(self.field.dtype, np.zeros(len(valid), NUMPY_TYPES[kind]), valid.copy()) if needed else None
        values, ok = _parse(kind, self.field, data, start, length, valid)
        odd |= valid & ~ok
        return Draft(self.field.dtype, values, valid.copy()) if needed else None


def _parse(kind: str, field: Field, data: Any, start: Ints, length: Any, valid: Bools) -> tuple[Any, Bools]:
    if kind in ("int64", "int32", "duration"):
        values, ok = numbers.parse_ints(data, start, length, valid)
        if kind == "int32":
            ok &= (values >= -(2**31)) & (values < 2**31)
            values = values.astype(np.int32)
        return values, ok
    if kind in ("float64", "float32"):
        values, ok = numbers.parse_floats(data, start, length, valid)
        if kind == "float32":
            with np.errstate(over="ignore"):
                values = values.astype(np.float32)
            ok &= np.isfinite(values)
        return values, ok
    if kind == "bool":
        return numbers.parse_bools(data, start, length, valid)
    values, ok = times.parse(data, start, length, valid, field.time_format, local=field.local)
    if not field.time_format:
        _count_times(numbers.parse_ints, times.from_ints, field, data, start, length, valid, values, ok)
        _count_times(numbers.parse_floats, times.from_floats, field, data, start, length, valid, values, ok)
    return values, ok


def _count_times(
    parse: Any, scale: Any, field: Field, data: Any, start: Any, length: Any, valid: Any, values: Any, ok: Any
) -> None:
    """Read what is no ISO 8601 text as a count of the field's unit."""
    # Up to 18 characters an integer is read as one; a longer one must not pass for a float, so it is left as odd.
    rest = np.flatnonzero(valid & ~ok & (length <= _SURE))
    if len(rest) == 0:
        return
    counts, good = parse(data, start[rest], length[rest], ALL_VALID)
    scaled, fits = scale(counts, field.unit)
    rest = rest[good]
    values[rest] = scaled[good]
    ok[rest] = fits[good]


def read_dialect(options: Options) -> Dialect:
    """Return how to cut lines; raises `OptionError` for what is no single ASCII character, or the same one twice."""
    marks = {}
    for name in ("delimiter", "quote", "comment"):
        text = options[name]
        if text == "" and name != "delimiter":
            marks[name] = -1
            continue
        if len(text) != 1 or not text.isascii() or text in "\r\n":
            raise OptionError(f"option '{name}' of csv takes one ASCII character, not {text!r}")
        if ord(text) in marks.values():
            raise OptionError(f"option '{name}' of csv is the same as another: {text!r}")
        marks[name] = ord(text)
    if options["encoding"] not in ENCODINGS:
        hint = nearest(str(options["encoding"]), ENCODINGS)
        raise OptionError(f"option 'encoding' of csv is {options['encoding']!r}", hint=hint)
    nulls = options["null_values"]
    if not all(isinstance(text, str) for text in nulls):
        raise OptionError(f"option 'null_values' of csv takes a list of texts, not {nulls!r}")
    texts = tuple(text.encode() for text in nulls)
    return Dialect(
        marks["delimiter"],
        marks["quote"],
        marks["comment"],
        texts,
        bool(options["quoted_newlines"]),
        options["encoding"],
    )


def find_header(head: bytes, at: int, dialect: Dialect) -> tuple[bytes, int, int]:
    """Return the first record from `at` that is neither empty nor a comment, where the next begins, its line from 1."""
    quote = chr(dialect.quote) if dialect.quote >= 0 else ""
    return csv_header(head, at, dialect.comment, chr(dialect.delimiter), quote, dialect.newlines)


def _notices(lines: Lines, dead: list[Dead]) -> list[Notice]:
    found: list[Notice] = []
    if lines.joined:
        found.append(Notice("quoted_newlines", "", CSV_JOINED, lines.joined))
    if lines.hidden:
        found.append(Notice("hidden", "", _HIDDEN, lines.hidden, "warning"))
    if lines.texts:
        text = "{count} lines have quotes that enclose no field: they were read as text"
        found.append(Notice("quotes_as_text", "", text, lines.texts))
    renamed = sum(letter.reason == "columns" for letter in dead)
    if renamed:
        text = "{count} comments (#fields) name the columns anew: what stands behind them may be in the wrong columns"
        found.append(Notice("columns_renamed", "", text, renamed, "warning"))
    return found


def _column_names(options: Options, schema: Schema) -> list[str]:
    names = options["columns"]
    if options["header"]:
        if names is not None:
            raise OptionError("option 'columns' of csv is for files without a header", hint="add header=False")
        return []
    if names is None:
        return list(dict.fromkeys(f.keys[0] for f in schema))
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise OptionError(f"option 'columns' of csv takes a list of names, not {names!r}")
    for field in schema:
        if list(names).count(field.keys[0]) != 1:
            problem = "names no" if field.keys[0] not in names else "names more than one"
            raise OptionError(
                f"option 'columns' of csv {problem} '{field.keys[0]}'", hint=nearest(field.keys[0], names)
            )
    return list(names)
