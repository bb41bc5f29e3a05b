"""Plans cut at repartition topics: which operators need one, and that workers make of them what one process does."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

import caudal as cd
from caudal import col
from caudal.checkpoint.directory import DirectoryStore
from caudal.core.errors import OptionError
from caudal.engines.local import ENGINE
from caudal.formats.json import FORMAT
from caudal.plan.nodes import Node, RepartitionSink, RepartitionSource, Source
from caudal.plan.plan import Plan
from caudal.ports.engine import Bindings, BoundSource, Tuning
from caudal.ports.sink import Immediate
from caudal.rewrite import rewrite
from caudal.runner.agreement import together
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.group import GroupWorker
from caudal.runner.group_steps import Place
from caudal.runner.layout import Layout
from caudal.runner.sides import with_sides
from caudal.runner.stages import Stages
from caudal.testing.fakes.broker import Broker, BrokerSink
from caudal.testing.fakes.group import ONE, Coordinator, LivePartition
from caudal.testing.fakes.topic import Message, TopicSource

PARTITIONS = 3
TOPICS = {"in": {"t": PARTITIONS}}
FAR = 10_000_000
SCHEMA = {"ip": "string", "t": "int64", "n": "int64", "word": "string"}
Make = Callable[[Any], Any]


def plan_of(make: Make, column: str = "ip") -> Plan:
    source = cd.source("memory", rows=[], schema=SCHEMA, event_time="t", disorder="50ms", name="in")
    made = make(source)
    streams = made if isinstance(made, list) else [made]
    sinks = [stream.to("console", name=f"out{i}") for i, stream in enumerate(streams)]
    plan = with_sides(cd.Pipeline("p", *sinks), "file", "discard")

    def said(node: Node, _: Any) -> Node:
        if not isinstance(node, Source):
            return node
        return replace(node, options=(*node.options, ("partitioned_by", column)), idle=1 << 40)

    return plan.rebuild(said)


def stages_of(make: Make, column: str = "ip") -> Stages:
    return Stages(rewrite(plan_of(make, column)))


def tumbling(stream: Any, *by: str, **more: Any) -> Any:
    return stream.group_by(*by).window(cd.tumbling("100ms")).agg(total=cd.count(), **more)


ALL = cd.tumbling("100ms")


@pytest.mark.parametrize(
    ("make", "topics"),
    [
        (lambda s: tumbling(s, "ip", name="1"), ""),
        (lambda s: tumbling(s.filter(col("n") > 1).select("ip"), "ip", name="1"), ""),
        (lambda s: tumbling(s.select(address=col("ip")), "address", name="1"), ""),
        (lambda s: tumbling(s.with_columns(ip=col("ip").str.lower()), "ip", name="1"), "1"),
        (lambda s: tumbling(s.with_columns(ip=col("ip").str.lower()).select("ip", "n"), "ip", name="1"), "1"),
        (lambda s: tumbling(s.filter(col("n") > 1).select("n", a=col("ip")).select(ip=col("a")), "ip", name="1"), ""),
        (lambda s: tumbling(s, "n", name="1"), "1"),
        (lambda s: tumbling(s, "ip", "n", name="1"), ""),
        (lambda s: s.window(ALL).agg(n=cd.count(), name="1"), "1"),
        (lambda s: tumbling(tumbling(s, "n", name="1"), "n", name="2"), "1"),
        (lambda s: tumbling(tumbling(s, "n", "word", name="1"), "word", name="2"), "12"),
        (lambda s: tumbling(tumbling(s, "word", n=cd.sum("n"), name="1"), "word", "n", name="2"), "1"),
        (lambda s: tumbling(s, "ip", name="1").window(ALL).agg(n=cd.sum("total"), name="2"), "2"),
        (lambda s: tumbling(tumbling(s, "ip", name="1").late(), "ip", name="2"), ""),
        (lambda s: tumbling(tumbling(s, "n", name="1").late(), "n", name="2"), "12"),
    ],
)
def test_an_operator_whose_keys_are_apart_reads_a_topic(make: Make, topics: str) -> None:
    stages = stages_of(make)
    assert not stages.alone
    assert "".join(stages.topics) == topics
    counts = stages.counts(TOPICS)
    for name in stages.names:
        part = stages.part(name, counts)
        ends = {node.name for node in part.nodes if isinstance(node, RepartitionSink)}
        begins = {node.name for node in part.nodes if isinstance(node, RepartitionSource) and node.writers}
        assert begins == ({f"repartition:{name}"} if name else set())
        assert not ends & begins


def test_stages_are_explained() -> None:
    stages = stages_of(lambda s: tumbling(tumbling(s, "ip", m=cd.max("n"), name="1"), "m", name="2"))
    assert stages.to_text().splitlines() == [
        "  by partition of the source: 1",
        "  by partition of the topic GROUP.JOB.2-c81e72, which has partitions by m, "
        "since its keys do not contain ip, by which in is partitioned: 2",
    ]
    alone = stages_of(lambda s: s.group_by("n").running(order="arrival", total=cd.count(), name="sum")).to_text()
    assert alone.startswith("  one worker reads all partitions: sum: it takes rows as they arrive")


def test_one_partition_where_there_is_no_key() -> None:
    stages = stages_of(lambda s: s.window(ALL).agg(n=cd.count(), name="all"))
    assert stages.counts(TOPICS, 7) == {"": PARTITIONS, "all": 1}
    assert stages.topics["all"].why == "it has no key: all rows come together"


def test_partitions_can_be_chosen_up_to_the_key_groups() -> None:
    stages = stages_of(lambda s: tumbling(s, "n", name="by n"))
    assert stages.counts(TOPICS, 7)["by n"] == 7
    assert stages.counts({"in": {"t": 500}})["by n"] == 128
    with pytest.raises(OptionError, match="1 to 128 partitions, not 129"):
        stages.counts(TOPICS, 129)


def test_shards_are_named_so_that_topics_and_paths_can_be() -> None:
    stages = stages_of(lambda s: tumbling(s, "n", name="über all/../x"))
    (topic,) = stages.topics.values()
    assert topic.slug == "-ber-all----x-7ee4b7"
    shard = stages.shard(topic.operator, 12)
    assert stages.stage(shard) == topic.operator
    assert stages.stage("12") == ""


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda s: s.group_by("n").running(order="arrival", total=cd.count()), "as they arrive"),
        (
            lambda s: tumbling(s, "ip", n=cd.max("n")).group_by("n").lag("n", into="before", name="lag"),
            "from several workers",
        ),
    ],
)
def test_what_workers_would_not_do_alike_is_left_to_one(make: Make, why: str) -> None:
    assert why in stages_of(make).alone


# -- rows -----------------------------------------------------------------------------------------------------------


class Kept(Immediate):
    """Keeps rows."""

    where = "kept"

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def encode(self, table: pa.Table) -> Any:
        return table.to_pylist()

    def write(self, payload: Any) -> None:
        self.rows += payload


def traffic(seed: int) -> dict[str, list[Message]]:
    """Rows of three partitions, some of them late, with ties; each ends with one far ahead that closes all windows before."""
    draw = random.Random(seed)
    parts: dict[str, list[Message]] = {}
    for number in range(PARTITIONS):
        at, messages, now = 0, [], 0
        for _ in range(draw.randrange(40, 120)):
            now += draw.choice([0, 0, 1, 7, 30])
            late = draw.choice([0, 0, 0, 20, 60, 200])
            ip = f"10.0.0.{draw.randrange(4) * PARTITIONS + number}"
            word = draw.choice(["a", "b", None, "ü" * 40])
            row = {"ip": ip, "t": now - now % 10 - late, "n": draw.randrange(5), "word": word}
            messages.append(Message(at, json.dumps(row).encode()))
            at += draw.choice([1, 1, 2])
        messages.append(Message(at, json.dumps({"ip": "z", "t": FAR, "n": 0, "word": "z"}).encode()))
        parts[f"t/{number}"] = messages
    return parts


def in_one_process(
    plan: Plan, parts: dict[str, list[Message]], reads: Mapping[str, Sequence[str]] = ONE
) -> dict[str, Counter[str]]:
    physical = rewrite(plan)
    kept = {sink.name: Kept() for sink in physical.sinks}
    bound = {
        source.name: BoundSource(
            LiveSource({n: each for n, each in parts.items() if n[:-2] in (reads[source.name] or n)}), reader_of(source)
        )
        for source in physical.sources
    }
    tuning = Tuning(threads=2, live=True, extra={"idle_poll": 0.001})
    execution = ENGINE.start(plan, physical, Bindings(bound, kept), tuning)
    total = sum(map(len, parts.values()))
    execution.run(lambda: execution.stop() if execution.progress().rows == total else None)
    return {name: told(sink.rows) for name, sink in kept.items()}


class LiveSource(TopicSource):
    """A topic whose partitions have no end."""

    live = True

    def __init__(self, parts: dict[str, list[Message]]) -> None:
        self._partitions = [LivePartition(name, given) for name, given in parts.items()]


def reader_of(source: Source) -> Any:
    return FORMAT.reader(source.readable, frozenset(source.declared.names), dict(FORMAT.reader_options))


def told(rows: list[Any]) -> Counter[str]:
    """Return rows as text."""
    return Counter(json.dumps(row, default=str, sort_keys=True) for row in rows)


class Workers:
    """Workers over topics in memory, on threads. `extra`: settings of their engine."""

    def __init__(self, folder: Any, plan: Plan, group: Coordinator, **extra: Any) -> None:
        self.errors: list[BaseException] = []
        self._folder, self._plan, self._group = folder, plan, group
        self._physical = rewrite(plan)
        self._extra = {"read_bytes": 700, "idle_poll": 0.001, **extra}
        self._running: list[tuple[GroupWorker, threading.Thread]] = []

    def start(self, name: str) -> None:
        physical, broker = self._physical, self._group.broker
        member = self._group.join(name)
        stages = Stages(physical).known(together(member.counts()))
        assert not stages.alone
        readers = {source.name: reader_of(source) for source in physical.sources}
        layout = Layout(stages, self._plan, readers, member.counts(), stages.counts(member.counts(), 2), "g")
        member.share(layout.topics)
        self._layout = layout
        sinks = {sink.name: BrokerSink(broker, sink.name) for sink in physical.sinks}
        between = {sink: member.repartition(topic) for sink, topic in layout.sinks().items()}
        tasks = ENGINE.tasks(self._plan, Tuning(threads=2, extra=self._extra))
        store = DirectoryStore(str(self._folder / "state"), shared=True)
        transaction = member.transaction(name)
        every = {**sinks, **between}
        worker = GroupWorker(Place("p", layout, name), member, transaction, store, tasks, every, Checkpointing("", 10))
        self._running.append((worker, threading.Thread(target=self._run, args=(worker,), daemon=True)))
        self._running[-1][1].start()

    def _run(self, worker: GroupWorker) -> None:
        try:
            worker.run()
        except BaseException as error:
            self.errors.append(error)

    def together(self, names: Iterable[str]) -> list[list[str]]:
        """Return partitions as a group shares them: those of one shard go together."""
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self._layout.shard(name), []).append(name)
        return [*found.values()]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is committed."""
        deadline = time.monotonic() + 60
        with self._group.lock:
            while not condition():
                assert not self.errors, self.errors
                assert time.monotonic() < deadline
                self._group.lock.wait(0.01)

    def stop(self) -> None:
        for worker, thread in self._running:
            worker.stop()
            thread.join(60)
        assert not self.errors


def by_workers(
    tmp_path: Any,
    plan: Plan,
    parts: dict[str, list[Message]],
    moves: random.Random,
    reads: Mapping[str, Sequence[str]] = ONE,
) -> dict[str, Counter[str]]:
    broker = Broker()
    group = Coordinator(broker, parts, reads)
    workers = Workers(tmp_path, plan, group)

    def through() -> bool:
        ends = {name: messages[-1].offset + 1 for name, messages in parts.items()}
        ends |= {name: len(broker.rows.get(name, ())) for name in group.between}
        return all(name in group.stands and group.stands[name].offset >= end for name, end in ends.items())

    left, taken = 8, set[str]()

    def shared() -> bool:
        """Whether all is read, and nothing on its way; meanwhile partitions move."""
        nonlocal left, taken
        if through() and len(group.owners) == len(parts) + len(group.between):
            return True
        for names in workers.together([*parts, *group.between]):
            if not group.owners.keys() & names:
                group.give(moves.choice(["a", "b"]), *names)
                taken -= {*names}
            elif left and group.owners.keys() >= {*names} and not taken & {*names} and moves.random() < 0.05:
                group.take(*names)
                taken |= {*names}
                left -= 1
        return False

    workers.start("a")
    workers.start("b")
    workers.until(shared)
    workers.stop()
    return {sink.name: told(broker.rows.get(sink.name, [])) for sink in rewrite(plan).sinks}


PIPELINES: dict[str, Make] = {
    "other key": lambda s: tumbling(s, "n", sum=cd.sum("n"), words=cd.count_distinct("word")),
    "null key": lambda s: tumbling(s, "word", last=cd.last("ip")),
    "no key": lambda s: s.window(cd.hopping("200ms", every="100ms")).agg(n=cd.count(), ips=cd.count_distinct("ip")),
    "sessions": lambda s: s.group_by("word").window(cd.session("30ms")).agg(n=cd.count(), first=cd.first("ip")),
    "in order": lambda s: s.group_by("n").lag("t", into="before"),
    "once": lambda s: s.deduplicate(["word", "n"], within="1s"),
    "of rows": lambda s: s.group_by("n").window(cd.rows(3)).agg(total=cd.count(), ips=cd.collect("ip")),
    "top": lambda s: s.window(ALL).top(3, by="n"),
    "both": lambda s: [tumbling(s, "ip"), tumbling(s, "n"), s.filter(col("n") == 1)],
    "two levels": lambda s: tumbling(tumbling(s, "n", "word", name="1"), "word", sum=cd.sum("total"), name="2"),
    "behind one by partition": lambda s: tumbling(s, "ip", name="1").window(ALL).agg(sum=cd.sum("total"), name="2"),
    "late rows": lambda s: [(made := tumbling(s, "n")), made.late()],
    "union of stages": lambda s: (
        tumbling(s, "ip").select("window_end", "total").union(tumbling(s, "word").select("window_end", "total"))
    ),
    "first of a union": lambda s: [
        (second := s.select("n", word=col("ip"))),
        tumbling(s.select("n", "word").union(second), "n", first=cd.first("word")),
    ],
    "copies in order": lambda s: [
        (second := s.select("n", word=col("ip"))),
        s.select("n", "word").union(second).group_by("n").lag("word", into="before"),
    ],
    "joined with itself": lambda s: s.join(s.filter(col("n") > 1), "word", within="20ms"),
    "union before": lambda s: tumbling(s.select("ip", "n").union(s.filter(col("n") > 2).select("ip", "n")), "n"),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_workers_make_what_one_process_makes(tmp_path: Any, name: str) -> None:
    plan = plan_of(PIPELINES[name])
    parts = traffic(len(name))
    made = by_workers(tmp_path, plan, parts, random.Random(name))
    wanted = in_one_process(plan, parts)
    assert made == wanted
    assert any(wanted.values())
