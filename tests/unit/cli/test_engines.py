"""`caudal engines`: what is shown, and what is refused. (Making environments: tests/unit/engines/environments.)"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import caudal as cd


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAUDAL_ENGINES", str(tmp_path / "none"))
    for engine in ("FLINK", "SPARK"):
        monkeypatch.delenv(f"CAUDAL_{engine}_PYTHON", raising=False)


def test_engines_are_listed_with_what_is_missing(caudal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    ended = caudal("engines")
    assert (ended.code, ended.err) == (0, "")
    blocks = ended.out.split("\n")
    assert blocks[0].split() == ["local", cd.__version__, "ready"]
    assert sys.executable in blocks[1]
    for engine, java in (("flink", 11), ("spark", 17)):
        assert f"{engine}  -        not installed\n" in ended.out
        assert f"{engine} is not installed\n         run: caudal engines install {engine}\n" in ended.out
        assert f"{engine} needs Java: JAVA_HOME is {tmp_path}, where no bin/java runs\n" in ended.out
        assert f"install a JDK of version {java} or later" in ended.out
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_engines_as_json(caudal) -> None:
    ended = caudal("engines", "--json")
    assert ended.summary["caudal_engines"] == 1
    local, flink, spark = ended.summary["engines"]
    assert (local["engine"], local["state"], local["python"]) == ("local", "ready", sys.executable)
    for name, health in (("flink", flink), ("spark", spark)):
        assert (health["engine"], health["state"], health["installed"]) == (name, "not installed", False)
        assert health["problems"][0] == {
            "message": f"{name} is not installed",
            "hint": f"run: caudal engines install {name}",
        }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("install", "fink"), ("error: unknown engine 'fink'", "did you mean 'flink'?")),
        (("uninstall", "zzz"), ("error: unknown engine 'zzz'", "known: flink, spark")),
        (("install", "local"), ("the engine 'local' needs no environment", "own process")),
        (("install", "flink", "--python", "/no/such"), ("/no/such is no CPython", "--python takes its path")),
    ],
)
def test_what_cannot_be_installed(caudal, arguments: tuple[str, ...], told: tuple[str, ...], tmp_path: Path) -> None:
    ended = caudal("engines", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert [part for part in told if part not in ended.err] == []
    left = [*(tmp_path / "none").iterdir()] if (tmp_path / "none").exists() else []
    assert [p for p in left if not p.name.endswith(".lock")] == []


def test_nothing_to_uninstall(caudal, tmp_path: Path) -> None:
    assert caudal("engines", "uninstall", "flink").out == "flink: not there\n"
    told = json.loads(caudal("engines", "uninstall", "spark", "--json").out)
    assert told["outcome"] == "not there"


def test_usage(caudal) -> None:
    assert caudal("engines", "install").code == 2
    assert caudal("engines", "repair", "flink").code == 2
