"""Rows of epochs reach files once, whatever fails between any two calls of the system, and wherever the process dies."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from committing import KINDS, Faults, Job, Killed
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.core.errors import CaudalError, RunError

ROWS = [[b"one\n", b"two\n"], [], [b"three three three\n"], [b"four\n" * 5], [], [b"five\n"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [errno.ENOSPC, errno.EIO, "short", "kill"])
def test_a_fault_at_any_call_loses_and_doubles_nothing(tmp_path: Path, kind: str, how: int | str) -> None:
    for at in itertools.count(1):
        job = Job(tmp_path / str(at), kind, ROWS)
        job.folder.mkdir(parents=True)
        faults = Faults(at, how)
        failed: BaseException | None = None
        with faults.injected():
            try:
                job.run()
            except (CaudalError, Killed) as error:
                failed = error
        assert not isinstance(failed, CaudalError) or "alerts.txt" in str(failed)
        job.run()  # the next run
        job.check()
        if faults.calls < at:
            assert failed is None
            break
    assert at > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_while_going_on_after_a_crash_changes_nothing_either(tmp_path: Path, kind: str) -> None:
    for first in (9, 14, 17, 19, 21, 23, 26):
        for at in itertools.count(1):
            job = Job(tmp_path / f"{first}.{at}", kind, ROWS)
            job.folder.mkdir(parents=True)
            with contextlib.suppress(Killed), Faults(first, "kill").injected():
                job.run()
            again = Faults(at, "kill" if at % 2 else errno.EIO)
            with again.injected(), contextlib.suppress(CaudalError, Killed):
                job.run()
            job.run()
            job.check()
            if again.calls < at:
                break


@given(
    kind=st.sampled_from(KINDS),
    rows=st.lists(st.lists(st.integers(1, 9).map(lambda n: b"%d\n" % n * n), max_size=3), min_size=1, max_size=8),
    faults=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from([errno.ENOSPC, errno.EIO, "short", "kill"])), max_size=6
    ),
)
@settings(max_examples=150, deadline=None)
def test_any_row_of_faults_loses_and_doubles_nothing(
    kind: str, rows: list[list[bytes]], faults: list[tuple[int, int | str]]
) -> None:
    if kind not in ("committed", "bounded") and not any(rows):
        rows = [[b"a part takes a row\n"]]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder), kind, rows)
        job.folder.mkdir()
        for at, how in faults:
            with Faults(at, how).injected(), contextlib.suppress(CaudalError, Killed):
                job.run()
        job.run()
        job.check()


KILLER = """
import os, random, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from committing import Job

folder, kind, seed, kills = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
draw = random.Random(seed)
rows = [[b"%d.%d %s\\n" % (e, i, b"x" * draw.randrange(3000)) for i in range(draw.randrange(4))] for e in range(40)]
rows.append([b"last\\n"])
job = Job(folder, kind, rows)
job.folder.mkdir()
for _ in range(kills):
    seen, told = os.pipe()
    child = os.fork()
    if not child:
        job.run(lambda: os.write(told, b"."))
        os._exit(0)
    os.close(told)
    for _ in range(draw.randrange(40)):
        if not os.read(seen, 1):
            break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(seen)
job.run()
job.check()
print(job.last[0])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_is_killed_again_and_again_leaves_what_one_that_was_not_would(tmp_path: Path, kind: str) -> None:
    script = [sys.executable, "-c", KILLER, str(Path(__file__).parent), str(tmp_path), kind, "7", "40"]
    ran = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "41\n"


# -- an appended target -----------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path, "committed", [])
    job.folder.mkdir()
    return job


def epoch(job: Job, sink: Any, data: bytes, *, publish: bool = True) -> None:
    """Write an epoch of these rows, and commit it."""
    number = job.last[0] + 1
    if data:
        sink.write(data)
    receipt = json.loads(json.dumps(sink.prepare(number, last=False)))
    job.commit(number, receipt)
    if publish:
        sink.publish(number, receipt)


def crashed(sink: Any) -> None:
    """Let go of a sink as the end of its process would."""
    sink._target.close()
    if sink._staged is not None:
        sink._staged.close()


def appended(path: Path, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


def begun(job: Job) -> Any:
    sink = job.open()
    sink.recover(*job.last)
    return sink


def names(job: Job) -> list[str]:
    return sorted(os.listdir(job.folder))


def test_epochs_without_rows_touch_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    assert names(job) == ["alerts.txt", "alerts.txt.committed"]
    before = job.target.stat().st_mtime_ns, (job.folder / "alerts.txt.committed").stat().st_ino

    def refused(*args: Any) -> None:
        raise AssertionError("nothing is to be done")

    for name in ("open", "write", "fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, refused)
    for number in range(2, 5):
        sink.publish(number, sink.prepare(number, last=False))
    monkeypatch.undo()
    assert before == (job.target.stat().st_mtime_ns, (job.folder / "alerts.txt.committed").stat().st_ino)
    sink.finish()


def test_what_stands_in_the_target_stays_and_half_a_line_is_ended(job: Job) -> None:
    job.target.write_bytes(b"others'\nhal")
    sink = begun(job)
    assert (job.folder / "alerts.txt.committed").read_text() == "11\n"
    epoch(job, sink, b"1\n")
    sink.finish()
    assert job.target.read_bytes() == b"others'\nhal\n1\n"
    assert (job.folder / "alerts.txt.committed").read_text() == "14\n"


def test_a_target_that_is_moved_away_is_gone_on_with_in_a_new_one(job: Job) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    job.target.rename(job.folder / "alerts.txt.1")
    epoch(job, sink, b"")
    epoch(job, sink, b"2\n")
    assert (job.folder / "alerts.txt.1").read_bytes() == b"header\n1\n"
    assert job.target.read_bytes() == b"header\n2\n"
    sink.write(b"3\n")
    job.target.rename(job.folder / "alerts.txt.2")
    job.target.touch()  # logrotate's create
    epoch(job, sink, b"4\n")
    epoch(job, sink, b"5\n")
    sink.finish()
    assert (job.folder / "alerts.txt.2").read_bytes() == b"header\n2\n3\n4\n", "what was begun there ends there"
    assert job.target.read_bytes() == b"header\n5\n"
    assert (job.folder / "alerts.txt.committed").read_text() == f"{job.target.stat().st_size}\n"


@pytest.mark.parametrize("partly", [False, True])
@pytest.mark.parametrize("create", [False, True])
def test_a_target_that_is_moved_away_while_nobody_runs_gets_what_was_committed_for_it(
    job: Job, partly: bool, create: bool
) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    epoch(job, sink, b"22222\n", publish=False)
    crashed(sink)
    if partly:
        with open(job.target, "ab") as file:
            file.write(b"222")
    job.target.rename(job.folder / "alerts.txt.1")
    if create:
        job.target.touch()
    again = begun(job)
    epoch(job, again, b"3\n")
    again.finish()
    assert (job.folder / "alerts.txt.1").read_bytes() == b"header\n1\n22222\n"
    assert job.target.read_bytes() == b"header\n3\n"
    assert names(job) == ["alerts.txt", "alerts.txt.1", "alerts.txt.committed"]


def test_a_target_that_was_moved_away_whole_needs_not_be_found_again(job: Job) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    crashed(sink)
    job.target.unlink()  # compressed, say
    again = begun(job)
    epoch(job, again, b"2\n")
    again.finish()
    assert job.target.read_bytes() == b"header\n2\n"


def test_a_target_that_is_gone_before_it_had_all_is_an_error_that_says_what_to_do(job: Job) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    kept = job.target.read_bytes()
    epoch(job, sink, b"2\n", publish=False)
    crashed(sink)
    job.target.unlink()
    for _ in range(2):
        with pytest.raises(RunError, match="replaced by another file, or removed") as caught:
            begun(job)
        assert "put back the file" in caught.value.hint
    (job.folder / "found").write_bytes(kept)
    (job.folder / "found").rename(job.target)  # a copy is as good
    again = begun(job)
    again.finish()
    assert job.target.read_bytes() == b"header\n1\n2\n"


def test_a_target_that_is_removed_before_it_has_what_was_committed_is_an_error(job: Job) -> None:
    sink = begun(job)
    sink.write(b"1\n")
    job.target.unlink()
    with pytest.raises(RunError, match="replaced by another file, or removed"):
        epoch(job, sink, b"2\n")
    sink.abort()


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: os.truncate(path, 3), "shortened by somebody else"),
        (lambda path: os.truncate(path, 0), "shortened by somebody else"),
        (lambda path: appended(path, b"theirs\n"), "somebody else has written to it"),
        (lambda path: appended(path, b"2"), "somebody else has written to it"),
        (lambda path: path.write_bytes(b"HEADER\n1\n"), "somebody else has written to it"),
    ],
)
def test_a_target_that_others_have_changed_is_an_error_and_stays_as_it_is(
    job: Job, harm: Any, says: str, running: bool
) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n")
    if not running:
        epoch(job, sink, b"3\n", publish=False)
        crashed(sink)
    harm(job.target)
    found = job.target.read_bytes()
    with pytest.raises(RunError, match=says) as caught:
        epoch(job, sink, b"3\n") if running else begun(job)
    assert "move it to another folder" in caught.value.hint
    assert job.target.read_bytes() == found
    if running:
        sink.abort()
    (job.folder / "away").mkdir()
    job.target.rename(job.folder / "away" / "alerts.txt")
    with pytest.raises(RunError, match="replaced by another file, or removed"):
        begun(job)
    (staged,) = [name for name in names(job) if name.endswith(".tmp")]
    (job.folder / staged).unlink()
    again = begun(job)
    epoch(job, again, b"4\n")
    again.finish()
    assert job.target.read_bytes() == b"header\n4\n"


def test_a_target_that_the_job_itself_has_written_on_in_is_told_as_that(job: Job) -> None:
    """An earlier checkpoint is restored: its receipt knows less than stands in the target."""
    sink = begun(job)
    epoch(job, sink, b"1\n")
    (job.folder / "kept").write_bytes(job.target.read_bytes())
    earlier = job.last
    epoch(job, sink, b"2\n")
    sink.finish()
    job.commit(*earlier)
    found = job.target.read_bytes()
    with pytest.raises(RunError, match="the job itself has written on in it since this checkpoint") as caught:
        begun(job)
    assert job.target.read_bytes() == found
    size = len((job.folder / "kept").read_bytes())
    assert f"truncate -s {size} " in caught.value.hint
    os.truncate(job.target, size)  # as the hint says
    again = begun(job)
    epoch(job, again, b"2\n")
    again.finish()
    assert job.target.read_bytes() == found


def test_an_abort_keeps_what_a_receipt_names(job: Job) -> None:
    sink = begun(job)
    sink.write(b"1\n")
    job.commit(1, sink.prepare(1, last=False))
    sink.abort()
    sink.abort()
    again = begun(job)
    again.write(b"2\n")
    again.abort()
    assert job.target.read_bytes() == b"header\n1\n"
    assert names(job) == ["alerts.txt", "alerts.txt.committed"]


def test_a_receipt_of_another_folder_is_refused(job: Job) -> None:
    sink = begun(job)
    epoch(job, sink, b"1\n", publish=False)
    crashed(sink)
    number, receipt = job.last
    for file in ("../../etc/passwd", "alerts.txt", "/etc/passwd"):
        with pytest.raises(RunError, match="what was written for it is gone"):
            job.open().recover(number, {**receipt, "file": file})


# -- one that appears at the end -------------------------------------------------------------------------------------


def test_a_drained_run_leaves_what_the_next_one_goes_on_with(tmp_path: Path) -> None:
    job = Job(tmp_path, "bounded", [])
    job.folder.mkdir()
    for data in (b"1\n", b"2\n"):
        sink = begun(job)
        epoch(job, sink, data)
        sink.finish()
        assert not job.target.exists()
    sink = begun(job)
    receipt = sink.prepare(3, last=True)
    sink.publish(3, receipt)
    sink.finish()
    assert job.target.read_bytes() == b"header\n1\n2\n"
    assert names(job) == ["alerts.txt"]
