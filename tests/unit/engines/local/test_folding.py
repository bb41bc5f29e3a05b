"""Partial results of windows are folded as they come: state is of the keys that there are, however many rows come."""

from __future__ import annotations

from pathlib import Path

import pytest

import caudal as cd
from caudal.runner import Job


def peak(rows: int, path: Path) -> int:
    """Return the most bytes of state of one window over so many rows of 300 keys, all of which stay in it to the end."""
    given, taken = path / f"{rows}.csv", path / f"{rows}.jsonl"
    given.write_text("k,t\n" + "".join(f"{7919 * i % 300},{i}\n" for i in range(rows)))
    source = cd.source("files", path=str(given), format="csv", event_time="t", schema={"k": "int64", "t": "int64"})
    counts = source.group_by("k").window(cd.tumbling("1d")).agg(n=cd.count())
    extra = {"fold_rows": 200, "morsel_rows": 100, "read_bytes": 1000}
    job = Job(cd.Pipeline("counts", counts.to("files", path=str(taken), format="json")), threads=1, extra=extra)
    summary = job.run()
    assert summary.rows == rows
    assert taken.read_text().count(f'"n":{rows // 300}') == 300
    return summary.state_peak


def test_state_grows_with_keys_not_with_rows(tmp_path: Path) -> None:
    assert peak(60_000, tmp_path) == pytest.approx(peak(6_000, tmp_path), rel=0.5)
