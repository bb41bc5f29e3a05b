"""Keyed steps on the local engine: the step gives what the kernel gives, over every scenario of operators that take rows in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.engines.local import lower
from caudal.plan.nodes import WindowTop
from caudal.plan.windows import CountWindow
from caudal.testing.flow import load
from caudal.testing.scenario import check

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
STEPPED = [
    path
    for path in sorted(SCENARIOS.glob("*/*.flow"))
    if any(
        word in path.read_text(encoding="utf-8")
        for word in ("deduplicate(", "running(", "sliding(", "reduce(", "cd.rows(")
    )
    and not load(path).of("error")
    and path.stem != "apply_rows"  # functions run in processes of their own, behind the kernel
]


@pytest.mark.parametrize("path", STEPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_steps_give_what_kernels_give(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower, "KERNELS", {})
    monkeypatch.setattr(
        lower, "OPERATORS", {kind: run for kind, run in lower.OPERATORS.items() if kind is not CountWindow}
    )
    monkeypatch.setattr(WindowTop, "made_later", False)  # which only the kernel does
    assert check(path) == []


def test_there_are_scenarios_of_each() -> None:
    assert len(STEPPED) > 10
