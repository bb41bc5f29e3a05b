"""Messages of topics on their way into a job, in an engine's task: decoded by caudal's own readers, timed, with their W_p.

What a task makes of a message is one row of `columns_of`: a row of the source, or a dead letter. What is to be told of them
stands as JSON in a row of its own, or beside another row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.core.types import INT32, STRING, Field, Schema
from caudal.engines.jvm.hidden_columns import handed_over
from caudal.engines.jvm.intake import Channel, Intake, Rows
from caudal.engines.jvm.job.messages import KIND, LETTER, TOLD
from caudal.engines.jvm.parts import dead_letters
from caudal.ingest.connecting import options_of, reader_of
from caudal.ingest.watching import SourceWatch
from caudal.observe.notices import Notice
from caudal.plan import wire
from caudal.plan.nodes import DEAD_FIELDS, Source
from caudal.ports import registry
from caudal.ports.engine import BoundSource
from caudal.ports.remote import Received
from caudal.worker.coercion import arrow_of

ROW, DEAD, TELLING = 0, 1, 2
"""What `KIND` says that a row is: one of the source, a dead letter of it, nothing but what is told."""


def task_columns(node: Source) -> Schema:
    """Return the columns of what a task gives: its kind, what is told, a letter's columns, a row's."""
    letters = [Field(f"{LETTER}{f.name}", f.dtype) for f in DEAD_FIELDS]
    return Schema([Field(KIND, INT32), Field(TOLD, STRING), *letters, *handed_over(node)])


class _Spans:
    """A partition as it is called: where it begins is the engine's business."""

    start = 0
    live = False

    def __init__(self, name: str) -> None:
        self.name = name

    def head(self) -> bytes:
        """Messages have no head."""
        return b""


class TopicTask:
    """Decodes the messages of one source. It can be shipped: what it needs is made where it runs."""

    def __init__(self, source: str, ranks: Mapping[str, int], counts: Mapping[str, int], read_at: int) -> None:
        """`source`: as `plan.wire` writes it; `ranks`: the number of each partition among those of the source, by name;
        `counts`: how many partitions each topic has; `read_at`: the reading time in milliseconds."""
        self._given: tuple[str, dict[str, int], dict[str, int], int] = (source, dict(ranks), dict(counts), read_at)
        self._made: _Decoding | None = None

    def __getstate__(self) -> Any:
        return self._given

    def __setstate__(self, given: tuple[str, dict[str, int], dict[str, int], int]) -> None:
        self._given, self._made = given, None

    def warm(self) -> None:
        """Compile the kernels that messages are decoded by, once for all tasks of this machine: each would compile them by itself."""
        decoding = _Decoding(*self._given)
        values = pa.array([b"{}", b"{", b"1 2", None], pa.binary())
        numbers = pa.array(range(len(values)), pa.int64())
        for topic in self._given[2]:
            got = Received(numbers, numbers, values, values, pa.nulls(len(values), pa.list_(pa.null())))
            list(decoding.rows(topic, 0, got))

    @property
    def decoding(self) -> _Decoding:
        """What decodes them."""
        if self._made is None:
            self._made = _Decoding(*self._given)
        return self._made


class _Decoding:
    def __init__(self, source: str, ranks: dict[str, int], counts: dict[str, int], read_at: int) -> None:
        node = wire.loads_node(source)
        assert isinstance(node, Source)
        plugin = registry.find("connector", node.connector)
        options = options_of(node, plugin)
        self._receiving = plugin.receiving(options, node.readable, counts)
        bound = BoundSource(self._receiving, reader_of(node, plugin, options))
        self._read_at = read_at
        self._intake = Intake(node, bound, handed_over(node), self._read_at)
        self._node = node
        self._reader = bound.reader
        self._ranks = ranks
        self._channels: dict[str, Channel] = {}
        self._behind: dict[str, int] = {}
        self._told: dict[str, Any] = {}
        columns = task_columns(node)
        self.schema = pa.schema([pa.field(f.name, arrow_of(f.dtype.spec)) for f in columns])

    def rows(self, topic: str, number: int, got: Received) -> Iterator[pa.RecordBatch]:
        """Yield what the messages come to that stand behind those of the same partition so far."""
        name = f"{topic}/{number}"
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(self._intake, _Spans(name), self._ranks[name])  # type: ignore[arg-type]
            channel.open()
        self._in_order(name, got)
        block = self._receiving.block(topic, number, got, self._read_at)
        rows = self._intake.rows(channel.decoder, block, name, channel.rank)
        channel.stamp(rows)
        if rows.rows:
            yield self._batch(rows.rows, {KIND: pa.array(np.full(rows.rows, ROW, np.int32)), **rows.columns})
        if rows.dead:
            letters = {f"{LETTER}{n}": c for n, c in dead_letters(rows.dead, self._node.name, name).items()}
            yield self._batch(len(rows.dead), {KIND: pa.array(np.full(len(rows.dead), DEAD, np.int32)), **letters})
        self._note(name, rows)

    def told(self) -> pa.RecordBatch:
        """Return what is to be told since the last time, as a row of its own."""
        return self._batch(1, {KIND: pa.array([TELLING], pa.int32()), TOLD: pa.array([self.telling()])})

    def telling(self) -> str:
        """Return what is to be told since the last time."""
        told, self._told = self._told, {}
        report = asdict(self._intake.watch.report())
        report["names"] = sorted(report["names"])
        told["report"] = {name: value for name, value in report.items() if name != "notices"}
        notices: list[Notice] = [*told.get("notices", []), *self._intake.opening.told()]
        told["notices"] = [asdict(notice) for notice in notices]
        self._intake.watch = SourceWatch(self._node, self._reader, live=False, quiet=True)
        return json.dumps(told)

    def _note(self, name: str, rows: Rows) -> None:
        told = self._told
        taken = told.setdefault("partitions", {})
        taken[name] = taken.get(name, 0) + rows.taken
        told["dead"] = told.get("dead", 0) + rows.accepted.own
        told["bytes"] = told.get("bytes", 0) + rows.size
        told.setdefault("notices", []).extend(notice.at(name) for notice in rows.notices)

    def _in_order(self, name: str, got: Received) -> None:
        """Raise `RuntimeError` where a partition's messages do not come in order: no W_p could be told then."""
        offset = got.offset.to_numpy(zero_copy_only=False)
        if offset[0] < self._behind.get(name, 0) or (np.diff(offset) <= 0).any():
            raise RuntimeError(f"the engine has given messages of {name} out of their order")
        self._behind[name] = int(offset[-1]) + 1

    def _batch(self, rows: int, columns: Mapping[str, Any]) -> pa.RecordBatch:
        made = [
            pa.nulls(rows, field.type) if field.name not in columns else _as(columns[field.name], field.type)
            for field in self.schema
        ]
        return pa.RecordBatch.from_arrays(made, schema=self.schema)


def _as(array: Any, kind: pa.DataType) -> Any:
    return array if array.type == kind else array.cast(kind)
