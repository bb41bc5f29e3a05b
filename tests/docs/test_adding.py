"""What it costs to add something is what the pages say: the files that they name are there, and no more than a few."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST = {"add-a-function": 6, "add-an-aggregate": 7, "add-an-operator": 15, "add-a-detection": 4}
"""Files that a page may name, tests and documentation among them."""

OTHER_LAG = {"src/caudal/observe/lag.py", "src/caudal/cli/progress.py"}
"""Files that say by the example's word how far behind a job is."""


def named(page: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", MOST)
def test_the_files_of_a_page_are_there_and_few(page: str) -> None:
    files = named(page)
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert len(files) <= MOST[page]


@pytest.mark.parametrize(
    ("page", "word"), [("add-a-function", "entropy"), ("add-an-aggregate", "percentile"), ("add-an-operator", "lag")]
)
def test_each_file_speaks_of_the_example(page: str, word: str) -> None:
    silent = [
        name
        for name in named(page)
        if (ROOT / name).suffix != ".sql" and not re.search(rf"\b{word}", (ROOT / name).read_text(), re.IGNORECASE)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("word", "page"), [("entropy", "add-a-function"), ("percentile", "add-an-aggregate"), ("lag", "add-an-operator")]
)
def test_no_file_of_the_code_is_left_out(word: str, page: str) -> None:
    said = re.compile(rf"[\"']{word}[\"']|\bdef {word}\(")
    code = [path for path in (ROOT / "src").rglob("*.py") if said.search(path.read_text())]
    there = {path.relative_to(ROOT).as_posix() for path in code} - OTHER_LAG
    assert there <= {*named(page)}
