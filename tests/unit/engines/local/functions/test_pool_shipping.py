"""What a function takes along to a worker process, and what is refused with its name."""

from __future__ import annotations

import runpy
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from caudal.columnar.column import from_list
from caudal.core.errors import PlanError
from caudal.core.types import INT64, STRING
from caudal.engines.local.functions.pool import Pool
from caudal.engines.local.functions.shipping import ship
from caudal.lang.dsl.settings import settings as declare_settings
from caudal.plan.python import JIT, ROW, PythonFunction, declare

LOCK = threading.Lock()
SEEN: dict[int, int] = {}
DEEP = {"inner": [1, {"lock": LOCK}]}


def run(pool: Pool, function: PythonFunction, *values: int) -> list[Any]:
    got = pool.call(function, [from_list(list(values), INT64)], len(values), function.returns or INT64)
    assert got.failed == []
    return got.column.to_list()


def pipeline(path: Path) -> dict[str, Any]:
    """Execute a pipeline file as caudal does: its folder is on the path only for that long."""
    sys.path.insert(0, str(path.parent))
    try:
        return runpy.run_path(str(path), run_name="caudal_pipeline")
    finally:
        sys.path.remove(str(path.parent))


def test_closures_lambdas_methods_and_callables(pool: Pool) -> None:
    factor, table = 3, {1: "one"}

    class Scale:
        def __init__(self, by: int) -> None:
            self.by = by

        def apply(self, x: int) -> int:
            return x * self.by

        def __call__(self, x: int) -> int:
            return x - self.by

    assert run(pool, declare(lambda x: x * factor, ROW), 1, 2) == [3, 6]
    assert run(pool, declare(lambda x: table.get(x), ROW, returns=STRING), 1, 2) == ["one", None]
    assert run(pool, declare(Scale(5).apply, ROW), 1, 2) == [5, 10]
    assert run(pool, declare(Scale(5), ROW), 1, 2) == [-4, -3]
    assert run(pool, declare(int.bit_length, ROW), 255) == [8]


def test_settings_of_the_pipeline_file(pool: Pool) -> None:
    settings = declare_settings(limit=4)
    assert run(pool, declare(lambda x: min(x, settings.limit), ROW), 1, 9) == [1, 4]


def test_recursion_plain_and_declared(pool: Pool) -> None:
    def plain(n: int) -> int:
        return n if n < 2 else plain(n - 1) + plain(n - 2)

    def inner(n: int) -> int:
        return n if n < 2 else declared(n - 1) + declared(n - 2)

    declared = declare(inner, ROW)
    compiled = declare(inner, JIT)  # called from a row function it is plain Python
    assert run(pool, declare(plain, ROW), 10) == [55]
    assert run(pool, declared, 10) == [55]
    assert run(pool, declare(lambda x: compiled(x) + declared(x), ROW), 10) == [110]


def test_module_level_state_lives_as_long_as_the_process(pool: Pool) -> None:
    def count(x: int) -> int:
        SEEN[x] = SEEN.get(x, 0) + 1
        return SEEN[x]

    function = declare(count, ROW)
    assert run(pool, function, 1, 1, 2) == [1, 2, 1]
    assert run(pool, function, 1) == [3]
    assert SEEN == {}  # the process has a copy


def test_a_pipeline_file_with_helper_modules_beside_it(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "neighbour_a.py").write_text("OFFSET = 100\ndef shift(x):\n    return x + OFFSET\n")
    (tmp_path / "neighbour_b.py").write_text("def negate(x):\n    return -x\n")
    (tmp_path / "flow.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "import neighbour_a\n"
        "CACHE = {}\n"
        "@dataclass\n"
        "class Pair:\n"
        "    a: int\n"
        "    b: int\n"
        "def helper(x):\n"
        "    return Pair(neighbour_a.shift(x), 1)\n"
        "def f(x: int) -> int:\n"
        "    import neighbour_b\n"
        "    CACHE[x] = helper(x)\n"
        "    return neighbour_b.negate(CACHE[x].a + CACHE[x].b + len(CACHE))\n"
    )
    call = pipeline(tmp_path / "flow.py")["f"]
    assert str(tmp_path) not in sys.path
    try:
        assert run(pool, declare(call, ROW), 1, 2) == [-103, -105]
    finally:
        sys.modules.pop("neighbour_a", None)


def test_functions_of_several_files_each_find_their_neighbours(pool: Pool, tmp_path: Path) -> None:
    functions: list[PythonFunction] = []
    for name, value in (("one", 1), ("two", 2)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"beside_{name}.py").write_text(f"VALUE = {value}\n")
        (folder / "flow.py").write_text(
            "def f(x: int) -> int:\n    if x == 0:\n        return 0\n"
            f"    import beside_{name}\n    return beside_{name}.VALUE * x\n"
        )
        functions.append(declare(pipeline(folder / "flow.py")["f"], ROW))
    assert [run(pool, f, 0) for f in functions] == [[0], [0]]  # both are there before either imports
    assert [run(pool, f, 10) for f in (*functions, *functions)] == [[10], [20], [10], [20]]


def test_a_script_and_a_module_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("def twice(x):\n    return 2 * x\n")
    (tmp_path / "script.py").write_text(
        "import beside\n"
        "from caudal.columnar.column import from_list\n"
        "from caudal.core.types import INT64\n"
        "from caudal.engines.local.functions.pool import Pool\n"
        "from caudal.plan.python import declare\n"
        "LIMIT = 5\n"
        "def clip(x: int) -> int:\n"
        "    return min(beside.twice(x), LIMIT)\n"
        "if __name__ == '__main__':\n"
        "    pool = Pool(1)\n"
        "    for call in (clip, beside.twice):\n"
        "        print(pool.call(declare(call, 'row'), [from_list([1, 9], INT64)], 2, INT64).column.to_list())\n"
        "    pool.close()\n"
    )
    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[2, 5]\n[2, 18]\n", "")


def test_an_importable_module_goes_by_name() -> None:
    from caudal.core.types import parse_type

    by_name = ship(declare(parse_type, ROW, returns=STRING)).partition(b"\n")[2]
    assert len(by_name) < 200
    assert b"caudal.core.types" in by_name


def _uses_lock(x: int) -> int:
    with LOCK:
        return x


def _calls(x: int) -> int:
    return _uses_lock(x)


def _deep(x: int) -> int:
    return len(DEEP) + x


class _Holder:
    def __init__(self) -> None:
        self.count = 1
        self.guard = threading.RLock()

    def method(self, x: int) -> int:
        return x + self.count


def _with_default(x: int, lock: Any = LOCK) -> int:
    return x


@pytest.mark.parametrize(
    ("call", "thing"),
    [
        (_uses_lock, "the global 'LOCK' is a lock (_thread.lock)"),
        (_calls, "the global 'LOCK' is a lock (_thread.lock)"),
        (_deep, "the item 'lock' is a lock (_thread.lock)"),
        (_Holder().method, "the attribute 'guard' of a _Holder is a lock (_thread.RLock)"),
        (_with_default, "the default value 1 of _with_default is a lock (_thread.lock)"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(call: Any, thing: str) -> None:
    function = declare(call, ROW)
    with pytest.raises(PlanError) as caught:
        ship(function)
    assert caught.value.message == f"{function.name}() cannot be sent to a worker process: {thing}"
    assert caught.value.location == f"{function.where}: {function.name}"
    assert "inside the function" in caught.value.hint


def test_files_sockets_and_generators_in_a_closure_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\n")
    numbers = (i for i in range(3))
    with path.open() as text, path.open("rb") as raw, socket.socket() as connection:
        for call, thing in [
            (lambda x: text.readline(), f"'text' (of its closure) is an open file ({path})"),
            (lambda x: raw.readline(), f"'raw' (of its closure) is an open file ({path})"),
            (lambda x: connection.fileno(), "'connection' (of its closure) is a socket"),
            (lambda x: next(numbers), "'numbers' (of its closure) is a generator (<genexpr>)"),
        ]:
            with pytest.raises(PlanError) as caught:
                ship(declare(call, ROW))
            assert caught.value.message.endswith(f"cannot be sent to a worker process: {thing}")


def test_shipping_leaves_no_module_registered() -> None:
    import cloudpickle

    ship(declare(_Holder, ROW))
    assert cloudpickle.list_registry_pickle_by_value() == set()
