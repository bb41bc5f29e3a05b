"""Building an environment: an interpreter with the packages of a lock, and its jars."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from caudal.core.errors import RunError
from caudal.engines.environments.lock import Lock
from caudal.environments import repository
from caudal.environments.placing import replacing
from caudal.ports.environment import Say

_LINES = 8
"""How much of what an installer said an error repeats."""


def build(lock: Lock, place: Path, interpreter: str, version: str, say: Say) -> None:
    """Build the environment of a lock beside `place` and move it there, in place of an older one.

    Raises `RunError`; what stood in the place stands there still.
    """
    receipt = {"engine": lock.engine, "lock": lock.digest, "version": lock.version, "python": version}
    with replacing(place, receipt) as new:
        _install(lock, new, interpreter, say)
        (new / "jars").mkdir()
        repository.fetch(lock.jars, new / "jars", say)


def _install(lock: Lock, folder: Path, interpreter: str, say: Say) -> None:
    """Make a virtual environment in `folder` and install the lock's packages, all of them against their hashes.

    What comes as source is built with the tools that the lock pins, not with the newest that a registry has.
    """
    (folder / "requirements.txt").write_text(lock.requirements, encoding="utf-8")
    (folder / "build.txt").write_text(lock.build, encoding="utf-8")
    python, uv = str(folder / "bin" / "python"), shutil.which("uv")
    say(f"making an environment on {interpreter}")
    if uv is not None:
        # relocatable: it moves to its place when it is whole
        make = [
            uv,
            "venv",
            "-q",
            "--no-project",
            "--relocatable",
            "--allow-existing",
            "--python",
            interpreter,
            str(folder),
        ]
        install = [uv, "pip", "install", "-q", "--python", python]
    else:
        make = [interpreter, "-m", "venv", str(folder)]
        install = [python, "-I", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    install += ["--no-deps", "--require-hashes"]
    _call(make, folder, "no environment can be made")
    count = sum(line[:1].isalnum() for line in lock.requirements.splitlines())
    say(f"installing {lock.distribution} {lock.version} and {count - 1} packages that it needs")
    for more in (["-r", "build.txt"], ["--no-build-isolation", "-r", "requirements.txt"]):
        _call([*install, *more], folder, "the packages of the lock cannot be installed")


def _call(command: Sequence[str], folder: Path, message: str) -> None:
    # in a directory of our own: what stands in the caller's may not configure the installer
    outside = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_USER"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        errors="replace",
    )
    if done.returncode != 0:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise RunError(
            message,
            detail="\n  ".join(said[-_LINES:]),
            hint="is the package registry within reach? Nothing was changed",
        )
