"""Compiled code on disk: loaded by another process, never for anything that has changed. With real processes.

All but one of them are forked from an interpreter that has imported what they need, and has compiled nothing of theirs.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caudal.expressions.functions import codecache
from caudal.expressions.functions.codecache import digest
from caudal.plan.python import PythonFunction, declare

pytestmark = pytest.mark.slow

PROGRAM = """
import json, os, sys
import numpy as np
from caudal.columnar.column import from_list
from caudal.core.types import INT64, Schema
from caudal.expressions.functions import jit
from caudal.plan.python import declare

CHANGED = os.environ.get("CHANGED") == "1"
K = 4 if CHANGED else 3
TABLE = np.array([7, 8, 9 + CHANGED])

def cd_jit(call):
    return declare(call, "jit")

@cd_jit
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)

if CHANGED:
    @cd_jit
    def callee(n: int) -> int:
        return n + 20
else:
    @cd_jit
    def callee(n: int) -> int:
        return n + 10

@cd_jit
def caller(n: int) -> int:
    return callee(n)

@cd_jit
def outer(n: int) -> int:
    return caller(n) * 2

@cd_jit
def reads(n: int) -> int:
    return n * K

@cd_jit
def looks_up(n: int) -> int:
    return TABLE[2] + n

def closure(k):
    def closed(n: int) -> int:
        return n * k
    return cd_jit(closed)

def with_default(n: int, k: int = 4 if CHANGED else 3) -> int:
    return n - k

def window(n):
    return n * K

functions = {
    "fib": fib, "caller": caller, "outer": outer, "reads": reads, "looks_up": looks_up,
    "closed": closure(6 if CHANGED else 5), "default": cd_jit(with_default),
    **{f"closed {k}": closure(int(k)) for k in sys.argv[1:]},
}
wanted = os.environ.get("ONLY", "").split(",") if "ONLY" in os.environ else list(functions) + ["window"]
column = [from_list([10], INT64)]
found = {}
for name in wanted:
    if name == "window":
        rows = jit.compile_window(cd_jit(window), {"n": INT64}, Schema.of({"n": "int64"}))([{"n": column[0]}])
        found[name] = rows.columns["n"].to_list()[0]
    else:
        found[name] = jit.compile_scalar(functions[name], [INT64], INT64)(column, 1).column.to_list()[0]
c = jit.COUNTS
print(json.dumps([found, c.compiled, c.loaded, c.saved]))
"""

BEFORE = {
    "fib": 55,
    "caller": 20,
    "outer": 40,
    "reads": 30,
    "looks_up": 19,
    "closed": 50,
    "default": 7,
    "window": 30,
}
AFTER = {
    "fib": 55,
    "caller": 30,
    "outer": 60,
    "reads": 40,
    "looks_up": 20,
    "closed": 60,
    "default": 6,
    "window": 40,
}


FORKING = """
import json, os, runpy, sys
import numba, numpy
import caudal.columnar.column, caudal.expressions.functions.jit

numba.njit("int64(int64, int64[:])")(lambda n, values: n + values[n])  # what the compiler sets up once

for line in sys.stdin:
    path, arguments, environment, out = json.loads(line)
    child = os.fork()
    if not child:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.environ.update(environment)
        sys.argv = [path, *arguments]
        runpy.run_path(path, run_name="__main__")  # a failure prints its traceback and ends the child with 1
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Run = Callable[..., tuple[dict[str, int], int, int, int]]
"""Runs a program in a process of its own; gives (results, compiled, loaded, saved)."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    out = tmp_path_factory.mktemp("forked") / "out"
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forking:
        assert forking.stdin is not None
        assert forking.stdout is not None

        def run(path: Path, *arguments: str, **environment: str) -> tuple[dict[str, int], int, int, int]:
            print(json.dumps([str(path), arguments, environment, str(out)]), file=forking.stdin, flush=True)
            code = forking.stdout.readline()
            printed = out.read_text(encoding="utf-8")
            assert code == "0\n", printed
            found, compiled, loaded, saved = json.loads(printed)
            return found, compiled, loaded, saved

        yield run
        forking.stdin.close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_the_second_process_loads_and_a_change_of_anything_compiles_anew(program: Path, run: Run) -> None:
    assert run(program) == (BEFORE, 8, 0, 8)
    alone = subprocess.run([sys.executable, program], capture_output=True, check=True, timeout=120)
    assert json.loads(alone.stdout) == [BEFORE, 0, 8, 0]
    assert run(program, CHANGED="1") == (AFTER, 7, 1, 7)  # fib depends on nothing that has changed
    assert run(program, CHANGED="1") == (AFTER, 0, 8, 0)
    assert run(program) == (BEFORE, 0, 8, 0)


def test_an_edit_elsewhere_in_the_file_compiles_nothing(program: Path, run: Run) -> None:
    assert run(program, ONLY="fib,caller") == ({"fib": 55, "caller": 20}, 2, 0, 2)
    text = program.read_text(encoding="utf-8").replace("n + 10", "n + 11").replace("K = 4", "\nK = 5")
    program.write_text(text, encoding="utf-8")
    assert run(program, ONLY="fib,caller") == ({"fib": 55, "caller": 21}, 1, 1, 1)


def test_closures_that_two_processes_filed_do_not_get_mixed_up(program: Path, run: Run) -> None:
    """Machine code is linked by name, and both have the same name."""
    assert run(program, "2", ONLY="closed 2") == ({"closed 2": 20}, 1, 0, 1)
    assert run(program, "3", ONLY="closed 3") == ({"closed 3": 30}, 1, 0, 1)
    both = {"closed 2": 20, "closed 3": 30}
    assert run(program, "2", "3", ONLY="closed 2,closed 3") == (both, 0, 2, 0)


def test_a_damaged_file_is_compiled_anew(program: Path, run: Run) -> None:
    assert run(program, ONLY="reads") == ({"reads": 30}, 1, 0, 1)
    damages: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
        "cut off": ("nbc", lambda block: block[:1000]),
        "other code": ("nbc", lambda block: block.replace(b"\x7fELF", b"\x7fELG")),
        "other digest": ("nbc", lambda block: block[:-1] + bytes([block[-1] ^ 1])),
        "empty index": ("nbi", lambda block: b""),
        "foreign index": ("nbi", lambda block: b"not a pickle"),
    }
    for name, (suffix, damage) in damages.items():
        (file,) = (program.parent / "__pycache__").glob(f"*reads*.{suffix}")
        before = file.read_bytes()
        file.write_bytes(damage(before))
        assert file.read_bytes() != before, name
        assert run(program, ONLY="reads") == ({"reads": 30}, 1, 0, 1), name
        assert run(program, ONLY="reads") == ({"reads": 30}, 0, 1, 0), name


def test_without_a_directory_to_write_to_it_works_all_the_same(program: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "__pycache__").write_text("a file")  # stands where the directory would
    environment = {"HOME": str(program), "XDG_CACHE_HOME": str(program)}
    for _ in range(2):
        assert run(program, ONLY="reads", **environment) == ({"reads": 30}, 1, 0, 0)


def test_only_so_many_versions_of_a_function_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "module.py"
    source.write_text("def f(n):\n    return n\n", encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), names)
    monkeypatch.setattr(codecache, "VERSIONS", 3)

    class Result:
        class library:
            has_dynamic_globals = False

        lifted = ()

    for i in range(5):
        file = codecache.CodeFile(names["f"], f"{i:032}")
        monkeypatch.setattr(file._implementation, "reduce", lambda result, i=i: i)
        assert file.save(Result)
        for made in (tmp_path / "__pycache__").glob(f"*{i:032}*"):
            os.utime(made, (i, i))
    kept = {path.name.partition("caudal-")[2].partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()}
    assert kept == {f"{i:032}" for i in (2, 3, 4)}


# -- what is digested

OUTSIDE = 1


def jit(call: Any) -> PythonFunction:
    return declare(call, "jit")


def closing(value: Any) -> PythonFunction:
    def function(n: int) -> int:
        return value if n else 0

    return jit(function)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("a", "b"),
        ("a", b"a"),
        ((1, 2), (1, 3)),
        ((1, (2,)), (1, 2)),
        (None, False),
        (math.nan, math.inf),
        (1j, 2j),
        (np.int32(1), np.int64(1)),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([1, 2]), np.array([1, 2], np.int32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
        (math.sin, math.cos),
        (np.sin, np.cos),
        (math, np),
        (np.int32, np.int64),
        (closing(1), closing(2)),
        (frozenset({1}), frozenset({2})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_differ_have_digests_that_differ(one: Any, other: Any) -> None:
    assert "" != digest(closing(one)) != digest(closing(other)) != ""
    assert digest(closing(one)) == digest(closing(one))


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"a": 1},
        object(),
        pytest,  # a module whose values may change
        json.dumps,
        Path,
        [].append,
        np.array([object()]),
        declare(math.sqrt, "jit"),
        declare(lambda n: n, "row"),
        closing([1]),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_cannot_be_digested_has_none(value: Any) -> None:
    assert digest(closing(value)) == ""


def test_an_empty_cell_has_no_digest() -> None:
    def waiting(n: int) -> int:
        return later + n

    assert digest(jit(waiting)) == ""
    later = 1
    assert digest(jit(waiting)) != ""


def test_functions_that_call_each_other_have_digests_of_all_that_they_are() -> None:
    def pair(k: int) -> tuple[PythonFunction, PythonFunction]:
        def ping(n: int) -> int:
            return pong(n)

        def pong(n: int) -> int:
            return ping(n) * k

        ping, pong = jit(ping), jit(pong)
        return ping, pong

    one, same, other = pair(1), pair(1), pair(2)
    assert "" != digest(one[0]) != digest(one[1]) != ""
    assert [digest(f) for f in one] == [digest(f) for f in same]
    assert digest(one[0]) != digest(other[0])  # though only the other function differs


def test_a_function_that_holds_another_counts_what_is_inside() -> None:
    def one(n: int) -> int:
        def inner(x: int) -> int:
            return x + 1

        return inner(n)

    def other(n: int) -> int:
        def inner(x: int) -> int:
            return x + 2

        return inner(n)

    other.__qualname__ = one.__qualname__
    assert "" != digest(jit(one)) != digest(jit(other)) != ""


def test_a_function_that_calls_itself_or_one_function_twice_has_one() -> None:
    def itself(n: int) -> int:
        return itself(n - 1) if n else 0

    itself = jit(itself)
    assert digest(itself) != ""
    leaf = closing(1)

    def left(n: int) -> int:
        return leaf(n)

    left = jit(left)

    def both(n: int) -> int:
        return left(n) + leaf(n)

    assert digest(jit(both)) != ""


def test_globals_constants_names_and_other_facts_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(n: int) -> int:
        return n + OUTSIDE

    def inside(n: int) -> int:
        return sum([OUTSIDE for _ in range(n)])

    for call in (reads, inside):
        before = digest(jit(call))
        monkeypatch.setitem(globals(), "OUTSIDE", 2)
        assert before != digest(jit(call)) != ""
        monkeypatch.setitem(globals(), "OUTSIDE", 1)
        assert digest(jit(call)) == before
    assert digest(jit(reads), "int64") != digest(jit(reads), "float64")


def test_the_place_in_the_file_does_not_count() -> None:
    made: list[str] = []
    for blank in ("", "\n\n\n"):
        names: dict[str, Any] = {"__name__": "m"}
        exec(compile(f"{blank}def f(n):\n    return n + 1\n", "f.py", "exec"), names)
        made.append(digest(jit(names["f"])))
    assert made[0] == made[1] != ""
