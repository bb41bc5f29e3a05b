from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from caudal.engines.environments import environment
from caudal.engines.environments.environment import LockedEnvironment
from caudal.engines.environments.lock import Lock
from caudal.environments.jars import Jar

ROOT = Path(__file__).resolve().parents[4]
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def wheel(folder: Path, name: str, version: str) -> str:
    """Write a wheel with one module, which holds its version; return its SHA-256."""
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text)}")
    files[record] = "\n".join([*lines, f"{record},,"]) + "\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


@dataclass
class Bench:
    """A registry of two small wheels and a jar on this machine, and the lock of an engine that needs them."""

    base: Path
    repository: Path
    lock: Lock
    engine: LockedEnvironment

    @property
    def place(self) -> Path:
        return self.base / self.engine.name

    def left(self) -> list[str]:
        """What stands in the directory of environments."""
        return sorted(p.name for p in self.base.iterdir()) if self.base.exists() else []

    def install(self, **options: Any) -> tuple[bool, list[str]]:
        said: list[str] = []
        return self.engine.install(said.append, **options), said

    def relock(self, **changes: Any) -> None:
        self.lock = replace(self.lock, digest=self.lock.digest + "+", **changes)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    wheels, repository = tmp_path / "wheels", tmp_path / "repository"
    wheels.mkdir()
    engine, tool = wheel(wheels, "tinyengine", "1.0"), wheel(wheels, "tinytool", "2.0")
    content = b"a jar of bytes"
    jar = Jar("org.example:tiny-connector:3.0", hashlib.sha256(content).hexdigest())
    (repository / jar.path).parent.mkdir(parents=True)
    (repository / jar.path).write_bytes(content)
    lock = Lock(
        engine="flink",
        distribution="tinyengine",
        version="1.0",
        pythons=(HERE,),
        java=11,
        jars=(jar,),
        requirements=f"tinyengine==1.0 \\\n    --hash=sha256:{engine}\n",
        build=f"tinytool==2.0 \\\n    --hash=sha256:{tool}\n",
        digest="d1",
    )
    made = Bench(tmp_path / "environments", repository, lock, LockedEnvironment("flink"))
    monkeypatch.setattr(environment, "read", lambda _: made.lock)
    monkeypatch.setenv("CAUDAL_ENGINES", str(made.base))
    monkeypatch.delenv("CAUDAL_FLINK_PYTHON", raising=False)
    monkeypatch.setenv("CAUDAL_MAVEN_MIRROR", repository.as_uri())
    for tool_name in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool_name}_FIND_LINKS", str(wheels))
        monkeypatch.setenv(f"{tool_name}_NO_INDEX", "1")
    # the project's own uv, where the machine has none: pip takes twenty times as long
    monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(ROOT / ".uv" / "only")]))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return made


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Writes a program that a shell runs, in a directory of its own; returns its path."""

    def write(name: str, text: str, folder: str = "programs") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leaves these directories on the PATH, and what a shell needs."""

    def restrict(*folders: Path) -> None:
        monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))

    return restrict
