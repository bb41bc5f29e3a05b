"""Narrowing: from a range of records of which one has killed the process to that record, by trials; a pure state machine.

A trial is a fresh process that is given records, piece by piece, each of which lands before the next is begun. The piece in work when it
dies is tried again in smaller pieces, down to one record, which is tried once more with nothing beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIZE = 8 << 20
"""Bytes of the pieces at first."""

PARTS = 16
"""Into how many parts a piece is divided that has killed a process."""

LEAST = 1 << 10
"""Bytes of a part at least: smaller ones are single records."""

KILLS = 20
"""Trials that end one after another at one place by no fault of their own, before narrowing is given up."""

Key = tuple[str, str]
"""A source and one of its partitions."""

Landed = Mapping[Key, int]
"""Up to where the records of a trial had landed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of a partition from `start` to `end`, `size` bytes of them; `one`: there is a single one."""

    key: Key
    start: int
    end: int
    one: bool
    size: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a process is given: partitions from these places on, in pieces of `size` bytes.

    `size` 1: one by one. `stop`: where its one partition ends; None: as far as a run may have read, in all of them.
    """

    starts: Mapping[Key, int]
    stop: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Passed:
    """All of it has landed."""


@dataclass(frozen=True, slots=True)
class Died:
    """The process died of itself while this piece was in work, None: before the first or between two."""

    cause: str
    piece: Piece | None
    landed: Landed = field(default_factory=dict[Key, int])


@dataclass(frozen=True, slots=True)
class Killed:
    """The process was ended from outside."""

    landed: Landed = field(default_factory=dict[Key, int])


@dataclass(frozen=True, slots=True)
class Broken:
    """The trial could not be held: the source does not answer, the pipeline fails."""

    why: str


Outcome = Passed | Died | Killed | Broken


@dataclass(frozen=True, slots=True)
class Conviction:
    """A record that has killed two processes, alone in work in each, and with nothing before it in the second."""

    piece: Piece
    cause: str


@dataclass(slots=True)
class _Range:
    """What is still to be tried, in pieces of this size. `accused`: it is one record, which has killed a process."""

    starts: dict[Key, int]
    stop: int | None
    size: int
    accused: bool = False

    def landed(self, landed: Landed) -> bool:
        """Go on behind what has landed; return whether anything has."""
        before = dict(self.starts)
        self.starts = {key: max(start, landed.get(key, start)) for key, start in self.starts.items()}
        return self.starts != before


class Narrowing:
    """Decides what is tried next. `next` gives a trial until there is nothing more to find; each is answered by `heard`."""

    def __init__(self, starts: Landed) -> None:
        """`starts`: by partition, where the run that died had begun to read, or had committed."""
        self.gave_up = ""
        """Why narrowing ended early, "" where it did not."""
        self._all: _Range | None = _Range(dict(starts), None, SIZE) if starts else None
        self._piece: _Range | None = None
        """The piece that has killed a process, while its records are tried."""
        self._kills = 0
        self._between = 0

    def next(self) -> Trial | None:
        """Return the next trial, None when all is said."""
        tried = self._piece or self._all
        return None if tried is None or self.gave_up else Trial(dict(tried.starts), tried.stop, tried.size)

    def heard(self, outcome: Outcome) -> Conviction | None:
        """Take what came of the trial; return the conviction that it comes to."""
        tried = self._piece or self._all
        assert tried is not None
        match outcome:
            case Passed():
                self._kills = self._between = 0
                self._passed(tried)
            case Died(cause, piece, landed):
                if piece is not None:
                    return self._died(tried, cause, piece, landed)
                # nothing was in work, so nothing is to blame: once may be chance
                self._between = 0 if tried.landed(landed) else self._between + 1
                if self._between > 1:
                    self.gave_up = f"a process that has no record in work dies as well: {cause}"
            case Killed(landed):
                self._kills = 0 if tried.landed(landed) else self._kills + 1
                if self._kills >= KILLS:
                    self.gave_up = "the processes that look for it are killed from outside again and again"
            case Broken(why):
                self.gave_up = why
        return None

    def _passed(self, tried: _Range) -> None:
        if tried.stop is None or self._all is None:
            self._all = None
            return
        self._all.landed(dict.fromkeys(tried.starts, tried.stop))
        self._piece = None

    def _died(self, tried: _Range, cause: str, piece: Piece, landed: Landed) -> Conviction | None:
        self._kills = self._between = 0
        if not tried.starts.get(piece.key, piece.end) <= piece.start < piece.end:
            self.gave_up = f"a trial was given what it was not to be given: {piece}"
        elif tried.accused:
            self._passed(tried)
            return Conviction(piece, cause)
        elif tried.size == 1 and not piece.one:
            where = f"{piece.key[1]} from {piece.start} to {piece.end}"
            self.gave_up = f"the records of {where} cannot be told apart: {cause}"
        else:
            if tried is self._all:
                tried.landed(landed)
            part = min(piece.size, tried.size) // PARTS  # a large record may keep a piece as it was
            size = 1 if piece.one or part < LEAST else part
            self._piece = _Range({piece.key: piece.start}, piece.end, size, accused=piece.one)
        return None
