"""Messages that an engine of another process reads by its own connector, and that caudal decodes where the engine's tasks run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from caudal.core.types import Schema
from caudal.ports.records import Block, Decoded, Options

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Span:
    """A part of one partition of a topic: from the offset `start` to before `end`. `name`: what caudal calls the partition."""

    name: str
    topic: str
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Topics:
    """What of which topics is to be read, by partitions in their order.

    `properties`: how Kafka's Java client reaches the cluster; no secret is among them. `counts`: how many partitions each topic
    has. `key`, `headers`: whether these are wanted of messages.
    """

    properties: Mapping[str, str]
    spans: Sequence[Span]
    counts: Mapping[str, int]
    key: bool = False
    headers: bool = False


@runtime_checkable
class RemoteSource(Protocol):
    """An opened, bounded source of topics that others can read as well."""

    def topics(self) -> Topics | str:
        """Return what is to be read, or why others cannot read it as it is read here."""
        ...


@dataclass(slots=True)
class Received:
    """Messages of one partition as an engine's task has them, in order of their offsets: Arrow arrays of one length.

    `value` and `key`: binary; `stamp`: int64 milliseconds; `headers`: lists of structs of `key` and `value`. What was not
    asked for is None.
    """

    offset: pa.Array
    stamp: pa.Array
    value: pa.Array
    key: pa.Array | None = None
    headers: pa.Array | None = None


class Receiving(Protocol):
    """What makes blocks of messages that were received; keeps `ports.source.Checking` too."""

    live: bool

    def block(self, topic: str, number: int, got: Received, read_at: int) -> Block:
        """Return messages as a block; those too long are dead letters of it."""
        ...

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to what the pipeline relies on; see `ports.source.Checking`."""
        ...


@runtime_checkable
class RemoteConnector(Protocol):
    """A connector whose messages others can read."""

    def receiving(self, options: Options, schema: Schema, counts: Mapping[str, int]) -> Any:
        """Return what makes blocks (`Receiving`) of the messages of a source with these options. It connects to nothing."""
        ...
