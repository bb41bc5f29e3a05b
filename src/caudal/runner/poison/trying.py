"""Holding trials: each in a process of its own, which is waited for, watched, and ended where it hangs or takes too much memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caudal.core import duration
from caudal.ports.records import Convict, Dead
from caudal.runner.poison import journal
from caudal.runner.poison.journal import Entry, Journal
from caudal.runner.poison.narrowing import Broken, Conviction, Died, Killed, Landed, Narrowing, Outcome, Passed, Piece
from caudal.runner.poison.requests import (
    CALL,
    JOURNAL,
    NOTE,
    REQUEST,
    RESULT,
    Convicts,
    Places,
    Program,
    Request,
)

OWN = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS")
"""The signals that a process gets for what it does itself; all others come from outside, and count for nothing."""

SHORT = 30.0
"""Seconds that several records together may take at most: that is too long for no record, it only makes the range smaller."""

_LOOK = 0.01
"""Seconds between two looks at a process."""

_TOLD = 2000
"""Bytes of what a process says of its death that a dead letter keeps."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a record may take. `hang`: milliseconds of work, 0 for any; `memory`: bytes beside what the process has, 0: half of the free."""

    hang: int = 300_000
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a trial; `record` and `told`: the record in work, and what the process said as it died. `result`: what it left.

    `args`: with what a function was called over which a shard that goes on has died, b"" for none.
    """

    outcome: Outcome
    record: bytes = b""
    told: str = ""
    result: Any = None
    args: bytes = b""


class Trials:
    """Holds the trials of one shard."""

    def __init__(self, program: Program, places: Places, limits: Limits, seconds: float) -> None:
        """`seconds`: for how long what a run may have read is tried."""
        self._request = Request(program, places, None, {}, seconds)
        self._limits = limits

    def convicts(self, known: Convicts, found: Callable[[Convict, Piece], None]) -> str:
        """Find the records that kill, and give each to `found`; return why that ended early, "" where it did not."""
        asked = ended(replace(self._request, convicts=known), self._limits)
        if isinstance(asked.outcome, Broken) or not asked.result:
            return asked.outcome.why if isinstance(asked.outcome, Broken) else "the sources cannot be looked at"
        starts = {(source, partition): start for source, partition, start in asked.result["partitions"]}
        narrowing = Narrowing(starts)
        held = {key: [*several] for key, several in known.items()}
        while (tried := narrowing.next()) is not None:
            came = ended(replace(self._request, trial=tried, convicts=held), self._limits)
            conviction = narrowing.heard(came.outcome)
            if conviction is not None:
                convict = convict_of(conviction, came)
                mine = held.setdefault(conviction.piece.key, [])
                mine.append(convict)
                mine.sort(key=lambda each: each.position)
                found(convict, conviction.piece)
        return narrowing.gave_up


def ended(request: Request, limits: Limits) -> Ended:
    """Hold a trial; return what came of it."""
    with tempfile.TemporaryDirectory(prefix="caudal-trial-") as made:
        folder = Path(made)
        (folder / REQUEST).write_text(request.encode())
        if request.args:
            (folder / CALL).write_bytes(request.args)
        journal.fresh(str(folder / JOURNAL), _starts(request))
        book = Journal(str(folder / JOURNAL))
        command = [sys.executable, "-m", "caudal.runner.poison.trial", made, str(os.getpid())]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            overstepped = _watched(process, book, limits)
            return _ended(request, process.returncode, overstepped, book.read(), folder)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            book.close()


def _starts(request: Request) -> list[int]:
    if request.standing is not None:
        return [0]
    return [] if request.trial is None else list(request.trial.starts.values())


def _watched(process: subprocess.Popen[bytes], book: Journal, limits: Limits) -> str:
    """Wait for its end; return what it has overstepped, so that it was ended here, "" for nothing."""
    room = limits.memory or _free() // 2
    held = 0
    while True:
        try:
            process.wait(_LOOK)
            return ""
        except subprocess.TimeoutExpired:
            pass
        entry = book.read()
        if not entry.working:
            held = _resident(process.pid)
            continue
        if held and room and _resident(process.pid) - held > room:
            process.kill()
            process.wait()
            return f"takes more than {room >> 20:,} MB of memory"
        limit = limits.hang / 1000
        if limit and not entry.one:
            limit = min(limit, SHORT)
        if limit and time.monotonic() - entry.since > limit and not _stopped(process.pid):
            process.kill()
            process.wait()
            return f"hangs: it is not done after {duration.show(limits.hang)}"


def convict_of(conviction: Conviction, ended: Ended) -> Convict:
    """Return a conviction as sources take it."""
    piece = conviction.piece
    letter = Dead.of(
        piece.start, "poison", f"the record kills the process: {conviction.cause}", ended.record, ended.told
    )
    return Convict(piece.start, piece.end, letter)


def _ended(request: Request, code: int, overstepped: str, entry: Entry, folder: Path) -> Ended:
    keys = [("", "")] if request.standing is not None else [] if request.trial is None else list(request.trial.starts)
    landed: Landed = dict(zip(keys, entry.landed, strict=True))
    try:
        result = json.loads((folder / RESULT).read_text())
    except (OSError, ValueError):
        result = None
    if result is not None and code == 0:
        return Ended(Broken(result["failed"]) if "failed" in result else Passed(), result=result)
    name = signal.Signals(-code).name if code < 0 else f"ended with the status {code}"
    if code < 0 and not overstepped and name not in OWN:
        return Ended(Killed(landed))
    if request.trial is None and request.standing is None:
        return Ended(Broken(f"looking at the sources has failed: {name}"))
    piece = Piece(keys[entry.partition], entry.start, entry.end, entry.one, entry.size) if entry.working else None
    told = (folder / NOTE).read_text(errors="replace") if (folder / NOTE).exists() else ""
    args = (folder / CALL).read_bytes() if request.standing is not None and entry.working else b""
    return Ended(Died(overstepped or name, piece, landed), entry.payload if entry.one else b"", _dying(told), args=args)


def _dying(told: str) -> str:
    """Return of what a process said as it died what the thread did that it died of."""
    paragraphs = told.split("\n\n")
    return next((each for each in paragraphs if each.startswith("Current thread")), "")[:_TOLD].strip()


def _resident(pid: int) -> int:
    """Return the bytes that a process holds, 0 where that is not known."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            fields = dict(line.split(":", 1) for line in file)
        return 1024 * sum(int(fields[name].split()[0]) for name in ("VmRSS", "VmSwap") if name in fields)
    except (OSError, ValueError):
        return 0


def _stopped(pid: int) -> bool:
    """Whether somebody has stopped a process: it does not hang then."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def _free() -> int:
    """Return the bytes of memory that are free on this machine, 0 where that is not known."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return 0
