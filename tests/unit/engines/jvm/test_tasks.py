"""What a task makes of messages is what the local engine makes of them, whatever pieces they come in."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

import caudal as cd
from caudal.core.errors import OptionError
from caudal.engines.jvm.tasks.topics import DEAD, ROW, TopicTask, task_columns
from caudal.engines.jvm.topics import ByTasks, Told, by_tasks, choose
from caudal.observe.sources import SourceReport, merged
from caudal.plan import wire
from caudal.plan.nodes import Source
from caudal.ports.engine import BoundSource
from caudal.ports.remote import Received, Span, Topics
from caudal.testing import run

SCHEMA = {"ip": "string", "n": "int64", "x": "float64", "t": "timestamp"}
SERVERS = "nowhere:9092"


def node(**options: Any) -> Source:
    given: dict[str, Any] = {"format": "json", "schema": SCHEMA, "event_time": "t", "disorder": "1s", **options}
    stream = cd.source("kafka", topic="logs", servers=SERVERS, until="latest", name="logs", **given)
    return next(n for n in cd.Pipeline("p", stream.to("console")).pinned().nodes if isinstance(n, Source))


def received(values: Sequence[bytes | None], first: int = 0, **more: Any) -> Received:
    count = len(values)
    offsets = pa.array(range(first, first + count), pa.int64())
    return Received(offsets, pa.array([5] * count, pa.int64()), pa.array(values, pa.binary()), **more)


def task(source: Source, counts: dict[str, int] | None = None) -> TopicTask:
    return TopicTask(wire.dumps_node(source), {"logs/0": 0, "logs/1": 1}, counts or {"logs": 2}, 10**13)


def lines(count: int) -> list[bytes | None]:
    made: list[bytes | None] = [
        json.dumps({"ip": f"10.0.0.{i % 5}", "n": i, "x": i / 3, "t": 1_000_000 + 300 * (i % 7) + 100 * i}).encode()
        for i in range(count)
    ]
    made[3], made[5], made[7] = b"{broken", None, b""
    made[9] = b'{"ip": "a\\nb", "n": 1,\n "x": 1e400, "t": 1000500}'
    made[11] = b'{"ip": "10.0.0.9", "n": 1}'
    return made


def everything(made: Sequence[pa.RecordBatch]) -> list[dict[str, Any]]:
    rows = [row for batch in made for row in batch.to_pylist()]
    return sorted(rows, key=lambda r: (r["__p"] or 0, r["__o"] if r["__o"] is not None else r["__letter_position"]))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_rows_letters_and_watermarks_are_those_of_the_local_engine(size: int) -> None:
    values = lines(60)
    decoding = task(node()).decoding
    made = [
        batch
        for at in range(0, len(values), size)
        for batch in decoding.rows("logs", 0, received(values[at : at + size], at))
    ]
    found = everything(made)
    assert [row["__kind"] for row in found].count(DEAD) == 5
    assert {row["__letter_position"]: row["__letter_reason"] for row in found if row["__kind"] == DEAD} == {
        3: "syntax", 5: "empty", 7: "empty", 9: "range", 11: "event_time",
    }  # fmt: skip
    rows = [row for row in found if row["__kind"] == ROW]
    seen: int | None = None
    for row in rows:  # W_p: the largest time before it, minus the disorder
        assert row["__w"] == (row["__t"] if seen is None else seen) - 1000
        seen = row["__t"] if seen is None else max(seen, row["__t"])
    assert [row["n"] for row in rows] == [i for i in range(60) if i not in (3, 5, 7, 9, 11)]
    told = json.loads(decoding.telling())
    assert told["partitions"] == {"logs/0": 60}
    assert told["dead"] == 5
    assert "partitions" not in json.loads(decoding.telling())


def test_partitions_have_watermarks_of_their_own_and_are_counted_apart() -> None:
    decoding = task(node()).decoding
    for number, offset, time, watermark in (
        (0, 0, 9_000, 8_000),
        (1, 5, 1_000, 0),
        (0, 1, 8_000, 8_000),
        (1, 6, 2_000, 0),
    ):
        value = json.dumps({"ip": "a", "n": 1, "x": 1, "t": time}).encode()
        (batch,) = decoding.rows("logs", number, received([value], offset))
        assert batch.column("__w").to_pylist() == [watermark]
    assert json.loads(decoding.telling())["partitions"] == {"logs/0": 2, "logs/1": 2}


def test_messages_out_of_their_order_end_the_job() -> None:
    decoding = task(node()).decoding
    value = json.dumps({"ip": "a", "n": 1, "x": 1, "t": 1}).encode()
    list(decoding.rows("logs", 0, received([value] * 3, 10)))
    list(decoding.rows("logs", 1, received([value], 0)))
    with pytest.raises(RuntimeError, match="logs/0 out of their order"):
        list(decoding.rows("logs", 0, received([value], 12)))


def test_what_messages_have_beside_their_payload() -> None:
    metadata = {
        "who": "key",
        "at": "timestamp",
        "where": "partition",
        "place": "offset",
        "trace": "header:trace",
        "of": "topic",
    }
    decoding = task(node(metadata=metadata)).decoding
    headers = pa.array([[{"key": "trace", "value": b"1"}, {"key": "trace", "value": b"2"}], None])
    got = received(lines(20)[:2], 7, key=pa.array([b"k\xff", None], pa.binary()), headers=headers)
    (batch,) = decoding.rows("logs", 1, got)
    first, second = batch.select([*metadata]).to_pylist()
    assert first == {"who": "k\\xff", "at": 5, "where": 1, "place": 7, "trace": "2", "of": "logs"}
    assert second == {"who": None, "at": 5, "where": 1, "place": 8, "trace": None, "of": "logs"}


def test_messages_that_are_too_long_are_dead_letters() -> None:
    decoding = task(node(max_record=80)).decoding
    good = json.dumps({"ip": "a", "n": 1, "x": 1, "t": 1}).encode()
    made = everything([*decoding.rows("logs", 0, received([b"x" * 100, good, b"y" * 5000]))])
    assert [row["__letter_reason"] for row in made] == ["too_long", None, "too_long"]
    assert made[2]["__letter_truncated"]
    assert len(made[2]["__letter_payload"]) == 4096


def test_a_record_in_the_wrong_partition_ends_the_job() -> None:
    decoding = task(node(partitioned_by="ip")).decoding
    values = [json.dumps({"ip": f"10.0.0.{i}", "n": 1, "x": 1, "t": 1}).encode() for i in range(20)]
    with pytest.raises(cd.CaudalError, match="is of partition"):
        list(decoding.rows("logs", 0, received(values)))


def test_a_task_can_be_shipped() -> None:
    first = task(node())
    assert first.decoding is first.decoding
    again = pickle.loads(pickle.dumps(first))
    assert everything([*again.decoding.rows("logs", 0, received(lines(20)))]) == everything(
        [*first.decoding.rows("logs", 0, received(lines(20)))]
    )
    assert [f.name for f in task_columns(node())] == first.decoding.schema.names


def test_what_tasks_tell_adds_up_to_what_one_reader_would_have_told() -> None:
    whole, parts = task(node()).decoding, [task(node()).decoding, task(node()).decoding]
    values = lines(40)
    list(whole.rows("logs", 0, received(values)))
    list(whole.rows("logs", 1, received([b"{"] * 3)))
    list(parts[0].rows("logs", 0, received(values[:20])))
    first = parts[0].telling()
    list(parts[0].rows("logs", 0, received(values[20:], 20)))
    list(parts[1].rows("logs", 1, received([b"{"] * 3)))
    topics = Topics({}, [Span(f"logs/{i}", "logs", i, 0, 40) for i in range(2)], {"logs": 2})
    told, one = (Told(node(), ByTasks(topics, "")) for _ in range(2))
    for text in (first, parts[0].telling(), parts[1].telling()):
        told.take(json.loads(text))
    one.take(json.loads(whole.telling()))
    counts = [
        {name: value for name, value in each.counts.items() if name not in ("watch", "notices")} for each in (told, one)
    ]
    assert counts[0] == counts[1]
    assert told.report() == one.report()
    assert told.report().dead_partitions == {"logs/1": (3, one.report().dead_partitions["logs/1"][1])}


def test_a_field_that_one_part_of_a_source_names_is_named() -> None:
    parts = [SourceReport("s", records=5, unnamed=(("a",), ("b",))), SourceReport("s", records=1, unnamed=(("b",),))]
    assert merged(SourceReport("s"), [(part, {}) for part in parts]).unnamed == (("b",),)
    assert merged(SourceReport("s"), []).records == 0


class Opened:
    """A source that others can read, or why not."""

    live = False

    def __init__(self, topics: Topics | str) -> None:
        self._topics = topics

    def topics(self) -> Topics | str:
        return self._topics


def test_who_reads_is_chosen_and_told() -> None:
    whole = Topics({"bootstrap.servers": SERVERS}, [Span("logs/0", "logs", 0, 3, 9)], {"logs": 1})
    source, reader = node(), object()
    assert by_tasks(source, BoundSource(Opened(whole), reader)) == ByTasks(whole, wire.dumps_node(source))  # type: ignore[arg-type]
    good, bad = ({"logs": BoundSource(Opened(each), reader)} for each in (whole, "a password would go along"))  # type: ignore[arg-type]
    assert choose({0: source}, good, "client") == ({}, [])
    assert choose({0: source}, good, "/some/directory") == ({}, [])
    assert list(choose({0: source}, good, "")[0]) == [0]
    assert choose({0: source}, bad, "") == (
        {},
        ["logs: its records pass through this process, since a password would go along"],
    )
    with pytest.raises(OptionError, match="a password would go along"):
        choose({0: source}, bad, "tasks")


def test_the_oracle_reads_the_same_lines() -> None:
    """The values of rows, by a pipeline in memory over what the messages say."""
    values = [v for i, v in enumerate(lines(60)) if v and i not in (3, 9, 11)]
    table = [json.loads(v) for v in values]
    stream = cd.source("memory", rows=[], schema=SCHEMA, event_time="t", disorder="1s")
    wanted = run(cd.Pipeline("p", stream.to("console")), table).rows
    made = [row for batch in task(node()).decoding.rows("logs", 0, received(values)) for row in batch.to_pylist()]
    assert [{name: row[name] for name in SCHEMA} for row in made] == wanted
