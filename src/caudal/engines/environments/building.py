"""Building an environment beside its place, and moving it there when it is whole."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from caudal.core.errors import InputError, RunError
from caudal.engines.environments import repository
from caudal.engines.environments.lock import Lock
from caudal.ports.environment import Say

RECEIPT = "environment.json"
"""Stands in every environment that was made here, written last: engine, digest of the lock, version of Python."""

_LINES = 8
"""How much of what an installer said an error repeats."""


@contextmanager
def alone(home: Path, engine: str, say: Say) -> Generator[None]:
    """Hold the right to change an engine's environment below `home`, which is made; others wait."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / f".{engine}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError("environments cannot be kept here", location=str(home), detail=str(error)) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that changes {engine}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def build(lock: Lock, place: Path, interpreter: str, version: str, say: Say) -> None:
    """Build the environment of a lock beside `place` and move it there, in place of an older one.

    Raises `RunError`; what stood in the place stands there still. A build that was killed leaves a directory beside
    it, which the next one removes.
    """
    new, old = (place.with_name(f".{place.name}.{what}") for what in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        new.mkdir()
        _install(lock, new, interpreter, say)
        (new / "jars").mkdir()
        repository.fetch(lock.jars, new / "jars", say)
        receipt = {"engine": lock.engine, "lock": lock.digest, "version": lock.version, "python": version}
        (new / RECEIPT).write_text(json.dumps(receipt), encoding="utf-8")
        os.sync()  # the receipt vouches for thousands of files: they are on the disk before it gets its place
        if place.exists():
            place.rename(old)
        new.rename(place)
    except OSError as error:
        raise RunError("the environment cannot be written", location=str(place), detail=str(error)) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.rename(place)


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
