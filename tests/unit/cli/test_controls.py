"""No byte that others choose (a file's name, a record, a field's name) steers a terminal or begins a line of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import caudal as cd
from caudal.core.errors import InputError
from caudal.observe.log import log

NASTY = "a\x1b[2J\x9b31m\u202e\nwarning: forged"

PIPELINE = """
import caudal as cd

rows = cd.source("files", path="in", format={format!r}, event_time="t", name="rows",
                 schema={{"t": "timestamp", "ip": "string"}})
pipeline = cd.Pipeline("p", rows.to("files", path="out.jsonl", format="json", name="out"))
"""

JSON = (
    '{"t": "2026-01-01", "ip": "x\\u001b[2J\\n\u202e"}\n'
    '{"t": "2026-01-01", "ip": "\x1b[2J", "ip": "\u202e"}\n'
    '{"t": "2030-01-01\x9b", "a\x1b[2J": 1}\n'
    "rubbish \x1b[2J\x9b\u202e\n"
)
CSV = 't,ip,a\x1b[2J\u202e\n2026-01-01,"\x1b[2J\nx",1\n2026-01-01\x1b,\x9b,1\n'


@pytest.fixture
def plain(caudal):
    """Runs a command and asserts that what it prints to people is printable, and that no line of it is forged."""

    def run(*arguments: str) -> str:
        ended = caudal(*arguments)
        told = ended.out + ended.err
        assert told.replace("\n", "").isprintable(), (arguments, ascii(told))
        assert not [line for line in told.split("\n") if line.startswith("warning: forged")], arguments
        return told

    return run


@pytest.mark.parametrize(("form", "text"), [("json", JSON), ("csv", CSV)])
def test_records_and_names_of_files(plain, here: Path, form: str, text: str) -> None:
    (here / "p.py").write_text(PIPELINE.format(format=form))
    (here / "in").mkdir()
    path = here / "in" / f"{NASTY}.{form}"
    path.write_text(text, newline="")
    for command in ("run", "check", "explain"):
        told = plain(command, "p.py")
        assert command == "explain" or "a\\u001b[2J\\u009b31m\\u202e\\u000awarning: forged" in told, command
    plain("run", "p.py", "--quiet")
    plain("run", "p.py", "--json")
    plain("verify", "p.py", "--engines", "local,local")
    plain("backtest", "p.py", "p.py")
    assert "u001b" in plain("infer", str(path)).lower().replace("x1b", "u001b")


def test_errors(plain, here: Path) -> None:
    (here / "p.py").write_text(PIPELINE.format(format="csv"))
    (here / "in").mkdir()
    (here / "in" / f"{NASTY}.csv").write_text("t\x1b[2J,\u202eip\n1,2\n")
    for command in (("run", "p.py"), ("run", "p.py", "--debug"), ("check", "p.py"), ("infer", f"{NASTY}.csv")):
        assert "\\u001b[2J" in plain(*command)
    (here / "p.py").write_text(f"raise ValueError({NASTY!r})")
    plain("run", "p.py")
    (here / "s.flow").write_text(f"title: {NASTY.replace(chr(10), '')}\n--- nonsense \x1b[2J\n")
    plain("test", "s.flow")


def test_errors_warnings_and_logs_in_code(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    (here / "in").mkdir()
    (here / "in" / f"{NASTY}.jsonl").write_text(JSON)
    rows = cd.source("files", path="in", format="json", schema={"ip": "string"})
    summary = cd.run(cd.Pipeline("p", rows.to("files", path="out.jsonl", format="json")))
    assert summary.to_text().replace("\n", "").isprintable()
    assert "a\\u001b[2J" in summary.to_text()
    assert caplog.messages
    log.warning("%s and %d", NASTY, 1)
    assert all(message.isprintable() for message in caplog.messages)
    error = InputError(NASTY, location=NASTY, detail=NASTY, hint=NASTY)
    assert str(error).replace("\n", "").isprintable()
    assert len(str(error).split("\n")) == 4  # the detail alone may have several lines
    assert error.message == NASTY
