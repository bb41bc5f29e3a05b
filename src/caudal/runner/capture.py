"""Capturing what a pipeline writes: every sink becomes a table in memory, and no target is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from caudal.core.errors import CaudalError, OptionError, RunError
from caudal.observe.summary import Summary
from caudal.plan.nodes import Node, Sink
from caudal.plan.plan import Plan
from caudal.runner.drive import Job
from caudal.runner.history import ended

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Captured:
    """A run's rows by sink id, and its summary. Times are in milliseconds, as the plan has them."""

    rows: dict[str, pl.DataFrame]
    summary: Summary


def capture(
    plan: Plan, *, engine: str = "local", threads: int = 0, identity: str = "", what: str = "", read_at: int = 0
) -> Captured:
    """Run a plan over bounded sources, topics up to the ends that they have now, and return the rows of its sinks.

    `identity` names a column with the identity of each row, "" for none. Late rows and dead letters that the pipeline
    does not wire are only counted. `what` names the run in errors. Raises `OptionError` for a live source, `RunError`
    where a source broke on the way: rows of half the data prove nothing.
    """
    import polars as pl
    import pyarrow as pa

    written: dict[str, list[pa.Table]] = {}
    captured = with_captures(ended(plan), written, identity)
    try:
        job = Job(
            captured, engine=engine, threads=threads, late="discard", dead="discard", allow_blind=True, read_at=read_at
        )
        if job.live:
            job.abort()
            raise OptionError("a live source has no end to compare at", hint="leave out follow=True")
        summary = job.run()
        if summary.failures:
            raise RunError("a source broke", detail="; ".join(summary.failures))
    except CaudalError as error:
        if what:
            error.location = f"{what}: {error.location}" if error.location else what
        raise
    rows = {name: pl.DataFrame(pl.from_arrow(pa.concat_tables(tables))) for name, tables in written.items()}
    return Captured(rows, summary)


def with_captures(plan: Plan, written: dict[str, list[Any]], identity: str = "") -> Plan:
    """Return the plan with pinned ids, in which each sink appends Arrow tables to its list in `written`."""

    def change(node: Node, _: Any) -> Node:
        if not isinstance(node, Sink):
            return node
        into = written.setdefault(node.name, [])
        return replace(
            node, connector="memory", options=(("into", into),), format="", format_options=(), identity=identity
        )

    return plan.pinned().rebuild(change)
