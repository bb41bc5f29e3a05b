"""Functions of state, rows and timers in a worker process: units, calls and records.

A unit is a row with the timers of its key that are due before it, or, behind the rows, the timers of a key that are due at
the end. What comes of one is a list of records: results and failures as the calls were made, and last what is kept of the key, so
that another process can go on where this one ends.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import Misfit, Misshapen
from caudal.worker.failures import failure, mistaken, name_of
from caudal.worker.processing import Call, Held, Walk
from caudal.worker.values import read

OF_ROW, AT_TIMER, KEPT = 0, 1, 2
"""What a record is: of the unit's row, of timers, or what is kept of the key."""

RECORD = ("\0what", "\0call", "\0at", "\0reason", "\0message", "\0detail")
"""The first columns of a record: what it is, of which call of the unit, its time, and why it failed. Behind them stand
results and what is kept."""

RESULT, STATE = "\0r ", "\0s "
"""What the names of results, and of fields of the state, begin with in a record."""

Unit = tuple[int, int, int, Any]
"""The number of a unit, its key, its time, and its row, None for one of timers alone."""


class Calls:
    """Makes the calls of units. `begun`, `ended`: told of each call before and behind it."""

    def __init__(
        self,
        function: Callable[..., Any],
        types: dict[str, Any],
        begun: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        """`types`: those of "state" and of "output", by name."""
        self._name = name_of(function)
        self._walk = Walk(function, types["state"], types["output"])
        self._results = len(types["output"])
        self._begun = begun
        self._ended = ended
        self._helds: list[Held] = []
        self._skipped: dict[str, dict[str, list[str]]] = {}

    def units(self, leaves: pa.Schema, rows: Iterator[Any], first: int, parts: Sequence[memoryview]) -> Iterator[Unit]:
        """Return the units of a request whose rows are these. `leaves`: the schema of records."""
        keys, times = (np.frombuffer(part, np.int64).tolist() for part in parts[:2])
        schema = pa.schema([*leaves][len(RECORD) + self._results :])
        kept = pa.ipc.read_record_batch(pa.py_buffer(parts[2]), schema)
        names = self._walk.names
        self._helds = [Held.of(names, values) for values in zip(*map(read, kept.columns))]
        self._skipped = json.loads(bytes(parts[3]))
        return zip(itertools.count(first), keys, times, itertools.chain(rows, itertools.repeat(None)))

    def take(self, unit: Unit) -> list[list[Any]]:
        """Return the records of a unit."""
        number, key, until, row = unit
        held, skipped = self._helds[key], self._skipped.get(str(number), {})
        records: list[list[Any]] = []
        for nth, call in enumerate(self._walk.calls(held, until, row)):
            what = AT_TIMER if call.row is None else OF_ROW
            if str(nth) in skipped:
                records.append(self._failed(what, nth, call, *skipped[str(nth)]))
                continue
            self._begun(nth)
            try:
                made = self._walk.take(held, call)
                records += [[what, nth, call.at, None, None, None, *values, *self._nothing] for values in made]
            except BaseException as error:
                if isinstance(error, Misfit | Misshapen):
                    error = mistaken(self._name, error, str(call))
                records.append(self._failed(what, nth, call, *failure(error)))
            finally:
                self._ended()
        kept = [None] * len(self._nothing) if held.empty else held.values()
        return [*records, [KEPT, 0, until, None, None, None, *[None] * self._results, *kept]]

    @property
    def _nothing(self) -> list[None]:
        return [None] * (len(self._walk.names) + 2)

    def _failed(self, what: int, nth: int, call: Call, *why: str) -> list[Any]:
        return [what, nth, call.at, *why, *[None] * self._results, *self._nothing]
