"""What a job needs to know of poison: who is convicted, and who is to be."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import Any

from caudal.checkpoint.store import Absent, Exists, Store
from caudal.observe.log import log
from caudal.ports.records import Convict
from caudal.runner.poison.attempts import VAIN, Attempt, Begun, vain
from caudal.runner.poison.narrowing import Piece
from caudal.runner.poison.requests import Convicts, Places, Program, convict_of, told
from caudal.runner.poison.trying import Limits, Trials

CONVICTED = "convicted"
"""The folder of a shard's convicts."""

_LEAST, _MOST = 10.0, 600.0
"""Seconds for which records are tried at least, and at most; between them four times what the run had not committed."""


def convicted(store: Store, shard: str) -> Convicts:
    """Return the convicts of a shard. Raises `StoreError`."""
    found: dict[tuple[str, str], list[Convict]] = {}
    for entry in store.list(f"{shard}/{CONVICTED}"):
        known = json.loads(store.read(entry.name))
        found.setdefault((known["source"], known["partition"]), []).append(convict_of(known))
    for several in found.values():
        several.sort(key=lambda each: each.position)
    return found


class Poison:
    """Used by the thread that makes checkpoints, but for `watched`."""

    def __init__(self, store: Store, program: Program | None, limits: Limits) -> None:
        """`program`: None where no process can be given the same pipeline; then nobody is convicted. Raises `StoreError`."""
        self._store = store
        self._program = program
        self._limits = limits
        self._attempt = None if program is None else Attempt(store, limits.hang)
        self._looking: dict[tuple[str, str], Future[int]] = {}

    def taken(self, shard: str, mark: dict[str, Any], token: str) -> Begun:
        """Return what is known of attempts at a shard as this process takes it. `mark`: the shard's. Raises `StoreError`."""
        before = Begun.of(mark)
        if self._attempt is None:
            return before
        return before.taken(self._attempt.id, token, self._attempt.note(before.attempt))

    def forget(self, mark: dict[str, Any]) -> None:
        """The attempt before is dealt with, where no other shard is to ask for it."""
        if self._attempt is not None:
            self._attempt.forget(Begun.of(mark).attempt)

    def look(self, shard: str, begun: Begun, places: Places, written: float) -> Begun:
        """Look for records that kill; return what is known then. `written`: when the last commit was, seconds since the epoch, 0: never.

        Raises `StoreError`; `RunError` where nothing was found again and again.
        """
        if not begun.cause or self._program is None:
            return begun
        if begun.vain >= VAIN:
            raise vain(begun, shard)
        log.warning(
            "the last run over %s died (%s): which record does that is found out in a process apart", shard, begun.cause
        )
        known = begun.died > written > 0
        seconds = min(_MOST, _LEAST + 4 * (begun.died - written)) if known else 6 * _LEAST
        found = 0

        def keep(convict: Convict, piece: Piece) -> None:
            nonlocal found
            found += 1
            log.warning(
                "%s at %d of %s: %s; it is a dead letter",
                piece.key[0],
                piece.start,
                piece.key[1],
                convict.letter.message,
            )
            _keep(self._store, shard, convict, piece)

        why = Trials(self._program, places, self._limits, seconds).convicts(convicted(self._store, shard), keep)
        if why:
            log.warning("looking for the record has ended early: %s", why)
        elif not found:
            log.warning("no record does it by itself; the run goes on")
        return begun.looked(found)

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
        return nullcontext() if self._attempt is None else self._attempt.watched(standing)

    def end(self) -> None:
        """This process ends as it should; idempotent."""
        if self._attempt is not None:
            self._attempt.end()


def _keep(store: Store, shard: str, convict: Convict, piece: Piece) -> None:
    source, partition = piece.key
    name = hashlib.sha256(f"{source}\0{partition}".encode()).hexdigest()[:12]
    known = {"source": source, "partition": partition, "at": int(time.time() * 1000), **told(convict)}
    try:
        store.create(f"{shard}/{CONVICTED}/{name}-{convict.position}", json.dumps(known).encode())
    except Exists:
        pass  # another worker has found it too


def marked(store: Store, name: str) -> dict[str, Any]:
    """Return the mark of this name, {} where there is none."""
    try:
        return json.loads(store.read(name))
    except Absent:
        return {}
