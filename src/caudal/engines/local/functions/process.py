"""One worker process as its parent has it: started, sent to, listened to, watched, killed and buried."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from time import monotonic

from caudal.engines.local.functions.worker import HEAD, READY, ROW, SINCE, Foreign, Message, body_size, unpack
from caudal.plan.python import TIMEOUT

_TICK = 1.0
_FAREWELL = 1.0
_TAIL = 2000


class Gone(Exception):
    """The process has ended, or is as good as ended. `garbled`: something else than the worker wrote to its parent."""

    def __init__(self, *, garbled: bool = False) -> None:
        super().__init__()
        self.garbled = garbled


class Process:
    """A worker process: messages to it and from it, its progress, its end. One thread at a time, but for `dismiss`.

    `late`: the row (-1: loading) for which it was killed, None as long as it was not. `errors`: the end of what it
    wrote to its standard error before it was ready. `pid`: its number, which is its process group's too.
    """

    def __init__(self, memory: int) -> None:
        self._socket, theirs = socket.socketpair()
        shared = os.memfd_create("progress")
        os.ftruncate(shared, 32)
        self.progress = memoryview(mmap.mmap(shared, 32)).cast("d")
        self.progress[ROW] = -1.0
        lifeline, self._lifeline = os.pipe()
        self._errors = os.memfd_create("errors")
        inherited = (theirs.fileno(), shared, lifeline)
        command = [sys.executable, "-P", "-m", "caudal.engines.local.functions.worker"]
        try:
            self._child = subprocess.Popen(
                [*command, *map(str, (*inherited, memory))],
                stdin=subprocess.DEVNULL,
                stdout=2,  # standard output belongs to the sinks
                stderr=self._errors,
                pass_fds=inherited,
                process_group=0,  # to end what a function forks along with it
            )
        finally:
            theirs.close()
            os.close(shared)
            os.close(lifeline)
        self.pid = self._child.pid
        self._born = monotonic()
        self._known: set[tuple[str, int]] = set()
        self._killed = False
        self._burial = threading.Lock()
        self.late: int | None = None
        self.errors = ""

    def knows(self, what: tuple[str, int]) -> bool:
        """Whether the process has been told of a function or a task; from now on it has."""
        known = what in self._known
        self._known.add(what)
        return known

    def send(self, message: bytes) -> None:
        """Send a message to the process, which runs no row; raises `Gone`."""
        self.progress[ROW], self.progress[SINCE] = -1.0, 0.0
        try:
            self._socket.settimeout(TIMEOUT / 1000)
            self._socket.sendall(message)
        except OSError:
            self.kill()
            raise Gone from None

    def receive(self, limit: float) -> Message:
        """Return the next message; a row may take `limit` seconds, then the process is killed. Raises `Gone`."""
        try:
            head = self._bytes(HEAD.size, limit)
            return unpack(head, self._bytes(body_size(head), limit))
        except Foreign:
            self.kill()
            raise Gone(garbled=True) from None

    @property
    def row(self) -> int:
        """The row that was begun last, -1: none. (A function may write anything into this memory.)"""
        row = self.progress[ROW]
        return int(row) if -1 <= row < 1 << 62 else -1

    def _bytes(self, length: int, limit: float) -> bytearray:
        block = bytearray(length)
        view = memoryview(block)
        while view:
            try:
                self._socket.settimeout(self._wait(limit))
                got = self._socket.recv_into(view)
            except TimeoutError:
                if self._ended():  # and something that it forked holds the socket
                    self.kill()
                continue
            except OSError:
                got = 0
            if got == 0:
                self.kill()
                raise Gone
            view = view[got:]
        return block

    def _wait(self, limit: float) -> float:
        """Return for how many seconds to wait before looking again; kills a process that is late."""
        row, since = self.row, self.progress[SINCE]  # in this order: the worker writes the time first
        now = monotonic()
        if self._killed:
            return _TICK
        if since:
            left = since + (limit if row >= 0 else TIMEOUT / 1000) - now
            if left <= 0:
                self.late = row
                self.kill()
                return _TICK
            return min(left, _TICK)
        if not self.progress[READY] and now - self._born > TIMEOUT / 1000:
            self.kill()
        return min(limit, _TICK)

    def _ended(self) -> bool:
        """Whether the process has ended, without taking note: its number stays its own until `bury`."""
        try:
            flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
            return os.waitid(os.P_PID, self.pid, flags) is not None
        except ChildProcessError:
            return True

    def kill(self) -> None:
        """Kill the process and all that it forked."""
        self._killed = True
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def dismiss(self, *, at_once: bool) -> None:
        """Ask the process to end, or kill it."""
        if at_once:
            self.kill()
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def bury(self, *, farewell: bool = False) -> str:
        """End the process, after up to a second where it may say `farewell`, and return how it ended."""
        with self._burial:
            if self._child.returncode is None:
                if farewell:
                    with contextlib.suppress(OSError):
                        self._socket.settimeout(_FAREWELL)
                        self._socket.recv(1)
                self.kill()
                self._child.wait()
                self._socket.close()
                if not self.progress[READY]:
                    self.errors = os.pread(self._errors, 1 << 20, 0).decode("utf-8", "replace")[-_TAIL:]
                os.close(self._lifeline)
                os.close(self._errors)
        code = self._child.wait()
        if code >= 0:
            return f"the process ended with exit status {code}"
        try:
            name = f" ({signal.Signals(-code).name})"
        except ValueError:
            name = ""
        return f"the process ended by signal {-code}{name}"
