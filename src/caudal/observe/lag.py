"""How far behind a job is: where the partitions of a source stand, where they end, and how fast they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.core.naming import natural_key

MOST = 10
"""Partitions that a table for people shows."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """Where one partition stands.

    `position`: that of what is read of it next (an offset); `end`: where it ends, None where nobody has lately said so; `rows`:
    records that were taken from it; `rate`: those a second, since it is read by this job.
    """

    source: str
    partition: str
    position: int
    end: int | None
    rows: int
    rate: float

    @property
    def lag(self) -> int | None:
        """How much of it is to be read yet, in its positions; None where that is not known."""
        return None if self.end is None else max(0, self.end - self.position)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "source": self.source,
            "partition": self.partition,
            "position": self.position,
            "end": self.end,
            "lag": self.lag,
            "rows": self.rows,
            "rows_per_second": round(self.rate, 1),
        }


def lag_text(parts: Sequence[PartitionLag]) -> str:
    """Return in a few words how far behind all are, and which is furthest; "" for none.

    >>> a, b = PartitionLag("in", "t/0", 40, 100, 40, 1.0), PartitionLag("in", "t/1", 9, None, 9, 1.0)
    >>> lag_text([a, b])
    '60 (t/0), 1 unknown'
    """
    if not parts:
        return ""
    known = [part for part in parts if part.lag is not None]
    if not known:
        return "unknown"
    total = sum(part.lag or 0 for part in known)
    worst = max(known, key=lambda part: part.lag or 0)
    where = f" ({worst.partition}{f': {worst.lag:,}' if worst.lag != total else ''})" if worst.lag else ""
    return f"{total:,}{where}" + (f", {len(parts) - len(known):,} unknown" if len(known) < len(parts) else "")


def lag_table(parts: Iterable[PartitionLag], most: int = MOST) -> list[str]:
    """Return a table for people, those that are furthest behind first; those whose end is not known before them."""
    ordered = sorted(parts, key=lambda part: (part.lag is not None, -(part.lag or 0), natural_key(part.partition)))
    rows = [("", "position", "end", "lag", "rows/s")]
    for part in ordered[:most]:
        end, lag = ("unknown" if value is None else f"{value:,}" for value in (part.end, part.lag))
        rows.append((part.partition, f"{part.position:,}", end, lag, f"{part.rate:,.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]
    return lines + ([f"and {len(ordered) - most:,} more"] if len(ordered) > most else [])
