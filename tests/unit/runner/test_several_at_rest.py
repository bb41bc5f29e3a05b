"""Jobs over several sources that rest: savepoints, other numbers of partitions, and pipelines whose sources have changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.runner.rescaled import Job
from tests.unit.runner.test_stages import tumbling
from tests.unit.runner.test_stages_of_several import GO_TOGETHER, PIPELINES, READS, Make, joined, plan_of

import caudal as cd
from caudal.checkpoint.directory import DirectoryStore
from caudal.core.errors import OptionError
from caudal.plan.plan import Plan
from caudal.runner.agreement import agreed, shards_of
from caudal.runner.savepoints import savepoint

pytestmark = pytest.mark.slow


class Several(Job):
    """Rows of two sources, the second of which has two topics."""

    of = READS

    def made(self, make: Any) -> Plan:
        return plan_of(make)


@pytest.fixture
def new_job(tmp_path: Any) -> Iterator[Any]:
    jobs: list[Several] = []

    def make(pipeline: Make, many: int = 2, between: int = 3, seed: int = 1) -> Several:
        jobs.append(Several(tmp_path, pipeline, many, between, seed))
        return jobs[-1]

    yield make
    for job in jobs:
        for worker, thread in job.running.values():
            worker.stop()
            thread.join(60)


BOTH: Make = lambda a, b: [tumbling(a, "ip"), joined(a, b, "full"), tumbling(b, "ip", sum=cd.sum("n"))]  # noqa: E731


def ran(new_job: Any, pipeline: Make = BOTH) -> Several:
    job: Several = new_job(pipeline)
    job.write(200)
    job.reads()
    return job


@pytest.mark.parametrize("name", ["full", "settings", "a pattern behind a union"])
def test_another_group_begins_from_a_savepoint(new_job: Any, name: str) -> None:
    job = ran(new_job, PIPELINES[name])
    made = savepoint(job.url)
    job.write(200)
    job.close()
    job.url, job.restore, job.between = str(job.folder / "fresh"), made.where, 0
    job.ends()
    job.check()


def test_the_topic_of_one_source_is_enlarged(new_job: Any) -> None:
    """State by its partitions is dealt; that of the other source stays, and rows in the topic between are read before."""
    job = ran(new_job)
    job.write(40)
    job.enlarge(4)
    job.write(200)
    job.close()
    with pytest.raises(OptionError, match="the topic 't' has 4 partitions, and had 2"):
        job.start("a")
    made = job.rescale(5)
    assert made.counts == {"t": 4, "u": 2, "v": 2}
    job.goes_on(made)
    job.ends()
    job.check()


def test_the_topics_of_a_source_grow_alike(new_job: Any) -> None:
    job = ran(new_job)
    job.enlarge(4, "u")
    with pytest.raises(OptionError, match="exact are multiples, the same for all topics"):
        job.rescale(3)
    job.enlarge(4, "v")
    job.write(200)
    job.close()
    job.goes_on(job.rescale(3))
    job.ends()
    job.check()


def test_topics_that_go_together_grow_alike(new_job: Any) -> None:
    job = ran(new_job, GO_TOGETHER["full"])
    assert not job.stages.topics
    job.enlarge(4)
    with pytest.raises(OptionError, match="exact are multiples, the same for all topics"):
        job.rescale(4)
    job.write(40, 2)
    job.enlarge(4, "u")
    job.enlarge(4, "v")
    job.write(200)
    job.close()
    job.goes_on(job.rescale(4))
    job.ends()
    job.check()
    assert not job.stages.topics


def test_a_group_goes_on_as_it_began(new_job: Any) -> None:
    """Topics that have as many partitions by now go on behind a topic: what is kept is kept so."""
    job = new_job(GO_TOGETHER["full"])
    for topic in ("u", "v"):
        job.enlarge(4, topic)
    job.write(200)
    job.reads()
    assert len(job.stages.topics) == 1
    job.enlarge(4)
    job.write(200)
    job.close()
    job.goes_on(job.rescale(2))
    job.ends()
    job.check()
    assert len(job.stages.topics) == 1


def test_a_pipeline_whose_sources_read_others_topics_is_refused(new_job: Any) -> None:
    job = ran(new_job)
    known = agreed(DirectoryStore(job.url, shared=True))
    assert known is not None
    assert known["sources"] == {"in": {"in": ["t"]}, "other": {"other": ["u", "v"]}}
    assert {shard.rpartition(".")[0] for shard in shards_of(known)} == {"in", "other", *known["between"]}
    job.group.sources = {"in": ("u", "v"), "other": ("t",)}
    with pytest.raises(OptionError, match="the sources of this pipeline have changed since the group began"):
        job.start("a")
