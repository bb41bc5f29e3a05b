"""Numbers for partitions, in the natural order of their names, while partitions appear: a number given stays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caudal.core.errors import RunError
from caudal.core.naming import natural_key

_TOP = 1 << 62
_ROW = 6
_SHARE = 12
"""From the `_ROW`-th name that goes on in a row of names, each takes 1/2**12 of the room that there is: more will come."""


@dataclass(frozen=True, slots=True)
class _Place:
    """`age`: 0 at the start, then ever more; `run`: how many came one behind the other, negative for one before the other."""

    number: int
    age: int = 0
    run: int = 0


class Ranks:
    """The numbers of one source's partitions, each within (0, 2**62): rows are ordered by them."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: those that are there at the start; they stand evenly apart."""
        ordered = sorted((natural_key(name), name) for name in names)
        step = _TOP // (len(ordered) + 1)
        self._keys = [key for key, _ in ordered]
        self._places = [_Place(step * (i + 1)) for i in range(len(ordered))]
        self._numbers = {name: place.number for (_, name), place in zip(ordered, self._places, strict=True)}

    @property
    def numbers(self) -> Mapping[str, int]:
        """The numbers by name."""
        return self._numbers

    def add(self, name: str) -> int:
        """Return a number for a new name, between those of its neighbours.

        At random, halves of the room last for as long as there are names. But names come in rows, several side by side: a
        file for each hour, put between the one before and `access.log`. So where the younger neighbour has come in a row
        that this name goes on with, it takes little of the room. Raises `RunError` where there is none, which wants some
        fifty names that each stand between the two before them.
        """
        key = natural_key(name)
        at = bisect_left(self._keys, key)
        below = self._places[at - 1] if at else _Place(0)
        above = self._places[at] if at < len(self._keys) else _Place(_TOP)
        room = above.number - below.number
        run = 0
        if below.age > above.age:
            run = max(below.run, 0) + 1
        elif above.age > below.age:
            run = min(above.run, 0) - 1
        taken = max(1, room >> _SHARE) if abs(run) >= _ROW else room // 2
        number = above.number - taken if run < 0 else below.number + taken
        if not below.number < number < above.number:
            raise RunError(
                "too many partitions have appeared", location=name, hint="run it anew: they are numbered again"
            )
        self._keys.insert(at, key)
        self._places.insert(at, _Place(number, len(self._keys), run))
        self._numbers[name] = number
        return number
