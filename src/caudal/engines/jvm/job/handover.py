"""Hands the rows of files over to an engine: reads them as caudal does, and writes what the engine reads natively.

It runs in the job's own process, before the engine does: clean rows and dead letters, as Parquet or as JSON lines. The
readers keep the contract of caudal's `ports.portable.Portable`.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import time
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Any, BinaryIO, cast
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
from caudal.core.unpacking import (
    FIRST_BYTES,
    BrokenStream,
    compression_found,
    encoding_of,
    foreign,
    transcoded_pieces,
    unpacked_pieces,
)
from caudal.engines.jvm.job.telling import Told

HANDOVER_ROWS = 50_000
"""Rows of one part: a file that the engine reads by itself."""

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

_MOST_PAYLOAD = 4096
_FARTHEST_MS = 2**53
_HEAD_BYTES = 64 * 1024
_READ_BYTES = 128 * 1024
_FRAMED_LINE = 1024 * 1024
_QUOTED_FLOATS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_quoted_text: Any = json.encoder.encode_basestring


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
        self._rows = _HandedParts(os.path.join(into, "rows"), form, kinds)
        self._dead = _HandedParts(os.path.join(into, "dead"), form, DEAD_COLUMNS)
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
            stream = _LineStream(_decoded_pieces(file, path, source), source["max_record"], path)
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
                cut = len(payload) > _MOST_PAYLOAD
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
    cut = [letter[5] if len(letter) > 5 else len(letter[4]) > _MOST_PAYLOAD for letter in dead]
    return {
        "source": [source] * count,
        "partition": [partition] * count,
        "position": [letter[0] for letter in dead],
        "operator": [source] * count,
        "reason": [letter[1] for letter in dead],
        "message": [letter[2] for letter in dead],
        "detail": [letter[3] for letter in dead],
        "payload": [letter[4][:_MOST_PAYLOAD].decode("utf-8", "replace") for letter in dead],
        "truncated": cut,
        "event_time": [letter[6] if len(letter) > 6 else None for letter in dead],
    }


# -- bytes to lines -------------------------------------------------------------------------------------------------


class _LineStream:
    """Cuts pieces of a file into lines; what is longer than `most` bytes, and where the stream breaks, is a dead letter."""

    def __init__(self, pieces: Iterator[bytes], most: int, where: str) -> None:
        self._pieces = pieces
        self._limit = self._most = most
        self._where = where
        self._broken: BrokenStream | None = None
        self._ended = False
        self._ahead = b""
        self._position = 0
        self._rest = b""
        self._nuls = 0
        self._length = 0
        self.failed = ""

    def head(self) -> bytes:
        """Return the beginning: whole lines, up to 64 KiB, and the last one without a newline if that is all there is."""
        wanted = _HEAD_BYTES
        while len(self._ahead) < wanted and not self._ended:
            self._ahead += self._next()
        # With all of a short file at hand its last line counts; of a longer one only whole lines do.
        if self._ended and self._broken is None and len(self._ahead) <= min(_HEAD_BYTES, self._most):
            return self._ahead
        while b"\n" not in self._ahead and not self._ended and len(self._ahead) <= self._most:
            self._ahead += self._next()
        first = self._ahead.find(b"\n") + 1
        if not 0 < first <= self._most + 1:  # the first line decides: longer, it is no record, nor a header
            return b""
        return self._ahead[: max(first, self._ahead.rfind(b"\n", 0, _HEAD_BYTES) + 1)]

    def blocks(self, skip: int) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield (position, lines, dead letters behind them) from byte `skip` on, which lies in the head."""
        self._position = skip
        yield from self._feed(self._ahead[skip:])
        self._ahead = b""
        while not self._ended:
            yield from self._feed(self._next())
        if self._broken is not None:
            self.failed = f"{self._where}: {self._broken.message}, after {self._position} bytes of whole lines"
            broken = self._broken
            cut = self._length > _MOST_PAYLOAD
            payload = self._rest[:_MOST_PAYLOAD]
            yield self._position, [], [(self._position, broken.reason, broken.message, self._where, payload, cut)]
        elif self._length:
            yield from self._runs([self._rest], self._length)

    def records(self, skip: int, frames: Any) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield as `blocks` does, with the lines of a record joined as `frames.cut(lines, final=)` says."""
        self._most = max(self._limit, _FRAMED_LINE)  # a record over several lines must be seen to be too long
        held: list[bytes] = []
        start = skip
        for position, lines, dead in self.blocks(skip):
            start = start if held else position
            found, used = frames.cut([*held, *lines] if held else lines, final=bool(dead))
            held = [*held, *lines][used:]
            yield from self._fitting(start, found, self._limit, dead)
            start += sum(map(len, found)) + len(found)
        if held:
            yield from self._fitting(start, frames.cut(held, final=True)[0], self._limit, [])

    def _next(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._ended = True
        except BrokenStream as broken:
            self._broken = broken
            self._ended = True
        return b""

    def _feed(self, piece: bytes) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        cut = piece.rfind(b"\n")
        if cut < 0:
            self._length += len(piece)
            if self._length <= self._most or len(self._rest) < _MOST_PAYLOAD:
                self._rest += piece
            self._drop()
            return
        first = piece.find(b"\n")
        length = self._length + first
        lines = [self._rest + piece[:first]]
        if self._nuls:  # the line stands further on than its bytes
            yield from self._runs(lines, length)
            self._position += self._nuls
            self._nuls, self._rest, self._length = 0, b"", 0
            yield from self._feed(piece[first + 1 :])
            return
        if cut > first:
            lines += piece[first + 1 : cut].split(b"\n")
        self._rest = piece[cut + 1 :]
        self._length = len(self._rest)
        yield from self._runs(lines, length)
        self._drop()

    def _drop(self) -> None:
        """Drop what is not held of a line that is longer than it may be: NULs at its head, which are no part of it, and its rest."""
        if self._length > self._most:
            held = self._rest.lstrip(b"\0")
            nuls = len(self._rest) - len(held)
            self._nuls += nuls
            self._length -= nuls
            self._rest = held if self._length <= self._most else held[:_MOST_PAYLOAD]

    def _runs(self, lines: list[bytes], length: int) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield whole lines, of which the first is `length` bytes long (and may not be held whole)."""
        position = self._position
        self._position += length + sum(map(len, lines)) - len(lines[0]) + len(lines)
        if length <= self._most and max(map(len, lines)) <= self._most:
            yield position, lines, []
            return
        yield from self._fitting(position, lines, self._most, [], length)

    def _fitting(
        self, position: int, lines: list[bytes], most: int, dead: list[Any], length: int = -1
    ) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield lines, those longer than `most` as dead letters, before `dead`; the first is `length` bytes if it is not whole."""
        run: list[bytes] = []
        start = at = position
        for i, line in enumerate(lines):
            size = length if i == 0 and length >= 0 else len(line)
            held = line.lstrip(b"\0") if size > most else line
            record = size - (len(line) - len(held))  # without the NULs at its head
            if record <= most:
                run.append(line)
            else:
                message = f"a record of {record} bytes is longer than max_record ({self._limit})"
                yield start, run, [(at, "too_long", message, "", held[:_MOST_PAYLOAD], record > _MOST_PAYLOAD)]
                run, start = [], at + size + 1
            at += size + 1
        if run or dead:
            yield start, run, dead


def _decoded_pieces(file: BinaryIO, path: str, source: dict[str, Any]) -> Iterator[bytes]:
    """Yield the decoded bytes of a file in pieces, text in UTF-8. Raises `BrokenStream` behind what can be decoded."""
    size = os.fstat(file.fileno()).st_size
    first = file.read(FIRST_BYTES)
    file.seek(0)
    kind = source["compression"]
    if kind == "auto":
        what, hint = foreign(first, path)
        if what:
            raise Unreadable(f"cannot read {path}: it is {what} ({hint})")
        kind = compression_found(first, path)
    pieces = (
        _plain_pieces(file, size)
        if kind == "none"
        else _within(unpacked_pieces(file.read, kind), source["max_decoded"])
    )
    first = next(pieces, b"") if kind != "none" else first
    if kind != "none":
        while len(first) < 2 and (more := next(pieces, b"")):
            first += more
        pieces = chain([first], pieces)
    encoding = encoding_of(first)
    if encoding == "utf-8":
        yield from pieces
    else:
        yield from cast("Iterator[bytes]", transcoded_pieces(lambda _: next(pieces, b""), encoding))


def _plain_pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    at = 0
    while piece := file.read(_READ_BYTES):
        at += len(piece)
        yield piece
    if at < size:
        missing = f"{size - at} of {size} bytes are missing"
        raise BrokenStream("cut_short", f"the file was cut short while it was read: {missing}")


def _within(pieces: Iterator[bytes | None], limit: int) -> Iterator[bytes]:
    at = 0
    for piece in cast("Iterator[bytes]", pieces):
        yield piece[: limit - at]
        at += len(piece)
        if at > limit:
            raise BrokenStream("too_large", f"more than max_decoded ({limit}) bytes when decompressed")


# -- rows to parts --------------------------------------------------------------------------------------------------


class _HandedParts:
    """Writes rows to numbered files of one directory; at least one, which may be empty."""

    def __init__(self, directory: str, form: str, kinds: dict[str, Any]) -> None:
        os.makedirs(directory, exist_ok=True)
        self._directory = directory
        self._form = form
        self._kinds = kinds
        self._held: dict[str, list[Any]] = {name: [] for name in kinds}
        self._rows = 0
        self._parts = 0

    def add(self, columns: dict[str, list[Any]], rows: int) -> None:
        """Take rows; write a part when there are enough."""
        for name, held in self._held.items():
            held += columns[name]
        self._rows += rows
        if self._rows >= HANDOVER_ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        if self._rows or not self._parts:
            self._write()

    def _write(self) -> None:
        path = os.path.join(self._directory, f"part-{self._parts:05}.{self._form}")
        if self._form == "parquet":
            _write_parquet(path, self._held, self._kinds)
        else:
            with open(path, "wb") as file:
                file.write(_json_lines(self._held, self._kinds, self._rows))
        self._parts += 1
        self._rows = 0
        self._held = {name: [] for name in self._kinds}


def _write_parquet(path: str, columns: dict[str, list[Any]], kinds: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(name, _arrow_storage(kind)) for name, kind in kinds.items()]
    arrays = [pa.array(columns[field.name], field.type) for field in fields]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    parquet.write_table(table, path, use_dictionary=False, store_schema=False)


def _arrow_storage(kind: Any) -> Any:
    """Return the Arrow type of a type: times and durations are int64."""
    import pyarrow as pa

    if isinstance(kind, dict):
        return pa.struct([pa.field(name, _arrow_storage(inner)) for name, inner in kind.items()])
    if not isinstance(kind, str):
        return pa.list_(_arrow_storage(kind[0]))
    made = {
        "bool": pa.bool_(),
        "int32": pa.int32(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "string": pa.string(),
        "binary": pa.binary(),
    }
    return made.get(kind, pa.int64())


def _json_lines(columns: dict[str, list[Any]], kinds: dict[str, Any], rows: int) -> bytes:
    if not rows:
        return b""
    keys = ",".join(_quoted_text(name).replace("%", "%%") + ":%s" for name in kinds)
    texts = [_json_texts(columns[name], kind) for name, kind in kinds.items()]
    return "".join(map(("{" + keys + "}\n").__mod__, zip(*texts))).encode()


def _json_texts(values: list[Any], kind: Any) -> list[str]:
    """Return each value as JSON text."""
    if kind == "string":
        write: Any = _quoted_text
    elif kind == "bool":
        write = {True: "true", False: "false"}.get
    elif kind in ("float32", "float64"):
        write = repr
    elif kind == "binary":
        write = _binary_text
    elif isinstance(kind, str):
        write = str
    elif isinstance(kind, dict):
        heads = [_quoted_text(name) + ":" for name in kind]
        whole = [v or dict.fromkeys(kind) for v in values]
        parts = [_json_texts([v[name] for v in whole], inner) for name, inner in kind.items()]
        rows = zip(*parts) if parts else ((),) * len(values)
        return [
            "null" if v is None else "{" + ",".join(map(str.__add__, heads, row)) + "}" for v, row in zip(values, rows)
        ]
    else:
        return ["null" if v is None else "[" + ",".join(_json_texts(v, kind[0])) + "]" for v in values]
    texts = ["null" if v is None else write(v) for v in values] if None in values else list(map(write, values))
    if write is repr and not {*texts}.isdisjoint(_QUOTED_FLOATS):
        return [_QUOTED_FLOATS.get(text, text) for text in texts]
    return texts


def _binary_text(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'
