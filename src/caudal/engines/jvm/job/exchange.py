"""Hands the rows of files over to an engine: reads them as caudal does, and writes what the engine reads natively.

It runs in the job's own process, before the engine does: clean rows and dead letters, as Parquet or as JSON lines. The
readers keep the contract of caudal's `ports.portable.Portable`.
"""

from __future__ import annotations

import gc
import os
import time
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from caudal.core.scalars import (
    LOCAL_TIME,
    Unreadable,
    readings_of_local,
    text_of_duration,
    time_of_float,
    time_of_int,
    time_of_text,
)
from caudal.engines.jvm.job.lines import MOST_PAYLOAD, LineStream, decoded_pieces
from caudal.engines.jvm.job.parts import HandedParts
from caudal.engines.jvm.job.telling import Told

DEAD_COLUMNS = {
    "source": "string",
    "partition": "string",
    "position": "int64",
    "operator": "string",
    "reason": "string",
    "message": "string",
    "detail": "string",
    "payload": "string",
    "truncated": "bool",
    "event_time": "int64",
}

_FARTHEST_MS = 2**53


def hand_over(sources: list[dict[str, Any]], into: str, form: str, read_at: int = 0) -> dict[str, Any]:
    """Write the rows of each source to `into`/<its number>/rows, and what is none to .../dead; return the counts.

    `form`: "parquet" or "json". A source: its "id", "files" (name of the partition and path, in order), "reader",
    "columns" (name: type, as they are written), "event_time" (None, or its "column", "unit" and "time_format"),
    "disorder" (ms), "compression" ("auto", "none", "gzip", "zstd", "xz", "bz2"), "max_record" and "max_decoded" (bytes),
    "max_future" (ms), "timezone" (an IANA name, or ""), "local" (the columns with its times) and "dead" (whether dead letters
    are written). `read_at`: the reading time of all, by default now, in milliseconds.

    Behind its columns a row has `__t` (event time, ms; only where there is one), `__w` (the watermark of its partition
    before it; null without event time), `__p` (the number of its partition) and `__o` (its position there). Rows stand in order within
    a partition. Counts, by id: "partitions" (name: records taken), "rows", "dead", "failures" (texts), "told" (lines).

    Raises `Unreadable` for a file that cannot be read, or does not fit as a whole.
    """
    collecting = gc.isenabled()
    read_at = read_at or time.time_ns() // 1_000_000
    gc.disable()  # rows are made by the million, and none of them is part of a cycle
    try:
        return {
            s["id"]: _HandedSource(s, os.path.join(into, str(i)), form, read_at).run() for i, s in enumerate(sources)
        }
    finally:
        if collecting:
            gc.enable()


class _HandedSource:
    """One source: what it has taken, and the parts it writes."""

    def __init__(self, source: dict[str, Any], into: str, form: str, read_at: int) -> None:
        self._read_at = read_at
        self._zone = ZoneInfo(source["timezone"]) if source["timezone"] else None
        self._source = source
        self._timed = source["event_time"] is not None
        kinds = dict(source["columns"])
        kinds |= {"__t": "int64"} if self._timed else {}
        kinds |= {"__w": "int64", "__p": "int64", "__o": "int64"}
        self._rows = HandedParts(os.path.join(into, "rows"), form, kinds)
        self._dead = HandedParts(os.path.join(into, "dead"), form, DEAD_COLUMNS)
        self._counts: dict[str, Any] = {"partitions": {}, "rows": 0, "dead": 0, "failures": []}
        self._told = Told(source["id"])

    def run(self) -> dict[str, Any]:
        for rank, (name, path) in enumerate(self._source["files"]):
            self._counts["partitions"].setdefault(name, 0)
            try:
                if hasattr(self._source["reader"], "open"):
                    self._lines(rank, name, path)
                else:
                    seen: int | None = None
                    for positions, columns, dead in self._source["reader"].parts(path):
                        seen = self._take(rank, name, seen, positions, columns, dead, None)
            except OSError as error:
                raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
        self._rows.close()
        self._dead.close()
        self._counts["told"] = self._told.lines(sum(self._counts["partitions"].values()))
        return self._counts

    def _lines(self, rank: int, name: str, path: str) -> None:
        source = self._source
        with open(path, "rb") as file:
            stream = LineStream(decoded_pieces(file, path, source), source["max_record"], path)
            decode, skip = source["reader"].open(stream.head(), name)
            seen: int | None = None
            frames = getattr(decode, "frames", None)
            blocks = stream.blocks(skip) if frames is None else stream.records(skip, frames)
            for position, lines, dead in blocks:
                at = list(accumulate((len(line) + 1 for line in lines[:-1]), initial=position))
                kept, columns, more = decode(lines, at[: len(lines)])
                raw = [lines[i] for i in kept]
                more.sort(key=lambda letter: letter[0])
                seen = self._take(rank, name, seen, [at[i] for i in kept], columns, [*more, *dead], raw)
            for text, count in getattr(decode, "told", list)():
                self._told.add("note", name, text, count)
            if stream.failed:
                self._counts["failures"].append(f"{name}: {stream.failed}")
                self._told.add("failed", name, stream.failed)

    def _take(
        self,
        rank: int,
        name: str,
        seen: int | None,
        positions: list[int],
        columns: dict[str, list[Any]],
        dead: list[Any],
        raw: list[bytes] | None,
    ) -> int | None:
        """Take decoded rows in: give them their time and watermark; return the largest time of the partition so far.

        `raw`: their lines, None where there are none. A dead letter is (position, reason, message, detail, payload) and,
        where they are known, whether the payload was cut and the event time.
        """
        taken = len(positions) + len(dead)
        times: list[Any] = []
        if self._zone is not None and not self._timed:
            for column in self._source["local"]:
                columns[column] = [self._instant(value, None) for value in columns[column]]
        if self._timed and positions:
            times, late = self._times(name, positions, columns, raw, seen)
            if late:
                dead = sorted([*dead, *late], key=lambda letter: letter[0])
                good = [i for i, t in enumerate(times) if t is not None]
                columns = {column: [values[i] for i in good] for column, values in columns.items()}
                positions, times = [positions[i] for i in good], [times[i] for i in good]
        if positions:
            made = {column: columns[column] for column in self._source["columns"]}
            made["__w"] = [None] * len(positions)
            if self._timed:
                first = times[0] if seen is None else seen
                disorder = self._source["disorder"]
                highest = list(accumulate(times, max, initial=first))
                seen = highest.pop()
                made |= {"__t": times, "__w": [high - disorder for high in highest]}
            self._rows.add({**made, "__p": [rank] * len(positions), "__o": positions}, len(positions))
        self._counts["partitions"][name] += taken
        self._counts["rows"] += len(positions)
        self._counts["dead"] += len(dead)
        self._told.dead(dead)
        if dead and self._source["dead"]:
            self._dead.add(_dead_rows(dead, self._source["id"], name), len(dead))
        return seen

    def _times(
        self, name: str, positions: list[int], columns: dict[str, list[Any]], raw: list[bytes] | None, seen: int | None
    ) -> tuple[list[Any], list[Any]]:
        """Return the event time of each row, None for one without, and the dead letters of those."""
        how = self._source["event_time"]
        values = columns[how["column"]]
        if set(map(type, values)) == {int} and how["unit"] in ("", "ms"):
            times: list[Any] = values
        else:
            narrow = how["column"] in self._source["reader"].narrow
            times = [
                _event_time(value, how["unit"], how["time_format"], narrow, self._zone is not None) for value in values
            ]
        if self._zone is not None:
            self._tell_local(name, times)
            times = self._local(times, columns, seen)
        dead: list[Any] = []
        if None in times or min(times) < -_FARTHEST_MS or max(times) > _FARTHEST_MS:
            times = [None if t is None or abs(t) > _FARTHEST_MS else t for t in times]
            for i, t in enumerate(times):
                if t is None:
                    wrong = "is null" if values[i] is None else "cannot be read"
                    payload = _first_line(raw[i]) if raw is not None else b""
                    message = f"the event time {wrong}"
                    dead.append((positions[i], "event_time", message, f"value {values[i]!r}", payload))
        limit, read_at = self._source["max_future"], self._read_at
        if any(t is not None and t > read_at + limit for t in times):
            far = [i for i, t in enumerate(times) if t is not None and t > read_at + limit]
            message = f"the event time is more than {text_of_duration(limit)} ahead of the record's arrival"
            times = list(times)
            for i in far:
                detail = f"{(times[i] - read_at) / 1000:.3f} s after the read at {read_at} ms"
                payload = _first_line(raw[i]) if raw is not None else b""
                cut = len(payload) > MOST_PAYLOAD
                dead.append((positions[i], "far_future", message, detail, payload, cut, times[i]))
                times[i] = None
        return times, dead

    def _tell_local(self, name: str, times: list[Any]) -> None:
        assert self._zone is not None
        read = [readings_of_local(t - LOCAL_TIME, self._zone) for t in times if t is not None and t >= LOCAL_TIME // 2]
        where = f"(local time of {self._source['timezone']})"
        doubled = sum(early != late for early, late, _ in read)
        self._told.add(
            "note", name, f"{{count}} times of a doubled hour, read as nearest to those before {where}", doubled
        )
        missing = sum(gap for _, _, gap in read)
        self._told.add("note", name, f"{{count}} times that no clock showed, moved on by the gap {where}", missing)

    def _local(self, times: list[Any], columns: dict[str, list[Any]], seen: int | None) -> list[Any]:
        """Return event times as instants, and make the local times in columns instants: each row by those before it."""
        limit = self._read_at + self._source["max_future"]
        made: list[Any] = []
        for i, given in enumerate(times):
            found = self._instant(given, seen)
            made.append(found)
            for column in self._source["local"]:
                columns[column][i] = self._instant(columns[column][i], seen)
            if found is not None and abs(found) <= _FARTHEST_MS and found <= limit:
                seen = found if seen is None else max(seen, found)
        return made

    def _instant(self, value: Any, seen: int | None) -> Any:
        """Return a time as an instant: of two that a local one can mean that nearer to the largest before, else the earlier."""
        if value is None or self._zone is None or value < LOCAL_TIME // 2:
            return value
        early, late, _ = readings_of_local(value - LOCAL_TIME, self._zone)
        return late if seen is not None and abs(late - seen) < abs(early - seen) else early


def _first_line(record: bytes) -> bytes:
    return record.split(b"\n", 1)[0].rstrip(b"\r")


def _event_time(value: Any, unit: str, time_format: str, narrow: bool, local: bool) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        return time_of_text(value, time_format, local)
    return time_of_float(value, unit, narrow=narrow) if isinstance(value, float) else time_of_int(value, unit)


def _dead_rows(dead: list[Any], source: str, partition: str) -> dict[str, list[Any]]:
    count = len(dead)
    cut = [letter[5] if len(letter) > 5 else len(letter[4]) > MOST_PAYLOAD for letter in dead]
    return {
        "source": [source] * count,
        "partition": [partition] * count,
        "position": [letter[0] for letter in dead],
        "operator": [source] * count,
        "reason": [letter[1] for letter in dead],
        "message": [letter[2] for letter in dead],
        "detail": [letter[3] for letter in dead],
        "payload": [letter[4][:MOST_PAYLOAD].decode("utf-8", "replace") for letter in dead],
        "truncated": cut,
        "event_time": [letter[6] if len(letter) > 6 else None for letter in dead],
    }
