"""The requests of the DoS query in a topic, partitioned by address, and the alerts that must come out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from caudal.core.errors import RunError
from caudal.lab import denial_data
from caudal.lab.kafka.placing import partition_of

PARTITIONS = 4
THRESHOLD = 30
_BATCH = 2000
_LZ4 = {"compression.type": "lz4", "linger.ms": 5, "queue.buffering.max.messages": 1_000_000, "log_level": 0}

Alert = tuple[str, int, int]
"""Address, start of its window in milliseconds, requests."""


def alert_of(text: str | bytes) -> Alert:
    """Return the alert that a row of the query's output tells."""
    row = json.loads(text)
    return row["ip"], round(datetime.fromisoformat(row["window_start"]).timestamp() * 1000), row["total"]


class Requests:
    """So many requests, the same each time."""

    def __init__(self, events: int, seed: int = 1) -> None:
        self.events = events
        self._seed = seed
        self._t: list[Any] = []
        self._who: list[Any] = []
        self._refused: list[Any] = []
        self._reached: list[tuple[Any, Any]] = []
        """For each partition where W_p stands behind each of its requests, and which requests these are."""
        addresses = denial_data.ADDRESSES + denial_data.ATTACKS
        self.names = [f"10.{n // 65536 + 3}.{n // 256 % 256}.{n % 256}" for n in range(addresses)]
        self._partition = np.array([partition_of(name.encode(), PARTITIONS) for name in self.names])

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Yield the requests, and keep what the expected alerts are made of."""
        self._t, self._who, self._refused, self._reached = [], [], [], []
        for frame in denial_data.chunks(self.events, self._seed):
            self._t.append(frame["t"].to_numpy())
            self._who.append(frame["ip"].to_numpy())
            self._refused.append(frame["code"].is_in([401, 403]).to_numpy())
            yield frame

    def _chunks(self) -> Iterator[tuple[Any, list[str]]]:
        """Yield (who sent each, the JSON texts)."""
        for frame in self._frames():
            yield frame["ip"].to_numpy(), denial_data.lines(frame).to_list()

    def write(self, servers: str, topic: str, file: Path | None = None) -> None:
        """Write all to a topic, as fast as it goes, and to a file. Raises `RunError`."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": servers, **_LZ4})
        out = file.open("w", encoding="ascii") if file else None
        try:
            for who, texts in self._chunks():
                for at in range(0, len(texts), _BATCH):
                    self._send(producer, topic, who[at : at + _BATCH], texts[at : at + _BATCH])
                if out is not None:
                    out.write("\n".join(texts) + "\n")
        finally:
            if out is not None:
                out.close()
        if producer.flush(120):
            raise RunError("the requests cannot be written")

    def paced(self, servers: str, topic: str, rate: float) -> tuple[Any, float]:
        """Write all to a topic at a rate; return when each was handed to the client, and the rate that was reached."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": servers, **_LZ4})
        size = max(1, min(_BATCH, int(rate / 100)))
        ready = [  # all is made before the first one is sent
            (who[at : at + size], texts[at : at + size])
            for who, texts in self._chunks()
            for at in range(0, len(texts), size)
        ]
        sent = np.zeros(self.events)
        done, began = 0, time.perf_counter()
        for who, texts in ready:
            wait = began + done / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            sent[done : done + len(texts)] = time.perf_counter()
            self._send(producer, topic, who, texts)
            done += len(texts)
        reached = done / (time.perf_counter() - began)
        if producer.flush(120):
            raise RunError("the requests cannot be written")
        return sent[:done], reached

    def _send(self, producer: Any, topic: str, who: Any, texts: list[str]) -> None:
        partition = self._partition[who]
        for number in range(PARTITIONS):
            own = np.flatnonzero(partition == number)
            batch = [{"key": self.names[who[i]], "value": texts[i]} for i in own.tolist()]
            while len(producer) > 500_000:
                producer.poll(0.05)
            if producer.produce_batch(topic, batch, partition=number) != len(batch):
                raise RunError("the client takes no more requests")
        producer.poll(0)

    def expected(self) -> set[Alert]:
        """Return the alerts that a plain group-by finds over all that was written."""
        t, who, refused = map(np.concatenate, (self._t, self._who, self._refused))
        frame = pl.DataFrame({"who": who, "start": t // denial_data.WINDOW * denial_data.WINDOW, "refused": refused})
        found = frame.group_by("who", "start").agg(total=pl.len(), bad=pl.col("refused").sum())
        rows = found.filter((pl.col("total") > THRESHOLD) & (pl.col("total") == pl.col("bad"))).rows()
        return {(self.names[who], start, total) for who, start, total, _ in rows}

    def closed_by(self, alert: Alert) -> int | None:
        """Return which request closes an alert's window: the first of its partition with which W_p comes to its end; None for none."""
        if not self._reached:
            who, times = np.concatenate(self._who), np.concatenate(self._t)
            for number in range(PARTITIONS):
                at = np.flatnonzero(self._partition[who] == number)
                self._reached.append((np.maximum.accumulate(times[at]) - denial_data.DISORDER, at))
        reached, at = self._reached[self._partition[self.names.index(alert[0])]]
        found = int(np.searchsorted(reached, alert[1] + denial_data.WINDOW, side="left"))
        return int(at[found]) if found < len(at) else None
