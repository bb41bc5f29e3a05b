"""Avro messages: binary records, whose schema a registry has, by the number that they begin with, or a file.

Enters: the payloads of messages, a schema and the columns that are needed; schemas of a registry. Leaves: columns with the number of
each row's message, dead letters with a reason. May touch: the registry that the options name, the files of schema and password, core,
columnar, ports, `fastavro` (an extra). Must never: read a schema that lets a few bytes cost much (recursive, items of no bytes), tell
a password, take a record for unreadable when it is the registry that does not answer, write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from caudal.core.errors import OptionError, PlanError, nearest
from caudal.core.types import Schema
from caudal.ports.records import Options

if TYPE_CHECKING:
    from caudal.formats.avro.reader import AvroReader

ENCODINGS = ("escape", "utf-8")
_HINT = 'registry="http://host:8081", or schema_file="events.avsc" for payloads that are bare Avro'


class AvroFormat:
    """Avro by name; keeps `ports.format.Format`.

    Reader: `registry`, the address of a Schema Registry (payloads in the wire format of Confluent), with `registry_user` and
    `registry_password_file` or `registry_password_env`, `registry_ca` (a file); or `schema_file` (payloads are bare Avro); `encoding`,
    "escape" or "utf-8" (strictly).
    """

    name = "avro"
    suffixes: tuple[str, ...] = ()
    messages_only = True
    """Its records have no end that could be seen in a file."""

    def __init__(self) -> None:
        access = ("registry", "registry_user", "registry_password_file", "registry_password_env", "registry_ca")
        self.reader_options: Options = {**dict.fromkeys(access, ""), "schema_file": "", "encoding": ENCODINGS[0]}
        self.writer_options: Options = {}

    def default_schema(self, options: Options) -> Schema | None:
        """Return the fields of `schema_file` that caudal has types for, None without; raises `InputError`, `OptionError`."""
        if not options.get("schema_file"):
            return None
        from caudal.formats.avro.kinds import columns_of, of_file

        return columns_of(of_file(options["schema_file"]))

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return the fields of `schema_file`; raises `OptionError` without one."""
        found = self.default_schema(options)
        if found is None:
            raise OptionError(
                "messages of a registry name their fields when they come", hint="schema_file=, or schema="
            )
        return found

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> AvroReader:
        """Return a reader; raises `OptionError`, `InputError`, and `PlanError` for a column that `schema_file` cannot fill."""
        if bool(options["registry"]) == bool(options["schema_file"]):
            raise OptionError("avro needs either registry= or schema_file=", hint=_HINT)
        if options["encoding"] not in ENCODINGS:
            hint = nearest(str(options["encoding"]), ENCODINGS)
            raise OptionError(f"option 'encoding' of avro is {options['encoding']!r}", hint=hint)
        from caudal.formats.avro.reader import AvroReader

        return AvroReader.of(schema, needed, options)

    def encoder(self, schema: Schema, options: Options) -> NoReturn:
        """Raise `PlanError`: Avro is only read."""
        raise PlanError("avro is only read", hint="write json, csv or parquet")


FORMAT = AvroFormat()
