"""The environments that are really there: they have what their locks say, and run."""

from __future__ import annotations

import subprocess

import pytest

from caudal.engines import environments
from caudal.engines.environments import lock

pytestmark = pytest.mark.engines

ASK = {
    "flink": "import pyflink.version as v; print(v.__version__)",
    "spark": "import pyspark as v; print(v.__version__)",
}


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_an_installed_engine_runs(engine: str) -> None:
    python = environments.python(engine)
    if python is None:
        pytest.skip(f"{engine} is not installed: caudal engines install {engine}")
    health = environments.health(engine)
    assert (health.state, health.problems) == ("ready", ())
    done = subprocess.run([python, "-c", ASK[engine]], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == lock.read(engine).version
    assert all(jar.is_file() for jar in environments.jars(engine))
