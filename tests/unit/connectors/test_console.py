"""Rows on the console: for people, for programs, and for nobody."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

import pyarrow as pa
import pytest

from caudal.columnar.column import arrow_type
from caudal.connectors.console import CONNECTOR
from caudal.core.errors import OptionError, RunError
from caudal.core.types import Schema
from caudal.ports.registry import check_options, find
from caudal.testing.conformance.sinks import end

SCHEMA = Schema.of(
    {
        "ip": "string",
        "window_end": "timestamp",
        "total": "int64",
        "mean": "float64",
        "ok": "bool",
        "took": "duration",
        "raw": "binary",
        "tags": ["timestamp"],
        "who": {"name": "string", "at": "timestamp"},
    }
)
ARROW = pa.schema([(f.name, arrow_type(f.dtype)) for f in SCHEMA])
ROWS = [
    {
        "ip": "10.0.0.1", "window_end": 1_431_857_103_000, "total": 31, "mean": 0.5, "ok": True, "took": 90_000,
        "raw": b"ab", "tags": [0], "who": {"name": "eve", "at": 1},
    },
    {
        "ip": "::1", "window_end": -1, "total": -2, "mean": float("nan"), "ok": False, "took": -1000,
        "raw": b"\xff", "tags": [], "who": {"name": None, "at": None},
    },
    dict.fromkeys(SCHEMA.names),
]  # fmt: skip


def table(rows: list[dict[str, Any]], schema: pa.Schema = ARROW) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def show(rows: list[dict[str, Any]], capsys: Any, **options: Any) -> str:
    sink = CONNECTOR.sink(check_options(options, CONNECTOR.sink_options, "console"), None, SCHEMA, live=False)
    sink.write(sink.encode(table(rows)))
    end(sink)
    captured = capsys.readouterr()
    used, unused = (captured.err, captured.out) if options.get("stderr") else (captured.out, captured.err)
    assert unused == ""
    return used


def test_text_is_aligned(capsys: Any) -> None:
    lines = show(ROWS, capsys).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["ip=10.0.0.1", "ip=::1", "ip=-"]
    assert lines[0].split() == [
        "ip=10.0.0.1", "window_end=2015-05-17T10:05:03.000Z", "total=31", "mean=0.5", "ok=true", "took=1m30s", "raw=ab",
        'tags=["1970-01-01T00:00:00.000Z"]', 'who={"name":"eve","at":"1970-01-01T00:00:00.001Z"}',
    ]  # fmt: skip
    assert "window_end=1969-12-31T23:59:59.999Z" in lines[1]
    assert "took=-1s" in lines[1]
    assert lines[2].split() == [f"{name}=-" for name in SCHEMA.names]
    for name in SCHEMA.names:
        assert len({line.index(f"{name}=") for line in lines}) == 1


def test_standard_error_on_demand(capsys: Any) -> None:
    assert show(ROWS[:1], capsys, stderr=True).startswith("ip=10.0.0.1  window_end=")


@pytest.mark.parametrize("value", ["a b", "", "-", "\x1b[2J", "a\nb", "\x7f", "\x9b31m", "\u202eevil", 'q"', "é"])
def test_no_value_can_move_the_cursor_or_end_the_line(value: str, capsys: Any) -> None:
    schema = Schema.of({"v": "string"})
    sink = CONNECTOR.sink({"stderr": False}, None, schema, live=False)
    sink.write(sink.encode(pa.table({"v": pa.array([value], pa.large_string())})))
    (line,) = capsys.readouterr().out.split("\n")[:-1]
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line.removeprefix("v=")) == value


@pytest.mark.parametrize(
    ("terminal", "shown"),
    [
        (True, 'n,v\n1,"\\u001b[2J\\u009b\\u202e\\u000a9,x"\n2,b\n'),
        (False, 'n,v\n1,"\x1b[2J\x9b\u202e\n9,x"\n2,b\n'),
    ],
)
def test_an_encoder_steers_no_terminal(terminal: bool, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    schema = Schema.of({"n": "int64", "v": "string"})
    encoder = find("format", "csv").encoder(schema, {"delimiter": ",", "header": True})
    sink = CONNECTOR.sink({"stderr": False}, encoder, schema, live=False)
    texts = pa.array(["\x1b[2J\x9b\u202e\n9,x", "b"], pa.large_string())
    sink.write(sink.encode(pa.table({"n": [1, 2], "v": texts})))
    end(sink)
    assert stream.getvalue() == shown


def test_no_rows_print_nothing(capsys: Any) -> None:
    assert show([], capsys) == ""


def test_a_format_that_is_no_text_is_refused() -> None:
    schema = Schema.of({"n": "int64"})
    encoder = find("format", "parquet").encoder(schema, find("format", "parquet").writer_options)
    with pytest.raises(OptionError, match="the console takes text"):
        CONNECTOR.sink({"stderr": False}, encoder, schema, live=False)


def test_a_reader_that_goes_is_a_failure_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = io.TextIOWrapper(os.fdopen(writer, "wb"), write_through=False)
    monkeypatch.setattr(sys, "stdout", stream)
    sink = CONNECTOR.sink({"stderr": False}, None, SCHEMA, live=True)
    with pytest.raises(RunError, match="its reader has gone"):
        sink.write(sink.encode(table(ROWS)))
    sink.abort()
    stream.close()  # flushes what is left without a second failure


def test_an_encoder_takes_the_place_of_the_forms(capsys: Any) -> None:
    class Numbers:
        def begin(self, out: Any, *, append: bool) -> None:
            self.out = out
            out.write(b"head\n")

        def encode(self, table: pa.Table) -> bytes:
            return b"%d rows\n" % table.num_rows if table.num_rows else b""

        def write(self, payload: bytes) -> None:
            self.out.write(payload)

        def end(self) -> None:
            self.out.write(b"foot\n")

    sink = CONNECTOR.sink({"stderr": False}, Numbers(), SCHEMA, live=False)
    sink.write(sink.encode(table(ROWS)))
    assert capsys.readouterr().out == "head\n3 rows\n"
    end(sink)
    assert capsys.readouterr().out == "foot\n"
