"""Expressions on Flink: the table of all engines, constants for columns, random ones against the local engine."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cases
import draw
import pytest

from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.engines.flink.capabilities import GAPS
from caudal.engines.flink.expressions import show
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import type_of
from caudal.engines.local.expressions import bind
from caudal.plan import expr as e
from caudal.plan import functions

HERE = Path(__file__).resolve().parent


job = cases.module(HERE / "job.py")

SEEDS = (11, 12, 13)
EACH = 200
"""Random expressions for each seed."""

pytestmark = pytest.mark.engines


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
    random = [cases.Batch(draw.SCHEMA, draw.ROWS, part) for part in cases.chunks(drawn())]
    place = tmp_path_factory.mktemp("flink")
    return cases.answered({**cases.batches(), "random": random}, lambda asked: job.on_flink(asked, place))


def _differs(answer: Any, want: list[Any], dtype: Any, approx: bool) -> str:
    """Return how an answer differs from what is wanted, or ""."""
    if answer.error:
        return f"failed: {answer.error}"
    if answer.dtype != type_of(dtype):
        return f"the type is {answer.dtype}, not {type_of(dtype)}"
    for row, value in enumerate(want):
        if not cases.table.agree(answer.values[row], value, approx):
            return f"row {row}: {answer.values[row]!r} is not {value!r}"
    return ""


def test_the_table(answers: dict[str, list[Any]]) -> None:
    cases.check_table(answers["table"], _differs, GAPS)


def test_a_declared_gap_is_one(answers: dict[str, list[Any]]) -> None:
    for name in GAPS:
        assert name in functions.FUNCTIONS
        of_it = [(c, a) for c, a in zip(cases.table.CASES, answers["table"], strict=True) if cases.uses(c.expr, [name])]
        assert any(_differs(a, c.expect, c.dtype, c.approx) for c, a in of_it), f"{name} works: it is no gap any more"


def test_constants_mean_what_columns_mean(answers: dict[str, list[Any]]) -> None:
    cases.check_constants(answers["constants"], _differs, GAPS)


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
        if how and not cases.uses(x, GAPS):
            differences[f"{x}\n  = {answer.text[:600]}"] = how
    assert nulls < len(exprs) / 4
    assert not differences, cases.report(differences, len(exprs))


def test_most_functions_need_no_worker() -> None:
    of_none = {node.function for x in drawn() if not _workers(x) for node in x.walk() if isinstance(node, e.Call)}
    assert draw.FUNCTIONS - of_none == {"ip_prefix"}


def test_random_expressions_use_every_function() -> None:
    used = {node.function for x in drawn() for node in x.walk() if isinstance(node, e.Call)}
    assert used >= draw.FUNCTIONS
