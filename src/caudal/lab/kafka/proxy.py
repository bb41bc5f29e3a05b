"""A TCP proxy on loopback that can be cut (nothing passes any more, and nobody is told), slowed down, or made to end connections."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

_HOST = "127.0.0.1"
_SIZE = 1 << 16


class Proxy:
    """Passes what comes on `port` on to `target`, a port of this machine, and back; a context manager.

    `cut`: from then on bytes are taken and lost in both directions, and new connections are taken and never answered, as behind a
    firewall that drops; `heal` ends that: connections of before are reset. `reset`: end all connections now. `delay`: gives the seconds
    that each piece of an answer waits; those behind it wait too.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server((_HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        with socket.create_server((_HOST, 0)) as free:
            self.target: int = free.getsockname()[1]
        self.delay: Callable[[], float] = float
        self._cut = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """host:port, where clients come."""
        return f"{_HOST}:{self.port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, name="caudal-lab-proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listening.close()
        self.reset()

    def cut(self) -> None:
        """Let nothing pass any more."""
        self._cut.set()

    def heal(self) -> None:
        """Let new connections pass, and end those of before."""
        self.reset()
        self._cut.clear()

    def reset(self) -> None:
        """End all connections; new ones are taken."""
        with self._lock:
            gone, self._open = self._open, set()
        for each in gone:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            broker = None
            with contextlib.suppress(OSError):
                broker = socket.create_connection((_HOST, self.target), timeout=5)
                broker.settimeout(None)
            if broker is None:
                client.close()
                continue
            with self._lock:
                self._open |= {client, broker}
            for way in ((client, broker, float), (broker, client, lambda: self.delay())):
                threading.Thread(target=self._pass, args=way, name="caudal-lab-proxy", daemon=True).start()

    def _pass(self, given: socket.socket, taken: socket.socket, delay: Callable[[], float]) -> None:
        with contextlib.suppress(OSError):
            while data := given.recv(_SIZE):
                if (seconds := delay()) > 0:
                    time.sleep(seconds)
                if not self._cut.is_set():
                    taken.sendall(data)
        with self._lock:
            self._open -= {given, taken}
        for each in (given, taken):  # the other direction ends too; whoever comes second closes what is closed
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        given.close()
