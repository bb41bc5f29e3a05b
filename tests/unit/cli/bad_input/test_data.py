"""Bad data: the bad record is a dead letter, the rest goes on, and the counts add up."""

from __future__ import annotations

import gzip
import json
import os
import random
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOOD = [{"ip": "a", "t": 1000 + i, "code": 401} for i in range(5)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


RECORDS = {
    "rubbish": (b"\x00\x01\x02\xfe\xff\x80", "utf8"),
    "not an object": (b"[1, 2]", "not_object"),
    "half a record": (b'{"ip": "a", "t": 10', "syntax"),
    "trailing text": (b'{"ip": "a", "t": 1000} x', "syntax"),
    "invalid UTF-8 in a name": (b'{"ip": "a", "t": 1000, "\xc3\x28": 1}', "utf8"),
    "deep nesting": (b'{"ip": "a", "t": 1000, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "depth"),
    "number beyond a double": (b'{"ip": "a", "t": 1000, "code": 1e999}', "range"),
    "integer beyond 64 bits": (b'{"ip": "a", "t": 9223372036854775808}', "range"),
    "quoted number": (b'{"ip": "a", "t": "1000"}', "type"),
    "fractional integer": (b'{"ip": "a", "t": 1000.5}', "type"),
    "number instead of text": (b'{"ip": 7, "t": 1000}', "type"),
    "no time": (b'{"ip": "a"}', "event_time"),
    "null time": (b'{"ip": "a", "t": null}', "event_time"),
    "time beyond all calendars": (b'{"ip": "a", "t": 9223372036854775807}', "event_time"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_one_bad_record_among_good_ones(caudal, write, here: Path, name: str) -> None:
    record, reason = RECORDS[name]
    write("log.jsonl", as_lines(GOOD[:2]) + record + b"\n" + as_lines(GOOD[2:]))
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 0, ended.err
    assert lines(here / "alerts.jsonl")[0]["n"] == 5
    (letter,) = lines(here / "alerts.dead.jsonl")
    assert letter["reason"] == reason, letter
    assert letter["position"] == len(as_lines(GOOD[:2]))
    assert letter["partition"] == "log.jsonl"
    assert letter["payload"] == record[:4096].decode("utf-8", "replace")
    assert letter["truncated"] == (len(record) > 4096)
    assert ended.summary["dead"] == 1
    assert ended.fate("rows", "in") == 6
    assert ended.fate("rows", "passed") == 5


def test_dead_letters_can_fail_the_run(caudal, write) -> None:
    write("log.jsonl", as_lines(GOOD) + b"x\n")
    ended = caudal("run", "p.py", "--fail-on", "late,dead")
    assert ended.code == 1
    assert "1 dead letter (--fail-on dead)" in ended.err
    assert caudal("run", "p.py", "--fail-on", "late").code == 0


def test_dead_letters_can_be_discarded(caudal, write, here: Path) -> None:
    write("log.jsonl", as_lines(GOOD) + b"x\n")
    ended = caudal("run", "p.py", "--dead", "discard", "--late", "discard")
    assert ended.code == 0
    assert "1 dead letter discarded" in ended.err
    assert sorted(os.listdir(here)) == ["alerts.jsonl", "log.jsonl", "p.py"]


def test_late_rows_are_told_and_can_fail_the_run(caudal, write, here: Path) -> None:
    write("log.jsonl", [{"ip": "a", "t": t} for t in (100, 1500, 200)])
    ended = caudal("run", "p.py", "--fail-on", "late", "--set", "threshold=0")
    assert ended.code == 1
    assert "1 late row (--fail-on late)" in ended.err
    (late,) = lines(here / "alerts.late.jsonl")
    assert (late["ip"], late["late_time"], late["late_operator"]) == ("a", "1970-01-01T00:00:00.200Z", "counts")
    assert [r["n"] for r in lines(here / "alerts.jsonl")] == [1, 1]


@pytest.mark.parametrize(
    "record",
    [
        b'{"ip": "a", "t": 1000, "x": "\xff\xfe"}',
        b'{"ip": "a", "t": 1000, "x": "\xc3\x28 \\x22 \\ud800 \t"}',
        b'{"ip": "a", "t": 1000, "code": NaN}',
        b'{"ip": "a", "t": 1000, "code": -Infinity, "x": Infinity}',
        b'\x00\x00{"ip": "a", "t": 1000}',
        b'\xef\xbb\xbf{"ip": "a", "t": 1000}',
        b'{"ip": "a", "ip": "a", "t": 1000}',
    ],
)
def test_odd_records_count(caudal, write, here: Path, record: bytes) -> None:
    write("log.jsonl", as_lines(GOOD[:2]) + record + b"\n" + as_lines(GOOD[2:]))
    ended = caudal("run", "p.py", "--json")
    assert (ended.code, ended.summary["dead"]) == (0, 0)
    assert lines(here / "alerts.jsonl")[0]["n"] == 6


def test_names_given_twice_with_two_values_are_told(caudal, write, here: Path) -> None:
    write("log.jsonl", b'{"ip": "b", "t": 1, "ip": "a"}\n' * 3 + as_lines(GOOD))
    ended = caudal("run", "p.py", "--quiet")
    assert ended.code == 0
    assert "given twice" in ended.err or "twice" in ended.err, ended.err
    assert [d["reason"] for d in lines(here / "alerts.dead.jsonl")] == ["duplicate_key"] * 3
    assert [(r["ip"], r["n"]) for r in lines(here / "alerts.jsonl")] == [("a", 5)]


def test_empty_file(caudal, write, here: Path) -> None:
    write("log.jsonl", b"")
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 0
    assert ended.summary["rows"] == 0
    assert (here / "alerts.jsonl").read_bytes() == b""


def test_a_directory_is_read_file_by_file(caudal, write, here: Path) -> None:
    (here / "logs").mkdir()
    write("logs/a.jsonl", GOOD[:2])
    write("logs/b.jsonl", GOOD[2:])
    write("logs/empty.jsonl", b"")
    ended = caudal("run", "p.py", "--json", "--set", "path=logs")
    assert ended.code == 0
    (source,) = [e for e in ended.summary["ledger"] if e["operator"] == "rows"]
    assert {k: v for k, v in source["partitions"].items() if v} == {"a.jsonl": 2, "b.jsonl": 3}
    assert [r["n"] for r in lines(here / "alerts.jsonl")] == [5]


def test_truncated_gzip_gives_its_good_rows(caudal, write, here: Path) -> None:
    rows = [{"ip": f"10.0.{random.Random(i).randrange(256)}.{i % 256}", "t": 1000 + i} for i in range(20_000)]
    packed = gzip.compress(as_lines(rows))
    cut = packed[: len(packed) // 2]
    write("log.jsonl", cut)
    ended = caudal("run", "p.py", "--json", "--set", "threshold=0")
    assert ended.code == 1
    (letter,) = lines(here / "alerts.dead.jsonl")
    assert letter["reason"] == "truncated"
    (failure,) = ended.summary["failures"]
    assert "log.jsonl" in failure
    assert failure in ended.err
    whole = zlib.decompressobj(31).decompress(cut).count(b"\n")  # the oracle: whole lines that the bytes hold
    assert 5_000 < whole < 15_000
    assert ended.fate("rows", "passed") == whole
    assert sum(r["n"] for r in lines(here / "alerts.jsonl")) == whole


def test_bomb_stops_at_its_cap(caudal, write, here: Path) -> None:
    bomb = gzip.compress(as_lines(GOOD) + b"\n" * 50_000_000)
    write("log.jsonl", bomb)
    ended = caudal("run", "p.py", "--json", "--set", "max_decoded=1000000")
    assert ended.code == 1
    (letter,) = lines(here / "alerts.dead.jsonl")
    assert "max_decoded (1000000)" in letter["message"]
    assert [r["n"] for r in lines(here / "alerts.jsonl")] == [5]
    assert ended.summary["bytes"] < 1_100_000


def test_binary_rubbish(caudal, write, here: Path) -> None:
    rubbish = random.Random(3).randbytes(200_000).replace(b"\n{", b"\n}")
    write("log.jsonl", rubbish)
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 1  # no record of it is one
    records = [r for r in rubbish.split(b"\n") if r.strip(b" \t\r")]
    assert ended.summary["dead"] == len(records) == len(lines(here / "alerts.dead.jsonl"))
    assert ended.fate("rows", "in") == len(records)


def test_line_of_a_hundred_megabytes(caudal, write, here: Path) -> None:
    long = b'{"ip": "' + b"x" * 100_000_000 + b'"}\n'
    write("log.jsonl", as_lines(GOOD[:2]) + long + as_lines(GOOD[2:]))
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 0
    (letter,) = lines(here / "alerts.dead.jsonl")
    assert (letter["reason"], letter["truncated"], len(letter["payload"])) == ("too_long", True, 4096)
    assert [r["n"] for r in lines(here / "alerts.jsonl")] == [5]


def test_csv_rows_that_do_not_fit(caudal, pipeline, write, here: Path) -> None:
    write("log.csv", 'ip,t,code\na,1000,401\na,1001\na,1002,401,9\na,x,401\na,1003,NaN\n"a,1004,401\na,1005,\n')
    pipeline(('settings.path, format="json"', '"log.csv", format="csv"'))
    ended = caudal("run", "p.py", "--json", "--set", "threshold=0")
    assert ended.code == 0
    assert [d["reason"] for d in lines(here / "alerts.dead.jsonl")] == ["fields", "fields", "type", "type"]
    assert sorted((r["ip"], r["n"]) for r in lines(here / "alerts.jsonl")) == [('"a', 1), ("a", 2)]


def test_a_file_further_on_that_does_not_fit_fails_the_run(caudal, pipeline, here: Path) -> None:
    (here / "logs").mkdir()
    rows = {"ip": ["a"] * 3, "t": [1, 2, 3], "code": [1.0] * 3}
    pq.write_table(pa.table(rows), here / "logs" / "1.parquet")
    pq.write_table(pa.table({**rows, "t": ["x"] * 3}), here / "logs" / "2.parquet")
    pipeline(('settings.path, format="json"', '"logs", format="parquet"'))
    ended = caudal("run", "p.py", "--threads", "1")
    assert ended.code == 1
    assert [part for part in ("error: ", "2.parquet", "'t'") if part not in ended.err] == [], ended.err
    assert sorted(os.listdir(here)) == ["logs", "p.py"]


def test_full_disk(caudal, write, here: Path) -> None:
    write("log.jsonl", GOOD)
    ended = caudal("run", "p.py", "--set", "out=/dev/full", "--dead", "discard", "--late", "discard")
    assert ended.code == 1
    assert "error: cannot write /dev/full: No space left on device" in ended.err
    assert "make room" in ended.err
    assert "Traceback" not in ended.err


def test_a_failed_run_leaves_the_target_and_no_traces(caudal, write, here: Path) -> None:
    write("log.jsonl", GOOD)
    write("alerts.jsonl", b"of the last run\n")
    full = 'name="alerts"), rows.to("files", path="/dev/full", format="json")'
    write("full.py", (here / "p.py").read_text().replace('name="alerts")', full))
    ended = caudal("run", "full.py", "--json")
    assert ended.code == 1
    assert ended.summary["state"] == "failed"
    assert (here / "alerts.jsonl").read_bytes() == b"of the last run\n"
    assert sorted(os.listdir(here)) == ["alerts.jsonl", "full.py", "log.jsonl", "p.py"]


def test_state_beyond_its_limit(caudal, write) -> None:
    write("log.jsonl", [{"ip": f"{i}", "t": 1000} for i in range(20_000)])
    ended = caudal("run", "p.py", "--max-state", "100KB")
    assert ended.code == 1
    assert [part for part in ("counts", "max_state=100,000", "largest keys") if part not in ended.err] == [], ended.err
