"""Addresses of clusters."""

from __future__ import annotations

import socket

import pytest

from caudal.core.errors import OptionError
from caudal.engines.jvm.clusters import check_exchange, master, require, session


@pytest.mark.parametrize(
    ("address", "host", "near"),
    [
        ("localhost", ("localhost", 8081), True),
        ("127.0.0.9:80", ("127.0.0.9", 80), True),
        ("[::1]:80", ("::1", 80), True),
        ("[::1]", ("::1", 8081), True),
        ("10.0.127.1", ("10.0.127.1", 8081), False),
        ("localhost.example.org:1", ("localhost.example.org", 1), False),
    ],
)
def test_session(address: str, host: tuple[str, int], near: bool) -> None:
    found = session(address)
    assert (found.hosts, found.near) == ((host,), near)


@pytest.mark.parametrize(
    "address", ["http://localhost:8081", "a:b", "a:1:2", "spark://localhost:7077", "a:99999", "a b"]
)
def test_what_is_no_session(address: str) -> None:
    with pytest.raises(OptionError, match="no address of a Flink cluster"):
        session(address)


@pytest.mark.parametrize(
    ("address", "hosts", "near"),
    [
        ("local", (), True),
        ("local[2]", (), True),
        ("yarn", (), False),
        ("spark://localhost:7077", (("localhost", 7077),), True),
        ("spark://127.0.0.1:1,10.0.0.1:2", (("127.0.0.1", 1), ("10.0.0.1", 2)), False),
        ("k8s://https://example.org:6443", (("example.org", 6443),), False),
    ],
)
def test_master(address: str, hosts: tuple[tuple[str, int], ...], near: bool) -> None:
    found = master(address)
    assert (found.hosts, found.near) == (hosts, near)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("localhost:7077", "write spark://localhost:7077"),
        ("mesos://a:1", "write spark://HOST:PORT"),
        ("spark://", "spark://HOST"),
    ],
)
def test_what_is_no_master(address: str, hint: str) -> None:
    with pytest.raises(OptionError, match="no URL of a Spark master") as told:
        master(address)
    assert hint in told.value.hint


def test_a_cluster_that_answers_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        require(session(f"127.0.0.1:{port}"), "flink", "")
        require(master(f"spark://127.0.0.1:1,127.0.0.1:{port}"), "spark", "")
    with pytest.raises(OptionError, match=f"no cluster of flink at 127.0.0.1:{port}") as told:
        require(session(f"127.0.0.1:{port}"), "flink", "")
    assert "Connection refused" in told.value.detail


def test_a_cluster_elsewhere_needs_a_directory() -> None:
    with pytest.raises(OptionError, match="needs a directory that both sides reach"):
        require(session("192.0.2.1:8081"), "flink", "")  # it is refused, not asked


def test_the_directory_must_be_there(tmp_path) -> None:
    check_exchange("")
    check_exchange(str(tmp_path))
    with pytest.raises(OptionError, match="is no directory"):
        check_exchange(str(tmp_path / "none"))
