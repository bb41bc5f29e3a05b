"""What a job needs to know of poison: which records and calls are convicted, and which are to be."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import Absent, Exists, Store
from caudal.observe.log import log
from caudal.ports.calls import Call
from caudal.ports.records import Convict
from caudal.runner.layout import Layout
from caudal.runner.poison.attempts import TOLD, VAIN, Attempt, Begun, unfound, vain
from caudal.runner.poison.calls import Calls
from caudal.runner.poison.narrowing import Piece
from caudal.runner.poison.requests import (
    Convicts,
    Places,
    Program,
    Standing,
    Withheld,
    by_site,
    call_of,
    convict_of,
    told,
    told_call,
)
from caudal.runner.poison.trying import Limits, Trials

CONVICTED = "convicted"
"""The folder of a shard's convicts."""

_LEAST, _MOST = 10.0, 600.0
"""Seconds for which records are tried at least, and at most; between them four times what the run had not committed."""


def convicted(store: Store, shard: str) -> Convicts:
    """Return the convicts of a shard. Raises `StoreError`."""
    found: dict[tuple[str, str], list[Convict]] = {}
    for known in _known(store, shard):
        if "site" in known:
            continue
        found.setdefault((known["source"], known["partition"]), []).append(convict_of(known))
    for several in found.values():
        several.sort(key=lambda each: each.position)
    return found


def withheld(store: Store, shard: str) -> Withheld:
    """Return the calls of a shard that are not to be made. Raises `StoreError`."""
    return by_site(call_of(known) for known in _known(store, shard) if "site" in known)


def _known(store: Store, shard: str) -> list[dict[str, Any]]:
    return [json.loads(store.read(entry.name)) for entry in store.list(f"{shard}/{CONVICTED}")]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A shard over which a process has died. `places`: where it goes on; `written`: when its last commit was, seconds since the epoch, 0:
    never; `standing`: how it goes on; `reads`: whether it has partitions of sources; `calls`: whether it calls functions itself.
    """

    shard: str
    places: Places
    written: float
    standing: Standing
    reads: bool = True
    calls: bool = True


def standing(manifest: Manifest | None, held_by: Snapshots, layout: Layout | None = None, shard: str = "") -> Standing:
    """Return how a shard goes on from a commit, None: from its beginning. `held_by`: who has it; `layout`: of its group, None for a job."""
    text = "" if manifest is None else manifest.encoded().decode()
    url, folder = held_by.store.url, held_by.shard
    if layout is None:
        return Standing(text, url, folder)
    together = [[source.name for source in sources] for sources in layout.stages.sources.values()]
    return Standing(
        text, url, folder, layout.allow_dropped, shard, together, layout.sources, layout.counts, layout.prefix
    )


class Poison:
    """Used by the thread that makes checkpoints, but for `watched`."""

    def __init__(self, store: Store, program: Program | None, limits: Limits) -> None:
        """`program`: None where no process can be given the same pipeline: then nobody is convicted, and that deaths are many is told.

        Raises `StoreError`.
        """
        self._store = store
        self._program = program
        self._limits = limits
        self._attempt = Attempt(store, limits.hang, ours=program is not None)
        self._told = False
        self._looking: dict[tuple[str, str], Future[int]] = {}

    def taken(self, shard: str, mark: dict[str, Any], token: str) -> Begun:
        """Return what is known of attempts at a shard as this process takes it. `mark`: the shard's. Raises `StoreError`."""
        before = Begun.of(mark)
        begun = before.taken(self._attempt.id, token, self._attempt.note(before.attempt))
        if self._program is None and not self._told and (begun.cause or begun.silent >= TOLD):
            self._told = True
            log.warning("%s", unfound(begun, self._store.url))
        return begun

    def forget(self, mark: dict[str, Any]) -> None:
        """The attempt before is dealt with, where no other shard is to ask for it."""
        self._attempt.forget(Begun.of(mark).attempt)

    def look(self, suspect: Suspect, begun: Begun) -> Begun:
        """Look for calls, then for records, that kill; return what is known then.

        Raises `StoreError`; `RunError` where nothing was found again and again.
        """
        shard, written = suspect.shard, suspect.written
        if not begun.cause or self._program is None:
            return begun
        if begun.vain and self._explained(begun.unexplained):
            begun = replace(begun, vain=0)
        if begun.vain >= VAIN:
            raise vain(begun, shard)
        log.warning(
            "the last run over %s died (%s): which record does that is found out in a process apart", shard, begun.cause
        )
        known = begun.died > written > 0
        seconds = min(_MOST, _LEAST + 4 * (begun.died - written)) if known else 6 * _LEAST
        found = self._calls(self._program, suspect, seconds) if suspect.calls else 0
        if suspect.reads and not found:
            found = self._records(self._program, suspect, seconds)
        if not found:
            log.warning("nothing of %s does it by itself; the run goes on", shard)
        return begun.looked(found)

    def _records(self, program: Program, suspect: Suspect, seconds: float) -> int:
        """Look for records; return how many were found."""
        found = 0

        def keep(convict: Convict, piece: Piece) -> None:
            nonlocal found
            found += 1
            name, partition = piece.key
            log.warning("%s at %d of %s: %s; it is a dead letter", name, piece.start, partition, convict.letter.message)
            _keep(self._store, suspect.shard, convict, piece)

        trials = Trials(program, suspect.places, self._limits, seconds)
        if why := trials.convicts(convicted(self._store, suspect.shard), keep):
            log.warning("looking for the record has ended early: %s", why)
        return found

    def _calls(self, program: Program, suspect: Suspect, seconds: float) -> int:
        """Look for calls of functions; return how many were found."""
        found = 0

        def keep(call: Call) -> None:
            nonlocal found
            found += 1
            log.warning("%s: %s; it is a dead letter", call.site.partition("/")[0], call.message)
            _keep_call(self._store, suspect.shard, call)

        records = convicted(self._store, suspect.shard)
        calls = Calls(program, suspect.places, suspect.standing, records, self._limits, seconds)
        if why := calls.convicts(withheld(self._store, suspect.shard), keep):
            log.info("%s", why)
        return found

    def _explained(self, died: float) -> bool:
        """Whether what a process died of at this time was found since, in any of its shards."""
        found = (each for each in self._store.list("") if f"/{CONVICTED}/" in each.name)
        return any(each.modified >= died for each in found)

    def looking(self, shard: str, token: str, work: Callable[[], Begun]) -> Begun | None:
        """Do `work`, which looks, in a thread; return what came of it once that is known, None before. Raises what it raised."""
        key = shard, token
        if key not in self._looking:
            future: Future[Any] = Future()

            def run() -> None:
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)

            self._looking[key] = future
            Thread(target=run, name="caudal-poison", daemon=True).start()
        future = self._looking[key]
        if not future.done():
            return None
        del self._looking[key]
        return future.result()

    def watched(self, standing: Callable[[], Any]) -> AbstractContextManager[None]:
        """See `Attempt.watched`."""
        return self._attempt.watched(standing)

    def end(self) -> None:
        """This process ends as it should; idempotent."""
        self._attempt.end()


def _keep(store: Store, shard: str, convict: Convict, piece: Piece) -> None:
    source, partition = piece.key
    name = hashlib.sha256(f"{source}\0{partition}".encode()).hexdigest()[:12]
    known = {"source": source, "partition": partition, "at": int(time.time() * 1000), **told(convict)}
    try:
        store.create(f"{shard}/{CONVICTED}/{name}-{convict.position}", json.dumps(known).encode())
    except Exists:
        pass  # another worker has found it too


def _keep_call(store: Store, shard: str, call: Call) -> None:
    known = told_call(call)
    name = hashlib.sha256(f"{call.site}\0{known['args']}".encode()).hexdigest()[:16]
    try:
        store.create(f"{shard}/{CONVICTED}/call-{name}", json.dumps({"at": int(time.time() * 1000), **known}).encode())
    except Exists:
        pass


def marked(store: Store, name: str) -> dict[str, Any]:
    """Return the mark of this name, {} where there is none."""
    try:
        return json.loads(store.read(name))
    except Absent:
        return {}
