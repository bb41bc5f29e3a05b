"""A row that goes to several sinks is one alert."""

from __future__ import annotations

import caudal as cd
from caudal.engines.outputs import counted_sinks


def test_one_sink_for_each_stream() -> None:
    rows = cd.source("memory", rows=[{"a": 1}], schema={"a": "int64"})
    alerts, others = rows.filter(cd.col("a") > 0), rows.filter(cd.col("a") < 0)
    sinks = [
        alerts.to("console", name="x"),
        alerts.to("files", path="o.jsonl", name="y"),
        others.to("console", name="z"),
    ]
    plan = cd.Pipeline("p", *sinks, rows.dead_letters().to("files", path="d.jsonl", name="d"))
    assert counted_sinks(plan.sinks) == ["x", "z"]
