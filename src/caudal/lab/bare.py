"""The ideal: bare loops of the same function on as many cores, with no framework around them.

The ideal of compiled functions is plain numba, the fastest of several processes: where code comes to lie makes a process
fast or slow. Beside it stand loops of the very machine code that the engine runs (`own`), which show what the
framework costs alone.

The loops take work from a pipe, a byte for each chunk whose value is the number of messages, so that a core that is
held up leaves its work to the others: the makespan is that of an ideal schedule, and harder to reach than that of
fixed halves. Compiled loops run in threads without the interpreter's lock (plain numba in a process of its own,
`caudal.lab.plain_numba`), plain Python in processes (`python -m caudal.lab.bare`), as the engine runs them. Nothing that
starts up is counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CHUNKS = 1000
"""About how many chunks the work is cut to; one byte says the size of each."""

PROCESSES = 3
"""How many processes of plain numba are asked in a round."""

Loop = Callable[[int], Any]
"""Does this many messages."""


@dataclass(frozen=True, slots=True)
class Ideal:
    """What bare loops took: `seconds` from the burst to the end of the last loop."""

    messages: int
    threads: int
    seconds: float

    @property
    def throughput(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def mean(self) -> float:
        """Seconds of mean latency that no schedule undercuts: results leave evenly over the makespan, so half of it."""
        return self.seconds / 2

    @property
    def chain(self) -> float:
        """Seconds that one message takes on one core."""
        return self.seconds * self.threads / self.messages


def compiled(threads: int, messages: int, stages: Sequence[int]) -> Ideal:
    """Run bare loops of plain numba in threads, in `PROCESSES` processes one after the other; return the fastest."""
    return min((_plain_numba(threads, messages, stages) for _ in range(PROCESSES)), key=lambda ideal: ideal.seconds)


def _plain_numba(threads: int, messages: int, stages: Sequence[int]) -> Ideal:
    source, sink = os.pipe()
    command = [sys.executable, "-m", "caudal.lab.plain_numba", str(source), str(threads), *map(str, stages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(source,)) as worker:
        os.close(source)
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready
        begin = _pour(sink, messages)
        return Ideal(messages, threads, float(worker.stdout.readline()) - begin)


def own(threads: int, messages: int, stages: Sequence[int]) -> Ideal:
    """Run bare loops of the engine's machine code in threads of this process."""
    import numpy as np

    from caudal.columnar.column import Fixed
    from caudal.core.types import INT64

    run = _compiled()
    chains = {count: [Fixed(INT64, np.full(count, n, np.int64)) for n in stages] for count in {1, *sizes(messages)}}

    def chain(count: int) -> None:
        for column in chains[count]:
            run([column], count)

    run([Fixed(INT64, np.zeros(1, np.int64))], 1)
    ends = [0.0] * threads

    def work(number: int, source: int) -> None:
        _drain(source, chain)
        ends[number] = time.perf_counter()

    source, sink = os.pipe()
    workers = [threading.Thread(target=work, args=(i, source)) for i in range(threads)]
    for worker in workers:
        worker.start()
    begin = _pour(sink, messages)
    for worker in workers:
        worker.join()
    os.close(source)
    return Ideal(messages, threads, max(ends) - begin)


def plain(threads: int, messages: int, stages: Sequence[int]) -> Ideal:
    """Run bare loops of plain Python in processes."""
    source, sink = os.pipe()
    command = [sys.executable, "-m", __name__, str(source), *map(str, stages)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(source,)) for _ in range(threads)]
    os.close(source)
    try:
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()  # it is ready
        begin = _pour(sink, messages)
        # the clock counts from the machine's start, so that processes can compare it
        ends = [float(worker.communicate()[0]) for worker in workers]
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.kill()
                worker.communicate()
    return Ideal(messages, threads, max(ends) - begin)


KINDS: dict[str, Callable[[int, int, Sequence[int]], Ideal]] = {"jit": compiled, "python": plain}
"""The ideal of each kind of function."""


def sizes(messages: int) -> bytes:
    """Return the chunks, a byte each: how many messages."""
    chunk = max(1, min(255, messages // CHUNKS))
    whole, rest = divmod(messages, chunk)
    return bytes([chunk]) * whole + (bytes([rest]) if rest else b"")


def _pour(sink: int, messages: int) -> float:
    """Let the burst go: write all chunks, close the pipe, and return when it began."""
    begin = time.perf_counter()
    left = memoryview(sizes(messages))
    while left:
        left = left[os.write(sink, left) :]
    os.close(sink)
    return begin


def _drain(source: int, loop: Loop) -> None:
    while chunk := os.read(source, 1):
        loop(chunk[0])


@cache
def _compiled() -> Any:
    """Return the function as the pipeline has it, over columns: compiled once a process, for the engine and for this."""
    from caudal.core.types import INT64
    from caudal.expressions.functions.jit import compile_scalar

    return compile_scalar(_names()["fib"], [INT64], INT64)


def _names() -> dict[str, Any]:
    import runpy

    # under the name that a pipeline file runs as: it is the same function then
    return runpy.run_path(str(Path(__file__).with_name("fibonacci.py")), run_name="caudal_pipeline")


def _main() -> None:
    source, *stages = map(int, sys.argv[1:])
    fibonacci = _names()["fibonacci"]

    def loop(count: int) -> None:
        for _ in range(count):
            for stage in stages:
                fibonacci(stage)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _drain(source, loop)
    sys.stdout.write(f"{time.perf_counter()!r}\n")


if __name__ == "__main__":
    _main()
