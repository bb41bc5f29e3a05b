"""The worker processes for row functions: rows go out as Arrow batches, results and failures come back.

Any thread may call; it takes a free process and waits for it without the interpreter's lock. A process that dies or
takes too long costs the row that it was at: the rest goes to a new one. Why so: docs/design/0009.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Bools, Column, Ints, arrow_type, concat
from caudal.core.errors import CaudalError, RunError
from caudal.core.types import DataType, Field, Schema
from caudal.engines.local.functions.columns import batch, column, nothing, spread
from caudal.engines.local.functions.process import Gone, Process
from caudal.engines.local.functions.processed import RECORD, RESULT, STATE
from caudal.engines.local.functions.shipping import ship
from caudal.engines.local.functions.worker import (
    CALL,
    FLAT,
    FRAMES,
    LOAD,
    MAP,
    NTH,
    PART,
    PROCESS,
    REDUCE,
    RUN,
    SINCE,
    TASK,
    as_json,
    pack,
)
from caudal.expressions.functions.outcome import Failed, Rows, Values
from caudal.plan.nodes.apply import Sides
from caudal.plan.python import TIMEOUT, PythonFunction
from caudal.worker.failures import DIED, TIMED_OUT

_PART = 50
"""Milliseconds of work after which a worker sends what it has: about what a death makes the next one do again."""

_GARBLED = "wrote into the descriptor by which its process speaks to the engine"

_PATIENCE = 3
"""Processes that may end one after the other without having begun a row."""


@dataclass(frozen=True, slots=True)
class Task:
    """A function with a way to call it: what a worker must know before its rows."""

    number: int
    function: PythonFunction
    function_number: int
    mode: str
    enters: pa.Schema
    leaves: pa.Schema
    fields: tuple[Field, ...]
    sides: Sides | None

    def messages(self, shipped: bytes | None) -> list[bytes]:
        """Return what introduces the task to a worker; `shipped` where it does not have the function yet."""
        load = [] if shipped is None else [pack(LOAD, (self.function_number,), shipped)]
        said = {
            "mode": self.mode,
            "returns": self._returns(),
            "name": self.function.name,
            "arguments": [p.name for p in self.function.parameters],
            "memory": self.function.memory,
            "sides": self.sides,
        }
        numbers = (self.number, self.function_number)
        return [*load, pack(TASK, numbers, as_json(said), self.enters.serialize(), self.leaves.serialize())]

    def _returns(self) -> Any:
        if self.mode == CALL:
            return self.fields[0].dtype.spec
        returns = {f.name: f.dtype.spec for f in self.fields}
        if self.mode != PROCESS:
            return returns
        found = [*returns.items()][len(RECORD) :]
        kinds = {"output": RESULT, "state": STATE}
        return {kind: {n.removeprefix(mark): s for n, s in found if n.startswith(mark)} for kind, mark in kinds.items()}

    def error(self, message: str, *, detail: str = "", hint: str = "") -> CaudalError:
        """Return an error of the run, located at the function."""
        return RunError(message, location=f"{self.function.where}: {self.function.name}", detail=detail, hint=hint)


@dataclass(slots=True)
class Done:
    """What has come back: record batches, the row that each result belongs to, rows that failed, how far it is."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    owners: list[Ints] = field(default_factory=list)
    failed: dict[int, Failed] = field(default_factory=dict)
    skipped: dict[int, dict[int, list[str]]] = field(default_factory=dict)
    """Calls that are not to be made, by row and number among those for it, with reason, message and detail."""
    upto: int = 0

    def add(self, upto: int, failed: memoryview, counts: Ints, batch: pa.RecordBatch) -> None:
        """Take a part in."""
        if batch.num_rows:
            self.batches.append(batch)
            self.owners.append(np.repeat(np.arange(self.upto, upto), counts))
        for row, reason, message, detail in json.loads(bytes(failed)) if failed else ():
            self.failed[row] = Failed(row, reason, message, detail)
        self.upto = upto

    def columns(self, fields: Sequence[Field]) -> list[Column]:
        """Return the results by column."""
        if not self.batches:
            return [nothing(f.dtype, 0) for f in fields]
        return [concat([column(b.column(i), f.dtype) for b in self.batches]) for i, f in enumerate(fields)]

    def owner(self) -> Ints:
        """Return the row of each result."""
        return np.concatenate(self.owners) if self.owners else np.empty(0, np.int64)

    def skip(self, failed: Failed, call: int) -> bool:
        """Have a call for a row left out from now on; return whether it was not already."""
        calls = self.skipped.setdefault(failed.row, {})
        fresh = call not in calls
        calls[call] = [failed.reason, failed.message, failed.detail]
        return fresh

    def failures(self) -> list[Failed]:
        """Return the rows that failed, in order."""
        return [self.failed[row] for row in sorted(self.failed)]


Payload = Callable[[int, int, Done], list[Any]]
"""Gives the blocks of a request for rows [start, stop), given what is done."""


class Pool:
    """At most `processes` worker processes, and the calls of row functions that they do, each in one of them.

    `memory`: bytes that a process may take on top of the interpreter's own, where a function does not say; 0: half of
    the machine's, divided by the processes. A row whose call raises, takes longer than the function's time-out or
    ends its process is `Failed`, and so is one whose result is none that the declaration allows; the other rows are
    not affected (rows of the last 50 ms may be called again after a death). All methods raise `RunError`, located at
    the function, when it cannot be loaded, when processes end before they take a row, and after `close`; `PlanError` (see `ship`) when
    it cannot be sent. Any thread may call; a call waits while all processes are busy.
    """

    def __init__(self, processes: int, *, memory: int = 0) -> None:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self._memory = memory or machine // 2 // processes
        self._slots = [_Slot() for _ in range(processes)]
        self._free: queue.LifoQueue[_Slot | None] = queue.LifoQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._closed = False
        self._lock = threading.Lock()
        self._tasks: dict[Any, Task] = {}
        self._functions: dict[PythonFunction, tuple[int, bytes]] = {}

    def start(self) -> None:
        """Start the processes that are not running yet, and return at once; calls wait until theirs is ready."""
        taken: list[_Slot] = []
        with contextlib.suppress(queue.Empty):
            while not self._closed and (slot := self._free.get_nowait()) is not None:
                taken.append(slot)
                slot.process = slot.process or Process(self._memory)
        for slot in taken:
            self._free.put(slot)

    def call(self, function: PythonFunction, args: Sequence[Column], rows: int, returns: DataType) -> Values:
        """Return the function's value for each row's arguments (columns of `rows` values).

        Unless the function takes nulls, a row with a null argument is not sent, and gives null.
        """
        sent: Ints | None = None
        if not function.pass_nulls and any(a.valid is not None for a in args):
            known = np.ones(rows, np.bool_)
            for arg in args:
                if arg.valid is not None:
                    known &= arg.valid
            if not known.all():
                sent = np.flatnonzero(known)
                args = [a.take(sent) for a in args]
        count = rows if sent is None else len(sent)
        names = [str(i) for i in range(len(args))]
        task = self.task(function, CALL, names, args, (Field("", returns),))
        done = self._run(task, count, _columns_of(task, args))
        owner, failed = done.owner(), done.failures()
        if sent is not None:
            owner = sent[owner]
            failed = [Failed(int(sent[f.row]), f.reason, f.message, f.detail) for f in failed]
        return Values(spread(done.columns(task.fields)[0], owner, rows), failed)

    def map(
        self, function: PythonFunction, columns: Mapping[str, Column], rows: int, schema: Schema, flat: bool
    ) -> Rows:
        """Return the rows that the function makes of each row, a dict: a dict, or where `flat` any number, or None."""
        values = list(columns.values())
        task = self.task(function, FLAT if flat else MAP, list(columns), values, schema.fields)
        return self.rows(task, rows, _columns_of(task, values))

    def frames(
        self,
        function: PythonFunction,
        frames: Sequence[Mapping[str, Column]],
        schema: Schema,
        sides: Sides | None = None,
    ) -> Rows:
        """Return the rows of the polars frame that the function makes of each frame; `owner` is the frame's number.

        All frames have the same columns, at least one. `sides`: see `worker.frames.sided`.
        """
        if not frames:
            return Rows({f.name: nothing(f.dtype, 0) for f in schema.fields}, np.empty(0, np.int64))
        names = list(frames[0])
        lengths = np.array([len(frame[names[0]]) for frame in frames], np.int64)
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        values = [concat([frame[name] for frame in frames]) for name in names]
        task = self.task(function, FRAMES, names, values, schema.fields, sides)

        def payload(start: int, stop: int, done: Done) -> list[Any]:
            return [batch(task.enters, values, int(ends[start]), int(ends[stop])), lengths[start:stop]]

        return self.rows(task, len(frames), payload)

    def reduce(
        self,
        function: PythonFunction,
        columns: Mapping[str, Column],
        rows: int,
        key: Ints,
        states: Mapping[str, Column],
        has_state: Bools,
        schema: Schema,
    ) -> Rows:
        """Return the state of each row's key after that row; a row that fails leaves the state as it was.

        `key` numbers the keys, 0 to K-1; row k of `states` (columns as `schema` has them) is the state of key k where
        `has_state[k]`; else the function gets None. It takes the state and the row, both dicts, and returns a dict.
        """
        values = list(columns.values())
        before = [states[name] for name in schema.names]
        task = self.task(function, REDUCE, list(columns), values, schema.fields)

        def payload(start: int, stop: int, done: Done) -> list[Any]:
            held, known = before, has_state
            if done.batches:  # a process died: go on from the states that its predecessors left
                owner = done.owner()
                latest = np.arange(len(has_state), dtype=np.int64)
                latest[key[owner]] = len(has_state) + np.arange(len(owner))
                held = [concat([a, b]).take(latest) for a, b in zip(before, done.columns(schema.fields))]
                known = has_state | (latest >= len(has_state))
            return [
                batch(task.enters, values, start, stop),
                np.ascontiguousarray(key[start:stop]),
                known,
                batch(task.leaves, held, 0, len(has_state)),
            ]

        return self.rows(task, rows, payload)

    def close(self) -> None:
        """End all processes; calls that run raise `RunError`. No process is left; may be called again."""
        self._closed = True
        self._free.put(None)  # wakes who waits for a free process
        for slot in self._slots:
            if slot.process is not None:
                slot.process.dismiss(at_once=slot.busy)
        for slot in self._slots:
            process = slot.process
            if process is not None:
                process.bury(farewell=not slot.busy)

    def task(
        self,
        function: PythonFunction,
        mode: str,
        names: Sequence[str],
        columns: Sequence[Column],
        fields: tuple[Field, ...],
        sides: Sides | None = None,
    ) -> Task:
        key = (function, mode, tuple(names), tuple(c.dtype for c in columns), fields, sides)
        task = self._tasks.get(key)
        if task is not None:
            return task
        with self._lock:
            if function not in self._functions:
                self._functions[function] = (len(self._functions), ship(function))
            enters = pa.schema([pa.field(name, arrow_type(c.dtype)) for name, c in zip(names, columns)])
            leaves = pa.schema([pa.field(f.name, arrow_type(f.dtype)) for f in fields])
            number = self._functions[function][0]
            made = Task(len(self._tasks), function, number, mode, enters, leaves, fields, sides)
            return self._tasks.setdefault(key, made)

    def rows(self, task: Task, rows: int, payload: Payload) -> Rows:
        done = self._run(task, rows, payload)
        columns = {f.name: c for f, c in zip(task.fields, done.columns(task.fields))}
        return Rows(columns, done.owner(), done.failures())

    def _run(self, task: Task, rows: int, payload: Payload) -> Done:
        done = Done()
        if rows == 0:
            return done
        slot = self._free.get()
        if slot is None:
            self._free.put(None)
            raise self._over(task)
        slot.busy = True
        try:
            self._run_in(slot, task, rows, payload, done)
        finally:
            slot.busy = False
            self._free.put(slot)
        return done

    def _run_in(self, slot: _Slot, task: Task, rows: int, payload: Payload, done: Done) -> None:
        dead: set[int] = set()
        cautious, barren = False, 0
        while done.upto < rows:
            first = done.upto
            if first in dead:
                done.upto += 1
                continue
            stop = min((row for row in dead if row > first), default=rows)
            try:
                self._segment(slot, task, (first, stop), 0 if cautious else _PART, payload, done)
            except Gone as gone:
                process = slot.process
                assert process is not None
                slot.process = None
                end = process.bury()
                if self._closed:
                    raise self._over(task) from None
                if gone.garbled:
                    # by which row is known only where each is sent by itself; then the next result is that row's
                    failed = Failed(done.upto, DIED, _GARBLED) if cautious else None
                else:
                    failed = _blamed(process, task, end, done.upto, cautious)
                if failed is not None:
                    if task.mode != PROCESS or not done.skip(failed, int(process.progress[NTH])):
                        dead.add(failed.row)
                        done.failed[failed.row] = failed
                    cautious, barren = False, 0
                elif gone.garbled or process.row >= done.upto:
                    cautious = True  # it died between rows: send each by itself, to find out after which
                else:
                    barren = 0 if done.upto > first else barren + 1
                    if barren == _PATIENCE or process.late == -1:
                        raise _useless(process, task, end) from None

    def _segment(self, slot: _Slot, task: Task, rows: tuple[int, int], part: int, payload: Payload, done: Done) -> None:
        """Have rows [first, stop) done; raises `Gone` when the process ended before that."""
        first, stop = rows
        request = pack(RUN, (task.number, first, stop - first, part), *payload(first, stop, done))
        process = slot.process = slot.process or Process(self._memory)
        if self._closed:  # close() may have looked before this process was there
            process.dismiss(at_once=True)
        try:
            if not process.knows(("task", task.number)):
                known = process.knows(("function", task.function_number))
                for message in task.messages(None if known else self._functions[task.function][1]):
                    process.send(message)
            process.send(request)
            while done.upto < stop:
                what, numbers, parts = process.receive(task.function.timeout / 1000)
                if what != PART:
                    raise _unloadable(task, json.loads(bytes(parts[0])))
                batch = pa.ipc.read_record_batch(pa.py_buffer(parts[2]), task.leaves)
                done.add(numbers[0], parts[0], np.frombuffer(parts[1], np.int64), batch)
        except (Gone, CaudalError):
            raise
        except BaseException:  # what the process would send next belongs to nobody
            process.kill()
            process.bury()
            slot.process = None
            raise

    def _over(self, task: Task) -> CaudalError:
        return task.error("the worker processes are closed")


def _blamed(process: Process, task: Task, end: str, upto: int, cautious: bool) -> Failed | None:
    """Return the row at which the process ended, or None where that was none or is not known."""
    row = process.row
    if process.late is not None:
        seconds = f"{task.function.timeout / 1000:g}s"
        return Failed(process.late, TIMED_OUT, f"took longer than {seconds}") if process.late >= upto else None
    if row >= upto and (process.progress[SINCE] or cautious):
        return Failed(row, DIED, end)
    return None


def _unloadable(task: Task, said: dict[str, str]) -> CaudalError:
    return task.error(
        f"{task.function.name}() cannot be loaded in a worker process: {said['message']}",
        detail=said["detail"].strip().replace("\n", "\n  "),
    )


def _useless(process: Process, task: Task, end: str) -> CaudalError:
    if process.late is not None:
        message = f"{task.function.name}() takes longer than {TIMEOUT // 1000}s to load in a worker process"
        return task.error(message, hint="does a module that it imports wait for something?")
    return task.error(
        f"the worker processes for {task.function.name}() end before they take a row",
        detail="\n  ".join([end, *process.errors.splitlines()]),
        hint="does a module that it imports end the process?",
    )


class _Slot:
    """The place of one process."""

    __slots__ = ("busy", "process")

    def __init__(self) -> None:
        self.process: Process | None = None
        self.busy = False


def _columns_of(task: Task, columns: Sequence[Column]) -> Payload:
    def payload(start: int, stop: int, done: Done) -> list[Any]:
        return [batch(task.enters, columns, start, stop)]

    return payload
