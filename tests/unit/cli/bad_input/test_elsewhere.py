"""What is wrong with an engine of another process, or with its cluster, is found before anything is handed over."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ENGINES = ("flink", "spark")
ROWS = [{"ip": "a", "t": t, "code": 401.0} for t in range(5)]


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, write) -> None:
    monkeypatch.setenv("CAUDAL_ENGINES", str(tmp_path_factory.mktemp("none")))
    for engine in ENGINES:
        monkeypatch.delenv(f"CAUDAL_{engine.upper()}_PYTHON", raising=False)
    write("log.jsonl", ROWS)


@pytest.fixture
def untouched(
    here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], bool]:
    """Whether nothing was written: no target, nothing in the temporary directory."""
    aside = tmp_path_factory.mktemp("aside")
    monkeypatch.setenv("TMPDIR", str(aside))
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    return lambda: not os.listdir(aside) and sorted(set(os.listdir(here)) - {"__pycache__"}) == ["log.jsonl", "p.py"]


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Sets JAVA_HOME to a directory with a Java of a version."""

    def make(version: str) -> Path:
        home = tmp_path_factory.mktemp("java")
        (home / "bin").mkdir()
        program = home / "bin" / "java"
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(home))
        return program

    return make


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, java) -> None:
    """An environment of each engine that seems to be there; to run it would fail."""
    program = tmp_path_factory.mktemp("engines") / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    for engine in ENGINES:
        monkeypatch.setenv(f"CAUDAL_{engine.upper()}_PYTHON", str(program))
    java("17.0.1")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_that_is_not_installed(caudal, untouched, java, engine: str) -> None:
    java("17.0.1")
    ended = caudal("run", "p.py", "--engine", engine)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        f"error: {engine} is not installed",
        f"  hint: run: caudal engines install {engine}",
    ]
    assert untouched()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_java(caudal, untouched, installed, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", "/no/such")
    ended = caudal("run", "p.py", "--engine", engine)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {engine} needs Java: JAVA_HOME is /no/such, where no bin/java runs\n" in ended.err
    assert "hint: install a JDK of version" in ended.err
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "/no/such")
    ended = caudal("run", "p.py", "--engine", engine)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {engine} needs Java: there is no Java on the PATH\n" in ended.err
    assert untouched()


@pytest.mark.parametrize(("engine", "version", "least"), [("flink", "1.8.0_402", 11), ("spark", "11.0.2", 17)])
def test_too_old_a_java(caudal, untouched, installed, java, engine: str, version: str, least: int) -> None:
    path = java(version)
    ended = caudal("run", "p.py", "--engine", engine)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {engine} needs Java {least} or later; {path} is {version}\n" in ended.err
    assert f"hint: install a JDK of version {least} or later" in ended.err
    assert untouched()


@pytest.mark.parametrize(("engine", "address"), [("flink", "127.0.0.1:1"), ("spark", "spark://127.0.0.1:1")])
def test_a_cluster_that_is_not_there(caudal, untouched, installed, engine: str, address: str) -> None:
    ended = caudal("run", "p.py", "--engine", engine, "--cluster", address)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: there is no cluster of {engine} at {address}\n  127.0.0.1:1: Connection refused" in ended.err
    assert "hint: is it running" in ended.err
    assert untouched()


@pytest.mark.parametrize(
    ("engine", "options", "told"),
    [
        ("flink", ["--cluster", "192.0.2.1:8081"], "needs a directory that both sides reach"),
        ("spark", ["--cluster", "spark://192.0.2.1:7077"], "needs a directory that both sides reach"),
        ("spark", ["--cluster", "yarn"], "needs a directory that both sides reach"),
        ("flink", ["--cluster", "http://192.0.2.1:8081"], "is no address of a Flink cluster"),
        ("spark", ["--cluster", "127.0.0.1:7077"], "hint: write spark://127.0.0.1:7077"),
        ("flink", ["--exchange", "nowhere"], "--exchange: nowhere is no directory"),
        ("local", ["--cluster", "127.0.0.1:8081"], "the engine 'local' runs on no cluster"),
        ("fink", [], "unknown engine 'fink'\n  hint: did you mean 'flink'?"),
        ("flink", ["--threads", "-1"], "threads cannot be -1"),
        (
            "flink",
            ["--follow"],
            "rows: flink runs over bounded input only\n  this source goes on for ever\n  hint: leave out",
        ),
        ("spark", ["--set", "path=none.jsonl"], "rows: no file at none.jsonl"),
        ("spark", ["--set", "out=/proc/none/a.jsonl"], "cannot write /proc/none/a.jsonl"),
        ("spark", ["--set", "pith=a"], "unknown setting 'pith'\n  hint: did you mean 'path'?"),
    ],
)
def test_what_is_refused_before_anything_starts(
    caudal, untouched, installed, engine: str, options: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(socket, "create_connection", connect)
    ended = caudal("run", "p.py", "--engine", engine, *options)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert untouched()


@pytest.mark.parametrize("command", [("run",), ("explain",)])
def test_idle_is_refused_where_it_stands(caudal, pipeline, untouched, installed, command: tuple[str, ...]) -> None:
    pipeline(('name="rows",', 'name="rows", idle="5s",'))
    ended = caudal(*command, "p.py", "--engine", "flink")
    assert (ended.code, ended.out) == (2, "")
    assert "error: rows: idle= is not known on flink\n  hint: leave it out, or run it locally\n" in ended.err
    assert untouched()


def test_two_sinks_write_to_one_file_of_which_one_is_not_json(caudal, pipeline, installed) -> None:
    more = '), rows.to("files", path=settings.out, format="csv")'
    pipeline(('name="alerts"))', f'name="alerts"{more})'))
    ended = caudal("run", "p.py", "--engine", "flink")
    assert (ended.code, ended.out) == (2, "")
    assert "two sinks write to alerts.jsonl\n  hint: only JSON lines can share a file" in ended.err


@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_that_says_nothing(caudal, untouched, installed, engine: str, here: Path) -> None:
    ended = caudal("run", "p.py", "--quiet", "--engine", engine)
    assert (ended.code, ended.out) == (1, "")
    said = ended.err.splitlines()
    assert said[:2] == [
        f"error: the job on {engine} failed",
        "  its process ended (exit code 3) and said nothing of why",
    ]
    named = Path(said[-1].removeprefix("  all of it: "))
    assert named.read_text() == ""
    named.unlink()
    assert untouched()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files")
@pytest.mark.parametrize("engine", ENGINES)
def test_nowhere_to_hand_rows_over(caudal, untouched, installed, engine: str) -> None:
    ended = caudal("run", "p.py", "--quiet", "--engine", engine, "--exchange", "/proc")
    assert (ended.code, ended.out) == (1, "")
    assert f"error: cannot hand rows over to {engine}\n" in ended.err
    assert "hint: rows are handed over in the directory of --exchange" in ended.err
    assert untouched()
