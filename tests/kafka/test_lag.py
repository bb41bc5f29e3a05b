"""How far behind a job over a topic is: judged by what the plain client says of the topic."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from grouped import until
from produced import live, produce, source, transactions

import caudal as cd
from caudal.broker import Broker
from caudal.connectors.kafka.partitioners import partition_of
from caudal.observe.lag import PartitionLag
from caudal.observe.summary import Progress

pytestmark = pytest.mark.kafka
NewTopic = Callable[..., str]
READERS = ["blocks", "objects"]


def line(n: int) -> bytes:
    return json.dumps({"n": n}).encode()


def end_of(broker: Broker, topic: str, partition: int = 0) -> int:
    """Return the end of a partition as the plain client knows it."""
    asking = Consumer({"bootstrap.servers": broker.address, "group.id": "asks"})
    try:
        return asking.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)[1]
    finally:
        asking.close()


def lags(progress: Progress) -> dict[str, PartitionLag]:
    return {lag.partition: lag for lag in progress.lags}


@pytest.mark.parametrize("reader", READERS)
def test_a_transactional_topic_that_was_read_to_its_end_has_no_lag(
    broker: Broker, new_topic: NewTopic, reader: str
) -> None:
    topic = new_topic(broker, 2)
    transactions(broker, topic, [("commit", [line(n) for n in range(5)]), ("abort", [line(9), line(9)])], partition=0)
    # five rows, two that were aborted, and two control records
    until(lambda: end_of(broker, topic) == 9)
    with live(source(broker, topic, until=None, reader=reader)) as (job, seen):
        until(lambda: len(seen) == 5)
        until(
            lambda: {name: lag.lag for name, lag in lags(job.progress()).items()} == {f"{topic}/0": 0, f"{topic}/1": 0}
        )
        found = lags(job.progress())
        assert (found[f"{topic}/0"].position, found[f"{topic}/0"].end, found[f"{topic}/0"].rows) == (9, 9, 5)
        assert found[f"{topic}/0"].rate > 0
        assert found[f"{topic}/1"].rate == 0
        transactions(broker, topic, [("abort", [line(7)])], partition=1)
        until(lambda: (lags(job.progress())[f"{topic}/1"].position, lags(job.progress())[f"{topic}/1"].lag) == (2, 0))


def test_a_broker_that_is_away_makes_the_lag_unknown_and_ends_nothing(own_broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(own_broker)
    produce(own_broker, topic, [line(1)])
    with live(source(own_broker, topic, until=None)) as (job, seen):
        until(lambda: [lag.lag for lag in job.progress().lags] == [0])
        own_broker.freeze()
        until(lambda: [lag.end for lag in job.progress().lags] == [None])
        assert [lag.position for lag in job.progress().lags] == [1]
        own_broker.thaw()
        until(lambda: [lag.lag for lag in job.progress().lags] == [0])
        produce(own_broker, topic, [line(2)])
        until(lambda: len(seen) == 2)


def test_a_bounded_source_has_what_is_left_to_its_end_as_lag(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    produce(broker, topic, [line(n) for n in range(10)])
    summary = cd.run(cd.Pipeline("p", source(broker, topic, until={0: 7}).to("memory", into=[])), dead="discard")
    assert [(lag.partition, lag.position, lag.end, lag.lag, lag.rows) for lag in summary.lags] == [
        (f"{topic}/0", 7, 7, 0, 7)
    ]


PIPELINE = """
import caudal as cd

rows = cd.source("kafka", topic={topic!r}, servers={servers!r}, format="json", schema={{"k": "string", "n": "int64"}},
                 partitioned_by="k", name="in")
out = rows.filter(cd.col("n") >= 0)
pipeline = cd.Pipeline({topic!r}, out.to("kafka", topic={target!r}, servers={servers!r}, name="out"))
"""


def test_a_worker_tells_the_lag_of_its_partitions_and_the_group_stands_behind_control_records(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic, target = new_topic(broker, 2), new_topic(broker)
    text = PIPELINE.format(topic=topic, target=target, servers=broker.address)
    (tmp_path / "p.py").write_text(text)
    sent = [json.dumps({"k": "b", "n": n}).encode() for n in range(20)]
    transactions(broker, topic, [("commit", sent)], key=b"b", partition=partition_of("murmur2", b"b", 2))
    until(lambda: sum(end_of(broker, topic, number) for number in range(2)) == 21)
    ends = [end_of(broker, topic, number) for number in range(2)]
    command = [sys.executable, "-m", "caudal", "run", "p.py", "--checkpoint", "state", "--every", "100ms", "--json"]
    worker = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    asking = Consumer({"bootstrap.servers": broker.address, "group.id": f"caudal.{topic}"})
    parts = [TopicPartition(topic, number) for number in range(2)]

    def committed() -> list[int]:
        try:
            return [each.offset for each in asking.committed(parts, 10)]
        except KafkaException:  # the coordinator is about to be there
            return []

    try:
        until(lambda: worker.poll() is not None or committed() == ends)
    finally:
        worker.send_signal(signal.SIGTERM)
        said, errors = worker.communicate(timeout=60)
        asking.close()
    assert worker.returncode == 0, errors
    told: list[dict[str, Any]] = json.loads(said)["partitions"]
    assert sorted((each["partition"], each["position"], each["end"], each["lag"], each["rows"]) for each in told) == [
        (f"{topic}/{number}", end, end, 0, 20 if end else 0) for number, end in enumerate(ends)
    ]
    assert os.path.isdir(tmp_path / "state")
