"""Payloads to columns: the schema of each by its number or from a file, its values by `convert`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NoReturn

import numpy as np

from caudal.columnar.column import from_list
from caudal.core.errors import PlanError
from caudal.core.scalars import Refused
from caudal.core.types import Place, Schema
from caudal.formats.avro.convert import Convert, converter, misfits, places_named
from caudal.formats.avro.kinds import SchemaRefused, Written, library, of_file
from caudal.formats.avro.registry import Registry
from caudal.ports.records import Block, Dead, Decoded, Messages, Options

_MAGIC, _HEAD = 0, 5
"""What a payload of the wire format begins with, and how many bytes stand before its record: that one, and the number."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How records of one schema become rows: what makes each declared column, and the places that they name."""

    parsed: Any
    columns: tuple[tuple[str, Convert], ...]
    named: frozenset[Place]

    @classmethod
    def of(cls, written: Written, schema: Schema) -> Plan:
        """Return the plan for a declared schema."""
        columns = tuple((field.name, converter(written.kind, field.keys, field)) for field in schema)
        return cls(written.parsed, columns, places_named(written.kind, schema))


class AvroReader:
    """Reads messages; keeps `ports.format.LineReader`, so far as it opens partitions: its decoders take no lines."""

    def __init__(self, schema: Schema, needed: frozenset[str], source: Plan | Registry, *, strict: bool) -> None:
        self._decoder = AvroDecoder(schema, needed, source, strict=strict)
        self._source = source

    @classmethod
    def of(cls, schema: Schema, needed: frozenset[str], options: Options) -> AvroReader:
        """Return a reader; raises `OptionError`, `InputError`, and `PlanError` for a column that no record of the schema can fill."""
        library()
        strict = options["encoding"] == "utf-8"
        if options["registry"]:
            return cls(schema, needed, Registry(options), strict=strict)
        plan = Plan.of(of_file(options["schema_file"]), schema)
        for message in misfits(plan.columns).values():
            raise PlanError(f"{message}, by {options['schema_file']}")
        return cls(schema, needed, plan, strict=strict)

    def reach(self) -> None:
        """Raise `InputError` where the registry does not answer."""
        if isinstance(self._source, Registry):
            self._source.check()

    def open(self, head: bytes, name: str) -> tuple[AvroDecoder, int]:
        """Return the decoder."""
        return self._decoder, 0


class AvroDecoder:
    """Keeps `ports.format.PayloadDecoder`; raises `RunError` when the registry does not answer any more."""

    def __init__(self, schema: Schema, needed: frozenset[str], source: Plan | Registry, *, strict: bool) -> None:
        self._schema = schema
        self._needed = [field for field in schema if field.name in needed]
        self._source = source
        self._plans: dict[int, Plan] = {}
        self._errors = "strict" if strict else "backslashreplace"
        self._read: Any = library().schemaless_reader
        self._named: frozenset[Place] = frozenset()
        self._lock = threading.Lock()

    def decode(self, block: Block) -> NoReturn:
        """Raise `PlanError`: a line is no record."""
        raise PlanError("avro is read from messages alone", hint='cd.source("kafka", ...)')

    def payloads(self, block: Block, messages: Messages) -> Decoded:
        """Return a row or a dead letter for each message that is not empty."""
        raw = block.data[block.start : block.stop].tobytes()
        starts = (messages.start - block.start).tolist()
        ends = [*(start - 1 for start in starts[1:]), len(raw) - 1]
        values: dict[str, list[Any]] = {field.name: [] for field in self._needed}
        numbers: list[int] = []
        dead: list[Dead] = []
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            payload = raw[start:end]
            if not payload:
                continue
            try:
                row = self._row(payload)
            except Refused as error:
                dead.append(Dead.of(number, error.reason, error.message, payload, error.detail))
                continue
            numbers.append(number)
            for name, into in values.items():
                into.append(row[name])
        columns = {field.name: from_list(values[field.name], field.dtype) for field in self._needed}
        return Decoded(columns, len(numbers), np.array(numbers, np.int64), dead, named=self._named)

    def _row(self, payload: bytes) -> dict[str, Any]:
        """Return the values of all declared columns; raises `Refused`."""
        plan, record = self._record(payload)
        return {name: convert(record) for name, convert in plan.columns}

    def _record(self, payload: bytes) -> tuple[Plan, Any]:
        source = self._source
        skip = 0
        if isinstance(source, Registry):
            if len(payload) < _HEAD or payload[0] != _MAGIC:
                detail = f"it begins with {payload[:_HEAD].hex(' ')}"
                raise Refused("syntax", "the message is not in the wire format of a schema registry", detail)
            plan, skip = self._plan(source, int.from_bytes(payload[1:_HEAD], "big")), _HEAD
        else:
            plan = source
        stream = BytesIO(payload)
        stream.seek(skip)
        try:
            record = self._read(stream, plan.parsed, None, return_named_type=True, handle_unicode_errors=self._errors)
        except UnicodeDecodeError:
            raise Refused("utf8", "a text is not UTF-8") from None
        except Exception as error:  # whatever the library meets in bytes that are none of its own
            detail = f"{type(error).__name__}: {error}"[:200]
            raise Refused("syntax", "the record is not as its schema says", detail) from None
        left = len(payload) - stream.tell()
        if left:
            raise Refused("syntax", f"{left:,} bytes follow behind the record")
        if not plan.named <= self._named:
            with self._lock:
                self._named |= plan.named
        return plan, record

    def _plan(self, registry: Registry, number: int) -> Plan:
        plan = self._plans.get(number)
        if plan is None:
            try:
                plan = Plan.of(registry.schema(number), self._schema)
            except SchemaRefused as error:
                raise Refused("schema", str(error)) from None
            self._plans[number] = plan
        return plan
