"""The interpreter to build an environment on: one whose version the engine supports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

from caudal.core.errors import OptionError

_PATIENCE = 30
"""Seconds that an interpreter may take to tell its version."""

_ASK = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"


def choose(engine: str, supported: Sequence[str], given: str = "") -> tuple[str, str]:
    """Return path and version ("3.11") of a CPython that the engine supports.

    `given` decides; else this process's own interpreter, where it fits, so that functions run on the version they
    are written for; else the newest that uv or the PATH has. Raises `OptionError` where there is none.
    """
    wanted = " or ".join(supported)
    if given:
        path = shutil.which(given)
        version = "" if path is None else version_of(path)
        if not version:
            raise OptionError(f"{given} is no CPython interpreter that runs", hint="--python takes its path")
        if version not in supported:
            raise OptionError(
                f"{engine} does not run on Python {version}", location=given, hint=f"--python takes a CPython {wanted}"
            )
        return str(path), version
    for path in _candidates(supported):
        version = version_of(path)
        if version in supported:
            return path, version
    raise OptionError(
        f"there is no Python that {engine} supports",
        detail=f"it takes CPython {wanted}; this one is {sys.version_info[0]}.{sys.version_info[1]}",
        hint=f"install one (uv python install {supported[-1]}), or name it by --python PATH",
    )


def version_of(path: str) -> str:
    """Return the version of a CPython, such as "3.11"; "" for anything that is none, or does not run."""
    try:
        done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    name, _, version = done.stdout.strip().partition(" ")
    return version if done.returncode == 0 and name == "cpython" else ""


def _candidates(supported: Sequence[str]) -> Iterator[str]:
    yield sys.executable
    uv = shutil.which("uv")
    for version in reversed(supported):
        if uv is not None:
            command = [uv, "python", "find", "--no-project", "--no-python-downloads", version]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
            except (OSError, subprocess.TimeoutExpired):
                done = None
            if done is not None and done.returncode == 0 and os.path.isfile(done.stdout.strip()):
                yield done.stdout.strip()
        path = shutil.which(f"python{version}")
        if path is not None:
            yield path
