"""Real logs run through whole: no exception, no row lost, the counts are those of plain Python."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col

pytestmark = pytest.mark.data

COMBINED = re.compile(r'(\S+) \S+ .*?\[([^\]]+)\] "(?:[^"\\]|\\.)*" (\d{3}) ')
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n") as file:
        yield from file


def access_log(path: Path) -> list[tuple[str, int, int]]:
    out = []
    for line in lines(path):
        found = COMBINED.match(line)
        assert found, line
        moment = datetime.strptime(found[2], "%d/%b/%Y:%H:%M:%S %z")
        out.append((found[1], milliseconds(moment), int(found[3])))
    return out


def tumbled(rows: Iterable[tuple[Any, int]], size: int, disorder: int = 0) -> tuple[Counter[tuple[Any, int]], int]:
    """Rows (key, time) of one partition, one by one: counts by (key, window start), and the number of late rows."""
    counts: Counter[tuple[Any, int]] = Counter()
    late, newest = 0, None
    for key, time in rows:
        watermark = (time if newest is None else newest) - disorder
        start = time // size * size
        if watermark >= start + size:
            late += 1
        else:
            counts[key, start] += 1
        newest = time if newest is None else max(newest, time)
    return counts, late


def run(stream: cd.Stream, out: Path, threads: int = 2) -> tuple[Any, list[dict[str, Any]]]:
    """Run to a file; return the summary and its rows. Nothing may fail, all counts have to add up."""
    plan = cd.Pipeline("real", stream.to("files", path=str(out), format="json"))
    summary = cd.run(plan, threads=threads)
    assert summary.failures == []
    assert summary.ledger.check() == []
    return summary, [json.loads(line) for line in out.read_text().splitlines()]


def found(rows: list[dict[str, Any]], key: str) -> dict[tuple[Any, int], int]:
    return {(r[key], milliseconds(datetime.fromisoformat(r["window_start"]))): r["n"] for r in rows}


@pytest.mark.parametrize(("size", "late"), [("1s", 9_448), ("3s", 9_202), ("60s", 0)])
def test_elastic_log_without_disorder(shared: Path, tmp_path: Path, size: str, late: int) -> None:
    path = shared / "weblogs" / "elastic_apache_logs.log.gz"
    counted = (
        cd.source("files", path=str(path), format="combined", event_time="timestamp", name="log")
        .group_by("ip")
        .window(cd.tumbling(size))
        .agg(n=cd.count(), name="counts")
    )
    summary, rows = run(counted, tmp_path / "out.jsonl")
    counts, oracle = tumbled(((ip, t) for ip, t, _ in access_log(path)), int(size[:-1]) * 1000)
    assert summary.late == late == oracle
    assert found(rows, "ip") == counts
    assert summary.ledger.entries["log"].taken == 10_000
    assert summary.dead == 0
    told = [json.loads(line) for line in (tmp_path / "out.late.jsonl").read_text().splitlines()]
    assert len(told) == late


@pytest.mark.parametrize("threads", [1, 3])
def test_honeynet_logs_as_one_directory(shared: Path, tmp_path: Path, threads: int) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    expected: Counter[tuple[str, int]] = Counter()
    taken = {}
    for number in (13, 21, 23, 24):
        path = shared / "weblogs" / f"honeynet_access_log.{number}.gz"
        shutil.copyfile(path, logs / f"access_log.{number}.gz")
        rows = access_log(path)
        taken[f"access_log.{number}.gz"] = len(rows)
        for ip, time, status in rows:
            if status in (404, 414):
                expected[ip, time // 60_000 * 60_000] += 1
    counted = (
        cd.source("files", path=str(logs), format="combined", event_time="timestamp", name="logs")
        .filter(col("status").is_in([404, 414]))
        .group_by("ip")
        .window(cd.tumbling("1m"))
        .agg(n=cd.count())
    )
    summary, alerts = run(counted, tmp_path / "out.jsonl", threads)
    assert summary.ledger.entries["logs"].partitions == taken
    assert (summary.rows, summary.late, summary.dead) == (sum(taken.values()), 0, 0)
    assert found(alerts, "ip") == expected
    assert max(alerts, key=lambda a: a["n"])["ip"] == "82.82.97.119"


def test_honeynet_attacker_by_the_shipped_detection(shared: Path, tmp_path: Path) -> None:
    path = shared / "weblogs" / "honeynet_access_log.24.gz"
    out = tmp_path / "alerts.jsonl"
    settings = {"path": str(path), "format": "combined", "codes": [404], "out": str(out)}
    cd.run(cd.load("dos", settings=settings))
    total: Counter[tuple[str, int]] = Counter()
    missing: Counter[tuple[str, int]] = Counter()
    for ip, time, status in access_log(path):
        total[ip, time // 3000 * 3000] += 1
        missing[ip, time // 3000 * 3000] += status == 404
    expected = {key: n for key, n in total.items() if n > 30 and missing[key] == n}
    rows = [{**json.loads(line), "n": json.loads(line)["total"]} for line in out.read_text().splitlines()]
    assert expected
    assert found(rows, "ip") == expected


def test_edgar_with_date_and_time_apart(shared: Path, tmp_path: Path) -> None:
    path = shared / "edgar" / "edgar_2017-01-01_am.csv.gz"
    out = tmp_path / "alerts.jsonl"
    settings = {"path": str(path), "date": "date", "time": "time", "code": "code", "threshold": 5, "codes": [403, 429]}
    summary = cd.run(cd.load("dos", settings={**settings, "out": str(out)}))
    total: Counter[tuple[str, int]] = Counter()
    refused: Counter[tuple[str, int]] = Counter()
    rows = 0
    for row in csv.DictReader(lines(path)):
        moment = datetime.fromisoformat(f"{row['date']}T{row['time']}+00:00")
        key = (row["ip"], milliseconds(moment) // 3000 * 3000)
        total[key] += 1
        refused[key] += float(row["code"]) in (403.0, 429.0)
        rows += 1
    expected = {key: n for key, n in total.items() if n > 5 and refused[key] == n}
    assert (summary.rows, summary.late, summary.dead) == (rows, 0, 0)
    assert rows == 100_184
    assert len(expected) > 100
    alerts = [{**json.loads(line), "n": json.loads(line)["total"]} for line in out.read_text().splitlines()]
    assert found(alerts, "ip") == expected


def test_suricata_eve_nested(shared: Path, tmp_path: Path) -> None:
    path = shared / "suricata" / "slips6_eve_a.jsonl.gz"
    records = [json.loads(line) for line in lines(path)]
    alerts = (
        cd.source(
            "files",
            path=str(path),
            format="json",
            event_time="timestamp",
            disorder="1m",
            name="eve",
            schema={
                "timestamp": "timestamp",
                "event_type": "string",
                "src_ip": "string",
                "alert": {"signature": "string", "severity": "int64"},
                "sni": cd.field("string", path=["tls", "sni"]),
            },
        )
        .filter((col("event_type") == "alert") & (col("alert").field("severity") <= 2))
        .with_columns(signature=col("alert").field("signature"))
        .group_by("signature")
        .window(cd.tumbling("10m"))
        .agg(n=cd.count(), sources=cd.count_distinct("src_ip"))
    )
    summary, rows = run(alerts, tmp_path / "out.jsonl")
    # Accepted rows move the watermark, whatever a filter does with them later.
    kept: dict[tuple[str, int], list[str]] = defaultdict(list)
    late, newest = 0, None
    for r in records:
        time = milliseconds(datetime.strptime(r["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z"))
        watermark = (time if newest is None else newest) - 60_000
        newest = time if newest is None else max(newest, time)
        if r["event_type"] != "alert" or r["alert"]["severity"] > 2:
            continue
        start = time // 600_000 * 600_000
        if watermark >= start + 600_000:
            late += 1
        else:
            kept[r["alert"]["signature"], start].append(r["src_ip"])
    assert (summary.rows, summary.dead, summary.late) == (len(records), 0, late)
    assert len(kept) > 5
    assert found(rows, "signature") == {key: len(ips) for key, ips in kept.items()}
    distinct = {(r["signature"], r["window_start"]): r["sources"] for r in rows}
    assert sorted(distinct.values()) == sorted(len(set(ips)) for ips in kept.values())


def test_zeek_connections_find_the_port_scan(shared: Path, tmp_path: Path) -> None:
    path = shared / "zeek" / "002_nmap_portscan_conn.json.gz"
    records = [json.loads(line) for line in lines(path)]
    scans = (
        cd.source(
            "files",
            path=str(path),
            format="json",
            event_time="ts",
            disorder="6m",
            name="conn",
            schema={
                "ts": "float64",
                "id.orig_h": "string",
                "id.resp_p": "int64",
                "conn_state": "string",
                "orig_bytes": "int64",
            },
        )
        .group_by("id.orig_h")
        .window(cd.tumbling("1m"))
        .agg(n=cd.count(), ports=cd.count_distinct("id.resp_p"), bytes=cd.sum("orig_bytes"))
    )
    summary, rows = run(scans, tmp_path / "out.jsonl")
    times = [(r["id.orig_h"], round(r["ts"] * 1000)) for r in records]
    counts, late = tumbled(times, 60_000, 360_000)
    assert (summary.rows, summary.dead, summary.late) == (len(records), 0, late)
    assert found(rows, "id.orig_h") == counts
    assert late == 0
    ports: dict[tuple[str, int], set[int]] = defaultdict(set)
    for r, (host, time) in zip(records, times, strict=True):
        ports[host, time // 60_000].add(r["id.resp_p"])
    assert sorted(r["ports"] for r in rows) == sorted(map(len, ports.values()))
    assert max(r["ports"] for r in rows) > 100
    assert sum(r["bytes"] or 0 for r in rows) == sum(r.get("orig_bytes") or 0 for r in records)
