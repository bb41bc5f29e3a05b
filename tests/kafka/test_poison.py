"""A record that kills the workers of a group: one dies of it, the next one finds it, and all others are processed once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from grouped import PARTITIONS, Reading, until
from tests.unit.runner.poison.deadly import install

from caudal.broker import Broker

pytestmark = pytest.mark.kafka

PIPELINE = """
import caudal as cd

rows = cd.source("kafka", topic={source!r}, servers={servers!r}, format="deadly", name="in", event_time="t"{more},
                 schema={{"ip": "string", "t": "int64", "n": "int64", "what": "string"}})
pipeline = cd.Pipeline({name!r}, rows.select("ip", "n").to("kafka", topic={target!r}, servers={servers!r}, key="ip", name="out"))
"""


def start(folder: Path, number: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "caudal", "run", "p.py", "--checkpoint", "state", "--every", "100ms"]
    with (folder / f"worker-{number}.err").open("wb") as printed:
        return subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=printed,
        )  # fmt: skip


@pytest.mark.parametrize("shared", [True, False])
def test_one_worker_dies_of_a_record_and_the_next_one_finds_it(
    broker: Broker, new_topic: Callable[..., str], tmp_path: Path, shared: bool
) -> None:
    install(tmp_path)
    source, target = new_topic(broker, PARTITIONS), new_topic(broker, 2)
    more = ', partitioned_by="ip"' if shared else ', start="earliest"'
    names = {"source": source, "target": target, "servers": broker.address, "name": f"p-{source}", "more": more}
    (tmp_path / "p.py").write_text(PIPELINE.format(**names))
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})

    def write(n: int, what: str = "fine") -> None:
        ip = f"192.0.2.{n % 24}"
        value = json.dumps({"ip": ip, "t": n, "n": n, "what": what})
        producer.produce(source, value.encode(), key=ip.encode())

    reading = Reading(broker, target, 2)
    found: list[int] = []

    def seen(count: int) -> bool:
        found.extend(json.loads(message.value() or b"")["n"] for message in reading.take())
        return len(found) >= count

    def said() -> str:
        return f"{len(found)} rows\n" + "".join(each.read_text() for each in tmp_path.glob("*.err"))

    running = [start(tmp_path, number) for number in range(2 if shared else 1)]
    try:
        for n in range(300):
            write(n)
        producer.flush()
        until(lambda: seen(300), said)
        write(300, "die-segv")
        producer.flush()
        until(lambda: any(each.poll() is not None for each in running), said)
        if not shared:
            running.append(start(tmp_path, 1))
        for n in range(301, 600):
            write(n)
        producer.flush()
        until(lambda: seen(599), said)
        ended = [each for each in running if each.poll() is not None]
        assert [each.returncode for each in ended] == [-signal.SIGSEGV], said()
        for each in running:
            each.send_signal(signal.SIGTERM)
            each.wait(60)
        found.extend(json.loads(message.value() or b"")["n"] for message in reading.all())
    finally:
        for each in running:
            each.kill()
            each.wait()
        reading.close()
    assert sorted(found) == [n for n in range(600) if n != 300]
    convicted = [json.loads(each.read_text()) for each in (tmp_path / "state").glob("*/convicted/*")]
    assert len(convicted) == 1
    assert "SIGSEGV" in convicted[0]["message"]
