"""What an event of the DoS query costs, and where: processor time by the slope between two files, step by step.

python lab/budget.py [--rounds 5] [--events 1000000,4000000] [--threads 1] [--steps read,time,...]

Each step is a pipeline of its own with one thing more than the one before (`caudal.lab.denial_steps`), run as a process of
its own, the steps in turns. Shown are microseconds of processor time an event (user and system, all threads), medians over the
rounds with least and most, and what each step adds; DuckDB's whole query stands beside them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from caudal.lab.denial_data import generate
from caudal.lab.running import path_of
from dos import DUCKDB, HERE, measured

STEPS = ("read", "time", "window", "key", "query")
SAID = {
    "read": "read, decode, check",
    "time": "event time",
    "window": "W_p, window without key",
    "key": "the key",
    "query": "count_if, threshold",
}

CAUDAL = """
import sys
import caudal as cd
plan = cd.load(sys.argv[1], settings={"path": sys.argv[2], "out": sys.argv[3], "step": sys.argv[4]})
cd.run(plan, threads=int(sys.argv[5]), late="discard", dead="discard")
"""


def command(step: str, path: Path, out: Path, threads: int) -> list[str]:
    """Return the command of a step; "duckdb" for the peer."""
    if step == "duckdb":
        return [sys.executable, "-c", DUCKDB, str(path), str(threads)]
    return [sys.executable, "-c", CAUDAL, path_of("denial_steps"), str(path), str(out), step, str(threads)]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", default="1000000,4000000")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--data", type=Path, default=HERE / "data")
    args = parser.parse_args()
    small, large = (int(n) for n in args.events.split(","))
    files = {n: args.data / f"dos-{n}.jsonl" for n in (small, large)}
    for events, path in files.items():
        generate(events, path)
    steps = [*args.steps.split(","), "duckdb"]
    out = args.data / "alerts.jsonl"
    for step in steps:
        measured(command(step, files[small], out, args.threads))  # kernels are compiled, files are in memory
    costs: dict[str, list[float]] = {step: [] for step in steps}
    for number in range(args.rounds):
        first = number % len(steps)
        for step in [*steps[first:], *steps[:first]]:
            took = {n: measured(command(step, path, out, args.threads)).processor for n, path in files.items()}
            costs[step].append((took[large] - took[small]) / (large - small) * 1e6)
    before = 0.0
    print(f"{'':28s} us an event              added")
    for step, values in costs.items():
        median = statistics.median(values)
        added = "" if step == "duckdb" else f"{median - before:6.3f}"
        print(f"{SAID.get(step, step):28s} {median:6.3f} ({min(values):.3f} to {max(values):.3f})  {added}")
        before = median


if __name__ == "__main__":
    main()
