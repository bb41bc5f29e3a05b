"""Where side outputs go that nobody has wired."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal.runner.sides import beside


def plan(name: str, **sink: Any) -> Any:
    rows = cd.source("memory", rows=[{"n": 1}], schema={"n": "int64"})
    return cd.Pipeline(name, rows.to(**sink))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("dos", "dos.dead.jsonl"),
        ("a/../../b", "a_.._.._b.dead.jsonl"),
        ("/etc/passwd", "_etc_passwd.dead.jsonl"),
        ("../up", "_._up.dead.jsonl"),
        ("zwölf logs", "zwölf logs.dead.jsonl"),
        ("a\nb\x1b[0m", "a_b__0m.dead.jsonl"),
        ("x" * 300, "x" * 100 + ".dead.jsonl"),
    ],
)
def test_a_name_leads_to_a_file_in_the_working_directory(name: str, file: str) -> None:
    assert str(beside(plan(name, connector="console", format="json"), "dead")) == file


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("out/alerts.jsonl", "out/alerts.late.jsonl"),
        ("alerts.new.json", "alerts.new.late.jsonl"),
        (".hidden", ".hidden.late.jsonl"),
        (".", "p.late.jsonl"),
        ("/", "p.late.jsonl"),
        ("web.alerts.jsonl", "web.alerts.late.jsonl"),
        ("alerts.v2.json", "alerts.v2.late.jsonl"),
        ("alerts.v2", "alerts.v2.late.jsonl"),
        ("192.0.2.1.csv", "192.0.2.1.late.jsonl"),
    ],
)
def test_a_file_sink_has_its_side_outputs_beside_it(path: str, file: str) -> None:
    assert str(beside(plan("p", connector="files", path=path, format="json"), "late")) == file
