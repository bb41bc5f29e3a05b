"""Workers of a group that write to a folder: whoever dies where, each row is in one file, once, and none is shown before its commit."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runner.test_group import WAIT
from tests.unit.runner.test_group_savepoints import Job

from caudal.checkpoint import events as p
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.shards import Phase
from caudal.connectors.files.sink import open_folder
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.formats.json import FORMAT
from caudal.runner.group import GroupWorker
from caudal.runner.meeting import meet


def schema(key: str = "ip") -> Schema:
    kind = "string" if key == "ip" else "int64"
    return Schema.of(
        {key: kind, "window_start": "timestamp", "window_end": "timestamp", "total": "int64", "sum": "int64"}
    )


EFFECTS = (p.Find, p.Start, p.Mark, p.Load, p.Run, p.Freeze, p.Prepare, p.Store, p.Commit, p.Discard, p.Publish)


class Crash(BaseException):
    """The process ends here."""


class Foldered(Job):
    """Workers whose sink is one folder."""

    def __init__(self, tmp_path: Path, rows: int, key: str = "ip") -> None:
        super().__init__(tmp_path, rows, key)
        self.folder = tmp_path / "out"
        self.arm: Callable[[GroupWorker], None] = lambda _: None
        self.crashed = threading.Event()

    def sink(self) -> Any:
        return open_folder(self.folder, lambda: FORMAT.encoder(schema(self.key), {}), "1h", "")

    def armed(self, worker: GroupWorker) -> None:
        self.arm(worker)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*"))

    def rows(self) -> Counter[tuple[Any, int, int, int]]:
        found = Counter[tuple[Any, int, int, int]]()
        for file in self.files():
            for line in file.read_text().splitlines():
                row = json.loads(line)
                start = round(datetime.fromisoformat(row["window_start"]).timestamp() * 1000)
                found[row[self.key], start, row["total"], row["sum"]] += 1
        return found

    def crash(self, kind: type, nth: int, *, before: bool) -> None:
        """Let the next worker die at an effect: before it is done, or behind it, when nobody was told."""

        def arm(worker: GroupWorker) -> None:
            does: Any = worker._conductor._does
            left = nth

            def do(effect: p.Effect) -> p.Event | None:
                nonlocal left
                left -= isinstance(effect, kind)
                if left == 0 and isinstance(effect, kind) and before:
                    raise Crash
                answer = does(effect)
                if left == 0 and isinstance(effect, kind):
                    raise Crash
                return answer

            worker._conductor._does = do

        self.arm = arm

    def settle(self) -> None:
        """Let all end, and one more take all over: what is committed last is shown by who has committed it, or by that one."""
        for name in list(self.running):
            self.stop(name)
            self.group.expel(name)
        self.arm = lambda _: None
        last = self.start("last", 5)
        self.give("last")
        shards = last._worker.shards
        self.until(lambda: len(shards) == len(self.names) and {s.phase for s in [*shards.values()]} == {Phase.RUNNING})
        self.stop("last")

    def _run(self, worker: GroupWorker) -> None:
        try:
            worker.run()
        except Crash:
            self.crashed.set()
            with self.group.lock:
                self.group.lock.notify_all()
        except BaseException as error:
            self.errors.append(error)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Foldered]]:
    jobs: list[Foldered] = []

    def make(rows: int = 1500, key: str = "ip") -> Foldered:
        jobs.append(Foldered(tmp_path, rows, key))
        return jobs[-1]

    yield make
    for job in jobs:
        for name in list(job.running):
            job.kill(name)


def test_each_file_is_of_one_shard_and_one_epoch(made: Any) -> None:
    job = made(rows=9000)  # more than one epoch of any machine
    job.start("a", 5)
    job.give("a")
    job.until(job.through)
    job.stop("a")
    job.check()
    names = [file.name for file in job.files()]
    shards = Counter(name.split("-")[1] for name in names)
    assert set(shards) == {"0", "1", "2"}
    assert all(name.startswith("out-") and name.endswith(".jsonl") for name in names)
    assert len(names) > 3, "epochs have files of their own"
    assert not [*job.folder.glob(".*.tmp")]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", EFFECTS)
def test_a_worker_dies_around_any_effect(made: Any, kind: type, before: bool) -> None:
    job = made()
    job.crash(kind, 2, before=before)
    job.start("a", 5)
    job.give("a")
    job.until(lambda: job.crashed.is_set() or job.through())
    shown = job.rows()
    assert shown <= job.wanted
    if job.crashed.is_set():
        _, thread = job.running.pop("a")
        thread.join(WAIT)
        job.group.expel("a")
        job.arm = lambda _: None
        job.start("b", 5)
        job.give("b")
        job.until(job.through)
    job.settle()
    job.check()


@pytest.mark.parametrize("lose", ["before", "after", "refuse"])
def test_an_answer_that_was_lost_shows_nothing_twice(made: Any, lose: str) -> None:
    job = made()
    job.start("a", 5)
    job.give("a")
    for _ in range(5):
        job.until(lambda: job.broker.lose == "" or job.through())
        job.broker.lose = lose
    job.until(job.through)
    job.broker.lose = ""
    job.stop("a")
    job.check()


@pytest.mark.parametrize("key", ["ip", "n"])
@pytest.mark.parametrize("seed", range(4))
def test_any_history_of_a_group_writes_each_row_once(made: Any, seed: int, key: str) -> None:
    job = made(3000, key)
    draw = random.Random(seed)
    for number in range(6):
        job.crash(
            draw.choice([p.Prepare, p.Store, p.Commit, p.Publish, p.Load]),
            draw.randrange(1, 6),
            before=draw.random() < 0.5,
        )
        if "steady" not in job.running:
            job.arm, arm = (lambda _: None), job.arm
            job.start("steady", 5)
            job.arm = arm
        name = f"w{number}"
        job.crashed.clear()
        job.start(name, 5)
        job.give(name, "steady")
        job.until(lambda: job.give(name, "steady") or job.crashed.is_set() or job.through())  # noqa: B023
        if not job.crashed.is_set():
            break
        _, thread = job.running.pop(name)
        thread.join(WAIT)
        job.group.expel(name)
        job.give("steady")
        held = [each for each in job.names if each in job.group.owners and draw.random() < 0.5]
        if held:
            job.group.take(*held, lost=draw.random() < 0.5)
        assert job.rows() <= job.wanted
    job.arm = lambda _: None
    if "steady" not in job.running:
        job.start("steady", 5)

    def all_given() -> bool:
        job.give("steady")
        return job.through()

    job.until(all_given)
    job.settle()
    job.check()


def test_a_worker_that_reaches_another_folder_is_refused(tmp_path: Path) -> None:
    store = DirectoryStore(str(tmp_path / "state"), shared=True)

    def folder(name: str) -> Any:
        return open_folder(tmp_path / name, lambda: FORMAT.encoder(schema(), {}), "1h", "")

    meet(store, "out", folder("one"))
    meet(store, "out", folder("one"))
    with pytest.raises(OptionError, match="is not the folder that the other workers") as refused:
        meet(store, "out", folder("two"))
    assert "file system that they share" in (refused.value.hint or "")
    meet(store, "dead", folder("two"))


def test_workers_that_meet_at_once_know_one_mark(tmp_path: Path) -> None:
    store = DirectoryStore(str(tmp_path / "state"), shared=True)
    sink = open_folder(tmp_path / "out", lambda: FORMAT.encoder(schema(), {}), "1h", "")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            meet(store, "out", sink)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(list((tmp_path / "out").glob(".group-*"))) == 1
