"""Messages become rows and dead letters by their offsets, one each, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.core.types import Schema
from caudal.formats.combined import FORMAT as COMBINED
from caudal.formats.csv import FORMAT as CSV
from caudal.formats.json import FORMAT as JSON
from caudal.ingest.messages import of_messages
from caudal.ports.records import Block, Decoded
from caudal.testing.fakes.topic import Message, TopicPartition, TopicSource
from caudal.testing.harness import Started

SCHEMA = Schema.of({"n": "int64", "s": "string"})


def read(values: list[tuple[int, bytes]], form: Any = JSON, schema: Schema = SCHEMA, size: int = 1 << 20) -> Decoded:
    """Return what the first block of a partition with these messages comes to."""
    partition = TopicPartition(
        "t-0", [Message(offset, value, f"k{offset}", 5) for offset, value in values], beside=True
    )
    block = partition.read(size)
    assert isinstance(block, Block)
    assert block.messages is not None
    decoder, _ = form.reader(schema, frozenset(schema.names), form.reader_options).open(b"", "t-0")
    return of_messages(decoder, block, block.messages)


def test_positions_are_offsets_and_gaps_are_none() -> None:
    made = read([(3, b'{"n": 1, "s": "a"}'), (4, b"{"), (9, b'{"n": 2, "s": "b"}')])
    assert made.position.tolist() == [3, 9]
    assert [(letter.position, letter.payload) for letter in made.dead] == [(4, b"{")]
    assert made.end == 10
    assert made.columns["key"].to_list() == ["k3", "k9"]
    assert made.columns["stamp"].to_list() == [5, 5]


@pytest.mark.parametrize(
    ("value", "row"),
    [
        (b'{\n  "n": 1,\n  "s": "a"\n}\n', (1, "a")),
        (b'{\r\n"n": 1, "s": "a"}', (1, "a")),
        (b'\n\n{"n": 1, "s": "a"}', (1, "a")),
        (b'{"n": 1, "s": "a\nb"}', (1, "a\rb")),
        (b'{"n": 1, "s": "a"}\n{"n": 2, "s": "b"}', None),
        (b"", None),
        (b"\n", None),
        (b"   ", None),
    ],
)
def test_a_message_is_one_record_whatever_newlines_it_holds(value: bytes, row: tuple[int, str] | None) -> None:
    made = read([(7, b'{"n": 0, "s": ""}'), (8, value), (9, b'{"n": 9, "s": "z"}')])
    found = list(zip(made.position.tolist(), made.columns["n"].to_list(), made.columns["s"].to_list(), strict=True))
    assert found == [(7, 0, ""), *([(8, *row)] if row else []), (9, 9, "z")]
    assert [(letter.position, letter.payload) for letter in made.dead] == (
        [] if row else [(8, value.strip() and value)]
    )


def test_a_line_in_a_message_is_no_line_of_its_own_in_any_format() -> None:
    line = b'10.0.0.1 - - [29/Jul/2019:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "x"'
    schema = COMBINED.default_schema(COMBINED.reader_options)
    assert schema is not None
    made = read([(1, line), (2, line + b"\n" + line), (3, line)], COMBINED, schema)
    assert sorted([*made.position.tolist(), *(letter.position for letter in made.dead)]) == [1, 2, 3]
    options = {**CSV.reader_options, "header": False}
    decoder, _ = CSV.reader(SCHEMA, frozenset(SCHEMA.names), options).open(b"", "t-0")
    block = TopicPartition("t-0", [Message(1, b"1,a"), Message(2, b"2,b\n3,c"), Message(5, b"4,d")]).read(1 << 20)
    assert isinstance(block, Block)
    assert block.messages is not None
    made = of_messages(decoder, block, block.messages)
    assert sorted([*made.position.tolist(), *(letter.position for letter in made.dead)]) == [1, 2, 5]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_topic_runs_through_the_engine(tmp_path: Path, threads: int, size: int) -> None:
    given: dict[str, list[Message]] = {}
    good, bad = [], []
    for p in range(3):
        messages, offset = [], 0
        for i in range(200):
            offset += 1 + (i % 7 == 0)
            time = 1_700_000_000_000 + 10 * i
            record = {"t": None if i % 50 == 49 else time, "n": i}
            value = b"{no" if i % 40 == 39 else b"" if i % 60 == 59 else json.dumps(record, indent=i % 3).encode()
            messages.append(Message(offset, value, f"{p}"))
            if value[:1] == b"{" and value != b"{no" and record["t"]:
                good.append((f"t-{p}", i))
            else:
                bad.append((f"t-{p}", offset, value.decode()))
        given[f"t-{p}"] = messages
    (tmp_path / "x.jsonl").write_bytes(b"")
    schema = {"t": "int64", "n": "int64"}
    rows = cd.source("files", path=str(tmp_path / "x.jsonl"), schema=schema, event_time="t", disorder="1h")
    letters = rows.dead_letters().to("console", name="letters")
    plan = cd.Pipeline("p", rows.to("console", name="out"), letters)
    topic = TopicSource(given)
    started = Started(plan, threads=threads, wrap=lambda _, source: topic, read_bytes=size).run()
    assert sorted(row["n"] for row in started.rows["out"]) == sorted(n for _, n in good)
    found = [(row["partition"], row["position"], row["payload"]) for row in started.rows["letters"]]
    assert sorted(found) == sorted(bad)
