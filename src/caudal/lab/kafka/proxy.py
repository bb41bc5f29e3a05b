"""A TCP proxy on loopback that can be cut: nothing passes any more, and nobody is told."""

from __future__ import annotations

import contextlib
import socket
import threading

_HOST = "127.0.0.1"
_SIZE = 1 << 16


class Proxy:
    """Passes what comes on `port` on to `target`, a port of this machine, and back; a context manager.

    `cut`: from then on bytes are taken and lost in both directions, and new connections are taken and never answered, as behind a
    firewall that drops; `heal` ends that: connections of before are reset.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server((_HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        with socket.create_server((_HOST, 0)) as free:
            self.target: int = free.getsockname()[1]
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
        self._reset()

    def cut(self) -> None:
        """Let nothing pass any more."""
        self._cut.set()

    def heal(self) -> None:
        """Let new connections pass, and end those of before."""
        self._reset()
        self._cut.clear()

    def _reset(self) -> None:
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
            for a, b in ((client, broker), (broker, client)):
                threading.Thread(target=self._pass, args=(a, b), name="caudal-lab-proxy", daemon=True).start()

    def _pass(self, given: socket.socket, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := given.recv(_SIZE):
                if not self._cut.is_set():
                    taken.sendall(data)
        with self._lock:
            self._open -= {given, taken}
        for each in (given, taken):  # the other direction ends too; whoever comes second closes what is closed
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        given.close()
