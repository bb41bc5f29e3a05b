"""Targets that are rolled: parts by time and by size, each whole when it appears."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from committing import Lines

import caudal as cd
from caudal.connectors.files import CONNECTOR
from caudal.connectors.files.parts import Parts, Roll
from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.types import Schema
from caudal.formats.csv import FORMAT as CSV
from caudal.formats.parquet import FORMAT as PARQUET

SCHEMA = Schema.of({"n": "int64"})
HOUR = 3_600


class Clock:
    now = 1_796_014_800.0  # 2026-11-30 05:00 UTC
    number = 0

    def __call__(self) -> float:
        return self.now


def parts(folder: Path, encoder: Any = None, *, roll: str = "1h", live: bool = True, staged: bool = True) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    sink = Parts(str(folder), str(folder), encoder or Lines(), Roll.of(roll), live=live, staged=staged, clock=clock)
    return sink, clock


def epoch(sink: Any, number: int, data: bytes, *, last: bool = False) -> Any:
    if data:
        sink.write(data)
    receipt = json.loads(json.dumps(sink.prepare(number, last=last)))
    sink.publish(number, receipt)
    return receipt


def shown(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if not p.name.startswith(".")}


def test_a_part_holds_an_hour_of_the_wall_clock(tmp_path: Path) -> None:
    sink, clock = parts(tmp_path / "alerts")
    sink.recover(0, None)
    epoch(sink, 1, b"1\n")
    clock.now += HOUR - 1
    epoch(sink, 2, b"2\n")
    assert shown(tmp_path / "alerts") == {}
    clock.now += 1
    epoch(sink, 3, b"")
    first = {"alerts-20261130T050000Z-000001.txt": b"header\n1\n2\n"}
    assert shown(tmp_path / "alerts") == first, "an epoch without rows ends a part whose time is over"
    clock.now += 5 * HOUR + 7
    epoch(sink, 4, b"3\n")
    assert shown(tmp_path / "alerts") == first
    epoch(sink, 5, b"4\n", last=True)
    sink.finish()
    assert shown(tmp_path / "alerts") == {**first, "alerts-20261130T110000Z-000002.txt": b"header\n3\n4\n"}
    manifest = (tmp_path / "alerts" / ".manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["part"] for line in manifest] == list(shown(tmp_path / "alerts"))


def test_a_part_ends_once_it_has_so_many_bytes_and_numbers_go_on(tmp_path: Path) -> None:
    for run in (0, 1):
        sink, _ = parts(tmp_path / "alerts", roll="12B")
        sink.recover(0, None)
        for number, data in enumerate((b"1\n", b"2\n", b"3\n", b"4444444444\n")):
            epoch(sink, number + 1, data, last=number == 3)
        sink.finish()
        found = shown(tmp_path / "alerts")
        assert list(found) == [f"alerts-{n:06}.txt" for n in range(1, 3 + 2 * run)]
        assert list(found.values()) == [b"header\n1\n2\n3\n", b"header\n4444444444\n"] * (run + 1)


def test_a_run_that_goes_on_writes_on_in_the_part_that_was_open(tmp_path: Path) -> None:
    sink, _ = parts(tmp_path / "alerts", CSV.encoder(SCHEMA, CSV.writer_options))
    sink.recover(0, None)
    receipt = epoch(sink, 1, b"1\n")
    sink.write(b"lost\n")
    sink.abort()
    again, clock = parts(tmp_path / "alerts", CSV.encoder(SCHEMA, CSV.writer_options))
    again.recover(1, receipt)
    clock.now += HOUR / 2
    epoch(again, 2, b"2\n", last=True)
    again.finish()
    assert shown(tmp_path / "alerts") == {"alerts-20261130T050000Z-000001.csv": b"n\n1\n2\n"}


def test_parquet_has_a_part_an_epoch(tmp_path: Path) -> None:
    folder = tmp_path / "alerts.parquet"
    sink, _ = parts(folder, PARQUET.encoder(SCHEMA, PARQUET.writer_options), roll="64MB")
    sink.recover(0, None)
    for number in (1, 2, 3):
        if number != 2:
            sink.write(sink.encode(pa.table({"n": [number, 10 * number]})))
        sink.publish(number, sink.prepare(number, last=number == 3))
    sink.finish()
    assert list(shown(folder)) == ["alerts-000001.parquet", "alerts-000002.parquet"]
    assert [pq.read_table(folder / name)["n"].to_pylist() for name in shown(folder)] == [[1, 10], [3, 30]]


def test_what_readers_take_away_was_published(tmp_path: Path) -> None:
    sink, _ = parts(tmp_path / "alerts", roll="1B")
    sink.recover(0, None)
    receipt = epoch(sink, 1, b"1\n", last=True)
    sink.finish()
    (tmp_path / "alerts" / "alerts-000001.txt").unlink()
    again, _ = parts(tmp_path / "alerts", roll="1B")
    again.recover(1, receipt)
    epoch(again, 2, b"2\n", last=True)
    again.finish()
    assert shown(tmp_path / "alerts") == {"alerts-000002.txt": b"header\n2\n"}


def test_without_epochs_a_live_job_shows_parts_as_they_end_and_a_bounded_one_at_the_end(tmp_path: Path) -> None:
    sink, clock = parts(tmp_path / "live", staged=False)
    assert sink.delivery == "at-least-once"
    sink.recover(0, None)
    sink.write(b"1\n")
    clock.now += HOUR
    assert shown(tmp_path / "live") == {}
    sink.flush()
    assert list(shown(tmp_path / "live").values()) == [b"header\n1\n"]
    sink.write(b"2\n")
    assert sink.drain() == str(tmp_path / "live")
    assert list(shown(tmp_path / "live").values()) == [b"header\n1\n", b"header\n2\n"]

    for stopped in (True, True, False):
        sink, clock = parts(tmp_path / "bounded", live=False, staged=False)
        assert sink.delivery == "exactly-once"
        sink.recover(0, None)
        sink.write(b"1\n")
        clock.now += HOUR
        sink.flush()
        sink.write(b"2\n")
        assert shown(tmp_path / "bounded") == {}
        if stopped:
            assert sink.drain() == str(tmp_path / "bounded.partial")
            assert list(shown(tmp_path / "bounded.partial").values()) == [b"header\n1\n", b"header\n2\n"]
        else:
            sink.publish(1, sink.prepare(1, last=True))
            sink.finish()
            assert list(shown(tmp_path / "bounded").values()) == [b"header\n1\n", b"header\n2\n"]
    sink, _ = parts(tmp_path / "bounded", live=False, staged=False, roll="1B")
    sink.recover(0, None)
    sink.write(b"3\n")
    sink.abort()
    assert len(shown(tmp_path / "bounded")) == 2
    assert sorted(os.listdir(tmp_path / "bounded"))[0] == ".manifest.jsonl"


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    sink, _ = parts(tmp_path / "alerts")
    with pytest.raises(InputError, match="another run does"):
        parts(tmp_path / "alerts")
    sink.abort()
    parts(tmp_path / "alerts")[0].abort()


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    sink, _ = parts(tmp_path / "alerts", roll="1B")
    sink.recover(0, None)
    (tmp_path / "alerts" / "alerts-000001.txt").write_bytes(b"theirs")
    with pytest.raises(RunError, match=r"there is another file alerts-000001.txt"):
        epoch(sink, 1, b"1\n", last=True)
    sink.abort()
    assert shown(tmp_path / "alerts") == {"alerts-000001.txt": b"theirs"}


@pytest.mark.parametrize("given", ["", "h", "100", 5, "-1h", "500ms", "0MB", None.__class__])
def test_what_is_no_roll_is_refused(tmp_path: Path, given: Any) -> None:
    with pytest.raises(OptionError, match="takes a time from 1s on or a size"):
        CONNECTOR.sink({"path": str(tmp_path / "x"), "roll": given}, Lines(), SCHEMA, live=False)


def test_a_time_and_a_size_are_told_apart() -> None:
    assert Roll.of("1m") == Roll(period=60_000)
    assert Roll.of("1MB") == Roll(size=10**6)
    assert Roll.of("1h30m") == Roll(period=5_400_000)


@pytest.mark.parametrize(("live", "staged"), [(True, False), (True, True), (False, True)])
def test_a_file_with_a_footer_that_is_to_be_gone_on_with_is_refused(tmp_path: Path, live: bool, staged: bool) -> None:
    encoder = PARQUET.encoder(SCHEMA, PARQUET.writer_options)
    with pytest.raises(OptionError, match="ends with its footer") as caught:
        CONNECTOR.sink({"path": str(tmp_path / "x.parquet")}, encoder, SCHEMA, live=live, staged=staged)
    assert 'roll="1h"' in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="it is a file"):
        CONNECTOR.sink({"path": str(tmp_path / "x"), "roll": "1h"}, Lines(), SCHEMA, live=True)


def test_a_pipeline_writes_parts_and_another_reads_them(tmp_path: Path) -> None:
    rows = [{"n": n} for n in range(1000)]
    numbers = cd.source("memory", rows=rows, schema={"n": "int64"})
    out = str(tmp_path / "numbers")
    assert cd.run(cd.Pipeline("rolled", numbers.to("files", path=out, format="json", roll="2KB"))).rows == 1000
    found = cd.source("files", path=out, format="json", schema={"n": "int64"}).collect()
    assert sorted(found["n"].to_list()) == list(range(1000))
    again = cd.source("files", path=f"{out}/*.jsonl", format="json", schema={"n": "int64"})
    with pytest.raises(InputError, match="write to what is read"):
        cd.run(cd.Pipeline("itself", again.to("files", path=out, format="json", roll="1h")))
