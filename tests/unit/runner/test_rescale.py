"""Jobs of worker groups dealt anew among other numbers of partitions: what comes out is what one process makes of the same topic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.runner.rescaled import Job
from tests.unit.runner.test_stages import PIPELINES as OTHERS
from tests.unit.runner.test_stages import Make, plan_of, tumbling

import caudal as cd
from caudal.checkpoint import stock
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.store import StoreError
from caudal.core.errors import OptionError, RunError
from caudal.rewrite import rewrite
from caudal.runner.group import GroupWorker
from caudal.runner.rescaling import dealing
from caudal.runner.rescaling.rescale import Rescaled, Rescaling
from caudal.runner.savepoints import savepoint

pytestmark = pytest.mark.slow


@pytest.fixture
def new_job(tmp_path: Any) -> Iterator[Any]:
    jobs: list[Job] = []

    def make(pipeline: Make, many: int = 2, between: int = 0, seed: int = 1) -> Job:
        jobs.append(Job(tmp_path, pipeline, many, between, seed))
        return jobs[-1]

    yield make
    for job in jobs:
        for worker, thread in job.running.values():
            worker.stop()
            thread.join(60)


BY_IP: dict[str, Make] = {
    "tumbling": lambda s: tumbling(s, "ip", sum=cd.sum("n"), words=cd.count_distinct("word"), first=cd.first("n")),
    "hopping": lambda s: (
        s.group_by("ip").window(cd.hopping("200ms", every="50ms")).agg(n=cd.count(), last=cd.last("word"))
    ),
    "cumulative": lambda s: s.group_by("ip").window(cd.cumulative("400ms", every="100ms")).agg(n=cd.sum("n")),
    "sessions": lambda s: s.group_by("ip").window(cd.session("90ms")).agg(n=cd.count(), words=cd.collect("word")),
    "of rows": lambda s: s.group_by("ip").window(cd.rows(7, every=3)).agg(n=cd.sum("n"), words=cd.collect("word")),
    "once": lambda s: s.deduplicate(["ip", "n"], within="1s"),
    "lag": lambda s: s.group_by("ip").lag("t", into="before"),
    "lead": lambda s: s.group_by("ip").lead("word", within="200ms", into="after"),
    "averages": lambda s: s.group_by("ip").running(usual=cd.ewma("n", half_life="90ms")),
    "running": lambda s: (
        s.group_by("ip").window(cd.sliding("500ms")).agg(sum=cd.sum("n"), words=cd.count_distinct("word"))
    ),
    "so far": lambda s: s.group_by("ip").running(sum=cd.sum("n"), first=cd.first("word")),
    "top": lambda s: s.group_by("ip").window(cd.tumbling("300ms")).top(2, by="n"),
    "two levels": lambda s: tumbling(tumbling(s, "ip", "n", name="1"), "ip", sum=cd.sum("total"), name="2"),
    "late rows": lambda s: [(made := tumbling(s, "ip")), made.late()],
    "both": lambda s: [tumbling(s, "ip"), tumbling(s, "word", "n")],
    "behind": lambda s: tumbling(tumbling(s, "ip", n=cd.max("n"), name="1"), "n", name="2"),
}


@pytest.mark.parametrize("name", BY_IP)
def test_an_enlarged_topic(new_job: Any, name: str) -> None:
    job = new_job(BY_IP[name], many=2, between=2, seed=len(name))
    job.write(150)
    job.reads()
    job.write(30)
    job.enlarge(4)
    job.write(150)
    job.close()
    job.goes_on(job.rescale(4))
    job.ends()
    job.check()


KEYED = [name for name in OTHERS if name not in ("no key", "top", "behind one by partition")]


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("name", KEYED)
def test_repartition_topics_grow_and_shrink(new_job: Any, name: str, grows: bool) -> None:
    """Rows are in flight in the topics at the savepoint: what stands there goes by the partitions of then."""
    many = [(2, 5), (1, 3)][len(name) % 2]
    old, new = many if grows else reversed(many)
    job = new_job(OTHERS[name], many=3, between=old, seed=old * 10 + len(name))
    job.write(150)
    job.reads()
    job.write(150)
    job.close()
    job.goes_on(job.rescale(new))
    job.ends()
    job.check()


# -- what is refused, and what stays -------------------------------------------------------------------------------------


def ran(new_job: Any, pipeline: str = "tumbling", many: int = 2, between: int = 2) -> Job:
    """A job that two workers have begun and left."""
    job: Job = new_job({**OTHERS, **BY_IP}[pipeline], many, between)
    job.write(100)
    job.reads()
    return job


def ended(job: Job, made: Rescaled, place: str = "fresh") -> None:
    job.write(100)
    job.close()
    job.goes_on(made, place)
    job.ends()
    job.check()


def test_a_worker_that_starts_under_another_count_is_told_the_command(new_job: Any) -> None:
    job = ran(new_job)
    job.enlarge(4)
    with pytest.raises(OptionError, match="had 2 when the group began: its keys have moved") as refused:
        job.start("c")
    assert refused.value.hint == f"caudal rescale FILE {job.url} --partitions 4"
    ended(job, job.rescale(4))


def test_workers_end_when_the_topic_is_enlarged(new_job: Any) -> None:
    job = new_job(BY_IP["both"], 2, 2)
    job.write(50)
    job.start("a")
    with job.shared():
        job.until(lambda: job.through("t/0", "t/1"))
        job.enlarge(4)
        _, thread = job.running.pop("a")
        thread.join(60)
    (error,) = job.errors
    assert "has more partitions than when the group began" in str(error)
    assert f"caudal rescale FILE {job.url} --partitions N" in str(error.hint)  # type: ignore[attr-defined]
    job.errors.clear()
    ended(job, job.rescale(4))


@pytest.mark.parametrize("pipeline", ["tumbling", "both"])
def test_what_a_killed_worker_left_is_settled(new_job: Any, pipeline: str) -> None:
    job = new_job(BY_IP[pipeline], 2, 2)
    job.write(100)
    job.start("a")
    with job.shared():
        job.until(lambda: job.through("t/0", "t/1"))
    worker, thread = job.running.pop("a")
    job.group.expel("a")
    worker.kill(RunError("killed"))
    thread.join(60)
    job.errors.clear()
    job.write(20)
    job.enlarge(4)
    made = job.rescale(4)
    assert made.settled
    ended(job, made)


def test_a_job_that_runs_is_left_alone(new_job: Any) -> None:
    job = new_job(BY_IP["tumbling"], 2, 2)
    job.write(20)
    job.start("a")
    job.enlarge(4)
    with pytest.raises(OptionError, match="the worker 'a' of the job runs") as refused:
        job.rescale(4)
    assert f"caudal savepoint {job.url}" in refused.value.hint
    job.stop()


@pytest.mark.parametrize(
    ("pipeline", "partitions", "what"),
    [
        ("tumbling", 2, "the source has 4 partitions, not 2"),
        ("tumbling", 8, "the source has 4 partitions, not 8"),
        ("both", 129, "1 to 128 partitions, not 129"),
        ("both", 0, "one partition at least"),
    ],
)
def test_numbers_that_cannot_be(new_job: Any, pipeline: str, partitions: int, what: str) -> None:
    job = ran(new_job, pipeline)
    job.enlarge(4)
    with pytest.raises(OptionError, match=what):
        job.rescale(partitions)


def test_keys_that_would_come_from_several_partitions_are_refused(new_job: Any) -> None:
    job = ran(new_job)
    job.enlarge(3)
    with pytest.raises(OptionError, match="has 3 partitions, and had 2") as refused:
        job.rescale(3)
    assert "4, 6, 8" in refused.value.hint
    job.enlarge(6)
    ended(job, job.rescale(6))


def test_no_state_goes_by_partition(new_job: Any) -> None:
    """So any number will do."""
    job = ran(new_job, "other key")
    job.enlarge(5)
    ended(job, job.rescale(3))


def test_an_unknown_partitioner_is_refused(new_job: Any) -> None:
    job = ran(new_job)
    job.group.placed_by = {}
    job.enlarge(4)
    with pytest.raises(OptionError, match="unchecked=True takes it on trust"):
        job.rescale(4)


def test_what_has_not_changed_and_what_shrank(new_job: Any) -> None:
    job = ran(new_job)
    with pytest.raises(OptionError, match="nothing to rescale"):
        job.rescale(2)
    del job.parts["t/1"]
    with pytest.raises(OptionError, match="has 1 partitions, and had 2: topics cannot shrink"):
        job.rescale(1)


@pytest.mark.parametrize("pipeline", ["hopping", "both", "behind"])
def test_a_pipeline_that_changed_is_refused(new_job: Any, pipeline: str) -> None:
    job = ran(new_job)
    job.enlarge(4)
    kept = job.plan, job.physical
    job.plan = plan_of(BY_IP[pipeline])
    job.physical = rewrite(job.plan)
    with pytest.raises(OptionError, match="the pipeline has changed since"):
        job.rescale(4)
    job.plan, job.physical = kept
    ended(job, job.rescale(4))


def test_a_rescale_that_breaks_off_leaves_all_as_it_was(new_job: Any, monkeypatch: Any) -> None:
    job = ran(new_job, "both")

    def full(*_: Any) -> None:
        raise StoreError("the disk is full")

    for broken, name in ((GroupWorker, "drain"), (dealing, "write")):
        with monkeypatch.context() as patched:
            patched.setattr(broken, name, full)
            with pytest.raises(StoreError):
                job.rescale(5)
    between, job.between = job.between, 2
    job.ends()  # the old job goes on
    job.between = between
    assert not stock.verify(DirectoryStore(job.url, shared=True)).damaged
    ended(job, job.rescale(5))


def test_a_job_that_does_not_come_to_rest_may_be_dealt_later(new_job: Any) -> None:
    job = ran(new_job, "both")
    with pytest.raises(RunError, match="has not come to rest within 0 s"):  # nobody gives it partitions
        Rescaling(job.plan, job.physical, job.url, job.join, 0.0).run(5)
    ended(job, job.rescale(5))


def test_a_savepoint_is_dealt_again_and_begun_once(new_job: Any) -> None:
    job = ran(new_job, "both")
    first = job.rescale(5)
    old, second = job.url, job.rescale(3, first.where)
    assert not second.settled
    job.goes_on(second)
    job.start("a")
    job.goes_on(second, "another")
    with pytest.raises(OptionError, match="was begun from already"):
        job.start("b")
    job.goes_on(second)
    job.stop()
    job.write(50)
    job.close()
    job.ends()
    job.check()
    assert job.url != old


def test_a_savepoint_whose_rows_were_read_on_is_refused(new_job: Any) -> None:
    job = ran(new_job, "both")
    kept = savepoint(job.url)
    job.ends()
    with pytest.raises(OptionError, match="cannot be dealt as it is, and the job has gone on since"):
        job.rescale(5, kept.where)
    ended(job, job.rescale(5))


def test_a_place_without_a_group(new_job: Any, tmp_path: Any) -> None:
    job = new_job(BY_IP["tumbling"], 2, 2)
    with pytest.raises(OptionError):
        job.rescale(4, str(tmp_path / "nowhere"))
    alone = DirectoryStore(str(tmp_path / "alone"))
    alone.create("job/000000000001.json", b"{}")
    alone.close()
    with pytest.raises(OptionError, match="no checkpoints of a group of workers"):
        job.rescale(4, str(tmp_path / "alone"))


def test_the_old_job_does_not_go_on_behind_the_new_one(new_job: Any) -> None:
    """Its group has moved on: what it has is not what the group says."""
    job = ran(new_job)
    old = job.url
    job.enlarge(4)
    made = job.rescale(4)
    ended(job, made)
    job.url, job.restore, job.between = old, "", 0
    with pytest.raises(OptionError, match="its keys have moved"):
        job.start("x")
