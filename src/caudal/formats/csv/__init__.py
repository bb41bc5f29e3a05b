"""CSV by RFC 4180.

Enters: blocks of whole records, a schema. Leaves: typed columns and dead letters; rows as text.
May touch: columnar, ports, core; polars to write. Must never: import another format, a connector or the plan.

A quoted field may hold delimiters, doubled quotes, and newlines where it closes in time and the number of fields is right
(`framing`); else the quotes of its first line are text. A quote inside an unquoted field is text. A line may end with CR LF;
an empty line is no record, save where there is one column; NULs and BOMs at the head of a line are skipped. The header maps the
declared fields (by their `path`, else
their name) to columns; what is not declared is not read, but its UTF-8, its quotes and the number of fields count.

An unquoted field that is one of `null_values` (the empty one by default) is null; a quoted one never is. Quotes
do not make a text: `"200"` is a good int64. Values are read strictly: int32, int64 (digits with an optional sign),
float32, float64 (decimal, with an optional exponent; no NaN, no infinity), bool (true, false, 1, 0), string,
timestamp (`time_format`; without one ISO 8601, or a number of the field's `unit`: integers are milliseconds, floats
seconds, by default), duration (integer milliseconds, or `1h30m`). Binary, lists and structs are not in CSV.

Reasons of dead letters: "utf8", "columns" (Zeek's #fields as a comment), "syntax", "fields" (too few, too many), "type", "range".
"""

from __future__ import annotations

from caudal.core.types import Schema
from caudal.formats.csv.infer import guess, infer
from caudal.formats.csv.reader import CsvReader
from caudal.formats.csv.writer import CsvEncoder
from caudal.ports.portable import Portable, plain_fields
from caudal.ports.records import Options

__all__ = ["FORMAT", "CsvFormat", "infer"]


class CsvFormat:
    """CSV by name; keeps `ports.format.Format`.

    Reader: `delimiter`, `quote` ("" for none), `header`, `columns` (names, where header=False; by default the
    schema's), `null_values`, `quoted_newlines`, `comment` (lines that begin with this character are skipped), `encoding`
    ("escape", or "utf-8": strictly). Writer: `delimiter`, `header`.
    """

    name = "csv"
    suffixes = (".csv",)

    def __init__(self) -> None:
        self.reader_options: Options = {
            "delimiter": ",",
            "quote": '"',
            "header": True,
            "columns": None,
            "null_values": [""],
            "comment": "",
            "quoted_newlines": True,
            "encoding": "escape",
        }
        self.writer_options: Options = {"delimiter": ",", "header": True}

    def default_schema(self, options: Options) -> Schema | None:
        """Return None: every CSV has its own columns."""
        return None

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return a schema that accepts every record of the sample; see `infer.infer`."""
        return infer(sample, options)

    def guess(self, sample: bytes, given: Options) -> Options | None:
        """Return the options that a sample seems to want; see `infer.guess`."""
        return guess(sample, given)

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> CsvReader:
        """Return a reader; raises `PlanError` for types that CSV has not, `OptionError` for options that cannot be."""
        return CsvReader(schema, needed, options)

    def portable(self, schema: Schema, needed: frozenset[str], options: Options) -> Portable:
        """Return a reader for scripts; raises what `reader` raises."""
        self.reader(schema, needed, options)
        names = tuple(name for name in schema.names if name in needed)
        given = [
            f"{name}={options[name]!r}" for name in ("delimiter", "quote", "comment", "quoted_newlines", "encoding")
        ]
        if not options["header"]:
            columns = options["columns"] or dict.fromkeys(f.keys[0] for f in schema)
            given.append(f"columns={tuple(columns)!r}")
        given.append(f"null_values={tuple(options['null_values'])!r}")
        call = f"CsvLines({plain_fields(schema)!r}, {names!r}, {', '.join(given)})"
        return Portable("caudal.formats.csv.portable", call)

    def encoder(self, schema: Schema, options: Options) -> CsvEncoder:
        """Return an encoder; raises `PlanError` for lists, structs and binary."""
        return CsvEncoder(schema, options)


FORMAT = CsvFormat()
