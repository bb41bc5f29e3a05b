"""`caudal test`: a line a scenario, exit codes, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from caudal.cli import main

RIGHT = "title: Right\n\n--- input e\n\nn int64\n1\n2\n\n--- program\nout = e.filter('n > 1')\n\n--- output out\nn\n2\n"
WRONG = RIGHT.replace("Right", "Wrong").replace("n\n2\n", "n\n3\n")
BROKEN = RIGHT.replace("Right", "Broken").replace("--- output out", "--- output oot")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    return tmp_path


def test_scenarios_that_pass(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "more" / "b10.flow").write_text(RIGHT)
    (here / "more" / "b9.flow").write_text(RIGHT)
    (here / "a.flow").write_text(RIGHT)
    assert main(["test", "more", "a.flow"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in out[:3]] == [
        ["passed", "more/b9.flow"],
        ["passed", "more/b10.flow"],
        ["passed", "a.flow"],
    ]
    assert out[3:] == ["3 passed"]


def test_one_that_fails(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.flow").write_text(RIGHT)
    (here / "w.flow").write_text(WRONG)
    assert main(["test", "."]) == 1
    assert capsys.readouterr().out == (
        "passed     a.flow  Right\n"
        "failed     w.flow  Wrong\n"
        "  w.flow:12: output out, whole\n"
        "    missing  w.flow:14: 3\n"
        "    extra    2\n"
        "1 passed, 1 failed\n"
    )


def test_a_mistake_does_not_keep_others_from_running(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"a": BROKEN, "b": WRONG, "c": RIGHT}.items():
        (here / f"{name}.flow").write_text(text)
    assert main(["test", "--json", "."]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)["scenarios"]
    assert [(s["file"], s["title"], s["state"]) for s in found] == [
        ("a.flow", "Broken", "mistake"),
        ("b.flow", "Wrong", "failed"),
        ("c.flow", "Right", "passed"),
    ]
    assert found[0]["messages"] == ["a.flow:12: there is no stream 'oot'\n  hint: did you mean 'out'?"]
    assert found[2]["messages"] == []


def test_complete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "w.flow").write_text(WRONG)
    assert main(["test", "--complete", "w.flow"]) == 0
    assert (here / "w.flow").read_text() == RIGHT.replace("Right", "Wrong")
    assert main(["test", "--complete", "w.flow"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["completed", "1", "passed", "1"]


@pytest.mark.parametrize(("path", "message"), [("more", "no scenario in this directory"), ("z.flow", "no such file")])
def test_nothing_to_run(here: Path, capsys: pytest.CaptureFixture[str], path: str, message: str) -> None:
    assert main(["test", path]) == 2
    assert message in capsys.readouterr().err


def test_the_plugin_imports_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "pyarrow", "polars", "pandas", "caudal.core", "caudal.plan", "caudal.lang")
    code = f"import sys, caudal.testing.plugin, caudal.testing; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
