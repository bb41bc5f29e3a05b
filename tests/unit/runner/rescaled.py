"""A job of workers in memory whose topic is enlarged, and what one process makes of the same messages."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.unit.runner.test_stages import FAR, in_one_process, plan_of, reader_of, told

from caudal.engines.local import ENGINE
from caudal.observe.ledger import Ledger
from caudal.plan.plan import Plan
from caudal.ports.engine import Bindings, BoundSource, Tuning
from caudal.ports.group import Membership
from caudal.rewrite import rewrite
from caudal.runner.binding import Joined
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.group import GroupWorker
from caudal.runner.group_savepoints import named
from caudal.runner.grouping import Grouping
from caudal.runner.rescaling.rescale import Rescaled, Rescaling
from caudal.runner.stages import Stages
from caudal.testing.fakes.broker import Broker, BrokerSink
from caudal.testing.fakes.group import Coordinator, FakePlacing
from caudal.testing.fakes.topic import Message

WAIT = 60.0
KEYS = [f"10.0.0.{number}" for number in range(16)]
LATE = 200
"""Milliseconds that a row comes too late at most."""


class Job:
    """`many`: partitions of each topic; `between`: of repartition topics."""

    of: Mapping[str, Sequence[str]] = {"in": ("t",)}
    """The topics of each source."""

    def __init__(self, folder: Any, make: Any, many: int, between: int, seed: int) -> None:
        self.folder = folder
        self.plan = self.made(make)
        self.physical = rewrite(self.plan)
        self.stages = Stages(self.physical)
        self.draw = random.Random(seed)
        self.named = [topic for topics in self.of.values() for topic in topics]
        self.parts: dict[str, list[Message]] = {f"{topic}/{n}": [] for topic in self.named for n in range(many)}
        self.broker = Broker()
        self.group = Coordinator(self.broker, self.parts, self.of)
        self.group.placed_by = dict.fromkeys(self.of, "ip")
        self.url, self.restore = str(folder / "state"), ""
        self.between = between
        self.now = 0
        self.errors: list[BaseException] = []
        self.running: dict[str, tuple[GroupWorker, threading.Thread]] = {}
        self.ledgers: list[Ledger] = []

    def made(self, make: Any) -> Plan:
        """Return its plan."""
        return plan_of(make)

    # -- the topics --------------------------------------------------------------------------------------------------------

    def many(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        return sum(name.rpartition("/")[0] == topic for name in self.parts)

    def write(self, rows: int, many: int = 0) -> None:
        """Write rows to topics in turns as they are placed among so many partitions, 0: all."""
        draw = self.draw
        for number in range(rows):
            topic = self.named[number % len(self.named)]
            self.now += draw.choice([0, 0, 1, 7, 30])
            late = draw.choice([0, 0, 0, 20, 60, LATE])
            word = draw.choice(["a", "b", None, "ü" * 40])
            row = {"ip": draw.choice(KEYS), "t": self.now - self.now % 10 - late, "n": draw.randrange(5), "word": word}
            self._put(row, many or self.many(topic), topic)

    def enlarge(self, many: int, topic: str = "t") -> None:
        """Give a topic more partitions; no row that comes now is older than what was read by then."""
        self.now += 2 * LATE
        for number in range(self.many(topic), many):
            self.parts[f"{topic}/{number}"] = []

    def close(self) -> None:
        """Close all windows before."""
        for topic in self.named:
            many = self.many(topic)
            for number in range(many):
                key = next(f"z{i}" for i in range(1000) if FakePlacing.place(f"z{i}", many) == number)
                self._put({"ip": key, "t": FAR, "n": 0, "word": "z"}, many, topic)

    def _put(self, row: dict[str, Any], many: int, topic: str) -> None:
        messages = self.parts[f"{topic}/{FakePlacing.place(row['ip'], many)}"]
        at = messages[-1].offset + self.draw.choice([1, 1, 2]) if messages else 0
        messages.append(Message(at, json.dumps(row).encode()))

    # -- workers -------------------------------------------------------------------------------------------------------------

    def start(self, name: str) -> GroupWorker:
        how = Checkpointing(self.url, 10, restore=self.restore, group="g", worker=name, partitions=self.between)
        grouping = Grouping(how, self.plan, self.stages, named(self.restore) if self.restore else None)
        try:
            bindings = self.join(Membership("g", name))
            sources = bindings.sources
            tuning = Tuning(threads=2, extra={"read_bytes": 700, "idle_poll": 0.001})
            worker = grouping.worker(sources, bindings.sinks, ENGINE, tuning)
            self.stages = worker.layout.stages
        except BaseException:
            grouping.close()
            raise
        thread = threading.Thread(target=self._run, args=(worker,), daemon=True)
        thread.start()
        self.running[name] = worker, thread
        return worker

    def join(self, membership: Membership) -> Bindings:
        joined = Joined(self.group.join(membership.worker))
        sources = {source.name: BoundSource(joined, reader_of(source)) for source in self.physical.sources}
        sinks = {sink.name: BrokerSink(self.broker, sink.name) for sink in self.physical.sinks}
        return Bindings(sources, sinks)

    def _run(self, worker: GroupWorker) -> None:
        try:
            worker.run()
            self.ledgers.append(worker.ledger())
        except BaseException as error:
            self.errors.append(error)
        finally:
            worker.close()

    def stop(self) -> None:
        for name in [*self.running]:
            worker, thread = self.running.pop(name)
            worker.stop()
            thread.join(WAIT)
            assert not thread.is_alive()
        assert not self.errors, self.errors

    @contextmanager
    def shared(self, *but: str) -> Iterator[None]:
        """Meanwhile give what nobody has to whoever takes partitions, all but these."""
        ending = threading.Event()
        thread = threading.Thread(target=self._share, args=(ending, but), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join(WAIT)

    def _share(self, ending: threading.Event, but: tuple[str, ...]) -> None:
        while not ending.wait(0.005):
            with self.group.lock:
                taking = {n: m.topics for n, m in self.group.members.items() if m.topics is not None and not m.closed}
                takers, topics = sorted(taking), {topic for each in taking.values() for topic in each or ()}
                names = [*self.parts, *(each for each in self.group.between if each.rpartition("/")[0] in topics)]
                for name in names:
                    if takers and name not in self.group.owners and name not in but:
                        number = int(name.rpartition("/")[2])  # those of one number go together
                        self.group.give(takers[number % len(takers)], name)

    def until(self, condition: Any) -> None:
        deadline = time.monotonic() + WAIT
        with self.group.lock:
            while not condition():
                assert not self.errors, self.errors
                assert time.monotonic() < deadline, {
                    n: (
                        s.offset,
                        self.parts[n][-1].offset + 1 if n in self.parts else len(self.broker.rows.get(n, ())),
                        self.group.owners.get(n),
                    )
                    for n, s in self.group.stands.items()
                }
                self.group.lock.wait(0.05)

    def through(self, *names: str) -> bool:
        """Whether partitions are read to their ends."""
        ends = {name: messages[-1].offset + 1 for name, messages in self.parts.items() if messages}
        ends |= {name: len(self.broker.rows.get(name, ())) for name in self.group.between if name in names}
        wanted = {name: ends.get(name, 0) for name in names}
        stands = self.group.stands
        return all(name in stands and stands[name].offset >= end for name, end in wanted.items())

    @property
    def topics(self) -> list[str]:
        """The partitions of the repartition topics of the job that runs."""
        (layout,) = {id(worker.layout): worker.layout for worker, _ in [next(iter(self.running.values()))]}.values()
        return [f"{topic}/{number}" for topic, many in layout.topics.items() for number in range(many)]

    def reads(self) -> None:
        """Two workers read what there is, and end; what came by the last partition of each repartition topic waits in it."""
        self.start("a")
        self.start("b")
        waiting = [f"{topic}/{many - 1}" for topic, many in self.running["a"][0].layout.topics.items()]
        rest = [name for name in [*self.parts, *self.topics] if name not in waiting]
        # what one partition of the source holds comes once those that wait have been taken away: at least how far its time has come
        with self.shared(f"t/{self.many('t') - 1}" if waiting else ""):
            self.until(lambda: all(name in self.group.stands for name in waiting))
        self.group.take(*[name for name in waiting if name in self.group.owners])
        self.until(lambda: not any(name in self.group.owners for name in waiting))
        with self.shared(*waiting):
            self.until(lambda: self.through(*rest))
        self.stop()
        left = [len(self.broker.rows.get(name, ())) - self.group.stands[name].offset for name in waiting]
        assert not waiting or any(left), "rows are in flight"

    def rescale(self, partitions: int, restore: str = "") -> Rescaled:
        rescaling = Rescaling(self.plan, self.physical, restore or self.url, self.join, WAIT)
        with self.shared():
            return rescaling.run(partitions)

    def goes_on(self, made: Rescaled, place: str = "fresh") -> None:
        """Begin from a savepoint in another place."""
        self.url, self.restore, self.between = str(self.folder / place), made.where, 0

    def ends(self) -> None:
        """Two workers read the rest."""
        self.ledgers.clear()
        self.start("c")
        self.start("d")
        topics = self.topics
        with self.shared():
            self.until(lambda: self.through(*[name for name, messages in self.parts.items() if messages], *topics))
            self.until(lambda: self.through(*topics))
        self.stop()

    # -- what came out ---------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What came out is what one process makes of the topic, and each row has one fate."""
        made = {sink.name: told(self.broker.rows.get(sink.name, [])) for sink in self.physical.sinks}
        wanted: dict[str, Counter[str]] = in_one_process(self.plan, self.parts, self.of)
        for name, rows in wanted.items():
            lost, more = rows - made[name], made[name] - rows
            assert (lost, more) == (Counter(), Counter()), f"{name}: {lost.total()} lost, {more.total()} too many"
        assert any(wanted.values())
        ledger = Ledger.sum(self.ledgers)
        for name in self.stages.topics:
            ledger.entries[name].between = True
        assert ledger.check() == []
        taken = sum(ledger.entries[source.name].taken for source in self.physical.sources)
        assert taken == sum(map(len, self.parts.values()))
        assert all(entry.opening == 0 for entry in ledger.entries.values()), ledger.to_text()
