"""Collecting a stream into a frame, in a notebook or a test."""

from __future__ import annotations

import warnings
from typing import Any

from caudal.core.errors import CaudalWarning, OptionError, RunError
from caudal.lang.dsl.stream import Stream
from caudal.observe.summary import Progress
from caudal.plan.nodes import Sink
from caudal.plan.plan import Plan
from caudal.runner.drive import Job

FRAMES = ("polars", "pandas", "arrow")


def collect(stream: Stream, to: str = "polars", *, threads: int = 0, first: int | None = None) -> Any:
    """Run the stream over bounded sources; return a polars or pandas frame or an Arrow table.

    `first`: so many rows are enough. Warns (`CaudalWarning`) where every record of a source was dead, or
    none names a field that a filter or a key depends on.
    """
    if to not in FRAMES:
        raise OptionError(f"cannot collect to '{to}'", hint="one of " + ", ".join(FRAMES))
    import pyarrow as pa

    tables: list[pa.Table] = []
    sink = Sink(input=stream.node, connector="memory", options=(("into", tables),))
    job = Job(Plan("collect", (sink,)), threads=threads, late="discard", dead="discard", allow_blind=True)
    if job.live:
        job.abort()
        raise OptionError("a live stream cannot be collected", hint="leave out follow=True")

    def enough(progress: Progress) -> None:
        if first is not None and progress.alerts >= first:
            job.stop()

    summary = job.run(enough)
    if summary.failures:
        raise RunError("a source broke", detail="; ".join(summary.failures))
    for warning in job.blind:
        warnings.warn(warning, CaudalWarning, stacklevel=4)
    table = _table(tables, stream)
    if first is not None:
        table = table.slice(0, first)
    if to == "arrow":
        return table
    if to == "pandas":
        return table.to_pandas()
    import polars as pl

    return pl.from_arrow(table)


def _table(tables: list[Any], stream: Stream) -> Any:
    import pyarrow as pa

    from caudal.columnar.column import arrow_type

    if tables:
        return pa.concat_tables(tables)
    return pa.schema([(f.name, arrow_type(f.dtype)) for f in stream.schema]).empty_table()
