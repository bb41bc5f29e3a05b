"""What checkpoints cost: windows over a million keys that stay open, with a checkpoint every second and without, in turns in one run.

python lab/checkpoints.py [--rounds 3] [--events 40000000] [--keys 1000000] [--skew 0] [--data lab/data]

`--skew`: 0 draws keys evenly, so that a second's events change most of the state; above 0 key k comes in proportion to 1 / (k + 1) ** skew,
as addresses do. All keys come once at the beginning. Shown are, with their spread: what a run with checkpoints takes more, by the clock and
by processor time; for each epoch of the last round the rows that are new, their bytes, and the size of the store beside that of
the state; and, of a run killed at two thirds, the seconds until another has all of its state again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import polars as pl

from dos import HERE, measured, spread

CAUDAL = """
import json, sys, time
import caudal as cd
from caudal import col
from caudal.checkpoint.snapshots import Snapshots
from caudal.runner.shard import Shard
path, state, every, threads = sys.argv[1:]
rows = cd.source("files", path=path, format="csv", event_time="t", schema={"ip": "string", "t": "int64", "n": "int64"}, name="in")
counts = rows.group_by("ip").window(cd.tumbling("365d")).agg(total=cd.count(), n=cd.sum("n"), most=cd.max("n"), name="counts")
plan = cd.Pipeline("checkpoints", counts.filter(col("total") < 0).to("files", path=state + ".out.jsonl", format="json", name="out"))
epochs, write, begin, began = [], Snapshots.write, Shard.begin, time.perf_counter()

def writes(self, epoch, state, fits):
    known = set(self._files)
    draft = write(self, epoch, state, fits)
    new = [s for each in draft.operators.values() for s in each.blocks.values() if s.file not in known]
    epochs.append({"rows": sum(s.rows for s in new), "bytes": sum(s.length for s in new),
                   "store": sum(f.size for f in draft.files.values()),
                   "state": sum(s.length for each in draft.operators.values() for s in each.blocks.values())})
    return draft

def begins(self, execution, manifest, held_by):
    begin(self, execution, manifest, held_by)
    keys = 0 if manifest is None else sum(s.rows for each in manifest.operators.values() for s in each.blocks.values())
    print(json.dumps({"begun": time.perf_counter() - began, "rows": keys}), flush=True)

Snapshots.write, Shard.begin = writes, begins
kept = {"checkpoint": state, "every": every} if every else {}
summary = cd.run(plan, threads=int(threads), late="discard", dead="discard", **kept)
print(json.dumps({"rows": summary.rows, "seconds": summary.seconds, "epochs": epochs}))
"""


def generate(events: int, keys: int, skew: float, path: Path) -> None:
    """Write the file unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    share = np.cumsum(1 / np.arange(1, keys + 1) ** skew)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        out.write(b"ip,t,n\n")
        for begin in range(0, events, 1_000_000):
            count = min(1_000_000, events - begin)
            first = np.arange(begin, begin + count)
            drawn = np.searchsorted(share, rng.random(count) * share[-1])
            key = np.where(first < keys, first, np.minimum(drawn, keys - 1))
            ip = pl.format("10.{}.{}.{}", pl.col("k") // 65536, pl.col("k") // 256 % 256, pl.col("k") % 256)
            frame = pl.DataFrame({"k": key, "t": 1_700_000_000_000 + first // 1000, "n": rng.integers(0, 1000, count)})
            frame.select(ip.alias("ip"), "t", "n").write_csv(out, include_header=False)
    part.rename(path)


def command(path: Path, state: Path, every: str, threads: int) -> list[str]:
    """Return the command that runs the pipeline, with checkpoints in `state` unless `every` is ""."""
    return [sys.executable, "-c", CAUDAL, str(path), str(state), every, str(threads)]


def recovery(path: Path, state: Path, every: str, threads: int, seconds: float) -> dict[str, float]:
    """Kill a run after so many seconds, run it again until it has its state, and return what it says of that."""
    shutil.rmtree(state, ignore_errors=True)
    with subprocess.Popen(command(path, state, every, threads), stdout=subprocess.PIPE) as running:
        timer = threading.Timer(seconds, running.send_signal, (signal.SIGKILL,))
        timer.start()
        running.communicate()
    with subprocess.Popen(command(path, state, every, threads), stdout=subprocess.PIPE) as again:
        assert again.stdout is not None
        said = json.loads(again.stdout.readline())
        again.kill()
    return said


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=40_000_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--skew", type=float, default=0.0)
    parser.add_argument("--every", default="1s")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=HERE / "data")
    args = parser.parse_args()
    path = args.data / f"keys-{args.keys}-{args.skew:g}-{args.events}.csv"
    generate(args.events, args.keys, args.skew, path)
    more: dict[str, list[float]] = {"the clock": [], "processor time": []}
    took, last = 0.0, {}
    with tempfile.TemporaryDirectory(prefix="caudal-lab-") as folder:
        state = Path(folder) / "state"
        for number in range(args.rounds):
            ran: dict[str, tuple[float, float]] = {}
            for every in (("", args.every), (args.every, ""))[number % 2]:
                shutil.rmtree(state, ignore_errors=True)
                found = measured(command(path, state, every, args.threads))
                said = json.loads(found.out.splitlines()[-1])
                ran[every] = (said["seconds"], found.processor)
                rate = said["rows"] / said["seconds"] / 1e6
                print(
                    f"  {every or 'none'}: {rate:.2f} million events/s in {said['seconds']:.1f} s, {found.processor:.1f} s of"
                    f" processor time, {len(said['epochs'])} epochs, {found.peak // 1024} MB",
                    flush=True,
                )
                if every:
                    took, last = said["seconds"], said
            for at, values in enumerate(more.values()):
                values.append(100 * (ran[args.every][at] / ran[""][at] - 1))
        for name, values in more.items():
            print(f"more by {name}: {spread(values)} %")
        for number, each in enumerate(last["epochs"], 1):
            size = f"{each['rows']:,} rows in {each['bytes'] / 1e6:.1f} MB"
            print(f"  epoch {number}: {size}; store {each['store'] / max(1, each['state']):.2f} times the state")
        again = recovery(path, state, args.every, args.threads, 2 / 3 * took)
        print(f"recovery: {again['begun']:.2f} s, {again['rows']:,} rows of state")


if __name__ == "__main__":
    main()
