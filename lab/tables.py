"""Lookups: addresses a second among a million networks or ranges, the memory of a million indicators, the pause of a reload, a
MaxMind DB of a million networks, and lookups by equal keys beside polars and DuckDB.

    python lab/tables.py [--rows N] [--only cidr,ranges,indicators,maxmind,beside]

Tables are drawn from a seed and written to a temporary directory. Times are those of the clock and of the thread's processor. What a
morsel waits for but its processor, and for its turn on one, is the interpreter's lock and memory.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np

import caudal as cd
from caudal.columnar import addresses
from caudal.columnar.column import from_list
from caudal.columnar.lookup import Indexed
from caudal.columnar.morsel import Morsel
from caudal.connectors.maxmind.tree import networks as walked
from caudal.core.types import STRING
from caudal.engines.local.counters import Counters
from caudal.engines.local.lookup import lookup
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Held, Tables
from caudal.ingest.tables import Version, read
from caudal.observe.notices import Notices
from caudal.testing.mmdb import database

MORSEL = 65_536
SCHEMA = {"name": "string", "threat": "string"}

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


def scheduled() -> float:
    """Return the seconds that this thread has run, or was ready to run and waited for a processor."""
    _, waited, _ = Path("/proc/thread-self/schedstat").read_text().split()
    return time.thread_time() + int(waited) / 1e9


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


def ranges(folder: Path, rnd: random.Random, count: int, rows: int) -> None:
    """Look addresses up among ranges that overlap."""
    path = folder / "ranges.csv"
    with path.open("w") as file:
        file.write("first,last,n\n")
        for i in range(count):
            first = rnd.getrandbits(32)
            last = min(first + rnd.choice([0, 7, 100, 255, 5000, 70_000]), 2**32 - 1)
            file.write(f"{IPv4Address(first)},{IPv4Address(last)},{i}\n")
    schema = {"first": "string", "last": "string", "n": "int64"}
    table = cd.table("files", path=str(path), key=("first", "last"), match="range", schema=schema)
    read(table)
    began = time.perf_counter()
    version = read(table)
    print(
        f"{count:,} ranges: read and put in order in {time.perf_counter() - began:.2f} s, {version.nbytes / 1e6:.0f} MB"
    )
    asked = [".".join(map(str, rnd.randbytes(4))) for _ in range(rows)]
    looked_up("IPv4", version, [from_list(asked[i : i + MORSEL], STRING) for i in range(0, rows, MORSEL)])


def maxmind(folder: Path, rnd: random.Random, count: int, rows: int) -> None:
    """Look addresses up in a MaxMind DB."""
    path = folder / "places.mmdb"
    places = [
        {
            "country": {"iso_code": f"C{i % 200}", "names": {lang: f"{lang} {i}" for lang in ("de", "en", "fr", "ja")}},
            "n": i,
        }
        for i in range(count // 10)
    ]
    path.write_bytes(database({net: rnd.choice(places) for net in networks(rnd, count // 8)}))
    schema = {"network": "string", "country": cd.field("string", path=["country", "iso_code"]), "n": "int64"}
    table = cd.table("maxmind", path=str(path), key="network", match="cidr", schema=schema)
    read(table)
    raw = np.frombuffer(bytearray(path.read_bytes()), np.uint8)
    with maxminddb.open_database(str(path)) as reader:
        about = reader.metadata()
        walk, _ = best(lambda: walked(raw, about.node_count, about.record_size, about.ip_version), 3)
        began = time.perf_counter()
        version = read(table)
        took = time.perf_counter() - began
        asked = [".".join(map(str, rnd.randbytes(4))) for _ in range(rows)]
        print(
            f"a MaxMind DB, {path.stat().st_size / 1e6:.0f} MB, {version.rows:,} networks, {len(places):,} records:"
            f" the tree in {walk:.2f} s, all in {took:.2f} s, {version.nbytes / 1e6:.0f} MB"
        )
        looked_up("IPv4", version, [from_list(asked[i : i + MORSEL], STRING) for i in range(0, rows, MORSEL)])
        some = asked[:50_000]
        _, processor = best(lambda: [reader.get(each) for each in some], 3)
        print(f"  the library, one by one: {len(some) / processor / 1e6:.2f} M/s of a thread's processor time")


BESIDE = ("caudal, index there", "caudal, index built", "polars", "DuckDB")


def beside(folder: Path, rnd: random.Random, count: int, rows: int) -> None:
    """Join rows to a table by a text in this process, on one thread, beside polars and DuckDB, in turn."""
    import duckdb
    import polars as pl

    names = [f"{rnd.getrandbits(64):016x}.example.{rnd.choice(['com', 'net', 'org'])}" for _ in range(count)]
    threats = [rnd.choice(["bot", "phish", "drop"]) for _ in names]
    asked = [rnd.choice(names) if rnd.random() < 0.5 else f"www{i}.example.com" for i in range(rows)]
    frame = pl.DataFrame({"name": asked})
    feed = pl.DataFrame({"name": names, "threat": threats})
    left, right = frame.to_arrow(), feed.to_arrow()
    session = duckdb.connect()
    session.execute("SET threads = 1")
    session.register("asked", left)
    session.register("feed", right)
    table = cd.table("memory", rows=[], key="name", schema={"name": "string", "threat": "string"})
    node: Any = cd.source("memory", rows=[], schema={"name": "string"}).lookup(table).node
    columns = {"name": from_list(names, STRING), "threat": from_list(threats, STRING)}
    morsels = [
        Morsel({"name": from_list(asked[i : i + MORSEL], STRING)}, len(asked[i : i + MORSEL]))
        for i in range(0, rows, MORSEL)
    ]

    class Kept:
        version: Any = None

    def built() -> None:
        Kept.version = Version(Indexed(dict(columns), count, ["name"], "equal"), "")

    def ours() -> int:
        run = lookup(node, Kept, Counters())  # type: ignore[arg-type]
        return sum(len(m.columns["threat"]) - m.columns["threat"].null_count() for m in (run(m, {}) for m in morsels))

    def polars_() -> int:
        joined = frame.join(feed, on="name", how="left")
        return len(joined) - joined["threat"].null_count()

    def duck() -> int:
        joined = session.sql(
            "SELECT a.name, f.threat FROM asked a LEFT JOIN feed f ON a.name = f.name"
        ).to_arrow_table()
        return len(joined) - joined["threat"].null_count

    built()
    calls = dict(zip(BESIDE, (ours, lambda: (built(), ours())[1], polars_, duck), strict=True))
    assert len({call() for call in calls.values()}) == 1, "all find the same"
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(7):
        for name, call in calls.items():
            began = time.process_time()
            call()
            times[name].append(time.process_time() - began)
    print(f"{rows:,} rows, half of them met, beside each other, one thread, seconds of processor time (7 rounds):")
    whole = statistics.median(times["polars"]), statistics.median(times["DuckDB"])
    for name, found in times.items():
        half = statistics.median(found)
        print(
            f"  {name}: {half:.2f} ({min(found):.2f} to {max(found):.2f}), {rows / half / 1e6:.1f} M rows/s,"
            f" {whole[0] / half:.2f} times polars, {whole[1] / half:.2f} times DuckDB"
        )


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
    table = cd.table("files", path=str(path), key="name", reload="60s", schema=dict(SCHEMA))
    version = read(table)
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
    stored = database_of(folder / "feed.db", table)

    def appended() -> None:
        with path.open("a") as file:
            file.write("new.example.com,bot\n")

    def inserted() -> None:
        with closing(sqlite3.connect(folder / "feed.db")) as opened, opened:
            opened.execute("INSERT INTO feed VALUES ('new.example.com', 'bot')")

    pause("a CSV file", appended, table, columns)
    pause("a database", inserted, stored, columns)


def hold(table: Any) -> tuple[Held, Callable[[], object]]:
    """Return a table as a job holds it, and what reads it anew as a job does."""
    clock = [0]
    tables = Tables(Settings(clock=lambda: clock[0]))
    stream = cd.source("memory", rows=[], schema={"name": "string"})
    node: Any = stream.lookup(table).node
    held = tables.of(node, Notices(), live=True)

    def reload() -> None:
        clock[0] += table.reload
        tables.step()

    return held, reload


def database_of(path: Path, table: Any) -> Any:
    """Put the rows of a feed into a database; return it as a table."""
    columns = read(table).indexed.columns
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE feed (name TEXT, threat TEXT)")
        opened.executemany("INSERT INTO feed VALUES (?, ?)", zip(*(columns[n].to_list() for n in ("name", "threat"))))
    query = "SELECT name, threat FROM feed"
    return cd.table("sql", database=str(path), query=query, key="name", reload="60s", schema=dict(SCHEMA))


def pause(what: str, change: Callable[[], object], table: Any, columns: list[Any]) -> None:
    """Look up while the table is read anew beside; tell the longest that a morsel waited."""
    held, reload = hold(table)
    stream = cd.source("memory", rows=[], schema={"name": "string"})
    node: Any = stream.lookup(table).node
    run = lookup(node, held, Counters())
    morsels = [Morsel({"name": c.slice(i, i + 4096)}, 4096) for c in columns[:1] for i in range(0, len(c), 4096)]

    def looked(until: Callable[[], bool]) -> list[tuple[float, float]]:
        times: list[tuple[float, float]] = []
        while not until():
            for morsel in morsels:
                began, used = time.perf_counter(), scheduled()
                run(morsel, {})
                took = time.perf_counter() - began
                times.append((took * 1000, max(0.0, took - (scheduled() - used)) * 1000))
        return times

    stop = time.perf_counter() + 2
    calm = looked(lambda: time.perf_counter() > stop)
    change()
    before = held.version
    thread = threading.Thread(target=reload)
    peak = resident()
    began = time.perf_counter()
    thread.start()
    busy = looked(lambda: not thread.is_alive())
    assert held.version is not before
    print(
        f"  a reload of {what} took {time.perf_counter() - began:.2f} s beside lookups, {resident() - peak:+.0f} MB while both are kept"
    )
    for when, times in (("without", calm), ("during", busy)):
        for of, number in (("took", 0), ("waited for no processor", 1)):
            each = [time_[number] for time_ in times]
            p50, p99 = np.percentile(each, [50, 99])
            print(
                f"  a morsel of 4,096 rows {when} a reload {of}: median {p50:.2f} ms, p99 {p99:.2f}, longest {max(each):.1f}"
            )


PARTS = (cidr, ranges, indicators, maxmind, beside)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1 << 21)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join(each.__name__ for each in PARTS))
    given = parser.parse_args()
    if os.environ.get("POLARS_MAX_THREADS") != "1":  # it is read when polars is imported
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "POLARS_MAX_THREADS": "1"})
    rnd = random.Random(7)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        for part in PARTS:
            if part.__name__ in given.only.split(","):
                part(Path(name), rnd, given.size, given.rows)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
