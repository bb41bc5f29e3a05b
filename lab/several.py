"""A hundred copies of the DoS detection with other thresholds, run together over one JSON log, against one of them.

python lab/several.py [--rounds 3] [--copies 100] [--rows 3000000]

What is the same in them is to be done once, so the time of all is to be far below that of so many. Shown are seconds and the ratio of each
round, in turns in one process; the first run, which warms kernels, is not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import caudal as cd
from caudal import col

LINE = '{"t":%d,"ip":"10.0.%d.%d","code":%d,"path":"/x"}\n'


def detection(number: int) -> Any:
    """Return a copy with a threshold of its own."""
    schema = {"t": "timestamp", "ip": "string", "code": "int64"}
    rows = cd.source("files", path="log.jsonl", format="json", event_time="t", schema=schema)
    counts = (
        rows.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count(), refused=cd.count_if(col("code") == 401))
    )
    alerts = counts.filter((col("total") > number % 20 + 3) & (col("refused") == col("total")))
    return cd.Pipeline(f"dos-{number}", alerts.to("files", path=f"alerts-{number}.jsonl", format="json"))


def main() -> None:
    """Write the log, run both in turns, print a line a round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--rows", type=int, default=3_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with Path("log.jsonl").open("w") as log:
            for i in range(given.rows):
                log.write(LINE % (1_700_000_000_000 + i, i % 40, i * 7 % 250, 401 if i % 3 else 200))
        cd.run_together([detection(0)])
        for _ in range(given.rounds):
            took: list[float] = []
            for copies in (1, given.copies):
                begin = time.perf_counter()
                summaries = cd.run_together([detection(number) for number in range(copies)])
                took.append(time.perf_counter() - begin)
                assert {summary.rows for summary in summaries} == {given.rows}
            print(f"one {took[0]:.2f} s, {given.copies} {took[1]:.2f} s, {took[1] / took[0]:.1f} times")
        os.chdir("/")


if __name__ == "__main__":
    main()
