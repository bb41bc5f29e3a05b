"""A job on an engine of its own process: rows are handed over, the script runs, its results go to the sinks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.engines import environments
from caudal.engines.jvm.causes import causes_of
from caudal.engines.jvm.exchange import hand_over
from caudal.engines.jvm.lookups import TableInput, hand_over_tables
from caudal.engines.jvm.package import linked
from caudal.engines.jvm.processes import sweep, tell
from caudal.engines.jvm.script import Job
from caudal.engines.jvm.topics import Told, directory
from caudal.engines.outputs import counted_sinks
from caudal.ingest.tables import Version
from caudal.observe.ledger import Entry, Ledger
from caudal.observe.notices import Notice
from caudal.observe.summary import Progress
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource, Script, Tuning
from caudal.ports.sink import Sink
from caudal.ports.snapshot import NoSnapshots, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

_POLL = 0.1
"""Seconds between looks at the process."""

_LEDGER = "the ledger is kept at sources and sinks on this engine; of other operators it knows what is late or dead"

_GRACE = 3.0
"""Seconds that a job gets to end once it is told to."""

_GRACE_OF_CLUSTER = 15.0
"""The same for one on a cluster, where it must be cancelled first."""


class JvmExecution(NoSnapshots):
    """Keeps `ports.engine.Execution`.

    `sources` and `sinks` are in the order of the job's inputs and outputs. `write` makes the job's script;
    `form`: how rows are handed over.
    """

    unsupported = Unsupported("the job's state is the cluster's, which is not asked for a savepoint yet")

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
        write: Callable[..., Script],
        environment: Mapping[str, str],
        tables: Sequence[tuple[TableInput, Version]] = (),
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
        self._tables = tables
        self._process: subprocess.Popen[bytes] | None = None
        self._folders: list[Path] = []
        self._killed: BaseException | None = None
        self._stopped = False
        self._doing = f"handing rows over to {engine}"
        self._handed: list[dict[str, Any]] = []
        self._told: dict[int, Told] = {}
        self._read_at = tuning.read_at or time.time_ns() // 1_000_000  # one for all sources, whoever reads them
        self._counts: dict[int, int] = {}
        self._sunk: dict[str, int] = {}
        self._alerts = counted_sinks(out.sink for out in job.outputs)
        self._notices: list[Notice] = []
        self._began = time.monotonic()
        self._seconds = 0.0

    # The contract.

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Run to the end of data; raises `RunError` with the cause where the job fails."""
        self._began = time.monotonic()
        try:
            self._run(*self._make_folders(), watch)
        except OSError as error:
            hint = "rows are handed over in the directory of --exchange, else in the temporary one: is there room?"
            raise RunError(f"cannot hand rows over to {self._engine}", detail=str(error), hint=hint) from error
        finally:
            self._seconds = time.monotonic() - self._began
            self._tidy()

    def stop(self) -> None:
        """Cancel the job: a bounded job has no half of a result. `run` raises."""
        self._stopped = True

    def kill(self, error: BaseException) -> None:
        """End at once; `run` raises the error."""
        self._killed = error
        if self._process is not None:
            sweep(self._process.pid)
        self._tidy()

    @property
    def drained(self) -> bool:
        """Whether it was stopped before the end of data: never, it is cancelled."""
        return False

    def progress(self) -> Progress:
        """Return how far it is: rows that were handed over."""
        elapsed = time.monotonic() - self._began
        rows = sum(sum(h["partitions"].values()) for h in self._handed)
        rate = rows / elapsed if elapsed else 0.0
        doing = f"cancelling the job on {self._engine}" if self._stopped else self._doing
        return Progress(
            elapsed, rows, rate, None, 0, 0, sum(self._sunk.get(name, 0) for name in self._alerts), 0, elsewhere=doing
        )

    def ledger(self) -> Ledger:
        """Return the ledger, which is kept at sources and sinks; of other operators what is late or dead is known."""
        return _ledger(self._logical, self._job, self._handed, self._counts, self._sunk)

    def figures(self) -> dict[str, Any]:
        """Return rows, bytes, seconds, failures and reports of sources."""
        return {
            "rows": sum(sum(h["partitions"].values()) for h in self._handed)
            + sum(number for count, number in self._counts.items() if self._job.counts[count].fate == "taken"),
            "bytes": sum(h.get("bytes", 0) for h in self._handed),
            "seconds": self._seconds,
            "latency": {},
            "failures": [f for h in self._handed for f in h["failures"]],
            "state_peak": 0,
            "notes": [*self._job.notes, _LEDGER],
            "sources": [h["watch"].report() for h in self._handed],
            "notices": [*self._notices, *(n for h in self._handed if "notices" in h for n in h["notices"].all())],
        }

    # Steps.

    def _make_folders(self) -> tuple[Path, Path]:
        """Return the directory of the job, and that of the rows that are handed over."""
        folder = Path(tempfile.mkdtemp(prefix=f"caudal-{self._engine}-"))
        self._folders.append(folder)
        rows = folder / "rows"
        if exchange := directory(self._tuning.exchange):
            # the cluster may be another user's: who may read it, the directory around it decides
            rows = Path(exchange).absolute() / f"caudal-{self._engine}-{uuid.uuid4().hex}"
            self._folders.append(rows)
        for each in (rows, folder / "results", folder / "aside"):
            each.mkdir()
        hand_over_tables(self._tables, rows, self._form)
        self._notices = [Notice("table", each.node.table.label, version.told()) for each, version in self._tables]
        self._tables = ()
        return folder, rows

    def _run(self, folder: Path, rows: Path, watch: Callable[[], None] | None) -> None:
        self._hand_over(rows, watch)
        self._call(folder, rows, folder / "results", watch)
        self._take(folder / "results")

    def _hand_over(self, folder: Path, watch: Callable[[], None] | None) -> None:
        def watched() -> None:
            self._checkpoint()
            if watch is not None:
                watch()

        for index, (each, bound) in enumerate(zip(self._job.inputs, self._sources, strict=True)):
            if index in self._job.topics:
                told = self._told[index] = Told(each.node, self._job.topics[index])
                self._handed.append(told.counts)
                bound.source.close()  # the tasks' own connections read it
                continue
            counts = hand_over(
                each.node,
                bound,
                index,
                folder,
                self._form,
                each.columns,
                threads=self._tuning.threads,
                watch=watched,
                read_at=self._read_at,
            )
            self._handed.append(counts)
        counts = [{k: v for k, v in handed.items() if k not in ("notices", "watch")} for handed in self._handed]
        (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")

    def _call(self, folder: Path, rows: Path, results: Path, watch: Callable[[], None] | None) -> None:
        process = self._launch(folder, rows, results)
        self._wait(watch)
        self._checkpoint()
        if process.returncode != 0 or not (results / "counts.json").exists():
            raise self._failure(folder)

    def _launch(self, folder: Path, rows: Path, results: Path) -> subprocess.Popen[bytes]:
        """Start the job's process; what it says goes to log.txt in its directory."""
        script = folder / "job.py"
        self._write(self._job, f"The pipeline '{self._logical.name}'.").save(script)
        command = [str(self._python), "-W", "ignore", str(script), "--rows", str(rows), "--results", str(results)]
        command += ["--read-at", str(self._read_at)]
        environment = _surroundings(self._environment, folder / "aside")
        environment |= _all_of_caudal(self._engine) if self._job.topics and not self._job.cluster else {}
        self._checkpoint()
        self._doing = f"running on {self._engine}"
        with (folder / "log.txt").open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        return self._process

    def _wait(self, watch: Callable[[], None] | None) -> None:
        """Wait for the job's end; one that was stopped is told to end, and gets some time to do so."""
        assert self._process is not None
        told: float | None = None
        grace = _GRACE_OF_CLUSTER if self._job.cluster else _GRACE
        try:
            while True:
                try:
                    self._process.wait(_POLL)
                    return
                except subprocess.TimeoutExpired:
                    if watch is not None:
                        watch()
                if self._stopped and told is None:
                    told = time.monotonic()
                    tell(self._process.pid)
                if told is not None and time.monotonic() > told + grace:
                    return
        finally:
            sweep(self._process.pid)
            self._process.wait()

    def _checkpoint(self) -> None:
        if self._killed is not None:
            raise self._killed
        if self._stopped:
            raise RunError(f"the job on {self._engine} was cancelled; nothing was written")

    def _take(self, results: Path) -> None:
        import pyarrow as pa

        told = json.loads((results / "counts.json").read_text(encoding="utf-8"))
        for count, number in told["counts"]:
            self._counts[count] = self._counts.get(count, 0) + number
        for number, texts in told["told"].items():
            for text in texts:
                self._told[int(number)].take(json.loads(text))
        for number, out in enumerate(self._job.outputs):
            self._sunk[out.sink.name] = self._sunk.get(out.sink.name, 0) + told["rows"][number]
            path = results / f"{number}.arrow"
            if not path.exists():
                continue
            sink = self._sinks[number]
            with pa.OSFile(str(path), "rb") as file:
                for batch in pa.ipc.open_stream(file):
                    self._checkpoint()
                    sink.write(sink.encode(as_planned(pa.table(batch), out.columns)))

    def _failure(self, folder: Path) -> RunError:
        assert self._process is not None
        text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        return _failed(self._engine, self._job.cluster, self._process.returncode, text)

    def _tidy(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


def _failed(engine: str, cluster: str, code: int, text: str) -> RunError:
    """Return the error of a job whose process ended with a code and said this, which is kept in a file."""
    number, kept = tempfile.mkstemp(prefix=f"caudal-{engine}-failure-", suffix=".log")
    with open(number, "w", encoding="utf-8") as file:
        file.write(text)
    causes = causes_of(text)
    if not causes:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        causes = [f"its process ended ({how}) and said nothing of why", "a function that ends its process does this"]
    where = f" at {cluster}" if cluster else ""
    return RunError(f"the job on {engine}{where} failed", detail="\n  ".join([*causes, f"all of it: {kept}"]))


def _ledger(
    logical: Plan,
    job: Job,
    handed_over: Sequence[Mapping[str, Any]],
    counts: Mapping[int, int],
    sunk: Mapping[str, int],
) -> Ledger:
    """Return the ledger by what was handed over of each source, what was counted, and how many rows each sink got."""
    ledger = Ledger()
    lost: dict[str, dict[str, int]] = {}
    for count, number in counts.items():
        each = job.counts[count]
        lost.setdefault(each.operator, {})[each.fate] = number
    for out in job.outputs:
        above = out.sink.input
        fate = {"late": "late", "dead": "dead"}.get(above.kind)
        if fate is not None and above.inputs[0].kind != "source":
            lost.setdefault(above.inputs[0].name, {})[fate] = sunk.get(out.sink.name, 0)
    handed = dict(zip((i.node.name for i in job.inputs), handed_over))
    for each in handed.values():
        for operator, number in each.get("of", {}).items():
            lost.setdefault(operator, {})["dead"] = number
    for node in logical.nodes:
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
        elif node.kind == "sink":
            taken = sunk.get(name, 0)
            ledger.entries[name] = Entry(name, node.kind, (), taken=taken, passed=taken)
        elif any(lost.get(name, {}).values()):
            late, dead = (lost[name].get(fate, 0) for fate in ("late", "dead"))
            ledger.entries[name] = Entry(name, node.kind, (), late=late, dead=dead, whole=False)
    return ledger


def _surroundings(own: Mapping[str, str], aside: Path) -> dict[str, str]:
    """Return the environment of a job's process."""
    environment = {**os.environ, **own, "CAUDAL_FEEDER": str(os.getpid())}
    return environment | _aside(aside, environment)


def _all_of_caudal(engine: str) -> dict[str, str]:
    """Return the variables by which a job on this machine and its workers find all of caudal, and keep its kernels."""
    package, kernels = (str(each) for each in linked(environments.kernels(engine)))
    return {"CAUDAL_PACKAGE": package, "PYTHONPATH": package, "NUMBA_CACHE_DIR": kernels}


def _aside(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which all that a job and its workers put aside goes when this folder goes."""
    java = f'{environment.get("JDK_JAVA_OPTIONS", "")} "-Djava.io.tmpdir={folder}"'.strip()
    return {"TMPDIR": str(folder), "SPARK_LOCAL_DIRS": str(folder), "JDK_JAVA_OPTIONS": java}


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
