"""The connector `memory`: rows that are in the process already, and tables for whoever asked for them.

Enters: lists of dicts, Arrow tables, polars and pandas frames, generators of these. Leaves: decoded rows of the declared schema; Arrow
tables in a list of the caller's. May touch: core, columnar, ports. Must never: copy a column that fits as it is,
keep anything beyond the objects it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caudal.columnar.column import arrow_type
from caudal.connectors.memory.source import open_source
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.format import Encoder, FileReader
from caudal.ports.records import Options
from caudal.ports.sink import Delivery, Receipt, Sink
from caudal.ports.source import Source

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryConnector:
    """Reads what the caller has, and hands over what the job makes."""

    def __init__(self) -> None:
        self.source_options: Options = {"rows": None}
        self.sink_options: Options = {"into": None}

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open rows in memory.

        `rows`: a list of dicts, an Arrow table or record batch, a polars or pandas frame; a generator or other iterable of
        dicts or of any of these, or a function that returns one (called again for every pass, and each pass must give the
        same rows); or a list of these: one partition each, named p0, p1 and so on. What a generator yields goes on at
        once, and about 4 MiB are drawn ahead of what is read, in a thread of its own.

        Raises `OptionError` for anything else, `InputError` for a table without a declared column or with one of
        another type. A dict's value that does not fit its column, and a table's number beyond its declared type, make the
        row a dead letter.
        """
        return open_source(options["rows"], schema)

    def sink(
        self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool, staged: bool = False
    ) -> Sink:
        """Collect tables in the list `into`; see `MemorySink`. Raises `OptionError` when that is no list."""
        into = options["into"]
        if not callable(getattr(into, "append", None)):
            raise OptionError(
                f"option 'into' of memory takes a list, not {into!r}", hint="pass one, and find Arrow tables in it"
            )
        return MemorySink(into, schema, live=live)


class MemorySink:
    """Arrow tables, appended to a list of the caller's.

    A bounded job's rows are there once they are published, at the end as at least one table, which may be empty; after
    `drain` too, since memory has no other place to keep them; after `abort` there are none but those of a `flush`. A live job's are there
    after every write, and those of a source that flows after every flush.
    """

    where = "memory"
    delivery: Delivery = "at-most-once"  # the list ends with the process

    def __init__(self, into: list[pa.Table], schema: Schema, *, live: bool) -> None:
        self._into = into
        self._schema = schema
        self._live = live
        self._tables: list[pa.Table] = []
        self._prepared: list[pa.Table] = []
        self._written = False

    def encode(self, table: pa.Table) -> Any:
        return table

    def write(self, payload: Any) -> None:
        (self._into if self._live else self._tables).append(payload)
        self._written = True

    def flush(self) -> None:
        """Hand over what was written."""
        self._prepared, self._tables = [*self._prepared, *self._tables], []
        self._hand_over()

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """Nothing outlives the process."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        if last and not self._written:
            import pyarrow as pa

            fields = [pa.field(field.name, arrow_type(field.dtype)) for field in self._schema]
            self.write(pa.schema(fields).empty_table())
        self._prepared += self._tables
        self._tables = []

    def publish(self, epoch: int, receipt: Receipt) -> None:
        self._hand_over()

    def finish(self) -> None:
        """There is nothing to release."""

    def drain(self) -> str:
        self.prepare(0, last=True)
        self._hand_over()
        return self.where

    def abort(self) -> None:
        self._prepared, self._tables = [], []

    def _hand_over(self) -> None:
        tables, self._prepared = self._prepared, []
        for table in tables:
            self._into.append(table)


CONNECTOR = MemoryConnector()
