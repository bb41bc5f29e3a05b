"""Random pipelines that keep state on Flink: see random_pipelines."""

from __future__ import annotations

import pytest
import random_pipelines

pytestmark = pytest.mark.engines


def test_random_pipelines_give_the_rows_of_the_local_engine() -> None:
    random_pipelines.check("flink")
