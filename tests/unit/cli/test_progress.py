"""Progress in text."""

from __future__ import annotations

import logging

import pytest

from caudal.cli.progress import Lines, Logging, Rate, Silent, fields, line
from caudal.observe.summary import Commit, Progress, size_text


def at(elapsed: float, rows: int, watermark: int | None = None) -> Progress:
    return Progress(elapsed, rows, 0.0, watermark, 3, 12_300_000, 6, 4_500, 1, 2)


def test_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    assert rate.add(1.0, 1_000) == 1_000
    for second in range(2, 11):
        last = rate.add(float(second), 1_000 * second)
    assert last == 1_000
    for second in range(11, 15):
        last = rate.add(float(second), 10_000)
    assert last == 0
    assert rate.add(15.0, 40_000) == pytest.approx(10_000)


def test_line_names_all_there_is_to_know() -> None:
    assert line(at(12.34, 5_000, 1_795_300_902_431), 400.4) == (
        "elapsed 12.3 s  rows 5,000  rate 400/s  watermark 2026-11-21T22:41:42.431Z  queue 3  in flight 12.3 MB"
        "  state 4.5 kB  alerts 6  late 1  dead 2"
    )


def test_the_last_checkpoint_is_shown() -> None:
    progress = at(1, 1)
    assert "checkpoint" not in dict(fields(progress, 0))
    progress.commit = Commit(12, 0.42, 1_500)
    assert dict(fields(progress, 0))["checkpoint"] == "12, 0.4 s ago, 1.5 kB"


def test_watermark_before_the_first_row_and_beyond_the_calendar() -> None:
    assert dict(fields(at(1, 1), 0))["watermark"] == "-"
    assert dict(fields(at(1, 1, 2**60), 0))["watermark"] == f"{2**60} ms"
    assert dict(fields(at(1, 1, -1), 0))["watermark"] == "1969-12-31T23:59:59.999Z"


def test_lines_come_now_and_then_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as display:
        for tenth in range(121):
            display.show(at(tenth / 10, tenth * 10))
    printed = capsys.readouterr()
    assert [text.split("  ")[0] for text in printed.err.splitlines()] == [
        "elapsed 5.0 s",
        "elapsed 10.0 s",
        "elapsed 12.0 s",
    ]
    assert printed.out == ""


def test_a_job_in_another_process_says_what_goes_on_and_little_more(capsys: pytest.CaptureFixture[str]) -> None:
    doing = "handing rows over to flink"
    with Lines() as display:
        for tenth in range(400):
            if tenth == 12:
                doing = "running on flink"
            display.show(Progress(tenth / 10, min(tenth, 12) * 1_000, 0.0, None, 0, 0, 0, 0, elsewhere=doing))
    assert capsys.readouterr().err.splitlines() == [
        "handing rows over to flink: 0 s",
        "running on flink: 12,000 rows handed over, 1 s",
        "running on flink: 12,000 rows handed over, 31 s",
    ]


def test_log_records_become_notes(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("caudal")
    with Silent() as display, Logging(display, logging.WARNING):
        log.info("partition a is idle")
        log.warning("partition %s is odd", "b")
    log.warning("nobody listens")
    printed = capsys.readouterr().err.splitlines()
    assert [text.split(" ", 1)[1] for text in printed if text[2:3] == ":"] == ["partition b is odd"]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2 * 10**12, "2,000.0 GB")]
)
def test_size_text(size: int, text: str) -> None:
    assert size_text(size) == text
