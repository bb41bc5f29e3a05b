"""Rotation under load: ten logs are written and rotated while `caudal run --follow` reads them.

    python lab/rotation.py                      # every way of rotating, 12 s each
    python lab/rotation.py --seconds 60         # the campaign (`make nightly`)

The oracle is what stands in the logs and in what rotations made of them: each of those lines has to come out once. What
was written between a copy and its truncation stands nowhere; whether it was read is luck, but never twice. Exits with 1
where a line is lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

WAYS = ("numbered copies", "overwritten copy", "rename", "dated rename")
WATCHED = {"directory": "in", "glob": "in/*.log"}
WRITERS = 10

PIPELINE = """
import caudal as cd

rows = cd.source("files", path=cd.settings(path="in").path, format="json", schema={"w": "int64", "n": "int64"})
pipeline = cd.Pipeline("rotation", rows.to("files", path="out.jsonl", format="json"))
"""


class Log:
    """One log with its writer and its rotation."""

    def __init__(self, number: int, folder: Path, way: str) -> None:
        self.number = number
        self.path = str(folder / f"host{number}.log")
        self.way = way
        self.written = 0
        self.rotations = 0
        self.readable: set[int] = set()

    def rotate(self) -> None:
        """Rotate once."""
        self.rotations += 1
        if self.way == "dated rename":
            os.rename(self.path, f"{self.path}-20261129-{self.rotations}")
            return
        if self.way != "overwritten copy":
            for number in range(self.rotations, 0, -1):
                if os.path.exists(f"{self.path}.{number}"):
                    os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        if self.way == "rename":
            os.rename(self.path, f"{self.path}.1")
            return
        shutil.copyfile(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)
        self.readable |= lines_of(f"{self.path}.1")

    def write(self, seconds: float, every: float) -> None:
        """Write and rotate for so long; `every`: seconds between rotations, on average."""
        rng = random.Random(self.number)
        file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - it is opened again when it has been renamed
        begin = time.monotonic()
        due, rotation = begin + every * rng.uniform(0.5, 1.5), None
        while time.monotonic() < begin + seconds:
            file.write(b'{"w":%d,"n":%d,"pad":"%s"}\n' % (self.number, self.written, b"x" * rng.choice([0, 20, 80])))
            self.written += 1
            if self.written % 10 == 0:
                time.sleep(0.01)
            if "rename" in self.way and self.written % 50 == 0 and not self._there(file.fileno()):
                file.close()
                file = open(self.path, "ab", buffering=0)  # noqa: SIM115
            if time.monotonic() >= due and (rotation is None or not rotation.is_alive()):
                due = time.monotonic() + every * rng.uniform(0.5, 1.5)
                if os.path.exists(self.path):
                    rotation = threading.Thread(target=self.rotate)
                    rotation.start()
        if rotation is not None:
            rotation.join()
        file.close()
        if "rename" in self.way:
            self.readable = set(range(self.written))
        else:
            self.readable |= lines_of(self.path)

    def _there(self, fd: int) -> bool:
        try:
            return os.stat(self.path).st_ino == os.fstat(fd).st_ino
        except FileNotFoundError:
            return False


def lines_of(path: str) -> set[int]:
    """Return the numbers of the lines of a file."""
    return {json.loads(line)["n"] for line in Path(path).read_bytes().splitlines()}


def campaign(way: str, watched: str, seconds: float, every: float) -> bool:
    """Run one way of rotating, print what came of it; return whether it was exact."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "in").mkdir()
        (root / "rotation.py").write_text(PIPELINE)
        (root / "in" / "probe.log").write_text('{"w":-1,"n":0}\n')
        command = [
            sys.executable,
            "-m",
            "caudal",
            "run",
            "rotation.py",
            "--follow",
            "--set",
            f"path={WATCHED[watched]}",
        ]
        with open(root / "said", "w") as said:
            job = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=said)
        out = root / "out.jsonl"
        wait(lambda: out.exists() and out.stat().st_size > 0)
        logs = [Log(number, root / "in", way) for number in range(WRITERS)]
        threads = [threading.Thread(target=log.write, args=(seconds, every)) for log in logs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        settled(out)
        alive = job.poll() is None
        job.send_signal(signal.SIGINT)
        job.wait()
        if not alive:
            print((root / "said").read_text(), file=sys.stderr)
        found = Counter((row["w"], row["n"]) for row in map(json.loads, out.read_text().splitlines()) if row["w"] >= 0)
        told = sum(line.startswith("warning: ") for line in (root / "said").read_text().splitlines())
    readable = {(log.number, n) for log in logs for n in log.readable}
    lost, doubled = len(readable - found.keys()), found.total() - len(found)
    print(
        f"{way:16} {watched:9} every {every:3} s: {sum(log.rotations for log in logs):5} rotations, "
        f"{sum(log.written for log in logs):7,} written, {len(readable):7,} readable, {found.total():7,} read, "
        f"{lost} lost, {doubled} doubled, {told} warnings",
        flush=True,
    )
    return alive and not lost and not doubled


def wait(true: object, seconds: float = 120.0) -> None:
    """Wait until something is true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def settled(out: Path) -> None:
    """Wait until a file has not grown for some seconds."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < 6:
        if out.stat().st_size != size:
            size, since = out.stat().st_size, time.monotonic()
        time.sleep(0.2)


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--every", type=float, nargs="*", default=[0.5, 1.0, 2.0])
    parser.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS)
    given = parser.parse_args()
    runs = [(way, watched, every) for every in given.every for way in given.ways for watched in WATCHED]
    exact = [campaign(way, watched, given.seconds, every) for way, watched, every in runs]
    sys.exit(not all(exact))


if __name__ == "__main__":
    main()
