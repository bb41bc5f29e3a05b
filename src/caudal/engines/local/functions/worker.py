"""A worker process: calls row functions for its parent, one row after the other. `pool` starts it, as a module.

It imports nothing heavier than Arrow, so that it starts in the time that Arrow takes. Descriptors come as arguments: the
channel (a socket), the memory for its progress, the lifeline (a pipe whose other end the parent alone holds), then
the bytes of memory that it may take by default.

A message is twelve int64: a mark, a checksum of the rest, what it is, four numbers, the lengths of up to five parts;
then the parts, each padded to eight bytes. What a function writes into the channel has neither mark nor checksum.

    LOAD        function; the bytes that `shipping.ship` gave
    TASK        task, function; JSON (mode, name, arguments, returns, memory), the schemas of arguments and of results
    RUN         task, first row, rows, milliseconds of work after which a part is sent; a record batch; for frames
                their lengths (int64); for reduce the keys (int64), which have a state (bool), a batch of states; for process
                the keys, the times (int64) of rows and, behind the batch, until when timers are due, a batch of what is
                kept of keys, JSON of the calls that are not to be made (see `processed`)
    PART        rows before this one are done, whether that is all; JSON of the rows that failed or nothing, the
                number of results of each row (int64), a record batch
    UNLOADABLE  JSON (message, detail): ends the run

Only bytes of the parent's are ever unpickled. Progress is four doubles: the row that was begun last (-1: none), the
time (CLOCK_MONOTONIC, seconds) since which it runs (0: nothing runs), 1 when the process is ready, and the call for this
row that was begun last, where several are made for one.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import mmap
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fcntl import F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, F_SETOWN, F_SETSIG, fcntl
from itertools import repeat
from time import monotonic
from typing import Any
from zlib import crc32

import cloudpickle  # noqa: F401  # what is unpickled needs it: imported before the first row waits
import numpy as np
import pyarrow as pa

from caudal.engines.local.functions.processed import Calls
from caudal.worker.coercion import Misfit, Misshapen, fitter, recorder, several, short, shown_call
from caudal.worker.failures import failure, mistaken
from caudal.worker.frames import frame_batch, sided
from caudal.worker.values import read, write

CALL, MAP, FLAT, FRAMES, REDUCE, PROCESS = "call", "map", "flat", "frames", "reduce", "process"
ROW, SINCE, READY, NTH = 0, 1, 2, 3
LOAD, TASK, RUN, PART, UNLOADABLE = range(5)
_START, _REST, HEAD = struct.Struct("<2q"), struct.Struct("<10q"), struct.Struct("<12q")
_MARK = 0x5F1CA0DA1B0DE5C3
_FIRST = 512  # the lowest number of a descriptor of ours: a function that guesses begins at 3


class Foreign(Exception):
    """What stands in the channel is no message: a function has written into it."""


@dataclass(slots=True)
class _Task:
    """A function with a way to call it, the schemas of what enters and leaves, and what fits a result to the latter."""

    call: Callable[..., Any]
    mode: str
    name: str
    arguments: list[str]
    returns: Any
    memory: int
    enters: pa.Schema
    leaves: pa.Schema
    fit: Callable[[Any], Any]


@dataclass(slots=True)
class _Results:
    """What a run has and has not sent yet. `take` makes one row's result results, and returns how many."""

    task: _Task
    take: Callable[[Any], int]
    rows: list[Any]
    counts: list[int] = field(default_factory=list)
    failed: list[tuple[int, str, str, str]] = field(default_factory=list)

    def batch(self) -> pa.RecordBatch:
        """Return the results and forget them."""
        schema = self.task.leaves
        if self.task.mode == FRAMES:
            table = pa.Table.from_batches(self.rows, schema).combine_chunks()
            arrays = [c.chunk(0) if c.num_chunks else write([], c.type) for c in table.columns]
        elif self.task.mode == CALL:
            arrays = [write(self.rows, schema.field(0).type)]
        else:
            lists = zip(*self.rows) if self.rows else repeat((), len(schema))
            arrays = [write(list(values), f.type) for f, values in zip(schema, lists)]
        self.rows.clear()
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _results(task: _Task, states: list[dict[str, Any] | None], calls: Calls | None) -> _Results:
    call, fit, rows = task.call, task.fit, list[Any]()

    if task.mode == CALL:

        def take(argument: Any) -> int:
            rows.append(fit(call(*argument)))
            return 1

    elif task.mode == MAP:

        def take(argument: Any) -> int:
            rows.append(fit(call(argument)))
            return 1

    elif task.mode == FLAT:

        def take(argument: Any) -> int:
            made = several(fit, call(argument))
            rows.extend(made)
            return len(made)

    elif task.mode == FRAMES:

        def take(argument: Any) -> int:
            batch = frame_batch(call(argument), task.leaves, task.returns)
            rows.append(batch)
            return batch.num_rows

    elif calls is not None:

        def take(argument: Any) -> int:
            made = calls.take(argument)
            rows.extend(made)
            return len(made)

    else:
        names = task.leaves.names
        # a failed row leaves the state as it was, so the function works on a copy
        duplicate = copy.deepcopy if any(pa.types.is_nested(f.type) for f in task.leaves) else dict[str, Any]

        def take(argument: Any) -> int:
            key, row = argument
            if isinstance(row, OverflowError):
                raise row
            state = states[key]
            made = fit(call(None if state is None else duplicate(state), row))
            states[key] = dict(zip(names, made))
            rows.append(made)
            return 1

    return _Results(task, take, rows)


def _arguments(task: _Task, batch: pa.RecordBatch, rows: int, lengths: bytes) -> Iterator[Any]:
    """Return the argument of each row: a tuple, a dict or a frame. An `OverflowError` stands for one out of range."""
    if task.mode == FRAMES:
        import polars as pl

        return _cut(pl.from_arrow(batch), np.frombuffer(lengths, np.int64).tolist())
    try:
        lists = [read(column) for column in batch.columns]
    except OverflowError:
        return _one_by_one(task, batch)
    tuples = zip(*lists) if lists else repeat((), rows)
    if task.mode == CALL:
        return iter(tuples)
    names = task.enters.names
    return (dict(zip(names, values)) for values in tuples)


def _cut(frame: Any, lengths: list[int]) -> Iterator[Any]:
    start = 0
    for length in lengths:
        yield frame.slice(start, length)
        start += length


def _one_by_one(task: _Task, batch: pa.RecordBatch) -> Iterator[Any]:
    for row in range(batch.num_rows):
        try:
            values = [read(column)[0] for column in batch.slice(row, 1).columns]
        except OverflowError as error:
            yield OverflowError(f"a time that Python has no datetime for: {error}")
        else:
            yield tuple(values) if task.mode == CALL else dict(zip(task.enters.names, values))


def _called_with(task: _Task, argument: Any) -> str:
    if task.mode == REDUCE:
        argument = argument[1]
    if task.mode == FRAMES:
        return f"a frame of {len(argument)} rows"
    return shown_call(task.arguments, argument) if task.mode == CALL else short(argument, 200)


class _Channel:
    """Messages over the socket."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def send(self, what: int, numbers: tuple[int, ...], *parts: Any) -> None:
        self._socket.sendall(pack(what, numbers, *parts))

    def receive(self) -> Message:
        """Return the next message; raises `EOFError` when the parent has closed."""
        head = self._bytes(HEAD.size)
        return unpack(head, self._bytes(body_size(head)))  # Foreign: something took bytes of the parent's; it ends

    def _bytes(self, length: int) -> bytearray:
        block = bytearray(length)
        view = memoryview(block)
        while view:
            got = self._socket.recv_into(view)
            if got == 0:
                raise EOFError
            view = view[got:]
        return block

    def close(self) -> None:
        self._socket.close()


Message = tuple[int, tuple[int, ...], list[memoryview]]
"""What a message is, its four numbers, its five parts (empty where it has fewer)."""


def pack(what: int, numbers: tuple[int, ...], *parts: Any) -> bytes:
    """Return a message with at most four numbers and five parts (bytes, or what has a buffer)."""
    lengths, blocks = [0] * 5, list[Any]((b"", b""))
    for i, part in enumerate(parts):
        block = memoryview(part)
        lengths[i] = block.nbytes
        blocks += (block, bytes(-block.nbytes % 8))
    rest = _REST.pack(what, *numbers, *(0,) * (4 - len(numbers)), *lengths)
    blocks[1] = rest
    checksum = 0
    for block in blocks[1:]:
        checksum = crc32(block, checksum)
    blocks[0] = _START.pack(_MARK, checksum)
    return b"".join(blocks)


def body_size(head: bytearray) -> int:
    """Return how many bytes follow the head of a message; raises `Foreign`."""
    mark, _, _, *numbers = HEAD.unpack(head)
    if mark != _MARK:
        raise Foreign
    return sum([length + -length % 8 for length in numbers[4:]])


def unpack(head: bytearray, body: bytearray) -> Message:
    """Return the message; raises `Foreign`."""
    _, checksum, what, *numbers = HEAD.unpack(head)
    if crc32(body, crc32(memoryview(head)[_START.size :])) != checksum:
        raise Foreign
    parts, start, view = list[memoryview](), 0, memoryview(body)
    for length in numbers[4:]:
        parts.append(view[start : start + length])
        start += length + -length % 8
    return what, tuple(numbers[:4]), parts


def as_json(value: Any) -> bytes:
    """Return the value as a part of a message."""
    return json.dumps(value).encode()


class _Worker:
    """What the process keeps: functions by number, tasks by number, and where its progress stands."""

    def __init__(self, channel: _Channel, progress: memoryview[float], memory: int) -> None:
        self.channel = channel
        self.progress = progress
        self.memory = memory
        self.limit = -1
        self.forked = False
        self.functions: dict[int, Any] = {}
        self.tasks: dict[int, _Task | dict[str, str]] = {}

    def after_fork(self) -> None:
        """Take note that this is a child that a function forked: it must not speak to the parent."""
        self.channel.close()
        self.forked = True

    def serve(self) -> None:
        """Answer until the parent closes."""
        self.limit_memory(0)
        self.progress[READY] = 1.0
        while True:
            try:
                what, numbers, parts = self.channel.receive()
            except (EOFError, OSError, Foreign):
                return
            if what == LOAD:
                self.load(numbers[0], parts[0])
            elif what == TASK:
                self.tasks[numbers[0]] = self.task(numbers[1], parts)
            else:
                task = self.tasks[numbers[0]]
                if isinstance(task, dict):
                    self.channel.send(UNLOADABLE, (), as_json(task))
                else:
                    try:
                        self.run(task, numbers, parts)
                    except OSError:  # a function has closed the channel: the parent sees it
                        return

    def load(self, number: int, shipped: memoryview) -> None:
        self.limit_memory(0)
        self.progress[SINCE] = monotonic()
        try:
            line, _, pickled = bytes(shipped).partition(b"\n")
            path = json.loads(line)
            sys.path[:] = [*path, *(p for p in sys.path if p not in path)]
            self.functions[number] = pickle.loads(pickled)
        except BaseException as error:
            _, message, detail = failure(error)
            self.functions[number] = {"message": message, "detail": detail}
        self.progress[SINCE] = 0.0

    def task(self, function: int, parts: list[memoryview]) -> _Task | dict[str, str]:
        call = self.functions[function]
        if isinstance(call, dict):
            return call
        said = json.loads(bytes(parts[0]))
        enters, leaves = (pa.ipc.read_schema(pa.py_buffer(part)) for part in parts[1:3])
        fit = {CALL: fitter, PROCESS: lambda _: _same}.get(said["mode"], _columns)(said["returns"])
        call = sided(call, said.pop("sides"))
        return _Task(call, **said, enters=enters, leaves=leaves, fit=fit)

    def limit_memory(self, most: int) -> None:
        """Let the process take `most` bytes, or the default, on top of what it holds."""
        if most != self.limit:
            self.limit = most
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (_taken() + (most or self.memory), hard))

    def run(self, task: _Task, numbers: tuple[int, ...], parts: list[memoryview]) -> None:
        _, first, rows, milliseconds = numbers
        seconds = milliseconds / 1000
        batch = pa.ipc.read_record_batch(pa.py_buffer(parts[0]), task.enters)
        states: list[dict[str, Any] | None] = []
        lengths = bytes(parts[1]) if task.mode == FRAMES else b""
        arguments = _arguments(task, batch, rows, lengths)
        calls: Calls | None = None
        if task.mode == PROCESS:
            calls = Calls(task.call, task.returns, self.begun, self.ended)
            arguments = calls.units(task.leaves, arguments, first, parts[1:])
        elif task.mode == REDUCE:
            known = pa.ipc.read_record_batch(pa.py_buffer(parts[3]), task.leaves)
            states = _states(known, parts[2])
            arguments = zip(np.frombuffer(parts[1], np.int64).tolist(), arguments)
        results = _results(task, states, calls)
        self.limit_memory(task.memory)

        progress, take, counts = self.progress, results.take, results.counts
        due = monotonic() + seconds
        row, argument = first, None
        for row, argument in enumerate(arguments, first):
            now = monotonic()
            if now >= due and row > first:
                self.flush(results, row, done=False)
                now = monotonic()
                due = now + seconds
            progress[SINCE] = now  # before the row: see process.Process
            progress[ROW] = row
            try:
                if isinstance(argument, OverflowError):
                    raise argument
                counts.append(take(argument))
            except BaseException as error:
                if isinstance(error, Misfit | Misshapen):
                    error = mistaken(task.name, error, _called_with(task, argument))
                results.failed.append((row, *failure(error)))
                counts.append(0)
            finally:
                self.ended()
        self.flush(results, first + rows, done=True)

    def begun(self, call: int) -> None:
        """Take note of a call that is made for the row."""
        self.progress[SINCE] = monotonic()
        self.progress[NTH] = call

    def ended(self) -> None:
        """End this process if it is a child of the function's that has come back: it is not the one to answer."""
        if self.forked:
            os._exit(0)

    def flush(self, results: _Results, upto: int, *, done: bool) -> None:
        """Send what the rows before `upto` gave."""
        self.progress[SINCE] = 0.0
        batch = results.batch().serialize()
        failed = as_json(results.failed) if results.failed else b""
        self.channel.send(PART, (upto, done), failed, np.array(results.counts, np.int64), batch)
        results.counts.clear()
        results.failed.clear()


def _same(value: Any) -> Any:
    return value


def _columns(returns: Any) -> Callable[[Any], Any]:
    return recorder(returns, "column")


def _states(batch: pa.RecordBatch, known: memoryview) -> list[dict[str, Any] | None]:
    lists = [read(column) for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, values)) if has else None for has, values in zip(known, zip(*lists))]


def _taken() -> int:
    """Return the bytes of data that the process holds, as RLIMIT_DATA counts them."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        sizes = dict(line.split(":", 1) for line in status)
    return int(sizes["VmData"].split()[0]) * 1024


def _end_with_parent(lifeline: int) -> None:
    """Have the kernel kill this process, and all that it forks, when the parent's end of the pipe closes.

    A signal reaches a process whatever it does; a thread that watched the pipe would wait for a function that holds
    the interpreter's lock.
    """
    fcntl(lifeline, F_SETOWN, -os.getpgrp())
    fcntl(lifeline, F_SETSIG, signal.SIGKILL)
    fcntl(lifeline, F_SETFL, fcntl(lifeline, F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # the parent was quicker
        os._exit(0)


def _out_of_the_way(descriptor: int) -> int:
    """Return a duplicate with a number that nobody guesses, and that programs do not inherit; close the other."""
    for lowest in (_FIRST, 64, 3):  # less where few descriptors are allowed
        with contextlib.suppress(OSError):
            moved = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest)
            os.close(descriptor)
            return moved
    return descriptor


def _quiet(*_: object) -> None:
    """Handle a signal by doing nothing. (SIG_IGN would be inherited by programs that a function starts.)"""


def main(channel: int, progress: int, lifeline: int, memory: int) -> None:
    """Serve the parent, which gave these descriptors, until it closes the channel."""
    channel, lifeline = _out_of_the_way(channel), _out_of_the_way(lifeline)
    _end_with_parent(lifeline)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _quiet)
    pa.set_memory_pool(pa.system_memory_pool())  # the default one reserves a gigabyte, which would count as taken
    # where memory runs out, the kernel ends this process first
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("500")
    shared = memoryview(mmap.mmap(progress, 32)).cast("d")
    os.close(progress)
    worker = _Worker(_Channel(channel), shared, memory)
    os.register_at_fork(after_in_child=worker.after_fork)
    os.dup2(1, 2)  # until here the standard error was kept for the parent to show
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    worker.serve()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
