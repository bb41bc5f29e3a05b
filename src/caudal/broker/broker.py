"""The broker: started, stopped, looked at; for tests killed and frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from caudal.broker import installing, processes, properties
from caudal.broker.directory import Directory, Receipt, Status, address, new_cluster
from caudal.broker.launching import Launch, answers, wait
from caudal.core.errors import OptionError, RunError
from caudal.ports.environment import Say

PORT = 9092
"""The port of a broker unless another is named."""


class Broker:
    """Kafka on loopback, its data in a directory of its own.

    `data`: the directory, by default `data` below `CAUDAL_BROKER` (`caudal/broker` in the user's cache); `port`: None for
    the one it runs on, else 9092, 0 for a free one, which stays this object's; `settings`: server properties besides
    `properties.SETTINGS`; `behind`: the port of a second listener, and that of a proxy before it, by which this listener's
    clients are told to come: who begins at the proxy has all its connections through it. As a context manager it runs within, and
    is stopped at the end. The process is nobody's child: it runs on when this one ends. Two objects on one directory are about
    the same broker.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] = "",
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        behind: Sequence[int] = (),
    ) -> None:
        if port is not None and not 0 <= port < 65536:
            raise OptionError(f"{port} is no port", hint="--port takes 0 to 65535; 0 takes a free one")
        self._directory = Directory(Path(data).absolute() if data else installing.home() / "data")
        self._port = port
        self._settings = dict(settings or {})
        self._behind = [*behind]
        properties.check(self._settings)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        """The directory of its data."""
        return self._directory.path

    @property
    def address(self) -> str:
        """host:port, where clients reach it; of a stopped one the last, "" before the first start."""
        receipt = self._directory.receipt()
        return address(receipt.port) if receipt else ""

    def start(self, say: Say = lambda _: None) -> str:
        """Return host:port of the broker, which answers there; where it runs already, nothing is changed.

        Installs it and makes its data where they are not there. Raises `OptionError` for a directory that holds
        something else, a port that something else listens on, another port or other settings than those it runs
        with, or no Java; `RunError` where it ends or does not answer in time, with the end of its log.
        """
        with self._directory.alone():
            running = self._running()
            if running is not None:
                return running
            launch = Launch(self._directory, installing.java(), installing.install(say), say)
            before = self._directory.receipt() or Receipt(new_cluster())
            now = replace(before, version=installing.lock().version, settings=self._settings, behind=self._behind)
            wanted = PORT if self._port is None else self._port
            try:
                self._port = launch.on(now, wanted) if wanted else launch.anywhere(now)
            except OSError as error:
                raise RunError("the broker cannot be started", location=str(self.data), detail=str(error)) from error
            return address(self._port)

    def stop(self, say: Say = lambda _: None, patience: float = processes.GRACE) -> bool:
        """End the broker: SIGTERM, and after `patience` seconds SIGKILL. Return False where none ran."""
        there = processes.end(self._directory, signal.SIGTERM, patience)
        if there and self._directory.held():
            say(f"it did not end within {patience:g} s, and is killed")
            processes.end(self._directory, signal.SIGKILL)
        if not self._directory.held():
            self._directory.pid_file.unlink(missing_ok=True)
        return there

    def status(self) -> Status:
        """Return what it is doing, whoever started it; see `Status`."""
        found = self._directory
        receipt = found.receipt() or Receipt("")
        state = "stopped"
        if found.held():
            state = "running" if receipt.port and answers(receipt) else "not answering"
        version = receipt.version or installing.lock().version
        return Status(state, address(receipt.port), found.pid(), version, str(found.path), str(found.log))

    def kill(self) -> None:
        """SIGKILL: it ends as in a crash, and `start` recovers what is on disk. Returns when the process is gone.

        Like `freeze` and `thaw` raises `RunError` where none runs.
        """
        self._must(processes.end(self._directory, signal.SIGKILL))

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections, and answers nothing until `thaw`."""
        self._must(processes.send(self._directory, signal.SIGSTOP))

    def thaw(self) -> None:
        """SIGCONT: it goes on after `freeze`."""
        self._must(processes.send(self._directory, signal.SIGCONT))

    def _running(self) -> str | None:
        """Return the address of one that runs, once it answers; None where none does. Raises where it is another."""
        receipt = self._directory.receipt()
        if receipt is None or not self._directory.held():
            return None
        same_port = self._port in (None, 0, receipt.port)
        if not same_port or self._settings not in ({}, receipt.settings):
            other = "with other settings" if same_port else f"not on {address(self._port or 0)}"
            raise OptionError(
                f"a broker runs on this data already, on {address(receipt.port)}, {other}",
                location=str(self._directory.path),
                hint="stop it first: caudal broker stop",
            )
        wait(self._directory, receipt)
        self._port = receipt.port
        return address(receipt.port)

    def _must(self, there: bool) -> None:
        if not there:
            raise RunError("no broker runs on this data", location=str(self._directory.path), hint="start it first")
