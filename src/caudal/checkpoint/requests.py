"""Requests to the job that keeps its checkpoints in a store, put there as files, and its answers.

    requests/<hex>.ask       what is asked for, and until when: a job takes none that nobody waits for any more
    requests/<hex>.answer    what became of it

The job looks for them between epochs; who asks waits for the answer and removes it.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from caudal.checkpoint.store import Absent, Store
from caudal.core.errors import RunError

REQUESTS = "requests"

_ASK, _ANSWER = ".ask", ".answer"
_VERSION = 1

_LOOK = (0.1, 2.0)
"""Seconds between two looks for an answer: in a directory, elsewhere."""


@dataclass(frozen=True, slots=True)
class Request:
    """A savepoint is asked for. `name`: of the file; `stop`: the job is to end behind it."""

    name: str
    stop: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The savepoint's id, or why there is none."""

    savepoint: str = ""
    why: str = ""


def waiting(store: Store, now: float) -> list[Request]:
    """Return what is asked for, the job's side. What is older than anybody waits is removed. Raises `StoreError`.

    `now`: seconds since the epoch.
    """
    found: list[Request] = []
    for each in store.list(REQUESTS):
        if not each.name.endswith(_ASK):
            continue
        document = _document(store, each.name)
        until = document.get("until") if document is not None else None
        if document is None or not isinstance(until, int | float) or until < now:
            store.delete([each.name])
        else:
            found.append(Request(each.name, bool(document.get("stop", True))))
    return found


def answer(store: Store, request: Request, said: Answer) -> None:
    """Tell what became of a request, which is taken away. Raises `StoreError`."""
    document = {"caudal_answer": _VERSION, "savepoint": said.savepoint, "why": said.why}
    store.replace(request.name.removesuffix(_ASK) + _ANSWER, json.dumps(document).encode())
    store.delete([request.name])


def ask(store: Store, *, stop: bool, timeout: float, alone: Callable[[], bool]) -> Answer | None:
    """Ask for a savepoint and wait for the answer; None where no job runs any more, as `alone` finds out by holding the store.

    `timeout`: seconds. Raises `RunError` where the job does not answer in time; `StoreError`. No request is left behind.
    """
    stem = f"{REQUESTS}/{secrets.token_hex(8)}"
    until = time.time() + timeout
    store.replace(stem + _ASK, json.dumps({"caudal_request": _VERSION, "stop": stop, "until": until}).encode())
    try:
        while True:
            document = _document(store, stem + _ANSWER)
            if document is not None:
                return Answer(document["savepoint"], document["why"])
            if store.exclusive and alone():
                document = _document(store, stem + _ANSWER)  # it may have been its last deed
                return None if document is None else Answer(document["savepoint"], document["why"])
            left = until - time.time()
            if left <= 0:
                break
            time.sleep(min(_LOOK[0 if store.exclusive else 1], left))
    finally:
        store.delete([stem + _ASK, stem + _ANSWER])
    raise RunError(
        f"no job has answered in {store.url} for {timeout:g} s",
        detail="it may take longer to let all land, or none runs: whether one does cannot be seen there"
        if not store.exclusive
        else "a job is there; it may take longer to let all land",
        hint="wait longer with --timeout; where none runs, --restore takes its last checkpoint as it is",
    )


@contextmanager
def asked(store: Store, *, stop: bool, timeout: float) -> Generator[Callable[[], bool]]:
    """Within it a savepoint is asked for; whoever asks sees himself what becomes of that.

    What is returned waits until it is time to look again, and returns False once `timeout` seconds are over. Raises `StoreError`.
    """
    name = f"{REQUESTS}/{secrets.token_hex(8)}{_ASK}"
    until = time.time() + timeout
    store.replace(name, json.dumps({"caudal_request": _VERSION, "stop": stop, "until": until}).encode())

    def waiting() -> bool:
        left = until - time.time()
        time.sleep(max(0.0, min(_LOOK[0], left)))
        return left > 0

    try:
        yield waiting
    finally:
        store.delete([name])


def _document(store: Store, name: str) -> dict[str, Any] | None:
    """Return what a request or an answer says; None where there is none that can be read."""
    try:
        document = json.loads(store.read(name))
    except (Absent, ValueError):
        return None
    return document if isinstance(document, dict) else None
