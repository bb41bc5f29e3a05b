"""A job on an engine of its own process: rows are handed over, the script runs, its results go to the sinks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.core.errors import CaudalError, OptionError, RunError
from caudal.core.types import Schema
from caudal.engines.jvm.handover import hand_over
from caudal.engines.jvm.script import Job
from caudal.observe.ledger import Entry, Ledger
from caudal.observe.summary import Progress
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import BoundSource, Tuning
from caudal.ports.sink import Sink

if TYPE_CHECKING:
    import pyarrow as pa

_POLL = 0.1
"""Seconds between looks at the process."""

_NO_ANSWER = ("Connection refused", "ConnectException", "UnknownHostException", "All masters are unresponsive")

_LEDGER = "the ledger is kept at sources and sinks on this engine; of other operators it knows what is late or dead"

_GRACE = 10.0
"""Seconds that a job gets to end once it is told to."""


class JvmExecution:
    """Keeps `ports.engine.Execution`.

    `sources` and `sinks` are in the order of the job's inputs and outputs. `write` makes the script's text of the job;
    `form`: how rows are handed over.
    """

    def __init__(
        self,
        engine: str,
        logical: Plan,
        job: Job,
        sources: Sequence[BoundSource],
        sinks: Sequence[Sink],
        tuning: Tuning,
        *,
        python: Path,
        form: str,
        write: Callable[..., str],
        environment: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._logical = logical
        self._job = job
        self._sources = sources
        self._sinks = sinks
        self._tuning = tuning
        self._python = python
        self._form = form
        self._write = write
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: BaseException | None = None
        self._stopped = False
        self._handed: list[dict[str, Any]] = []
        self._counts: list[list[int]] = []
        self._sunk: dict[str, int] = {}
        self._began = time.monotonic()
        self._seconds = 0.0

    # The contract.

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Run to the end of data; raises `RunError` with the cause where the job fails."""
        self._began = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix=f"caudal-{self._engine}-", dir=self._tuning.exchange or None))
        try:
            rows, results = folder / "rows", folder / "results"
            rows.mkdir()
            results.mkdir()
            self._hand_over(rows, watch)
            self._call(folder, rows, results, watch)
            self._take(results)
        finally:
            self._seconds = time.monotonic() - self._began
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """Cancel the job: a bounded job has no half of a result. `run` raises."""
        self._stopped = True
        self._end()

    def kill(self, error: BaseException) -> None:
        """End at once; `run` raises the error."""
        self._killed = error
        self._end()

    def flush(self) -> None:
        """Do nothing: a job that was stopped has no windows left."""

    @property
    def drained(self) -> bool:
        """Whether it was stopped before the end of data: never, it is cancelled."""
        return False

    def progress(self) -> Progress:
        """Return how far it is: rows that were handed over."""
        elapsed = time.monotonic() - self._began
        rows = sum(sum(h["partitions"].values()) for h in self._handed)
        return Progress(elapsed, rows, rows / elapsed if elapsed else 0.0, None, 0, 0, sum(self._sunk.values()), 0)

    def ledger(self) -> Ledger:
        """Return the ledger, which is kept at sources and sinks; of other operators what is late or dead is known."""
        ledger = Ledger()
        lost: dict[str, dict[str, int]] = {}
        for count, number in self._counts:
            each = self._job.counts[count]
            lost.setdefault(each.operator, {})[each.fate] = number
        for out in self._job.outputs:
            above = out.sink.input
            fate = {"late": "late", "dead": "dead"}.get(above.kind)
            if fate is not None and above.inputs[0].kind != "source":
                lost.setdefault(above.inputs[0].name, {})[fate] = self._sunk.get(out.sink.name, 0)
        handed = dict(zip((i.node.name for i in self._job.inputs), self._handed))
        for node in self._logical.nodes:
            name = node.name
            if name in handed:
                parts = handed[name]["partitions"]
                taken, dead = sum(parts.values()), handed[name]["dead"]
                emitted = {"out": taken - dead, "dead": dead}
                ledger.entries[name] = Entry(
                    name, node.kind, (), taken=taken, passed=taken - dead, dead=dead, emitted=emitted, partitions=parts
                )
            elif lost.get(name, {}).get("taken") is not None:
                taken = lost[name]["taken"]
                ledger.entries[name] = Entry(name, node.kind, (), taken=taken, passed=taken, emitted={"out": taken})
            elif name in self._sunk:
                ledger.entries[name] = Entry(name, node.kind, (), taken=self._sunk[name], passed=self._sunk[name])
            elif any(lost.get(name, {}).values()):
                late, dead = (lost[name].get(fate, 0) for fate in ("late", "dead"))
                ledger.entries[name] = Entry(name, node.kind, (), late=late, dead=dead, whole=False)
        return ledger

    def figures(self) -> dict[str, Any]:
        """Return rows, bytes, seconds and failures of sources."""
        return {
            "rows": sum(sum(h["partitions"].values()) for h in self._handed)
            + sum(number for count, number in self._counts if self._job.counts[count].fate == "taken"),
            "bytes": sum(h.get("bytes", 0) for h in self._handed),
            "seconds": self._seconds,
            "latency": {},
            "failures": [f for h in self._handed for f in h["failures"]],
            "state_peak": 0,
            "notes": [*self._job.notes, _LEDGER],
        }

    # Steps.

    def _hand_over(self, folder: Path, watch: Callable[[], None] | None) -> None:
        local = registry.find("engine", "local")

        def watched() -> None:
            self._checkpoint()
            if watch is not None:
                watch()

        for index, (each, bound) in enumerate(zip(self._job.inputs, self._sources, strict=True)):
            counts = hand_over(
                each.node,
                bound,
                index,
                folder,
                self._form,
                each.columns,
                local.evaluate,
                threads=self._tuning.threads,
                watch=watched,
            )
            self._handed.append(counts)
        (folder / "counts.json").write_text(json.dumps(self._handed), encoding="utf-8")

    def _call(self, folder: Path, rows: Path, results: Path, watch: Callable[[], None] | None) -> None:
        script = folder / "job.py"
        script.write_text(self._write(self._job, f"The pipeline '{self._logical.name}'."), encoding="utf-8")
        command = [str(self._python), "-W", "ignore", str(script), "--rows", str(rows), "--results", str(results)]
        log, aside = folder / "log.txt", folder / "aside"
        aside.mkdir()
        self._checkpoint()
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                # what the job and its workers put aside goes when the folder goes
                env={**os.environ, "TMPDIR": str(aside), **self._environment},
                start_new_session=True,
            )
            if self._stopped or self._killed:
                self._end()
            while True:
                try:
                    code = self._process.wait(_POLL)
                    break
                except subprocess.TimeoutExpired:
                    if watch is not None:
                        watch()
        _sweep(self._process.pid)
        self._checkpoint()
        if code != 0 or not (results / "counts.json").exists():
            raise self._failure(log, code)

    def _checkpoint(self) -> None:
        if self._killed is not None:
            raise self._killed
        if self._stopped:
            raise RunError(f"the job on {self._engine} was cancelled; nothing was written")

    def _end(self) -> None:
        """Tell the job to end; what it has started goes with it."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        try:
            os.killpg(process.pid, signal.SIGINT if self._tuning.cluster else signal.SIGTERM)
            process.wait(_GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass
        _sweep(process.pid)

    def _take(self, results: Path) -> None:
        import pyarrow as pa

        told = json.loads((results / "counts.json").read_text(encoding="utf-8"))
        self._counts = told["counts"]
        for number, out in enumerate(self._job.outputs):
            self._sunk[out.sink.name] = told["rows"][number]
            path = results / f"{number}.arrow"
            if not path.exists():
                continue
            sink = self._sinks[number]
            with pa.OSFile(str(path), "rb") as file:
                for batch in pa.ipc.open_stream(file):
                    sink.write(sink.encode(as_planned(pa.table(batch), out.columns)))

    def _failure(self, log: Path, code: int) -> CaudalError:
        text = log.read_text(encoding="utf-8", errors="replace")
        kept = Path(tempfile.gettempdir()) / f"caudal-{self._engine}-failure-{os.getpid()}.log"
        kept.write_text(text, encoding="utf-8")
        causes = causes_of(text)
        kind = RunError
        hint = ""
        if self._job.cluster and any(word in text for word in _NO_ANSWER):
            kind, hint = OptionError, f"is a cluster of {self._engine} running at {self._job.cluster}?"
            causes = causes or [f"no answer from {self._job.cluster}"]
        return kind(
            f"the job on {self._engine} failed" + (f" (exit code {code})" if not causes else ""),
            detail="\n  ".join([*causes, f"all of it: {kept}"]),
            hint=hint,
        )


def causes_of(text: str) -> list[str]:
    """Return the cause of a failure in at most two lines: the last exceptions that a trace names."""
    found: list[str] = []
    for line in text.splitlines():
        match = re.match(
            r"\s*(?:Caused by: |: )?((?:[A-Za-z_][\w$]*\.)*[A-Za-z_][\w$]*(?:Error|Exception|Failure))\b:? ?(.*)", line
        )
        if match and (match[2] or line.startswith("Caused by")):
            shown = f"{match[1].rpartition('.')[2]}: {match[2]}"[:300].rstrip(": ")
            if shown not in found:
                found.append(shown)
    return found[-2:]


def as_planned(table: pa.Table, schema: Schema) -> pa.Table:
    """Return a table with the plan's types: an engine has times as integers, and names for items of its own."""
    import pyarrow as pa

    from caudal.columnar.column import arrow_type

    columns = [
        _typed(column.combine_chunks(), arrow_type(f.dtype)) for column, f in zip(table.columns, schema, strict=True)
    ]
    return pa.table(columns, schema=pa.schema([(f.name, c.type) for f, c in zip(schema, columns, strict=True)]))


def _typed(array: Any, kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if array.type == kind:
        return array
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items = _typed(array.flatten(), kind.value_type)
        counts = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).cumsum()
        make = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        offsets = pa.array([0, *counts.tolist()], pa.int64() if pa.types.is_large_list(kind) else pa.int32())
        return make.from_arrays(offsets, items, mask=array.is_null() if array.null_count else None)
    if pa.types.is_struct(kind):
        parts = [_typed(array.field(i), kind.field(i).type) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null() if array.null_count else None)
    return array.cast(kind)


def _sweep(group: int) -> None:
    """End what is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
