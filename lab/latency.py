"""Follow mode: milliseconds from the line that closes a window to its alert in the output file.

python lab/latency.py [--windows 300]

A writer appends the lines of a window of refused requests, then the line whose time closes it, and watches the output.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

import caudal as cd
from caudal import col
from caudal.runner import Job


def pipeline(path: Path, out: Path) -> object:
    """Return the DoS detection over one followed file."""
    requests = cd.source(
        "files",
        path=str(path),
        format="json",
        follow=True,
        event_time="t",
        schema={"ip": "string", "t": "int64", "code": "int64"},
    )
    alerts = (
        requests.group_by("ip")
        .window(cd.tumbling("3s"))
        .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
        .filter((col("total") > 30) & (col("refused") == col("total")))
    )
    return cd.Pipeline("latency", alerts.to("files", path=str(out), format="json"))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    log, out = folder / "requests.jsonl", folder / "alerts.jsonl"
    log.touch()
    job = Job(pipeline(log, out), threads=args.threads, late="discard", dead="discard")  # type: ignore[arg-type]
    runner = threading.Thread(target=job.run)
    runner.start()
    taken = []
    start = int(time.time() * 1000) // 3000 * 3000 - args.windows * 3000
    with log.open("a", buffering=1) as file:
        while not out.exists():
            time.sleep(0.01)
        with out.open() as alerts:
            for i in range(args.windows):
                begin = start + i * 3000
                rows = [{"ip": "10.0.0.1", "t": begin + k * 50, "code": 401} for k in range(40)]
                file.write("".join(json.dumps(r) + "\n" for r in rows))
                time.sleep(0.02)
                closing = json.dumps({"ip": "10.0.0.2", "t": begin + 3000, "code": 200}) + "\n"
                t0 = time.perf_counter()
                file.write(closing)
                while not (line := alerts.readline()) and time.perf_counter() - t0 < 5:
                    time.sleep(0.0005)
                if not line:
                    raise SystemExit("no alert within 5 s")
                taken.append((time.perf_counter() - t0) * 1000)
    job.stop()
    runner.join()
    taken = sorted(taken[10:])
    p99 = taken[int(len(taken) * 0.99)]
    print(
        f"alert behind its closing line: median {statistics.median(taken):.1f} ms, p99 {p99:.1f} ms, max {taken[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
