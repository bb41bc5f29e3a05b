"""Topics as sources, on a real broker: which records come, where reading begins and ends, what stands in its way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from produced import live, numbers, produce, rows, source, transactions

import caudal as cd
from caudal.broker import Broker
from caudal.cli import main
from caudal.connectors.kafka import CONNECTOR
from caudal.connectors.kafka.partitioners import partition_of
from caudal.core.errors import InputError, RunError
from caudal.core.types import Schema
from caudal.ports.records import Block
from caudal.ports.source import End, Nothing

pytestmark = pytest.mark.kafka
READERS = ["blocks", "objects"]
_PAUSE = threading.Event()
NewTopic = Callable[..., str]


def line(n: int) -> bytes:
    return json.dumps({"n": n}).encode()


def until(done: Callable[[], object], seconds: float = 60) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it does not happen"
        _PAUSE.wait(0.01)


def opened(broker: Broker, topic: str, **given: Any) -> Any:
    options = {**CONNECTOR.source_options, "topic": topic, "servers": broker.address, **given}
    return CONNECTOR.source(options, None, Schema.of({"n": "int64"}))


def first_block(partition: Any) -> Block:
    deadline = time.monotonic() + 30
    while not isinstance(got := partition.read(1 << 20), Block):
        assert time.monotonic() < deadline
        assert isinstance(got, Nothing)
    return got


@pytest.mark.parametrize("reader", READERS)
def test_what_is_committed_comes_once_and_a_bounded_run_ends_behind_control_records(
    broker: Broker, new_topic: NewTopic, reader: str
) -> None:
    topic = new_topic(broker)
    parts = [
        ("commit", [line(n) for n in range(5)]),
        ("abort", [line(100)]),
        ("commit", [line(5)]),
        ("abort", [line(101)]),
    ]
    transactions(broker, topic, parts)
    stream = source(broker, topic, reader=reader, metadata={"at": "offset"})
    assert [(row["n"], row["at"]) for row in rows(stream)] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 8)]
    bounded = opened(broker, topic, until="latest", reader=reader)
    (partition,) = bounded.partitions()
    got: list[Any] = []
    until(lambda: isinstance(got.append(partition.read(1 << 20)) or got[-1], End))
    assert [block.end for block in got if isinstance(block, Block)][-1] == partition.position == 12
    bounded.close()


@pytest.mark.parametrize("reader", READERS)
def test_both_readers_give_equal_blocks(broker: Broker, new_topic: NewTopic, reader: str) -> None:
    topic = new_topic(broker, max_message_bytes="3000000")
    sent = [
        {"value": b'{"n": 1}', "key": b"a", "headers": [("h", b"1"), ("h", b"2"), ("x", None)], "timestamp": 5_000},
        {"value": None, "key": b"\xff\xfe"},
        {"value": b"", "key": b""},
        {"value": b"two\nlines\n"},
        {"value": b"x" * 2_000_000, "key": b"long"},
        {"value": "\u00e9".encode(), "headers": {"tr\u00e4ce": b"\xff"}},
    ]
    produce(broker, topic, sent, partition=0)
    beside = {
        "key": "key",
        "at": "timestamp",
        "headers": "headers",
        "h": "header:h",
        "topic": "topic",
        "part": "partition",
    }
    given = opened(broker, topic, until="latest", reader=reader, metadata=beside)
    (partition,) = given.partitions()
    blocks: list[Block] = []
    while not isinstance(got := partition.read(1 << 24), End):
        blocks += [got] if isinstance(got, Block) else []
    assert given._consuming.in_blocks == (reader == "blocks")
    messages = [block.messages for block in blocks if block.messages is not None]
    assert b"".join(block.data[block.start : block.stop].tobytes() for block in blocks) == (
        b'{"n": 1}\n\n\ntwo\nlines\n\n\xc3\xa9\n'
    )
    assert [offset for each in messages for offset in each.offset.tolist()] == [0, 1, 2, 3, 5]
    payloads = [
        block.record(offset, 100)
        for block, each in zip(blocks, messages, strict=True)
        for offset in each.offset.tolist()
    ]
    assert payloads == [b'{"n": 1}', b"", b"", b"two\nlines\n", b"\xc3\xa9"]
    nulls = [False if each.null is None else bool(each.null[i]) for each in messages for i in range(len(each.offset))]
    assert nulls == [False, True, False, False, False]
    assert messages[0].stamp is not None
    assert messages[0].stamp[0] == 5000
    columns = {name: [v for each in messages for v in each.columns[name].to_list()] for name in beside}
    assert columns["key"] == ["a", "\\xff\\xfe", "", None, None]
    assert columns["at"][0] == 5000
    assert columns["h"] == ["2", None, None, None, None]
    assert columns["topic"] == [topic] * 5
    assert columns["part"] == [0] * 5
    assert columns["headers"][0] == [
        {"name": "h", "value": b"1"},
        {"name": "h", "value": b"2"},
        {"name": "x", "value": None},
    ]
    assert columns["headers"][4] == [{"name": "tr\u00e4ce", "value": b"\xff"}]
    (dead,) = [letter for block in blocks for letter in block.dead]
    assert (dead.position, dead.reason, dead.truncated, len(dead.payload)) == (4, "too_long", True, 4096)
    given.close()


def test_bad_payloads_and_tombstones_are_dead_letters_with_topic_partition_and_offset(
    broker: Broker, new_topic: NewTopic, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    topic = new_topic(broker, 2)
    produce(broker, topic, [line(1), b"{bad\nline", None, line(2)], partition=1)
    plan = cd.Pipeline("p", source(broker, topic).to("files", path="out.jsonl"))
    summary = cd.run(plan)
    letters = [json.loads(each) for each in Path("out.dead.jsonl").read_text().splitlines()]
    assert [(each["partition"], each["position"], each["reason"]) for each in letters] == [
        (f"{topic}/1", 1, "syntax"),
        (f"{topic}/1", 2, "empty"),
    ]
    assert letters[0]["payload"] == "{bad\nline"
    assert (summary.rows, summary.dead) == (4, 2)


@pytest.mark.parametrize("reader", READERS)
def test_reading_begins_and_ends_where_it_is_told_to(broker: Broker, new_topic: NewTopic, reader: str) -> None:
    topic = new_topic(broker, 2)
    for part in range(2):
        produce(
            broker,
            topic,
            [{"value": line(10 * part + n), "timestamp": 1000 * (n + 1)} for n in range(6)],
            partition=part,
        )

    def read(**given: Any) -> list[int]:
        return sorted(numbers(source(broker, topic, reader=reader, **given)))

    every = [*range(6), *range(10, 16)]
    assert read() == every
    assert read(start="latest") == []
    assert read(start="1970-01-01T00:00:04Z") == [3, 4, 5, 13, 14, 15]
    assert read(start="1970-01-01T00:00:03.500+00:00", until="1970-01-01T00:00:06Z") == [3, 4, 13, 14]
    assert read(start={0: 4}) == [4, 5, *range(10, 16)]
    assert read(start={f"{topic}/0": 6, f"{topic}/1": 1}, until={1: 3}) == [11, 12]
    assert read(until={0: 0, 1: 1}) == [10]
    assert read(until="earliest") == []
    with pytest.raises(InputError, match=f"{topic}/0 has no offset 7"):
        read(start={0: 7})
    for given in ({"start": {7: 3}}, {"until": {f"{topic}/7": 3}}):
        with pytest.raises(InputError, match="7, of which an offset is given"):
            read(**given)


@pytest.mark.parametrize("reader", READERS)
def test_offsets_may_have_gaps_and_reading_seeks_among_them(broker: Broker, new_topic: NewTopic, reader: str) -> None:
    topic = new_topic(broker)
    transactions(broker, topic, [(("commit", "abort")[n % 2], [line(n)]) for n in range(40)])
    given = opened(broker, topic, until="latest", reader=reader)
    (partition,) = given.partitions()

    def rest() -> list[int]:
        found: list[int] = []
        while not isinstance(got := partition.read(200), End):
            if isinstance(got, Block):
                assert got.messages is not None
                found += got.messages.offset.tolist()
                assert got.end > found[-1]
        return found

    every = [4 * n for n in range(20)]
    assert rest() == every
    given.close()
    for at in (0, 1, 4, 5, 30, 76, 77, 80):
        given = opened(broker, topic, until="latest", reader=reader)
        (partition,) = given.partitions()
        assert isinstance(first_block(partition), Block)
        partition.seek(at)
        assert rest() == [offset for offset in every if offset >= at], at
        with pytest.raises(InputError, match="has no offset 81"):
            partition.seek(81)
        given.close()


def test_what_compaction_has_taken_out_is_a_gap(broker: Broker, new_topic: NewTopic) -> None:
    settings = {
        "cleanup_policy": "compact",
        "segment_ms": "100",
        "min_cleanable_dirty_ratio": "0.01",
        "delete_retention_ms": "100",
    }
    topic = new_topic(broker, **settings)
    produce(broker, topic, [{"value": line(n), "key": b"k%d" % (n % 3)} for n in range(50)])
    deadline = time.monotonic() + 90
    while len(found := numbers(source(broker, topic))) >= 50:
        assert time.monotonic() < deadline, "nothing is compacted"
        produce(broker, topic, [{"value": line(999), "key": b"last"}])  # so that another segment begins
    assert found[-1] in (49, 999)


def test_a_topic_that_is_compacted_away_under_a_job_or_deleted_is_an_error(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    produce(broker, topic, [line(n) for n in range(10)], partition=0)
    given = opened(broker, topic)
    (partition,) = given.partitions()
    AdminClient({"bootstrap.servers": broker.address})  # keeps the broker's metadata of its own
    delete_before(broker, topic, 8)
    with pytest.raises(InputError, match=f"{topic}/0 has no offset 3 any more"):
        partition.seek(3)
    with pytest.raises(RunError, match=f"{topic}/0 has no offset 0 any more"):
        until(lambda: isinstance(partition.read(1000), Block))
    given.close()


def delete_before(broker: Broker, topic: str, offset: int) -> None:
    from confluent_kafka import TopicPartition

    admin = AdminClient({"bootstrap.servers": broker.address})
    (done,) = admin.delete_records([TopicPartition(topic, 0, offset)]).values()
    done.result(30)


def test_topics_by_list_and_by_pattern(broker: Broker, new_topic: NewTopic) -> None:
    base = new_topic(broker)
    names = [new_topic(broker, name=f"{base}-{n}") for n in (2, 10)]
    for n, name in enumerate(names):
        produce(broker, name, [line(n)])
    by_list = source(broker, "", topics=names, metadata={"topic": "topic"})
    assert sorted((row["topic"], row["n"]) for row in rows(by_list)) == sorted(
        (name, n) for n, name in enumerate(names)
    )
    assert sorted(numbers(source(broker, "", pattern=f"{base}-.*"))) == [0, 1]
    given = opened(broker, "", pattern=f"{base}-.*", until="latest")
    assert [partition.name for partition in given.partitions()] == [f"{base}-2/0", f"{base}-10/0"]
    given.close()
    with pytest.raises(InputError, match="no topic matches"):
        opened(broker, "", pattern="no-such-.*")


def test_what_is_not_there_is_told_before_the_start(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    began = time.monotonic()
    with pytest.raises(InputError) as caught:
        opened(broker, topic + "x")
    assert f"there is no topic '{topic}x'" in str(caught.value)
    assert topic in caught.value.hint
    with pytest.raises(InputError) as caught:
        CONNECTOR.source(
            {**CONNECTOR.source_options, "topic": topic, "servers": "127.0.0.1:9"}, None, Schema.of({"n": "int64"})
        )
    assert "no broker answers at 127.0.0.1:9" in str(caught.value)
    assert time.monotonic() - began < 30
    names = AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=10).topics
    assert topic + "x" not in names


@pytest.mark.parametrize("shared", [False, True])
def test_a_job_that_would_read_what_it_writes_is_refused(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, shared: bool
) -> None:
    topic, other = new_topic(broker), new_topic(broker)
    options: dict[str, Any] = {"servers": broker.address, "format": "json", "schema": {"n": "int64"}}

    def run(given: dict[str, Any], target: str, **how: Any) -> None:
        read = cd.source("kafka", **given, **options, **({"partitioned_by": "n"} if shared else {}))
        written = read.to("kafka", topic=target, servers=broker.address)
        cd.run(cd.Pipeline("p", written), **how, **({"checkpoint": str(tmp_path / "state")} if shared else {}))

    with pytest.raises(InputError, match=f"would write to what is read: kafka://.*/{topic}"):
        run({"topic": topic}, topic, late="discard", dead="discard")
    if not shared:
        with pytest.raises(InputError, match=f"/{other}") as refused:  # one that the pattern would find
            run({"pattern": f"{topic}|{other}"}, other, late="discard", dead="discard")
        assert "a pattern that does not match it" in refused.value.hint
        run({"topic": topic, "until": "latest"}, topic, late="discard", dead="discard")


def test_records_are_held_to_the_partitioner_that_the_pipeline_relies_on(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker, 3)
    ips = [f"192.0.2.{n}" for n in range(30)]
    sent = [{"value": json.dumps({"n": n, "ip": ip}).encode(), "key": ip.encode()} for n, ip in enumerate(ips)]
    for message in sent:
        produce(broker, topic, [message], partition=partition_of("murmur2", message["key"], 3))
    given = {"schema": {"n": "int64", "ip": "string"}, "partitioned_by": "ip"}
    assert sorted(row["n"] for row in rows(source(broker, topic, **given).select("n"))) == list(range(30))
    with pytest.raises(RunError, match="is of partition"):
        rows(source(broker, topic, **given, partitioner="crc32"))
    wrong = (partition_of("murmur2", b"10.0.0.1", 3) + 1) % 3
    produce(broker, topic, [json.dumps({"n": 99, "ip": "10.0.0.1"}).encode()], partition=wrong)
    with pytest.raises(RunError, match=rf"offset \d+ of {topic}/{wrong} is of partition"):
        rows(source(broker, topic, **given).select("n"))
    assert len(rows(source(broker, topic, **given, unchecked=True))) == 31


@pytest.mark.parametrize("reader", READERS)
def test_a_live_job_reads_what_comes_and_partitions_that_come(broker: Broker, new_topic: NewTopic, reader: str) -> None:
    from confluent_kafka.admin import NewPartitions

    topic = new_topic(broker)
    produce(broker, topic, [line(0)])
    with live(source(broker, topic, until=None, reader=reader)) as (_, seen):
        until(lambda: len(seen) == 1)
        produce(broker, topic, [line(1)])
        until(lambda: len(seen) == 2)
        admin = AdminClient({"bootstrap.servers": broker.address})
        (done,) = admin.create_partitions([NewPartitions(topic, 3)]).values()
        done.result(30)
        until(lambda: admin.list_topics(topic, timeout=10).topics[topic].partitions.keys() == {0, 1, 2})
        produce(broker, topic, [line(2)], partition=2)
        until(lambda: len(seen) == 3)
    assert sorted(row["n"] for row in seen) == [0, 1, 2]


@pytest.mark.parametrize("reader", READERS)
def test_a_partition_that_is_not_read_is_not_fetched_into_memory(
    broker: Broker, new_topic: NewTopic, reader: str
) -> None:
    topic = new_topic(broker, 2)
    large = json.dumps({"n": 1, "x": "y" * 50_000}).encode()
    for part in range(2):
        produce(broker, topic, [large] * 600, partition=part)
    limit = {"queued.max.messages.kbytes": 2048, "fetch.message.max.bytes": 100_000}
    given = opened(broker, topic, until="latest", reader=reader, config=limit)
    one, other = given.partitions()
    first_block(other)
    count = 0
    while not isinstance(got := one.read(1 << 20), End):
        count += len(got.messages.offset) if isinstance(got, Block) else 0
    assert count == 600
    feed = given._consuming._feeds[other.part]
    taken, most = 0, 0
    batch = feed.take(1 << 30, 0)
    while batch is not None:
        most = max(most, batch.stop)
        taken += len(batch.offset)
        batch = None
    assert most < 10 << 20  # of 30 MB
    given.close()


@pytest.mark.parametrize("reader", READERS)
def test_a_broker_that_goes_away_is_waited_for_and_makes_no_partition_idle(
    own_broker: Broker, new_topic: NewTopic, reader: str
) -> None:
    topic = new_topic(own_broker, 2)
    schema = {"n": "int64", "t": "timestamp"}

    def at(n: int) -> bytes:
        return json.dumps({"n": n, "t": n}).encode()

    produce(own_broker, topic, [at(500)], partition=0)
    produce(own_broker, topic, [at(600), at(3000)], partition=1)
    stream = source(own_broker, topic, until=None, reader=reader, schema=schema, event_time="t", idle="2s")
    counted = stream.window(cd.tumbling("1s")).agg(n=cd.count())
    with live(counted) as (job, seen):
        until(lambda: job.execution.progress().rows == 3)
        own_broker.freeze()
        began = time.monotonic()
        until(lambda: "no answer from kafka://" in job.execution.progress().waiting)
        until(lambda: time.monotonic() - began > 8)
        assert seen == []  # a partition that is at its end for 2 s would have let the window close
        own_broker.thaw()
        until(
            lambda: (
                [row["n"] for row in seen if row["window_start"].year == 1970 and row["window_end"].second == 1] == [2]
            )
        )
        own_broker.kill()
        until(lambda: "no answer from kafka://" in job.execution.progress().waiting)
        own_broker.start()
        produce(own_broker, topic, [at(100_000)], partition=0)
        until(lambda: job.execution.progress().rows == 4)


def test_a_run_reads_from_one_place_to_another(broker: Broker, new_topic: NewTopic, tmp_path: Path) -> None:
    topic, out = new_topic(broker, 2), tmp_path / "out.jsonl"
    produce(broker, topic, map(line, range(10)), partition=0)
    produce(broker, topic, map(line, range(10, 20)), partition=1)
    text = f"""
        import caudal as cd
        given = cd.source("kafka", topic="{topic}", servers="{broker.address}", format="json", schema={{"n": "int64"}})
        pipeline = cd.Pipeline("placed", given.to("files", path="{out}", format="json"))
    """
    (tmp_path / "p.py").write_text(dedent(text))

    def found(*places: str) -> list[int]:
        assert main(["run", str(tmp_path / "p.py"), "--quiet", *places]) == 0
        return sorted(json.loads(row)["n"] for row in out.read_text().splitlines())

    assert found("--to", "latest") == [*range(20)]
    assert found("--from", f"{topic}:0=8,{topic}:1=5", "--to", f"{topic}:0=9") == [8, *range(15, 20)]
    assert found("--to", f"{topic}:0=3,{topic}:1=0") == [0, 1, 2]
    assert found("--from", "latest", "--to", "latest") == []
    assert found("--from", "2100-01-01T00:00:00Z", "--to", "latest") == []
