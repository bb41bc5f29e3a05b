"""Environments made, repaired, replaced and removed, from wheels and jars on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caudal.cli import main
from caudal.core.errors import CaudalError, OptionError, RunError
from caudal.engines.environments import building

pytestmark = pytest.mark.slow

LOCK_FILE = ".flink.lock"


def _holds(python: Path) -> str:
    code = "import tinyengine, tinytool; print(tinyengine.VERSION, tinytool.VERSION)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_is_made_and_a_second_install_does_nothing(bench) -> None:
    assert bench.engine.python() is None
    assert bench.engine.jars() == []
    assert bench.install()[0] is True
    python = bench.engine.python()
    assert python == bench.place / "bin" / "python"
    assert _holds(python) == "1.0 2.0"
    assert [jar.read_bytes() for jar in bench.engine.jars()] == [b"a jar of bytes"]
    health = bench.engine.health()
    assert (health.version, health.installed, health.home) == ("1.0", True, str(bench.place))
    assert health.python_version == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert bench.left() == [LOCK_FILE, "flink"]
    before = (bench.place.stat().st_ino, (bench.place / "environment.json").stat().st_mtime_ns)
    assert bench.install() == (False, [])
    assert (bench.place.stat().st_ino, (bench.place / "environment.json").stat().st_mtime_ns) == before


@pytest.mark.slow
def test_without_uv_pip_does_it(bench, program: Callable[..., Path], only: Callable[..., None]) -> None:
    only(program("nothing", "exit 1").parent)
    assert bench.install()[0] is True
    assert _holds(bench.engine.python()) == "1.0 2.0"


def test_it_is_made_where_it_is_told_to(bench, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    assert bench.install(into=str(there))[0] is True
    assert bench.engine.health(str(there)).installed
    assert not bench.engine.health().installed
    assert (bench.engine.python(), bench.left()) == (None, [])


@pytest.mark.parametrize("uv", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["uv", "pip"])
def test_a_package_of_another_hash_is_refused(
    bench, uv: bool, program: Callable[..., Path], only: Callable[..., None]
) -> None:
    if not uv:
        only(program("nothing", "exit 1").parent)
    bench.relock(requirements=f"tinyengine==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(RunError, match="packages of the lock cannot be installed") as caught:
        bench.install()
    assert "hash" in caught.value.detail.lower()
    assert bench.left() == [LOCK_FILE]


def test_a_jar_of_another_hash_is_refused(bench) -> None:
    (jar,) = bench.lock.jars
    (bench.repository / jar.path).write_bytes(b"another jar")
    with pytest.raises(RunError, match="not the one that the lock names") as caught:
        bench.install()
    assert caught.value.location == "org.example:tiny-connector:3.0"
    assert jar.sha256 in caught.value.detail
    assert bench.left() == [LOCK_FILE]


def test_a_jar_that_is_not_there_is_told(bench) -> None:
    (jar,) = bench.lock.jars
    (bench.repository / jar.path).unlink()
    with pytest.raises(RunError, match="cannot be fetched") as caught:
        bench.install()
    assert jar.path in caught.value.detail
    assert bench.left() == [LOCK_FILE]


def test_what_was_there_stays_where_its_successor_fails(bench) -> None:
    bench.install()
    good = bench.lock
    bench.relock(jars=(replace(good.jars[0], sha256="0" * 64),))
    assert bench.engine.python() is None, "an environment of another lock is not this one's"
    (problem,) = [p for p in bench.engine.health().problems if "Java" not in p.message]
    assert "made by another version of caudal" in problem.message
    with pytest.raises(RunError):
        bench.install()
    bench.lock = good
    assert bench.engine.health().installed
    assert bench.left() == [LOCK_FILE, "flink"]


def test_another_lock_replaces_the_environment(bench) -> None:
    bench.install()
    bench.relock()
    assert bench.install()[0] is True
    assert bench.engine.health().installed
    assert bench.left() == [LOCK_FILE, "flink"]


def _drop_interpreter(place: Path) -> None:
    (place / "bin" / "python").unlink()


def _drop_package(place: Path) -> None:
    (metadata,) = place.glob("lib/python*/site-packages/tinyengine-1.0.dist-info/METADATA")
    metadata.unlink()


def _spoil_jar(place: Path) -> None:
    (jar,) = (place / "jars").iterdir()
    jar.write_bytes(b"half a")


def _drop_jar(place: Path) -> None:
    (jar,) = (place / "jars").iterdir()
    jar.unlink()


@pytest.mark.parametrize("breaking", [_drop_interpreter, _drop_package, _spoil_jar, _drop_jar])
def test_what_is_broken_is_seen_and_repaired(bench, breaking: Callable[[Path], None]) -> None:
    bench.install()
    breaking(bench.place)
    health = bench.engine.health()
    assert (health.installed, health.state) == (False, "broken")
    assert "caudal engines install flink" in health.problems[0].hint
    assert bench.install()[0] is True
    assert bench.engine.health().installed


def test_an_interrupted_install_is_repaired(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the two renames: the old one stands aside, a new one beside it that nobody finished."""
    bench.install()
    bench.place.rename(bench.base / ".flink.old")
    (bench.base / ".flink.new" / "bin").mkdir(parents=True)
    assert bench.engine.python() is None
    assert bench.engine.health().state == "not installed"
    assert bench.install()[0] is True
    assert bench.left() == [LOCK_FILE, "flink"]


@pytest.mark.parametrize("there_before", [False, True])
def test_a_failing_move_leaves_what_there_was(bench, monkeypatch: pytest.MonkeyPatch, there_before: bool) -> None:
    if there_before:
        bench.install()
        (bench.place / "environment.json").write_text(json.dumps({"engine": "flink", "lock": "older"}))
    rename = Path.rename

    def refuse(path: Path, target: Any) -> Path:
        if path.name == ".flink.new":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RunError, match="cannot be written"):
        bench.install()
    assert bench.left() == ([LOCK_FILE, "flink"] if there_before else [LOCK_FILE])


def test_ctrl_c_leaves_nothing_behind(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building.repository, "fetch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.install()
    assert bench.left() == [LOCK_FILE]


def test_what_is_not_ours_is_left_alone(bench) -> None:
    bench.place.mkdir(parents=True)
    (bench.place / "source.c").write_text("int main;")
    for change in (bench.install, bench.engine.uninstall):
        with pytest.raises(OptionError, match="no environment of flink") as caught:
            change()
        assert caught.value.location == str(bench.place)
    assert (bench.place / "source.c").exists()


def test_uninstall(bench) -> None:
    assert bench.engine.uninstall() is False
    bench.install()
    assert bench.engine.uninstall() is True
    assert bench.left() == [LOCK_FILE]
    assert bench.engine.uninstall() is False
    assert bench.engine.health().state == "not installed"


def test_a_place_that_cannot_be_written_is_told(bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CaudalError, match="cannot be kept here"):
        bench.install(into=str(tmp_path / "file"))


def test_two_installs_at_once_take_turns(bench) -> None:
    bench.base.mkdir()
    first = os.open(bench.base / LOCK_FILE, os.O_RDWR | os.O_CREAT)
    fcntl.flock(first, fcntl.LOCK_EX)
    waiting, told = threading.Event(), []

    def say(line: str) -> None:
        told.append(line)
        waiting.set()

    second = threading.Thread(target=bench.engine.install, args=(say,))
    second.start()
    assert waiting.wait(60)
    assert "waiting for another process" in told[0]
    assert not bench.place.exists()
    os.close(first)
    second.join(60)
    assert bench.engine.health().installed


def test_an_interpreter_in_the_environment_variable_comes_first(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_FLINK_PYTHON", sys.executable)
    assert bench.engine.python() == Path(sys.executable)
    assert bench.engine.health().state == "not installed", "this one has no tinyengine"
    assert "CAUDAL_FLINK_PYTHON" in bench.engine.health().problems[0].message
    bench.relock(distribution="pytest", version=pytest.__version__)
    assert bench.engine.health().installed
    bench.relock(version="0.0")
    assert "not 0.0" in bench.engine.health().problems[0].message
    monkeypatch.setenv("CAUDAL_FLINK_PYTHON", "/there/is/no/such")
    assert bench.engine.python() is None
    with pytest.raises(OptionError, match="CAUDAL_FLINK_PYTHON is /there/is/no/such"):
        bench.engine.require()


def test_by_the_command_line(bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["engines", "install", "flink"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"flink 1.0: installed, in {bench.place}\n")
    assert "installing tinyengine 1.0" in printed.err
    assert main(["engines", "install", "flink", "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["outcome"], told["engine"]["version"], printed.err) == ("there already", "1.0", "")
    assert main(["engines"]) == 0
    assert f"  {bench.place / 'bin' / 'python'}\n" in capsys.readouterr().out
    elsewhere = str(tmp_path / "elsewhere")
    assert main(["engines", "install", "flink", "--into", elsewhere]) == 0
    assert f"CAUDAL_ENGINES={elsewhere}" in capsys.readouterr().out
    assert main(["engines", "uninstall", "flink", "--into", elsewhere]) == 0
    assert main(["engines", "uninstall", "flink", "--json"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last)["outcome"] == "removed"
    assert json.loads(last)["engine"]["state"] == "not installed"


def test_a_failed_install_by_the_command_line(bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.relock(jars=(replace(bench.lock.jars[0], sha256="0" * 64),))
    assert main(["engines", "install", "flink"]) == 1
    assert "error: org.example:tiny-connector:3.0: the jar is not the one" in capsys.readouterr().err
