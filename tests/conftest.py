"""Settings of the whole suite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# tests, and the processes that they start, wait for kernels: what takes part does not depend on how fast they are compiled
os.environ.setdefault("CAUDAL_KERNELS", "first")

# how long an example takes says more about the machine than about what is tested
settings.register_profile("caudal", deadline=None)
settings.load_profile("caudal")

# hundreds of processes import the same modules: they are compiled once, whatever the shell says of bytecode
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

KERNELS = (
    ("caudal.formats.json",),
    ("caudal.formats.combined", "caudal.columnar", "caudal.formats.csv", "caudal.engines.local.aggregates"),
)
"""Packages whose kernels take about as long to compile as the other ones'."""


def pytest_configure(config: pytest.Config) -> None:
    """Compile kernels before several workers do so at once, each all of them."""
    if not getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        return
    script = Path(__file__).with_name("kernels.py")
    compiling = [subprocess.Popen([sys.executable, script, *packages]) for packages in KERNELS]
    codes = [process.wait() for process in compiling]
    if any(codes):
        raise pytest.UsageError("the kernels cannot be compiled")
