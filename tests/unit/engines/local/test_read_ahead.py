"""While one thread is held up with a block, the others read on only so far."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.engines.local.credit import READ_AHEAD
from caudal.engines.local.windows.panes import PaneOperator
from caudal.runner import Job

CREDIT, READ = 4096, 512


def test_a_block_that_is_held_up_bounds_what_is_read_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        lines = [json.dumps({"t": number * 10_000 + i * 10}) for i in range(500)]
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines) + "\n")
    source = cd.source("files", path=str(tmp_path), format="json", event_time="t", schema={"t": "int64"})
    rows: list[Any] = []
    plan = cd.Pipeline("p", source.window(cd.tumbling("1s")).agg(n=cd.count()).to("memory", into=rows))
    held, go_on = threading.Event(), threading.Event()
    prepare = PaneOperator.prepare

    def slow(self: PaneOperator, morsel: Any) -> Any:
        if not held.is_set():
            held.set()
            assert go_on.wait(60)
        return prepare(self, morsel)

    monkeypatch.setattr(PaneOperator, "prepare", slow)
    run = Job(plan, threads=2, late="discard", dead="discard", extra={"credit": CREDIT, "read_bytes": READ})
    job = run.execution.job  # type: ignore[attr-defined]
    summaries: list[Any] = []
    thread = threading.Thread(target=lambda: summaries.append(run.run()))
    thread.start()
    assert held.wait(60)
    deadline = time.monotonic() + 60
    with job.scheduler.lock:
        while (
            not (job.scheduler.running == 1 and job.scheduler.waiting == 1 and job.entry.credit.admitted > CREDIT)
            and time.monotonic() < deadline
        ):
            job.scheduler.lock.wait(0.02)
        reached = job.entry.credit.admitted
    go_on.set()
    thread.join(60)
    size = sum(p.stat().st_size for p in tmp_path.iterdir())
    assert CREDIT < reached <= (READ_AHEAD + 1) * CREDIT + 2 * READ < size / 4
    assert sum(t.column("n").to_pylist()[i] for t in rows for i in range(t.num_rows)) == 10_000
    assert summaries[0].rows == 10_000
