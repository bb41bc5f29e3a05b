"""Profiles of the property tests: seeded in the suite; CAUDAL_PROPERTY=<factor> runs so many times more cases, at random."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for what the tests here share: pipelines, called

FACTOR = int(os.environ.get("CAUDAL_PROPERTY", "1"))
settings.register_profile(
    "caudal",
    max_examples=60 * FACTOR,
    derandomize=FACTOR == 1,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.load_profile("caudal")
