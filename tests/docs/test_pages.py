"""Every page of the documentation: its code runs and prints what the page says, its links lead somewhere."""

from __future__ import annotations

import gzip
import importlib.resources
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from caudal.ports import registry

HERE = Path(__file__).resolve().parent


def _module(name: str) -> ModuleType:
    """Import a module of this directory: tests are imported by their path, not as a package."""
    full = f"caudal_tests_docs_{name}"
    if full not in sys.modules:
        spec = spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[full] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full]


pages = _module("pages")
PAGES: list[Path] = pages.pages()
RUNNABLE = [page for page in PAGES if any(block.role for block in pages.blocks(page))]
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _show(page: Path) -> str:
    return page.relative_to(pages.ROOT).as_posix()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the bundled log as access.log and access.jsonl, from which packages can be imported."""
    data = importlib.resources.files("caudal.detect") / "data"
    for name in ("access.log", "access.jsonl"):
        (tmp_path / name).write_bytes(gzip.decompress((data / f"nginx_loopback_{name}.gz").read_bytes()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUNNABLE, ids=_show)
def test_the_code_of_a_page_does_what_the_page_says(page: Path, here: Path) -> None:
    registry.available.cache_clear()
    before = set(sys.modules)
    try:
        assert pages.Running(page).run() > 0
    finally:
        registry.available.cache_clear()
        for name in set(sys.modules) - before:
            if str(here) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def _anchors(page: Path) -> set[str]:
    """Return the anchors that headings get where the pages are shown."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = (re.sub(r"[`*]", "", title).lower() for title in _HEADING.findall(prose))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_show)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{_show(page)} links to {link}"
        if anchor:
            assert anchor in _anchors(target), f"{_show(page)} links to {link}"


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [pages.ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if not re.match(r"[a-z]+:|#", link)]
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links]
    assert {page for page in PAGES if page.is_relative_to(pages.ROOT / "docs")} <= reached
