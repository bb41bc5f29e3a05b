"""Forked workers, with a stand-in for what Flink runs in them: arguments, environment, output, exit codes, and who ends whom."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from caudal.engines.jvm.package import packed

WORKER = """
import os, sys, time
print(sys.argv[1:], os.environ["GIVEN"], os.path.basename(os.getcwd()), "stdlib" in sys.path[0], flush=True)
how = sys.argv[1]
if how == "dies":
    os._exit(7)
if how == "raises":
    raise ValueError("no")
if how == "leaves":
    sys.exit(3)
while how == "stays":
    time.sleep(60)
"""
SERVER = """
import sys
sys.path.insert(0, "package.zip")
from caudal.engines.flink.job import workers
workers._WORKER[:] = ["-m", "stand_in"]
workers._IMPORTED[:] = ["json"]
workers._name_print = lambda main: None
sys.modules[workers._MAIN] = sys
print(workers.forked_workers({folder!r}, ["decimal"]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """The program that stands for the interpreter, and the process that began it all."""
    folder = tmp_path / ("a long päth" * 12)  # longer than the address of a socket may be
    folder.mkdir()
    (folder / "stand_in.py").write_text(WORKER)
    (folder / "job.py").write_text(SERVER.format(folder=str(folder)))
    (folder / "package.zip").write_bytes(packed(["caudal.engines.flink.job.workers"]))
    with subprocess.Popen(
        [sys.executable, "job.py"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stdout is not None
        yield Path(job.stdout.readline().strip()), job
        job.kill()


def start(program: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(program), *arguments],
        cwd=program.parent.parent,
        env={**os.environ, "GIVEN": "ü", "PYTHONPATH": str(program.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("how", "code", "said"), [("ends", 0, ""), ("dies", 7, ""), ("raises", 1, "ValueError: no"), ("leaves", 3, "")]
)
def test_a_worker_is_what_an_interpreter_would_be(program, tmp_path: Path, how: str, code: int, said: str) -> None:
    process = start(program[0], "-m", "stand_in", how, "--id", "1 2")
    out, error = process.communicate(timeout=60)
    assert out == f"{[how, '--id', '1 2']} ü {tmp_path.name} False\n"
    assert process.returncode == code
    assert said in error
    program[1].stdin.close()
    told = program[1].stderr.read()
    assert (f"A forked Python worker died (exit code {code})\n" in told) == (code in (3, 7))


def test_all_else_goes_to_the_interpreter_itself(program) -> None:
    out, _ = start(program[0], "-c", "import sys; print(sys.executable, sys.flags.isolated)").communicate(timeout=60)
    assert out == f"{sys.executable} 0\n"


@pytest.mark.parametrize("ends", ["asking", "job"])
def test_a_worker_ends_with_the_one_that_asked_and_with_the_job(program, ends: str) -> None:
    with start(program[0], "-m", "stand_in", "stays") as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline().startswith("['stays']")
        if ends == "asking":
            asking.kill()
        else:
            program[1].kill()
        ready, _, _ = select([asking.stdout], [], [], 60)
        assert ready == [asking.stdout], "the worker still has its output open"
        assert asking.stdout.read() == ""
        assert asking.wait(60) != 0
