"""Functions that kill the process: the call that does it is a dead letter, in whatever format its rows came, and no innocent row is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.runner.poison.deadly import Deadly, record

pytestmark = pytest.mark.slow

HEAD = """
import ctypes
import polars as pl
import caudal as cd
from caudal import col

@cd.batch
def fine(n: int) -> bool:
    if n.is_in({rows}).any():
        ctypes.string_at(0)
    return n >= 0

@cd.batch
def shape(frame):
    if {window}:
        ctypes.string_at(0)
    return pl.DataFrame({{"total": [len(frame)], "sum": [frame["n"].sum()]}})

rows = cd.source("files", path={path!r}, format={format!r}, name="in", event_time="t",
                 schema={{"n": "int64", "t": "int64", "what": "string"}})
good = rows.filter(fine(col("n")), name="fine")
shapes = good.group_by("what").window(cd.tumbling("10s")).apply(
    shape, schema={{"total": "int64", "sum": "int64"}}, name="shapes")
pipeline = cd.Pipeline(
    "deadly", good.select("n").to("files", path="out/rows.jsonl", name="rows"),
    shapes.select("total", "sum").to("files", path="out/shapes.jsonl", name="written"),
)
"""


class Calling(Deadly):
    """A job whose functions die over these rows, and over windows of which this is so."""

    def __init__(
        self, folder: Path, *options: str, rows: list[int] | None = None, window: str = "False", path: str = "in.jsonl"
    ) -> None:
        super().__init__(folder, *options)
        form = "parquet" if path.endswith(".parquet") else "json"
        text = HEAD.format(rows=rows or [], window=window, path=path, format=form)
        (folder / "p.py").write_text(text)

    def shapes(self) -> list[tuple[int, int]]:
        return [(each["total"], each["sum"]) for each in self._json("out/shapes.jsonl")]

    def write(self, records: list[dict[str, Any]], name: str = "in.jsonl") -> None:
        (self.folder / name).write_text("".join(json.dumps(each) + "\n" for each in records))


def windows(numbers: list[int]) -> list[tuple[int, int]]:
    found: dict[int, list[int]] = {}
    for n in numbers:
        found.setdefault(n // 100, []).append(n)
    return [(len(each), sum(each)) for _, each in sorted(found.items())]


def test_a_row_of_a_parquet_file_that_kills_a_function_is_a_dead_letter(tmp_path: Path) -> None:
    deadly = [150, 20_000, 20_001, 29_999]
    job = Calling(tmp_path, rows=deadly, path="in.parquet")
    rows = [record(n) for n in range(30_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=7_000)
    codes = job.until_done()
    assert codes == [-signal.SIGSEGV, 0], job.said
    good = [n for n in range(30_000) if n not in deadly]
    assert job.rows() == good
    assert job.shapes() == windows(good)
    assert [(each["operator"], each["position"], each["partition"]) for each in job.letters()] == [
        ("fine", n, "in.parquet") for n in deadly
    ]
    assert {each["reason"] for each in job.letters()} == {"poison"}
    assert [json.loads(each["payload"]) for each in job.letters()] == [{"n": n} for n in deadly]
    assert all("SIGSEGV" in each["message"] and "in fine" in each["detail"] for each in job.letters())


def test_a_window_over_which_a_function_dies_is_a_dead_letter(tmp_path: Path) -> None:
    """None of its rows does it alone, and none of them is missing elsewhere."""
    job = Calling(tmp_path, window='len(frame) == 100 and frame["n"][0] == 700')
    job.write([record(n) for n in range(3_000)])
    assert job.until_done() == [-signal.SIGSEGV, 0], job.said
    assert job.rows() == [*range(3_000)]
    assert job.shapes() == [each for each in windows([*range(3_000)]) if each != (100, sum(range(700, 800)))]
    (letter,) = job.letters()
    assert (letter["operator"], letter["reason"], letter["position"]) == ("shapes", "poison", None)
    payload = json.loads(letter["payload"])
    assert (payload["what"], payload["window_start"]) == ("fine", 70_000)
    command = [sys.executable, "-m", "caudal", "checkpoints", "show", "state", "--json"]
    shown = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout)
    (withheld,) = shown["withheld"]
    assert (withheld["operator"], withheld["rows"], shown["convicted"]) == ("shapes", 100, [])


def test_rows_alone_that_kill_a_function_of_windows_are_innocent_where_their_windows_are_fine(tmp_path: Path) -> None:
    """The function dies over any window of a single row: one of these is there, so that alone is a dead letter."""
    job = Calling(tmp_path, window="len(frame) == 1")
    numbers = [*range(500), 550, *range(600, 1_000)]
    job.write([record(n) for n in numbers])
    assert job.until_done() == [-signal.SIGSEGV, 0], job.said
    assert job.rows() == numbers
    assert job.shapes() == [each for each in windows(numbers) if each != (1, 550)]
    assert [each["operator"] for each in job.letters()] == ["shapes"]
    assert len([*(tmp_path / "state" / "job" / "convicted").glob("*")]) == 1


def test_a_job_that_follows_finds_the_window_over_which_it_died(tmp_path: Path) -> None:
    job = Calling(tmp_path, "--follow", window='frame["n"][0] == 700')
    job.write([record(n) for n in range(3_000)])
    with job.start() as process:
        assert job.ended(process) == -signal.SIGSEGV
    wanted = [each for each in windows([*range(2_900)]) if each != (100, sum(range(700, 800)))]
    with job.start() as process:
        while len(job.shapes()) < len(wanted):
            assert process.poll() is None, job.ended(process)
        process.send_signal(signal.SIGTERM)
        assert job.ended(process) == 0
    assert job.shapes() == wanted
    assert job.rows() == [*range(3_000)]
    assert [each["operator"] for each in job.letters()] == ["shapes"]


LIBRARY = """
import faulthandler
import logging
import sys
import caudal as cd
from p import pipeline

logging.basicConfig(format="%(message)s")
cd.run(pipeline, checkpoint="state", every="10m")  # no commit comes between the deaths that are counted
print(faulthandler.is_enabled())
"""


def test_a_program_of_the_users_own_is_told_that_its_job_dies_and_goes_on_once_the_record_is_known(
    tmp_path: Path,
) -> None:
    """cd.run takes over nothing of its process; what it says is enough to find the record."""
    job = Calling(tmp_path, rows=[700])
    job.write([record(n) for n in range(1_000)])
    (tmp_path / "own.py").write_text(LIBRARY)

    def own() -> subprocess.CompletedProcess[str]:
        given = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONFAULTHANDLER": ""}
        return subprocess.run(
            [sys.executable, "own.py"], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=300
        )

    told = "died 2 times since its last commit"
    for number in range(3):
        ended = own()
        assert ended.returncode == -signal.SIGSEGV, ended.stderr
        assert (told in ended.stderr) == (number == 2), ended.stderr
        assert "Fatal Python error" not in ended.stderr
    assert "caudal run FILE --checkpoint state" in ended.stderr
    assert job.run() == 0, job.said
    assert job.rows() == [n for n in range(1_000) if n != 700]
    assert [(each["operator"], each["reason"]) for each in job.letters()] == [("fine", "poison")]
    assert own().stdout == "False\n"  # the run had ended: nothing dies, nothing was taken over
