"""States of blocks, and a job that commits them, for tests of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pytest

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import Absent, Entry, Exists, Store
from caudal.ports.snapshot import OperatorState, State


def block(seed: int, rows: int = 4) -> pa.Table:
    """Return a block whose bytes hardly compress."""
    values = [(seed * 7919 + i * 104729) ** 3 % (1 << 61) for i in range(rows)]
    return pa.table({"k": pa.array([v % 128 for v in values]), "v": pa.array(values)})


def state(
    blocks: dict[int, pa.Table], removed: Iterable[int] = (), *, whole: bool = False, position: int = 0, **values: Any
) -> State:
    """Return the state of one operator, "w"."""
    operators = {"w": OperatorState("panes", 1, {"watermark": position, **values}, blocks, list(removed), whole)}
    return State(
        "local", 1, "caudal-mix64/1", 128, {("in", "p0"): position}, operators, {"counts": [["in", "taken", 1]]}
    )


KEEP = 3


class Memory:
    """A store in a dict."""

    url, exclusive = "memory", True

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written = 0

    def create(self, name: str, data: bytes | memoryview) -> None:
        if name in self.files:
            raise Exists(name)
        self.replace(name, bytes(data))

    def replace(self, name: str, data: bytes) -> None:
        self.written += len(data)
        self.files[name] = bytes(data)

    def read(self, name: str, start: int = 0, length: int = -1) -> bytes:
        if name not in self.files:
            raise Absent(name)
        data = self.files[name][start:]
        return data if length < 0 else data[:length]

    def list(self, prefix: str) -> list[Entry]:
        top = prefix.rstrip("/") + "/" if prefix else ""
        return [Entry(name, len(data), 0.0) for name, data in sorted(self.files.items()) if name.startswith(top)]

    def delete(self, names: Any) -> None:
        for name in names:
            self.files.pop(name, None)

    def hold(self) -> None:
        pass

    def close(self) -> None:
        pass


class Job:
    """Makes snapshots as a job does, and knows what they should hold."""

    def __init__(self, store: Store) -> None:
        self.snapshots = Snapshots(store, "job", "p")
        self.blocks: dict[int, pa.Table] = {}
        self.epoch = 0
        self.next = 0
        self.held: dict[str, dict[int, pa.Table]] = {}

    def commit(self, add: int, remove: list[int], *, whole: bool = False, rows: int = 4) -> Manifest:
        """Commit an epoch in which blocks come and go."""
        gone = [number for number in dict.fromkeys(remove) if number in self.blocks]
        for number in gone:
            del self.blocks[number]
        new = {self.next + i: block(self.next + i, rows) for i in range(add)}
        self.next += add
        self.blocks |= new
        self.epoch += 1
        given = state(self.blocks if whole else new, () if whole else gone, whole=whole, position=self.epoch)
        manifest = self.snapshots.manifest(
            self.snapshots.write(self.epoch, given, {"w": {"same": 1}}), {"out": {"n": 1}}
        )
        self.snapshots.commit(manifest)
        self.snapshots.adopt(manifest)
        self.held[manifest.id] = dict(self.blocks)
        self.snapshots.discard(self.epoch, list(self.held)[-KEEP:])
        return manifest

    def check(self, store: Store, manifest: Manifest) -> None:
        """What is loaded of a manifest is what the job held then."""
        loaded = Snapshots(store, "job", "p").load(manifest)
        assert dict(loaded.operators["w"].blocks) == self.held[manifest.id]
        assert loaded.positions == {("in", "p0"): manifest.epoch}
        assert loaded.operators["w"].values["watermark"] == manifest.epoch


@pytest.fixture(scope="session")
def begin() -> Callable[[Any], Job]:
    """Return what makes a job in a store."""
    return Job


@pytest.fixture(scope="session")
def memory() -> Callable[[], Memory]:
    """Return what makes a store in memory."""
    return Memory
