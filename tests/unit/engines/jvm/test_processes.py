"""All that a job started ends with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from caudal.engines.jvm.processes import sweep, tell

_LEADER = """
import subprocess, sys
sleeps = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
alike = subprocess.Popen(sleeps)
apart = subprocess.Popen(sleeps, process_group=0)
print(alike.pid, apart.pid, flush=True)
alike.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="sessions are looked up in /proc")
def test_members_of_other_groups_end_too() -> None:
    leader = subprocess.Popen(
        [sys.executable, "-c", _LEADER], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    assert leader.stdout is not None
    with leader.stdout:
        members = [int(word) for word in leader.stdout.readline().split()]
    sweep(leader.pid)
    leader.wait()
    assert [member for member in members if _lives(member)] == []
    tell(leader.pid)  # nobody is left to be told
    sweep(leader.pid)


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
