"""Runs over given rows in virtual time, and the ways to run that may not change a row.

`run` gives what comes out. `check_everywhere` runs whole, in morsels of 1, unrewritten, on several threads with the queue
shuffled, read in small chunks, and cut at a random point and restored in a fresh engine; it compares all of them with
each other and with the oracle.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from caudal.core.errors import OptionError, nearest
from caudal.core.types import DataType, Field
from caudal.lang.dsl.stream import Stream
from caudal.observe.ledger import Ledger
from caudal.plan.nodes import DeadLetters, Late, Node, Sink, Source
from caudal.plan.plan import Plan
from caudal.runner.sides import with_sides
from caudal.testing.harness import CountedSource, Started, difference, differences
from caudal.testing.live import ROW_BYTES, Rows, Script, ScriptedSource, VirtualClock
from caudal.testing.oracle import Inputs, Record, interpret

Table = Sequence[Mapping[str, Any]]
Given = Table | Script | Mapping[str, Table | Script]
"""Rows of the only source (one partition), a script, or either by the name of the source."""

_ROW_WISE = "a Python function must give a row the same result whatever rows stand beside it"

STEP = 50
"""Milliseconds that a poll of a live script takes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(slots=True)
class Result:
    """What came out of a run: rows as dicts, in the order written; times and durations are int milliseconds.

    `outputs`: rows by sink. `late`, `dead`: late rows (whole, with the late_* columns) and dead letters by operator,
    where the pipeline does not read them itself. `ledger`: that of the pipeline's own operators; `captured`: with those
    that capture late rows and dead letters. `failures`: sources that broke and what they said. `drained`: it was stopped
    before the end of data, so that windows may be open.
    """

    outputs: dict[str, list[dict[str, Any]]]
    late: dict[str, list[dict[str, Any]]]
    dead: dict[str, list[dict[str, Any]]]
    ledger: Ledger
    captured: Ledger = field(repr=False)
    failures: list[str] = field(default_factory=list[str])
    drained: bool = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the only output; raises `OptionError` where there are several."""
        if len(self.outputs) != 1:
            raise OptionError("the pipeline has several outputs", hint="outputs[...]: " + ", ".join(self.outputs))
        (rows,) = self.outputs.values()
        return rows


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run; none may change a result. `cut`: stop at a random point and go on in a fresh engine."""

    name: str
    threads: int = 1
    rewrites: bool = True
    morsel_rows: int = 0
    read_rows: int = 0
    shuffled: bool = False
    cut: bool = False
    step: int = STEP

    def settings(self, dice: random.Random) -> dict[str, Any]:
        """Return the keywords of `Started`."""
        return {
            "threads": self.threads,
            "rewrites": self.rewrites,
            "morsel_rows": self.morsel_rows,
            "read_bytes": self.read_rows * ROW_BYTES,
            "shuffle": dice if self.shuffled else None,
        }


WHOLE = Way("whole", morsel_rows=1 << 30)
WAYS = (
    WHOLE,
    Way("in morsels of 1", morsel_rows=1, read_rows=1, rewrites=False),
    Way("on 3 threads, the queue shuffled", threads=3, morsel_rows=2, read_rows=3, shuffled=True),
    Way("read in chunks of 2 rows", threads=2, read_rows=2),
    Way("cut and restored", read_rows=1, cut=True),
)
LIVE_WAYS = (WHOLE, Way("in morsels of 1", morsel_rows=1, rewrites=False), Way("polled more often", step=20))
"""A script in virtual time is played by one thread: with more, time would pass while rows are under way."""


class Case:
    """A pipeline and what its sources give, to be run in any way. Late rows and dead letters that nobody reads are kept."""

    def __init__(self, pipeline: Plan | Stream, given: Given | None = None, until: int | None = None) -> None:
        """Raises `OptionError` for rows of a source that is not there."""
        plan = pipeline
        if isinstance(plan, Stream):
            plan = Plan("test", (Sink(name="out", input=plan.node, connector="memory", options=(("into", []),)),))
        own = plan.pinned()
        self.outputs = [s.name for s in own.sinks]
        self._own = set(own.ids.values())
        self.plan = with_sides(own, "file", "file").rebuild(_whole_late)
        self.scripts = _scripts(self.plan, given)
        self.live = any(script.live for script in self.scripts.values())
        self.until = until if until is not None else max([s.now for s in self.scripts.values()], default=0) + STEP

    def run(self, way: Way = WHOLE, seed: int = 0) -> Result:
        """Run once. Raises what breaks, and `AssertionError` where the ledger does not add up."""
        dice = random.Random(seed)
        if not way.cut:
            started = self._started(way, dice)
            started.run()
            return self._result(started, started.rows)
        begun, cut = self._begin(way, dice)
        rest = self._started(replace(way, threads=2), dice)
        rest.execution.restore([cut])
        rest.run()
        written = {name: len(rows) for name, rows in begun.rows.items()}
        _fail("the cut knows of other rows than were written", [] if written == cut.written else [f"{cut.written}"])
        return self._result(rest, {name: begun.rows[name] + rows for name, rows in rest.rows.items()})

    def inputs(self, result: Result) -> Inputs:
        """Return the rows of the sources as the oracle takes them.

        What is a dead letter, save for its event time, is told by a run's dead letters. Raises `NotImplementedError`
        where the rows are not given, or in a form that only a connector reads.
        """
        out: dict[str, dict[str, list[Record]]] = {}
        for source in self.plan.sources:
            script = self.scripts.get(source.name)
            broken = result.ledger.entries[source.name].dead
            if script is None or script.live or source.time_format or (broken and source.name not in result.dead):
                raise NotImplementedError(f"the rows of {source.name} are not given as rows")
            dead = {(d["partition"], d["position"]): d["reason"] for d in result.dead.get(source.name, [])}
            out[source.name] = {}
            for partition, steps in script.steps.items():
                rows = [row for step in steps if isinstance(step, Rows) for row in step.rows]
                reasons = [dead.get((partition, i), "") for i in range(len(rows))]
                out[source.name][partition] = [
                    Record(i, None, reason) if reason not in ("", "event_time") else Record(i, _record(row, source))
                    for i, (row, reason) in enumerate(zip(rows, reasons))
                ]
        return out

    def against_oracle(self, result: Result) -> list[str] | None:
        """Return how a result differs from what the oracle says, [] when it does not, None where it does not know."""
        try:
            wanted = interpret(self.plan, self.inputs(result))
        except NotImplementedError:
            return None
        sinks = {s.name: s.input for s in self.plan.sinks}
        rows = {name: self._sink(result, name, node) for name, node in sinks.items()}
        return differences(wanted, rows, result.captured)

    def _sink(self, result: Result, name: str, node: Node) -> list[dict[str, Any]]:
        if name in self.outputs:
            return result.outputs[name]
        return (result.late if isinstance(node, Late) else result.dead)[node.inputs[0].name]

    def _started(self, way: Way, dice: random.Random, stop_at: int = 0) -> Started:
        clock = VirtualClock()
        schemas = {source.name: source.readable for source in self.plan.sources}
        sources = {
            name: ScriptedSource(s.steps, schemas[name], clock, until=self.until, step=way.step, live=s.live)
            for name, s in self.scripts.items()
        }
        extra: dict[str, Any] = {"clock": ticking(clock, sources.values()), "idle_poll": 0.0} if self.live else {}
        reads = 0

        def on_read(_: int) -> None:
            nonlocal reads
            reads += 1
            if reads == stop_at:
                started.execution.stop()

        wrap = (lambda _, source: CountedSource(source, on_read)) if stop_at else None  # type: ignore[var-annotated]
        started = Started(self.plan, sources=sources, wrap=wrap, **way.settings(dice), **extra)
        for source in sources.values():
            source.then = started.execution.stop
        return started

    def _begin(self, way: Way, dice: random.Random) -> tuple[Started, Any]:
        """Run up to a random read, and cut what stands then."""
        count = sum(len(step.rows) for s in self.scripts.values() for x in s.steps.values() for step in _rows(x))
        begun = self._started(way, dice, stop_at=dice.randint(1, max(count, 1) + 1))
        begun.run()
        return begun, begun.execution.cut()

    def _result(self, started: Started, rows: Mapping[str, list[dict[str, Any]]]) -> Result:
        ledger = started.ledger
        _fail("the ledger does not add up", ledger.check())
        late: dict[str, list[dict[str, Any]]] = {}
        dead: dict[str, list[dict[str, Any]]] = {}
        for sink in self.plan.sinks:
            if isinstance(sink.input, Late | DeadLetters):
                kept = late if isinstance(sink.input, Late) else dead
                kept[sink.input.inputs[0].name] = rows[sink.name]
        execution = started.execution
        outputs = {name: rows[name] for name in self.outputs}
        own = Ledger({name: entry for name, entry in ledger.entries.items() if name in self._own})
        return Result(outputs, late, dead, own, ledger, execution.figures()["failures"], execution.drained)


def run(pipeline: Plan | Stream, rows: Given | None = None, *, until: int | None = None, threads: int = 1) -> Result:
    """Run a pipeline over given rows and return what comes out; nothing is read or written outside.

    `rows` take the place of the sources: dicts for the only source, a `Script`, or either by the name of the source;
    a source that is not named (all, without `rows`) is opened as the pipeline says. Sinks are replaced by captures. A
    live script is played in virtual time, up to `until` milliseconds (default: where the script ends), by one thread.

    Raises `UserError` for a mistake, `RunError` for what breaks, `AssertionError` where the ledger does not add up.

    >>> import caudal as cd
    >>> events = cd.source("memory", rows=[], schema={"t": "timestamp"}, event_time="t")
    >>> run(events.window(cd.tumbling("1s")).agg(n=cd.count()), [{"t": 0}, {"t": 900}, {"t": 1000}]).rows[0]
    {'window_start': 0, 'window_end': 1000, 'n': 2}
    """
    case = Case(pipeline, rows, until)
    return case.run(replace(WHOLE, threads=1 if case.live else threads))


def check_everywhere(
    pipeline: Plan | Stream,
    rows: Given | None = None,
    *,
    until: int | None = None,
    seed: int = 0,
    ignore: Sequence[str] = (),
) -> Result:
    """Run a pipeline in every way, compare rows, late rows, dead letters and ledgers, and return the first run's result.

    Ways: whole; in morsels of 1, as written; on 3 threads with the queue shuffled; read in chunks of 2 rows; cut at a
    random point (by `seed`) and restored in a fresh engine. Rows are compared as multisets. Where the oracle knows all
    operators and functions, it is asked too. `ignore` names columns that may differ, such as those made by `cd.now()`.
    Arguments are those of `run`. Raises `AssertionError` with the rows that differ and the way that they come from: a
    function that is not row-wise shows so.
    """
    case = Case(pipeline, rows, until)
    first = case.run()
    for way in (LIVE_WAYS if case.live else WAYS)[1:]:
        wrong = compare(first, case.run(way, seed), ignore)
        _fail(f"{way.name}, it gives other rows than whole", wrong, _ROW_WISE)
    if not ignore:
        wrong = case.against_oracle(first) or []
        _fail("the oracle says otherwise", wrong)
    return first


def compare(wanted: Result, got: Result, ignore: Sequence[str] = ()) -> list[str]:
    """Return how two results differ, one line each: rows as multisets, and the ledger's counts."""
    out: list[str] = []
    for what in ("outputs", "late", "dead"):
        before, after = getattr(wanted, what), getattr(got, what)
        for name, rows in before.items():
            columns = [c for c in (rows or after[name] or [{}])[0] if c not in ignore]
            label = name if what == "outputs" else f"{what} {name}"
            out += [f"{label}: {line}" for line in difference(rows, after[name], columns)]
    out += [
        f"ledger: {entry.operator} counts {got.ledger.entries[name]}, not {entry}"
        for name, entry in wanted.ledger.entries.items()
        if entry != got.ledger.entries[name]
    ]
    return out


def assert_rows(got: Table, wanted: Table, *, ordered: bool = False) -> None:
    """Assert that rows are the wanted ones, as multisets or in order; NaN equals NaN and -0 equals 0.

    Only the columns of the wanted rows are compared. Raises `AssertionError` that shows missing and extra rows.
    """
    columns = list(wanted[0]) if wanted else None
    wrong = difference(wanted, got, columns)
    if not wrong and ordered:
        for i, (a, b) in enumerate(zip(wanted, got)):
            if difference([a], [b], columns):
                wrong = [f"another order: row {i} is {dict(b)}, not {dict(a)}"]
                break
    _fail("the rows differ", wrong)


def ticking(clock: VirtualClock, sources: Iterable[ScriptedSource]) -> Callable[[], int]:
    """Return a clock for the engine that goes on when it is looked at and no partition is there to be polled.

    It does so at every fourth look only: there are several things to do at one time.
    """
    live = [source for source in sources if source.live]
    looks = 0

    def now() -> int:
        nonlocal looks
        if all(source.quiet for source in live):
            looks += 1
            if looks % 4 == 0:
                live[0].wait()
        return clock()

    return now


def _fail(head: str, lines: Sequence[str], hint: str = "") -> None:
    """Raise `AssertionError` with these lines where there are any: the text is the message, in every test runner."""
    if lines:
        more = [f"... and {len(lines) - 20} more"] if len(lines) > 20 else []
        raise AssertionError("\n  ".join([f"{head}:", *lines[:20], *more, *([f"hint: {hint}"] if hint else [])]))


def _whole_late(node: Node, _: Any) -> Node:
    return replace(node, whole=True) if isinstance(node, Late) else node


def _scripts(plan: Plan, given: Given | None) -> dict[str, Script]:
    if given is None:
        return {}
    names = [source.name for source in plan.sources]
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise OptionError("the pipeline has several sources", hint="give rows by name: " + ", ".join(names))
        given = {names[0]: given}
    for name in given:
        if name not in names:
            raise OptionError(f"the pipeline has no source '{name}'", hint=nearest(name, names))
    return {name: g if isinstance(g, Script) else Script().rows(*g) for name, g in given.items()}


def _rows(steps: Sequence[Any]) -> list[Rows]:
    return [step for step in steps if isinstance(step, Rows)]


def _record(row: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """Return a row's declared values as the oracle takes them."""
    out: dict[str, Any] = {}
    for f in source.declared:
        value: Any = row
        for key in f.keys:
            value = value.get(key) if value is not None else None
        out[f.name] = _plain(value, f.dtype, f)
    return out


def _plain(value: Any, dtype: DataType, f: Field) -> Any:
    if value is None:
        return None
    if dtype.item is not None:
        return [_plain(v, dtype.item, f) for v in value]
    if dtype.name == "struct":
        return {inner.name: _plain(value.get(inner.name), inner.dtype, inner) for inner in dtype.fields}
    if dtype.name == "float32":
        return struct.unpack("f", struct.pack("f", value))[0]
    if dtype.name == "float64":
        return float(value)
    if isinstance(value, datetime):
        return ((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH) // _MS
    if isinstance(value, timedelta):
        return value // _MS
    if dtype.name in ("timestamp", "duration") and (not isinstance(value, int) or f.unit not in ("", "ms")):
        raise NotImplementedError("a time in a form that only a connector reads")
    return value
