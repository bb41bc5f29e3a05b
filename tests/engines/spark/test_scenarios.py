"""Every scenario on Spark."""

from __future__ import annotations

import pytest
import scenarios

from caudal.engines.spark.capabilities import CAPABILITIES

pytestmark = pytest.mark.engines
GAPS = {name: gap for gap in CAPABILITIES for name in gap.scenarios}


@pytest.mark.parametrize("name", scenarios.suitable())
def test_scenario(name: str) -> None:
    scenarios.check("spark", name, GAPS)


def test_most_scenarios_run() -> None:
    scenarios.check_share("spark", GAPS)
