"""JSON lines: one object a line, RFC 8259, with texts that attackers may have written read leniently.

Enters: blocks of whole lines, a schema and the columns that are needed; Arrow tables to write. Leaves: columns with
the position of each row's line, dead letters with a reason; bytes of JSON lines. May touch: core, columnar, ports.
Must never: let a line's validity depend on what is needed, compile anything for a pipeline, raise for what data holds.

Readers agree on every line: a tree of learnt line shapes and a general parser, both compiled (`scanner`), and a parser in
Python (`grammar`, `portable`), which has the last word and gives the reasons. Scripts have only the latter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.ports.portable import Portable, plain_fields
from caudal.ports.records import Options

if TYPE_CHECKING:
    from caudal.formats.json.inner import InnerReader
    from caudal.formats.json.reader import JsonReader
    from caudal.formats.json.writer import JsonEncoder


class JsonFormat:
    """The format `json`: keeps the contract of `ports.format.Format`.

    Reader: `encoding`, "escape" or "utf-8" (strictly); `inner`, (field, format) or (field, format, options): the field holds a line
    of another format, whose columns stand beside those of `schema=`.
    """

    name = "json"
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson", ".json")

    def __init__(self) -> None:
        self.reader_options: Options = {"encoding": "escape", "inner": None}
        self.writer_options: Options = {}

    def default_schema(self, options: Options) -> Schema | None:
        """Return None: JSON lines carry any fields; of an envelope no field need be declared."""
        return Schema([]) if options.get("inner") else None

    def within(self, options: Options) -> Schema:
        """Return the columns of the line in the field that `inner` names; raises `OptionError`, `PlanError`."""
        if not options["inner"]:
            return Schema([])
        from caudal.formats.json.inner import Inner

        return Inner.of(options["inner"]).schema

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return a schema that accepts every record of the sample; see `infer.infer`."""
        from caudal.formats.json.infer import infer

        return infer(sample)

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> JsonReader | InnerReader:
        """Return a reader; raises `PlanError` for a time format or unit that does not exist, `OptionError`."""
        from caudal.formats.json.reader import JsonReader

        if options["inner"]:
            from caudal.formats.json.inner import Inner

            return Inner.of(options["inner"]).reader(schema, needed, options["encoding"])
        return JsonReader(schema, needed, encoding=options["encoding"])

    def portable(self, schema: Schema, needed: frozenset[str], options: Options) -> Portable:
        """Return a reader for scripts; raises what `reader` raises, `PlanError` for envelopes."""
        if options["inner"]:
            raise PlanError("lines within JSON are read by the local engine alone", hint="--engine local")
        self.reader(schema, needed, options)
        names = tuple(name for name in schema.names if name in needed)
        call = f"JsonLines({plain_fields(schema)!r}, {names!r}, encoding={options['encoding']!r})"
        return Portable("caudal.formats.json.portable", call)

    def encoder(self, schema: Schema, options: Options) -> JsonEncoder:
        """Return an encoder of JSON lines; every type can be written."""
        from caudal.formats.json.writer import JsonEncoder

        return JsonEncoder(schema)


FORMAT = JsonFormat()
