"""Records as they are, of lines and of messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import caudal as cd
from caudal.core.errors import OptionError, PlanError
from caudal.core.types import Schema
from caudal.formats.raw import FORMAT
from caudal.ingest.messages import of_messages
from caudal.ports import registry
from caudal.ports.records import Decoded
from caudal.testing.fakes.topic import Message, TopicPartition


def decoded(payloads: list[bytes | None], **options: str) -> Decoded:
    given = {**FORMAT.reader_options, **options}
    decoder, _ = FORMAT.reader(FORMAT.default_schema(given), frozenset(["payload"]), given).open(b"", "t/0")
    sent = [Message(10 * n, payload or b"") for n, payload in enumerate(payloads)]
    block = TopicPartition("t/0", sent).read(1 << 20)
    messages = block.messages  # type: ignore[union-attr]
    messages.null = np.array([payload is None for payload in payloads])
    return of_messages(decoder, block, messages)  # type: ignore[arg-type]


def test_each_message_is_a_row_as_it_came() -> None:
    payloads = [b"a\nb\r\n", None, b"", b"\x00\xff", "\u00e9".encode()]
    found = decoded(payloads, encoding="binary")
    assert found.columns["payload"].to_list() == payloads
    assert found.position.tolist() == [0, 10, 20, 30, 40]
    assert found.dead == []


def test_bytes_that_are_no_text_are_escaped_or_refused() -> None:
    payloads = [b"a", b"\xff\n", None, b"b"]
    assert decoded(payloads).columns["payload"].to_list() == ["a", "\\xff\n", None, "b"]
    strictly = decoded(payloads, encoding="utf-8")
    assert strictly.columns["payload"].to_list() == ["a", None, "b"]
    assert strictly.position.tolist() == [0, 20, 30]
    assert [(letter.position, letter.reason, letter.payload) for letter in strictly.dead] == [(10, "utf8", b"\xff\n")]


def test_each_line_of_a_file_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\r\n\n  two \n\xff\nlast")
    lines = cd.source("files", path=str(tmp_path / "a.log"), format="raw", column="line")
    assert [row["line"] for row in lines.collect("arrow").to_pylist()] == ["one", "  two ", "\\xff", "last"]


def test_what_it_is_not_is_refused() -> None:
    with pytest.raises(PlanError, match="raw records have the column 'payload', a string"):
        cd.source("files", path="x", format="raw", schema={"n": "int64"})
    with pytest.raises(OptionError, match="option 'encoding' of raw is 'latin'"):
        cd.source("files", path="x", format="raw", encoding="latin")
    with pytest.raises(PlanError, match="only read"):
        FORMAT.encoder(Schema([]), {})


LINE = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 12 "-" "x"'


def envelopes(path: Path, *messages: object) -> None:
    texts = [json.dumps({"host": {"name": f"h{n}"}, "message": message}) for n, message in enumerate(messages)]
    path.write_text("\n".join([*texts, '{"host": {"name": "none"}}', "{bad"]) + "\n")


def test_a_line_within_json_is_decoded_beside_columns_of_its_envelope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    envelopes(Path("in.jsonl"), LINE, "bad\nline", "", None, LINE.replace("200", "404"))
    rows = cd.source(
        "files",
        path="in.jsonl",
        format="json",
        inner=("message", "combined"),
        schema={"host": cd.field("string", path=["host", "name"])},
        event_time="timestamp",
    )
    summary = cd.run(cd.Pipeline("p", rows.select("host", "ip", "status").to("files", path="out.jsonl")))
    assert [json.loads(row) for row in Path("out.jsonl").read_text().splitlines()] == [
        {"host": "h0", "ip": "192.0.2.1", "status": 200},
        {"host": "h4", "ip": "192.0.2.1", "status": 404},
    ]
    letters = [json.loads(each) for each in Path("out.dead.jsonl").read_text().splitlines()]
    raw = Path("in.jsonl").read_bytes()
    lines = raw.decode().splitlines()
    wanted = [(1, "syntax"), (2, "inner"), (3, "inner"), (5, "inner"), (6, "syntax")]
    assert [(each["position"], each["reason"], each["payload"]) for each in letters] == [
        (raw.index(lines[number].encode()), reason, lines[number]) for number, reason in wanted
    ]
    assert letters[0]["message"].startswith("in 'message': ")
    assert (summary.rows, summary.dead) == (7, 5)


def test_lines_of_json_within_json_in_messages_have_the_offsets_of_their_messages() -> None:
    rows = [{"log": '{"n": 1}'}, {"log": '{"n": "x"}'}, {"log": '{"n": \n2}'}]
    given = {"inner": (["log"], "json", {"schema": {"n": "int64"}}), "encoding": "escape"}
    chosen = registry.find("format", "json")
    reader = chosen.reader(chosen.within(given), frozenset(["n"]), given)
    sent = [Message(7 * n, json.dumps(row).encode()) for n, row in enumerate(rows)]
    block = TopicPartition("t/0", sent).read(1 << 20)
    found = of_messages(reader.open(b"", "t/0")[0], block, block.messages)  # type: ignore[union-attr, arg-type]
    assert found.columns["n"].to_list() == [1, 2]
    assert found.position.tolist() == [0, 14]
    assert [(letter.position, letter.reason) for letter in found.dead] == [(7, "type")]
    assert found.dead[0].payload == sent[1].value


@pytest.mark.parametrize("inner", ["message", ("message",), ("message", 3), ("", "combined"), ("a", "combined", 1)])
def test_what_says_no_line_within_is_refused(inner: object) -> None:
    with pytest.raises(OptionError, match="option 'inner' of json"):
        cd.source("files", path="x", format="json", inner=inner)


def test_lines_within_that_need_a_schema_are_refused_without() -> None:
    with pytest.raises(PlanError, match="need a schema"):
        cd.source("files", path="x", format="json", inner=("message", "json"))
    with pytest.raises(OptionError, match="unknown format 'combine'"):
        cd.source("files", path="x", format="json", inner=("message", "combine"))
