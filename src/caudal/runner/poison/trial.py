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

from caudal.ingest import cutting
from caudal.ingest.opening import Opening
from caudal.ingest.reading import PartitionReader
from caudal.observe.log import log
from caudal.plan.nodes import Sink, Source
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource, Engine, Tuning
from caudal.ports.format import LineReader
from caudal.ports.records import MAX_PAYLOAD, Block, Convict, Decoded
from caudal.ports.sink import Immediate
from caudal.ports.source import End, Nothing, Partition, Remembering, Unchanging
from caudal.rewrite import rewrite
from caudal.runner.binding import following, open_source
from caudal.runner.history import placed
from caudal.runner.load import load
from caudal.runner.poison.journal import Journal
from caudal.runner.poison.narrowing import Key
from caudal.runner.poison.requests import JOURNAL, NOTE, REQUEST, RESULT, Places, Program, Request
from caudal.runner.sides import with_sides

_READ = 8 << 20
"""Bytes asked of a source at once."""

_PATIENCE = 10.0
"""Seconds for which a source that does not know whether it is at its end is asked again."""


class Given(Unchanging):
    """A source that has been given what its one partition reads; None: it has no partition."""

    def __init__(self, partition: GivenPartition | None = None) -> None:
        self._partitions: list[Partition] = [] if partition is None else [partition]

    def partitions(self) -> Sequence[Partition]:
        """Return it, if any."""
        return self._partitions

    def close(self) -> None:
        """Nothing is open."""


class GivenPartition:
    """A piece of a partition, as a partition that ends with it."""

    live = False

    def __init__(self, name: str, head: bytes, start: int, got: Block | Decoded) -> None:
        self.name = name
        self.start = start
        self._head = head
        self._got: Block | Decoded | None = got

    def head(self) -> bytes:
        """Return what the partition begins with: its decoder is opened by that."""
        return self._head

    def seek(self, position: int) -> None:
        """What is given stands where it stands."""

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        """Return the piece, once."""
        got, self._got = self._got, None
        return End() if got is None else got

    def close(self) -> None:
        """Nothing is open."""


class Nowhere(Immediate):
    """A target that encodes rows and forgets them."""

    where = "nowhere"

    def __init__(self, node: Sink) -> None:
        self._encoder: Any = None
        if node.format:
            chosen = registry.find("format", node.format)
            options = registry.check_options(
                dict(node.format_options), chosen.writer_options, f"format '{node.format}'"
            )
            self._encoder = chosen.encoder(node.schema, options)

    def encode(self, table: Any) -> Any:
        """Return the rows as its format has them."""
        return None if self._encoder is None else self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        """Forget them."""


class Pipeline:
    """The pipeline of a program, which runs pieces; its sources are open."""

    def __init__(self, program: Program) -> None:
        plan = load(program.file, settings=dict(program.settings))
        plan = placed(plan, *program.between)
        if program.follow:
            plan = following(plan)
        self._logical: Plan = with_sides(plan, program.late, program.dead)
        self._physical: Plan = rewrite(self._logical)
        self._engine: Engine = registry.find("engine", program.engine)
        self._threads = program.threads or os.cpu_count() or 1
        self.nodes = {node.name: node for node in self._physical.sources}
        self.bound = {name: open_source(node) for name, node in self.nodes.items()}

    def run(self, source: str = "", given: GivenPartition | None = None) -> None:
        """Run what is given to its end. What the pipeline says against it is no matter here: the job will say it."""
        sources = {
            name: BoundSource(Given(given if name == source else None), bound.reader)
            for name, bound in self.bound.items()
        }
        sinks = {node.name: Nowhere(node) for node in self._physical.sinks}
        tuning = Tuning(self._threads, read_at=time.time_ns() // 1_000_000)
        try:
            self._engine.start(self._logical, self._physical, Bindings(sources, sinks), tuning).run()
        except Exception as error:
            log.info("a piece fails, and does not kill: %s", error)

    def partitions(self, places: Places) -> dict[Key, Partition]:
        """Return the partitions as a run that goes on would have them, at their places; those that have not ended."""
        found: dict[Key, Partition] = {}
        for name, bound in self.bound.items():
            source = bound.source
            if name in places.memories and isinstance(source, Remembering):
                known = {key[1]: at for key, at in places.positions.items() if key[0] == name}
                going = {part: at for part, at in known.items() if (name, part) not in places.ended}
                source.recall(places.memories[name], going)
            for each in source.partitions():
                key = name, each.name
                if key in places.ended or not (places.whole or key in places.positions):
                    continue
                if key in places.positions:
                    each.seek(places.positions[key])
                found[key] = each
        return found


class Reading:
    """Reads one partition of a trial."""

    def __init__(self, number: int, key: Key, partition: Partition, bound: BoundSource, node: Source) -> None:
        self.number = number
        self.key = key
        self._partition = partition
        self._bound = bound
        self._node = node
        self._head = b""
        self._quiet = 0.0
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
        if not isinstance(got, Nothing):
            self._quiet = 0.0
            return got
        now = time.monotonic()
        self._quiet = self._quiet or now
        return None if got.silent and now - self._quiet < _PATIENCE else End()

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
            if request.trial is None:
                found = Pipeline(request.program).partitions(request.places)
                places = request.places.positions
                result = {"partitions": [[*key, places.get(key, each.start)] for key, each in found.items()]}
            else:
                Attempt(request, Journal(str(folder / JOURNAL))).run()
                result = {}
        except Exception as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        (folder / RESULT).write_text(json.dumps(result))
    os._exit(0)  # what libraries do at their ends is no matter here


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
