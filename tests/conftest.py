"""Settings of the whole suite."""

import os
import sys

from hypothesis import settings

# tests, and the processes that they start, wait for kernels: what takes part does not hang on how fast they are compiled
os.environ.setdefault("CAUDAL_KERNELS", "first")

# how long an example takes says more about the machine than about what is tested
settings.register_profile("caudal", deadline=None)
settings.load_profile("caudal")

# hundreds of processes import the same modules: they are compiled once, whatever the shell says of bytecode
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
