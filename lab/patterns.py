"""What patterns cost: five failures and then a success within ten minutes, and the same under hostile input.

    python lab/patterns.py --rows 10000000 --keys 100000 --threads 2

Rows come from memory, as an Arrow table, so that no decoding is measured. "usual": three in ten are failures, one in ten a success, each
key's far apart and near; "hostile": failures of one key, a millisecond apart, and no success: hundreds of thousands of searches are
open. "floor": a pipeline that takes the same rows in order by key and does next to nothing with them (`lag`).

`--siddhi ROWS` runs Siddhi 5.1.30 over so many of the same events before, as objects in memory, in its one thread; its `every` opens a new
search when five failures are full, caudal's at each failure, so that its matches are others and fewer. A JDK and its jars are needed, which
are fetched (`tests/siddhi`).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import polars as pl

import caudal as cd
from caudal import col
from caudal.testing.harness import Started

SCHEMA = {"ip": "string", "t": "int64", "code": "int64", "user": "int64"}


def usual(rows: int, keys: int) -> Any:
    """Return rows of many keys, twenty to the millisecond."""
    dice = np.random.default_rng(7)
    key = dice.integers(0, keys, rows)
    code = dice.choice(np.array([401, 200, 404]), rows, p=[0.3, 0.1, 0.6])
    time_ = np.arange(rows) // 20
    names = pl.Series("ip", [f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}" for k in range(keys)])
    frame = pl.DataFrame({"ip": names.gather(key), "t": time_, "code": code, "user": dice.integers(0, 1000, rows)})
    return frame.to_arrow()


def hostile(rows: int) -> Any:
    """Return failures of one key."""
    ones = np.ones(rows, np.int64)
    frame = pl.DataFrame({"ip": ["10.0.0.1"], "code": [401]}).select(pl.all().repeat_by(rows).explode())
    return (
        frame.with_columns(pl.Series("t", np.arange(rows)), pl.Series("user", ones))
        .select("ip", "t", "code", "user")
        .to_arrow()
    )


def pattern(source: cd.Stream) -> cd.Stream:
    """Return what is measured."""
    fail, ok = cd.event("fail", col("code") == 401), cd.event("ok", col("code") == 200)
    return (
        source.group_by("ip")
        .match(fail.times(5) >> ok, within="10m")
        .agg(fails=cd.count(of="fail"), user=cd.last("user", of="ok"))
    )


def floor(source: cd.Stream) -> cd.Stream:
    """Return the rows taken in order, and few of them passed on."""
    return source.group_by("ip").lag("code", into="before").filter((col("before") == -1) & (col("user") == -1))


def measured(table: Any, make: Any, threads: int, morsel: int) -> tuple[float, float, int]:
    """Return seconds by the clock and of processors, and rows that came out."""
    source = cd.source("memory", rows=table, schema=SCHEMA, event_time="t")
    plan = cd.Pipeline("patterns", make(source).to("console", name="out"))
    started = Started(plan, threads=threads, morsel_rows=morsel)
    began, busy = time.perf_counter(), time.process_time()
    started.run()
    return time.perf_counter() - began, time.process_time() - busy, len(started.rows["out"])


SIDDHI = """@app:playback
define stream S (ip string, code int, user long);
partition with (ip of S) begin
from every e1=S[code == 401]<5:5> -> e2=S[code == 200] within 10 min
select e1[0].ip as ip, e2.user as user insert into O;
end;"""


def beside(rows: int, keys: int, repeat: int) -> None:
    """Print what the usual rows cost Siddhi."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "siddhi"))
    from reference import Siddhi, installed

    from caudal.environments import jdk

    found = jdk.find()
    assert found is not None, "there is no JDK"
    table = usual(rows, keys).select(["ip", "t", "code", "user"]).to_pydict()
    events = [("S", t, (ip, code, user)) for ip, t, code, user in zip(*table.values(), strict=True)]
    with Siddhi(found.path, installed()) as siddhi:
        siddhi.rate(SIDDHI, events[: rows // 10], 1)  # what it compiles, it compiles now
        rate, count = siddhi.rate(SIDDHI, events, repeat)
    print(
        f"{'usual':8} {'siddhi':8} {rows * repeat:>10} rows  {rows * repeat / rate:7.2f} s  {rate / 1e6:6.2f} M rows/s, {count} out"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--morsel", type=int, default=50_000, help="rows of a morsel; 0: as the engine learns")
    parser.add_argument(
        "--siddhi", type=int, default=0, metavar="ROWS", help="events for Siddhi, each sent three times; 0: none"
    )
    given = parser.parse_args()
    if given.siddhi:
        beside(given.siddhi, given.keys, 3)
    measured(hostile(50_000), pattern, given.threads, given.morsel)  # compiles, where this machine has not yet
    for name, table in (("usual", usual(given.rows, given.keys)), ("hostile", hostile(given.rows // 10))):
        for what, make in (("floor", floor), ("pattern", pattern)):
            seconds, busy, found = measured(table, make, given.threads, given.morsel)
            rows = table.num_rows
            rate = f"{rows / seconds / 1e6:6.2f} M rows/s, {busy / rows * 1e6:6.3f} us of a processor a row"
            print(f"{name:8} {what:8} {rows:>10} rows  {seconds:7.2f} s  {rate}  {found} out")


if __name__ == "__main__":
    main()
