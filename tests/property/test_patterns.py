"""Random patterns: the engine against the oracle, however it runs and wherever it is cut.

There are 300 in the suite; `CAUDAL_PATTERNS=5000` asks for more, as `make nightly` does.
"""

from __future__ import annotations

import os
import random

import pytest
from test_cuts import run_with_cuts

import caudal as cd
from caudal.plan import wire
from caudal.testing.harness import Started, differences
from caudal.testing.oracle import interpret
from caudal.worker.steps import linear
from patterns import SCHEMA, case, drawn

COUNT = int(os.environ.get("CAUDAL_PATTERNS", "300"))
TOGETHER = 10
"""Patterns that share a run: starting one costs more than a pattern does."""


@pytest.mark.parametrize("seed", range(-(-COUNT // TOGETHER)))
def test_matches_are_the_oracles(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_compiled", [])
    if seed % 2:
        monkeypatch.setattr(linear, "MANY", 1)  # in machine code
    plan, inputs = case(seed, TOGETHER)
    dice = random.Random(seed)
    wanted = interpret(plan, inputs)
    threads, morsel = dice.choice([1, 3]), dice.choice([1, 2, 7, 1000])
    started = Started(plan, threads=threads, morsel_rows=morsel, read_bytes=dice.choice([1, 300, 100000])).run()
    assert differences(wanted, started.rows, started.ledger) == []
    begun, cuts = run_with_cuts(plan, sorted(dice.sample(range(1, 20), 2)), {"read_bytes": 256}, abandon=True)
    if cuts:
        rest = Started(plan, threads=threads)
        rest.execution.restore(cuts)
        rest.run()
        rows = {name: begun.rows[name][: cuts[-1].written[name]] + rows for name, rows in rest.rows.items()}
        assert differences(wanted, rows, rest.ledger) == []


def test_a_stored_plan_is_the_same_plan() -> None:
    for seed in range(20):
        source = cd.source("files", path="x.jsonl", schema=SCHEMA, event_time="t")
        plan = cd.Pipeline("one", drawn(random.Random(seed), source, "m").to("console"))
        assert wire.dumps(wire.loads(wire.dumps(plan))) == wire.dumps(plan)
