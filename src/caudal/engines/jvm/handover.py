"""Hands the rows of an opened source over to an engine: decoded by caudal, written as what the engine reads natively.

`functions.handover` does the same in a script, for files, without caudal: both write the same rows and dead letters.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Ints, arrow_type
from caudal.columnar.morsel import Morsel
from caudal.core.errors import InputError
from caudal.core.types import DataType, Schema
from caudal.engines.accepting import event_times, far_future, no_time
from caudal.engines.jvm.places import PARTITION, POSITION, TIME, WATERMARK
from caudal.plan.expr import Column as Named
from caudal.plan.expr import Expr
from caudal.plan.nodes import DEAD_FIELDS, Source
from caudal.ports import registry
from caudal.ports.engine import BoundSource
from caudal.ports.format import LineReader
from caudal.ports.records import Block, Dead, Decoded
from caudal.ports.source import End, Nothing, Partition

PART_ROWS = 50_000
"""Rows of one part: a file that the engine reads by itself."""

Evaluate = Callable[[Expr, Schema], Callable[[Morsel], Column]]
"""From an expression and the schema that it is written for to the function of its values."""

_READ = 4 * 1024 * 1024
_PAUSE = 0.01
_DEAD = Schema(DEAD_FIELDS)


def hand_over(
    node: Source,
    bound: BoundSource,
    index: int,
    into: Path,
    form: str,
    columns: Schema,
    evaluate: Evaluate | None = None,
    *,
    dead: bool = True,
    threads: int = 1,
    watch: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Write a source's rows to `into`/`index`/rows and what is none to .../dead, as parts; return the counts.

    `form`: "parquet" or "json". `columns`: what a row has, the hidden columns of `places` among them. `evaluate` is
    asked for an event time that is no plain column. `dead`: whether dead letters are written. `threads`: how many decode
    and write at once. `watch` is called now and then, and may raise.

    Counts: "partitions" (name: records taken), "rows", "dead", "failures" (texts), "bytes".
    """
    with ThreadPoolExecutor(threads, "handover") as pool:
        return _Handing(node, bound, into / str(index), form, columns, evaluate, dead, pool).run(threads, watch)


class _Decoded:
    """Rows of a block, accepted and timed; `table` holds their columns but for the watermark."""

    def __init__(self, rows: int, taken: int, size: int, columns: dict[str, pa.Array], times: Ints | None) -> None:
        self.rows = rows
        self.taken = taken
        self.size = size
        self.columns = columns
        self.times = times
        self.dead: list[Dead] = []


class _Handing:
    """The handing over of one source."""

    def __init__(
        self,
        node: Source,
        bound: BoundSource,
        into: Path,
        form: str,
        columns: Schema,
        evaluate: Evaluate | None,
        dead: bool,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._node = node
        self._bound = bound
        self._columns = columns
        self._keep_dead = dead
        self._pool = pool
        self._max_future = node.max_future if node.max_future is not None else 3_600_000 if bound.source.live else None
        self._time = _time_of(node, evaluate)
        self._rows = _Parts(into / "rows", form, columns, pool)
        self._dead = _Parts(into / "dead", form, _DEAD, pool)
        self._counts: dict[str, Any] = {"partitions": {}, "rows": 0, "dead": 0, "failures": [], "bytes": 0}

    def run(self, threads: int, watch: Callable[[], None] | None) -> dict[str, Any]:
        """Hand all partitions over, one behind the other."""
        for rank, partition in enumerate(self._bound.source.partitions()):
            self._counts["partitions"].setdefault(partition.name, 0)
            seen: int | None = None
            waiting: deque[Future[_Decoded]] = deque()
            for work in self._blocks(partition, rank):
                waiting.append(self._pool.submit(work))
                if watch is not None:
                    watch()
                if len(waiting) > 2 * threads:
                    seen = self._take(partition.name, waiting.popleft().result(), seen)
            while waiting:
                seen = self._take(partition.name, waiting.popleft().result(), seen)
        self._rows.close()
        self._dead.close()
        return self._counts

    def _blocks(self, partition: Partition, rank: int) -> Iterator[Callable[[], _Decoded]]:
        """Yield, for each block of a partition, what decodes it."""
        decoder: Any = None
        if isinstance(self._bound.reader, LineReader):
            head = partition.head()
            if head or not partition.live:
                decoder, skip = self._opened(head, partition.name)
                if skip:
                    partition.seek(skip)
        while True:
            got = partition.read(_READ)
            if isinstance(got, End):
                if got.failed:
                    self._counts["failures"].append(f"{partition.name}: {got.failed}")
                return
            if isinstance(got, Nothing):
                time.sleep(_PAUSE)  # a pipe whose writer pauses
                yield _nothing
                continue
            if isinstance(got, Decoded):
                yield lambda got=got: self._accepted(got, None, rank)
                continue
            if decoder is None:
                decoder, skip = self._opened(got.data[got.start : got.stop].tobytes(), partition.name)
                got.start, got.position = got.start + skip, got.position + skip
            yield lambda got=got, decoder=decoder: self._accepted(decoder.decode(got), got, rank)

    def _opened(self, head: bytes, name: str) -> tuple[Any, int]:
        try:
            return self._bound.reader.open(head, name)
        except InputError as error:
            raise error.at(name) from None

    def _accepted(self, decoded: Decoded, block: Block | None, rank: int) -> _Decoded:
        """Give decoded rows their event time; rows without a valid one become dead letters. Runs in any thread."""
        dead = [*decoded.dead, *(block.dead if block is not None else ())]
        taken = decoded.rows + len(dead)
        morsel = Morsel(dict(decoded.columns), decoded.rows, position=decoded.position)
        if self._time is not None:
            column = self._time(morsel)
            times, ok = event_times(column, self._node.unit, self._node.time_format)
            morsel.time = times
            if ok is not None:
                dead += no_time(decoded, column, ~ok, block)
                morsel = morsel.take(np.flatnonzero(ok))
            if self._max_future is not None and block is not None and block.read_at and morsel.rows:
                assert morsel.time is not None
                far = morsel.time > block.read_at + self._max_future
                if far.any():
                    dead += far_future(morsel, np.flatnonzero(far), self._max_future, block)
                    morsel = morsel.take(np.flatnonzero(~far))
        made = {
            f.name: _stored(morsel.columns[f.name].to_arrow(), f.dtype)
            for f in self._columns
            if f.name in morsel.columns
        }
        if PARTITION in self._columns:
            made[PARTITION] = _array(np.full(morsel.rows, rank, np.int32))
        if POSITION in self._columns:
            assert morsel.position is not None
            made[POSITION] = _array(morsel.position)
        size = block.stop - block.start if block is not None else sum(array.nbytes for array in made.values())
        rows = _Decoded(morsel.rows, taken, size, made, morsel.time)
        rows.dead = sorted(dead, key=lambda letter: letter.position)
        return rows

    def _take(self, partition: str, got: _Decoded, seen: int | None) -> int | None:
        """Take decoded rows in, in order: their watermarks hang on what came before. Return the largest time so far."""
        columns = got.columns
        if got.times is not None and got.rows:
            if TIME in self._columns:
                columns[TIME] = _array(got.times)
            before = np.empty(got.rows, np.int64)
            before[0] = got.times[0] if seen is None else seen
            before[1:] = got.times[:-1]
            np.maximum.accumulate(before, out=before)
            seen = max(int(before[-1]), int(got.times[-1]))
            if WATERMARK in self._columns:
                columns[WATERMARK] = _array(before - self._node.disorder)
        elif WATERMARK in self._columns:
            columns[WATERMARK] = pa.nulls(got.rows, pa.int64())
        self._counts["partitions"][partition] += got.taken
        self._counts["rows"] += got.rows
        self._counts["dead"] += len(got.dead)
        self._counts["bytes"] += got.size
        if got.rows:
            self._rows.add(columns, got.rows)
        if got.dead and self._keep_dead:
            self._dead.add(_letters(got.dead, self._node.name, partition), len(got.dead))
        return seen


def _nothing() -> _Decoded:
    return _Decoded(0, 0, 0, {}, None)


def _time_of(node: Source, evaluate: Evaluate | None) -> Callable[[Morsel], Column] | None:
    expression = node.event_time
    if expression is None:
        return None
    if isinstance(expression, Named):
        name = expression.name
        return lambda morsel: morsel.columns[name]
    if evaluate is None:
        raise ValueError("an event time that is no plain column needs evaluate=")
    return evaluate(expression, node.declared)


def _letters(dead: Sequence[Dead], source: str, partition: str) -> dict[str, pa.Array]:
    """Return dead letters as the columns of `DEAD_FIELDS`."""
    values: dict[str, list[Any]] = {
        "source": [source] * len(dead),
        "partition": [partition] * len(dead),
        "position": [None if d.position < 0 else d.position for d in dead],
        "operator": [source] * len(dead),
        "reason": [d.reason for d in dead],
        "message": [d.message for d in dead],
        "detail": [d.detail for d in dead],
        "payload": [d.payload.decode("utf-8", "replace") for d in dead],
        "truncated": [d.truncated for d in dead],
        "event_time": [d.event_time for d in dead],
    }
    return {f.name: pa.array(values[f.name], _storage(f.dtype)) for f in DEAD_FIELDS}


def _array(values: Any) -> pa.Array:
    kind = pa.int32() if values.dtype == np.int32 else pa.int64()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _storage(dtype: DataType, *, wide: bool = False) -> pa.DataType:
    """Return the Arrow type that is written: times and durations are int64. `wide`: and float32 is float64."""
    if dtype.item is not None:
        return pa.large_list(_storage(dtype.item, wide=wide))
    if dtype.name == "struct":
        return pa.struct([pa.field(f.name, _storage(f.dtype, wide=wide)) for f in dtype.fields])
    if dtype.name in ("timestamp", "duration"):
        return pa.int64()
    return pa.float64() if wide and dtype.name == "float32" else arrow_type(dtype)


def _stored(array: pa.Array, dtype: DataType) -> pa.Array:
    wanted = _storage(dtype)
    return array if array.type == wanted else array.cast(wanted)


# -- rows to parts ---------------------------------------------------------------------------------------------------


class _Parts:
    """Writes rows to numbered files of one directory; at least one, which may be empty."""

    def __init__(self, directory: Path, form: str, schema: Schema, pool: ThreadPoolExecutor) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._form = form
        self._schema = schema
        self._stored = pa.schema([pa.field(f.name, _storage(f.dtype)) for f in schema])
        self._pool = pool
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._parts = 0
        self._writing: deque[Future[None]] = deque()

    def add(self, columns: dict[str, pa.Array], rows: int) -> None:
        """Take rows; write parts when there are enough."""
        arrays = [columns[name] for name in self._schema.names]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._stored)
        while rows:
            count = min(rows, PART_ROWS - self._rows)
            self._held.append(batch.slice(batch.num_rows - rows, count))
            self._rows += count
            rows -= count
            if self._rows == PART_ROWS:
                self._write()

    def close(self) -> None:
        """Write what is left, and wait until all is written."""
        if self._rows or not self._parts:
            self._write()
        while self._writing:
            self._writing.popleft().result()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._held, self._stored)
        path = self._directory / f"part-{self._parts:05}.{self._form}"
        self._parts += 1
        self._rows = 0
        self._held = []
        while len(self._writing) > 2:
            self._writing.popleft().result()
        self._writing.append(self._pool.submit(self._write_table, table, path))

    def _write_table(self, table: pa.Table, path: Path) -> None:
        if self._form == "parquet":
            from pyarrow import parquet

            parquet.write_table(table, path, use_dictionary=False, store_schema=False)
            return
        columns = {
            f.name: _quoted(_widened(column, f.dtype)) if _has_floats(f.dtype) else column
            for f, column in zip(self._schema, table.combine_chunks().columns)
        }
        with open(path, "wb") as file:
            encoder = registry.find("format", "json").encoder(self._schema, {})
            encoder.begin(file, append=False)
            encoder.write(encoder.encode(pa.table(columns)))
            encoder.end()


def _has_floats(dtype: DataType) -> bool:
    if dtype.item is not None:
        return _has_floats(dtype.item)
    return dtype.is_float or any(_has_floats(f.dtype) for f in dtype.fields)


def _widened(column: pa.ChunkedArray, dtype: DataType) -> pa.Array:
    """Return the column as one array; a float32 as float64, so that its text is read back as the same float32."""
    wanted = _storage(dtype, wide=True)
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return array if array.type == wanted else array.cast(wanted)


def _quoted(array: pa.Array) -> pa.Array:
    """Return floats as text where there is one that JSON has no number for: an engine reads such text as a float."""
    if _finite(array):
        return array
    return pa.array([_plain(value) for value in array.to_pylist()], _with_text(array.type))


def _finite(array: pa.Array) -> bool:
    kind = array.type
    if pa.types.is_floating(kind):
        values = array.drop_null().to_numpy(zero_copy_only=False)
        return bool(np.isfinite(values).all())
    if pa.types.is_large_list(kind):
        return _finite(array.flatten())
    if pa.types.is_struct(kind):
        return all(_finite(part) for part in array.flatten())
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), "NaN")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _with_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(kind):
        return pa.large_string()
    if pa.types.is_large_list(kind):
        return pa.large_list(_with_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(kind.field(i).name, _with_text(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind
