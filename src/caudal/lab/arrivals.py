"""Both ends of a measured run: a source where everything waits already, and a sink that notes when results arrive.

The pipeline is the one that users run over files; only its ends are these, so that times can be taken. Messages go
in as bytes, to be decoded, and results are encoded as JSON lines and written (to nowhere): what a message pays
for in earnest is paid here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.ports import registry
from caudal.ports.records import PADDING, Block
from caudal.ports.sink import Immediate
from caudal.ports.source import End, Nothing, Partition, Unchanging

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD = 1 << 16


class Arrivals(Immediate):
    """A sink that notes when results were written. `count`: how many were, by now."""

    where = "arrivals"

    def __init__(self, schema: Schema) -> None:
        chosen = registry.find("format", "json")
        options = registry.check_options({}, chosen.writer_options, "format 'json'")
        self._encoder = chosen.encoder(schema, options)
        self._out = open(os.devnull, "wb")  # noqa: SIM115 - it is closed by `finish` or `abort`
        self._encoder.begin(self._out, append=False)
        self._noted: list[tuple[float, Any]] = []
        self.count = 0

    def encode(self, table: pa.Table) -> Any:
        """Return the ids and the encoded rows."""
        column = table.column("id").chunk(0)
        ids = np.frombuffer(column.buffers()[1], np.int64, len(column), 8 * column.offset)
        return ids, self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        """Write the rows, then note the time; what is made of it waits until the run is over."""
        ids, rows = payload
        self._encoder.write(rows)
        self._noted.append((time.perf_counter(), ids))
        self.count += len(ids)

    def times(self, ids: int) -> Any:
        """Return when each of the results 0 to `ids` - 1 was written (`time.perf_counter`).

        Negative ids are left out. Raises `RunError` unless each of the others was written once.
        """
        found = np.full(ids, np.nan)
        count = 0
        for moment, written in self._noted:
            counted = written[written >= 0]
            found[counted] = moment
            count += len(counted)
        missing = int(np.count_nonzero(np.isnan(found)))
        if missing or count != ids:
            raise RunError(
                "the burst did not come out as it went in",
                detail=f"{missing:,} of {ids:,} messages gave no result; there are {count:,} results",
            )
        return found

    def finish(self) -> None:
        """Close."""
        self._encoder.end()
        self._out.close()

    def abort(self) -> None:
        """Close."""
        self._out.close()


class Waiting(Unchanging):
    """A source of waves of lines: each stands there whole once the results of those before have all arrived.

    `rows`: how many each wave holds. `begun`: when the last wave stood there, set by the reading thread; the only wave
    stands there from the start, so that whoever starts the job sets it.
    """

    def __init__(self, waves: Sequence[bytes], rows: Sequence[int], arrivals: Arrivals) -> None:
        self._partition = _Lines(waves, rows, arrivals)

    @property
    def begun(self) -> float:
        """When the burst stood there (`time.perf_counter`)."""
        return self._partition.begun

    @begun.setter
    def begun(self, moment: float) -> None:
        self._partition.begun = moment

    def partitions(self) -> Sequence[Partition]:
        """Return the only partition."""
        return [self._partition]

    def close(self) -> None:
        """There is nothing to release."""


class _Lines:
    name = "burst"
    start = 0

    def __init__(self, waves: Sequence[bytes], rows: Sequence[int], arrivals: Arrivals) -> None:
        self.live = len(waves) > 1  # it is asked again while there is nothing yet
        self.begun = 0.0
        self._waves = [bytearray(wave) + bytearray(PADDING) for wave in waves]
        self._ends = [len(wave) for wave in waves]
        self._before = [sum(rows[:i]) for i in range(len(rows))]
        self._arrivals = arrivals
        self._wave = self._at = self._passed = 0

    def head(self) -> bytes:
        wave, end = self._waves[0], self._ends[0]
        stop = end if end <= _HEAD else wave.rfind(b"\n", 0, _HEAD) + 1
        return bytes(wave[:stop])

    def seek(self, position: int) -> None:
        raise NotImplementedError("a burst is read once")

    def read(self, size: int) -> Block | Nothing | End:
        while self._at >= self._ends[self._wave]:
            if self._wave + 1 == len(self._waves):
                return End()
            if self._arrivals.count < self._before[self._wave + 1]:
                return Nothing()
            self._passed += self._ends[self._wave]
            self._wave, self._at = self._wave + 1, 0
            self.begun = time.perf_counter()
        wave, end, start = self._waves[self._wave], self._ends[self._wave], self._at
        stop = end if start + size >= end else wave.rfind(b"\n", start, start + size) + 1
        if stop <= start:
            stop = wave.find(b"\n", start) + 1
        self._at = stop
        data = np.frombuffer(wave, np.uint8)
        return Block(data, start, stop, self._passed + start, self._passed + stop, int(time.time() * 1000))

    def close(self) -> None:
        """There is nothing to release."""
