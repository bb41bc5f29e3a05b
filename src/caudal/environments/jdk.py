"""The Java that would run an engine or a broker: where it is and which version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from caudal.ports.environment import Problem

_PATIENCE = 30
"""Seconds that `java -version` may take."""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program. `version`: as it names itself, such as 17.0.15; `major`: 17, and 8 for the old 1.8.0."""

    path: str
    version: str
    major: int


def find() -> Java | None:
    """Return the Java that would be started: that of JAVA_HOME, else the first on the PATH; None for none.

    JAVA_HOME decides where it is set, as it does for Flink, Spark and Kafka: one that leads nowhere is no Java.
    """
    home = os.environ.get("JAVA_HOME", "")
    path = shutil.which(Path(home) / "bin" / "java") if home else shutil.which("java")
    if path is None:
        return None
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(([^"._-]+)(?:\.(\d+))?[^"]*)"', done.stderr + done.stdout)
    if found is None or not found[2].isdigit():
        return None
    major = int(found[3]) if found[2] == "1" and found[3] else int(found[2])
    return Java(str(path), found[1], major)


def problem(found: Java | None, name: str, least: int) -> Problem | None:
    """Return why `name` cannot run on the Java that was found, None where it can. `least`: the oldest major version."""
    hint = f"install a JDK of version {least} or later, and put it on the PATH or name it by JAVA_HOME"
    at = os.environ.get("JAVA_HOME", "")
    if found is None:
        where = f"JAVA_HOME is {at}, where no bin/java runs" if at else "there is no Java on the PATH"
        return Problem(f"{name} needs Java: {where}", hint)
    if found.major < least:
        return Problem(f"{name} needs Java {least} or later; {found.path} is {found.version}", hint)
    return None
