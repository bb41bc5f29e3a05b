"""Kernels on disk: what was damaged, is of other sources or stands elsewhere is compiled anew; nothing of it fails."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numba.core import config

from caudal.columnar import compiled

SOURCE = """
from caudal.columnar.compiled import kernel

STEP = {step}

@kernel()
def add(x):
    return x + STEP
"""


def load(directory: Path, step: int = 1) -> Any:
    """Return the kernel of a module as another process would have it."""
    path = directory / "module.py"
    if not path.exists():
        path.write_text(SOURCE.format(step=1))  # its stamp stays, what the name means does not
    module = ModuleType("module")
    code = compile(SOURCE.format(step=step), str(path), "exec")
    exec(code, module.__dict__)
    return module.__dict__["add"]


def hits(kernel: Any) -> int:
    return sum(kernel.stats.cache_hits.values())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    first = load(tmp_path)
    assert first(1) == 2
    second = load(tmp_path)
    assert second(1) == 2
    assert (hits(first), hits(second)) == (0, 1)
    return tmp_path


def file_of(cache: Path, suffix: str) -> Path:
    (found,) = cache.glob(f"cache/**/*{suffix}")
    return found


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", ["empty", "cut", "foreign", "changed"])
def test_damaged_code_is_compiled_anew(cache: Path, suffix: str, damage: str) -> None:
    file = file_of(cache, suffix)
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "empty": b"",
            "cut": content[:middle],
            "foreign": pickle.dumps(["not", "ours"]),
            "changed": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        }[damage]
    )
    kernel = load(cache)
    assert kernel(1) == 2
    again = load(cache)
    assert again(1) == 2
    assert hits(again) == 1  # written anew


def test_a_constant_of_another_value_is_other_code(cache: Path) -> None:
    kernel = load(cache, step=5)
    assert kernel(1) == 6
    assert hits(kernel) == 0


def test_code_of_other_arguments_under_the_same_number_is_not_taken(cache: Path) -> None:
    whole = file_of(cache, ".nbc")
    of_int = whole.read_bytes()
    for file in (whole, file_of(cache, ".nbi")):
        file.unlink()
    assert load(cache)(0.5) == 1.5
    file_of(cache, ".nbc").write_bytes(of_int)
    assert load(cache)(0.5) == 1.5


def test_a_directory_that_cannot_be_written_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled, "_told", [])
    first, second = load(tmp_path), load(tmp_path)
    monkeypatch.setattr(compiled.SealedFile, "_open_for_write", refuse)
    with caplog.at_level(logging.WARNING, "caudal"):
        assert first(1) == 2
        assert second(1) == 2
    (told,) = caplog.records
    assert "Permission denied" in told.getMessage()
    assert "NUMBA_CACHE_DIR" in told.getMessage()


def refuse(self: Any, path: str) -> Any:
    raise PermissionError(13, "Permission denied", path)


def test_no_directory_at_all_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "module.py").write_text(SOURCE.format(step=1))
    monkeypatch.setattr(compiled, "_told", [])
    monkeypatch.setattr(compiled.FunctionCache, "__init__", no_locator)
    with caplog.at_level(logging.WARNING, "caudal"):
        assert load(tmp_path)(1) == 2
    assert "NUMBA_CACHE_DIR" in caplog.text


def no_locator(self: Any, function: Any) -> None:
    raise RuntimeError("cannot cache function: no locator available")
