"""Random pipelines that run together: each is what the oracle says of it alone, whatever they share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from pipelines import SHAPES, STAGES, Case, in_memory, ms, partitions, pipeline, shaped, staged, ways

import caudal as cd
from caudal.plan.plan import Plan
from caudal.plan.together import together
from caudal.runner.several import ledger_of
from caudal.testing.harness import Started

pytestmark = pytest.mark.slow


@settings(max_examples=settings.default.max_examples * 3)
@given(data=st.data(), way=ways())
def test_pipelines_that_run_together_are_the_oracles(data: Any, way: dict[str, Any]) -> None:
    inputs: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    made: dict[tuple[str, int], Any] = {}

    def source(name: str, disorder: int) -> Any:
        """Return one of few sources: alike ones are one, others of that name have the same rows."""
        if name not in parts:
            parts[name] = data.draw(partitions(False, most=2))
        key = name, disorder
        if key not in made:
            made[key] = in_memory(inputs, name, parts[name], event_time="t", disorder=ms(disorder))
        return made[key]

    plans = []
    for i in range(data.draw(st.integers(2, 3))):
        kind = data.draw(st.sampled_from([*SHAPES, *STAGES]))
        ends = (shaped if kind in SHAPES else staged)(data.draw, source, kind)
        plans.append(Plan(f"p{i}", pipeline(ends).sinks).pinned())
    if data.draw(st.booleans()):  # one that is there twice, but for its name
        plans.append(Plan("again", plans[0].sinks))
    whole = together(plans)
    note(cd.explain(whole.plan))
    note(repr(inputs))
    run = Started(whole.plan, **way).run()
    for part in whole.parts:
        rows = {own: run.rows[called] for called, own in part.own.items() if called in run.rows}
        case = Case(part.plan, {part.plan.ids[each]: inputs[each.name] for each in part.plan.sources})
        case.check(SimpleNamespace(rows=rows, ledger=ledger_of(part, run.ledger)))  # type: ignore[arg-type]
