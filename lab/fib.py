"""How fast a compiled function is: recursive fib(30) under plain numba and as a `@cd.jit` function, compiled and cached.

python lab/fib.py [--rounds 5] [--calls 40] [--json]

Each figure is the fastest of several calls in a process of its own, through a loop over a column on one thread. In each
round the three ways run in turns, in another order each time; "compiled" begins with an empty cache, which "cached"
then reads. Ratios: time divided by that of the best of all processes of plain numba.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

N = 30

OURS = """
import sys, time
import numpy as np
import caudal as cd
from caudal.columnar.column import Fixed
from caudal.core.types import INT64
from caudal.expressions.functions import jit
from fibonacci import fib

run = jit.compile_scalar(fib, [INT64], INT64)
column = Fixed(INT64, np.full(1, int(sys.argv[2]), np.int64))
run([column], 1)
taken = []
for _ in range(int(sys.argv[1])):
    begin = time.perf_counter()
    run([column], 1)
    taken.append(time.perf_counter() - begin)
print(min(taken), jit.COUNTS.compiled, jit.COUNTS.loaded)
"""

FIBONACCI = """
import caudal as cd


@cd.jit
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)
"""


def seconds(command: list[str], folder: str, cached: int | None) -> float:
    """Run a process; return what it took, and see that its code came from where it should."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": os.path.join(folder, "cache"), "PYTHONPATH": folder}
    told = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout
    taken, *counts = told.split()
    if cached is not None and counts != (["0", "1"] if cached else ["1", "0"]):
        raise SystemExit(f"compiled and loaded: {counts}")
    return float(taken)


def round_of(ways: dict[str, list[float]], order: list[str], calls: int) -> None:
    """Measure each way once, in this order; what is cached is compiled before it."""
    ours = [sys.executable, "-c", OURS, str(calls), str(N)]
    plain = [sys.executable, "-m", "caudal.lab.plain_numba", "--calls", str(calls), str(N)]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "fibonacci.py"), "w", encoding="utf-8") as file:
            file.write(FIBONACCI)
        for way in order:
            if way == "numba":
                ways[way].append(seconds(plain, folder, None))
            elif way == "compiled":
                ways[way].append(seconds(ours, folder, 0))
                ways["cached"].append(seconds(ours, folder, 1))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    ways: dict[str, list[float]] = {"numba": [], "compiled": [], "cached": []}
    for number in range(args.rounds):
        order = ["numba", "compiled"] if number % 2 else ["compiled", "numba"]
        round_of(ways, order, args.calls)
    best = min(ways["numba"])
    if args.json:
        print(json.dumps({"n": N, "rounds": args.rounds, "seconds": ways}))
        return
    print(f"fib({N}), the fastest of {args.calls} calls in each of {args.rounds} processes, milliseconds")
    for way, taken in ways.items():
        low, middle, high = min(taken), statistics.median(taken), max(taken)
        print(
            f"{way:9} best {low * 1e3:6.3f}  median {middle * 1e3:6.3f}  worst {high * 1e3:6.3f}"
            f"   against the best of plain numba {middle / best:.3f} ({low / best:.3f}-{high / best:.3f})"
        )


if __name__ == "__main__":
    main()
