"""A directory that comes and goes whole: built beside its place, moved there with a receipt in it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caudal.core.errors import InputError, OptionError, RunError
from caudal.ports.environment import Say

RECEIPT = "environment.json"
"""Stands in every environment that was made here, written last; `engine` is the environment's name, `lock` the digest of its lock."""


def cache(variable: str, name: str) -> Path:
    """Return the directory that an environment variable names, else caudal/`name` in the user's cache."""
    given = os.environ.get(variable, "")
    if given:
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # the specification of base directories has relative ones ignored
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "caudal" / name


@contextmanager
def alone(home: Path, name: str, say: Say) -> Generator[None]:
    """Hold the right to change an environment below `home`, which is made; others wait."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError("environments cannot be kept here", location=str(home), detail=str(error)) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that changes {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def replacing(place: Path, receipt: Mapping[str, str]) -> Generator[Path]:
    """Give a new directory to fill, and move it to `place` at the end, with the receipt, for an older one.

    Raises `RunError` where it cannot be written. What stood in the place stands there still where the body raises. One
    that was killed leaves a directory beside it, which the next one removes.
    """
    new, old = (place.with_name(f".{place.name}.{what}") for what in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        new.mkdir()
        yield new
        (new / RECEIPT).write_text(json.dumps(dict(receipt)), encoding="utf-8")
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


def receipt(place: Path) -> dict[str, Any]:
    """Return the receipt of what stands in a place, {} where there is none."""
    try:
        found = json.loads((place / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def ours(place: Path, name: str) -> None:
    """Raise `OptionError` where something stands in the place that is not the environment of that name."""
    if os.path.lexists(place) and receipt(place).get("engine") != name:
        raise OptionError(
            f"this is no environment of {name}",
            location=str(place),
            hint="move it away, or choose another directory",
        )


def remove(place: Path, name: str) -> bool:
    """Remove an environment; return False where there was none. Raises `OptionError` for what is something else."""
    ours(place, name)
    there = place.exists()
    aside = place.with_name(f".{place.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if there:
        place.rename(aside)  # first out of sight: a removal that is cut short leaves no half of it in place
    for left in (aside, place.with_name(f".{place.name}.new")):
        shutil.rmtree(left, ignore_errors=True)
    return there
