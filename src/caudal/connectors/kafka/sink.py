"""Topics as targets: one message for each row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from caudal.columnar.column import Text, from_arrow
from caudal.connectors.kafka.client import Access
from caudal.connectors.kafka.cluster import Cluster
from caudal.connectors.kafka.placement import TYPES, text_of
from caudal.connectors.kafka.producing import Producing
from caudal.connectors.kafka.transaction import KafkaTransaction
from caudal.core.errors import OptionError, nearest
from caudal.core.types import Schema
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Immediate, Receipt

if TYPE_CHECKING:
    import pyarrow as pa

    from caudal.ports.transaction import Transaction

Payload = tuple[list[bytes], "list[bytes | None] | None"]


class Rows:
    """Rows as messages: payloads by an encoder, keys by a column's text. Thread-safe."""

    def __init__(self, encoder: Encoder, schema: Schema, key: str) -> None:
        """Raises `OptionError` for a key that is no column, or whose text is not everybody's, and for formats that are not of lines."""
        if key and key not in schema:
            raise OptionError(f"key='{key}' of kafka is no column", hint=nearest(key, schema.names))
        if key and schema.dtype(key).name not in TYPES:
            hint = f"a key is one of {', '.join(TYPES)}: make a column that is text"
            raise OptionError(f"key='{key}' of kafka is a {schema.dtype(key)}", hint=hint)
        self._encoder = encoder
        self._schema = schema
        self._key = key
        encoder.begin(io.BytesIO(), append=True)  # messages have no header before them

    def encode(self, table: pa.Table) -> Payload:
        """Return a payload and a key for each row."""
        values = self._lines(table)
        if values is None:  # a value holds newlines
            each = [
                self._lines(table.slice(row, 1)) or [self._whole(table.slice(row, 1))] for row in range(table.num_rows)
            ]
            values = [value for (value,) in each]
        return values, self._keys(table) if self._key else None

    def _whole(self, table: pa.Table) -> bytes:
        return bytes(self._encoder.encode(table)).removesuffix(b"\n")

    def _lines(self, table: pa.Table) -> list[bytes] | None:
        encoded = self._encoder.encode(table)
        if not isinstance(encoded, bytes | bytearray | memoryview):
            raise OptionError("kafka writes formats of lines", hint="format= json or csv")
        lines = bytes(encoded).split(b"\n")
        return lines[:-1] if len(lines) == table.num_rows + 1 and not lines[-1] else None

    def _keys(self, table: pa.Table) -> list[bytes | None]:
        column = from_arrow(table.column(self._key), self._schema.dtype(self._key))
        text: Text = text_of(column)
        valid = text.valid
        return [text[row] if valid is None or valid[row] else None for row in range(len(text))]


class KafkaSink(Immediate):
    """A topic whose rows are there once they are delivered: at least once; a run that fails leaves those that it wrote.

    `prepare` waits until all are delivered to every replica in sync.
    """

    delivery: Delivery = "at-least-once"

    def __init__(self, access: Access, topic: str, rows: Rows, partitioner: str) -> None:
        self.where = f"{access.domain}/{topic}"
        self._topic = topic
        self._rows = rows
        self._producing = Producing(access, partitioner)

    def encode(self, table: pa.Table) -> Payload:
        """Return a message for each row."""
        return self._rows.encode(table)

    def write(self, payload: Payload) -> None:
        """Send messages. Raises `RunError` for one that is refused."""
        self._producing.send(self._topic, *payload)

    def flush(self) -> None:
        """Wait until all is delivered. Raises `RunError` where it is not."""
        self._producing.settle()

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Wait until all is delivered. Raises `RunError` where it is not."""
        self.flush()

    def abort(self) -> None:
        """Give up what is on its way; what was delivered stays."""
        self._producing.discard()


class InTransaction(Immediate):
    """A topic whose messages appear with the worker's transaction: to inherit from. What it takes is for others to say."""

    delivery: Delivery = "exactly-once"

    def __init__(self, access: Access, topic: str, partitioner: str) -> None:
        self.where = f"{access.domain}/{topic}"
        self.domain = access.domain
        self._access = access
        self._topic = topic
        self._partitioner = partitioner
        self._transaction: KafkaTransaction | None = None

    def transaction(self, name: str) -> Transaction:
        """Open the worker's transaction; whoever opened it before is fenced off."""
        return KafkaTransaction(self._access, name, self._topic, self._partitioner)

    def enlist(self, transaction: object) -> None:
        """Write through this transaction."""
        if not isinstance(transaction, KafkaTransaction):
            raise TypeError(f"{self.where} cannot write through {type(transaction).__name__}")
        transaction.reaches(self._topic)
        self._transaction = transaction

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Wait until the transaction has them all. Raises `RunError`, `Fenced`."""
        assert self._transaction is not None
        self._transaction.settle()


class TransactionalKafkaSink(InTransaction):
    """A topic whose rows appear with the worker's transaction; keeps `ports.sink.TransactionalSink`."""

    def __init__(self, access: Access, topic: str, rows: Rows, partitioner: str) -> None:
        super().__init__(access, topic, partitioner)
        self._rows = rows

    def encode(self, table: pa.Table) -> Payload:
        """Return a message for each row."""
        return self._rows.encode(table)

    def write(self, payload: Payload) -> None:
        """Send messages in the transaction. Raises `RunError`, `Fenced`."""
        assert self._transaction is not None
        self._transaction.send(self._topic, *payload)


def check_target(access: Access, topic: str, create: int) -> None:
    """Raise `InputError` for a topic that is missing, unless it is to be created, or that must not be written to."""
    cluster = Cluster(access)
    cluster.check()
    if create:
        cluster.ensure_topic(topic, create)
    cluster.partitions([topic], "WRITE")
