"""A job over a followed log that is rotated, killed again and again: each line stands in its file once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

JOB = """
import sys
import caudal as cd
from caudal.runner.checkpoints import checkpointing
from caudal.runner.drive import Job

lines = cd.source("files", path="in.jsonl", format="json", schema={"n": "int64"}, follow=True, poll=10)
plan = cd.Pipeline("copy", lines.to("files", path="out/a.jsonl", format="json"))
job = Job(plan, dead="discard", checkpoint=checkpointing("state", every="20ms"))
rows = int(sys.argv[1])

def watch(progress):
    print(progress.rows, flush=True)
    if progress.rows >= rows:
        job.stop()

job.run(watch)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_job_that_is_killed_leaves_what_one_that_was_not_would(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    log, out, written = tmp_path / "in.jsonl", tmp_path / "out" / "a.jsonl", 0

    def grow() -> None:
        nonlocal written
        with open(log, "a") as file:
            for _ in range(draw.randrange(1, 3000)):
                file.write(json.dumps({"n": written}) + "\n")
                written += 1

    grow()
    for number in range(6):
        last = number == 5
        command = [sys.executable, "-c", JOB, str(written if last else 1 << 60)]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
            assert job.stdout is not None
            if not last:
                while not number and not (out.exists() and out.stat().st_size):
                    job.stdout.readline()  # who has no checkpoint knows nothing of what was rotated before
                for _ in range(draw.randrange(1, 12)):
                    job.stdout.readline()
                    grow()
                os.kill(job.pid, signal.SIGKILL)
            _, told = job.communicate()
            assert not last or job.returncode == 0, told.decode()
        if not last:
            for older in sorted(tmp_path.glob("in.jsonl.*"), key=lambda path: -int(path.suffix[1:])):
                older.rename(tmp_path / f"in.jsonl.{int(older.suffix[1:]) + 1}")
            log.rename(tmp_path / "in.jsonl.1")
            grow()
    found = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert sorted(found) == list(range(written))
    assert not list((tmp_path / "out").glob(".*"))
