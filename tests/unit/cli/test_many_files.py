"""Thousands of files in a directory: right rows, in bounded memory and with few descriptors."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

PIPELINE = """
import caudal as cd
rows = cd.source("files", path="in", format="json", schema={"t": "timestamp", "ip": "string"}, event_time="t")
counts = rows.group_by("ip").window(cd.tumbling("1h")).agg(n=cd.count())
pipeline = cd.Pipeline("many", counts.to("files", path="out.jsonl", format="json"))
"""


FOLLOWED = """
import caudal as cd
rows = cd.source("files", path="in", format="json", schema={"n": "int64"})
pipeline = cd.Pipeline("many", rows.to("files", path="out.jsonl", format="json"))
"""


# A process inherits, as its first peak, the memory of the one that it was forked from, and a process of the tests may
# hold a gigabyte: a small one stands between, sets the limit of descriptors, and counts.
MEASURED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "caudal", *sys.argv[2:]], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(here: Path, descriptors: int) -> int:
    """Run the pipeline in a process of its own; return the most memory that it took, in MiB."""
    options = ["run", "p.py", "--quiet", "--threads", "2"]
    command = [sys.executable, "-c", MEASURED, str(descriptors), *options]
    return int(subprocess.run(command, cwd=here, stdout=subprocess.PIPE, check=True).stdout)


def write(here: Path, files: int, rows: int, apart: int) -> dict[tuple[str, int], int]:
    """Write the pipeline and its files; return how many rows there are of each address and hour."""
    (here / "p.py").write_text(PIPELINE)
    (here / "in").mkdir()
    expected: dict[tuple[str, int], int] = {}
    for i in range(files):
        lines = []
        for k in range(rows):
            t, ip = 1_700_000_000_000 + i * apart + k * 60_000, f"10.0.{i % 250}.{k % 5}"
            lines.append(json.dumps({"t": t, "ip": ip, "n": i * rows + k}))
            key = ip, t // 3_600_000 * 3_600_000
            expected[key] = expected.get(key, 0) + 1
        (here / "in" / f"{i}.jsonl").write_text("\n".join(lines) + "\n")
    return expected


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """See that the kernels are in the cache: a process that compiles them takes some hundred MiB more."""
    here = tmp_path_factory.mktemp("compiled")
    write(here, 300, 5, 1_000)
    run(here, 1024)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("files", "rows", "apart", "descriptors", "most"),
    [
        pytest.param(300, 5, 1_000, 64, 400, id="few"),
        pytest.param(20_000, 5, 1_000, 1024, 400, id="one behind the other", marks=pytest.mark.nightly),
        pytest.param(3_000, 60, 1, 256, 500, id="overlapping in time", marks=pytest.mark.nightly),
    ],
)
def test_every_row_of_many_files_counts(
    tmp_path: Path, files: int, rows: int, apart: int, descriptors: int, most: int
) -> None:
    expected = write(tmp_path, files, rows, apart)
    assert run(tmp_path, descriptors) < most
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted((row["ip"], row["n"]) for row in found) == sorted((ip, n) for (ip, _), n in expected.items())
    assert (tmp_path / "out.late.jsonl").read_text() == (tmp_path / "out.dead.jsonl").read_text() == ""


@pytest.mark.nightly
@pytest.mark.usefixtures("compiled")
def test_every_row_of_many_followed_files_comes_once(tmp_path: Path) -> None:
    """20,000 files of five rows: about 7 s of processor time and 400 MiB."""
    write(tmp_path, 20_000, 5, 1_000)
    (tmp_path / "p.py").write_text(FOLLOWED)
    out = tmp_path / "out.jsonl"
    pid = os.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "caudal", "run", "p.py", "--follow", "--quiet"])
    end = time.monotonic() + 240
    while time.monotonic() < end and (not out.exists() or out.read_bytes().count(b"\n") < 100_000):
        threading.Event().wait(1)
    peak = re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    os.kill(pid, signal.SIGINT)
    _, _, usage = os.wait4(pid, 0)
    found = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert sorted(found) == list(range(100_000))
    assert int(peak[0]) // 1024 < 450
    assert usage.ru_utime + usage.ru_stime < 60
