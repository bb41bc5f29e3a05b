"""The detection `dos` against counts made in plain Python from the raw log."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.cli import main

DATA = Path(str(files("caudal.detect") / "data"))
COMBINED = DATA / "nginx_loopback_access.log.gz"
LINES = DATA / "nginx_loopback_access.jsonl.gz"
LINE = re.compile(r'(\S+) \S+ .*?\[([^\]]+)\] ".*?" (\d{3}) ')

Request = tuple[str, int, int]
Alert = tuple[str, str, str, int, int]


def from_combined(path: Path) -> list[Request]:
    out = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = LINE.match(line)
            assert found
            moment = datetime.strptime(found[2], "%d/%b/%Y:%H:%M:%S %z")
            out.append((found[1], int(moment.timestamp()) * 1000, int(found[3])))
    return out


def from_json(path: Path) -> list[Request]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(r["remote_addr"], round(r["msec"] * 1000), r["status"]) for r in rows]


def expected(requests: Iterable[Request], threshold: int = 30, size: int = 3000) -> list[Alert]:
    """One pass over a dictionary: what `dos` has to find, ordered as it writes."""
    total: Counter[tuple[int, str]] = Counter()
    refused: Counter[tuple[int, str]] = Counter()
    for ip, time, status in requests:
        key = (time // size * size, ip)
        total[key] += 1
        refused[key] += status in (401, 403)
    return [
        (ip, text(start), text(start + size), count, count)
        for (start, ip), count in sorted(total.items())
        if count > threshold and refused[start, ip] == count
    ]


def text(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture
def dos(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Runs the detection with settings and returns its alerts; the ledger must add up."""

    def run(**settings: Any) -> list[dict[str, Any]]:
        out = tmp_path / "alerts.jsonl"
        summary = cd.run(cd.load("dos", settings={"out": str(out), **settings}), threads=2)
        assert not summary.failures
        assert not summary.ledger.check()
        return [json.loads(line) for line in out.read_text().splitlines()]

    return run


def alerts(rows: list[dict[str, Any]], key: str = "ip") -> list[Alert]:
    return [(r[key], r["window_start"], r["window_end"], r["total"], r["refused"]) for r in rows]


@pytest.mark.parametrize("threshold", [30, 5])
def test_bundled_log_in_the_combined_format(dos, threshold: int) -> None:
    rows = dos(path=str(COMBINED), format="combined", threshold=threshold)
    assert alerts(rows) == expected(from_combined(COMBINED), threshold)


@pytest.mark.parametrize("threshold", [30, 5])
def test_bundled_log_as_json_with_names_of_its_own(dos, threshold: int) -> None:
    rows = dos(path=str(LINES), key="remote_addr", time="msec", threshold=threshold)
    assert alerts(rows, "remote_addr") == expected(from_json(LINES), threshold)
    assert list(rows[0]) == ["remote_addr", "window_start", "window_end", "total", "refused"]


def test_bundled_log_agrees_with_its_truth(dos) -> None:
    truth = json.loads((DATA / "nginx_loopback_truth.json").read_text())
    sources = {a["kind"]: a["src"] for a in truth["attacks"]}
    rows = dos(path=str(COMBINED), format="combined")
    assert len(rows) == 6
    pure = {a["src"] for a in truth["attacks"] if set(a["status"]) <= {"401", "403"}}
    assert {r["ip"] for r in rows} <= pure
    (near,) = [src for kind, src in sources.items() if kind.startswith("near_miss")]
    assert near not in {r["ip"] for r in rows}
    assert near in {r["ip"] for r in dos(path=str(COMBINED), format="combined", threshold=9)}


def made(path: Path, counts: dict[str, int], status: Any = 401) -> str:
    rows = [{"ip": ip, "timestamp": 3000 + i, "status": status} for ip, n in counts.items() for i in range(n)]
    rows.sort(key=lambda r: r["timestamp"])
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(path)


def test_thirty_are_no_alert_and_thirty_one_are(dos, tmp_path: Path) -> None:
    path = made(tmp_path / "log.jsonl", {"198.51.100.30": 30, "198.51.100.31": 31})
    assert alerts(dos(path=path)) == [("198.51.100.31", "1970-01-01T00:00:03.000Z", "1970-01-01T00:00:06.000Z", 31, 31)]


def test_one_client_is_one_key_however_a_log_spells_its_address(dos, tmp_path: Path) -> None:
    spelt = {"198.51.100.9": 8, "::ffff:198.51.100.9": 8, "::FFFF:C633:6409": 8, "198.51.100.9:443": 8}
    spelt |= {"2001:DB8::9": 8, "2001:db8:0:0:0:0:0:9": 8, "[2001:db8::9]:51234": 8, "2001:db8::9%eth0": 8}
    path = made(tmp_path / "log.jsonl", {**spelt, "host.example": 31, "HOST.example": 30})
    window = ("1970-01-01T00:00:03.000Z", "1970-01-01T00:00:06.000Z")
    want = [("198.51.100.9", *window, 32, 32), ("2001:db8::9", *window, 32, 32), ("host.example", *window, 31, 31)]
    assert alerts(dos(path=path)) == want
    # a key that is no text stays as it is
    path = tmp_path / "ids.jsonl"
    path.write_text("".join(json.dumps({"ip": 7, "timestamp": i, "status": 401}) + "\n" for i in range(31)))
    assert [r["ip"] for r in dos(path=str(path), key_type="int64")] == [7]


def test_thirty_one_across_a_window_border_are_no_alert(dos, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"ip": "a", "timestamp": 2985 + i, "status": 401}) + "\n" for i in range(31)))
    assert dos(path=str(path)) == []
    assert [r["total"] for r in dos(path=str(path), window="6s")] == [31]


def test_one_success_among_them_silences_unless_the_share_allows_it(dos, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    rows = [{"ip": "a", "timestamp": i, "status": 200 if i == 7 else 403} for i in range(100)]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert dos(path=str(path)) == []
    assert [(r["total"], r["refused"]) for r in dos(path=str(path), share=0.99)] == [(100, 99)]
    assert dos(path=str(path), share=0.995) == []


def test_codes_are_a_setting(dos, tmp_path: Path) -> None:
    path = made(tmp_path / "log.jsonl", {"a": 40}, status=429)
    assert dos(path=path) == []
    assert [r["total"] for r in dos(path=path, codes="[429, 503]")] == [40]


def test_codes_written_as_text(dos, tmp_path: Path) -> None:
    path = made(tmp_path / "log.jsonl", {"a": 40}, status="401")
    assert [r["total"] for r in dos(path=path, code_type="string")] == [40]


def test_key_may_be_a_number(dos, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"user": 7, "timestamp": i, "status": 401}) + "\n" for i in range(31)))
    assert [r["user"] for r in dos(path=str(path), key="user", key_type="int64")] == [7]


def test_csv_with_date_and_time_apart(dos, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"10.0.0.jjg,2017-01-01,23:59:{57 + i // 16:02d},403.0" for i in range(33)]
    path.write_text("\n".join(["ip,date,time,code", *rows]) + "\n")
    found = alerts(dos(path=str(path), date="date", time="time", code="code"))
    assert found == [("10.0.0.jjg", "2017-01-01T23:59:57.000Z", "2017-01-02T00:00:00.000Z", 33, 33)]


def test_disorder_is_a_setting(dos, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    times = [*range(1, 17), 3500, *range(17, 32)]
    path.write_text("".join(json.dumps({"ip": "a", "timestamp": t, "status": 401}) + "\n" for t in times))
    assert [r["total"] for r in dos(path=str(path))] == [31]
    assert dos(path=str(path), disorder="500ms") == []
    late = (tmp_path / "alerts.late.jsonl").read_text().splitlines()
    assert [json.loads(line)["late_time"] for line in late] == [f"1970-01-01T00:00:00.{t:03d}Z" for t in range(17, 32)]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "'path' is missing"),
        ({"pth": "x"}, "did you mean 'path'?"),
        ({"path": "access"}, "format= one of"),
        ({"path": "a.jsonl", "threshold": "many"}, "a whole number"),
        ({"path": "a.jsonl", "window": "3 parsecs"}, "window size"),
        ({"path": "a.jsonl", "codes": '["401"]'}, "whole numbers"),
        ({"path": "a.log", "format": "combined", "code": "code"}, "unknown column 'code'"),
    ],
)
def test_mistakes_are_told(settings: dict[str, str], told: str) -> None:
    with pytest.raises(cd.UserError) as caught:
        cd.load("dos", settings=settings)
    assert told in str(caught.value)
    assert caught.value.location.startswith("dos")


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_it_runs_elsewhere_as_it_is_but_not_with_a_wait_of_its_own(engine: str, capsys: Any) -> None:
    command = ["check", "dos", "--engine", engine, "--set", f"path={COMBINED}", "--set", "format=combined"]
    assert main(command) == 0, capsys.readouterr().err
    waits = engine == "spark"  # which takes live sources, where it means something
    assert main([*command, "--set", "idle=7s"]) == (0 if waits else 2)
    assert ("idle= is not known on" in capsys.readouterr().err) == (not waits)
