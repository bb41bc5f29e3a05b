"""Functions of rows and timers, call by call: what they are called with, in which order, and what is kept of a key.

A call is made for one row, or for the timers of one time; so a function cannot see how rows are cut into morsels. Of one
time, rows stand before timers. A call that fails leaves state and timers as they were; timers that were due are gone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from caudal.worker.coercion import recorder, several, short

MOST = 1000
"""Calls at timers of a key without a row between: beyond, a function would go on for ever where the data has ended."""

LIMIT = 2**53
"""The last moment that a timer can be set for, in milliseconds."""

BESIDE = {"\0timers": [{"name": "string", "at": "int64"}], "\0fired": "int64"}
"""What is kept of a key beside its state: its timers, and how many calls at timers there were since the last row."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(slots=True)
class Held:
    """What is kept of a key: its state, the times of its timers by name, calls at timers since the last row."""

    state: dict[str, Any]
    timers: dict[str, int] = field(default_factory=dict[str, int])
    fired: int = 0

    @staticmethod
    def of(names: Sequence[str], values: Sequence[Any] | None) -> Held:
        """Return what `values` gave; None for a key that nothing is kept of."""
        if values is None:
            return Held(dict.fromkeys(names))
        *state, timers, fired = values
        return Held(dict(zip(names, state)), {one["name"]: one["at"] for one in timers or ()}, fired or 0)

    def values(self) -> list[Any]:
        """Return it as values of the state's columns and those beside."""
        return [*self.state.values(), [{"name": name, "at": at} for name, at in self.timers.items()], self.fired]

    @property
    def empty(self) -> bool:
        """Whether nothing need be kept: a key without timers whose state is null."""
        return not self.timers and all(value is None for value in self.state.values())


@dataclass(slots=True)
class Call:
    """A call: for a row (an `OverflowError` for one that has no values in Python), or for timers that are due (None)."""

    row: Any
    at: int
    due: list[str] = field(default_factory=list[str])
    runaway: bool = False

    def __str__(self) -> str:
        return f"the timers {self.due!r}" if self.row is None else short(self.row, 200)


class Timers:
    """The timers of a key, as its function gets them in one call. `due`: the names of those that are due in it."""

    def __init__(self, call: Call, at: dict[str, int]) -> None:
        self.due = list(call.due)
        self._call = call
        self._at = at

    def __repr__(self) -> str:
        return f"Timers(due={self.due!r}, set={sorted(self._at)!r})"

    @property
    def now(self) -> datetime:
        """The event time of the row, or that of the timers that are due."""
        return _EPOCH + self._call.at * _MS

    def set(self, time: datetime | int, name: str = "") -> None:
        """Have the function called at this event time (a datetime, or milliseconds); a timer of that name is moved.

        A row may set one for what is past: it is due at once, behind the rows of this time.
        """
        at = _milliseconds(time)
        if not isinstance(name, str):
            raise TypeError(f"a timer's name is text, not {name!r}")
        name.encode()  # raises for a lone surrogate
        if self._call.row is None and at <= self._call.at:
            raise ValueError("a timer that is set at a timer must be later than that, or it would be due for ever")
        self._at[name] = max(at, self._call.at)

    def cancel(self, name: str = "") -> None:
        """Forget the timer of this name, if there is one."""
        self._at.pop(name, None)

    def get(self, name: str = "") -> datetime | None:
        """Return for when the timer of this name is set; None where none is."""
        return None if name not in self._at else _EPOCH + self._at[name] * _MS


def _milliseconds(time: Any) -> int:
    if isinstance(time, datetime):
        at = ((time.replace(tzinfo=UTC) if time.tzinfo is None else time) - _EPOCH) // _MS
    elif isinstance(time, int) and not isinstance(time, bool):
        at = time
    else:
        raise TypeError(f"a timer is set for a datetime, or for milliseconds, not {short(time)}")
    if not -LIMIT <= at <= LIMIT:
        raise ValueError(f"a timer cannot be set for {short(time)}: event time is within 2**53 ms of 1970")
    return at


class Walk:
    """Calls a function for the rows and timers of keys. `state`, `output`: types by name."""

    def __init__(self, function: Callable[..., Any], state: Mapping[str, Any], output: Mapping[str, Any]) -> None:
        self.names = list(state)
        self._function = function
        self._state = recorder(state, "field of the state")
        self._output = recorder(output, "column")
        # a call that fails leaves the state as it was, so the function works on a copy
        self._copy: Any = copy.deepcopy if any(isinstance(s, list | dict) for s in state.values()) else dict

    def calls(self, held: Held, until: int, row: Any = None) -> Iterator[Call]:
        """Yield the calls of a key whose timers before `until` are due, and then that of a row of this time."""
        while held.timers and (at := min(held.timers.values())) < until:
            due = sorted(name for name, time in held.timers.items() if time == at)
            for name in due:
                del held.timers[name]
            held.fired += 1
            yield Call(None, at, due, held.fired > MOST)
        if row is not None:
            held.fired = 0
            yield Call(row, until)

    def take(self, held: Held, call: Call) -> list[list[Any]]:
        """Make a call, and return the rows that it makes; raises what the function raises, and for what is not declared."""
        if isinstance(call.row, OverflowError):
            raise call.row
        if call.runaway:
            held.timers.clear()
            raise RuntimeError(
                f"{MOST} times in a row timers were due without a row of the key between: all are dropped"
            )
        state, timers = self._copy(held.state), dict(held.timers)
        made = several(
            self._output, self._function(state, [] if call.row is None else [call.row], Timers(call, timers))
        )
        values = self._state(state)
        held.state, held.timers = dict(zip(self.names, values)), timers
        return made
