"""Functions of the user's that are declared wrongly, that fail, and that misbehave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

HEAD = """\
import os
import signal
import sys
import threading

import caudal as cd
from caudal import col
"""
"""Seven lines, then a blank one: a function begins in line 9."""

TAIL = """
rows = cd.source(
    "files", path="log.jsonl", format="json", event_time="t", name="rows", schema={{"ip": "string", "t": "int64", "n": "int64"}}
)
done = rows.{use}
pipeline = cd.Pipeline("p", done.to({to}, name="out"))
"""

ROWS = [{"ip": "a", "t": 1000, "n": 1}, {"ip": "b", "t": 1001, "n": 2}, {"ip": "a", "t": 1002, "n": 3}]
CALL = 'with_columns(y=f(col("n")), name="calls")'
MAP = 'map(f, schema={"n": "int64"}, name="calls")'
APPLY = 'group_by("ip").window(cd.tumbling("1s")).apply(f, schema={"k": "int64"}, name="calls")'
REDUCE = 'group_by("ip").reduce(f, schema={"n": "int64"}, name="calls")'
FILE = '"files", path="out.jsonl", format="json"'
CONSOLE = '"console", format="json"'

Given = Callable[..., None]


@pytest.fixture
def given(here: Path, write: Callable[..., Path]) -> Given:
    """Writes `p.py` with a function `f` and what is done with it, and `log.jsonl` with three rows."""

    def given(function: str, use: str = CALL, to: str = FILE) -> None:
        (here / "p.py").write_text(f"{HEAD}\n{function}\n{TAIL.format(use=use, to=to)}")
        write("log.jsonl", ROWS)

    return given


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# name: (function, what is done with it, what is told)
REFUSED: dict[str, tuple[str, str, list[str]]] = {
    "no type": (
        "@cd.row\ndef f(n):\n    return n",
        CALL,
        ["p.py:9: f", "the type of f()'s result is not known", 'returns="float64"'],
    ),
    "a wrong number of arguments": (
        "@cd.row\ndef f(n: int) -> int:\n    return n",
        'with_columns(y=f(col("n"), col("t")))',
        ["p.py:16: p.py:9: f", "f() takes 1 argument, not 2", "in f(n, t)"],
    ),
    "a wrong type of argument": (
        "@cd.row\ndef f(n: int) -> int:\n    return n",
        'with_columns(y=f(col("ip")))',
        ["p.py:9: f", "the parameter 'n' of f() takes int64, not string", "in f(ip)", "cast the argument"],
    ),
    "async def": (
        "@cd.row\nasync def f(n: int) -> int:\n    return n",
        CALL,
        ["p.py:9: f", "an async function cannot be called for a row", "write def"],
    ),
    "two decorators": (
        "@cd.row\n@cd.jit\ndef f(n: int) -> int:\n    return n",
        CALL,
        ["p.py:9: f", "declared twice: jit and row", "keep one"],
    ),
    "an annotation that is no type": (
        "@cd.row\ndef f(n: signal.Signals) -> int:\n    return n",
        CALL,
        ["p.py:9: f", "the parameter 'n' has the type Signals, which no column has", "bool, int, float, str"],
    ),
    "an annotation that is not there": (
        "@cd.row\ndef f(n: 'integer') -> int:\n    return n",
        CALL,
        ["p.py:9: f", "an annotation names something that is not there", "'integer'"],
    ),
    "a type that is none": (
        "@cd.row(returns='sting')\ndef f(n: int):\n    return n",
        CALL,
        ["p.py:9", "unknown type 'sting'", "did you mean 'string'?"],
    ),
    "parameters by keyword only": (
        "@cd.row\ndef f(*, n: int) -> int:\n    return n",
        CALL,
        ["p.py:9: f", "'n' can be given by keyword only", "leave out the *"],
    ),
    "a map without a schema": (
        "def f(row):\n    return row",
        'map(f, name="calls")',
        ["p.py:15", "the function's result needs a schema"],
    ),
    "a map with an empty schema": (
        "def f(row):\n    return row",
        "map(f, schema={})",
        ["p.py:15: map", "needs the schema of what the function gives", 'schema={"x": "float64"}'],
    ),
    "a compiled function in map": (
        "@cd.jit\ndef f(n: int) -> int:\n    return n",
        MAP,
        ["p.py:9: f", "a compiled function takes scalars, not rows", "with_columns(y=f(col('x')))"],
    ),
    "a compiled function in reduce": (
        "@cd.jit\ndef f(n: int) -> int:\n    return n",
        REDUCE,
        ["p.py:9: f", "reduce takes a plain function of state and row, not a jit function", "def f(state, row)"],
    ),
    "a compiled function over a column that is not there": (
        "@cd.jit\ndef f(m):\n    return (m,)",
        APPLY,
        ["p.py:16: apply 'calls'", "unknown column 'm'", "known: ip, n, t"],
    ),
    "an unknown order": (
        "@cd.jit\ndef f(n: int) -> int:\n    return n",
        'running(n=cd.sum("n"), order="rank")',
        ["p.py:16", "unknown order 'rank'", 'order="event_time" or order="arrival"'],
    ),
    "a batch function inside a compiled one": (
        "@cd.batch\ndef g(n: int) -> int:\n    return n\n\n@cd.jit\ndef f(n: int) -> int:\n    return g(n)",
        CALL,
        ["p.py:13: f", "numba cannot compile f()", "'g'", "p.py:15", "@cd.row runs it as plain Python"],
    ),
    "what numba cannot compile": (
        "@cd.jit\ndef f(n: int) -> int:\n    m = n + 1\n    return {}.none(m)",
        CALL,
        ["p.py:9: f", "numba cannot compile f()", "Unknown attribute 'none'", "p.py:12", "@cd.row runs it"],
    ),
    "a compiled function of text": (
        "@cd.jit\ndef f(ip: str) -> int:\n    return 1",
        'with_columns(y=f(col("ip")))',
        ["p.py:9: f", "a compiled function takes string", "numbers, bools and times", "@cd.batch or @cd.row"],
    ),
    "a compiled function that gives another type": (
        "@cd.jit\ndef f(n: int) -> int:\n    return n / 2",
        CALL,
        ["p.py:9: f", "f() gives float64 where it is declared to give int64", "change the annotation"],
    ),
    "a global that cannot be sent": (
        "lock = threading.Lock()\n\n@cd.row\ndef f(n: int) -> int:\n    with lock:\n        return n",
        CALL,
        ["p.py:11: f", "cannot be sent to a worker process: the global 'lock' is a lock", "create it inside"],
    ),
    "a closure that cannot be sent": (
        "def made():\n    lock = threading.Lock()\n\n    def f(row):\n        return {'n': lock.acquire()}\n\n    return f\n\n"
        "f = made()",
        MAP,
        ["p.py:12: f", "'lock' (of its closure) is a lock", "create it inside"],
    ),
    "a generator in a closure": (
        "def made():\n    names = (name for name in 'ab')\n    return lambda row: {'n': len(next(names))}\n\nf = made()",
        MAP,
        ["p.py:11: <lambda>", "'names' (of its closure) is a generator", "create it inside"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_is_refused_at_check(caudal, given: Given, here: Path, name: str) -> None:
    function, use, told = REFUSED[name]
    given(function, use)
    for command in ("check", "run"):
        ended = caudal(command, "p.py")
        assert ended.code == 2, ended.err
        assert ended.out == ""
        assert ended.err.startswith("error: p.py:")
        assert [part for part in told if part not in ended.err] == [], ended.err
        assert "Traceback" not in ended.err
        assert [path.name for path in here.glob("out*")] == []


FAILING: dict[str, tuple[str, str, list[str]]] = {
    "another length": (
        "@cd.batch(returns='int64')\ndef f(n):\n    return n.append(n)",
        CALL,
        ["returned", "one value for each row: a batch function is row-wise"],
    ),
    "another type of column": (
        "@cd.batch(returns='int64')\ndef f(n):\n    return n.cast(str)",
        CALL,
        ["returned String where int64 is declared", "cast it to the declared type"],
    ),
    "no column": (
        "@cd.batch(returns='int64')\ndef f(n):\n    return 7",
        CALL,
        ["returned a int, not a polars Series", "return a Series as long as the columns"],
    ),
    "another type of value": (
        "@cd.row\ndef f(n: int) -> int:\n    return f'{n}'",
        CALL,
        ["where int64 is declared", "called with n=", "declare another type"],
    ),
    "no dict": (
        "def f(row):\n    return row['n']",
        MAP,
        ["where a dict is declared", "called with {'ip': ", "return such a value"],
    ),
    "an unknown key": (
        "def f(row):\n    return {'m': row['n']}",
        MAP,
        ["returned the unknown column 'm'", "called with {'ip': ", "declared: n"],
    ),
    "no iterable": (
        "def f(row):\n    return 7",
        'flat_map(f, schema={"n": "int64"}, name="calls")',
        ["returned 7 where an iterable of dicts (or None)", "return [row] for a single row"],
    ),
    "no state": (
        "def f(state, row):\n    pass",
        REDUCE,
        ["returned None where a dict is declared", "called with {'ip': ", "return"],
    ),
    "a frame without its column": (
        "@cd.batch\ndef f(window):\n    return window.select(m='n')",
        APPLY,
        ["returned a frame without the column 'k'", "known: m"],
    ),
    "a frame with another column, in a worker": (
        "def f(window):\n    return window.select(k='n', m='n')",
        APPLY,
        ["the unknown column 'm'", "called with a frame of ", "declared: k"],
    ),
    "no frame": (
        "@cd.batch\ndef f(window):\n    return window['n']",
        APPLY,
        ["returned a Series, not a polars DataFrame", "return a DataFrame"],
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_function_that_breaks_its_declaration_costs_the_rows_and_is_told(
    caudal, given: Given, here: Path, name: str
) -> None:
    function, use, told = FAILING[name]
    given(function, use)
    assert caudal("check", "p.py").code == 0
    ended = caudal("run", "p.py", "--quiet")
    assert ended.code == 0
    if use != REDUCE:
        assert "f() returned what its declaration excludes" in ended.err
    assert "Traceback" not in ended.err
    assert lines(here / "out.jsonl") == []
    letters = lines(here / "out.dead.jsonl")
    assert len(letters) == (2 if use == APPLY else 3)
    assert {letter["reason"] for letter in letters} == {"result"}
    said = f"{letters[0]['message']}\n{letters[0]['detail']}"
    assert [part for part in told if part not in said] == []
    assert caudal("run", "p.py", "--quiet", "--fail-on", "dead").code == 1


# name: (function, reason, message, whether the detail is a traceback)
DEADLY: dict[str, tuple[str, str, str, bool]] = {
    "raises": (
        "@cd.row\ndef f(n: int) -> int:\n    return 1 // (n - 2) * 0 + n",
        "exception",
        "ZeroDivisionError",
        True,
    ),
    "raises, compiled": (
        "@cd.jit\ndef f(n: int) -> int:\n    if n == 2:\n        raise ValueError('two')\n    return n",
        "exception",
        "ValueError: two",
        True,
    ),
    "raises, with columns": (
        "@cd.batch\ndef f(n) -> int:\n    if (n == 2).any():\n        raise ValueError('two')\n    return n",
        "exception",
        "ValueError: two",
        True,
    ),
    "exits": (
        "@cd.row\ndef f(n: int) -> int:\n    return sys.exit(3) if n == 2 else n",
        "exception",
        "SystemExit: 3",
        True,
    ),
    "exits, with columns": (
        "@cd.batch\ndef f(n) -> int:\n    return sys.exit(3) if (n == 2).any() else n",
        "exception",
        "SystemExit: 3",
        True,
    ),
    "exits at once": (
        "@cd.row\ndef f(n: int) -> int:\n    return os._exit(3) if n == 2 else n",
        "died",
        "exit status 3",
        False,
    ),
    "kills itself": (
        "@cd.row\ndef f(n: int) -> int:\n    return os.kill(os.getpid(), signal.SIGKILL) if n == 2 else n",
        "died",
        "signal 9 (SIGKILL)",
        False,
    ),
    "loops for ever": (
        "@cd.row(timeout='400ms')\ndef f(n: int) -> int:\n    while n == 2:\n        pass\n    return n",
        "timeout",
        "took longer than 0.4s",
        False,
    ),
    "allocates 10 GB": (
        "@cd.row(memory='500MB')\ndef f(n: int) -> int:\n    return len(bytearray(10**10)) if n == 2 else n",
        "exception",
        "MemoryError",
        True,
    ),
}


@pytest.mark.parametrize("name", DEADLY)
def test_a_row_that_a_function_fails_on_is_a_dead_letter(caudal, given: Given, here: Path, name: str) -> None:
    function, reason, message, traced = DEADLY[name]
    given(function)
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 0, ended.err
    assert lines(here / "out.jsonl") == [{**row, "y": row["n"]} for row in ROWS if row["n"] != 2]
    (letter,) = lines(here / "out.dead.jsonl")
    assert message in letter.pop("message")
    detail = letter.pop("detail")
    assert detail.startswith("Traceback") == traced
    if traced:
        assert 'File "p.py", line 1' in detail
        assert "caudal/engines" not in detail
    first = json.dumps(ROWS[0])
    assert letter == {
        "source": "rows",
        "partition": "log.jsonl",
        "position": len(first) + 1,
        "operator": "calls",
        "reason": reason,
        "payload": '{"n": 2}',
        "truncated": False,
        "event_time": "1970-01-01T00:00:01.001Z",
    }
    counted = {fate: ended.fate("calls", fate) for fate in ("in", "passed", "dead", "emitted")}
    assert counted == {"in": 3, "passed": 2, "dead": 1, "emitted": {"out": 2, "dead": 1}}
    assert (ended.summary["dead"], ended.fate("out", "in")) == (1, 2)


@pytest.mark.parametrize("kind", ["row", "batch", "jit"])
def test_a_function_that_raises_on_every_row(caudal, given: Given, here: Path, kind: str) -> None:
    always = "if n > 0:\n        " if kind == "jit" else ""  # numba sees what gives nothing at all
    given(f"@cd.{kind}(returns='int64')\ndef f(n):\n    {always}raise KeyError('never')\n    return n")
    ended = caudal("run", "p.py", "--json", "--fail-on", "dead")
    assert (ended.code, ended.summary["dead"]) == (1, 3)
    assert (here / "out.jsonl").read_bytes() == b""
    letters = lines(here / "out.dead.jsonl")
    assert [letter["payload"] for letter in letters] == ['{"n": 1}', '{"n": 2}', '{"n": 3}']
    assert {letter["message"] for letter in letters} == {"KeyError: 'never'"}
    assert {fate: ended.fate("calls", fate) for fate in ("in", "passed", "dead")} == {"in": 3, "passed": 0, "dead": 3}


@pytest.mark.parametrize("decorator", ["", "@cd.batch\n"], ids=["row", "batch"])
def test_a_window_that_a_function_fails_on_is_one_dead_letter(caudal, given: Given, here: Path, decorator: str) -> None:
    given(f"{decorator}def f(window):\n    assert window['n'].sum() != 4\n    return window.select(k='n')", APPLY)
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 0, ended.err
    assert [(row["ip"], row["k"]) for row in lines(here / "out.jsonl")] == [("b", 2)]
    (letter,) = lines(here / "out.dead.jsonl")
    assert (letter["source"], letter["operator"], letter["reason"]) == ("calls", "calls", "exception")
    assert (letter["message"], letter["position"]) == ("AssertionError", None)
    for way in ("file", "discard"):  # its rows are absorbed, and it counts as a dead letter all the same
        ended = caudal("run", "p.py", "--json", "--dead", way, "--fail-on", "dead")
        assert (ended.code, ended.summary["dead"], ended.fate("calls", "dead")) == (1, 1, 0)
        assert "1 dead letter (--fail-on dead)" in ended.err
    assert json.loads(letter["payload"]) == {"ip": "a", "window_start": 1000, "window_end": 2000}
    # the rows were taken in; it is their window that gave nothing
    counted = {fate: ended.fate("calls", fate) for fate in ("in", "absorbed", "dead", "emitted")}
    assert counted == {"in": 3, "absorbed": 3, "dead": 0, "emitted": {"out": 1, "late": 0, "dead": 1}}


def test_a_function_that_forks_gives_each_row_once(caudal, given: Given, here: Path) -> None:
    given("@cd.row\ndef f(n: int) -> int:\n    return n + 100 * (os.fork() == 0)")
    ended = caudal("run", "p.py", "--json")
    assert (ended.code, ended.summary["dead"]) == (0, 0)
    assert [row["y"] for row in lines(here / "out.jsonl")] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["row", "batch", "jit"])
def test_what_a_function_prints_does_not_stand_among_the_results(given: Given, start: Any, kind: str) -> None:
    given(f"@cd.{kind}(returns='int64')\ndef f(n):\n    print('spam')\n    return n", to=CONSOLE)
    process: subprocess.Popen[bytes] = start("run", "p.py")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert [json.loads(line)["y"] for line in out.splitlines()] == [1, 2, 3]
    assert b"spam" in err


def test_dead_letters_of_functions_can_be_discarded(caudal, given: Given, here: Path) -> None:
    given("@cd.jit\ndef f(n: int) -> int:\n    return 6 // (n - 2)")
    ended = caudal("run", "p.py", "--json", "--dead", "discard")
    assert (ended.code, ended.fate("calls", "dead"), ended.summary["dead"]) == (0, 1, 1)
    assert sorted(path.name for path in here.glob("out*")) == ["out.jsonl"]
