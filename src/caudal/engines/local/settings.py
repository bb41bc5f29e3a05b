"""How a job runs, and what it notes down of how long things take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(slots=True)
class Settings:
    """How a job runs. `credit`: bytes in flight; `idle_poll`: seconds between polls of a quiet live source.

    `morsel_rows`, `read_bytes`, `shards` (parts of the second phase) and `fold_rows` (partial results that wait to be
    folded) fix what is adaptive otherwise; `shuffle` (a random generator) makes the queue take
    ready tasks in any order: all are for tests, since results must not depend on them. `clock` gives milliseconds that
    never go back: by it partitions are polled, become idle, and silence is measured. `apart`: see `ports.engine.Tuning`.
    """

    threads: int = 1
    credit: int = 16 << 20
    idle_poll: float = 0.005
    idle: int = 5_000
    max_state: int = 0
    apart: bool = True
    morsel_rows: int = 0
    read_bytes: int = 0
    shards: int = 0
    fold_rows: int = 0
    shuffle: Any = None
    read_at: int = 0
    clock: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Latency:
    """Milliseconds from reading a block to its last effect, weighted by blocks: a reservoir of the newest ones."""

    values: list[float] = field(default_factory=list)
    largest: float = 0.0

    def add(self, milliseconds: float) -> None:
        """Record one."""
        if len(self.values) >= 20_000:
            del self.values[:10_000]
        self.values.append(milliseconds)
        self.largest = max(self.largest, milliseconds)

    def summary(self) -> dict[str, float]:
        """Return p50, p99 and max."""
        if not self.values:
            return {}
        p50, p99 = np.percentile(np.array(self.values), [50, 99])
        return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(self.largest, 3)}
