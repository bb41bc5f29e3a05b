"""Compiled functions that call each other and themselves in every manner: right when compiled, right from the cache.

numba leaves a call of a function that is still being compiled to the run-time linker; from a cache nobody resolves it.
Here each program runs in processes of its own, beside plain Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
OTHER = """
import caudal as cd

even_of = None

@cd.jit
def odd(n: int) -> int:
    return 0 if n == 0 else even_of(n - 1)

@cd.jit
def plus_three(n: int) -> int:
    return n + 3
"""

PROGRAM = """
import json, mmap, sys
import numpy as np
import caudal as cd
import other
from other import odd, plus_three
from caudal.columnar.column import from_list
from caudal.core.types import FLOAT64, INT64
from caudal.expressions.functions import jit

FIVE = 5

@cd.jit
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)

@cd.jit
def constant(k: int) -> int:
    s = 0
    for _ in range(k):
        s += fib(20)
    return s

@cd.jit
def other_module(n: int) -> int:
    return 1 if n == 0 else odd(n - 1)

other.even_of = other_module

@cd.jit
def mutual(n: int) -> int:
    return 1 if n <= 0 else second(n - 1) + third(0)

@cd.jit
def second(n: int) -> int:
    return 2 if n <= 0 else third(n - 1) + mutual(n - 2)

@cd.jit
def third(n: int) -> int:
    return 3 if n <= 0 else mutual(n - 1)

@cd.jit
def either(n):
    return n if n < 2 else either(n - 1) + either(n - 2)

@cd.jit
def two_types(n: int) -> float:
    return either(n) + either(n + 0.5) + either(7) + either(2.5)

@cd.jit
def defaulted(n: int, k: int = 3) -> int:
    return n * k if n < 2 else defaulted(n - 1, k) + defaulted(n - 2)

@cd.jit
def defaults(n: int) -> int:
    return defaulted(n) + defaulted(4) + defaulted(3, 5)

def closing(k):
    @cd.jit
    def closed(n: int) -> int:
        return n * k if n < 2 else closed(n - 1) + closed(1)
    return closed

closure = closing(FIVE)

@cd.jit
def nested(n: int) -> int:
    def square(x):
        return x * x + FIVE
    return square(n) + square(plus_three(2))

@cd.jit
def folded(pair):
    return pair[0] if pair[1] <= 0 else folded((pair[0] + pair[1], pair[1] - 1))

@cd.jit
def tuples(n: int) -> int:
    return folded((n, 3)) + folded((1, 2))

@cd.jit
def summed(values, i):
    return values[i] if i <= 0 else values[i] + summed(values, i - 1)

@cd.jit
def arrays(n: int) -> int:
    return summed(np.arange(20), n) + summed(np.arange(20), 4)

@cd.jit
def library(n: int) -> float:
    return np.sqrt(n) ** 1.5 + np.tanh(n)

functions = [constant, other_module, mutual, two_types, defaults, closure, nested, tuples, arrays, library]
far = []
for function in functions:
    if len(sys.argv) > 1:  # what comes next lies farther away than a call over 32 bits reaches
        far.append(mmap.mmap(-1, 3 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ))
    returns = {float: FLOAT64, int: INT64}[function.call.__annotations__["return"]]
    run = jit.compile_scalar(function, [INT64], returns)
    expected = [function.call(n) for n in (2, 9)]
    done = run([from_list([2, 9], INT64)], 2)
    assert not done.failed, done.failed
    assert np.allclose(done.column.to_list(), expected, rtol=1e-15), (function.name, done.column.to_list(), expected)
print(json.dumps([len(functions), jit.COUNTS.compiled, jit.COUNTS.loaded]))
"""


def run(folder: Path, *arguments: str) -> list[int]:
    """Return how many functions were right, were compiled, were loaded in a process of its own."""
    done = subprocess.run(
        [sys.executable, folder / "program.py", *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_functions_that_call_each_other_give_the_same_compiled_loaded_and_far_apart(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OTHER, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    assert run(tmp_path, "far apart") == [10, 10, 0]
    assert run(tmp_path) == [10, 0, 10]
    assert run(tmp_path, "far apart") == [10, 0, 10]
