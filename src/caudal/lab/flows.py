"""The data of the distances experiment: seeded NetFlow events as JSON lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

START = 1_490_024_739_000
"""When the first window begins, in milliseconds."""

WINDOW = 3_000
ADDRESSES = 25
"""How many sources send: 10,000 events in a window make two million pairs then."""

DISORDER = 400
"""Milliseconds that an event may stand behind an older one."""


def generate(events: int, windows: int, path: Path, seed: int = 1) -> None:
    """Write so many events, spread evenly over so many windows and addresses, unless the file is there already."""
    if path.exists():
        return
    rng = np.random.default_rng(seed)
    numbers = np.arange(events)
    window = numbers * windows // events
    # within its window, so that none is late for it or falls into another
    offset = (numbers - window * events // windows) * (WINDOW - DISORDER) * windows // events
    time = START + window * WINDOW + np.clip(offset + rng.integers(0, DISORDER, events), 0, WINDOW - 1)
    port = rng.choice([53, 80, 123, 443, 8080], events)
    packets = 1 + rng.poisson(8, events)
    frame = pl.DataFrame(
        {
            "eventid": rng.permutation(events) + 100_000_000_000_000,
            "type": ["flow"] * events,
            "src_ip4": 168_099_840 + numbers % ADDRESSES,
            "dst_ip4": np.where(
                rng.random(events) < 0.7,
                167_772_160 + rng.integers(0, 1 << 16, events),
                rng.integers(1 << 24, 7 << 29, events),
            ),
            "src_port": rng.integers(1024, 65536, events),
            "dst_port": port,
            "duration": rng.exponential(3.0, events).round(3),
            "in_packets": packets,
            "in_bytes": (packets * rng.lognormal(5, 1, events)).astype(np.int64),
            "out_packets": rng.poisson(6, events),
            "out_bytes": rng.lognormal(7, 1.5, events).astype(np.int64),
            "dvc_time": time,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    frame.write_ndjson(part)
    part.rename(path)
