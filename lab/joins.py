"""Interval joins: the rate from memory, whether an event's cost grows with their number, and what a longer interval costs.

python lab/joins.py [--rounds 3] [--threads 2] [--millions 1,5] [--engines flink,spark] [--flood 20000]

Two streams of so many million rows each, 100,000 keys, joined within 60 s, and counted by windows of 10 minutes; about one pair a row.
"An hour" has 60 times as many keys, so the matches are as many. DuckDB joins the same columns by range, on as many threads, in turns
in one run; the pairs of both must be as many. Shown are the median and the spread of the rounds.

With `--engines` all of them count the pairs of two files of JSON lines, each in a whole process, in turns: caudal, DuckDB, Flink SQL's
interval join (streaming) and Spark SQL (batch). Their environments must be installed (`make engines`).

With `--flood` both streams have so many rows of one key within the interval, and caudal counts the pairs: time, and memory beside
that of the rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DRAWN = """
import json, resource, sys, time
import numpy as np, polars as pl
rows, keys, seconds, within, threads = (int(value) for value in sys.argv[1:6])
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
FLOOD = CAUDAL.replace(
    "counted(a.head(1000)", "a = a.with_columns(ip=0); b = b.with_columns(ip=0); counted(a.head(1000)"
)
FLOOD = FLOOD.replace("began =", "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024; began =")
FLOOD = FLOOD.replace(".ru_maxrss // 1024}", ".ru_maxrss // 1024 - before}")
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

FILES = """
import caudal as cd, json, sys, time
left, right, within, threads = sys.argv[1:]
def stream(path, name):
    return cd.source("files", path=path, format="json", schema={"t": "int64", "ip": "int64", name: "int64"}, event_time="t")
out = stream(left, "x").join(stream(right, "y"), "ip", within=f"{within}s").window(cd.tumbling("10m")).agg(n=cd.count())
pairs = int(out.collect(threads=int(threads))["n"].sum())
print(json.dumps({"pairs": pairs}))
"""
DUCKDB_FILES = """
import duckdb, json, sys
left, right, within, threads = sys.argv[1:]
duckdb.sql(f"SET threads = {threads}")
for name, path in (("l", left), ("r", right)):
    columns = {"t": "BIGINT", "ip": "BIGINT"}
    duckdb.sql(f"CREATE VIEW {name} AS SELECT * FROM read_json('{path}', format='newline_delimited', columns={columns})")
near = f"r.t BETWEEN l.t - {1000 * int(within)} AND l.t + {1000 * int(within)}"
print(json.dumps({"pairs": duckdb.sql("SELECT COUNT(*) AS n FROM l JOIN r ON l.ip = r.ip AND " + near).fetchall()[0][0]}))
"""
FLINK = """
import json, sys
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment
left, right, within, threads = sys.argv[1:]
settings = Configuration()
settings.set_string("parallelism.default", threads)
settings.set_string("taskmanager.numberOfTaskSlots", threads)
tables = TableEnvironment.create(EnvironmentSettings.new_instance().with_configuration(settings).in_streaming_mode().build())
for name, path in (("l", left), ("r", right)):
    tables.execute_sql(
        f"CREATE TABLE {name} (t BIGINT, ip BIGINT, ts AS TO_TIMESTAMP_LTZ(t, 3), WATERMARK FOR ts AS ts) "
        f"WITH ('connector' = 'filesystem', 'path' = 'file://{path}', 'format' = 'json')"
    )
near = f"r.ts BETWEEN l.ts - INTERVAL '{within}' SECOND AND l.ts + INTERVAL '{within}' SECOND"
tables.create_temporary_view("pairs", tables.sql_query("SELECT l.ts FROM l JOIN r ON l.ip = r.ip AND " + near))
windows = "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE pairs, DESCRIPTOR(ts), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end"
with tables.execute_sql(windows).collect() as rows:
    print(json.dumps({"pairs": sum(row[0] for row in rows)}))
"""
SPARK = """
import json, sys
from pyspark.sql import SparkSession
left, right, within, threads = sys.argv[1:]
spark = SparkSession.builder.master(f"local[{threads}]").config("spark.ui.enabled", "false").config("spark.driver.memory", "4g")
spark = spark.config("spark.sql.shuffle.partitions", threads).getOrCreate()
for name, path in (("l", left), ("r", right)):
    spark.read.schema("t BIGINT, ip BIGINT").json(path).createOrReplaceTempView(name)
near = f"r.t BETWEEN l.t - {1000 * int(within)} AND l.t + {1000 * int(within)}"
pairs = spark.sql("SELECT COUNT(*) FROM l JOIN r ON l.ip = r.ip AND " + near).collect()[0][0]
print(json.dumps({"pairs": pairs}))
"""


def run(program: str, *arguments: int) -> dict[str, float]:
    """Return what a program in a process of its own says."""
    given = [sys.executable, "-c", program, *map(str, arguments)]
    return json.loads(subprocess.run(given, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def shown(values: list[float]) -> str:
    """Return a median with its spread."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def beside(engines: list[str], rows: int, rounds: int, threads: int) -> None:
    """Print what whole processes take that count the pairs of two files."""
    from caudal.lab.ways import health

    ways = {"caudal": (sys.executable, FILES), "duckdb": (sys.executable, DUCKDB_FILES)}
    ways |= {name: (health(name).python, {"flink": FLINK, "spark": SPARK}[name]) for name in engines}
    took: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="caudal-lab-") as folder:
        paths = [str(Path(folder) / f"{name}.jsonl") for name in "ab"]
        subprocess.run(
            [
                sys.executable,
                "-c",
                DRAWN + "a.write_ndjson(sys.argv[6]); b.write_ndjson(sys.argv[7])",
                *map(str, (rows, 100000, max(1, 2 * rows * 60 // 100000), 60, threads)),
                *paths,
            ],
            check=True,
        )
        for number in range(rounds):
            names = [*ways]
            for name in names if number % 2 else names[::-1]:
                python, program = ways[name]
                began = time.perf_counter()
                done = subprocess.run(
                    [python, "-W", "ignore", "-c", program, *paths, "60", str(threads)],
                    check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder,
                )  # fmt: skip
                took[name].append(time.perf_counter() - began)
                found[name] = json.loads(done.stdout.splitlines()[-1])["pairs"]
    if len(set(found.values())) > 1:
        raise SystemExit(f"the pairs differ: {found}")
    for name, seconds in took.items():
        times = [a / b for a, b in zip(seconds, took["caudal"], strict=True)]
        print(f"{name}: {shown(seconds)} s, {shown(times)} times caudal's; {found[name]:,} pairs of {2 * rows:,} rows")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--millions", default="1,5")
    parser.add_argument("--engines", default="", help="flink,spark: beside them, over files")
    parser.add_argument("--flood", type=int, default=0, help="rows of one key on each side")
    asked = parser.parse_args()
    if asked.flood:
        for _ in range(asked.rounds):
            made = run(FLOOD, asked.flood, 1, 60, 60, asked.threads)
            print(f"{made['pairs']:,} pairs of one key: {made['seconds']:.1f} s, {made['memory']:,} MB", flush=True)
        return
    if asked.engines:
        beside(asked.engines.split(","), int(float(asked.millions.split(",")[0]) * 1e6), asked.rounds, asked.threads)
        return
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
