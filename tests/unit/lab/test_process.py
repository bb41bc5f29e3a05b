"""Measured processes: their times, those of what they start, and their failures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from caudal.core.errors import RunError
from caudal.lab.process import run

pytestmark = pytest.mark.slow

BUSY = "import time\nwhile time.process_time() < 0.4: pass\n"


def test_a_process_and_what_it_starts(tmp_path: Path) -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}], check=True)\nprint('done')"
    ended = run([sys.executable, "-c", code], tmp_path)
    assert ended.out == "done\n"
    assert ended.seconds > 0.4
    assert ended.cpu > 0.1


def test_a_process_that_fails_tells_the_end_of_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="ended with exit code 1") as failed:
        run([sys.executable, "-c", "raise ValueError('the cause')"], tmp_path)
    assert "ValueError: the cause" in failed.value.detail
