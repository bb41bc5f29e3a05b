"""What the experiments over Kafka are judged by, without a broker: where keys belong, which request closes a window, a proxy."""

from __future__ import annotations

import random
import socket
import threading

import pytest

from caudal.connectors.kafka import partitioners
from caudal.lab.denial_data import DISORDER, WINDOW
from caudal.lab.kafka.placing import partition_of
from caudal.lab.kafka.proxy import Proxy
from caudal.lab.kafka.requesting import PARTITIONS, Requests


def test_the_partition_of_a_key_is_the_connectors() -> None:
    draw = random.Random(1)
    keys = [draw.randbytes(length) for length in range(1, 40) for _ in range(5)]
    assert [partition_of(key, 7) for key in keys] == [partitioners.partition_of("murmur2", key, 7) for key in keys]


def test_a_window_is_closed_by_the_first_request_that_brings_the_watermark_to_its_end() -> None:
    requests = Requests(10_000)
    rows = [(int(t), int(who)) for frame in requests._frames() for t, who in zip(frame["t"], frame["ip"], strict=True)]
    alerts = sorted(requests.expected())
    assert len(alerts) >= 20
    for alert in alerts[:5]:
        number = partition_of(alert[0].encode(), PARTITIONS)
        own = [
            (at, t)
            for at, (t, who) in enumerate(rows)
            if partition_of(requests.names[who].encode(), PARTITIONS) == number
        ]
        closing = next((at for at, t in own if t - DISORDER >= alert[1] + WINDOW), None)
        assert requests.closed_by(alert) == closing


def test_a_proxy_passes_loses_and_passes_again() -> None:
    with Proxy() as proxy:
        with said(proxy.port) as nobody:
            assert nobody.recv(10) == b"", "nobody listens behind it"
        with socket.create_server(("127.0.0.1", proxy.target)) as server:
            echo = threading.Thread(target=echoes, args=(server, 2))
            echo.start()
            first = said(proxy.port)
            first.sendall(b"a")
            assert first.recv(10) == b"a"
            proxy.cut()
            first.sendall(b"b")
            first.settimeout(0.2)
            with pytest.raises(TimeoutError):
                first.recv(10)
            proxy.heal()
            first.settimeout(10)
            assert first.recv(10) == b"", "it was ended"
            with said(proxy.port) as second:
                second.sendall(b"c")
                assert second.recv(10) == b"c"
            first.close()
            echo.join()


def said(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def echoes(server: socket.socket, count: int) -> None:
    """Send back what comes, over so many connections, one after the other."""
    for _ in range(count):
        taken, _ = server.accept()
        with taken:
            try:
                while data := taken.recv(10):
                    taken.sendall(data)
            except OSError:
                continue
