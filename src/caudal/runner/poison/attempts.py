"""Attempts: what the last run over a shard died of, as far as that is known, and whether the record that did it is to be looked for.

Each process has a note in the store, `attempts/ID`: made at its start, removed at its end. Where the store is a directory it is a file that
the process writes its last words to, by the handlers of `faulthandler`, when it gets a signal for what it does itself, or hangs. The mark
of a shard names the attempt that has it.
"""

from __future__ import annotations

import faulthandler
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from caudal.checkpoint.store import Absent, OnDisk, Store, StoreError
from caudal.core import duration
from caudal.core.errors import RunError
from caudal.observe.log import log

NOTES = "attempts"

SILENT = 3
"""Deaths in silence, one after another from one place, after which records are looked at all the same."""

TOLD = 2
"""Deaths in silence of which a process of the user's own is told: one may be anything."""

VAIN = 3
"""Times that nothing is found, one after another from one place, before the job ends."""

UNKNOWN = "it ended without a word, several times from one place"

_STALE = 7 * 24 * 3600
"""Seconds after which a note is nobody's."""

_SIGNS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Illegal instruction": "SIGILL",
    "Bus error": "SIGBUS",
    "Floating-point exception": "SIGFPE",
    "Timeout": "it hung",
}
"""What stands in a note, and what it means."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of the attempts at a shard; it stands in the shard's mark.

    `attempt`: the last one; `token`: the commit that it went on from; `silent`: deaths in silence from there; `vain`: times that
    nothing was found there; `cause`: the death that a record is looked for, "" for none; `died`: when that was, seconds since the
    epoch, 0 where it is not known; `unexplained`: when the last of those was for which nothing was found.
    """

    attempt: str = ""
    token: str = ""
    silent: int = 0
    vain: int = 0
    cause: str = ""
    died: float = 0.0
    unexplained: float = 0.0

    @classmethod
    def of(cls, mark: Mapping[str, Any]) -> Begun:
        """Return what a mark says of attempts; nothing, where it is an older one."""
        return cls(**mark.get("begun", {}))

    def told(self) -> dict[str, Any]:
        """Return it for the mark."""
        return {"begun": asdict(self)}

    def taken(self, attempt: str, token: str, note: Note) -> Begun:
        """Return what is known once this attempt has the shard, from that commit on. `note`: that of the one before."""
        here = token == self.token
        silent = (self.silent if here else 0) + (note.there and not note.cause and self.attempt != attempt)
        cause, died = (note.cause, note.died) if note.cause else (self.cause, self.died)
        if not cause and silent >= SILENT:
            cause, died = UNKNOWN, 0.0
        return Begun(attempt, token, silent, self.vain if here else 0, cause, died, self.unexplained)

    def looked(self, found: int) -> Begun:
        """Return what is known once records were looked at, and so many convicted."""
        vain = 0 if found else self.vain + (self.cause != UNKNOWN)
        return replace(self, cause="", died=0.0, silent=0, vain=vain, unexplained=self.died)


@dataclass(frozen=True, slots=True)
class Note:
    """The note of a process. `there`: it has not ended as it should, or it runs; `cause`: what it has died of; `died`: when."""

    there: bool
    cause: str = ""
    died: float = 0.0


class Attempt:
    """The attempt that this process is. `id`: its name."""

    def __init__(self, store: Store, hang: int, *, ours: bool = True) -> None:
        """Make its note. `hang`: milliseconds without any progress after which the process ends, 0 for any.

        `ours`: the process is caudal's own. Of another's, whose signals and hangs are that program's, the note stays without a word.
        """
        self.id = secrets.token_hex(8)
        self._store = store
        self._hang = hang / 1000
        self._name = f"{NOTES}/{self.id}"
        self._fd = -1
        self._before = faulthandler.is_enabled()
        store.create(self._name, b"")
        if ours and isinstance(store, OnDisk):
            self._fd = os.open(store.path(self._name), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            faulthandler.enable(self._fd)
        self._sweep()

    def note(self, attempt: str) -> Note:
        """Return what an earlier attempt has left; nothing of one that has ended as it should. Raises `StoreError`."""
        if not attempt:
            return Note(False)
        name = f"{NOTES}/{attempt}"
        try:
            words = self._store.read(name).decode("utf-8", "replace")
        except Absent:
            return Note(False)
        cause = next((meaning for sign, meaning in _SIGNS.items() if sign in words[:200]), "")
        written = [each.modified for each in self._store.list(NOTES) if each.name == name] if cause else []
        return Note(True, cause, *written[:1])

    def forget(self, attempt: str) -> None:
        """What an earlier attempt has left is dealt with."""
        if attempt:
            self._store.delete([f"{NOTES}/{attempt}"])

    def end(self) -> None:
        """This process has ended as it should; idempotent. Never raises."""
        if self._fd >= 0:
            faulthandler.disable()
            if self._before and sys.__stderr__ is not None:
                faulthandler.enable(sys.__stderr__)
            os.close(self._fd)
            self._fd = -1
        try:
            self._store.delete([self._name])
        except StoreError as error:
            log.info("%s", error)

    @contextmanager
    def watched(self, standing: Callable[[], Any]) -> Generator[None]:
        """Within it the process ends where it does not get on. `standing`: how far it is, None where nothing is in work."""
        if not self._hang or self._fd < 0:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(standing, over), name="caudal-hang", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            faulthandler.cancel_dump_traceback_later()

    def _watch(self, standing: Callable[[], Any], over: threading.Event) -> None:
        """Put the end off as long as there is progress; it comes without this thread's help, as a record may hold the interpreter."""
        tick = self._hang / 8
        before: Any = None
        since = time.monotonic()
        told = False
        while True:
            now = standing()
            if now is None or now != before:
                before, since, told = now, time.monotonic(), False
                faulthandler.dump_traceback_later(self._hang, exit=True, file=self._fd)
            elif time.monotonic() - since > self._hang - 2 * tick and not told:
                told = True
                log.warning(
                    "nothing gets on for nearly %s: the process ends, and the next one looks for the record that does it",
                    duration.show(int(1000 * self._hang)),
                )
            if over.wait(tick):
                return

    def _sweep(self) -> None:
        """Remove notes that are nobody's any more."""
        late = time.time() - _STALE
        self._store.delete(each.name for each in self._store.list(NOTES) if each.modified < late)


def unfound(begun: Begun, url: str) -> str:
    """Return what is told of a job that has died from one place in a process of the user's own, where nothing is looked for."""
    if begun.cause and begun.cause != UNKNOWN:
        how = f"has died since its last commit ({begun.cause})"
    else:
        how = f"has died {begun.silent} times since its last commit, without a word"
    return (
        f"this job {how}; where a record kills it, caudal run FILE --checkpoint {url} finds which, "
        "and from then on cd.run leaves it out too"
    )


def vain(begun: Begun, shard: str) -> RunError:
    """Return the error of a shard over which processes die, and no record does it alone."""
    return RunError(
        f"the job dies again and again from one place of {shard}, and no record does it by itself",
        detail=f"the last one died of this: {begun.cause}",
        hint="is it what several records come to, in a window or a join? look into the functions of the pipeline",
    )
