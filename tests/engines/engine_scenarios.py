"""Every scenario on an engine: one process for all that suit it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from running import QUICK

from caudal.engines import environments
from caudal.testing.elsewhere import check_on, suits
from caudal.testing.flow import Flow, load

HERE = Path(__file__).resolve().parents[1] / "scenarios"


@cache
def flows() -> dict[str, Flow]:
    """Return the scenarios by their names: topic/name."""
    return {f"{path.parent.name}/{path.stem}": load(path) for path in sorted(HERE.glob("*/*.flow"))}


@cache
def suitable() -> list[str]:
    """Return the names of those that an engine of another process can be asked."""
    return [name for name, flow in flows().items() if suits(flow)]


@cache
def found(engine: str) -> dict[str, list[str]]:
    """Return what is wrong with each scenario on an engine."""
    asked = {name: flows()[name] for name in suitable()}
    wrong = check_on(engine, [*asked.values()], QUICK)
    return {name: wrong[flow.path] for name, flow in asked.items()}


def check(engine: str, name: str, gaps: Mapping[str, Any]) -> None:
    """Assert that a scenario gives what it says, or that it does not where a gap is declared."""
    require(engine)
    wrong = found(engine)[name]
    if name in gaps:
        assert wrong, f"{name} works on {engine}: '{gaps[name].what}' is no gap any more"
    else:
        assert not wrong, "\n".join(wrong)


def check_share(engine: str, gaps: Mapping[str, Any]) -> None:
    """Assert that at least 85 % of the scenarios that no need excludes run on an engine as they do locally."""
    require(engine)
    plain = [name for name in suitable() if "lateness" not in flows()[name].needs]
    run = [name for name in plain if not found(engine)[name]]
    assert len(run) >= 0.85 * len(plain), f"{len(run)} of {len(plain)}"
    assert set(gaps) <= set(suitable())


def require(engine: str) -> None:
    """Skip the test where the engine's environment is not installed."""
    if environments.python(engine) is None:
        pytest.skip(f"the environment is not installed: caudal engines install {engine}")
