"""Profiles of the property tests: few seeded cases in the suite; with CAUDAL_PROPERTY=<factor> so many times 60, at random.

The seeded cases are the same in every run: they find what a change breaks, and more of them would find little more.

`make nightly` asks for three times that.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for what the tests here share: pipelines, called

GIVEN = os.environ.get("CAUDAL_PROPERTY", "")
settings.register_profile(
    "caudal",
    max_examples=round(60 * float(GIVEN or "0.25")),
    derandomize=not GIVEN,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.load_profile("caudal")
