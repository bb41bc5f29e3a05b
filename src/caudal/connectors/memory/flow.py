"""Partitions over what gives rows as they come: a generator, any other iterator, a function that makes one.

A thread of its own draws from it, a bounded way ahead, so that one which blocks holds up nobody: not other sources, not
the windows that are due, not a stop.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from caudal.connectors.memory import tables
from caudal.core.errors import CaudalError, InputError, OptionError, RunError
from caudal.core.types import Schema
from caudal.ingest import dicts
from caudal.ports.records import Decoded
from caudal.ports.source import End, Nothing

AHEAD = 4 << 20
"""About how many bytes are drawn before they are asked for."""
MOMENT = 0.005
"""Seconds that who has just given rows is given for the next, before it counts as having none."""

_HINT = "let it yield dicts, lists of dicts, Arrow tables or batches, polars or pandas frames"
_begun: weakref.WeakSet[Any] = weakref.WeakSet()
_begun_strong: dict[int, Any] = {}
"""Iterators that were drawn from; those of a kind that weak references do not reach."""


def once(iterator: Any) -> Callable[[], Iterable[Any]]:
    """Return what hands out an iterator one time; raises `InputError` the second time, whoever asks."""

    def make() -> Iterable[Any]:
        if id(iterator) in _begun_strong or _was_begun(iterator):
            raise InputError(
                f"the {type(iterator).__name__} given to memory was read before, and cannot be read again",
                hint="pass the function that makes it (rows=function, without the call): every run calls it anew",
            )
        try:
            _begun.add(iterator)
        except TypeError:
            _begun_strong[id(iterator)] = iterator
        return iterator

    return make


def _was_begun(iterator: Any) -> bool:
    try:
        return iterator in _begun
    except TypeError:
        return False


class Feeder:
    """A thread that draws from an iterable, no more than `AHEAD` bytes before they are taken."""

    def __init__(self, make: Callable[[], Iterable[Any]], name: str) -> None:
        self._make = make
        self._changed = threading.Condition()
        self._items: list[Any] = []
        self._weight = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        threading.Thread(target=self._draw, name=f"caudal-memory-{name}", daemon=True).start()

    def take(self, seconds: float) -> list[Any] | None:
        """Return what was drawn, waiting so long for the first; None at the end. Raises what went wrong, behind it."""
        with self._changed:
            if not self._items and not self._ended:
                self._changed.wait(seconds)
            items, self._items, self._weight = self._items, [], 0
            self._changed.notify_all()
            if items or not self._ended:
                return items
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Let the thread end, at once or once the iterable gives something; idempotent."""
        with self._changed:
            self._closed = True
            self._items = []
            self._changed.notify_all()

    def _draw(self) -> None:
        made: Any = None
        try:
            made = _iterable(self._make())
            for item in made:
                part, weight = _part(item)
                if not self._put(part, weight):
                    break
        except BaseException as error:  # whatever it is, the run is told of it
            self._error = error
        with contextlib.suppress(BaseException):
            getattr(made, "close", lambda: None)()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, part: Any, weight: int) -> bool:
        """Take an item in, and wait while there are too many; return whether more is wanted."""
        with self._changed:
            self._items.append(part)
            self._weight += weight
            if len(self._items) == 1:
                self._changed.notify_all()
            while self._weight >= AHEAD and not self._closed:
                self._changed.wait()
            return not self._closed


class FlowPartition:
    """Rows as they come; positions are their numbers.

    `patient`: however long it pauses, it holds its watermark, unless the source says `idle=`: what is late does not
    depend on how quickly rows are made.
    """

    live = True
    start = 0
    patient = True

    def __init__(self, name: str, make: Callable[[], Iterable[Any]], schema: Schema) -> None:
        self.name = name
        self._make = make
        self._converter = dicts.Converter(schema)
        self._schema = schema
        self._feeder: Feeder | None = None
        self.seek(0)

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self.close()
        self._feeder = None
        self._parts: deque[Any] = deque()
        self._row = 0
        self._skip = position
        self._gave = True

    def read(self, size: int) -> Decoded | Nothing | End:
        if self._feeder is None:
            self._feeder = Feeder(self._make, self.name)
        while not self._parts:
            items = self._taken(self._feeder)
            if items is None:
                return End()
            self._gave = bool(items)
            if not items:
                return Nothing()
            for item in items:
                self._parts.extend(item if isinstance(item, list) else (item,))
            self._pass_over()
        if isinstance(self._parts[0], pa.RecordBatch):
            return self._sliced(size)
        count = max(1, size // dicts.ROW_BYTES)
        part: list[Any] = []
        while self._parts and len(part) < count and not isinstance(self._parts[0], pa.RecordBatch):
            part.append(self._parts.popleft())
        first, self._row = self._row, self._row + len(part)
        return self._converter.decode(part, first)

    def close(self) -> None:
        if self._feeder is not None:
            self._feeder.close()

    def _taken(self, feeder: Feeder) -> list[Any] | None:
        try:
            return feeder.take(MOMENT if self._gave else 0)
        except CaudalError as error:
            raise error.at(self.name) from None
        except BaseException as error:
            places = [place for place in traceback.extract_tb(error.__traceback__) if place.filename != __file__]
            raise RunError(
                f"what gives the rows raised {type(error).__name__}: {error}",
                location=self.name,
                detail=f"in {places[-1].name}, {places[-1].filename}:{places[-1].lineno}" if places else "",
            ) from error

    def _sliced(self, size: int) -> Decoded:
        batch = self._parts[0]
        weight = max(1, batch.nbytes // max(1, batch.num_rows))
        count = min(max(1, size // weight), batch.num_rows)
        if count < batch.num_rows:
            self._parts[0] = batch.slice(count)
        else:
            self._parts.popleft()
        tables.check(batch.schema, self._schema)
        first, self._row = self._row, self._row + count
        return tables.decode(batch.slice(0, count), self._schema, first)

    def _pass_over(self) -> None:
        """Drop the rows before the place that was sought, and batches without rows."""
        while self._parts:
            part = self._parts[0]
            rows = part.num_rows if isinstance(part, pa.RecordBatch) else 1
            wanted = self._skip - self._row
            if rows > max(wanted, 0):
                if wanted > 0:
                    self._parts[0], self._row = part.slice(wanted), self._skip
                return
            self._parts.popleft()
            self._row += rows


def _iterable(made: Any) -> Iterable[Any]:
    if tables.table_of(made) is not None or isinstance(made, Mapping):
        return [made]
    if isinstance(made, Iterable) and not isinstance(made, str | bytes):
        return made
    raise OptionError(f"the function given to memory returned {type(made).__name__}, not rows", hint=_HINT)


def _part(item: Any) -> tuple[Any, int]:
    """Return a dict, a list of dicts or of batches, and about how many bytes that is."""
    if isinstance(item, Mapping):
        return item, dicts.ROW_BYTES
    if isinstance(item, list | tuple):
        for row in item:
            if not isinstance(row, Mapping):
                raise OptionError(f"memory was given a list that holds {type(row).__name__}", hint=_HINT)
        return list(item), dicts.ROW_BYTES * len(item)
    table = tables.table_of(item)
    if table is None:
        raise OptionError(f"memory was given {type(item).__name__}, not rows", hint=_HINT)
    return table.to_batches(), table.nbytes
