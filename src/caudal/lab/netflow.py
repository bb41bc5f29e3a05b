"""Distances between flows: for every two flows of an address within a window, how far apart they are.

    caudal run examples/netflow.py --set path=flows.jsonl

Close flows look alike: a scan, a beacon, a flood. For each pair the Euclidean distance over nine numeric fields is
written, the nearest first. Pairs grow with the square of the flows: `top` keeps the nearest of each address and window,
`below` those under a threshold (0: off). An address with more than `max_pairs` pairs in a window is sampled: the flows
with the smallest hash of their id stay, `sample_rate` is their share, and a warning names the address.

Only IPv4 is looked at: an event with `src_ip6` is filtered (`ipv4_only` in the ledger), and so is one that lacks one of
the fields (`complete`). A flow that is sent again counts once in its window.
"""

import math
from functools import reduce
from operator import and_

import numpy as np
import polars as pl

import caudal as cd
from caudal import col

settings = cd.settings(
    path="flows.jsonl",
    out="distances.jsonl",
    window="3s",
    time="dvc_time",
    disorder="1s",
    top=0,
    below=0.0,
    max_pairs=1_000_000,
    seed=0,
)

FIELDS = (
    "dst_ip4", "dst_port", "duration", "in_bytes", "in_packets", "out_bytes", "out_packets", "src_ip4", "src_port"
)  # fmt: skip
SECONDS = 100_000_000_000  # times below it are seconds: as milliseconds they would lie before 1974

stamp = col(settings.time)
milliseconds = cd.when((stamp < SECONDS) & (stamp > -SECONDS)).then(stamp * 1000).otherwise(stamp)
flows = (
    cd.source(
        "files",
        path=settings.path,
        format="json",
        schema={
            **dict.fromkeys(("eventid", settings.time, *FIELDS), "int64"),
            "duration": "float64",
            "src_ip6": "string",
        },
        event_time=milliseconds,
        disorder=settings.disorder,
        name="events",
    )
    .filter(col("src_ip6").is_null(), name="ipv4_only")
    .filter(reduce(and_, (col(field).is_not_null() for field in ("eventid", *FIELDS))), name="complete")
    .select("eventid", *FIELDS, draw=col("eventid").hash(seed=settings.seed), time=milliseconds)
)
windows = flows.group_by("src_ip4").window(cd.tumbling(settings.window))


@cd.batch
def distances(window: pl.DataFrame) -> pl.DataFrame:
    """Return the distance of every two flows of a window, the nearest first, ties by their ids."""
    ids, rows = np.unique(window["eventid"].to_numpy(), return_index=True)
    flows = len(ids)
    most = (1 + math.isqrt(1 + 8 * settings.max_pairs)) // 2  # so many flows have at most max_pairs pairs
    if flows > most:
        drawn = np.argsort(window["draw"].to_numpy()[rows], kind="stable")[:most]
        drawn.sort()
        ids, rows = ids[drawn], rows[drawn]
    first, second = np.triu_indices(len(ids), 1)
    square = np.zeros(len(first))
    for field in FIELDS:
        values = window[field].to_numpy().astype(np.float64)[rows]
        apart = values[first] - values[second]
        square += apart * apart
    distance = np.sqrt(square)

    if settings.below:
        near = np.flatnonzero(distance < settings.below)
        first, second, distance = first[near], second[near], distance[near]
    order = np.argsort(distance, kind="stable")  # pairs stand in the order of their ids
    if settings.top:
        order = order[: settings.top]
    first, second = first[order], second[order]
    time = window["time"].to_numpy()[rows]
    return pl.DataFrame(
        {
            "eventid_1": ids[first],
            "ts_flow1": time[first],
            "eventid_2": ids[second],
            "ts_flow2": time[second],
            "distance": distance[order],
            "sample_rate": np.full(len(order), len(ids) / flows),
        }
    )


results = windows.apply(
    distances,
    schema={
        "eventid_1": "int64",
        "ts_flow1": "int64",
        "eventid_2": "int64",
        "ts_flow2": "int64",
        "distance": "float64",
        "sample_rate": "float64",
    },
    name="distances",
).select(
    "eventid_1",
    "ts_flow1",
    "eventid_2",
    "ts_flow2",
    "distance",
    ts_output=cd.now().cast("int64"),
    sample_rate="sample_rate",
)

crowded = (
    windows.agg(flows=cd.count_distinct("eventid"), name="flows_by_address")
    .with_columns(pairs=col("flows") * (col("flows") - 1) // 2)
    .filter(col("pairs") > settings.max_pairs)
    .with_columns(warning=cd.lit("more pairs than max_pairs: sampled"))
)
pipeline = cd.Pipeline(
    "netflow",
    results.to("files", path=settings.out, format="json", name="results"),
    crowded.to("console", stderr=True, name="warnings"),
)
