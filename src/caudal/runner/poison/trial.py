"""A trial, as the process that may die of it: records are given to the pipeline piece by piece, with state and targets that are empty.

It reads what the job would read, and runs each piece as a job of its own up to the encoding of its results, windows closed; nothing is
written anywhere but in the journal.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caudal.columnar import ipc
from caudal.core.errors import RunError
from caudal.ingest import cutting
from caudal.ingest.opening import Opening
from caudal.ingest.reading import PartitionReader
from caudal.plan.nodes import Source
from caudal.ports.calls import Calls
from caudal.ports.engine import Bindings, BoundSource
from caudal.ports.format import LineReader
from caudal.ports.records import MAX_PAYLOAD, Block, Convict, Decoded
from caudal.ports.source import End, Nothing, Partition
from caudal.runner.layout import Nothing as NoRows
from caudal.runner.poison.journal import Journal
from caudal.runner.poison.narrowing import Key
from caudal.runner.poison.pipeline import GivenPartition, Loaded, Pipeline, nowhere
from caudal.runner.poison.replay import Quiet, replay
from caudal.runner.poison.requests import CALL, JOURNAL, NOTE, REQUEST, RESULT, Request
from caudal.runner.poison.units import Units

_READ = 8 << 20
"""Bytes asked of a source at once."""


class Reading:
    """Reads one partition of a trial."""

    def __init__(self, number: int, key: Key, partition: Partition, bound: BoundSource, node: Source) -> None:
        self.number = number
        self.key = key
        self._partition = partition
        self._bound = bound
        self._node = node
        self._head = b""
        self._quiet = Quiet()
        self.reader: PartitionReader

    def begin(self, place: int | None, start: int, convicts: Sequence[Convict]) -> None:
        """Stand where the trial begins. `place`: where a run goes on, None for the partition's beginning."""
        self.reader = PartitionReader(Opening(self._bound.reader, self._node.declared), self._partition, convicts)
        if place is not None:
            self.reader.position = place
        self.reader.open()
        if isinstance(self._bound.reader, LineReader):
            self._head = self._partition.head()
        if start > self.reader.position:
            self._partition.seek(start)
            self.reader.position = start

    def read(self) -> Block | Decoded | End | None:
        """Return what is there; None: it may come. A live partition ends where it has nothing more now."""
        got = self.reader.take(_READ)
        if self._quiet.over(got):
            return End()
        return None if isinstance(got, Nothing) else got

    def given(self, part: Block | Decoded, start: int) -> GivenPartition:
        """Return a piece as a partition."""
        return GivenPartition(self.key[1], self._head, start, part)

    @property
    def framer(self) -> Any:
        """What knows where records end, None: newlines do."""
        return getattr(self.reader.decoder, "framer", None)


class Attempt:
    """One trial."""

    def __init__(self, request: Request, journal: Journal) -> None:
        assert request.trial is not None
        self._trial = request.trial
        self._journal = journal
        self._pipeline = Pipeline(request.program)
        self._pipeline.run()  # what is done at first is done before a record is in work
        self._deadline = time.monotonic() + request.seconds
        there = self._pipeline.partitions(request.places)
        self._going: list[Reading] = []
        for number, (key, start) in enumerate(self._trial.starts.items()):
            if key not in there:
                continue
            reading = Reading(number, key, there[key], self._pipeline.bound[key[0]], self._pipeline.nodes[key[0]])
            reading.begin(request.places.positions.get(key), start, request.convicts.get(key, ()))
            self._going.append(reading)

    def run(self) -> None:
        """Give the pipeline what its partitions have, in turns."""
        while self._going:
            waits = True
            for reading in [*self._going]:
                got = reading.read()
                if isinstance(got, End) or (got is not None and not self._tried(reading, got)):
                    self._going.remove(reading)
                waits &= got is None
                if self._trial.stop is None and time.monotonic() > self._deadline:
                    return
            if waits and self._going:
                time.sleep(0.02)

    def _tried(self, reading: Reading, got: Block | Decoded) -> bool:
        """Run what was read, piece by piece; return whether to read on."""
        left: Block | Decoded | None = got
        while left is not None:
            part, left = cutting.piece(left, self._trial.size, reading.framer)
            if cutting.empty(part):
                continue
            start, end = cutting.begins(part), _end(part)
            if self._trial.stop is not None and start >= self._trial.stop:
                return False
            record = None if cutting.several(part, reading.framer) else _record(part, start)
            self._journal.begin(reading.number, start, end, cutting.size_of(part), record)
            self._pipeline.run(reading.key[0], reading.given(part, start))
            self._journal.landed(reading.number, end)
        return True


def again(request: Request, journal: Journal, args: bytes) -> None:
    """Make a call again, with so many of its rows, or windows, at once."""
    trial = request.trial
    assert trial is not None
    loaded, calls = Loaded(request.program), Calls(sites={})
    sources = {node.name: BoundSource(NoRows(), None) for node in loaded.physical.sources}
    bindings = Bindings(sources, nowhere(loaded.physical), calls)
    execution = loaded.engine.start(loaded.logical, loaded.physical, bindings, loaded.tuning(1))
    execution.run()  # what is done at first is done before a call is in work
    units = Units.of(ipc.from_bytes(args, CALL))
    run = (calls.sites or {}).get(units.site)
    if run is None:
        raise RunError(f"the pipeline has no function at {units.site} any more")
    ((_, start),) = trial.starts.items()
    stop = units.count if trial.stop is None else trial.stop
    step = max(1, trial.size // cutting.ROW)
    for begin in range(start, stop, step):
        end = min(begin + step, stop)
        part = units.part(begin, end)
        journal.begin(0, begin, end, cutting.ROW * (end - begin), part.shown() if end - begin == 1 else None)
        run(part.table, part.lengths)
        journal.landed(0, end)


def _end(part: Block | Decoded) -> int:
    return int(part.position[-1]) + 1 if isinstance(part, Decoded) and part.end < 0 else part.end


def _record(part: Block | Decoded, position: int) -> bytes:
    if isinstance(part, Decoded):
        values = {name: column.to_list()[0] for name, column in part.columns.items()}
        return json.dumps(values, default=str, ensure_ascii=False).encode()
    return part.record(position, MAX_PAYLOAD + 1)


def _last() -> None:
    """Let this process die with the one that waits for it, and be the first that the kernel ends for want of memory."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        Path("/proc/self/oom_score_adj").write_text("1000")


def main(folder: Path, parent: int) -> int:
    """Do what the request in a folder asks; leave the result there."""
    _last()
    if os.getppid() != parent:
        return 1
    with open(folder / NOTE, "w") as note:
        faulthandler.enable(note)
        request = Request.decode((folder / REQUEST).read_text())
        result: dict[str, Any]
        try:
            journal = Journal(str(folder / JOURNAL))
            if request.standing is not None:
                replay(request, journal, folder)
                result = {}
            elif (folder / CALL).exists():
                again(request, journal, (folder / CALL).read_bytes())
                result = {}
            elif request.trial is None:
                found = Pipeline(request.program).partitions(request.places)
                places = request.places.positions
                result = {"partitions": [[*key, places.get(key, each.start)] for key, each in found.items()]}
            else:
                Attempt(request, journal).run()
                result = {}
        except Exception as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        (folder / RESULT).write_text(json.dumps(result))
    os._exit(0)  # what libraries do at their ends is no matter here


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
