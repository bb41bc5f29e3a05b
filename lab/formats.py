"""Reading the formats other than JSON: the DoS query over the same events as access log, CSV and Parquet, beside DuckDB.

python lab/formats.py [combined csv parquet] [--rounds 5] [--threads 1] [--data lab/data]

Reported is the processor time of an event, in microseconds: (time of the large file - time of the small one) / (difference
of their events), of whole processes, so that start-up is left out and other people's work hardly counts. The query counts
the refused requests of an address within 3 seconds; both must find as many.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from caudal.lab.denial_data import chunks

HERE = Path(__file__).resolve().parent
SIZES = (1_000_000, 9_000_000)
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Mozilla/5.0 (Windows NT 10.0)")

CAUDAL = """
import sys
import caudal as cd
path, format, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
schema = None if format == "combined" else {"ip": "string", "timestamp": "int64", "status": "int64"}
rows = cd.source("files", path=path, format=format, event_time="timestamp", disorder="2s", schema=schema)
counted = rows.filter(cd.col("status").is_in([401, 403])).group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count())
alerts = counted.filter(cd.col("total") > 30).to("files", path=sys.argv[4], format="json")
print(cd.run(cd.Pipeline("dos", alerts), threads=threads, late="discard", dead="discard").emitted)
"""

DUCKDB = """
import duckdb, sys
path, format, threads = sys.argv[1:4]
connection = duckdb.connect()
connection.execute("set threads=" + threads)
connection.execute("set timezone='UTC'; set enable_progress_bar=false")
of = {
    "csv": f"select ip, timestamp, status from read_csv('{path}')",
    "parquet": f"select ip, timestamp, status from read_parquet('{path}')",
    "combined": f'''
        select part.ip, epoch_ms(strptime(part.time, '%d/%b/%Y:%H:%M:%S %z')) as timestamp, part.status::bigint as status
        from (select regexp_extract(line, '^([^ ]+) [^ ]+ [^ ]+ \\\\[([^]]+)\\\\] "[^"]*" ([0-9]+) ', ['ip', 'time', 'status'])
              as part from read_csv('{path}', columns={{'line': 'varchar'}}, delim='\\x01', quote='', header=false))''',
}[format]
print(len(connection.execute(f'''
    select ip, timestamp // 3000 w, count(*) total from ({of}) where status in (401, 403)
    group by all having total > 30''').fetchall()))
"""


def rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the events with the columns of a log: times in whole seconds, as an access log has them."""
    ip = pl.format("10.{}.{}.{}", pl.col("ip") // 65536 + 3, (pl.col("ip") // 256) % 256, pl.col("ip") % 256)
    page = pl.format("/archives/data/{}/{}.htm", "cik", "acc")
    agent = pl.lit(pl.Series(AGENTS)).gather(pl.col("find") % len(AGENTS))
    milliseconds = pl.col("t") // 1000 * 1000
    return frame.select(
        ip.alias("ip"), milliseconds.alias("timestamp"), page.alias("path"), pl.col("code").alias("status"),
        pl.col("size").alias("bytes"), agent.alias("user_agent"),
    )  # fmt: skip


def lines(frame: pl.DataFrame) -> pl.Series:
    """Return rows as lines of an access log, of about 130 bytes."""
    time = pl.from_epoch("timestamp", "ms").dt.strftime("%d/%b/%Y:%H:%M:%S +0000")
    line = pl.format(
        '{} - - [{}] "GET {} HTTP/1.1" {} {} "-" "{}"', "ip", time, "path", "status", "bytes", "user_agent"
    )
    return frame.select(line.alias("line"))["line"]


def generate(name: str, events: int, path: Path) -> None:
    """Write a file unless it is there already."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    frames = [rows(frame) for frame in chunks(events)]
    if name == "parquet":
        pl.concat(frames).write_parquet(part, compression="snappy", row_group_size=131_072)
    else:
        with part.open("wb") as out:
            for i, frame in enumerate(frames):
                text = frame.write_csv(include_header=i == 0) if name == "csv" else "\n".join(lines(frame)) + "\n"
                out.write(text.encode())
    part.rename(path)


def spent(command: Sequence[str]) -> tuple[float, str]:
    """Return the processor seconds of a process and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed: {out}")
    return usage.ru_utime + usage.ru_stime, out.strip()


def measure(name: str, files: Sequence[Path], threads: int) -> tuple[float, float]:
    """Return microseconds an event of caudal and of DuckDB."""
    found: dict[str, list[float]] = {"caudal": [], "duckdb": []}
    for path in files:
        given = [str(path), name, str(threads)]
        commands = {
            "caudal": [sys.executable, "-c", CAUDAL, *given, str(path.with_suffix(".alerts"))],
            "duckdb": [sys.executable, "-c", DUCKDB, *given],
        }
        printed = set[str]()
        for which, command in commands.items():
            seconds, out = spent(command)
            found[which].append(seconds)
            printed.add(out)
        assert len(printed) == 1, f"{path}: {printed}"
    caudal, duckdb = ((large - small) / (SIZES[1] - SIZES[0]) * 1e6 for small, large in found.values())
    return caudal, duckdb


def spread(values: Sequence[float]) -> str:
    """Return median with minimum and maximum."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", default=["combined", "csv", "parquet"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=HERE / "data")
    args = parser.parse_args()
    for name in args.formats:
        files = [args.data / f"requests-{events}.{name}" for events in SIZES]
        for events, path in zip(SIZES, files, strict=True):
            generate(name, events, path)
        measure(name, files[:1] * 2, args.threads)  # compiles and caches the kernels on a fresh machine
        pairs = [measure(name, files, args.threads) for _ in range(args.rounds)]
        ours, theirs = zip(*pairs, strict=True)
        print(f"{name}, {args.threads} threads: caudal {spread(ours)}, DuckDB {spread(theirs)} us an event;", end=" ")
        print(f"DuckDB's time over caudal's {spread([b / a for a, b in pairs])}", flush=True)


if __name__ == "__main__":
    main()
