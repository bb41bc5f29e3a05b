"""Functions behind a repartition topic that kill the workers of a group: the call that does it is a dead letter, all else comes out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from grouped import CLOSERS, KEYS, PARTITIONS, Reading, until

from caudal.broker import Broker

pytestmark = pytest.mark.kafka

PIPELINE = """
import ctypes
import os
import polars as pl
import caudal as cd
from caudal import col

def die():
    {death}

@cd.batch
def shape(frame):
    total, sum = len(frame), frame["n"].sum()
    if sum == {window}:
        die()
    return pl.DataFrame({{"total": [total], "sum": [sum]}})

@cd.batch
def fine(sum: int) -> bool:
    if (sum == {result}).any():
        die()
    return sum >= 0

rows = cd.source("kafka", topic={source!r}, servers={servers!r}, format="json", name="in", event_time="t", start="earliest",
                 schema={{"ip": "string", "t": "int64", "n": "int64"}})
shapes = rows.group_by(col("ip").str.lower().alias("ip")).window(cd.tumbling("1s")).apply(
    shape, schema={{"total": "int64", "sum": "int64"}}, name="shapes")
good = shapes.filter(fine(col("sum")), name="fine")
pipeline = cd.Pipeline({name!r}, good.to("kafka", topic={target!r}, servers={servers!r}, key="ip", name="out"))
"""

DEATHS = {"segv": "ctypes.string_at(0)", "abort": "os.abort()", "hang": "ctypes.PyDLL(None).pause()"}

Window = tuple[str, int, int]
"""Address, rows, their sum."""


class Restarted:
    """Workers, each of which is started again as often as it dies, as a supervisor of services does."""

    def __init__(self, folder: Path, count: int, *options: str) -> None:
        self.ended: list[int] = []
        self._folder = folder
        self._options = options
        self._running = [self._start(number) for number in range(count)]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "caudal", "run", "p.py", "--checkpoint", "state", "--every", "100ms"]
        with (self._folder / f"worker-{number}.err").open("ab") as printed:
            return subprocess.Popen(
                [*command, *self._options], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=printed,
            )  # fmt: skip

    def keep(self) -> None:
        """Start those again that have died."""
        for number, each in enumerate(self._running):
            if each.poll() is not None:
                self.ended.append(each.returncode)
                self._running[number] = self._start(number)

    def said(self) -> str:
        printed = sorted(self._folder.glob("*.err"))
        return f"{self.ended}\n" + "".join(f"-- {each.name}\n{each.read_text()}" for each in printed)

    def leave(self) -> list[int]:
        for each in self._running:
            each.terminate()
        return [each.wait(60) for each in self._running]

    def close(self) -> None:
        for each in self._running:
            each.kill()
            each.wait()


def windows(count: int) -> Counter[Window]:
    """Return the windows of so many rows, by themselves."""
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for n in range(count):
        found[KEYS[n % len(KEYS)], n // 100].append(n)
    return Counter((ip, len(each), sum(each)) for (ip, _), each in found.items())


@pytest.mark.parametrize("how", DEATHS)
def test_calls_behind_a_repartition_topic_that_kill_are_dead_letters(
    broker: Broker, new_topic: Callable[..., str], tmp_path: Path, how: str
) -> None:
    source, target = new_topic(broker, PARTITIONS), new_topic(broker, 2)
    wanted = windows(1500)
    deadly, result = [w for w in sorted(wanted, key=lambda each: each[2]) if w[1] > 3][10::90][:2]
    (tmp_path / "p.py").write_text(
        PIPELINE.format(
            source=source, target=target, servers=broker.address, name=f"p-{source}", window=deadly[2],
            result=result[2], death=DEATHS[how],
        )
    )  # fmt: skip
    assert [sum(w[2] == each[2] for w in wanted) for each in (deadly, result)] == [1, 1]
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})

    def write(n: int, ip: str, t: int) -> None:
        producer.produce(source, json.dumps({"ip": ip, "t": t, "n": n}).encode(), key=ip.encode())

    for n in range(1500):
        write(n, KEYS[n % len(KEYS)], 10 * n)
    for ip in KEYS:
        write(0, ip, CLOSERS)
    assert not producer.flush(60)
    out = Reading(broker, target, 2)
    found: Counter[Window] = Counter()
    workers = Restarted(tmp_path, 2, "--hang", "3s")

    def take(reading: Reading) -> None:
        for message in reading.take():
            row = json.loads(message.value() or b"")
            found[row["ip"], row["total"], row["sum"]] += 1

    def done() -> bool:
        workers.keep()
        take(out)
        return len(found) >= len(wanted) - 2

    try:
        until(done, lambda: f"{len(found)} of {len(wanted)}\n{workers.said()}")
        assert workers.leave() == [0, 0], workers.said()
        for message in out.all():
            row = json.loads(message.value() or b"")
            found[row["ip"], row["total"], row["sum"]] += 1
        letters = [json.loads(message.value() or b"") for message in Reading(broker, f"{target}.dead", 1).all()]
    finally:
        workers.close()
        out.close()
    lost, more = wanted - found, found - wanted
    assert (lost, {w for w in more if w[1:] != (1, 0)}) == (Counter([deadly, result]), set()), workers.said()
    assert {(each["operator"], each["reason"]) for each in letters} == {("shapes", "poison"), ("fine", "poison")}
    assert len(letters) == 2
    by = {each["operator"]: each for each in letters}
    assert json.loads(by["shapes"]["payload"])["ip"] == deadly[0]
    assert json.loads(by["fine"]["payload"]) == {"sum": result[2]}
    sign = {"segv": "SIGSEGV", "abort": "SIGABRT", "hang": "hangs"}[how]
    assert all(sign in each["message"] for each in letters)
    code = {"segv": -signal.SIGSEGV, "abort": -signal.SIGABRT, "hang": 1}[how]
    assert set(workers.ended) == {code}
    assert len(workers.ended) <= 4, workers.said()
