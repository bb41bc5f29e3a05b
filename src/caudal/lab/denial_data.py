"""The data of the DoS query: seeded JSON lines, and the alerts that a plain Python program finds in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

START = 1_700_000_000_000
SECONDS = 600
ADDRESSES = 5_000
ATTACKS = 40
DISORDER = 500
WINDOW = 3_000
PER_ATTACK = 60
CHUNK = 500_000


def chunks(events: int, seed: int = 1, addresses: int = ADDRESSES, start: int = START) -> Iterator[pl.DataFrame]:
    """Yield frames with the columns of the events, in file order: times grow from `start` on, each at most DISORDER late."""
    rng = np.random.default_rng(seed)
    attackers = np.arange(addresses, addresses + ATTACKS)
    begins = np.sort(rng.integers(5, SECONDS - 5, ATTACKS)) * 1000
    attacks_t = (begins[:, None] + np.sort(rng.integers(0, 2_500, (ATTACKS, PER_ATTACK)), axis=1)).ravel()
    attacks_a = np.repeat(attackers, PER_ATTACK)
    order = np.argsort(attacks_t, kind="stable")
    attacks_t, attacks_a = attacks_t[order], attacks_a[order]
    normal = events - len(attacks_t)
    done = 0
    for begin in range(0, normal, CHUNK):
        n = min(CHUNK, normal - begin)
        when = (np.arange(begin, begin + n) * (SECONDS * 1000 / normal)).astype(np.int64)
        until = int(when[-1]) + 1 if begin + n < normal else 1 << 60
        extra = int(np.searchsorted(attacks_t, until))
        t = np.concatenate([when, attacks_t[done:extra]])
        a = np.concatenate([rng.integers(0, addresses, n), attacks_a[done:extra]])
        attack = np.concatenate([np.zeros(n, bool), np.ones(extra - done, bool)])
        done = extra
        order = np.argsort(t, kind="stable")
        t, a, attack = t[order], a[order], attack[order]
        size = len(t)
        late = np.where(attack, 0, rng.integers(0, DISORDER, size))
        code = np.where(
            attack, rng.choice([401, 403], size), rng.choice([200, 200, 200, 301, 304, 401, 403, 404], size)
        )
        yield pl.DataFrame(
            {
                "t": start + np.maximum(t - late, 0),
                "ip": a,
                "code": code,
                "cik": rng.integers(1_000_000, 1_999_999, size),
                "acc": rng.integers(100_000, 999_999, size),
                "size": rng.integers(1_000, 9_999, size),
                "find": rng.integers(0, 10, size),
                "gid": rng.integers(0, 10, size),
            }
        )


def lines(frame: pl.DataFrame) -> pl.Series:
    """Return the events as JSON texts of about 280 bytes."""
    ip = pl.format("10.{}.{}.{}", pl.col("ip") // 65536 + 3, (pl.col("ip") // 256) % 256, pl.col("ip") % 256)
    text = pl.format(
        '{"iij_timestamp":{},"ip":"{}","timestamp":{},"zone":0.0,"cik":{}.0,"accession":"0001193125-12-{}",'
        '"extention":"-index.htm","code":{}.0,"size":{}.0,"idx":1.0,"norefer":0.0,"noagent":0.0,"find":{}.0,'
        '"crawler":0.0,"browser":"win","groupID":{}}'.replace('{"iij', "<iij").replace(
            '"groupID":{}}', '"groupID":{}>'
        ),
        pl.col("t"),
        ip,
        pl.col("t"),
        *(pl.col(c) for c in ("cik", "acc", "code", "size", "find", "gid")),
    )
    out = frame.select(text.alias("line"))["line"]
    return out.str.replace("<iij", '{"iij', literal=True).str.replace(">", "}", literal=True)


def generate(
    events: int, path: Path, seed: int = 1, bad: int = 0, addresses: int = ADDRESSES, start: int = START
) -> None:
    """Write the file unless it is there already. `bad`: behind so many events stands a line that is cut short (0: none)."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        for frame in chunks(events, seed, addresses, start):
            texts = lines(frame).to_list()
            for at in range(0, len(texts), bad) if bad else ():
                texts[at] += "\n" + texts[at][:40]
            out.write("\n".join(texts).encode() + b"\n")
    part.rename(path)


def expected(path: Path, threshold: int = 30) -> set[tuple[str, int, int]]:
    """Return (address, window start in ms, total) of the alerts, by a loop over parsed lines: no late rows occur."""
    total: Counter[tuple[str, int]] = Counter()
    refused: Counter[tuple[str, int]] = Counter()
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            key = (row["ip"], row["timestamp"] // WINDOW * WINDOW)
            total[key] += 1
            refused[key] += row["code"] in (401, 403)
    return {(ip, w, n) for (ip, w), n in total.items() if n > threshold and refused[ip, w] == n}
