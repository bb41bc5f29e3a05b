"""The DoS query from columns that are in memory already: rate on 2 threads, cost per event from 1 to 100 million.

python lab/dos_memory.py [--rounds 5] [--largest 100]

One million events are made once and replayed with shifted times, so that state and keys stay the same at any length.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

import caudal as cd
from caudal import col
from caudal.lab.denial_data import chunks

PART = 250_000
SPAN = 75_000
"""Milliseconds that a million events take, as in the file of 8 million."""


def table() -> pa.Table:
    """Return a million events as ip (string), timestamp (int64), code (float64)."""
    frames = [frame.select("t", "ip", "code").to_arrow() for frame in islice(chunks(8_000_000), 3)]
    joined = pa.concat_tables(frames).slice(0, 1_000_000)
    ip = pc.binary_join_element_wise("10.3", joined["ip"].cast(pa.string()), ".").cast(pa.large_string())
    return pa.table({"ip": ip, "timestamp": joined["t"], "code": joined["code"].cast(pa.float64())}).combine_chunks()


def parts(base: pa.Table, millions: int) -> list[pa.Table]:
    """Return the events of `millions` runs behind one another in time, in parts that share the other columns' memory."""
    out = []
    for i in range(millions):
        shifted = base.set_column(1, "timestamp", pc.add(base["timestamp"], i * SPAN)) if i else base
        out += [shifted.slice(start, PART) for start in range(0, base.num_rows, PART)]
    return out


def seconds(tables: list[pa.Table], threads: int) -> float:
    """Return the time of the query over these tables."""
    stream = cd.source(
        "memory",
        rows=pa.concat_tables(tables),
        schema={"ip": "string", "timestamp": "int64", "code": "float64"},
        event_time="timestamp",
        disorder="500ms",
    )
    alerts = (
        stream.group_by("ip")
        .window(cd.tumbling("3s"))
        .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
        .filter((col("total") > 30) & (col("refused") == col("total")))
    )
    into: list[pa.Table] = []
    plan = cd.Pipeline("dos-memory", alerts.to("memory", into=into))
    begin = time.perf_counter()
    cd.run(plan, threads=threads, late="discard", dead="discard")
    return time.perf_counter() - begin


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=int, default=100, help="millions of events")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    base = table()
    seconds(parts(base, 1), args.threads)
    large = parts(base, args.largest)
    costs: dict[int, list[float]] = {1: [], 10: [], args.largest: []}
    for _ in range(args.rounds):
        for millions in costs:
            repeat = max(1, 10 // millions)
            taken = sum(seconds(large[: millions * 4], args.threads) for _ in range(repeat)) / repeat
            costs[millions].append(taken / millions * 1000)
    for millions, values in costs.items():
        print(
            f"{millions:4d} million: {statistics.median(values):6.1f} ns an event ({min(values):.1f} to {max(values):.1f}),"
            f" {1000 / statistics.median(values):5.1f} million events/s on {args.threads} threads of {os.cpu_count()} cores"
        )
    ratios = [b / a for a, b in zip(costs[1], costs[args.largest])]
    print(
        f"cost at {args.largest} million over cost at 1 million: {statistics.median(ratios):.2f} (paired, median of {args.rounds})"
    )


if __name__ == "__main__":
    main()
