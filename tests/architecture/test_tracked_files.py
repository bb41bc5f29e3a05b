"""What is kept under version control says nothing of the machine that it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in parts, so that this file does not hold what it looks for.
_PLACES = [
    "/ro" + "ot/",
    "/ho" + r"me/[a-z]",
    "/Us" + "ers/",
    "/wo" + r"rk/\w",
    "/tmp/" + r"(bash|pytest)",
    r"[A-Z]:\\" + "Users",
]
_REGISTRIES = [
    "py" + r"pi\.org",
    "python" + r"hosted\.org",
    "arti" + "factory",
    "index" + "[-_]url",
    "repo1" + r"\.maven",
]
_FORBIDDEN = re.compile("|".join([*_PLACES, *_REGISTRIES]).encode())
_LOCKS = {"uv.lock"}


def _tracked() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_no_machine_path_and_no_registry_is_named() -> None:
    named = []
    for path in _tracked():
        if path.name in _LOCKS or not path.is_file():
            continue
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if found := _FORBIDDEN.search(line):
                named.append(f"{path.relative_to(ROOT)}:{number}: {found[0].decode(errors='replace')}")
    assert named == []


def test_no_cache_and_no_environment_is_kept() -> None:
    kept = re.compile(r"(^|/)(__pycache__|\.venv|\.pytest_cache|\.ruff_cache|\.hypothesis)(/|$)|\.(pyc|nbi|nbc)$")
    assert [str(path) for path in _tracked() if kept.search(path.relative_to(ROOT).as_posix())] == []
