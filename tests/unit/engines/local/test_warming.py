"""Kernels that take seconds are compiled by another process; what is compiled is said, counted, kept out of the clock."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import caudal as cd
from caudal import col
from caudal.columnar import compiled
from caudal.columnar.compiled import Kernel, kernel
from caudal.engines.local import compiling, warming

SLOW = """
from caudal.columnar.compiled import kernel, part

@part()
def twice(x):
    return x + x

@kernel(arguments="l")
def slow(x):
    return twice(x) + 1

@kernel(arguments="l")
def other(x):
    return x + 2
"""


def test_tests_compile_where_they_call() -> None:
    assert compiled.elsewhere is None


def test_a_detection_asks_for_the_kernels_that_are_compiled_first(tmp_path: Path) -> None:
    rows = [{"a": name, "t": t, "s": t % 3, "n": None if t == 5 else t} for t in range(20) for name in ("x", "y")]
    done = (
        cd.source("memory", rows=rows, event_time="t", schema={"a": "string", "t": "int64", "s": "int64", "n": "int64"})
        .group_by("a")
        .window(cd.tumbling("10ms"))
        .agg(n=cd.count(), some=cd.count_if(col("s") == 1), total=cd.sum("n"))
        .filter(col("n") > 2)
    )
    cd.run(cd.Pipeline("p", done.to("files", path=str(tmp_path / "out.jsonl"), format="json")))
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 4
    for module, name in warming._SMALL:
        asked: Kernel = getattr(sys.modules[module], name)
        assert asked.signature in asked.overloads


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module with kernels, which the other process can import too."""
    (tmp_path / "slow_kernels.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(compiled, "_PATIENCE", 0.0)
    import slow_kernels  # pyright: ignore[reportMissingImports]

    yield slow_kernels
    del sys.modules["slow_kernels"]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[warming.Warming]:
    made = warming.Warming()
    monkeypatch.setattr(compiled, "elsewhere", made)
    yield made
    if made._child is not None:
        with made._child:
            made._child.kill()


def settle(what: Any) -> None:
    """Wait for another process, which tells when it is done: no time is asserted."""
    limit = time.monotonic() + 120
    while not what():
        assert time.monotonic() < limit


def test_another_process_compiles_it(slow: Any, beside: warming.Warming) -> None:
    assert not slow.slow.ready()
    assert not slow.other.ready()
    assert {f.__name__ for f in beside.known} >= {"slow", "twice", "other"}
    settle(slow.slow.ready)
    settle(slow.other.ready)
    assert (slow.slow(3), slow.other(3)) == (7, 5)
    assert sum(slow.slow.stats.cache_misses.values()) == 0
    settle(lambda: not beside.busy())
    assert beside._said.count(b"\n") == len(beside._asked)


def test_what_is_being_written_is_waited_for(slow: Any, beside: warming.Warming) -> None:
    """numba names the code in its index first, then writes it."""
    slow.slow(3)
    (data,) = Path(slow.slow.stats.cache_path).glob("*slow*.nbc")
    data.rename(data.with_suffix(".later"))
    assert not slow.slow._cache.has(slow.slow.signature, slow.slow.targetctx)
    data.with_suffix(".later").rename(data)
    assert slow.slow._cache.has(slow.slow.signature, slow.slow.targetctx)


def test_where_the_process_dies_the_caller_compiles(slow: Any, beside: warming.Warming) -> None:
    beside.start()
    assert beside._child is not None
    beside._child.kill()
    beside._child.wait()
    assert slow.slow.ready()
    assert slow.slow(3) == 7


def test_where_no_process_can_be_started_the_caller_compiles(
    slow: Any, beside: warming.Warming, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*args: Any, **options: Any) -> Any:
        raise OSError

    monkeypatch.setattr(subprocess, "Popen", none)
    assert slow.slow.ready()


def test_where_nothing_can_be_kept_the_caller_compiles(slow: Any, beside: warming.Warming) -> None:
    slow.slow._cache.usable = False
    assert slow.slow.ready()
    assert beside._child is None


def test_how_arguments_are_written() -> None:
    @kernel(arguments="l F ?? B")
    def some(a, b, c, d):  # type: ignore[no-untyped-def]
        return a + b.size + c.size + d.size

    arrays = np.zeros(3), np.zeros((2, 2), np.bool_), np.zeros(4, np.uint8)
    assert some(1, *arrays) == 12
    assert [*some.overloads] == [some.signature]


@pytest.mark.nightly
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_first_run_gives_the_same_rows_as_any_other(tmp_path: Path, suffix: str) -> None:
    records = [
        {"t": f"2025-01-01T00:{i // 60:02d}:{i % 60:02d}Z", "ip": f"10.0.0.{i % 7}", "x": i / 7} for i in range(900)
    ]
    if suffix == "csv":
        lines = ["t,ip,x", *(",".join(map(str, record.values())) for record in records)]
    else:
        lines = [json.dumps(record) for record in records]
    (tmp_path / f"in.{suffix}").write_text("\n".join(lines) + "\n")
    (tmp_path / "p.py").write_text(
        "import caudal as cd\n"
        f"s = cd.source('files', path='in.{suffix}', schema={{'t': 'timestamp', 'ip': 'string', 'x': 'float64'}}, event_time='t')\n"
        "a = s.group_by('ip').window(cd.tumbling('1m')).agg(n=cd.count(), m=cd.mean('x'))\n"
        f"pipeline = cd.Pipeline('p', a.to('files', path='out.{suffix}'))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "CAUDAL_KERNELS": "beside"}
    found: list[tuple[str, bool]] = []
    for kernels in ("beside", "first"):
        environment["CAUDAL_KERNELS"] = kernels
        command = [sys.executable, "-m", "caudal", "run", "p.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        found.append(((tmp_path / f"out.{suffix}").read_text(), "did without" in done.stderr))
    assert found[0][0] == found[1][0]
    assert [without for _, without in found] == [True, False]


def test_what_is_compiled_is_said_once_and_stands_still_on_the_clock(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[int] = []
    now = [100.0]
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(compiling, "FIRST", False)
    watch: Any = compiling._Compiling()
    compiling.event.unregister("numba:compile", watch)
    other = SimpleNamespace(start=lambda: started.append(1), busy=lambda: False, kernels=5, known={settle, none_of})
    monkeypatch.setattr(watch, "warming", other)
    monkeypatch.setattr(compiling, "compiling", watch)

    def event(module: str) -> Any:
        def function() -> None: ...

        function.__module__ = module
        return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})

    kernel, library, users = (event(m) for m in ("caudal.columnar.times", "numba.np", compiling._FUNCTIONS + ".jit"))
    with caplog.at_level(logging.INFO, "caudal"):
        watch.on_start(users)
        assert watch.shown() == ""
        watch.on_end(users)
        for _ in range(2):
            watch.on_start(kernel)
            watch.on_start(library)
            now[0] += 3
            assert compiling.clock() == 100.0
            watch.on_end(library)
            watch.on_end(kernel)
            now[0] += 1
            assert (compiling.clock(), watch.shown()) == (now[0] - watch.seconds, "")
            now[0] -= 1
    assert watch.kernels == 2
    assert watch.seconds == 6.0
    assert started == [1, 1]
    assert [record.getMessage() for record in caplog.records] == ["compiling kernels, once on this machine"]
    other.busy = lambda: True
    assert watch.shown() == "compiling kernels, once on this machine (3 of 3)"


def none_of() -> None: ...
