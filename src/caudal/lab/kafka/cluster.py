"""Where an experiment takes place: a broker, topics, a directory; all gone at its end."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from caudal.broker import Broker
from caudal.core.errors import OptionError, RunError
from caudal.lab import usage
from caudal.lab.burst import Say
from caudal.lab.kafka.proxy import Proxy

PATIENCE = 30.0
"""Seconds that a cluster has for an answer."""


def check() -> None:
    """Raise `OptionError` unless the client is there; to be called before anything is started."""
    try:
        import confluent_kafka  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise OptionError(
            "experiments over Kafka need its client, which is not installed",
            detail=str(error),
            hint="pip install 'caudal[kafka]'",
        ) from error


class Cluster:
    """A broker of its own in a temporary directory, or the one at `servers`; a context manager.

    `servers`: host:port of it; `folder`: a directory for this experiment; `proxy`: what leads to the broker and can be cut, None
    unless it was asked for.
    """

    def __init__(self, servers: str, say: Say, *, proxied: bool = False) -> None:
        """Raises `OptionError` for a proxy before a broker that is somebody else's."""
        check()
        if proxied and servers:
            raise OptionError(
                "only a worker of the experiment's own broker can be cut off",
                hint="leave --servers out: the broker must tell the worker to come by a proxy",
            )
        self.servers = servers
        self._say = say
        self._stack = contextlib.ExitStack()
        self._proxied = proxied
        self._topics: list[str] = []
        self.proxy: Proxy | None = None

    def __enter__(self) -> Cluster:
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="caudal-lab-")))
            stack.callback(_end_children, self.folder)
            if self._proxied:
                self.proxy = stack.enter_context(Proxy())
            if not self.servers:
                behind = (self.proxy.target, self.proxy.port) if self.proxy else ()
                broker = Broker(self.folder / "broker", port=0, behind=behind)
                stack.callback(broker.stop)  # also where the start is interrupted
                self.servers = broker.start(self._say)
            else:
                stack.callback(self._drop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def topic(self, partitions: int, config: Mapping[str, str] | None = None) -> str:
        """Make a topic; return its name. Raises `RunError`."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import NewTopic  # pyright: ignore[reportPrivateImportUsage]

        name = f"caudal-lab-{uuid.uuid4().hex[:12]}"
        try:
            admin = self._admin
            new = NewTopic(name, partitions, config=dict(config or {}))
            admin.create_topics([new], operation_timeout=PATIENCE)[name].result(PATIENCE)
            self._topics.append(name)
            until(lambda: len(known(admin, name)) == partitions, "the broker does not know a new topic")
        except KafkaException as error:
            raise RunError("a topic cannot be made", location=self.servers, detail=str(error)) from error
        return name

    def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """Return where the partitions of a topic end, what is not committed yet included."""
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import OffsetSpec  # pyright: ignore[reportPrivateImportUsage]

        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}
        found = self._admin.list_offsets(asked)
        return {part.partition: future.result(PATIENCE).offset for part, future in found.items()}

    def held(self, topic: str, partitions: int, group: str, worker: str) -> set[int]:
        """Return the partitions that a worker of a group has committed last: their tokens name the writer. None while the broker does
        not say."""
        from confluent_kafka import Consumer, KafkaException, TopicPartition

        asking = Consumer(
            {"bootstrap.servers": self.servers, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        )
        try:
            stands = asking.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=5)
        except KafkaException:
            return set()
        finally:
            asking.close()
        return {each.partition for each in stands if each.offset >= 0 and f"{group}.{worker}" in (each.metadata or "")}

    @cached_property
    def _admin(self) -> Any:
        """An administrator's client, which must live until its answers have come."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def _drop(self) -> None:
        if self._topics:
            for future in self._admin.delete_topics(self._topics).values():
                with contextlib.suppress(Exception):  # it is only to be tidy
                    future.result(PATIENCE)


def _end_children(folder: Path) -> None:
    """Kill the processes of this one that work below a directory: those that an interrupt came too early for to be known."""
    for child in usage.children():
        with contextlib.suppress(OSError):
            if folder in (child / "cwd").readlink().parents:
                os.kill(int(child.name), signal.SIGKILL)
                os.waitpid(int(child.name), 0)


def known(admin: Any, topic: str) -> Mapping[int, Any]:
    """Return the partitions of a topic that a broker knows."""
    found = admin.list_topics(topic, timeout=PATIENCE).topics[topic]
    return {} if found.error else found.partitions


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE, every: float = 0.02) -> None:
    """Wait for a condition; raises `RunError` that says what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RunError(what, detail=f"not within {seconds:g} s")
        time.sleep(every)
