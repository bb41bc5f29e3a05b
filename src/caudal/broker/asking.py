"""Asks what listens on a port which Kafka cluster it is: one Metadata request, in Kafka's own protocol."""

from __future__ import annotations

import socket
import struct

_METADATA, _VERSION, _CORRELATION = 3, 2, 7
_CLIENT = b"caudal"
_LONGEST = 1 << 16
"""Bytes that an answer about no topics stays below; what is not Kafka may say anything."""


def cluster(host: str, port: int, patience: float) -> str:
    """Return the id of the cluster that answers, with a broker that takes part in it; "" where none does.

    `patience`: seconds for the connection and for each part of the answer.
    """
    try:
        with socket.create_connection((host, port), patience) as connection:
            connection.settimeout(patience)
            header = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(_CLIENT)) + _CLIENT
            request = header + struct.pack(">i", 0)  # about no topics
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                return _cluster(stream.read(size)) if 0 < size <= _LONGEST else ""
    except (OSError, struct.error, UnicodeDecodeError):
        return ""


def _cluster(answer: bytes) -> str:
    correlation, brokers = struct.unpack_from(">ii", answer)
    if correlation != _CORRELATION or brokers < 1:
        return ""
    at = 8
    for _ in range(brokers):
        _, at = _text(answer, at + 4)  # node id, host
        _, at = _text(answer, at + 4)  # port, rack
    return _text(answer, at)[0]


def _text(answer: bytes, at: int) -> tuple[str, int]:
    """Return a text, "" for null, and where it ends."""
    (size,) = struct.unpack_from(">h", answer, at)
    end = at + 2 + max(size, 0)
    return answer[at + 2 : end].decode(), end
