"""Savepoints of a group: made while all shards rest, and gone on from in a fresh place, where each row still counts once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.runner.test_group import PARTITIONS, WAIT, Fixture, pipeline

from caudal.checkpoint import stock
from caudal.checkpoint.directory import DirectoryStore
from caudal.core.errors import OptionError, RunError
from caudal.engines.local import ENGINE
from caudal.formats.json import FORMAT
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource, Tuning
from caudal.rewrite import rewrite
from caudal.runner.binding import Joined
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.group import GroupWorker
from caudal.runner.group_savepoints import named
from caudal.runner.grouping import Grouping
from caudal.runner.rests import at_rest
from caudal.runner.savepoints import savepoint
from caudal.runner.stages import Stages
from caudal.testing.fakes.broker import BrokerSink


class Job(Fixture):
    """Workers that agree through their store, as those of `caudal run` do."""

    restore = ""
    partitions = 2

    def begins(self, url: str, restore: str) -> None:
        """Go on in another place."""
        self.url, self.restore = url, restore

    def start(self, name: str, every: int = 10) -> GroupWorker:
        plan = self.plan()
        physical = rewrite(plan)
        (source,) = physical.sources
        (sink,) = physical.sinks
        how = Checkpointing(self.url, every, restore=self.restore, group="g", worker=name, partitions=self.partitions)
        grouping = Grouping(how, plan, Stages(physical), named(self.restore) if self.restore else None)
        try:
            reader = FORMAT.reader(source.readable, frozenset(source.declared.names), dict(FORMAT.reader_options))
            bound = BoundSource(Joined(self.group.join(name)), reader)
            tuning = Tuning(threads=2, extra={"read_bytes": 200, "idle_poll": 0.001})
            worker = grouping.worker({source.name: bound}, {sink.name: self.sink()}, ENGINE, tuning)
        except BaseException:
            grouping.close()
            raise
        self.armed(worker)
        thread = threading.Thread(target=self._ends, args=(worker,))
        thread.start()
        self.running[name] = worker, thread
        return worker

    def plan(self) -> Plan:
        return pipeline(self.key)

    def sink(self) -> Any:
        return BrokerSink(self.broker, "out")

    def armed(self, worker: GroupWorker) -> None:
        """It is about to run."""

    def _ends(self, worker: GroupWorker) -> None:
        self._run(worker)
        worker.close()

    def give(self, *names: str) -> None:
        """Share all that nobody has among workers."""
        with self.group.lock:
            for number, partition in enumerate(each for each in self.names if each not in self.group.owners):
                self.group.give(names[number % len(names)], partition)

    def reads(self, most: int = 3) -> None:
        """Wait until something was committed of most partitions, and not all was read."""
        self.until(lambda: sum(stand.offset > 0 for stand in self.group.stands.values()) >= most)

    def rests(self) -> Mapping[str, Any]:
        """Return which shards rest."""
        shards = [*map(str, range(PARTITIONS)), *([f"sums.{i}" for i in range(2)] if self.key == "n" else [])]
        return at_rest(DirectoryStore(self.url, shared=True), shards)

    def ended(self, name: str) -> None:
        """Wait for a worker that ends by itself."""
        _, thread = self.running.pop(name)
        thread.join(WAIT)
        assert not thread.is_alive()


@pytest.fixture
def made(tmp_path: Any) -> Iterator[Any]:
    jobs: list[Job] = []

    def make(rows: int = 3000, key: str = "ip") -> Job:
        jobs.append(Job(tmp_path, rows, key))
        return jobs[-1]

    yield make
    for job in jobs:
        for name in list(job.running):
            job.kill(name)


def drained(job: Job) -> None:
    """Two workers read the first half and drain; what came by one repartition partition waits in it."""
    whole = job.group.partitions
    job.group.partitions = {name: messages[: len(messages) // 2] for name, messages in whole.items()}
    job.start("a", 5)
    job.start("b", 5)
    waiting = [name for name in job.names if name.endswith("sums/1")]
    for name in waiting:
        job.group.give("a", name)
        job.until(lambda: name in job.group.stands)  # noqa: B023
        job.group.take(name)
        job.until(lambda: job.free(name))  # noqa: B023
    for name in job.names:
        if name not in waiting:
            job.group.give("a" if name.endswith("0") else "b", name)
    ends = {name: messages[-1].offset + 1 for name, messages in job.group.partitions.items()}
    job.until(lambda: all(name in job.group.stands and job.group.stands[name].offset >= ends[name] for name in ends))
    job.stop("a")
    job.stop("b")
    assert all(job.broker.rows[name] and not job.group.stands[name].offset for name in waiting)
    job.group.partitions = whole


@pytest.mark.parametrize("key", ["ip", "n"])
@pytest.mark.parametrize("again", [False, True])
def test_a_group_goes_on_from_a_savepoint_in_a_fresh_place(made: Any, tmp_path: Any, key: str, again: bool) -> None:
    job = made(3000, key)
    drained(job)
    kept = savepoint(job.url)
    assert not kept.asked
    if again:  # under a group that knows nothing
        job.group.stands.clear()
    job.begins(str(tmp_path / "fresh"), kept.where)
    job.start("c")
    job.start("d")
    job.give("c", "d")
    job.until(job.through)
    job.stop("c")
    job.stop("d")
    job.check()


@pytest.mark.parametrize("key", ["ip", "n"])
def test_workers_that_run_end_behind_a_savepoint(made: Any, tmp_path: Any, key: str) -> None:
    job = made(3000, key)
    job.start("a", 5)
    job.start("b", 5)
    job.give("a", "b")
    job.reads(1)
    kept = savepoint(job.url, timeout=WAIT)
    assert (kept.asked, kept.stopped) == (True, True)
    job.ended("a")
    job.ended("b")
    assert all(job.rests().values())
    job.begins(str(tmp_path / "fresh"), kept.where.partition("@")[0])
    job.start("c")
    job.give("c")
    job.until(job.through)
    job.stop("c")
    job.check()


def test_a_worker_that_was_killed_leaves_no_savepoint(made: Any) -> None:
    job = made()
    job.start("a", 5)
    job.give("a")
    job.reads()
    job.kill("a")
    assert not any(job.rests().values())
    with pytest.raises(RunError, match="not all shards of the group"):
        savepoint(job.url, timeout=0.0)
    with pytest.raises(OptionError, match="made while its workers rest"):
        savepoint(job.url, stop=False)
    job.start("b")
    job.give("b")
    job.until(job.through)
    job.stop("b")
    assert all(job.rests().values())
    job.check()


def test_a_note_of_an_old_mark_says_nothing(made: Any) -> None:
    job = made()
    drained(job)
    store = DirectoryStore(job.url, shared=True)
    late = store.read("0/rests")
    job.start("c")
    job.give("c")
    job.until(job.through)
    store.replace("0/rests", late)
    assert job.rests()["0"] is None
    job.stop("c")
    assert job.rests()["0"] is not None
    job.check()


def test_what_a_savepoint_keeps_stays_while_the_group_goes_on(made: Any, tmp_path: Any) -> None:
    job = made()
    drained(job)
    kept = savepoint(job.url)
    job.start("c", 5)
    job.give("c")
    job.until(job.through)
    job.stop("c")
    store = DirectoryStore(job.url, shared=True)
    assert not stock.verify(store).damaged
    found = named(kept.where)
    assert found is not None
    assert all(found.manifest(shard, lambda _: "in") for shard in found.shards)
    job.begins(str(tmp_path / "fresh"), kept.where)
    job.start("d")
    job.give("d")
    job.ended("d")
    assert [str(error) for error in job.errors if "does not stand any more where the savepoint" in str(error)]
    job.errors.clear()
    stock.collect(store, savepoints=True)
    with pytest.raises(OptionError, match="there is no savepoint"):
        named(kept.where)
    job.check()


def test_a_job_whose_topics_were_taken_over_does_not_go_on(made: Any, tmp_path: Any) -> None:
    job = made(3000, "n")
    drained(job)
    old, kept = job.url, savepoint(job.url)
    job.begins(str(tmp_path / "fresh"), kept.where)
    job.start("c")
    job.begins(old, "")
    with pytest.raises(RunError, match="was taken over"):
        job.start("d")
    with pytest.raises(OptionError, match="was taken over"):
        savepoint(old)
    job.begins(str(tmp_path / "another"), kept.where)
    with pytest.raises(OptionError, match="was taken over"):
        job.start("e")
    job.begins(str(tmp_path / "fresh"), kept.where)
    job.start("f")
    job.give("c", "f")
    job.until(job.through)
    job.stop("c")
    job.stop("f")
    job.check()


def test_a_savepoint_is_of_no_use_once_its_topics_were_read_on(made: Any, tmp_path: Any) -> None:
    job = made(3000, "n")
    drained(job)
    old, kept = job.url, savepoint(job.url)
    job.start("c")
    job.give("c")
    job.until(job.through)
    job.stop("c")
    job.begins(str(tmp_path / "fresh"), kept.where)
    with pytest.raises(OptionError, match="has gone on since its savepoint"):
        job.start("d")
    job.begins(old, "")
    job.start("e")
    job.check()


def test_what_does_not_go_with_a_savepoint_is_refused(made: Any, tmp_path: Any) -> None:
    job = made(3000, "n")
    drained(job)
    kept = savepoint(job.url)
    job.begins(job.url, kept.where)
    with pytest.raises(OptionError, match="holds checkpoints already"):
        job.start("c")
    job.begins(str(tmp_path / "fresh"), kept.where)
    job.partitions = 3
    with pytest.raises(OptionError, match="have changed since the savepoint"):
        job.start("c")
    job.partitions = 2
    whole = job.plan
    job.plan = lambda: replace(whole(), name="another")
    with pytest.raises(OptionError, match="is of the pipeline 'p'"):
        job.start("c")
    job.plan = whole
    job.start("c")
    job.begins(str(tmp_path / "fresh"), "")
    with pytest.raises(OptionError, match="with the same --restore"):
        job.start("d")
