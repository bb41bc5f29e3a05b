"""The burst's function under plain numba, with no caudal: what people would write. Run as a process of its own.

    python -m caudal.lab.plain_numba SOURCE THREADS STAGE...   loops over chunks from a pipe; see `bare`
    python -m caudal.lab.plain_numba --calls COUNT N           the seconds of the fastest of COUNT calls of fib(N)

Where the code comes to lie differs from process to process, and so does how fast it is: ask several, take the best.
"""

from __future__ import annotations

import os
import sys
import threading
import time

import numba
import numpy as np


@numba.njit(nogil=True)
def fib(n):
    """Return the n-th Fibonacci number the long way."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@numba.njit(nogil=True)
def each(column, out):
    """Compute a column."""
    for row in range(column.size):
        out[row] = fib(column[row])


def _work(source: int, threads: int, stages: list[int]) -> None:
    columns = [np.full(255, stage, np.int64) for stage in stages]
    each(columns[0][:1] * 0, np.empty(1, np.int64))
    ends = [0.0] * threads

    def drain(number: int) -> None:
        out = np.empty(255, np.int64)
        while chunk := os.read(source, 1):
            for column in columns:
                each(column[: chunk[0]], out)
        ends[number] = time.perf_counter()

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    workers = [threading.Thread(target=drain, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write(f"{max(ends)!r}\n")


def fastest(calls: int, n: int) -> float:
    """Return the seconds of the fastest of several calls, through the loop over a column."""
    column, out = np.full(1, n, np.int64), np.empty(1, np.int64)
    each(column, out)
    taken: list[float] = []
    for _ in range(calls):
        begin = time.perf_counter()
        each(column, out)
        taken.append(time.perf_counter() - begin)
    return min(taken)


def _main() -> None:
    if sys.argv[1] == "--calls":
        sys.stdout.write(f"{fastest(*map(int, sys.argv[2:]))!r}\n")
    else:
        source, threads, *stages = map(int, sys.argv[1:])
        _work(source, threads, stages)


if __name__ == "__main__":
    _main()
