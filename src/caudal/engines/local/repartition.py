"""Both ends of a repartition topic: rows go out by key, with what is known about each, and come in as if they had never left.

A message is an Arrow table, of rows or of marks. A mark says how far the watermark of the shard is that writes it, and whether all its
partitions are idle; it goes to every partition of the topic, behind the rows that it holds for.

What a message's columns are: `writer`, the shard; `mark`, 0 for a row, 1 for a mark, 2 for one of an idle shard; `time`, `watermark`
(W_p; of a mark, W), `origin` (source and partition, as JSON), `position`, `ordinal`, `branch` (the way that it took through unions),
of rows; then the rows' own columns by number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import ipc
from caudal.columnar.column import Ints, arrow_type, from_arrow
from caudal.columnar.morsel import Morsel
from caudal.core.errors import RunError
from caudal.engines.local.counters import Counters
from caudal.engines.local.intake import AcceptedBlock, Intake, PartitionChannel, Piece
from caudal.engines.local.operator_tasks import ChannelKey, Envelope, OperatorTask
from caudal.engines.local.origins import Origins
from caudal.engines.local.state import KEY_GROUPS, key_groups
from caudal.engines.local.stateful import LOWEST, NEVER_LATE, OPEN, Bind
from caudal.ingest.accepting import Accepted
from caudal.plan.nodes import RepartitionSink, RepartitionSource
from caudal.ports import source as port
from caudal.ports.records import Block, Decoded
from caudal.ports.sink import Sink

ROW, MARK, IDLE = 0, 1, 2
HELD = 1 << 20
"""Bytes that wait for one partition before they become messages; at each cut all do."""

_TEXT = pa.dictionary(pa.int32(), pa.string())


class RepartitionTask(OperatorTask):
    """The end that rows go in at. A row's partition is that of its key group, so that state can be moved by groups."""

    def __init__(
        self, node: RepartitionSink, counters: Counters, sink: Sink, bind: Bind, origins: Origins, shard: str
    ) -> None:
        super().__init__(node.name, counters)
        self._sink = sink
        self._partitions = node.partitions
        self._keys = [bind(expr, node.input.schema) for _, expr in node.keys]
        self._origins = origins
        self._shard = shard
        fields = [(f"c{i}", arrow_type(f.dtype)) for i, f in enumerate(node.input.schema)]
        self._names = node.input.schema.names
        self._types = pa.schema([*_HEAD, *fields])
        self._held: list[list[pa.Table]] = [[] for _ in range(self._partitions)]
        self._sizes = [0] * self._partitions
        self._said: tuple[int, bool] | None = None
        self._reached = LOWEST
        """How far the watermark of all that is not idle has come."""

    def prepare(self, morsel: Morsel | None) -> Any:
        """Return the rows of each partition."""
        if morsel is None:
            return None
        rows = morsel.rows
        to = np.zeros(rows, np.int64)
        if self._keys and self._partitions > 1:
            to = key_groups([key(morsel) for key in self._keys], rows) * self._partitions // KEY_GROUPS
        order = np.argsort(to, kind="stable")
        table = self._table(morsel).take(pa.array(order))
        bounds = np.searchsorted(to[order], np.arange(self._partitions + 1)).tolist()
        parts = [(n, table.slice(a, b - a)) for n, (a, b) in enumerate(pairwise(bounds)) if b > a]
        return parts, rows

    def apply(self, key: ChannelKey, envelope: Envelope) -> None:
        """Hold the rows, and take note of how far the channel is."""
        if envelope.payload is not None:
            parts, rows = envelope.payload
            for number, table in parts:
                self._held[number].append(table)
                self._sizes[number] += table.nbytes
                if self._sizes[number] >= HELD:
                    self._send(number)
            self.counters.add(self.operator, "written", rows)
        with self._lock:
            channel = self.channels[key]
            channel.watermark = max(channel.watermark, envelope.watermark)
            known = [each.watermark for each in self.channels.values() if not each.idle]
            self._reached = max(
                self._reached, min(known, default=LOWEST)
            )  # before it is idle, where that is what it tells
            channel.reach(envelope)

    def resume(self, key: ChannelKey, mark: int) -> int:
        """A partition has rows again."""
        with self._lock:
            self.channels[key].resume(mark)
        return -OPEN

    def cut(self) -> None:
        """Send what is held, and behind it how far this shard is, where that has changed; nothing is in flight."""
        for number in range(self._partitions):
            self._send(number)
        known = [channel.watermark for channel in self.channels.values() if not channel.idle]
        idle = bool(self.channels) and not known
        self._reached = max(self._reached, min(known, default=LOWEST))
        now = (self._reached, idle)
        if now == self._said or (now[0] <= LOWEST and not idle):
            return
        self._said = now
        mark = pa.table(
            [
                pa.array([self._shard]).cast(_TEXT),
                pa.array([IDLE if idle else MARK], pa.int8()),
                pa.array([0]),
                pa.array([now[0]]),
                *(pa.nulls(1, each.type) for each in [*self._types][4:]),
            ],
            schema=self._types,
        )
        for number in range(self._partitions):
            self._held[number].append(mark)
            self._send(number)

    def _send(self, number: int) -> None:
        held, self._held[number], self._sizes[number] = self._held[number], [], 0
        if not held:
            return
        for part in ipc.slices(pa.concat_tables(held)):
            self._sink.write(self._sink.encode(part.replace_schema_metadata({"to": str(number)})))

    def _table(self, morsel: Morsel) -> pa.Table:
        rows = morsel.rows
        ordinals, codes = np.unique(np.full(rows, morsel.partition, np.int64), return_inverse=True)
        names = [json.dumps(self._origins.names[ordinal]) for ordinal in ordinals.tolist()]
        none = np.full(rows, NEVER_LATE, np.int64)
        return pa.table(
            [
                pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([self._shard])),
                pa.array(np.zeros(rows, np.int8)),
                pa.array(none if morsel.time is None else morsel.time),
                pa.array(none if morsel.watermark is None else morsel.watermark),
                pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names)),
                pa.nulls(rows, pa.int64()) if morsel.position is None else pa.array(morsel.position),
                pa.nulls(rows, pa.int64()) if morsel.ordinal is None else pa.array(morsel.ordinal),
                pa.array(np.full(rows, morsel.branch, np.int32)),
                *(morsel.columns[name].to_arrow() for name in self._names),
            ],
            schema=self._types,
        )


_HEAD = [
    ("writer", _TEXT),
    ("mark", pa.int8()),
    ("time", pa.int64()),
    ("watermark", pa.int64()),
    ("origin", _TEXT),
    ("position", pa.int64()),
    ("ordinal", pa.int64()),
    ("branch", pa.int32()),
]


@dataclass(slots=True)
class Received(AcceptedBlock):
    """Rows and marks of a block. `writer`: of each row, the number of its shard; `marks`: (shard, W, whether idle), in order."""

    writer: Ints | None = None
    marks: list[tuple[str, int, bool]] | None = None


@dataclass(slots=True)
class Writer:
    """How far a shard is that writes to the topic. `floor`: no W_p of its rows is below that any more."""

    watermark: int = LOWEST
    idle: bool = False
    floor: int = LOWEST


class RepartitionChannel(PartitionChannel):
    """A partition of a repartition topic: its watermark is the least of those of the shards that write to it.

    It is idle while all of them are, which they say; so silence of the topic itself means nothing.
    """

    intake: RepartitionIntake

    def __init__(
        self, intake: RepartitionIntake, partition: port.Partition, ordinal: int, rank: tuple[Any, ...]
    ) -> None:
        super().__init__(intake, partition, ordinal, rank)
        self.writers = {name: Writer() for name in intake.writers}
        self._resting = False

    @property
    def rests(self) -> bool:
        return self._resting

    def take(self, size: int) -> Block | Decoded | port.Nothing | port.End:
        """Read messages."""
        return self.partition.read(size)

    def _cut(self, block: AcceptedBlock | str) -> list[Piece]:
        if not isinstance(block, Received):
            return super()._cut(block)
        self.position = block.end
        if self._resting:
            self._resting = False
            self.floor = max(self.floor, self.intake.resume(self.ordinal, self.marks))
        before, morsel = self.known, block.rows.morsel
        if morsel.rows:
            self._raise(morsel, block)
        self._reach()
        for name, watermark, idle in block.marks or ():  # one by one, as if each had come in a block of its own
            writer = self._writer(name)
            writer.watermark = max(writer.watermark, watermark)
            if not idle:
                self._heard(writer, False)
            self._reach()
            if idle:
                self._heard(writer, True)
                self._reach()
        pieces = self._pieces(morsel, block, lambda _: before)
        if all(writer.idle for writer in self.writers.values()):
            pieces += self._rest()
        return pieces

    def _reach(self) -> None:
        """Let the watermark be as far as those of all shards that are not idle."""
        known = [writer.watermark for writer in self.writers.values() if not writer.idle]
        if known:
            self.known = max(self.known, min(known), self.floor)

    def _raise(self, morsel: Morsel, block: Received) -> None:
        """Let no W_p be below what this partition had reached while the row's shard was idle."""
        assert morsel.watermark is not None
        assert block.writer is not None
        floors = np.full(len(self.intake.names_of_writers), LOWEST, np.int64)
        for number in np.unique(block.writer).tolist():
            writer = self._writer(self.intake.names_of_writers[number])
            self._heard(writer, False)
            floors[number] = max(writer.floor, self.floor)
        raised = np.maximum(morsel.watermark, floors[block.writer])
        morsel.watermark = np.where(morsel.watermark > NEVER_LATE, raised, NEVER_LATE)

    def _heard(self, writer: Writer, idle: bool) -> None:
        if writer.idle and not idle:
            writer.floor = max(writer.floor, self.known)
        writer.idle = idle

    def _writer(self, name: str) -> Writer:
        found = self.writers.get(name)
        if found is None:
            raise RunError(f"{self.name} has a message of '{name}', which writes nothing there")
        return found

    def mark_idle(self) -> list[Piece]:
        """All its shards were idle when the state was stored."""
        with self._lock:
            return self._rest()

    def _rest(self) -> list[Piece]:
        self._resting = True
        self.marks += 1
        return [self._piece(None, self.known, idle=self.marks)]

    def export(self) -> dict[str, Any]:
        """Return where the partition stands, as plain values."""
        writers = {name: [each.watermark, each.idle, each.floor] for name, each in self.writers.items()}
        return {**super().export(), "idle": self._resting, "writers": writers}

    def restore(self, values: dict[str, Any]) -> None:
        """Go on from an exported place."""
        super().restore(values)
        self._resting, self.idle = values["idle"], False
        for name, (watermark, idle, floor) in values["writers"].items():
            self.writers[name] = Writer(watermark, idle, floor)


class RepartitionIntake(Intake):
    """The end that rows come out at. `resume`: see `Router.resume`, of this source."""

    inner = True

    def __init__(self, node: RepartitionSource, *given: Any, origins: Origins) -> None:
        super().__init__(node, *given)
        self.writers = node.writers
        self.names_of_writers = list(node.writers)
        self.resume: Callable[[int, int], int] = lambda ordinal, mark: LOWEST
        self._number = {name: number for number, name in enumerate(self.names_of_writers)}
        self._origins = origins
        self._fields = list(node.schema)

    def add(self, partition: port.Partition, ordinal: int, order: int) -> RepartitionChannel:
        """Take a partition in."""
        channel = RepartitionChannel(self, partition, ordinal, (order, partition.name))
        self.channels.append(channel)
        return channel

    def decode(self, channel: PartitionChannel, got: Block | Decoded, read_at: float) -> AcceptedBlock:
        """Return the rows and marks of a block; runs in any thread. Raises `RunError` for what no shard of this job wrote."""
        assert isinstance(got, Block)
        assert got.messages is not None
        if got.dead:
            letter = got.dead[0]
            raise RunError(
                f"{channel.name} cannot be read", location=f"offset {letter.position}", detail=letter.message
            )
        starts = [*got.messages.start.tolist(), got.stop]
        tables = [
            ipc.from_bytes(got.data[a : b - 1], f"{channel.name}, offset {offset}")
            for a, b, offset in zip(starts, starts[1:], got.messages.offset.tolist())
        ]
        try:
            table = pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()
            return self._received(table, got, read_at)
        except (pa.ArrowException, KeyError, ValueError) as error:
            what = "a message of its repartition topic is not of this pipeline"
            raise RunError(what, location=f"{channel.name} from {got.position}", detail=str(error)) from None

    def _received(self, table: pa.Table, got: Block, read_at: float) -> Received:
        writers = _codes(table["writer"], self._number.__getitem__)
        kinds = table["mark"].to_numpy()
        told = np.flatnonzero(kinds)
        ends = table["watermark"].to_numpy()
        marks = [
            (self.names_of_writers[writers[row]], int(ends[row]), bool(kinds[row] == IDLE)) for row in told.tolist()
        ]
        kept = np.flatnonzero(kinds == ROW)
        if len(told):
            table = table.take(pa.array(kept))
        morsel = self._rows(table)
        made = Accepted(morsel, [], morsel.rows, None, 0)
        return Received(made, got.end, got.stop - got.start, read_at, writer=writers[kept], marks=marks)

    def _rows(self, table: pa.Table) -> Morsel:
        def ints(name: str) -> Ints | None:
            return None if table[name].null_count else table[name].to_numpy()

        columns = {f.name: from_arrow(table[f"c{i}"], f.dtype) for i, f in enumerate(self._fields)}
        return Morsel(
            columns,
            table.num_rows,
            table["time"].to_numpy() if self.node.timed else None,
            table["watermark"].to_numpy(),
            ints("position"),
            _codes(table["origin"], lambda text: self._origins.number(*json.loads(text))),
            branch=_ways(table),
            ordinal=ints("ordinal"),
        )


def _ways(table: pa.Table) -> Ints:
    """Return the way that each row took; messages of earlier versions have none, for no operator asked for it."""
    if "branch" not in table.column_names:
        return np.zeros(table.num_rows, np.int64)
    return table["branch"].fill_null(0).to_numpy().astype(np.int64)


def _codes(column: pa.ChunkedArray, number: Callable[[str], int]) -> Ints:
    """Return the numbers of texts, each of which is asked for once."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    used, codes = np.unique(array.indices.to_numpy(zero_copy_only=False), return_inverse=True)
    names = array.dictionary
    return np.array([number(names[each].as_py()) for each in used.tolist()], np.int64)[codes]
