"""Expressions on Flink: the table of all engines, constants for columns, random ones against the local engine."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cases
import draw
import pytest

from caudal.engines.flink.capabilities import GAPS
from caudal.engines.flink.spelling import type_of
from caudal.plan import expr as e
from caudal.plan import functions

HERE = Path(__file__).resolve().parent


job = cases.module(HERE / "job.py")

PER_BATCH = 100
LETTERS = 8_000
"""No more of a batch's SQL text: what it generates must fit a method of Java's."""
SEARCHES = 300
TEXTS = {"a": draw.texts(4, 400)}

pytestmark = pytest.mark.engines


@cache
def order() -> list[int]:
    """Return the places of the random expressions as they are asked: those that start workers last, short ones first."""
    shown = [cases.on_flink(x) for x in cases.randoms()]
    return sorted(range(len(shown)), key=lambda i: (bool(shown[i][1]), len(shown[i][0])))


def _random() -> list[cases.Batch]:
    batches: list[list[e.Expr]] = []
    letters = LETTERS
    for i in order():
        x = cases.randoms()[i]
        size = len(cases.on_flink(x)[0])
        if letters + size > LETTERS or len(batches[-1]) >= PER_BATCH:
            batches.append([])
            letters = 0
        batches[-1].append(x)
        letters += size
    return [cases.Batch(draw.SCHEMA, draw.ROWS, part) for part in batches]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """All answers of one Flink process."""
    more = {
        "random": _random(),
        "searches": [cases.Batch(draw.TEXTS, TEXTS, part) for part in cases.chunks(draw.searches(5, SEARCHES))],
        "characters": [cases.Batch(draw.TEXTS, {"a": draw.characters()}, draw.mappings())],
    }
    place = tmp_path_factory.mktemp("flink")
    found = cases.answered({**cases.batches(), **more}, lambda asked: job.on_flink(asked, place))
    placed = dict(zip(order(), found["random"], strict=True))
    return {**found, "random": [placed[i] for i in range(len(placed))]}


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
    cases.check_local(cases.randoms(), draw.SCHEMA, draw.ROWS, answers["random"], _differs, GAPS)


def test_random_patterns_agree_with_the_local_engine(answers: dict[str, list[Any]]) -> None:
    cases.check_local(draw.searches(5, SEARCHES), draw.TEXTS, TEXTS, answers["searches"], _differs, GAPS)


def test_every_character_is_treated_alike(answers: dict[str, list[Any]]) -> None:
    given = {"a": draw.characters()}
    cases.check_local(draw.mappings(), draw.TEXTS, given, answers["characters"], _differs, GAPS)


@pytest.mark.skipif(
    cases.COUNT < 5000, reason="with few expressions, others than those that need a worker stand beside none without"
)
def test_most_functions_need_no_worker() -> None:
    native = [x for x in cases.randoms() if not cases.on_flink(x)[1]]
    of_none = {node.function for x in native for node in x.walk() if isinstance(node, e.Call)}
    assert draw.FUNCTIONS - of_none == {"ip_prefix"}


@pytest.mark.skipif(cases.COUNT < 5000, reason="few expressions do not use all functions")
def test_random_expressions_use_every_function() -> None:
    used = {node.function for x in cases.randoms() for node in x.walk() if isinstance(node, e.Call)}
    assert used >= draw.FUNCTIONS
