"""Workers of a group over a topic in memory: whatever is given, taken and lost, each row counts once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.checkpoint.directory import DirectoryStore
from caudal.core.errors import OptionError, RunError
from caudal.engines.local import ENGINE
from caudal.formats.json import FORMAT
from caudal.plan.nodes import Node, Source
from caudal.plan.plan import Plan
from caudal.ports.engine import Tuning
from caudal.ports.transaction import Unanswered
from caudal.rewrite import rewrite
from caudal.runner import group
from caudal.runner.checkpoints import Checkpointing, checkpointing
from caudal.runner.group import GroupWorker
from caudal.runner.group_steps import GroupSteps, Place
from caudal.runner.grouping import grouping
from caudal.runner.layout import Layout
from caudal.runner.stages import Stages
from caudal.testing.fakes.broker import Broker, BrokerSink
from caudal.testing.fakes.group import Coordinator, FakeTransaction
from caudal.testing.fakes.topic import Message

PARTITIONS = 3
KEYS = [f"10.0.0.{i}" for i in range(12)]
WAIT = 60.0


def pipeline(key: str = "ip") -> Any:
    source = cd.source(
        "memory", rows=[], schema={"ip": "string", "t": "int64", "n": "int64"}, event_time="t", name="in"
    )
    windows = source.group_by(key).window(cd.tumbling("100ms")).agg(total=cd.count(), sum=cd.sum("n"), name="sums")
    return by_ip(cd.Pipeline("p", windows.to("console", name="out")).pinned())


def by_ip(plan: Plan) -> Plan:
    """Say that the source's partitions are made by ip."""

    def said(node: Node, _: Any) -> Node:
        return replace(node, options=(*node.options, ("partitioned_by", "ip"))) if isinstance(node, Source) else node

    return plan.rebuild(said)


class Fixture:
    """A topic of three partitions, addresses apart, and workers over it that count by a column."""

    def __init__(self, tmp_path: Any, rows: int, key: str = "ip") -> None:
        self.key = key
        made = random.Random(rows)
        records = [(made.choice(KEYS), i * 3, made.randrange(100)) for i in range(rows)]
        parts: dict[str, list[Message]] = {f"t/{i}": [] for i in range(PARTITIONS)}
        offsets = Counter[str]()
        for ip, t, n in [*records, *((ip, rows * 3 + 10_000, 0) for ip in KEYS)]:
            name = f"t/{KEYS.index(ip) % PARTITIONS}"
            payload = json.dumps({"ip": ip, "t": t, "n": n}).encode()
            parts[name].append(Message(offsets[name], payload))
            offsets[name] += made.choice([1, 1, 2])  # a topic has gaps
        self.wanted: Counter[tuple[Any, int, int, int]] = Counter()
        found: dict[tuple[Any, int], list[int]] = {}
        for ip, t, n in records:
            found.setdefault((ip if key == "ip" else n, t // 100 * 100), []).append(n)
        for (value, start), values in found.items():
            self.wanted[value, start, len(values), sum(values)] += 1
        self.broker = Broker()
        self.group = Coordinator(self.broker, parts)
        self.ends = {name: messages[-1].offset + 1 for name, messages in parts.items()}
        self.url = str(tmp_path / "state")
        self.errors: list[BaseException] = []
        self.running: dict[str, tuple[GroupWorker, threading.Thread]] = {}

    def start(self, name: str, every: int = 10) -> GroupWorker:
        logical = pipeline(self.key)
        physical = rewrite(logical)
        (source,) = physical.sources
        (sink,) = physical.sinks
        reader = FORMAT.reader(source.readable, frozenset(source.declared.names), dict(FORMAT.reader_options))
        member = self.group.join(name)
        tasks = ENGINE.tasks(logical, Tuning(threads=2, extra={"read_bytes": 200, "idle_poll": 0.001}))
        stages = Stages(physical)
        layout = Layout(stages, logical, {"in": reader}, member.counts(), stages.counts(member.counts(), 2), "g.0")
        member.share(layout.topics)
        between = {sink: member.repartition(topic) for sink, topic in layout.sinks().items()}
        worker = GroupWorker(
            Place("p", layout, f"g.{name}"),
            member,
            member.transaction(f"g.{name}"),
            DirectoryStore(self.url, shared=True),
            tasks,
            {sink.name: BrokerSink(self.broker, "out"), **between},
            Checkpointing(self.url, every),
        )
        thread = threading.Thread(target=self._run, args=(worker,))
        thread.start()
        self.running[name] = worker, thread
        return worker

    def _run(self, worker: GroupWorker) -> None:
        try:
            worker.run()
        except BaseException as error:
            self.errors.append(error)

    def stop(self, name: str) -> None:
        worker, thread = self.running.pop(name)
        worker.stop()
        thread.join(WAIT)
        assert not thread.is_alive()

    def kill(self, name: str) -> None:
        """The worker is gone without a word; what it had is lost."""
        worker, thread = self.running.pop(name)
        self.group.expel(name)
        worker.kill(RunError("killed"))
        thread.join(WAIT)
        self.errors = [error for error in self.errors if "killed" not in str(error)]

    def until(self, condition: Any) -> None:
        deadline = time.monotonic() + WAIT
        with self.group.lock:
            while not condition():
                assert time.monotonic() < deadline
                assert not self.errors, self.errors
                self.group.lock.wait(0.05)

    @property
    def names(self) -> list[str]:
        return [*self.ends, *self.group.between]

    def through(self) -> bool:
        ends = self.ends | {name: len(self.broker.rows.get(name, ())) for name in self.group.between}
        return all(name in self.group.stands and self.group.stands[name].offset >= end for name, end in ends.items())

    def free(self, *names: str) -> bool:
        return not any(name in self.group.owners for name in names)

    def check(self) -> None:
        assert not self.errors
        assert self.rows() == self.wanted

    def rows(self) -> Counter[tuple[Any, int, int, int]]:
        """Return what came out."""
        return Counter(
            (row[self.key], int(row["window_start"].timestamp() * 1000), row["total"], row["sum"])
            for row in self.broker.rows.get("out", [])
        )


@pytest.fixture
def made(tmp_path: Any) -> Iterator[Any]:
    fixtures: list[Fixture] = []

    def make(rows: int = 600, key: str = "ip") -> Fixture:
        fixtures.append(Fixture(tmp_path, rows, key))
        return fixtures[-1]

    yield make
    for fixture in fixtures:
        for name in list(fixture.running):
            fixture.kill(name)


def test_one_worker_reads_all(made: Any) -> None:
    f = made()
    f.start("a")
    f.group.give("a", "t/0", "t/1", "t/2")
    f.until(f.through)
    f.stop("a")
    f.check()
    assert sorted(f.group.released) == [("a", "t/0"), ("a", "t/1"), ("a", "t/2")]


def test_rows_of_other_keys_meet_behind_a_topic(made: Any) -> None:
    f = made(600, "n")
    f.start("a")
    f.start("b")
    assert list(f.group.between) == ["g.0.sums/0", "g.0.sums/1"]
    f.group.give("a", "t/0", "t/2", "g.0.sums/1")
    f.group.give("b", "t/1", "g.0.sums/0")
    f.until(f.through)
    f.stop("a")
    f.stop("b")
    f.check()
    assert all(f.broker.rows[name] for name in f.group.between)
    assert all(f.group.between.values()), "what was read may be deleted"


def test_partitions_move_with_their_state(made: Any) -> None:
    f = made()
    f.start("a")
    f.start("b")
    f.group.give("a", "t/0", "t/1")
    f.group.give("b", "t/2")
    f.until(lambda: "t/1" in f.group.stands)
    f.group.take("t/1")
    f.until(lambda: f.free("t/1"))
    f.group.give("b", "t/1")
    f.until(f.through)
    f.stop("a")
    f.stop("b")
    f.check()


def test_what_was_lost_is_read_again_by_another(made: Any) -> None:
    f = made()
    f.start("a")
    f.start("b")
    f.group.give("a", "t/0", "t/1", "t/2")
    f.until(lambda: len(f.group.stands) == 3)
    f.group.take("t/1", lost=True)
    f.group.give("b", "t/1")
    f.until(f.through)
    f.check()


def test_what_cannot_be_loaded_ends_the_worker(made: Any) -> None:
    f = made()
    f.start("a")
    f.group.give("a", "t/0")
    f.until(lambda: "t/0" in f.group.stands and '"snapshot":""' not in f.group.stands["t/0"].token)
    f.stop("a")
    for file in Path(f.url).rglob("*"):
        if file.is_file() and "0" in file.relative_to(f.url).parts and file.name != "begun":
            file.unlink()
    f.start("b")
    f.group.give("b", "t/0")
    _, thread = f.running["b"]
    thread.join(WAIT)
    assert not thread.is_alive()
    (error,) = f.errors
    assert "of shard 0 is not in" in str(error)
    f.running.clear()


@pytest.mark.parametrize("lost", [False, True])
def test_a_partition_may_go_before_it_was_ever_loaded(made: Any, monkeypatch: pytest.MonkeyPatch, lost: bool) -> None:
    """A record is looked for that kills whoever has it, which takes a while; the partition is another's before it is found."""
    looking = threading.Event()

    def found(steps: GroupSteps, shard: str, *_: object) -> bool:
        if steps._place.writer != "g.a" or shard != "1":
            return True
        looking.set()
        return False

    monkeypatch.setattr(GroupSteps, "_looked", found)
    f = made()
    a = f.start("a")
    f.start("b")
    f.group.give("a", "t/0", "t/1")
    f.group.give("b", "t/2")
    assert looking.wait(WAIT)
    behind = {each.partition: each.lag for each in a.progress().lags}
    assert behind["t/1"] == f.ends["t/1"], "nothing of it is read, which is told"
    f.group.take("t/1", lost=lost)
    f.until(lambda: f.free("t/1"))
    f.group.give("b", "t/1")
    f.until(f.through)
    f.stop("a")
    f.stop("b")
    f.check()


@pytest.mark.parametrize("lose", ["before", "after", "refuse"])
def test_an_answer_that_was_lost_is_looked_up(made: Any, lose: str) -> None:
    f = made(3000)
    worker = f.start("a")
    f.group.give("a", "t/0", "t/1", "t/2")
    for _ in range(5):
        f.until(lambda: f.broker.lose == "" or f.through())
        f.broker.lose = lose
    f.until(f.through)
    f.broker.lose = ""
    f.stop("a")
    assert worker.epochs > 1
    f.check()


def test_a_worker_leaves_though_nobody_answers(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had not committed is read again by who comes next."""
    monkeypatch.setattr(group, "_LEAVING", 0.2)
    f = made(3000)
    asked = threading.Event()
    commit = FakeTransaction.commit

    def silent(self: Any) -> Any:
        if f.running.get("b"):
            return commit(self)
        asked.set()
        raise Unanswered("no answer from the broker")

    f.start("a")
    f.group.give("a", "t/0", "t/1", "t/2")
    f.until(lambda: len(f.group.stands) == 3)
    monkeypatch.setattr(FakeTransaction, "commit", silent)
    assert asked.wait(WAIT)
    worker, thread = f.running.pop("a")
    worker.stop()
    thread.join(WAIT)
    assert not thread.is_alive()
    (error,) = f.errors
    assert "no answer" in str(error)
    f.errors.clear()
    f.group.expel("a")
    f.start("b")
    f.group.give("b", "t/0", "t/1", "t/2")
    f.until(f.through)
    f.stop("b")
    f.check()


@pytest.mark.parametrize("key", ["ip", "n"])
@pytest.mark.parametrize("seed", range(6))
def test_any_history_of_a_group_counts_each_row_once(made: Any, seed: int, key: str) -> None:
    f = made(3000, key)
    draw = random.Random(seed)
    number = 0
    f.start("w0", every=10)
    for _ in range(25):
        if f.through():
            break
        act = draw.choice(["give", "take", "lose", "kill", "start", "answer", "refuse"])
        alive = list(f.running)
        if act == "start" and len(alive) < 3:
            number += 1
            f.start(f"w{number}", every=10)
        elif act == "kill" and alive:
            f.kill(draw.choice(alive))
        elif act == "answer":
            f.broker.lose = draw.choice(["before", "after"])
        elif act == "refuse":
            f.broker.lose = "refuse"
        elif act in ("take", "lose"):
            held = [name for name in f.names if name in f.group.owners and f.group.owners[name] in f.running]
            if held:
                f.group.take(draw.choice(held), lost=act == "lose")
        for name in f.names:
            if name not in f.group.owners and f.running and draw.random() < 0.7:
                f.group.give(draw.choice(list(f.running)), name)
        with f.group.lock:
            f.group.lock.wait(draw.random() * 0.02)
    f.broker.lose = ""
    if not f.running:
        f.start("last")
    last = next(iter(f.running))

    def all_given() -> bool:
        for name in f.names:
            if name not in f.group.owners:
                f.group.give(last, name)
        return f.through()

    f.until(all_given)
    f.check()


@pytest.mark.parametrize("given", [("g", "", 0), ("", "w", 0), ("", "", 3)])
def test_names_of_a_group_are_refused_where_there_is_none(tmp_path: Any, given: tuple[str, str, int]) -> None:
    group, worker, partitions = given
    with pytest.raises(OptionError, match="goes with checkpoints"):
        checkpointing("", group=group, worker=worker, partitions=partitions)
    plan = pipeline()
    with pytest.raises(OptionError, match="cannot be shared by a group of workers: its source"):
        grouping(plan, rewrite(plan), Checkpointing(str(tmp_path), group=group, worker=worker, partitions=partitions))
