"""What a run reports: progress while it runs, a summary at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.core.shown import shown
from caudal.observe.lag import PartitionLag, lag_table
from caudal.observe.ledger import Ledger
from caudal.observe.notices import Notice, summed

SCHEMA = 1
"""Version of the summary's JSON form."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A checkpoint that was committed: its epoch, how many seconds ago, and the bytes of state that it holds."""

    epoch: int
    age: float
    bytes: int


@dataclass(slots=True)
class Progress:
    """A moment of a run. Times in seconds, `watermark` in milliseconds (None before the first row).

    `elsewhere`: what goes on where the job runs in another process, such as "running on flink": nothing is known there but
    `elapsed` and `rows`, those that were handed over. "" where it runs in this one. `waiting`: what sources wait for, ""
    for nothing. `commit`: the last checkpoint, None where there are none, or none yet. `lags`: where partitions stand whose ends
    are known to their source.
    """

    elapsed: float
    rows: int
    rate: float
    watermark: int | None
    queue: int
    bytes_in_flight: int
    alerts: int
    state_bytes: int
    late: int = 0
    dead: int = 0
    elsewhere: str = ""
    waiting: str = ""
    commit: Commit | None = None
    lags: Sequence[PartitionLag] = ()

    @property
    def standing(self) -> object:
        """What is the same again only where a job that has work does not get on; None where nothing is in work, or is waited for."""
        if self.waiting or not (self.queue or self.bytes_in_flight):
            return None
        return self.rows, self.queue, self.bytes_in_flight, self.alerts, self.state_bytes, self.late, self.dead


@dataclass(slots=True)
class Target:
    """Where a sink wrote: operator id, place, rows, and the role "out", "late" or "dead"."""

    operator: str
    where: str
    rows: int
    role: str = "out"
    drained: bool = False


@dataclass(slots=True, repr=False)
class Summary:
    """The end of a run.

    `state`: "done" (end of data), "drained" (stopped cleanly before it) or "failed". `seconds`: wall clock from the
    first read to the last write. `latency`: p50, p99 and max milliseconds from reading a block to the last effect of
    its rows. `failures`: sources that broke (a truncated file), with the reason: the run ends with 1. `warnings`: what is told
    even with `--quiet`. `notes`: what else is to be known. `checkpoint`: where the job's checkpoints are, id and epoch of
    the last, its bytes and its age in seconds, the epochs that the run has committed, what was promised of its outputs, and the id of a
    savepoint that was asked for; {} without checkpoints. `lags`: where partitions stood whose ends are known to their source.
    """

    pipeline: str
    engine: str
    state: str
    seconds: float
    threads: int
    rows: int
    bytes: int
    ledger: Ledger
    targets: list[Target] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    state_peak: int = 0
    checkpoint: dict[str, Any] = field(default_factory=dict[str, Any])
    lags: Sequence[PartitionLag] = ()

    def tell(self, notices: Iterable[Notice]) -> None:
        """Add notices to the list that their level asks for, those of many places summed up."""
        lists = {"failure": self.failures, "warning": self.warnings, "note": self.notes}
        for notice in summed(notices):
            lists[notice.level].append(notice.to_text())

    @property
    def rate(self) -> float:
        """Input rows a second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def emitted(self) -> int:
        """Rows written to the pipeline's own sinks."""
        return sum(t.rows for t in self.targets if t.role == "out")

    @property
    def late(self) -> int:
        """Late rows of all operators."""
        return self.ledger.total("late")

    @property
    def dead(self) -> int:
        """Dead letters of all operators."""
        return self.ledger.letters()

    def __repr__(self) -> str:
        told = [f"{self.rows:,} rows in", f"{self.emitted:,} out", f"{self.late:,} late", f"{self.dead:,} dead"]
        told += [f"{len(self.warnings)} warnings"] if self.warnings else []
        told += [f"{len(self.failures)} failures"] if self.failures else []
        return f"Summary({self.pipeline}: {self.state} after {self.seconds:.2f} s, {', '.join(told)})"

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {
            "caudal_summary": SCHEMA,
            "pipeline": self.pipeline,
            "engine": self.engine,
            "state": self.state,
            "seconds": round(self.seconds, 6),
            "threads": self.threads,
            "rows": self.rows,
            "bytes": self.bytes,
            "rows_per_second": round(self.rate, 1),
            "late": self.late,
            "dead": self.dead,
            "latency_ms": self.latency,
            "state_peak_bytes": self.state_peak,
            "targets": [
                {"operator": t.operator, "where": t.where, "rows": t.rows, "role": t.role, "drained": t.drained}
                for t in self.targets
            ],
            "failures": self.failures,
            "warnings": self.warnings,
            "notes": self.notes,
            **({"checkpoint": self.checkpoint} if self.checkpoint else {}),
            **({"partitions": [lag.to_json() for lag in self.lags]} if self.lags else {}),
            "ledger": self.ledger.to_json(),
        }

    def to_text(self) -> str:
        """Return lines for people: what happened, the ledger, where the files lie, what went wrong."""
        if self.state == "failed" and not self.ledger.entries:  # it did not come to run
            return "\n".join(map(shown, [f"{self.pipeline}: {self.state}", *(f"  {why}" for why in self.failures)]))
        lines = [
            f"{self.pipeline}: {self.state} after {self.seconds:.2f} s",
            f"  {self.rows:,} rows in, {size_text(self.bytes)}, {self.rate:,.0f} rows/s on {self.threads}"
            f" thread{'' if self.threads == 1 else 's'}, state up to {size_text(self.state_peak)}",
        ]
        if self.latency:
            lines.append("  latency " + ", ".join(f"{k} {v:,.1f} ms" for k, v in self.latency.items()))
        if self.checkpoint:
            c = self.checkpoint
            lines.append(f"  {c['delivery']}, {c['epochs']:,} epochs, the last one {c['id']} in {c['url']}")
        if self.lags:
            lines += ["partitions", *(f"  {line}" for line in lag_table(self.lags))]
        lines += ["ledger", *self.ledger.to_text().split("\n"), "written"]
        width = max((len(f"{t.rows:,}") for t in self.targets), default=1)
        for target in self.targets:
            tail = " (the run was stopped before the end of its data)" if target.drained else ""
            lines.append(f"  {target.rows:{width},} {_counted(target.rows, target.role):12} {target.where}{tail}")
        for role, count in (("late", self.late), ("dead", self.dead)):
            if count and all(t.role != role for t in self.targets):
                lines.append(f"  {count:{width},} {_counted(count, role)} discarded")
        lines.extend(f"failed: {f}" for f in self.failures)
        lines.extend(f"warning: {w}" for w in self.warnings)
        lines.extend(f"note: {n}" for n in self.notes)
        return "\n".join(map(shown, lines))


_ROLES = {"out": "row", "late": "late row", "dead": "dead letter"}


def _counted(count: int, role: str) -> str:
    return _ROLES[role] + ("" if count == 1 else "s")


def size_text(size: int) -> str:
    """Return a number of bytes for people.

    >>> size_text(12_300_000)
    '12.3 MB'
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} bytes"
