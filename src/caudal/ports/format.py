"""The contract of a format: bytes to columns, columns to bytes.

A record's validity depends on the record and the declared schema only, never on `needed`: a field that nobody reads
is checked like one that is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from caudal.core.types import Schema
from caudal.ports.portable import Portable
from caudal.ports.records import Block, Decoded, Messages, Options

if TYPE_CHECKING:
    import pyarrow as pa


class Decoder(Protocol):
    """Decodes the blocks of one partition. `decode` is called by several threads at once, on different blocks."""

    def decode(self, block: Block) -> Decoded:
        """Return the rows of the block in order, with the needed columns, and its bad records as dead letters.

        Never raises for what the data holds. Text columns may be views into the block's buffer.
        """
        ...


@runtime_checkable
class PayloadDecoder(Protocol):
    """A decoder to which the payloads of messages are not lines: it is given them as they are, with the newlines that they hold."""

    def payloads(self, block: Block, messages: Messages) -> Decoded:
        """Return what the messages of a block come to, with their numbers in the block as positions. Never raises for what they hold.

        A message that is neither a row nor a dead letter is one that is empty.
        """
        ...


@runtime_checkable
class LineReader(Protocol):
    """Reads a line-framed format (JSON lines, CSV, combined)."""

    def open(self, head: bytes, name: str) -> tuple[Decoder, int]:
        """Return the decoder of one partition and how many bytes of `head` are not records (a header line, a BOM).

        What the decoder has to tell of the partition, such as how it is read, it has as its `notices`.
        `head` is the partition's beginning: whole lines up to some length, or all of it (b"" when it is empty).
        Raises `InputError` for a header that does not fit the schema, with line and nearest names. After a restore
        `head` is read again from the beginning of the partition.
        """
        ...


@runtime_checkable
class NamingReader(Protocol):
    """A reader of records that name their fields, each its own."""

    def names(self, sample: bytes) -> frozenset[str]:
        """Return the names of fields in whole lines (the last may be cut), nested ones with dots; a few hundred at most.

        Never raises for what the data holds.
        """
        ...


@runtime_checkable
class ReachingReader(Protocol):
    """A reader that needs more than the data: a system that has the schemas."""

    def reach(self) -> None:
        """Raise `InputError` where that system cannot be reached, within 30 s; called before partitions are opened."""
        ...


@runtime_checkable
class FileReader(Protocol):
    """Reads a format that is not framed by lines (Parquet): whole files, in parts."""

    def read(self, path: str, skip: int) -> Iterator[Decoded]:
        """Yield the rows of a file in order, from row `skip` on, in parts of moderate size. Positions are row numbers.

        Raises `InputError` when the file is not of this format or lacks a column.
        """
        ...


class Encoder(Protocol):
    """Writes rows to one target: `encode` in any thread, the rest in order in one.

    `begin` may come again after `end`, for the next file. Two attributes may be left out: `whole`, whether a file of the
    format ends with a footer, so that nothing can be written behind it (False), and `suffix`, what its files' names end with ("").
    """

    def begin(self, out: BinaryIO, *, append: bool) -> None:
        """Start writing to `out`; with `append`, behind what an earlier run wrote."""
        ...

    def encode(self, table: pa.Table) -> Any:
        """Return the rows in a form that `write` takes. Thread-safe, no side effect."""
        ...

    def write(self, payload: Any) -> None:
        """Write an encoded payload."""
        ...

    def end(self) -> None:
        """Write what stands at the end (a footer) and flush; `out` is closed by its owner."""
        ...


class Format(Protocol):
    """A format by name. `options` are checked against `reader_options` and `writer_options` (name -> default).

    Two attributes may be left out: `takes_anything`, whether what can be read so may be anything (False), so that nothing is taken for
    it by its looks; and `messages_only`, whether its records are payloads of messages alone (False).
    """

    name: str
    suffixes: tuple[str, ...]
    reader_options: Options
    writer_options: Options

    def default_schema(self, options: Options) -> Schema | None:
        """Return the documented fields of a format that fixes them (combined), as far as these options say, else None."""
        ...

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return a schema to start from: it accepts the sample's records.

        `sample` is the decoded beginning of the file at `path`, cut behind a line; a format that is not framed by lines
        looks at the file itself. `options` are those of its reader. Raises `InputError` when it is not of this format.
        """
        ...

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> LineReader | FileReader:
        """Return a reader for the declared schema that yields the `needed` columns; options have their defaults.

        Raises `OptionError` or `PlanError` for options or types that the format cannot read.
        """
        ...

    def encoder(self, schema: Schema, options: Options) -> Encoder:
        """Return an encoder for rows of this schema; raises `PlanError` for types that the format cannot write."""
        ...


@runtime_checkable
class EnvelopeFormat(Protocol):
    """A format whose records may hold a line of another one, by its options."""

    def within(self, options: Options) -> Schema:
        """Return the columns of that line, which stand beside those that are declared; none where there is no such line."""
        ...


@runtime_checkable
class PortableFormat(Protocol):
    """A format that scripts without caudal can read too; most formats are that, and need not be."""

    def portable(self, schema: Schema, needed: frozenset[str], options: Options) -> Portable:
        """Return the reader to paste into a script, with the rules of `Format.reader`; raises what that raises."""
        ...
