"""Followed logs under any sequence of writes, rotations, looks, cuts and crashes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.connectors.test_files_resume import Runs, append, compress, copytruncate, rotate, rotate_delayed

ROTATIONS = ("rotate", "pack", "delay", "copytruncate", "copypack")
STEPS = (*ROTATIONS, "append", "append", "append", "half", "read", "look", "look", "cut", "crash")


@given(st.lists(st.sampled_from(STEPS), max_size=24), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_happens_between_cuts_each_line_is_read_once(steps: list[str], glob: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        log.touch()
        runs = Runs(f"{log}*" if glob else str(log))
        runs.cut()
        kept = dict(runs.found)
        written: list[bytes] = []
        half = b""
        rotated = False
        for step in [*steps, "crash"]:
            if step in ("append", "half"):
                line = b"%d %s" % (len(written), b"x" * (50 * len(written) % 2000))
                if half:
                    append(log, half[len(half) // 2 :] + b"\n")
                    half = b""
                elif step == "half":
                    half = line
                    append(log, line[: len(line) // 2])
                    written.append(line)
                else:
                    append(log, line + b"\n")
                    written.append(line)
            elif step in ROTATIONS:
                if half or not log.exists() or not log.stat().st_size:
                    continue  # writers end their lines
                if step.startswith("copy"):
                    if rotated:
                        continue  # what is truncated twice between two looks is gone
                    runs.settle()  # of a log that was empty at the last look nothing is known by which its copy could be told
                    copytruncate(log)
                    if step == "copypack":
                        compress(Path(f"{log}.1"))
                elif step == "delay":
                    rotate_delayed(log, 2)
                else:
                    rotate(log, packed=step == "pack")
                rotated = True
            elif step == "read":
                runs.read(300)
            elif step == "look":
                runs.settle(4)
                rotated = False
            elif step == "cut":
                runs.cut()
                kept = dict(runs.found)
            else:
                runs.source.close()
                runs.found = dict(kept)
                runs.begin()
                runs.settle(4)
                rotated = False
                runs.cut()
                kept = dict(runs.found)
        if half:
            append(log, half[len(half) // 2 :] + b"\n")
        runs.settle(200)
        runs.settle(200)
        assert runs.lines == sorted(written)
        runs.source.close()
