"""What is compiled ahead is what jobs ask for; what is compiled is said, counted and kept out of the clock."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.engines.local import compiling, warming


def test_a_detection_asks_for_the_kernels_that_are_compiled_ahead(tmp_path: Path) -> None:
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
    modules = {module for module, _, _ in warming._LATE}
    asked = {
        (dispatcher.py_func.__name__, dispatcher.overloads.keys() >= {s}) for dispatcher, s in warming.kernels(modules)
    }
    assert asked == {(name, True) for _, name, _ in warming._LATE}


def test_what_is_compiled_is_said_once_and_stands_still_on_the_clock(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[int] = []
    now = [100.0]
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: now[0])
    watch: Any = compiling._Compiling()
    compiling.event.unregister("numba:compile", watch)
    monkeypatch.setattr(watch, "_warming", SimpleNamespace(start=lambda: started.append(1), stop=lambda: None))
    monkeypatch.setattr(compiling, "compiling", watch)

    def event(module: str) -> Any:
        return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=SimpleNamespace(__module__=module))})

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
    assert started == [1]
    assert [record.getMessage() for record in caplog.records] == ["compiling kernels, once on this machine"]
