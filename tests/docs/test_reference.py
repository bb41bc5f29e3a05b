"""The reference pages are complete: every name, option, code and reason that there is stands on its page."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import caudal as cd
from caudal.cli.arguments import parser
from caudal.engines.local import cut
from caudal.engines.local.state import KEY_HASH
from caudal.observe.ledger import FATES, Entry, Ledger
from caudal.observe.summary import SCHEMA, Summary
from caudal.plan import wire
from caudal.plan.functions import FUNCTIONS
from caudal.plan.nodes import Node
from caudal.ports import registry
from caudal.worker import failures

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def _page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def _section(page: str, title: str) -> str:
    """Return the part of a page under a heading, whatever its level, to the next one of that level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$", page, re.MULTILINE | re.IGNORECASE)
    assert found, f"there is no section {title}"
    end = re.search(rf"^#{{1,{len(found[1])}}} ", page[found.end() :], re.MULTILINE)
    return page[found.end() : found.end() + end.start() if end else len(page)]


def _rows(text: str) -> dict[str, list[str]]:
    """Return the rows of the tables: the first cell's code -> the other cells."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = cells[1:]
    return rows


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The generator of pages."""
    spec = importlib.util.spec_from_file_location("caudal_docs_generate", REFERENCE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_dsl_is_up_to_date(generate: ModuleType) -> None:
    assert _page("dsl.md") == generate.render(), "run make docs"


def test_the_page_of_the_dsl_has_every_public_name(generate: ModuleType) -> None:
    named = [name for names in generate.SECTIONS.values() for name in names]
    assert sorted(named) == sorted(cd.__all__)
    page = _page("dsl.md")
    assert [n for n in cd.__all__ if n != "Stream" and f"### `cd.{n}`" not in page] == []
    methods = [name for name in vars(cd.Stream) if not name.startswith("_")]
    assert [name for name in methods if f"### `stream.{name}`" not in page] == []


@pytest.mark.parametrize("name", sorted(registry.available("connector")))
def test_options_of_connectors_are_written_down(name: str) -> None:
    plugin = registry.find("connector", name)
    section = _section(_page("connectors.md"), name)
    if hasattr(plugin, "source_options") and hasattr(plugin, "sink_options") and "### As a source" in section:
        parts = {side: _section(section, f"As a {side}") for side in ("source", "sink")}
    else:
        parts = dict.fromkeys(("source", "sink"), section)
    for side, text in parts.items():
        rows = _rows(text)
        options: dict[str, Any] = getattr(plugin, f"{side}_options", {})
        for option, default in options.items():
            assert ast.literal_eval(rows[option][0].strip("`")) == default, option


@pytest.mark.parametrize("name", sorted(registry.available("format")))
def test_options_of_formats_are_written_down(name: str) -> None:
    plugin = registry.find("format", name)
    title = {"json": "JSON lines"}.get(name, name)
    section = _section(_page("formats.md"), title)
    rows = _rows(section)
    for option, default in {**plugin.writer_options, **plugin.reader_options}.items():
        assert ast.literal_eval(rows[option][0].strip("`")) == default, option
    for field in plugin.default_schema({}) or ():
        assert rows[field.name][0] == str(field.dtype)
    (line,) = re.findall(rf"^\| \[`{name}`\].*$", _page("formats.md"), re.MULTILINE)
    assert re.findall(r"`(\.\w+)`", line) == list(plugin.suffixes)


def _reasons() -> set[str]:
    """Return the reasons that the source gives to dead letters, wherever one is made."""
    makers = {"Refused": 0, "_Refused": 0, "BrokenStream": 0, "Dead": 1, "of": 1}
    found: set[str] = set()
    for path in (ROOT / "src" / "caudal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if name == "of" and getattr(getattr(node.func, "value", None), "id", "") != "Dead":
                continue
            given = node.args[makers[name]] if name in makers and len(node.args) > makers[name] else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value:
                found.add(given.value)
    return found | {failures.EXCEPTION, failures.RESULT, failures.TIMED_OUT, failures.DIED}


def test_reasons_of_dead_letters_are_written_down() -> None:
    reasons = _reasons()
    assert {"utf8", "syntax", "too_long", "truncated", "event_time"} <= reasons
    assert set(_rows(_section(_page("formats.md"), "Reasons of dead letters"))) == reasons


def _commands() -> dict[str, argparse.ArgumentParser]:
    top = parser()
    (action,) = (a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def test_commands_and_their_options_are_written_down() -> None:
    page = _page("cli.md")
    rows = _rows(page)
    commands = _commands()
    assert {key.split()[1] for key in rows if key.startswith("caudal ")} == set(commands)
    told: dict[str, set[str]] = {}
    for key, cells in rows.items():
        if key.startswith("--"):
            told.setdefault(re.split(r"[ `]", key)[0], set()).update(re.split(r", ", cells[0]))
    there: dict[str, set[str]] = {}
    for name, command in commands.items():
        for action in command._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    there.setdefault(option, set()).add(name)
    there["--debug"] = {"all"} if there["--debug"] == set(commands) else there["--debug"]
    assert told == there


def test_exit_codes_are_those_of_the_help() -> None:
    epilog = parser().epilog or ""
    codes = set(re.findall(r"(?<![\w.])(\d+)(?= )", epilog.partition("exit codes:")[2]))
    table = _section(_page("cli.md"), "Exit codes")
    assert codes == {"0", "1", "2", "3", "130"}
    assert codes <= set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE))


def test_fields_of_the_summary_are_written_down() -> None:
    ledger = Ledger({"a": Entry("a", "source", ())})
    summary = Summary("p", "local", "done", 1.0, 1, 0, 0, ledger, checkpoint={"epoch": 1}).to_json()
    told = {name for key in _rows(_page("summary.md")) for name in re.findall(r"\w+", key)}
    assert set(summary) | set(summary["ledger"][0]) == told
    assert set(FATES) == set(
        re.findall(r"^\| (\w+) \| ", (ROOT / "docs/concepts/ledger.md").read_text(), re.MULTILINE)
    ) - {"fate"}


def test_kinds_of_nodes_are_written_down() -> None:
    page = _page("plan-json.md")
    assert [kind for kind in Node.kinds if f"`{kind}`" not in page] == []
    assert f"version {wire.VERSION}" in page.splitlines()[0]


def test_functions_are_written_down() -> None:
    page = _page("expressions.md")
    assert [name for name in FUNCTIONS if f"### `{name}`" not in page] == []


def test_the_changelog_tells_of_the_version_and_its_formats() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", page, re.MULTILINE)[0]
    assert newest == cd.__version__
    section = _section(page, f"[{newest}]")
    for title in ("Breaking", "State format", "Delivery"):
        assert _section(section, title).strip(), title
    assert f"Version {cut.VERSION} of the cut (key hash `{KEY_HASH}`" in _section(section, "State format")
    assert f"plan JSON {wire.VERSION}, summary JSON {SCHEMA}" in _section(section, "Breaking")
