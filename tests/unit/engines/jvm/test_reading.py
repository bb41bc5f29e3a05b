"""Which files the engines' own readers are given."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from caudal.engines.jvm.reading import legible

LINE = b'{"a": 1}\n'


@pytest.mark.parametrize("name", ["a.jsonl", "a b.jsonl", "ä#%.jsonl", "a", "a.gz.jsonl"])
def test_plain_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LINE)
    assert legible(str(tmp_path / name))


@pytest.mark.parametrize(
    "name", ["_a.jsonl", ".a.jsonl", "a[1].jsonl", "a{b}", "a*", "a?", "a\\b", "a.jsonl.gz", "a.bz2"]
)
def test_names_that_engines_skip_or_read_otherwise(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LINE)
    assert not legible(str(tmp_path / name))


def test_packed_without_a_suffix_and_missing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(LINE))
    assert not legible(str(tmp_path / "a.jsonl"))
    assert not legible(str(tmp_path / "b.jsonl"))
