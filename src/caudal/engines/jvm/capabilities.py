"""What an engine cannot do, declared in one place for each engine: for refusals, for the tests, for the support table."""

from __future__ import annotations

from dataclasses import dataclass

OURS, THEIRS, NEVER = "not yet (ours)", "not yet (theirs)", "never"
"""Whose turn it is: caudal could and does not yet; the engine cannot yet; it would not make sense."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A thing that an engine does not do as the local one does.

    `what` names it, `whose` says whether that will change, `why` explains it, `instead` what happens: an error's text
    where it is refused. `scenarios`: names of those (topic/name) that fail on the engine for it; each must. `live`: those
    that are refused over unbounded input; each must be, and no other.
    """

    what: str
    whose: str
    why: str
    instead: str
    scenarios: tuple[str, ...] = ()
    live: tuple[str, ...] = ()


SHARED = (
    Gap(
        "standard input and pipes as they come",
        OURS,
        "they end, so they are taken for bounded input",
        "they are read to their end, and then the job runs; a file can be followed where live sources are",
    ),
    Gap(
        "topics without end, and files, that the engine's tasks read",
        OURS,
        "how far each partition has come would have to be kept in the engine's state, and files need a source of ours",
        "caudal reads them and hands rows over: files, and on Spark topics that go on; Flink takes parts of topics (`--to`)",
    ),
    Gap(
        "targets that the engine's tasks write",
        OURS,
        "each target needs a writer of its own in them, with the guarantees that it has here",
        "results come back to caudal, which writes them as always",
    ),
    Gap(
        "drains of bounded jobs, and cuts",
        NEVER,
        "a bounded job is run again from its input; it has no half of a result",
        "a signal cancels a bounded job, nothing is written; a live one is drained",
    ),
    Gap(
        "exact sums of doubles",
        NEVER,
        "the engines add doubles one by one, in an order of their own; an exact sum would need all values of a window in one place",
        "sum and mean of doubles, and stddev, may differ by 1e-9 of the sum of magnitudes; verify allows that and says what depends on it",
        ("values/exact_sums",),
    ),
    Gap(
        "identity of rows (`identity=` of a sink)",
        OURS,
        "the hash over operator, key and rank is computed by the local engine alone",
        "refused; backtest matches rows by key and window instead",
    ),
    Gap(
        "tables that are read anew while a job runs (`reload=`)",
        OURS,
        "a newer version would have to reach all workers whole, and between the same two rows",
        "refused over unbounded input; bounded jobs meet the version of their start, as everywhere",
    ),
    Gap(
        "`with_event_time` over live sources, and in a script that runs without caudal",
        OURS,
        "records become rows where caudal decodes them, and only what it hands over of bounded input has the rows' numbers",
        "refused over live sources; a script is handed its rows by caudal run",
        live=("time/with_event_time",),
    ),
    Gap(
        "payloads of dead letters of functions",
        OURS,
        "the columns that a call reads are not gathered in the engine's job",
        "they are empty; source, partition and position say which record it is",
    ),
    Gap(
        "the whole ledger",
        OURS,
        "counting at every operator would cost a pass for each",
        "it is kept at sources and sinks; of other operators what is late or dead is counted",
    ),
    Gap(
        "isolated row functions",
        OURS,
        "functions run in the engine's own Python workers",
        "a function that ends its process or takes all memory fails the job; its time-out holds in a worker's main thread",
    ),
    Gap(
        "windows and keys that do not fit into a worker's memory, for functions over whole windows and state by key",
        THEIRS,
        "the rows of a window or a key are handed to a Python worker as one value",
        "the job fails with the worker's error",
    ),
)
"""What no engine of another process does."""
