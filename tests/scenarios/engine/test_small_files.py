"""Many small files are decoded and carried on together, which changes nothing: neither results nor what is told of rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caudal as cd
from caudal import col
from caudal.engines.local.bundle import MOST, SMALL, Bundle
from caudal.engines.local.intake import Piece
from caudal.testing.harness import Started, difference

SCHEMA = {"t": "int64", "k": "string", "n": "int64"}
ALONE = b"\n" * SMALL
"""Behind the records of a file: what makes it large enough to be read by itself, and holds no record."""


def write(folder: Path, files: int, behind: bytes, bad: str = "") -> None:
    """Write files of a few records each, which overlap in time and share times; some are late, some are no records."""
    dice = random.Random(files)
    folder.mkdir()
    for number in range(files):
        lines = []
        for _ in range(dice.randrange(6)):
            row = {"t": number * 20 + dice.randrange(5) * 40, "k": dice.choice("ab"), "n": dice.randrange(1000)}
            lines.append(bad if bad and dice.random() < 0.1 else json.dumps(row))
        text = "\n".join(lines).encode()
        # neither the order of their names nor that of their times; some end without a newline
        (folder / f"{number * 7 % files}.log").write_bytes(text + (b"\n" if number % 3 or behind else b"") + behind)


def plan(folder: Path) -> Any:
    rows = cd.source("files", path=str(folder), format="json", schema=SCHEMA, event_time="t", disorder="10ms", name="s")
    windows = rows.group_by("k").window(cd.tumbling("100ms"))
    each = windows.agg(count=cd.count(), first=cd.first("n"), last=cd.last("n"), all=cd.collect("n"))
    top = windows.top(2, by="t", descending=False)
    running = rows.group_by("k").running(last=cd.collect("n"))
    once = rows.deduplicate("k", within="200ms")
    streams = {
        "aggregates": each,
        "top": top,
        "running": running,
        "once": once,
        "rows": rows.filter(col("n") % 2 == 0),
        "late": each.late(),
        "late once": once.late(),
        "dead": rows.dead_letters(),
    }
    return cd.Pipeline("small", *(stream.to("console", name=name, identity="id") for name, stream in streams.items()))


def taken(run: Started) -> dict[str, int]:
    """Return the records of each file that has any: one of blank lines stands in the ledger, an empty one does not."""
    return {name: count for name, count in run.ledger.entries["s"].partitions.items() if count}


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[Piece | None]:
    """Return what bundles became."""
    made: list[Piece | None] = []
    piece = Bundle.piece

    def noted(self: Bundle) -> Piece | None:
        made.append(piece(self))
        return made[-1]

    monkeypatch.setattr(Bundle, "piece", noted)
    return made


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("files", [3, 40, 300])
def test_small_files_give_the_rows_of_large_ones(
    tmp_path: Path, files: int, threads: int, pieces: list[Piece | None]
) -> None:
    write(tmp_path / "alone", files, ALONE)
    write(tmp_path / "small", files, b"")
    alone = Started(plan(tmp_path / "alone"), threads=threads).run()
    assert not pieces
    small = Started(plan(tmp_path / "small"), threads=threads).run()
    bundled = [piece for piece in pieces if piece is not None]
    assert bundled
    assert len(bundled) == len(pieces)
    assert max(1 + len(piece.along) for piece in bundled) <= MOST
    assert any(rows for rows in alone.rows.values())
    for name, rows in alone.rows.items():
        assert difference(rows, small.rows[name]) == [], name
    if files == 300:
        assert all(alone.rows[name] for name in alone.rows if name != "dead")
        assert taken(alone) == taken(small)


@pytest.mark.parametrize("bad", ["no record", '{"t": 1, "k": "x", "k": "y", "n": 3}'])
def test_bad_records_of_small_files_know_their_place(tmp_path: Path, bad: str, pieces: list[Piece | None]) -> None:
    """Records with something to tell of make a bundle fall apart, dead letters do not."""
    write(tmp_path / "alone", 300, ALONE, bad)
    write(tmp_path / "small", 300, b"", bad)
    alone = Started(plan(tmp_path / "alone"), threads=2).run()
    small = Started(plan(tmp_path / "small"), threads=2).run()
    assert (None in pieces) == bad.startswith("{")
    assert alone.rows["dead"] or None in pieces
    told = [sorted(map(str, run.execution.figures()["notices"])) for run in (alone, small)]
    assert told[0] == told[1]
    for name, rows in alone.rows.items():
        assert difference(rows, small.rows[name]) == [], name
    assert taken(alone) == taken(small)


def test_no_more_is_put_together_than_may_be_in_flight(tmp_path: Path, pieces: list[Piece | None]) -> None:
    write(tmp_path / "small", 300, b"")
    Started(plan(tmp_path / "small"), threads=2, tuning={"credit": 1000}).run()
    assert pieces
    sizes = [sum(p.size for p in (piece, *piece.along)) for piece in pieces if piece is not None]
    assert max(sizes) <= 1000 + 6 * 40


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize(("text", "whole"), [('1,"a",2\n', 0), ("1,a,2\n", 1)])
def test_a_quote_of_one_file_hides_nothing_of_the_next(
    tmp_path: Path, text: str, whole: int, header: bool, pieces: list[Piece | None]
) -> None:
    """Files whose records may go over several lines stand by themselves where there is a quote in them."""
    text = "t,k,n\n" + text if header else text
    for number in range(20):
        (tmp_path / f"{number}.csv").write_text(text + (f'{number},"open,3\n' if number % 5 == 0 and not whole else ""))
    rows = cd.source("files", path=str(tmp_path), format="csv", schema=SCHEMA, header=header, name="s")
    run = Started(
        cd.Pipeline("p", rows.to("console", name="out"), rows.dead_letters().to("console", name="dead"))
    ).run()
    assert len(run.rows["out"]) == (20 if whole else 24)  # a line with an open quote stands as it is
    assert run.rows["dead"] == []
    assert len([piece for piece in pieces if piece is not None]) == whole


def test_rows_know_which_file_they_are_of(tmp_path: Path, pieces: list[Piece | None]) -> None:
    for number in range(30):
        (tmp_path / f"{number}.log").write_text("".join(f'{{"t": {i}, "k": "{number}", "n": {i}}}\n' for i in range(3)))
    rows = cd.source("files", path=str(tmp_path), format="json", schema=SCHEMA, event_time="t", name="s")
    run = Started(cd.Pipeline("p", rows.to("console", name="out")))
    names = run.execution.job.origins.names
    run.run()
    (piece,) = pieces
    assert piece is not None
    assert [read.name for read in (piece.channel, *(p.channel for p in piece.along))] == [f"{i}.log" for i in range(30)]
    assert [row["k"] for row in run.rows["out"]] == [str(i) for i in range(30) for _ in range(3)]
    assert [names[ordinal][1] for ordinal in np.arange(len(names))][:30] == [f"{i}.log" for i in range(30)]
