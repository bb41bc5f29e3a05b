"""A directory whose every call may fail, full or broken: what was committed last can be read, and a later run goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caudal.checkpoint import directory, stock
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.snapshots import Snapshots, find
from caudal.checkpoint.store import StoreError

CALLS = ("open", "write", "fsync", "close", "link", "replace", "unlink", "makedirs", "stat", "walk")


class Faulty:
    """The module `os`, of whose calls the one with this number fails."""

    def __init__(self, at: int, number: int) -> None:
        self.at, self.number, self.calls = at, number, 0
        self.done = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                self.done = True
                if name == "close":
                    real(*args)
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])  # half of it gets there
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **options)

        return call


def _story(begin: Any, path: Path, faulty: Callable[[], None]) -> tuple[Any, list[str]]:
    """Commit some epochs, let calls fail, commit others while that is possible; return the job and what was committed."""
    job = begin(DirectoryStore(str(path)))
    job.commit(3, [], whole=True)
    committed = [job.commit(2, [0]).id]
    faulty()
    try:
        committed.append(job.commit(2, [1, 3]).id)
        committed.append(job.commit(2, [2]).id)
        job.snapshots.keep(find(job.snapshots.store, "job"))
    except StoreError:
        pass
    return job, committed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_any_call_may_fail(number: int, begin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at, failed = 0, 0
    while True:
        at += 1
        path = tmp_path / str(at)
        faulty = Faulty(at, number)
        with monkeypatch.context() as patched:
            job, committed = _story(begin, path, lambda: patched.setattr(directory, "os", faulty))  # noqa: B023
        if not faulty.done:
            break
        failed += 1
        store = DirectoryStore(str(path))
        last = find(store, "job")
        # the epoch whose commit was answered by an error may be there, which its job looks up
        assert last.id in (*committed, *job.held) or last.epoch == len(committed) + 2
        loaded = Snapshots(store, "job", "p").load(last)
        if last.id in job.held:
            assert dict(loaded.operators["w"].blocks) == job.held[last.id]
        assert stock.verify(store).damaged == []
        # a later run holds the place, sweeps it, and commits
        store.hold()
        after = Snapshots(store, "job", "p")
        (*_, begun) = after.take_stock(0.0)
        assert begun == last
        state = after.load(begun)
        following = after.manifest(after.write(begun.epoch + 1, state, {}), {})
        after.commit(following)
        after.adopt(following)
        after.discard(following.epoch, [following.id, begun.id])
        store.close()
        assert find(store, "job") == following
        assert not [name for name in os.listdir(path / "job") if name.startswith(".tmp-")]
    assert failed > 20
