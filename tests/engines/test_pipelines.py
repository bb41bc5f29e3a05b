"""What is asked of the engines in random pipelines: enough of everything, and what the oracle says of it."""

from __future__ import annotations

from collections import Counter

import pytest
import random_pipelines as asked

from caudal.plan.nodes import DeadLetters, Keyed, Late, Node

pytestmark = pytest.mark.slow


NOT_DRAWN = {
    "chain",  # rewrites make it
    "explode",  # these have scenarios on each engine, and random plans of their own (tests/unit/runner)
    "staged",
    "with_event_time",
    "lookup",  # scenarios on each engine have tables, whose files are theirs
}
"""Kinds of operators that no random pipeline has here."""


def test_a_hundred_keep_state_and_every_operator_is_there() -> None:
    drawn = [asked.drawn(1, number) for number in range(100)]
    nodes = [node for one in drawn for node in one.case.plan.nodes]
    kinds = Counter(node.kind for node in nodes)
    assert set(kinds) == set(Node.kinds) - NOT_DRAWN
    assert sum(any(isinstance(node, Keyed) for node in one.plan.nodes) for one in drawn) >= 100
    windows = {type(node.window).__name__ for node in nodes if hasattr(node, "window")}
    assert windows == {"Hopping", "Cumulative", "Session", "CountWindow"}
    wired = {kind for one in drawn for node in one.plan.nodes for kind in (Late, DeadLetters) if isinstance(node, kind)}
    assert wired == {Late, DeadLetters}
    functions = {each.kind for node in nodes for each in node.functions}
    assert functions == {"jit", "batch", "row"}
    behind = [any(isinstance(up, Keyed) for up in [*asked.upwards(n)][1:]) for n in nodes if isinstance(n, Keyed)]
    assert sum(behind) > 40


def test_the_same_seed_draws_the_same() -> None:
    assert asked.drawn(3, 11).json() == asked.drawn(3, 11).json()


@pytest.mark.parametrize("part", [slice(25), pytest.param(slice(25, None), marks=pytest.mark.nightly)], ids=str)
def test_the_local_engine_gives_what_the_oracle_says(part: slice) -> None:
    wrong = {one.label: lines for one in asked.all_drawn()[part] if (lines := one.against_oracle())}
    assert not wrong, wrong
