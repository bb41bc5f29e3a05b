"""A flood from millions of spoofed addresses: the DoS query against DuckDB in batch, in turns in one run.

python lab/flood.py [--rounds 5] [--windows 10m,3s] [--events 2000000,8000000] [--threads 2]

Addresses are drawn from 16 million, so that 8 million events come from 6.3 million of them, all within 10 minutes. Shown are, with
their spread: the ratio of slopes (events of the large file - events of the small one) / (difference of their times by the clock,
and of their processor times), and of the peak memory over the large file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

from budget import CAUDAL
from caudal.core import duration
from caudal.lab.denial_data import generate
from caudal.lab.running import path_of
from dos import HERE, measured, spread

ADDRESSES = 16_000_000
START = 1_700_000_400_000
"""A time at which a window of 10 minutes begins."""

DUCKDB = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("set threads=" + sys.argv[2])
rows = connection.execute(f'''
    select ip, timestamp // {sys.argv[3]} w, count(*) total, count(*) filter (code in (401, 403)) refused
    from read_json('{sys.argv[1]}', format='newline_delimited',
                   columns={{ip: 'varchar', timestamp: 'bigint', code: 'double'}})
    group by all having total > 30 and total = refused''').fetchall()
print(len(rows))
"""


def caudal(path: Path, window: str, threads: int) -> list[str]:
    """Return the command that runs the pipeline."""
    out = path.with_name("alerts.jsonl")
    code = CAUDAL.replace('"step": sys.argv[4]', '"window": sys.argv[4]')
    return [sys.executable, "-c", code, path_of("denial_steps"), str(path), str(out), window, str(threads)]


def duckdb(path: Path, window: str, threads: int) -> list[str]:
    """Return the command that runs the batch query."""
    return [sys.executable, "-c", DUCKDB, str(path), str(threads), str(duration.parse(window))]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", default="10m,3s")
    parser.add_argument("--events", default="2000000,8000000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--addresses", type=int, default=ADDRESSES)
    parser.add_argument("--data", type=Path, default=HERE / "data")
    args = parser.parse_args()
    small, large = (int(n) for n in args.events.split(","))
    files = {n: args.data / f"flood-{args.addresses}-{n}.jsonl" for n in (small, large)}
    for events, path in files.items():
        # in a process of its own: one that is started later seems to hold at least what this one holds
        made = multiprocessing.Process(target=generate, args=(events, path, 1, 0, args.addresses, START))
        made.start()
        made.join()
    for window in args.windows.split(","):
        rates: dict[str, list[float]] = {"by the clock": [], "by processor time": []}
        peaks: list[float] = []
        measured(caudal(files[small], window, args.threads))  # compiles kernels
        for _ in range(args.rounds):
            took = {
                n: [measured(way(path, window, args.threads)) for way in (caudal, duckdb)] for n, path in files.items()
            }
            (ours, theirs), (ours_large, theirs_large) = took[small], took[large]
            rates["by the clock"].append((theirs_large.seconds - theirs.seconds) / (ours_large.seconds - ours.seconds))
            rates["by processor time"].append(
                (theirs_large.processor - theirs.processor) / (ours_large.processor - ours.processor)
            )
            peaks.append(ours_large.peak / theirs_large.peak)
            rate = (large - small) / 1e6 / (ours_large.seconds - ours.seconds)
            print(
                f"  {rate:.2f} million events/s, {ours_large.peak // 1024} MB; DuckDB {theirs_large.peak // 1024} MB",
                flush=True,
            )
        for name, values in rates.items():
            print(f"windows of {window}: rate over DuckDB's, {name}: {spread(values)}")
        print(f"windows of {window}: memory over DuckDB's: {spread(peaks)}", flush=True)


if __name__ == "__main__":
    main()
