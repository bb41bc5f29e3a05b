"""The user's functions as source: what comes out runs elsewhere as it did here, and what cannot is refused."""

from __future__ import annotations

import importlib
import json
import linecache
import math
import pickle
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import cloudpickle
import polars as pl
import pyarrow as pa
import pytest

from caudal.core.errors import PlanError
from caudal.engines.jvm.package import import_lines, packed
from caudal.engines.jvm.usercode import UserCode
from caudal.plan.python import ROW, PythonFunction, declare
from caudal.testing.flow import load
from caudal.testing.program import build
from caudal.worker import calling, placing

ROOT = Path(__file__).resolve().parents[4]
HEAD = "import caudal as cd\n"


def loaded(folder: Path, text: str, name: str = "pipeline.py") -> dict[str, Any]:
    """Execute text as a pipeline file is."""
    path = folder / name
    path.write_text(HEAD + dedent(text), encoding="utf-8")
    linecache.clearcache()
    return runpy.run_path(str(path), run_name="caudal_pipeline")


def executed(source: str) -> dict[str, Any]:
    """Execute a script, of which nothing is here but its text, and what it imports of what is shipped."""
    placed = {name: value for name, value in vars(placing).items() if name.startswith("caudal_")}
    names: dict[str, Any] = {"__name__": "caudal_script", **placed}
    exec(source, names)
    return names


def shipped_function(function: Any) -> Any:
    code = UserCode()
    function = function if isinstance(function, PythonFunction) else declare(function, ROW)
    name = code.add(function)
    assert code.add(function) == name
    code.check("3.11")
    assert "caudal as" not in code.source()
    return executed(code.source())[name]


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Path]:
    """A folder whose modules can be imported while the test runs."""
    sys.path.insert(0, str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_nothing() -> None:
    assert UserCode().source() == ""
    assert UserCode().imports == ()


# -- what goes along

ALIKE = {
    "imports of all forms": (
        """
        import math, os.path as paths, xml.etree.ElementTree
        import polars as pl
        from datetime import datetime, timedelta
        from math import floor as down
        @cd.row
        def f(x: int) -> str:
            return str((down(math.sqrt(x)), paths.basename("a/b"), xml.etree.ElementTree.fromstring("<a/>").tag,
                        timedelta(days=x), datetime(2020, 1, 1), pl.Series([x]).sum(), str(pl.Int64)))
        """,
        (5,),
    ),
    "values": (
        """
        import collections, dataclasses, enum, re, decimal, fractions, ipaddress, uuid, zoneinfo, types, logging, struct
        import datetime as dt, functools, pathlib
        import numpy as np
        VALUES = [1, -2.5, float("inf"), 1e400, "é\\n'\\"", b"\\x00", None, True, ..., (1,), (), [], {}, set(), {1, 2},
                  frozenset(), frozenset([3]), frozenset([3, 4]), {"a": [1, {"b": (2, 3)}]}, range(3), 1j, bytearray(b"x"),
                  dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC), dt.datetime(2020, 1, 2, fold=1), dt.date(2020, 1, 2),
                  dt.time(1, 2, 3, 4), dt.timedelta(-1, 2, 3), dt.timezone(dt.timedelta(hours=2), "x"),
                  dt.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Lisbon")),
                  re.compile("a+", re.I), decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5),
                  ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_address("::1"), pathlib.PurePosixPath("/a"),
                  collections.Counter("aab"), collections.OrderedDict(b=1), collections.deque([1, 2], 5),
                  collections.defaultdict(list, a=[1]), types.SimpleNamespace(a=1), np.float32(1.5), np.dtype("int32")]
        ARRAYS = [np.arange(6).reshape(2, 3), np.array([1.5, np.nan]), np.array(["a", "bc"])]
        LOG = logging.getLogger("x.y")
        PACKED = struct.Struct("<q")
        PART = functools.partial(max, key=abs)
        NAN = float("nan")
        class Color(enum.Enum):
            RED = 1
        @dataclasses.dataclass(frozen=True)
        class Point:
            x: int
            y: "float" = 0.5
            def norm(self) -> float:
                return self.x * SCALE
        class Pair(Point):
            pass
        SCALE = 10
        Named = collections.namedtuple("Named", "a b")
        POINTS = [Point(1), Pair(2, 3.0), Named(1, "z"), Color.RED]
        @cd.row
        def f() -> str:
            return repr((VALUES, [a.tolist() for a in ARRAYS], LOG.name, PACKED.format, PART([5, -6]), NAN, POINTS,
                         POINTS[1].norm(), Color(1) is POINTS[3], Point(5), isinstance(POINTS[1], Point)))
        """,
        (),
    ),
    "other functions, of all kinds": (
        '''
        import functools, contextlib, numba
        def helper(x, *rest, scale=2, **more):
            """A text
        at the margin."""
            return twice(x) * scale + deeper(x)
        def deeper(x): return 0 if x < 1 else helper(x - 1)
        @cd.jit
        def twice(x: int) -> int:
            return 2 * x
        @functools.lru_cache(maxsize=None)
        def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
        @numba.njit
        def fast(x): return x + 1
        @contextlib.contextmanager
        def around(x):
            yield x * 100
        def traced(function):
            @functools.wraps(function)
            def inner(*args):
                return ("traced", function(*args))
            return inner
        @traced
        def plain(x): return x
        square = lambda x: x * x; cube = lambda x: x * x * x
        @cd.row
        def f(x: int) -> str:
            """Say it."""
            with around(x) as y:
                return f"{helper(x)} {fib(30)} {fast(x)} {y} {plain(x)} {square(x)} {cube(x)} {len([x])}"
        ''',
        (3,),
    ),
    "closures and defaults": (
        """
        def make(limit, inner):
            seen = {"a": limit}
            @cd.row
            def f(x: int, y=limit * 2, *, z=[1]) -> str:
                def local(v): return v + limit
                return str((x > limit, inner(x), seen, y, z, local(x), [q + x for q in range(2)]))
            return f
        other = make(1, abs)
        f = make(3, lambda v, i=7: (v, i))
        """,
        (4,),
    ),
    "lambdas": (
        """
        K = 3
        f = cd.row((lambda x:
            x * K +
            1), returns="int64")
        """,
        (4,),
    ),
    "two functions of one name": (
        """
        @cd.row
        def g(x: int) -> int: return x + 1
        first = g
        @cd.row
        def g(x: int) -> int: return first(x) * 10
        f = g
        """,
        (4,),
    ),
    "annotations that are not there": (
        """
        from typing import Any
        def f(*given):
            return g(*given)
        def g(
            a: "Thing",  # kept
            *rest: dict[str,
                        Any],
            key: "str" = "k",
            **more: Any
        ) -> list[
            int
        ]:
            b: Thing = a
            def inner(c: "Thing") -> "Thing": return c
            '''a
          text'''
            return [inner(b), rest, key, more]
        """,
        (4, 5),
    ),
    "text that must not be moved": (
        '''
        if True:
            def f(x):
                a = """one
          two
                    three {x}"""
                b = f"""one
          {x}
                    three"""
                return (a, b, "x" \\
        "y")
        ''',
        (1,),
    ),
    "settings": (
        """
        settings = cd.settings(limit=5, names=["a"], rate=1.5)
        @cd.row
        def f(x: int) -> str:
            return str((settings.limit, settings.names, settings.rate))
        """,
        (1,),
    ),
    "one closure of many": (
        """
        def make(limit):
            def inner(x, add=limit + 1): return x + limit + add
            return inner
        parts = [make(i) for i in range(3)]
        def f(x): return [p(x) for p in parts]
        """,
        (1,),
    ),
    "names that the script has too": (
        """
        import math as scalar
        def user_f(x): return x
        def window(x): return user_f(x) + 1
        len_ = len
        list = lambda x: [x, "mine"]
        @cd.row
        def f(x: int) -> str:
            return str((window(x), scalar.pi, list(x), len_("ab"), __name__))
        """,
        (1,),
    ),
    "libraries' objects": (
        """
        import polars as pl, numpy as np
        from polars import col, Float64
        from numpy import log1p
        @cd.batch(returns="float64")
        def f(n):
            return str(pl.DataFrame({"n": [n]}).select(col("n").cast(Float64) + log1p(1.0))["n"].to_list())
        """,
        (1,),
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_function_gives_the_same_where_only_its_source_is(name: str, tmp_path: Path) -> None:
    text, given = ALIKE[name]
    function = loaded(tmp_path, text)["f"]
    bare = function.call if isinstance(function, PythonFunction) else function
    # what a class is called says where it was made
    made = repr(shipped_function(function)(*given))
    assert made == repr(bare(*given))


def test_state_of_a_module_is_one_for_all_of_its_functions(tmp_path: Path) -> None:
    names = loaded(tmp_path, "SEEN = []\ndef f(x): SEEN.append(x)\ndef g(): return SEEN\n")
    code = UserCode()
    f, g = (code.add(declare(names[n], ROW)) for n in "fg")
    script = executed(code.source())
    script[f](3)
    assert script[g]() == [3]
    assert names["SEEN"] == []


def test_functions_of_several_files_are_kept_apart(tmp_path: Path) -> None:
    one = loaded(tmp_path, "LIMIT = 1\ndef f(): return LIMIT, g()\ndef g(): return 'one'\n", "one.py")
    two = loaded(tmp_path, "LIMIT = 2\ndef f(): return LIMIT, g()\ndef g(): return 'two'\n", "two.py")
    code = UserCode()
    names = [code.add(declare(m["f"], ROW)) for m in (one, two)]
    script = executed(code.source())
    assert names == ["user_f", "user_f_2"]
    assert [script[n]() for n in names] == [(1, "one"), (2, "two")]


def test_modules_beside_the_file(beside: Path) -> None:
    (beside / "parts").mkdir()
    (beside / "parts" / "__init__.py").write_text("from . import deep\nTOP = 'top'\n")
    (beside / "parts" / "deep.py").write_text("from aside import twice\nBASE = 4\ndef f(x): return twice(x) + BASE\n")
    (beside / "aside.py").write_text(
        "import caudal as cd\nimport math\n@cd.jit\ndef twice(x: int) -> int: return 2 * x\n"
        "class Thing:\n    size = 3\n    def root(self): return math.sqrt(self.size)\n"
    )
    importlib.invalidate_caches()
    text = """
    import aside, parts
    from aside import Thing as It
    twice = "not it"
    @cd.jit
    def four(x: int) -> int: return aside.twice(aside.twice(x))
    def f(x): return aside.twice(x), parts.deep.f(x), parts.TOP, It().root(), isinstance(It(), aside.Thing), twice, four(x)
    """
    names = loaded(beside, text)
    assert shipped_function(names["f"])(5) == names["f"](5)
    four = calling.scalar(shipped_function(names["four"]), "jit", ["int64"], "int64")
    assert four(pa.array([3])).field("value").to_pylist() == [12]


def test_compiled_functions_call_each_other(tmp_path: Path) -> None:
    text = """
    import numpy as np
    RATE = 1.5
    TABLE = np.array([1.0, 2.0])
    @cd.jit
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    @cd.jit
    def even(n: int) -> bool:
        return True if n == 0 else odd(n - 1)
    @cd.jit
    def odd(n: int) -> bool:
        return False if n == 0 else even(n - 1)
    def make(by):
        @cd.jit
        def f(n: int) -> float:
            return (fib(n) + by) * RATE + TABLE[n % 2] + np.sqrt(n) + (100 if even(n) else 0)
        return f
    f = make(2)
    """
    f = loaded(tmp_path, text)["f"]
    call = calling.scalar(shipped_function(f), "jit", ["int64"], "float64")
    made = call(pa.array([10, None, 11])).field("value").to_pylist()
    assert made == [f.call(10), None, f.call(11)]


def test_a_traceback_shows_the_users_file_and_line(tmp_path: Path) -> None:
    text = """
    import functools

    @cd.row
    def f(x: int) -> float:
        return helper(x)

    def helper(x):
        inner = lambda: 1 / x
        return inner()
    """
    f = loaded(tmp_path, text)["f"]
    call = calling.scalar(shipped_function(f), "row", ["int64"], "float64")
    (made,) = call(pa.array([0])).to_pylist()
    where = [line.strip() for line in made["detail"].splitlines() if "File" in line]
    assert where == [
        'File "pipeline.py", line 7, in f',
        'File "pipeline.py", line 11, in helper',
        'File "pipeline.py", line 10, in <lambda>',
    ]


def test_functions_survive_being_pickled_by_value(tmp_path: Path) -> None:
    text, given = ALIKE["other functions, of all kinds"]
    function = loaded(tmp_path, text)["f"]
    # as engines do it: the script is no module that a worker could import
    again = pickle.loads(cloudpickle.dumps(shipped_function(function)))
    assert again(*given) == function(*given)


def test_functions_that_are_not_the_users(tmp_path: Path) -> None:
    cases: Any = ((len, ("abc",)), (math.sqrt, (4.0,)), (str.upper, ("a",)), (json.dumps, ([1],)))
    for function, given in cases:
        assert shipped_function(declare(function, ROW, returns="string"))(*given) == function(*given)


def test_what_is_imported_is_told(tmp_path: Path) -> None:
    text = """
    import json, numpy as np, xml.etree.ElementTree
    from polars import Series
    import rich
    def f(x):
        import zstandard, os.path
        try:
            import surely_not_there
        except ImportError:
            pass
        return np.sum(Series([x])), json
    """
    code = UserCode()
    code.add(declare(loaded(tmp_path, text)["f"], ROW))
    assert code.imports == ("numpy", "polars", "zstandard")


# -- what is refused

REFUSED = {
    "import threading\nlock = threading.Lock()\ndef f(x):\n    with lock: return x": "'lock' is a lock (_thread.lock)",
    "import sys\nout = open(sys.argv[0] or 'x') if False else sys.stderr\ndef f(x): out.write(x)": "is an open file",
    "def rows(): yield 1\nstarted = rows()\ndef f(x): return next(started)": "'started' is a generator (rows)",
    "n = 0\ndef f(x):\n    global n\n    n += 1": "it changes the global 'n'",
    "def f(x): return cd.col('x')": "the global 'cd' is part of caudal",
    "def f(x):\n    from caudal import col\n    return col": "what it imports is part of caudal",
    "from caudal import col\ndef f(x): return col(x)": "'col' is part of caudal",
    "c = cd.col('x')\ndef f(x): return c": "the global 'c' is a caudal.plan.expr.Column",
    "def g(x): return [{'a': d}]\nd = {'k': [object()]}\ndef f(x): return g(x)": (
        "an item of the item 'k' of the global 'd' of g() is a builtins.object"
    ),
    "def make():\n    lines = iter([1])\n    def f(x): return next(lines)\n    return f\nf = make()": (
        "'lines' (of its closure) is a builtins.list_iterator"
    ),
    "big = 'x' * 2_000_000\ndef f(x): return big": "the global 'big' has 2,000,002 characters as text",
    "me = []\nme.append(me)\ndef f(x): return me": "is nested too deeply, or holds itself",
    "f = eval('lambda x: x')": "has no source",
    "import socket\ns = socket.socket()\ns.close()\ndef f(x): return s": "'s' is a socket",
    "def make():\n    class A: pass\n    def f(x): return A\n    return f\nf = make()": "is a class inside of a function",
}


@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_what_cannot_be_sent_is_refused_by_name(text: str, tmp_path: Path) -> None:
    f = loaded(tmp_path, text)["f"]
    with pytest.raises(PlanError) as caught:
        UserCode().add(f if isinstance(f, PythonFunction) else declare(f, ROW))
    assert "cannot be sent to the engine's workers: " in caught.value.message
    assert REFUSED[text] in caught.value.message
    assert caught.value.location.endswith((": f", ": <lambda>"))


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    f = loaded(tmp_path, "def f(x): return 1\n")["f"]
    (tmp_path / "pipeline.py").write_text("# changed\n" * 9)
    with pytest.raises(PlanError, match="has no source"):
        UserCode().add(declare(f, ROW))


def test_newer_syntax_is_refused(tmp_path: Path) -> None:
    f = declare(loaded(tmp_path, "def f(x):\n    match x:\n        case 1: return 2\n")["f"], ROW)
    code = UserCode()
    code.add(f)
    code.check("3.11")
    with pytest.raises(PlanError, match=r"newer Python than the engine's 3\.9"):
        code.check("3.9")


def test_what_the_engine_cannot_import_is_refused(tmp_path: Path) -> None:
    names = loaded(tmp_path, "import pytest\ndef plain(x): return x\ndef f(x): return pytest.approx(x)\n")
    code = UserCode()
    for name in ("plain", "f"):
        code.add(declare(names[name], ROW))
    assert code.imports == ("pytest",)
    code.check("3.11", ["another"])
    with pytest.raises(
        PlanError, match=r"f\(\) imports pytest, which the engine's interpreter does not find"
    ) as caught:
        code.check("3.11", ["pytest"], "install it there")
    assert caught.value.hint == "install it there"
    assert caught.value.location.endswith(": f")


# -- the functions of scenarios and examples

FLOWS = [
    path
    for path in sorted((ROOT / "tests" / "scenarios").rglob("*.flow"))
    if path.parent.name in ("functions", "whole_windows", "ordered") and "\ndef " in path.read_text(encoding="utf-8")
]
FAILING = ("no_type.flow", "wrong_arguments.flow")


def functions_of(path: Path, folder: Path) -> list[PythonFunction]:
    if path.suffix == ".py":
        names = runpy.run_path(str(path), run_name="caudal_pipeline")
        return [v for v in names.values() if isinstance(v, PythonFunction)]
    plan = build(load(path), folder).plan
    found: list[PythonFunction] = []
    for node in plan.nodes:
        found += [f for f in getattr(node, "functions", ()) if f not in found]
    return found


@pytest.mark.parametrize(
    "path",
    [*(p for p in FLOWS if p.name not in FAILING), ROOT / "examples" / "netflow.py", ROOT / "examples" / "burst.py"],
    ids=lambda p: p.stem,
)
def test_functions_of_scenarios_and_examples(path: Path, tmp_path: Path) -> None:
    found = functions_of(path, tmp_path)
    assert found
    code = UserCode()
    script = executed_with(code, found)
    for function in found:
        assert script[code.add(function)].__name__ == function.name
        assert script[code.add(function)].__doc__ == function.call.__doc__


def executed_with(code: UserCode, found: list[PythonFunction]) -> dict[str, Any]:
    for function in found:
        code.add(function)
    code.check("3.11")
    return executed(code.source())


def test_distances_of_netflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = runpy.run_path(str(ROOT / "examples" / "netflow.py"), run_name="caudal_pipeline")
    function = names["distances"]
    fields = ("eventid", "draw", "time", *names["FIELDS"])
    frame = pl.DataFrame({f: [(i * 7 + j) % 5 + i for i in range(6)] for j, f in enumerate(fields)})
    assert shipped_function(function)(frame).equals(function.call(frame))


# -- in the engines' interpreters

AHEAD = """
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "package.zip"))
"""
WORKER = """
try:
    import cloudpickle
except ImportError:
    from pyspark import cloudpickle
given = {"x": "float64", "t": "timestamp"}
calls = [
    scalar(user_inverse, "jit", ["int64"], "float64"),
    window(user_shares, "batch", [], given, {"share": "float64", "at": "timestamp"}),
    running([("stddev", "float64", "float64")], 0, 0),
]
with open(sys.argv[1], "wb") as file:
    file.write(cloudpickle.dumps(calls))
"""
READER = """
import json, pickle, sys
import pyarrow as pa
scalars, rows, running = pickle.load(open(sys.argv[1], "rb"))
print(json.dumps([
    scalars(pa.array([2, 0, None])).to_pylist(),
    rows(pa.array([{"x": 1.0, "t": 5}, {"x": 3.0, "t": 6}]), 0, 10).to_pylist(),
    running(pa.array([1, 2]), [pa.array([1.0, 3.0])])[0].to_pylist(),
]))
"""


@pytest.mark.engines
@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_in_the_engines_own_interpreters(engine: str, tmp_path: Path) -> None:
    python = Path.home() / ".cache" / "caudal" / "engines" / engine / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{engine} is not installed")
    text = """
    import polars as pl
    @cd.jit
    def half(x: float) -> float: return x / 2
    @cd.jit
    def inverse(n: int) -> float: return half(1.0 / n)
    @cd.batch
    def shares(frame): return frame.select(share=pl.col("x") / pl.col("x").sum(), at="window_end")
    """
    names = loaded(tmp_path, text)
    code = UserCode()
    code.add(names["inverse"])
    code.add(names["shares"])
    script = tmp_path / "script.py"
    modules = [f"caudal.worker.{name}" for name in ("calling", "ordered", "placing")]
    (tmp_path / "package.zip").write_bytes(packed(modules))
    script.write_text(AHEAD + import_lines([code.source(), WORKER], modules) + "\n" + code.source() + WORKER)
    reader = tmp_path / "reader.py"
    reader.write_text(AHEAD + READER)
    for file in (script, reader):  # as engines do: the functions are sent to a process that has no script
        done = subprocess.run([python, file, tmp_path / "sent"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    scalars, rows, deviations = json.loads(done.stdout)
    assert deviations == [None, math.sqrt(2)]
    assert [s["value"] for s in scalars] == [0.25, None, None]
    assert scalars[1]["message"] == "ZeroDivisionError: float division by zero"
    assert 'File "pipeline.py", line 7, in inverse' in scalars[1]["detail"]
    assert [(r["share"], r["at"]) for r in rows] == [(0.25, 10), (0.75, 10)]
