"""Addresses of clusters: how each engine writes them, whether both sides see the same files, whether somebody answers."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from dataclasses import dataclass

from caudal.core.errors import OptionError

_PATIENCE = 5.0
"""Seconds that a host may take to answer."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by its address. `hosts`: those that could answer; `near`: all of it is on this machine."""

    address: str
    hosts: tuple[tuple[str, int], ...]
    near: bool


def session(address: str) -> Cluster:
    """Return a Flink session cluster by HOST or HOST:PORT; raises `OptionError` for what is neither."""
    host = _host(address, 8081)
    if host is None:
        raise OptionError(f"'{address}' is no address of a Flink cluster", hint="write HOST:PORT, that of its REST API")
    return Cluster(address, (host,), _loopback(host[0]))


def master(address: str) -> Cluster:
    """Return a Spark cluster by its master's URL; raises `OptionError` for what is none."""
    if re.fullmatch(r"local(\[[^\]]+\])?", address):
        return Cluster(address, (), True)
    if address == "yarn":
        return Cluster(address, (), False)
    scheme, found, rest = address.partition("://")
    if found and scheme == "k8s":
        hosts = [_host(re.sub(r"^https?://", "", rest).rstrip("/"), 443)]
    elif found and scheme == "spark":
        hosts = [_host(part, 7077) for part in rest.split(",")]
    else:
        hosts = [None]
    known = tuple(host for host in hosts if host is not None)
    if len(known) < len(hosts):
        hint = f"write spark://{address}" if not found and _host(address, 0) else "write spark://HOST:PORT"
        raise OptionError(f"'{address}' is no URL of a Spark master", hint=hint)
    return Cluster(address, known, all(_loopback(host) for host, _ in known))


def require(cluster: Cluster, engine: str, exchange: str, *, handed: bool = True) -> None:
    """Raise `OptionError` where rows that are to be handed over to a cluster cannot be, or where nobody answers."""
    if handed and not cluster.near and not exchange:
        raise OptionError(
            f"a job on {cluster.address} needs a directory that both sides reach",
            hint="name one by --exchange: rows are handed over in it",
        )
    if cluster.hosts:
        _reach(cluster, engine)


def check_exchange(exchange: str) -> None:
    """Raise `OptionError` for a directory that is none, or that cannot be written to."""
    if exchange and not (os.path.isdir(exchange) and os.access(exchange, os.W_OK | os.X_OK)):
        what = "cannot be written to" if os.path.isdir(exchange) else "is no directory"
        raise OptionError(
            f"--exchange: {exchange} {what}",
            hint="rows are handed over in it: it must be there; or say tasks, or client",
        )


def _reach(cluster: Cluster, engine: str) -> None:
    said: list[str] = []
    for host, port in cluster.hosts:
        try:
            socket.create_connection((host, port), _PATIENCE).close()
            return
        except OSError as error:
            said.append(f"{host}:{port}: {error.strerror or error}")
    raise OptionError(
        f"there is no cluster of {engine} at {cluster.address}",
        detail="; ".join(said),
        hint="is it running, and is this its address? without --cluster the job runs on this machine",
    )


def _host(text: str, default: int) -> tuple[str, int] | None:
    """Return host and port of HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; None for what is none of them."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?", text)
    if match is None or int(match[2] or default) > 65535:
        return None
    return match[1].strip("[]"), int(match[2] or default)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
