"""Starting is quick: `import caudal`, `caudal --help`, and a plan, without a heavy library."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("numpy", "numba", "pyarrow", "polars", "pandas", "sqlglot", "rich", "zstandard", "llvmlite", "asyncio")
BARE = ["-c", "pass"]
ROUNDS = 5


def _seconds(arguments: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


@pytest.mark.parametrize(
    ("arguments", "limit", "times"),
    [(["-c", "import caudal"], 0.3, 15), (["-m", "caudal", "--help"], 0.5, 25)],
    ids=["import", "help"],
)
def test_it_starts_quickly(arguments: list[str], limit: float, times: float) -> None:
    """Within the limit, or on a machine that is busy within so many times what an empty program takes."""
    pairs = [(_seconds(BARE), _seconds(arguments)) for _ in range(ROUNDS)]
    assert min(taken for _, taken in pairs) < limit or min(taken / bare for bare, taken in pairs) < times


PLAN = """
from caudal.plan import wire

rows = {"kind": "source", "inputs": [], "name": "rows", "connector": "files", "options": [["path", "log.jsonl"]],
        "declared": [{"name": "t", "type": "int64"}], "event_time": {"column": "t"}}
counts = {"kind": "window", "inputs": [0], "name": "counts", "keys": [], "window": {"session": 1000},
          "aggregates": [["n", {"function": "count", "argument": None, "order_by": []}]]}
out = {"kind": "sink", "inputs": [1], "name": "out", "connector": "console", "options": []}
plan = wire.loads(wire.dumps(wire.from_json({"caudal": 1, "name": "p", "nodes": [rows, counts, out], "sinks": [2]})))
assert "session(1s)" in cd.explain(plan)
"""


@pytest.mark.parametrize(
    "code",
    [
        "",
        "cd.__version__",
        "[getattr(cd, name) for name in cd.__all__]",
        "cd.settings(a=1); cd.field('int64'); cd.tumbling('3s'); cd.count_if(cd.col('a') > 1); cd.when(cd.col('a'))",
        PLAN,
    ],
    ids=["import", "version", "every name", "parts", "plan"],
)
def test_no_heavy_library_is_imported(code: str, tmp_path: Path) -> None:
    shown = f"print([name for name in {HEAVY!r} if name in sys.modules])"
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nimport caudal as cd\n{code}\n{shown}\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_imports_no_heavy_library() -> None:
    code = "import sys\nfrom caudal.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
    code += f"print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
