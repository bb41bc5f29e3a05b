"""Expressions on Spark: the table of all engines, constants for columns, random ones against the local engine."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import cases
import draw
import pytest

from caudal.plan import expr as e

HERE = Path(__file__).resolve().parent


job = cases.module(HERE / "job.py")

SEARCHES = 300
TEXTS = {"a": draw.texts(4, 400)}

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """All answers of one Spark process."""
    more = {
        "random": [cases.Batch(draw.SCHEMA, draw.ROWS, part) for part in cases.chunks(cases.randoms())],
        "searches": [cases.Batch(draw.TEXTS, TEXTS, part) for part in cases.chunks(draw.searches(5, SEARCHES))],
        "characters": [cases.Batch(draw.TEXTS, {"a": draw.characters()}, draw.mappings())],
    }
    place = tmp_path_factory.mktemp("spark")
    return cases.answered({**cases.batches(), **more}, lambda asked: job.on_spark(asked, place))


def _differs(answer: Any, want: list[Any], dtype: Any, approx: bool) -> str:
    """Return how an answer differs from what is wanted, or ""."""
    if answer.error:
        return f"failed: {answer.error}"
    if _nameless(answer.dtype) != _nameless(job.arrow(dtype)):
        return f"the type is {answer.dtype}, not {job.arrow(dtype)}"
    for row, value in enumerate(want):
        if not _agree(answer.values[row], value, approx):
            return f"row {row}: {answer.values[row]!r} is not {value!r}"
    return ""


def _nameless(dtype: Any) -> str:
    """Return a type without what lists call their items and whether these can be null."""
    return re.sub(r"list<\w+: |( not null)", lambda m: "" if m.group(1) else "list<", str(dtype))


def _agree(got: Any, want: Any, approx: bool) -> bool:
    if isinstance(want, dict) and isinstance(got, dict):
        return got.keys() == want.keys() and all(_agree(got[k], want[k], approx) for k in want)
    return cases.table.agree(got, want, approx)


def test_the_table(answers: dict[str, list[Any]]) -> None:
    cases.check_table(answers["table"], _differs)


def test_constants_mean_what_columns_mean(answers: dict[str, list[Any]]) -> None:
    cases.check_constants(answers["constants"], _differs)


def test_random_expressions_agree_with_the_local_engine(answers: dict[str, list[Any]]) -> None:
    cases.check_local(cases.randoms(), draw.SCHEMA, draw.ROWS, answers["random"], _differs)


def test_random_patterns_agree_with_the_local_engine(answers: dict[str, list[Any]]) -> None:
    texts = [answer.text for answer in answers["searches"]]
    assert sum("caudal_matches" not in t and "caudal_regexp" not in t for t in texts) > SEARCHES / 2
    cases.check_local(draw.searches(5, SEARCHES), draw.TEXTS, TEXTS, answers["searches"], _differs)


def test_every_character_is_treated_alike(answers: dict[str, list[Any]]) -> None:
    given = {"a": draw.characters()}
    cases.check_local(draw.mappings(), draw.TEXTS, given, answers["characters"], _differs)


@pytest.mark.skipif(cases.COUNT < 5000, reason="few expressions do not use all functions")
def test_random_expressions_use_every_function() -> None:
    used = {node.function for x in cases.randoms() for node in x.walk() if isinstance(node, e.Call)}
    assert used >= draw.FUNCTIONS
    assert math.isnan(draw.ROWS["x"][0])
