"""Random pipelines over random rows: the engine against the oracle, however it runs."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import SCHEMA, SHAPES, STAGES, Case, Values, cases, listed, ways

import caudal as cd
from caudal.plan import wire
from caudal.testing.harness import Started
from caudal.testing.oracle import Record

pytestmark = pytest.mark.slow

SMALLEST: Values = {"threads": 1, "morsel_rows": 1, "read_bytes": 1, "rewrites": False}


@given(case=cases(), way=ways())
def test_rows_late_rows_and_ledger_are_the_oracles(case: Case, way: Values) -> None:
    case.check(Started(case.plan).run())
    case.check(Started(case.plan, **SMALLEST).run())
    case.check(Started(case.plan, **way).run())


@pytest.mark.parametrize("kind", STAGES)
@settings(max_examples=settings.default.max_examples * 2)
@given(data=st.data(), way=ways())
def test_what_stages_make_is_the_oracles(kind: str, data: Any, way: Values) -> None:
    case = data.draw(cases(kinds=[kind]))
    case.check(Started(case.plan, **SMALLEST).run())
    case.check(Started(case.plan, **way).run())


@pytest.mark.parametrize("kind", ["window", "two windows", *STAGES])
@given(data=st.data(), one=ways(), other=ways())
def test_neither_threads_nor_shards_change_rows_or_their_order(
    kind: str, data: Any, one: Values, other: Values
) -> None:
    case = data.draw(cases(kinds=[kind]))
    first, second = (Started(case.plan, **way).run() for way in ({**one, "threads": 1, "shards": 1}, other))
    for sink in case.in_order():
        assert [listed(row) for row in first.rows[sink]] == [listed(row) for row in second.rows[sink]]


@settings(max_examples=settings.default.max_examples * 6)
@given(case=cases(kinds=["beside"]), way=ways())
def test_pipelines_side_by_side_are_the_oracles(case: Case, way: Values) -> None:
    """Each run holds pipelines.MANY cases: starting a run costs more than a small pipeline does.

    With them, `make nightly` compares about nine thousand pipelines.
    """
    case.check(Started(case.plan, **way).run())


@settings(max_examples=settings.default.max_examples * 3)
@given(case=cases(kinds=["joins"]), way=ways())
def test_joins_are_the_oracles(case: Case, way: Values) -> None:
    """As for pipelines side by side: each run holds pipelines.MANY joins."""
    case.check(Started(case.plan, **way).run())


@given(case=cases(kinds=["lookups"]), way=ways())
def test_lookups_are_the_oracles(case: Case, way: Values) -> None:
    """As for pipelines side by side: each run holds pipelines.MANY lookups."""
    case.check(Started(case.plan, **way).run())


@given(data=st.data(), way=ways())
def test_rows_of_files_are_the_oracles(tmp_path_factory: pytest.TempPathFactory, data: Any, way: Values) -> None:
    case = data.draw(cases(tmp_path_factory.mktemp("files", numbered=True), [*SHAPES, "stages"]))
    case.check(Started(case.plan, **way).run())
    if not any(node.functions for node in case.plan.nodes):
        stored = wire.loads(wire.dumps(case.plan))
        case.check(Started(stored, threads=2, read_bytes=1).run())


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_are_late_for_some_of_their_windows(seed: int) -> None:
    """Hopping windows over rows that go back and forth by less than a window: most rows are late for a part."""
    dice = random.Random(seed)
    parts: list[list[Values | None]] = []
    for _ in range(2):
        time, rows = 0, []
        for _ in range(150):
            time += dice.choice([0, 100, 400, 900, 1600])
            values = {"k": dice.choice(["a", "b", None]), "n": dice.randrange(9), "x": dice.random(), "b": True, "g": 1}
            rows.append({**values, "t": time - dice.choice([0, 0, 300, 1100, 2600, 9000])})
        parts.append(rows)
    source = cd.source(
        "memory", rows=parts, schema=SCHEMA, event_time="t", disorder=dice.choice(["0ms", "700ms"]), name="one"
    )
    window = cd.hopping("4s", every=dice.choice(["500ms", "1s", "2s"]), offset=dice.choice([0, "300ms"]))
    out = source.group_by("k").window(window).agg(c=cd.count(), s=cd.sum("x"), all=cd.collect("n"), name="w")
    plan = cd.Pipeline("partly", out.to("console", name="to out"), out.late().to("console", name="to late"))
    inputs = {"one": {f"p{i}": [Record(j, row) for j, row in enumerate(rows)] for i, rows in enumerate(parts)}}
    case = Case(plan, inputs)
    assert case.wanted.fates["w"].partly_late > 20
    assert case.wanted.fates["w"].late > 5
    case.check(Started(plan).run())
    case.check(Started(plan, threads=3, morsel_rows=7, read_bytes=5000, shuffle=dice).run())
