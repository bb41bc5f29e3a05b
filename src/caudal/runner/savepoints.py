"""Savepoints: asked of the job that runs, which keeps one of its snapshots until somebody removes it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from caudal.checkpoint import requests, stock
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.requests import Answer, Request
from caudal.checkpoint.snapshots import Snapshots, find
from caudal.checkpoint.store import Store, StoreError, open_store
from caudal.core.errors import OptionError, RunError
from caudal.observe.log import log
from caudal.ports.engine import Execution
from caudal.runner import group_savepoints
from caudal.runner.resuming import SHARD

LOOK = (0.2, 5.0)
"""Seconds between two looks for requests: in a directory, in an object store, where each is a call."""


class Asked:
    """The savepoints that are asked of a running job. Used by one thread at a time."""

    def __init__(self, store: Store, snapshots: Snapshots) -> None:
        self.due = 0.0
        """When to look again, by the monotonic clock."""
        self.made = ""
        """The id of the last one that was made."""
        self._store = store
        self._snapshots = snapshots
        self._requests: dict[str, Request] = {}

    def look(self) -> bool:
        """Look for requests when it is time; return whether there is a new one, which an epoch is to be begun for."""
        now = time.monotonic()
        if now < self.due:
            return False
        self.due = now + LOOK[0 if self._store.exclusive else 1]
        try:
            found = {each.name: each for each in requests.waiting(self._store, time.time())}
        except StoreError as error:
            log.warning("whether a savepoint is asked for is not known: %s", error)
            return False
        new = found.keys() - self._requests.keys()
        self._requests = found
        return bool(new)

    def go_on(self, execution: Execution, last: Manifest | None) -> None:
        """An epoch was committed: make the savepoints behind which the job goes on; where it is to end, let it stop."""
        stopping = {name: each for name, each in self._requests.items() if each.stop}
        if stopping:
            execution.stop()  # they are made of the last cut, when all has landed
        else:
            self.answer(last)

    def answer(self, last: Manifest | None) -> None:
        """Keep the last commit for all who have asked. Never raises: what is committed is committed."""
        asked, self._requests = self._requests, {}
        if not asked or last is None:
            return
        try:
            self.made = self._snapshots.keep(last)
            log.info("savepoint %s@%s", self._store.url, self.made)
            for each in asked.values():
                requests.answer(self._store, each, Answer(self.made))
        except StoreError as error:
            log.warning("no savepoint could be made: %s", error)
            self._requests = asked
            self.fail(str(error))

    def fail(self, why: str) -> None:
        """Tell all who have asked that there is none. Never raises."""
        asked, self._requests = self._requests, {}
        try:
            for each in asked.values():
                requests.answer(self._store, each, Answer(why=why))
        except StoreError as error:
            log.warning("%s", error)


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A savepoint that was made. `asked`: by the job that runs; else of the last commit of one that does not.

    `stopped`: the job has ended behind it.
    """

    url: str
    id: str
    asked: bool
    stopped: bool

    @property
    def where(self) -> str:
        """What `--restore` takes."""
        return f"{self.url}@{self.id}"


def savepoint(url: str, *, stop: bool = True, timeout: float = 60.0) -> Savepoint:
    """Ask the job that keeps its checkpoints at a URL for a savepoint, and wait for it, `timeout` seconds at most.

    `stop`: the job ends behind it, drained. Where none runs (seen in a directory alone) the last commit is kept as one. Raises
    `OptionError` where there is nothing, `RunError` where the job does not answer or could not.
    """
    store = open_store(url, create=False)
    if group_savepoints.agreed(store) is not None:
        store.close()
        store = open_store(url, create=False, shared=True)
        try:
            id, asked = group_savepoints.make(store, stop=stop, timeout=timeout)
            return Savepoint(url, id, asked, asked)
        finally:
            store.close()
    held = False

    def alone() -> bool:
        nonlocal held
        try:
            store.hold()
        except OptionError:
            return False
        held = store.exclusive
        return held

    try:
        if not store.exclusive:
            stock.look(store)  # raises where no job has kept anything
        answer = None
        if not (store.exclusive and alone()):
            answer = requests.ask(store, stop=stop, timeout=timeout, alone=alone)
        if answer is not None:
            if answer.why:
                raise RunError("the job could not make a savepoint", detail=answer.why, location=url)
            return Savepoint(url, answer.savepoint, True, stop)
        last = find(store, SHARD)
        return Savepoint(url, Snapshots(store, SHARD, last.pipeline).keep(last), False, False)
    finally:
        store.close()
