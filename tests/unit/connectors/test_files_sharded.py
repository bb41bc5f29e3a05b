"""Files that the workers of a group write to one folder: who shows them, and what of the dead is removed when."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from caudal.connectors.files.sharded import UNREACHABLE
from caudal.connectors.files.sink import open_folder
from caudal.core.errors import InputError, OptionError, RunError
from caudal.testing.conformance.sinks import LinesEncoder, rows_of


def shard(folder: Path, writer: str = "g.a", shard: str = "3", name: str = "") -> Any:
    return open_folder(folder, LinesEncoder, "1h", name).shard(shard, writer)


def staged(sink: Any, epoch: int, *numbers: int) -> Any:
    if numbers:
        sink.write(sink.encode(pa.table({"n": pa.array(numbers), "text": pa.array([""] * len(numbers))})))
    return json.loads(json.dumps(sink.prepare(epoch, last=False)))


def shown(folder: Path) -> dict[str, list[int]]:
    files = sorted(folder.glob("[!.]*"))
    return {file.name: [row["n"] for row in rows_of(file.read_bytes())] for file in files}


def hidden(folder: Path) -> set[str]:
    return {file.name for file in folder.glob(".*.tmp")}


def test_names_tell_shard_and_epoch_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for number, epoch in (("3", 9), ("3", 10), ("sums.0", 2)):
        sink = shard(folder, shard=number)
        sink.recover(0, None)
        sink.publish(epoch, staged(sink, epoch, epoch))
    assert shown(folder) == {"out-3-000000009": [9], "out-3-000000010": [10], "out-sums_0-000000002": [2]}


def test_an_epoch_without_rows_makes_no_file(tmp_path: Path) -> None:
    sink = shard(tmp_path / "out")
    receipt = staged(sink, 1)
    sink.publish(1, receipt)
    assert receipt is None
    assert not shown(tmp_path / "out")


def test_who_was_given_up_and_the_next_owner_may_both_show_an_epoch(tmp_path: Path) -> None:
    first, second = shard(tmp_path), shard(tmp_path, "g.b")
    receipt = staged(first, 1, 1, 2)
    second.recover(1, receipt)
    later = staged(second, 2, 3)
    first.publish(1, receipt)
    staged(first, 2, 99)  # never committed
    second.publish(2, later)
    assert list(shown(tmp_path).values()) == [[1, 2], [3]]


def test_a_file_that_was_taken_away_is_not_missed(tmp_path: Path) -> None:
    sink = shard(tmp_path)
    receipt = staged(sink, 1, 1)
    sink.publish(1, receipt)
    for file in tmp_path.glob("[!.]*"):
        file.unlink()
    shard(tmp_path, "g.b").recover(1, receipt)
    assert not shown(tmp_path)


def test_what_was_committed_and_is_gone_is_told(tmp_path: Path) -> None:
    receipt = staged(shard(tmp_path), 1, 1)
    (tmp_path / receipt["file"]).unlink()
    with pytest.raises(RunError, match="what was written for it is gone"):
        shard(tmp_path, "g.b").recover(1, receipt)


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    sink = shard(tmp_path)
    receipt = staged(sink, 1, 1)
    (tmp_path / receipt["name"]).write_text("mine")
    with pytest.raises(RunError, match="there is another file"):
        sink.publish(1, receipt)
    assert (tmp_path / receipt["name"]).read_text() == "mine"


@pytest.mark.parametrize(("name", "file"), [("../x", ""), ("", "../x"), ("out-4-000000001", "")])
def test_a_receipt_leads_nowhere_else(tmp_path: Path, name: str, file: str) -> None:
    sink = shard(tmp_path / "out")
    receipt = staged(sink, 1, 1)
    with pytest.raises(RunError, match="is gone"):
        sink.publish(1, {**receipt, **({"name": name} if name else {}), **({"file": file} if file else {})})


def test_leftovers_of_its_own_go_and_those_of_others_once_they_are_old(tmp_path: Path) -> None:
    own, other = shard(tmp_path), shard(tmp_path, "g.b")
    kept = staged(other, 1, 1)
    old = staged(other, 2, 2)
    young = staged(other, 2, 3)
    mine = staged(own, 2, 4)
    elsewhere = staged(shard(tmp_path, shard="4"), 1, 5)
    for each in (kept, old):
        path = tmp_path / each["file"]
        at = os.stat(path).st_mtime - UNREACHABLE - 60
        os.utime(path, (at, at))
        each["mark"][1] = os.stat(path).st_mtime_ns
    assert len(hidden(tmp_path)) == 5
    shard(tmp_path).recover(1, kept)
    assert hidden(tmp_path) == {young["file"], elsewhere["file"]}
    assert mine["file"] not in hidden(tmp_path)
    assert list(shown(tmp_path).values()) == [[1]]


def test_what_is_staged_outlives_who_gives_it_up(tmp_path: Path) -> None:
    sink = shard(tmp_path)
    receipt = staged(sink, 1, 1)
    sink.write(sink.encode(pa.table({"n": pa.array([2]), "text": pa.array([""])})))
    sink.abort()
    assert hidden(tmp_path) == {receipt["file"]}


def test_the_list_of_what_was_shown_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caudal.connectors.files.sharded._LIST", 2000)
    monkeypatch.setattr("caudal.connectors.files.sharded._REMEMBERED", 5)
    sink = shard(tmp_path)
    receipts = [staged(sink, epoch, epoch) for epoch in range(1, 60)]
    for epoch, receipt in enumerate(receipts, 1):
        sink.publish(epoch, receipt)
    (kept,) = tmp_path.glob(".*.jsonl")
    assert kept.stat().st_size < 2500
    sink.publish(59, receipts[-1])
    assert [row for rows in shown(tmp_path).values() for row in rows] == list(range(1, 60))


def test_a_line_that_was_cut_short_spoils_no_other(tmp_path: Path) -> None:
    sink = shard(tmp_path)
    first, second = staged(sink, 1, 1), staged(sink, 2, 2)
    sink.publish(1, first)
    (listed,) = tmp_path.glob(".*.jsonl")
    listed.write_bytes(listed.read_bytes() + b'{"part": "out')
    sink.publish(2, second)
    for file in tmp_path.glob("[!.]*"):
        file.unlink()
    shard(tmp_path, "g.b").recover(2, second)


def test_sinks_of_one_folder_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("in.dead", "counts.dead"):
        sink = shard(tmp_path / "dead", name=name)
        sink.publish(1, staged(sink, 1, 1))
    assert sorted(shown(tmp_path / "dead")) == ["dead-counts_dead-3-000000001", "dead-in_dead-3-000000001"]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="it is a file"):
        open_folder(tmp_path / "file", LinesEncoder, "1h", "")
    with pytest.raises(OptionError, match="option 'roll'"):
        open_folder(tmp_path / "out", LinesEncoder, "soon", "")
