"""Messages of topics on Spark: its own connector reads them, and a task decodes those of one partition, in order."""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.engines.jvm.job.messages import Messages, by_topic, filled


def read(spark: Any, messages: Messages) -> Any | None:
    """Return messages as a frame, each partition one of Spark's; None where there are none."""
    topics = by_topic(filled(messages.spans))
    if not topics:
        return None
    options = {f"kafka.{name}": value for name, value in messages.properties.items()}
    options |= {
        "kafka.isolation.level": "read_committed",
        "assign": json.dumps({topic: [s[2] for s in found] for topic, found in topics.items()}),
        "startingOffsets": json.dumps({t: {str(s[2]): s[3] for s in found} for t, found in topics.items()}),
        "endingOffsets": json.dumps({t: {str(s[2]): s[4] for s in found} for t, found in topics.items()}),
        "failOnDataLoss": "true",
        "includeHeaders": str(messages.headers).lower(),
    }
    picked = ["topic", "partition", "offset", "unix_millis(timestamp) AS stamp", "value"]
    picked += ["key"] if messages.key else []
    picked += ["headers"] if messages.headers else []
    return spark.read.format("kafka").options(**options).load().selectExpr(*picked)


def decoding(messages: Messages) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return the function of Arrow batches that decodes messages."""
    task, received = messages.task, messages.received

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        some = False
        for batch in batches:
            for topic, number, part in _runs(batch):
                some = True
                columns = {name: part.column(name) for name in part.schema.names}
                got = received(
                    columns["offset"], columns["stamp"], columns["value"], columns.get("key"), columns.get("headers")
                )
                yield from task.decoding.rows(topic, number, got)
        if some:
            yield task.decoding.told()

    return run


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[str, int, pa.RecordBatch]]:
    """Yield the messages of one partition after the other; they stand together."""
    columns = (batch.column(name) for name in ("topic", "partition"))
    codes = [c.dictionary_encode().indices.to_numpy(zero_copy_only=False) for c in columns]
    other = (np.diff(codes[0]) != 0) | (np.diff(codes[1]) != 0)
    bounds = [0, *(np.flatnonzero(other) + 1).tolist(), batch.num_rows]
    for start, stop in pairwise(bounds):
        if stop > start:
            part = batch.slice(start, stop - start)
            yield part.column("topic")[0].as_py(), part.column("partition")[0].as_py(), part
