"""Workers of a group that write to one folder: whoever is killed, each row is in one file, once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from grouped import CLOSERS, PARTITIONS, Job, Row

from caudal.broker import Broker

pytestmark = pytest.mark.kafka

NewJob = Callable[..., Job]


def into(job: Job, target: str) -> None:
    """Let the job's results go to files."""
    text = (job.folder / "p.py").read_text()
    (job.folder / "p.py").write_text(
        re.sub(r'counts\.to\("kafka".*\)\)', f'counts.to("files", {target}, name="out"))', text)
    )


def rows(folder: Path) -> Counter[Row]:
    """Return what is in the files that are shown."""
    found = Counter[Row]()
    for file in folder.glob("[!.]*.jsonl"):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            start = round(datetime.fromisoformat(row["window_start"]).timestamp() * 1000)
            if start < CLOSERS:
                found[row["ip"], start, row["total"], row["sum"]] += 1
    return found


def test_workers_are_killed_and_each_row_is_in_one_file(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    into(job, 'path="out", format="json", roll="1h"')
    out = job.folder / "out"

    def goes_on() -> None:
        now = job.traffic.now
        job.until(lambda: any(row[1] >= now for row in rows(out)))

    a, b = job.start("a"), job.start("b")
    job.until(lambda: job.all_held(a, b))
    goes_on()
    job.kill(a)
    goes_on()
    job.start("a")
    job.until(lambda: len(job.owners()) == PARTITIONS)
    goes_on()
    job.kill(b)
    job.start("c")
    job.traffic.end()
    wanted = job.wanted()
    job.until(lambda: {row[:2] for row in wanted} <= {row[:2] for row in rows(out)})
    for worker in [*job.workers]:
        job.leave(worker)
    assert rows(out) == wanted
    names = [file.name for file in out.glob("[!.]*")]
    assert all(re.fullmatch(r"out-[0-3]-\d{9}\.jsonl", name) for name in names), names
    assert (job.folder / "out.dead").is_dir(), "dead letters are in a folder of parts beside it"


def test_one_file_of_several_workers_is_refused(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    into(job, 'path="out.jsonl"')
    worker = job.start("a")
    job.workers.remove(worker)
    said = worker.ends(2)
    assert "workers of a group cannot commit out.jsonl together with kafka://" in said
    assert "roll=" in said
