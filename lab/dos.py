"""The DoS benchmark: caudal against DuckDB in batch on the same files, in turns in one run.

python lab/dos.py [--rounds 5] [--sizes 2,8] [--data lab/data]

Reported, each with its spread:
- the ratio of slopes: (rows of the large file - rows of the small one) / (difference of their times), 2 threads each, so
  that start-up is left out;
- 2 threads against what two independent one-thread processes make together;
- the whole process on 2 million events;
- peak memory at 2, 8 and 20 million events.
Alerts are checked against a loop in plain Python.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from caudal.lab.denial_data import expected, generate
from caudal.lab.running import path_of

HERE = Path(__file__).resolve().parent

DUCKDB = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("set threads=" + sys.argv[2])
rows = connection.execute(f'''
    select ip, timestamp // 3000 w, count(*) total, count(*) filter (code in (401, 403)) refused
    from read_json('{sys.argv[1]}', format='newline_delimited',
                   columns={{ip: 'varchar', timestamp: 'bigint', code: 'double'}})
    group by all having total > 30 and total = refused''').fetchall()
print(len(rows))
"""

CAUDAL = """
import sys
import caudal as cd
plan = cd.load(sys.argv[1], settings={"path": sys.argv[2], "out": sys.argv[3]})
summary = cd.run(plan, threads=int(sys.argv[4]), late="discard", dead="discard")
print(summary.emitted)
"""


class Measured(NamedTuple):
    """What a process took: seconds by the clock and of processor time, kilobytes at its peak, what it wrote."""

    seconds: float
    processor: float
    peak: int
    out: str


def timed(command: Sequence[str]) -> tuple[float, int]:
    """Return (wall seconds, peak resident kilobytes) of a process."""
    took = measured(command)
    return took.seconds, took.peak


def measured(command: Sequence[str]) -> Measured:
    """Run a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed: {out.decode()}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, out.decode())


def caudal(path: Path, threads: int, out: Path) -> list[str]:
    """Return the command that runs the pipeline."""
    return [sys.executable, "-c", CAUDAL, path_of("denial"), str(path), str(out), str(threads)]


def duckdb(path: Path, threads: int) -> list[str]:
    """Return the command that runs the batch query."""
    return [sys.executable, "-c", DUCKDB, str(path), str(threads)]


def together(commands: Sequence[Sequence[str]]) -> float:
    """Return the wall seconds that processes take side by side."""
    begin = time.perf_counter()
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL) for c in commands]
    for process in running:
        if process.wait():
            raise SystemExit("a process failed")
    return time.perf_counter() - begin


def spread(values: Sequence[float]) -> str:
    """Return median with minimum and maximum."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="2,8", help="millions of events of the two files, for the slope")
    parser.add_argument("--data", type=Path, default=HERE / "data")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--skip-memory", action="store_true", help="leave out the run over 20 million events")
    args = parser.parse_args()
    few, many = (int(size) for size in args.sizes.split(","))
    sizes = [few, many] if args.skip_memory else sorted({few, many, 20})
    files = {n: args.data / f"dos-{n}m.jsonl" for n in sizes}
    for millions, path in files.items():
        generate(millions * 1_000_000, path)
    out = args.data / "alerts.jsonl"
    timed(caudal(files[few], 2, out))  # compiles and caches the kernels on a fresh machine
    got = {(r["ip"], _ms(r["window_start"]), r["total"]) for r in map(json.loads, out.read_text().splitlines())}
    wanted = expected(files[few])
    assert got == wanted, f"{len(got)} alerts, {len(wanted)} expected"
    print(f"alerts: {len(got)}, as a plain Python program finds them")

    slopes: dict[str, list[float]] = {"caudal": [], "duckdb": []}
    ratios, whole, scaling = [], [], []
    for _ in range(args.rounds):
        times: dict[str, dict[int, float]] = {"caudal": {}, "duckdb": {}}
        for millions in (few, many):
            times["caudal"][millions] = timed(caudal(files[millions], 2, out))[0]
            times["duckdb"][millions] = timed(duckdb(files[millions], 2))[0]
        for name, t in times.items():
            slopes[name].append((many - few) / (t[many] - t[few]))
        ratios.append(slopes["caudal"][-1] / slopes["duckdb"][-1])
        whole.append(times["caudal"][few])
        scaling.append(_scaling(files, few, many, out, times["caudal"]))
    print(f"caudal, 2 threads: {spread(slopes['caudal'])} million events/s")
    print(f"DuckDB, 2 threads: {spread(slopes['duckdb'])} million events/s")
    print(f"ratio: {spread(ratios)}")
    print(f"2 threads against two processes of one: {spread(scaling)}")
    print(f"whole process, {few} million events: {spread(whole)} s")
    peaks = {n: timed(caudal(path, 2, out))[1] // 1024 for n, path in files.items()}
    print("peak memory: " + ", ".join(f"{n} million {peak} MB" for n, peak in peaks.items()))
    if args.json:
        figures = {"ratio": ratios, "caudal": slopes["caudal"], "duckdb": slopes["duckdb"], "scaling": scaling}
        args.json.write_text(json.dumps({**figures, "whole": whole, "peak_mb": peaks, "rounds": args.rounds}, indent=1))


def _scaling(files: dict[int, Path], few: int, many: int, out: Path, two: dict[int, float]) -> float:
    """Return the slope of one process of 2 threads over that of two processes of 1 thread side by side."""
    pair: Callable[[int], float] = lambda n: together(  # noqa: E731
        [caudal(files[n], 1, out.with_suffix(f".{i}.jsonl")) for i in range(2)]
    )
    small, large = pair(few), pair(many)
    both = 2 * (many - few) / (large - small)
    return ((many - few) / (two[many] - two[few])) / both


def _ms(text: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(text).timestamp() * 1000)


if __name__ == "__main__":
    main()
