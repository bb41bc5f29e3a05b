"""Expressions on Flink: the table of all engines, constants for columns, random ones against the local engine."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import Schema
from caudal.engines.flink.capabilities import GAPS
from caudal.engines.flink.expressions import show
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import type_of
from caudal.engines.local.expressions import bind
from caudal.plan import expr as e
from caudal.plan import functions

HERE = Path(__file__).resolve().parent


def _module(path: Path) -> ModuleType:
    """Import a module by its path, as tests are."""
    full = f"caudal_tests_{path.parent.name}_{path.stem}"
    if full not in sys.modules:
        spec = spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[full] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full]


job = _module(HERE / "job.py")
draw = _module(HERE.parent / "spark" / "draw.py")
table = _module(HERE.parents[1] / "spec" / "test_expressions.py")

SEEDS = (11, 12, 13)
EACH = 200
"""Random expressions for each seed."""
PER_BATCH = 50

pytestmark = pytest.mark.engines


def _wide(cases: list[Any]) -> Any:
    """Return one batch of all these cases, the columns of each renamed, shorter ones filled with nulls."""
    rows = max(len(case.expect) for case in cases)
    types: dict[str, Any] = {}
    given: dict[str, list[Any]] = {}
    exprs: list[e.Expr] = []
    for number, case in enumerate(cases):
        for name, values in case.given.items():
            types[f"{number}_{name}"] = case.schema.dtype(name)
            given[f"{number}_{name}"] = [*values, *[None] * (rows - len(values))]
        exprs.append(table.replaced(case.expr, {n: e.col(f"{number}_{n}") for n in case.given}))
    return job.Batch(Schema.of(types), given, exprs)


def _constants() -> tuple[list[e.Expr], list[tuple[Any, int]]]:
    """Return expressions without columns, and the case and row that each stands for."""
    exprs: list[e.Expr] = []
    origins: list[tuple[Any, int]] = []
    for case in table.CASES:
        if any(f.dtype.is_nested for f in case.schema):
            continue
        for row in range(0, len(case.expect), 3):
            known = {n: e.Literal(v[row], case.schema.dtype(n)) for n, v in case.given.items()}
            exprs.append(table.replaced(case.expr, known))
            origins.append((case, row))
    return exprs, origins


def _chunks(items: list[Any]) -> list[list[Any]]:
    return [items[i : i + PER_BATCH] for i in range(0, len(items), PER_BATCH)]


@cache
def drawn() -> list[e.Expr]:
    """Return the random expressions, those behind the others that start Python workers."""
    found = [x for seed in SEEDS for x in draw.expressions(seed, EACH)]
    return sorted(found, key=lambda x: bool(_workers(x)))


def _workers(x: e.Expr) -> frozenset[str]:
    library = Library()
    show(x, draw.SCHEMA, library)
    return library.functions


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """All answers of one Flink process."""
    one = Schema.of({"unused": "int64"})
    batches = {
        "table": [_wide(part) for part in _chunks(table.CASES)],
        "constants": [job.Batch(one, {"unused": [0]}, part) for part in _chunks(_constants()[0])],
        "random": [job.Batch(draw.SCHEMA, draw.ROWS, part) for part in _chunks(drawn())],
    }
    found = job.on_flink([b for part in batches.values() for b in part], tmp_path_factory.mktemp("flink"))
    out: dict[str, list[Any]] = {}
    for name, part in batches.items():
        out[name] = [answer for _ in part for answer in found.pop(0)]
    return out


def _differs(answer: Any, want: list[Any], dtype: Any, approx: bool) -> str:
    """Return how an answer differs from what is wanted, or ""."""
    if answer.error:
        return f"failed: {answer.error}"
    if answer.dtype != type_of(dtype):
        return f"the type is {answer.dtype}, not {type_of(dtype)}"
    for row, value in enumerate(want):
        if not table.agree(answer.values[row], value, approx):
            return f"row {row}: {answer.values[row]!r} is not {value!r}"
    return ""


def _uses(x: e.Expr, names: Any) -> bool:
    return any(isinstance(node, e.Call) and node.function in names for node in x.walk())


def _report(differences: dict[str, str], of: int) -> str:
    lines = [f"{what}\n    {how}" for what, how in list(differences.items())[:40]]
    return f"{len(differences)} of {of} differ:\n" + "\n".join(lines)


def test_the_table(answers: dict[str, list[Any]]) -> None:
    found = answers["table"]
    assert len(found) == len(table.CASES) > 250
    differences = {
        f"{case.label} = {answer.text[:600]}": how
        for case, answer in zip(table.CASES, found, strict=True)
        if (how := _differs(answer, case.expect, case.dtype, case.approx)) and not _uses(case.expr, GAPS)
    }
    assert not differences, _report(differences, len(found))


def test_a_declared_gap_is_one(answers: dict[str, list[Any]]) -> None:
    for name in GAPS:
        assert name in functions.FUNCTIONS
        of_it = [(c, a) for c, a in zip(table.CASES, answers["table"], strict=True) if _uses(c.expr, [name])]
        assert any(_differs(a, c.expect, c.dtype, c.approx) for c, a in of_it), f"{name} works: it is no gap any more"


def test_constants_mean_what_columns_mean(answers: dict[str, list[Any]]) -> None:
    origins = _constants()[1]
    assert len(origins) > 250
    differences = {
        f"{case.label}, row {row} = {answer.text[:600]}": how
        for (case, row), answer in zip(origins, answers["constants"], strict=True)
        if (how := _differs(answer, [case.expect[row]], case.dtype, case.approx)) and not _uses(case.expr, GAPS)
    }
    assert not differences, _report(differences, len(origins))


def test_random_expressions_agree_with_the_local_engine(answers: dict[str, list[Any]]) -> None:
    rows = len(next(iter(draw.ROWS.values())))
    morsel = Morsel({n: from_list(v, draw.SCHEMA.dtype(n)) for n, v in draw.ROWS.items()}, rows)
    exprs = drawn()
    differences: dict[str, str] = {}
    nulls = 0
    for x, answer in zip(exprs, answers["random"], strict=True):
        column = bind(x, draw.SCHEMA)(morsel)
        want = column.to_list()
        nulls += all(v is None for v in want)
        how = _differs(answer, want, column.dtype, draw.is_approximate(x))
        if how and not _uses(x, GAPS):
            differences[f"{x}\n  = {answer.text[:600]}"] = how
    assert nulls < len(exprs) / 4
    assert not differences, _report(differences, len(exprs))


def test_most_functions_need_no_worker() -> None:
    of_none = {node.function for x in drawn() if not _workers(x) for node in x.walk() if isinstance(node, e.Call)}
    assert draw.FUNCTIONS - of_none == {"ip_prefix"}


def test_random_expressions_use_every_function() -> None:
    used = {node.function for x in drawn() for node in x.walk() if isinstance(node, e.Call)}
    assert used >= draw.FUNCTIONS
