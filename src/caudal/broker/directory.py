"""A broker's directory: what was set, which process runs on it, and that only one does.

A process that runs holds a lock on the file `running.lock` (flock), which it inherits and the kernel takes back when it ends,
however it ends. So a process's number is believed only while the lock is held, and one that was given to another
process in the meantime means nothing.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from caudal.broker.properties import HOST
from caudal.core.errors import InputError, OptionError, RunError

_OWN = {"starting.lock", "running.lock", "broker.json", ".broker.json"}
"""What may stand in a directory that has no receipt yet: a start was cut short."""

_MOMENT = 1.0
"""Seconds after which a lock is not that of somebody who only looks whether it is held."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a broker is doing.

    `state`: "running", "not answering" (its process is there: it starts, ends, or hangs) or "stopped"; `address`:
    host:port, of a stopped one the last, "" before the first start; `pid`: 0 where none runs; `version`: Kafka's.
    """

    state: str
    address: str
    pid: int
    version: str
    data: str
    log: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"caudal_broker": 1, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was last started on a directory: the cluster's id, which never changes, Kafka's version, port and settings.

    `behind`: see `Broker`; none for no second listener.
    """

    cluster: str
    version: str = ""
    port: int = 0
    settings: dict[str, str] = field(default_factory=dict[str, str])
    behind: list[int] = field(default_factory=list[int])


class Directory:
    """A broker's directory; made, and looked into, only when asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.topics = path / "topics"
        self.properties = path / "server.properties"
        self.logging = path / "log4j2.properties"
        self.log = path / "broker.log"
        self.pid_file = path / "broker.pid"
        self._receipt = path / "broker.json"

    def check(self) -> None:
        """Raise `OptionError` where the directory holds something else, `InputError` where it cannot be read."""
        if "," in str(self.path):
            raise OptionError("Kafka takes no comma in the path of its data", location=str(self.path))
        try:
            names = {name.name for name in self.path.iterdir()} if os.path.lexists(self.path) else set[str]()
        except OSError as error:
            raise InputError("this is no directory for a broker", location=str(self.path), detail=str(error)) from error
        if names - _OWN and self.receipt() is None:
            raise OptionError(
                "this directory holds something else than a broker's data",
                location=str(self.path),
                hint="--data takes an empty directory, a new one, or that of a broker",
            )

    def receipt(self) -> Receipt | None:
        """Return what was last started here, None before the first start."""
        try:
            found = json.loads(self._receipt.read_text(encoding="utf-8"))
            if found.pop("caudal_broker") == 1:
                return Receipt(**found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return None

    def write(self, receipt: Receipt) -> None:
        """Keep what is started here."""
        new = self.path / ".broker.json"
        new.write_text(json.dumps({"caudal_broker": 1, **asdict(receipt)}, indent=2) + "\n", encoding="utf-8")
        new.replace(self._receipt)

    @contextmanager
    def alone(self) -> Generator[None]:
        """Hold the right to start a broker here; others wait. Makes the directory."""
        self.check()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "starting.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise InputError("no data can be kept here", location=str(self.path), detail=str(error)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.check()
            yield
        finally:
            os.close(handle)

    def hold(self) -> int:
        """Return a descriptor with the lock of the process that is to run, for it to inherit.

        Raises `RunError` where one runs.
        """
        handle = os.open(self.path / "running.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        until = time.monotonic() + _MOMENT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError as error:
                if time.monotonic() > until:
                    os.close(handle)
                    raise RunError("another process holds the broker's data", location=str(self.path)) from error
                time.sleep(0.01)

    def held(self) -> bool:
        """Return whether a process runs here."""
        try:
            handle = os.open(self.path / "running.lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def pid(self) -> int:
        """Return the number of the process that runs here, 0 for none, or one that cannot be told.

        Where the system shows command lines, the process's must be that of this broker: the lock may be held in another
        namespace of processes.
        """
        try:
            pid = int(self.pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0
        if pid <= 1 or not self.held():
            return 0
        try:
            shown = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return 0 if os.path.isdir("/proc/self") else pid
        return pid if os.fsencode(self.properties) in shown.split(b"\0") else 0

    def tail(self, lines: int = 12) -> str:
        """Return the end of the log; see `end`."""
        try:
            return end(self.log.read_text(encoding="utf-8", errors="replace"), lines)
        except OSError:
            return ""


def end(text: str, lines: int = 12) -> str:
    """Return the last lines of what a Java process said, without the places in its code that errors came through."""
    return "\n".join([line for line in text.strip().splitlines() if not line.startswith("\tat ")][-lines:])


def new_cluster() -> str:
    """Return an id for a new cluster: 16 random bytes as Kafka writes them, never with a dash in front."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return made


def address(port: int) -> str:
    """Return host:port, "" for no port."""
    return f"{HOST}:{port}" if port else ""
