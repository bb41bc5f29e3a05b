"""The store of snapshots and the folder of a sink that stages: what was not synced is lost, or torn, when it crashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caudal.checkpoint.simulator.clock import ABSENT, DOWN, Clock, Refused, Violation


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a shard. `digest` stands for the hash of all that is in it; `staged`: what its epoch is to show."""

    digest: int
    epoch: int
    positions: Mapping[str, int]
    state: Any
    staged: tuple[str, ...] = ()


class Store:
    """Named objects. `guard` is asked before one is deleted or replaced."""

    def __init__(self, clock: Clock, guard: Callable[[str], None]) -> None:
        self.objects: dict[str, Any] = {}
        self.synced: set[str] = set()
        self._clock = clock
        self._guard = guard
        self._down = 0.0
        self._torn: set[str] = set()
        self._before: dict[str, Any] = {}
        """What stood durably where something is written over: replacing is a rename, of which a crash leaves the old or the new."""

    def write(self, objects: Mapping[str, Any]) -> None:
        """Write objects; a crash may still take them, or a part of them."""
        self._check()
        for name in objects:
            if name in self.objects:
                self._guard(name)
                if name in self.synced:
                    self._before[name] = self.objects[name]
        self.objects.update(objects)
        self.synced.difference_update(objects)
        self._torn.difference_update(objects)

    def sync(self, names: Iterable[str]) -> None:
        """Make what was written durable; what was taken by a crash since is refused."""
        self._check()
        names = list(names)
        if any(name not in self.objects or name in self._torn for name in names):
            raise Refused(ABSENT)
        self.synced.update(names)
        for name in names:
            self._before.pop(name, None)

    def read(self, name: str) -> Any:
        self._check()
        if name not in self.objects:
            raise Refused(ABSENT)
        return self.objects[name]

    def list(self, prefix: str) -> list[str]:
        self._check()
        return [name for name in self.objects if name.startswith(prefix)]

    def delete(self, names: Sequence[str]) -> None:
        self._check()
        for name in names:
            self._guard(name)
            self.objects.pop(name, None)
            self.synced.discard(name)
            self._before.pop(name, None)

    def down(self, seconds: float) -> None:
        """Refuse everything for a while."""
        self._down = max(self._down, self._clock.now + seconds)

    def crash(self) -> None:
        """Lose what was not synced, but for what it was to replace; of every second object something else is left."""
        self.objects.update(self._before)
        self.synced.update(self._before)
        self._before.clear()
        for number, name in enumerate([name for name in self.objects if name not in self.synced]):
            if number % 2:
                self._torn.add(name)
                self.damage(name)
            else:
                del self.objects[name]
        self.down(0.5)

    def damage(self, name: str) -> None:
        """Change what is in an object: a snapshot stands a row before where it stood."""
        found = self.objects[name]
        if isinstance(found, Snapshot):
            positions = {partition: max(0, position - 1) for partition, position in found.positions.items()}
            self.objects[name] = replace(found, digest=-1, positions=positions)

    def _check(self) -> None:
        if self._clock.now < self._down:
            raise Refused(DOWN)


class Shown:
    """What users see: each output, and how often."""

    def __init__(self) -> None:
        self.topic: Counter[Any] = Counter()
        self.files: Counter[Any] = Counter()
        self.published: set[str] = set()

    def publish(self, store: Store, names: Sequence[str], committed: Callable[[str], bool]) -> None:
        """Rename staged files into place; what is there already stays as it is."""
        for name in names:
            if name in self.published:
                continue
            rows = store.read(name)
            if not committed(name):
                raise Violation(f"{name} was shown before the commit of its epoch")
            self.published.add(name)
            self.files.update(rows)
