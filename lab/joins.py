"""Interval joins: the rate from memory, whether an event's cost grows with their number, and what a longer interval costs.

python lab/joins.py [--rounds 3] [--threads 2] [--millions 1,5]

Two streams of so many million rows each, 100,000 keys, joined within 60 s, and counted by windows of 10 minutes; about one pair a row.
"An hour" has 60 times as many keys, so the matches are as many. DuckDB joins the same columns by range, on as many threads, in turns
in one run; the pairs of both must be as many. Shown are the median and the spread of the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

DRAWN = """
import json, resource, sys, time
import numpy as np, polars as pl
rows, keys, seconds, within, threads = (int(value) for value in sys.argv[1:])
dice = np.random.default_rng(1)
def drawn(name):
    time = np.sort(dice.integers(0, 1000 * seconds, rows))
    return pl.DataFrame({"t": time, "ip": dice.integers(0, keys, rows), name: dice.integers(0, 1000, rows)})
a, b = drawn("x"), drawn("y")
"""
CAUDAL = (
    DRAWN
    + """
import caudal as cd
def stream(frame, name):
    return cd.source("memory", rows=frame, schema={"t": "int64", "ip": "int64", name: "int64"}, event_time="t")
def counted(left, right):
    out = stream(left, "x").join(stream(right, "y"), "ip", within=f"{within}s").window(cd.tumbling("10m")).agg(n=cd.count())
    return int(out.collect(threads=threads)["n"].sum())
counted(a.head(1000), b.head(1000))  # what is compiled once
began = time.perf_counter(); pairs = counted(a, b); took = time.perf_counter() - began
print(json.dumps({"seconds": took, "pairs": pairs, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""
)
DUCKDB = (
    DRAWN
    + """
import duckdb
duckdb.sql(f"SET threads = {threads}")
began = time.perf_counter()
((pairs,),) = duckdb.sql(
    "SELECT count(*) FROM a l JOIN b r "
    f"ON l.ip = r.ip AND r.t BETWEEN l.t - {1000 * within} AND l.t + {1000 * within}"
).fetchall()
took = time.perf_counter() - began
print(json.dumps({"seconds": took, "pairs": pairs, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""
)


def run(program: str, *arguments: int) -> dict[str, float]:
    """Return what a program in a process of its own says."""
    given = [sys.executable, "-c", program, *map(str, arguments)]
    return json.loads(subprocess.run(given, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def shown(values: list[float]) -> str:
    """Return a median with its spread."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--millions", default="1,5")
    asked = parser.parse_args()
    cases = [(f"{n} M, 60 s", int(float(n) * 1e6), 100_000, 60) for n in asked.millions.split(",")]
    cases.append((f"{cases[-1][1] // 10**6} M, an hour", cases[-1][1], 6_000_000, 3600))
    for label, rows, keys, within in cases:
        seconds = max(1, 2 * rows * within // keys)
        ours: list[float] = []
        theirs: list[float] = []
        memory: list[float] = []
        for _ in range(asked.rounds):
            mine, other = (run(program, rows, keys, seconds, within, asked.threads) for program in (CAUDAL, DUCKDB))
            if mine["pairs"] != other["pairs"]:
                raise SystemExit(f"{label}: {mine['pairs']} pairs, and DuckDB has {other['pairs']}")
            ours.append(2 * rows / mine["seconds"] / 1e6)
            theirs.append(2 * rows / other["seconds"] / 1e6)
            memory.append(mine["memory"])
        ratio = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(
            f"{label}: {shown(ours)} M rows/s, DuckDB {shown(theirs)}, ratio {shown(ratio)}; "
            f"{mine['pairs']:,} pairs, {max(memory):,.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
