"""Every scenario on Spark."""

from __future__ import annotations

import engine_scenarios
import pytest

from caudal.engines.spark.capabilities import CAPABILITIES

pytestmark = pytest.mark.engines
GAPS = {name: gap for gap in CAPABILITIES for name in gap.scenarios}


@pytest.mark.parametrize("name", engine_scenarios.suitable())
def test_scenario(name: str) -> None:
    engine_scenarios.check("spark", name, GAPS)


def test_most_scenarios_run() -> None:
    engine_scenarios.check_share("spark", GAPS)
