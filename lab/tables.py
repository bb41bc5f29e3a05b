"""Lookups: addresses a second among a million networks, the memory of a million indicators, the pause of a reload.

    python lab/tables.py [--rows N]

Tables are drawn from a seed and written to a temporary directory. Times are those of the clock and of the thread's processor.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import numpy as np

import caudal as cd
from caudal.columnar import addresses
from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import STRING
from caudal.engines.local.counters import Counters
from caudal.engines.local.lookup import lookup
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Held, Tables
from caudal.ingest.tables import Version, read
from caudal.observe.notices import Notices

MORSEL = 65_536

GROWN = """
import gc, os, sys, time
import caudal as cd
from caudal.ingest.tables import read
def size(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
def most(): return next(int(line.split()[1]) / 1e3 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def table(path): return cd.table("files", path=path, key="name", schema={"name": "string", "threat": "string"})
kept = read(table(sys.argv[1]))
gc.collect()
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before, began = size(), time.perf_counter()
kept = read(table(sys.argv[2]))
took = time.perf_counter() - began
gc.collect()
print(took, size() - before, most() - before)
"""
"""What tells how much a process grows by a table, once all is compiled."""


def best(call: Callable[[], Any], rounds: int = 7) -> tuple[float, float]:
    """Return the least (clock, processor) seconds of several rounds, after one that compiles."""
    call()
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        clock, processor = time.perf_counter(), time.thread_time()
        call()
        found.append((time.perf_counter() - clock, time.thread_time() - processor))
    return min(each[0] for each in found), min(each[1] for each in found)


def resident() -> float:
    """Return the process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def networks(rnd: random.Random, count: int) -> list[str]:
    """Return different networks as a routing table has them, one in five of IPv6."""
    found: dict[str, None] = {}
    while len(found) < count:
        if rnd.random() < 0.2:
            bits = rnd.choice([29, 32, 36, 40, 44, 48, 48, 48, 56, 64])
            number = (0x2 << 124) | rnd.getrandbits(124)
            found[str(IPv6Network((number >> (128 - bits) << (128 - bits), bits)))] = None
        else:
            bits = rnd.choice([8, 12, 16, 18, 20, 22, 22, 23, 24, 24, 24, 24, 24, 28, 32])
            number = rnd.getrandbits(32)
            found[str(IPv4Network((number >> (32 - bits) << (32 - bits), bits)))] = None
    return list(found)


def cidr(folder: Path, rnd: random.Random, count: int, rows: int) -> None:
    """Look addresses up among networks."""
    nets = networks(rnd, count)
    path = folder / "networks.csv"
    path.write_text("net,asn\n" + "".join(f"{net},{i}\n" for i, net in enumerate(nets)))
    table = cd.table("files", path=str(path), key="net", match="cidr", schema={"net": "string", "asn": "int64"})
    read(table)
    began = time.perf_counter()
    version = read(table)
    print(
        f"{count:,} networks: read and put in order in {time.perf_counter() - began:.2f} s, {version.nbytes / 1e6:.0f} MB"
    )
    fours = [".".join(map(str, rnd.randbytes(4))) for _ in range(rows)]
    inside = [IPv6Network(net) for net in rnd.sample([net for net in nets if ":" in net], min(10_000, count // 10))]
    sixes = [str(rnd.choice(inside)[rnd.getrandbits(32)]) for _ in range(rows // 8)]
    for what, given in (("IPv4", fours), ("IPv6", sixes)):
        looked_up(what, version, [from_list(given[i : i + MORSEL], STRING) for i in range(0, len(given), MORSEL)])


def looked_up(what: str, version: Version, columns: list[Any]) -> None:
    """Tell how many addresses are looked up in a second, with and without their reading."""
    parsed = [addresses.parse(column) for column in columns]
    index: Any = version.indexed.index
    rows = sum(map(len, columns))
    met = sum(int(np.count_nonzero(version.indexed.find([c], len(c)) >= 0)) for c in columns)
    for part, call in (
        ("text to row", lambda: [version.indexed.find([c], len(c)) for c in columns]),
        ("number to row", lambda: [index._spans.find(*each) for each in parsed]),
    ):
        clock, processor = best(call)
        print(
            f"  {what}, {part}: {rows / clock / 1e6:.1f} M/s by the clock, {rows / processor / 1e6:.1f} M/s"
            f" of a thread's processor time ({met / rows:.0%} met)"
        )


def indicators(folder: Path, rnd: random.Random, count: int, rows: int) -> None:
    """Look texts up in a feed."""
    path = folder / "feed.csv"
    names = [f"{rnd.getrandbits(64):016x}.example.{rnd.choice(['com', 'net', 'org'])}" for _ in range(count)]
    path.write_text("name,threat\n" + "".join(f"{name},{rnd.choice(['bot', 'phish', 'drop'])}\n" for name in names))
    table = cd.table("files", path=str(path), key="name", reload="60s", schema={"name": "string", "threat": "string"})
    held = hold(table)
    version = held.version
    small = folder / "small.csv"
    small.write_text("name,threat\na,b\n")
    got = subprocess.run(
        [sys.executable, "-c", GROWN, str(small), str(path)], capture_output=True, text=True, check=True
    )
    took, grown, peak = map(float, got.stdout.split())
    print(
        f"{count:,} indicators: read and put in order in {took:.2f} s, {version.nbytes / 1e6:.0f} MB of arrays; a process of its own"
        f" grew by {grown:.0f} MB, and by {peak:.0f} MB at most while it read"
    )
    asked = [rnd.choice(names) if rnd.random() < 0.01 else f"www{i}.example.com" for i in range(rows)]
    columns = [from_list(asked[i : i + MORSEL], STRING) for i in range(0, rows, MORSEL)]
    clock, processor = best(lambda: [version.indexed.find([c], len(c)) for c in columns])
    print(f"  {rows / clock / 1e6:.1f} M/s by the clock, {rows / processor / 1e6:.1f} M/s of a thread's processor time")
    pause(path, held, table, columns)


def hold(table: Any) -> Held:
    """Return a table as a job holds it."""
    stream = cd.source("memory", rows=[], schema={"name": "string"})
    node: Any = stream.lookup(table).node
    return Tables(Settings()).of(node, Notices(), live=True)


def pause(path: Path, held: Held, table: Any, columns: list[Any]) -> None:
    """Look up while the table is read anew beside; tell the longest that a morsel waited."""
    stream = cd.source("memory", rows=[], schema={"name": "string"})
    node: Any = stream.lookup(table).node
    run = lookup(node, held, Counters())
    morsels = [Morsel({"name": c.slice(i, i + 4096)}, 4096) for c in columns[:1] for i in range(0, len(c), 4096)]

    def looked(until: Callable[[], bool]) -> list[float]:
        times: list[float] = []
        while not until():
            for morsel in morsels:
                began = time.perf_counter()
                run(morsel, {})
                times.append((time.perf_counter() - began) * 1000)
        return times

    stop = time.perf_counter() + 2
    calm = looked(lambda: time.perf_counter() > stop)
    with path.open("a") as file:
        file.write("new.example.com,bot\n")
    before = held.version
    thread = threading.Thread(target=held.reload)
    peak = resident()
    began = time.perf_counter()
    thread.start()
    busy = looked(lambda: not thread.is_alive())
    assert held.version is not before
    print(
        f"  a reload took {time.perf_counter() - began:.2f} s beside lookups, {resident() - peak:+.0f} MB while both are kept"
    )
    for what, times in (("without", calm), ("during", busy)):
        p50, p99 = np.percentile(times, [50, 99])
        print(f"  a morsel of 4,096 rows {what} a reload: median {p50:.2f} ms, p99 {p99:.2f}, longest {max(times):.1f}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1 << 21)
    parser.add_argument("--size", type=int, default=1_000_000)
    given = parser.parse_args()
    rnd = random.Random(7)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        cidr(Path(name), rnd, given.size, given.rows)
        indicators(Path(name), rnd, given.size, given.rows)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
