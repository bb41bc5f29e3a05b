"""Files as partitions: the order of reading bounds memory and never changes results; cutting input; limits of state."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import RunError
from caudal.plan.plan import Plan
from caudal.testing.harness import Started, difference

SCHEMA = {"host": "string", "k": "string", "i": "int64", "t": "int64"}
Rows = list[dict[str, Any]]


def write(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def source(folder: Path, **options: Any) -> Any:
    return cd.source("files", path=str(folder), format="json", schema=SCHEMA, event_time="t", name="logs", **options)


def line(host: str, i: int, t: int) -> dict[str, Any]:
    return {"host": host, "k": f"key {i}", "i": i, "t": t}


def rotated(folder: Path, host: str, files: int = 12, each: int = 400) -> Rows:
    """Write logs as rotation leaves them: `host.log` is the newest, `host.log.11` the oldest; return rows by time."""
    rows = [line(host, i, i * 50) for i in range(files * each)]
    for number in range(files):
        part = rows[(files - 1 - number) * each : (files - number) * each]
        write(folder / (f"{host}.log" + (f".{number}" if number else "")), part)
    return rows


def counts(rows: Any, size: str) -> Plan:
    out = rows.group_by("k").window(cd.tumbling(size)).agg(n=cd.count(), name="w")
    return cd.Pipeline("files", out.to("console", name="out"), out.late().to("console", name="late"))


WAYS: list[dict[str, Any]] = [{"threads": 1}, {"threads": 2, "read_bytes": 4096}, {"threads": 4, "read_bytes": 512}]
CREDIT = {"credit": 16 << 10}
"""Bytes in flight: far less than the input, so that what is held shows."""


def share(way: dict[str, Any]) -> float:
    """Return what part of the whole may be held: where a thread is kept waiting by the machine, others read ahead."""
    return 0.25 if way["threads"] == 1 else 0.5


@pytest.mark.parametrize("way", WAYS)
def test_rotated_logs_are_read_oldest_first(tmp_path: Path, way: dict[str, Any]) -> None:
    rows = rotated(tmp_path, "host")
    plain = cd.Pipeline("plain", source(tmp_path).to("console", name="out"))
    run = Started(plain, **{**way, "threads": 1}).run()
    assert [r["i"] for r in run.rows["out"]] == [r["i"] for r in rows]

    small = Started(counts(source(tmp_path), "1s"), tuning=CREDIT, **way).run()
    assert small.rows["late"] == []
    assert len(small.rows["out"]) == len(rows)
    whole = Started(counts(source(tmp_path), "1h"), **way).run()
    # every key is its own: what is held at most is the open windows and what is in flight, not the input
    assert 0 < small.execution.job.state_peak < share(way) * whole.execution.job.state_peak


@pytest.mark.parametrize("way", WAYS)
def test_hosts_are_read_side_by_side(tmp_path: Path, way: dict[str, Any]) -> None:
    everything = [row for host in ("a", "b", "c") for row in rotated(tmp_path, host, files=8)]
    way = {"read_bytes": 4096, **way}
    small = Started(counts(source(tmp_path), "1s"), tuning=CREDIT, **way).run()
    assert small.rows["late"] == []
    assert sum(r["n"] for r in small.rows["out"]) == len(everything)
    whole = Started(counts(source(tmp_path), "1h"), **way).run()
    assert 0 < small.execution.job.state_peak < share(way) * whole.execution.job.state_peak
    if way["threads"] == 1:
        run = Started(cd.Pipeline("plain", source(tmp_path).to("console", name="out")), **way).run()
        newest = -1
        for row in run.rows["out"]:
            newest = max(newest, row["t"])
            assert newest - row["t"] <= 8_000  # two blocks of 4 KiB apart at most


def test_an_empty_file_and_one_of_bad_lines_hold_nothing_back(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [line("a", i, i * 100) for i in range(50)])
    (tmp_path / "b.log").write_text("")
    (tmp_path / "c.log").write_text('no\n{"i": "x"}\n')
    (tmp_path / "d.log").write_text(json.dumps({"host": "d", "t": None}) + "\n")
    rows = source(tmp_path)
    plan = counts(rows, "1s")
    letters = cd.Pipeline("letters", *plan.sinks, rows.dead_letters().to("console", name="dead"))
    run = Started(letters, threads=2).run()
    assert len(run.rows["out"]) == 50
    got = [(r["partition"], r["position"], r["reason"]) for r in run.rows["dead"]]
    assert sorted(got) == [("c.log", 0, "syntax"), ("c.log", 3, "type"), ("d.log", 0, "event_time")]
    assert run.ledger.entries["logs"].partitions == {"a.log": 50, "c.log": 2, "d.log": 1}


def test_input_in_order_may_be_cut_into_files_anywhere(tmp_path: Path) -> None:
    """Where a file follows the other in time, cutting it elsewhere makes no row late and changes no result."""
    rows = [line("a", i % 7, i * 37) for i in range(500)]
    results = []
    dice = random.Random(5)
    for case in range(6):
        folder = tmp_path / str(case)
        folder.mkdir()
        bounds = [0, *sorted(dice.sample(range(1, 500), case)), 500]
        for number, (a, b) in enumerate(itertools.pairwise(bounds)):
            write(folder / f"{dice.randrange(100)}-{number}.log", rows[a:b])
        out = source(folder).group_by("k").window(cd.hopping("4s", every="1s"))
        plan = cd.Pipeline(
            "cut", out.agg(n=cd.count(), all=cd.collect("i"), s=cd.stddev("t")).to("console", name="out")
        )
        results.append(Started(plan, threads=case % 3 + 1, read_bytes=1 << dice.randrange(8, 14)).run().rows["out"])
    assert len(results[0]) > 50
    for other in results[1:]:
        assert difference(results[0], other) == []


def test_what_is_late_hangs_on_the_partition(tmp_path: Path) -> None:
    """The same rows in one file: the second half is late for its windows. In two files: nothing is."""
    half = [line("a", i, i * 100) for i in range(40)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    write(tmp_path / "one" / "x.log", half + half)
    write(tmp_path / "two" / "x.log", half)
    write(tmp_path / "two" / "y.log", half)
    one = Started(counts(source(tmp_path / "one"), "1s")).run()
    two = Started(counts(source(tmp_path / "two"), "1s")).run()
    # W_p is 3900 in the second half: only [3000, 4000) is still open for it
    assert [r["t"] for r in one.rows["late"]] == [t * 100 for t in range(30)]
    assert {r["late_watermark"] for r in one.rows["late"]} == {3900}
    assert two.rows["late"] == []
    assert sorted({r["n"] for r in two.rows["out"]}) == [2]


def test_too_much_state_names_the_operator_and_its_largest_keys(tmp_path: Path) -> None:
    rows = [{"host": "h", "k": "heavy" if i % 3 else f"light {i}", "i": i, "t": 0} for i in range(6000)]
    write(tmp_path / "a.log", rows)
    out = source(tmp_path).group_by("k").window(cd.tumbling("1h")).agg(all=cd.collect("i"), name="hoard")
    plan = cd.Pipeline("state", out.to("console", name="out"))
    with pytest.raises(RunError, match="more than max_state=20,000") as caught:
        Started(plan, tuning={"max_state": 20_000}, read_bytes=2048).run()
    assert caught.value.location == "hoard"
    assert caught.value.detail.startswith("largest keys: heavy (")
    assert "max_state" in caught.value.hint
    Started(plan, tuning={"max_state": 1 << 30}, read_bytes=2048).run()


def test_far_future_stamps_are_dead_letters_when_followed_only(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [line("a", 0, 1000), line("a", 1, 2**52), line("a", 2, 2000)])
    rows = source(tmp_path)
    bounded = Started(
        cd.Pipeline("b", rows.to("console", name="out"), rows.dead_letters().to("console", name="dead"))
    ).run()
    assert (len(bounded.rows["out"]), bounded.rows["dead"]) == (3, [])

    rows = source(tmp_path, follow=True, start="beginning")
    plan = cd.Pipeline("f", rows.to("console", name="out"), rows.dead_letters().to("console", name="dead"))
    run = Started(plan)

    def watch() -> None:
        if run.ledger.entries["logs"].taken == 3:
            run.execution.stop()

    run.run(watch)
    assert [r["i"] for r in run.rows["out"]] == [0, 2]
    (dead,) = run.rows["dead"]
    assert (dead["reason"], dead["event_time"], json.loads(dead["payload"])["i"]) == ("far_future", 2**52, 1)


def test_a_diamond_counts_every_row_on_every_way(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [line("a", i, i * 10) for i in range(300)])
    rows = source(tmp_path)
    even, third = rows.filter(col("i") % 2 == 0, name="even"), rows.filter(col("i") % 3 == 0, name="third")
    both = even.union(third, name="both")
    out = both.window(cd.tumbling("1s")).agg(n=cd.count(), d=cd.count_distinct("i"), name="w")
    run = Started(cd.Pipeline("diamond", out.to("console", name="out")), threads=3, read_bytes=300).run()
    assert [(r["n"], r["d"]) for r in run.rows["out"]] == [(84, 67), (83, 66), (83, 67)]
    ledger = run.ledger.entries
    assert (ledger["logs"].taken, ledger["even"].filtered, ledger["third"].filtered) == (300, 150, 200)
    assert (ledger["both"].taken, ledger["w"].absorbed) == (250, 250)
