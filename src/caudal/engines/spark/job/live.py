"""A job on Spark over unbounded input: what each micro-batch gives becomes a directory of results, under its number."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from caudal.engines.jvm.job.driver import Asked, Slots
from caudal.engines.jvm.job.results import Results

Opened = Callable[[str], Results]
"""Opens results in a directory."""


def follow(spark: Any, given: Asked, opened: Opened, slots: Slots, plans: Sequence[Sequence[str]]) -> None:
    """Run until the one who feeds each plan, given by its queries, has put a file "end" there, and all before is done."""
    left = {number: _start(spark, given, opened, slots, number, queries) for number, queries in enumerate(plans)}
    feeder = int(os.environ.get("CAUDAL_FEEDER", os.getppid()))  # who may have gone before this line is reached
    while left:
        if os.getppid() != feeder:
            raise SystemExit("who feeds this job has gone")
        for number, stream in list(left.items()):
            over = os.path.exists(os.path.join(given.rows, f"end-{number}"))
            if over or not stream.isActive:
                stream.processAllAvailable()  # raises what the stream broke by
                stream.stop()
                del left[number]
                open(os.path.join(given.results, f"done-{number}"), "wb").close()
        time.sleep(0.02)


def _start(spark: Any, given: Asked, opened: Opened, slots: Slots, number: int, queries: Sequence[str]) -> Any:
    def take(frame: Any, batch: int) -> None:
        """Put the rows of a micro-batch aside, and make them visible at once."""
        hidden = os.path.join(given.results, f".{number}-{batch}")
        os.makedirs(hidden)
        results = opened(hidden)
        for rows in frame.toArrow().to_batches():
            results.take_ports(rows, slots)
        results.end()
        os.rename(hidden, os.path.join(given.results, f"{number}-{batch:09}"))

    frame = spark.sql("\nUNION ALL\n".join(queries))
    place = os.path.join(given.rows, f"checkpoint-{number}")
    return frame.writeStream.outputMode("append").option("checkpointLocation", place).foreachBatch(take).start()
