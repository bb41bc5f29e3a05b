"""Apache Parquet, by pyarrow.

Enters: the path of a file. Leaves: its rows as columns, in parts; rows as a file. May touch: columnar, ports, core,
pyarrow. Must never: import another format, a connector or the plan; read a file whole.

Only the needed columns are read, and those whose values can be refused. The types of the file are checked against
the declared ones before the first row: int32 and int64 take any integer, unsigned ones too, and decimals without a
scale; float64 any number, decimals among them, float32 also halves; string also dictionaries of strings, and decimals
with all their digits; timestamp any unit (floored to milliseconds; without a zone it is UTC, or of the source's
`timezone`), dates, and, as in the other formats, numbers of the field's `unit` and text; duration any unit, and integers
(milliseconds); a column without a value (pandas writes it as null) is of any type. Inside lists and structs only types
that hold every value. A declared `path` goes into structs. Positions are row numbers.

A record is refused for a timestamp that is written as text or as a number and is none ("type"), and for a number that
the declared type does not hold ("range"): an integer beyond int64, or one of more than 2**53 as float64. Text that is not
UTF-8, which the format forbids, is read with `\\xNN` for the bytes that are not.
"""

from __future__ import annotations

from caudal.core.types import Schema
from caudal.formats.parquet.reader import ParquetReader, schema_of
from caudal.formats.parquet.writer import ParquetEncoder
from caudal.ports.portable import Portable, plain_fields
from caudal.ports.records import Options

__all__ = ["FORMAT", "ParquetFormat", "schema_of"]


class ParquetFormat:
    """Parquet by name; keeps `ports.format.Format`. No options to read; to write: `row_group` (rows)."""

    name = "parquet"
    suffixes = (".parquet",)

    def __init__(self) -> None:
        self.reader_options: Options = {}
        self.writer_options: Options = {"row_group": 131_072}

    def default_schema(self, options: Options) -> Schema | None:
        """Return None: every file has its own columns (see `schema_of`)."""
        return None

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return the schema that the file states."""
        return schema_of(path)

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> ParquetReader:
        """Return a reader of whole files."""
        return ParquetReader(schema, needed)

    def portable(self, schema: Schema, needed: frozenset[str], options: Options) -> Portable:
        """Return a reader for scripts."""
        names = tuple(name for name in schema.names if name in needed)
        return Portable("caudal.formats.parquet.portable", f"ParquetFiles({plain_fields(schema)!r}, {names!r})")

    def encoder(self, schema: Schema, options: Options) -> ParquetEncoder:
        """Return an encoder; every type can be written. Raises `OptionError` for a `row_group` below 1."""
        return ParquetEncoder(schema, options)


FORMAT = ParquetFormat()
