"""Row functions that fail, die, hang, fork, print and allocate: one row lost, and the job goes on."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Column, from_list
from caudal.core.errors import RunError
from caudal.core.types import INT64, STRING, Schema
from caudal.engines.local.functions.pool import Pool
from caudal.expressions.functions.outcome import Values
from caudal.plan.python import ROW, PythonFunction, declare

ROOT = Path(__file__).resolve().parents[5]


def row(call: Any, **options: Any) -> PythonFunction:
    return declare(call, ROW, **options)


def numbers(count: int) -> Column:
    return from_list(list(range(count)), INT64)


def run(pool: Pool, call: Any, count: int, **options: Any) -> Values:
    return pool.call(row(call, **options), [numbers(count)], count, INT64)


def kept(values: Values) -> list[Any]:
    failed = {f.row for f in values.failed}
    return [v for i, v in enumerate(values.column.to_list()) if i not in failed]


def gone(pid: int) -> bool:
    """Whether the process has ended within ten seconds (waited for by the kernel's descriptor, not by looking)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_raises_on_some_rows(pool: Pool) -> None:
    def even(x: int) -> int:
        if x % 2:
            raise ValueError(f"odd {x}")
        return x

    got = run(pool, even, 7)
    assert kept(got) == [0, 2, 4, 6]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [
        (i, "exception", f"ValueError: odd {i}") for i in (1, 3, 5)
    ]
    detail = got.failed[0].detail
    assert detail.startswith("Traceback (most recent call last):")
    assert "in even" in detail
    assert 'raise ValueError(f"odd {x}")' in detail
    assert detail.count("File ") == 1  # the user's frames alone


def test_raises_on_every_row(pool: Pool) -> None:
    got = run(pool, lambda x: x / 0, 500)
    assert [f.row for f in got.failed] == list(range(500))
    assert {f.message for f in got.failed} == {"ZeroDivisionError: division by zero"}
    assert len(got.column) == 500


def test_what_an_exception_says_is_bounded_and_can_be_encoded(pool: Pool) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def deep(x: int) -> int:
        if x == 0:
            raise Odd
        if x == 1:
            raise ValueError("\ud800" + "z" * 100_000)
        return deep(x + 2)

    got = run(pool, deep, 3)
    assert [f.message[:30] for f in got.failed] == [
        "Odd: <exception str() failed>",
        "ValueError: \\ud800" + "z" * 12,
        "RecursionError: maximum recurs",
    ]
    for failed in got.failed:
        assert len(failed.message.encode()) <= 1100
        assert len(failed.detail.encode()) <= 4096


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        (lambda: sys.exit(3), "SystemExit: 3"),
        (lambda: (_ for _ in ()).throw(KeyboardInterrupt), "KeyboardInterrupt"),
    ],
    ids=["sys.exit", "KeyboardInterrupt"],
)
def test_what_would_end_a_program_fails_the_row(pool: Pool, stop: Any, message: str) -> None:
    got = run(pool, lambda x: stop() if x == 1 else x, 3)
    assert kept(got) == [0, 2]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [(1, "exception", message)]


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda: os._exit(3), "the process ended with exit status 3"),
        (lambda: os._exit(0), "the process ended with exit status 0"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "the process ended by signal 11 (SIGSEGV)"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "the process ended by signal 9 (SIGKILL)"),
    ],
    ids=["exit3", "exit0", "SIGSEGV", "SIGKILL"],
)
def test_a_death_costs_its_row_alone(pool: Pool, end: Any, message: str) -> None:
    got = run(pool, lambda x: end() if x in (0, 3, 9) else 10 * x, 10)
    assert kept(got) == [10 * x for x in range(10) if x not in (0, 3, 9)]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [(x, "died", message) for x in (0, 3, 9)]


def test_a_death_late_in_a_batch_loses_no_row_and_doubles_none(pool: Pool) -> None:
    """Rows take about a millisecond, so that parts have been sent before the process dies."""

    def slow(r: dict[str, Any]) -> Any:
        from time import monotonic

        until = monotonic() + 0.001
        while monotonic() < until:
            pass
        if r["x"] in (150, 151):
            os._exit(1)
        return [{"y": r["x"]}] * (r["x"] % 3)

    got = pool.map(row(slow), {"x": numbers(200)}, 200, Schema.of({"y": "int64"}), flat=True)
    wanted = [x for x in range(200) for _ in range(x % 3) if x not in (150, 151)]
    assert got.owner.tolist() == wanted
    assert got.columns["y"].to_list() == wanted
    assert [(f.row, f.reason) for f in got.failed] == [(150, "died"), (151, "died")]


def test_a_fold_goes_on_from_the_states_before_a_death(pool: Pool) -> None:
    schema = Schema.of({"sum": "int64", "calls": "int64"})

    def fold(state: Any, r: dict[str, Any]) -> Any:
        from time import monotonic

        until = monotonic() + 0.001
        while monotonic() < until:
            pass
        if r["x"] in (0, 90, 149):
            os._exit(1)
        state = state or {"sum": 0, "calls": 0}
        return {"sum": state["sum"] + r["x"], "calls": state["calls"] + 1}

    key = np.arange(150, dtype=np.int64) % 4
    states = {"sum": from_list([1000, 0, 0, 0], INT64), "calls": from_list([0, 0, 0, 0], INT64)}
    has = np.array([True, False, False, False])
    got = pool.reduce(row(fold), {"x": numbers(150)}, 150, key, states, has, schema)
    wanted, sums, calls = [], [1000, 0, 0, 0], [0, 0, 0, 0]
    for x in range(150):
        if x not in (0, 90, 149):
            sums[x % 4] += x
            calls[x % 4] += 1
            wanted.append((x, sums[x % 4], calls[x % 4]))
    assert list(zip(got.owner.tolist(), got.columns["sum"].to_list(), got.columns["calls"].to_list())) == wanted
    assert [f.row for f in got.failed] == [0, 90, 149]


def test_a_death_between_rows_is_put_down_to_the_row_before(pool: Pool) -> None:
    """The function closes all descriptors, so that the process fails when it sends what it has."""

    def close(x: int) -> int:
        if x == 2:
            os.closerange(3, 4096)
        return x

    got = run(pool, close, 6)
    assert kept(got) == [0, 1, 3, 4, 5]
    assert [(f.row, f.reason) for f in got.failed] == [(2, "died")]


def test_a_loop_for_ever_is_ended_by_the_time_out(pool: Pool) -> None:
    def hang(x: int) -> int:
        while x in (1, 4):
            pass
        return x

    began = monotonic()
    got = run(pool, hang, 6, timeout=200)
    assert kept(got) == [0, 2, 3, 5]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [
        (x, "timeout", "took longer than 0.2s") for x in (1, 4)
    ]
    assert monotonic() - began >= 0.4


def test_a_hanging_generator_and_a_wait_are_ended_too(pool: Pool) -> None:
    def endless(r: dict[str, Any]) -> Any:
        if r["x"] == 0:
            select.select([], [], [])  # no interpreter's lock held, no signal
        while r["x"] == 1:
            sum(range(100))
        yield {"y": r["x"]}

    got = pool.map(row(endless, timeout=200), {"x": numbers(3)}, 3, Schema.of({"y": "int64"}), flat=True)
    assert got.owner.tolist() == [2]
    assert [(f.row, f.reason) for f in got.failed] == [(0, "timeout"), (1, "timeout")]


def test_a_time_out_is_for_a_row_not_for_a_batch(pool: Pool) -> None:
    def slow(x: int) -> int:
        from time import monotonic

        until = monotonic() + 0.02
        while monotonic() < until:
            pass
        return x

    assert run(pool, slow, 30, timeout=500).failed == []


def test_a_forked_child_says_nothing_and_ends(pool: Pool) -> None:
    def fork(x: int) -> int:
        child = os.fork()
        if child == 0:
            if x == 0:
                raise ValueError("in the child")
            if x == 1:
                return 10**30  # a mistake, in the child
            return -1
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    got = run(pool, fork, 4)
    assert got.failed == []
    assert got.column.to_list() == [0, 0, 0, 0]


def test_a_forked_child_that_stays_neither_holds_up_a_death_nor_outlives_the_process(pool: Pool) -> None:
    def fork(x: int) -> int:
        child = os.fork()
        if child == 0:
            select.select([], [], [])
        with open(f"/tmp/{name}", "w") as file:
            file.write(str(child))
        os._exit(4)

    name = f"caudal-test-{os.getpid()}"
    try:
        got = run(pool, fork, 1)
        child = int(Path(f"/tmp/{name}").read_text())
    finally:
        Path(f"/tmp/{name}").unlink(missing_ok=True)
    assert [f.message for f in got.failed] == ["the process ended with exit status 4"]
    assert gone(child)


def test_ten_gigabytes_fail_the_row(pool: Pool) -> None:
    def hold(x: int) -> int:
        return len(bytearray(10_000_000_000)) if x == 1 else x

    def hold_some(x: int) -> int:
        return len(bytearray(100_000_000))

    got = run(pool, hold, 3, memory=2_000_000_000)
    assert kept(got) == [0, 2]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [(1, "exception", "MemoryError")]
    assert [f.message for f in run(pool, hold_some, 1, memory=50_000_000).failed] == ["MemoryError"]
    assert kept(run(pool, hold_some, 1, memory=200_000_000)) == [100_000_000]
    small = Pool(1, memory=50_000_000)
    try:
        assert [f.message for f in run(small, hold_some, 1).failed] == ["MemoryError"]
    finally:
        small.close()


def test_prints_go_to_standard_error_and_standard_input_is_empty(capfd: pytest.CaptureFixture[str]) -> None:
    def talk(x: int) -> str:
        print("out", x)
        print("err", x, file=sys.stderr)
        os.write(1, b"raw\n")
        return sys.stdin.read()

    pool = Pool(1)
    try:
        got = pool.call(row(talk), [numbers(2)], 2, STRING)
    finally:
        pool.close()
    out, err = capfd.readouterr()
    assert got.column.to_list() == ["", ""]
    assert out == ""
    assert sorted(err.split("\n")) == ["", "err 0", "err 1", "out 0", "out 1", "raw", "raw"]


def test_signals_of_the_terminal_do_nothing(pool: Pool) -> None:
    def signalled(x: int) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        child.terminate()  # a program that the function starts can be ended as ever
        return -child.wait()

    got = run(pool, signalled, 2)
    assert got.failed == []
    assert got.column.to_list() == [signal.SIGTERM, signal.SIGTERM]


def test_a_function_that_cannot_be_loaded_is_an_error(pool: Pool) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    bomb = Bomb()
    function = row(lambda x: bomb)
    for _ in range(2):
        with pytest.raises(RunError) as caught:
            pool.call(function, [numbers(1)], 1, INT64)
        assert "cannot be loaded in a worker process: ValueError: invalid literal" in caught.value.message
        assert caught.value.location.startswith(function.where)
    assert kept(run(pool, lambda x: x, 2)) == [0, 1]


def test_processes_that_end_at_once_end_the_run_with_what_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os._exit, (7,)

    bomb = Bomb()
    pool = Pool(1)
    try:
        with pytest.raises(RunError) as caught:
            run(pool, lambda x: bomb, 1)
        assert "end before they take a row" in caught.value.message
        assert "exit status 7" in caught.value.detail
        monkeypatch.setenv("PYTHONHOME", "/nowhere")
        fresh = Pool(1)
        with pytest.raises(RunError) as caught:
            run(fresh, lambda x: x, 1)
        fresh.close()
        assert "encodings" in caught.value.detail  # the interpreter's own words
    finally:
        pool.close()


def test_no_process_is_left_after_close() -> None:
    pool = Pool(2)
    pool.start()
    pids = [slot.process.pid for slot in pool._slots if slot.process]
    assert len(pids) == 2
    assert kept(run(pool, lambda x: x, 3)) == [0, 1, 2]
    pool.close()
    pool.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(RunError, match="closed"):
        run(pool, lambda x: x, 1)


def test_close_ends_a_call_that_runs() -> None:
    pool = Pool(1)
    read, write = os.pipe()
    me = os.getpid()
    caught: list[BaseException] = []

    def hang(x: int) -> int:
        os.write(os.open(f"/proc/{me}/fd/{write}", os.O_WRONLY), b"x")
        while True:
            pass

    def call() -> None:
        try:
            run(pool, hang, 1)
        except RunError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    os.read(read, 1)
    process = pool._slots[0].process
    assert process is not None
    pool.close()
    thread.join()
    assert "closed" in str(caught[0])
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    os.close(read)
    os.close(write)


_PARENT = """
import os, sys
from caudal.columnar.column import from_list
from caudal.core.types import INT64
from caudal.engines.local.functions.pool import Pool
from caudal.plan.python import declare

def hang(x):
    os.write(tell, f"{os.getpid()} ".encode())
    if x == 0:
        while True: pass
    import re
    re.match("(a*)*$", "a" * 40 + "b")  # holds the interpreter's lock for ages
    return x

if __name__ == "__main__":
    tell = os.dup(2)
    import threading
    pool = Pool(3)
    pool.start()
    for i in range(2):
        threading.Thread(target=pool.call, args=(declare(hang, "row"), [from_list([i], INT64)], 1, INT64)).start()
"""


def test_no_process_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT.replace("os.write(tell", "os.write(2"))
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE)
    assert parent.stderr is not None
    said = b""
    while said.count(b" ") < 2:
        more = parent.stderr.read1(100)
        assert more, said
        said += more
    workers = [int(pid) for pid in said.split()]
    idle = [int(p) for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
    parent.kill()
    parent.wait()
    parent.stderr.close()
    assert len(workers) == 2
    assert all(gone(pid) for pid in {*workers, *idle})


# -- what a function can do to its process


def sockets() -> list[int]:
    """Return the descriptors of this process that are sockets, pipes and shared memory."""
    found: list[int] = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if int(name) > 2 and target.startswith(("socket:", "pipe:", "/memfd:")):
            found.append(int(name))
    return found


def rubbish(x: int) -> int:
    if x in (3, 7):
        for descriptor in sockets():
            try:
                os.write(descriptor, bytes(range(256)) * (1 if x == 3 else 40))
            except OSError:
                continue
    return x


def short_rubbish(x: int) -> int:
    if x == 3:
        for descriptor in sockets():
            try:
                os.write(descriptor, b"oops")
            except OSError:
                continue
    return x


def close_all(x: int) -> int:
    if x == 3:
        os.closerange(0, 4096)
    return x


def low_numbers(x: int) -> int:
    """Writes to descriptors that it takes for its own."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"hello\n")
        except OSError:
            continue
    return x


@pytest.mark.parametrize(
    ("call", "lost"),
    [(rubbish, [3, 7]), (short_rubbish, [3]), (close_all, [3])],
    ids=["frames", "four bytes", "closes all"],
)
def test_writing_into_the_descriptors_of_the_process_costs_the_row_that_does_it(call: Any, lost: list[int]) -> None:
    pool = Pool(1)
    try:
        got = run(pool, call, 10)
        assert [(f.row, f.reason) for f in got.failed] == [(row, "died") for row in lost]
        assert kept(got) == [x for x in range(10) if x not in lost]
        assert kept(run(pool, lambda x: x, 3)) == [0, 1, 2]
    finally:
        pool.close()


def test_descriptors_that_are_guessed_are_not_the_engine_s(pool: Pool) -> None:
    assert kept(run(pool, low_numbers, 5)) == [0, 1, 2, 3, 4]


class Unshowable(Exception):
    def __str__(self) -> str:
        raise SystemExit("not shown")


class Odd:
    def __repr__(self) -> str:
        print("printed while it is shown")
        raise KeyboardInterrupt


def odd(x: int) -> Any:
    import warnings

    if x == 0:
        raise Unshowable
    if x == 1:
        return Odd()
    if x == 2:
        raise ValueError("long" * 1_000_000)
    if x == 3:
        return odd(x)
    if x == 4:
        raise KeyboardInterrupt
    if x == 5:
        return float("nan")
    if x == 6:
        return b"bytes"
    if x == 7:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        warnings.warn("a warning", stacklevel=1)
        return len(sys.stdin.read())
    if x == 8:
        raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
    return x


def test_whatever_a_function_raises_or_returns_costs_its_row(pool: Pool) -> None:
    got = run(pool, odd, 10)
    found = {f.row: (f.reason, f.message[:60]) for f in got.failed}
    assert found == {
        0: ("exception", "Unshowable: <exception str() failed>"),
        1: ("result", "odd() returned <Odd> where int64 is declared"),
        2: ("exception", "ValueError: " + "long" * 12),
        3: ("exception", "RecursionError: maximum recursion depth exceeded"),
        4: ("exception", "KeyboardInterrupt"),
        5: ("result", "odd() returned nan where int64 is declared"),
        6: ("result", "odd() returned b'bytes' where int64 is declared"),
        8: ("exception", "ExceptionGroup: several (2 sub-exceptions)"),
    }
    assert all(len(f.message) <= 1000 and len(f.detail.encode()) <= 4096 for f in got.failed)
    assert kept(got) == [0, 9]
