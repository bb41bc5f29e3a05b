"""What the readers of a script have to tell of the records: notes and warnings, printed where the script ends."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from caudal.core.shown import shown

WARNED_OF = ("columns", "duplicate_key", "layout")
"""Reasons of dead letters that somebody may be at work behind, or that the declaration is wrong."""

_FEW_PLACES = 5
"""Of how many places one and the same is told apart, as caudal's own summary does."""


class Told:
    """What is to be told of one source, counted by what it says and where: `place` is a file's name."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._counts: dict[tuple[str, str], dict[str, int]] = {}
        self._dead: dict[str, tuple[int, str]] = {}

    def add(self, level: str, place: str, text: str, count: int = 1) -> None:
        """Take in a "note", "warning" or "failed"; `{count}` in the text stands for how many."""
        if count:
            places = self._counts.setdefault((level, text), {})
            places[place] = places.get(place, 0) + count

    def dead(self, letters: Iterable[Any]) -> None:
        """Take in dead letters, by their reasons."""
        for letter in letters:
            count, first = self._dead.get(letter[1], (0, letter[2]))
            self._dead[letter[1]] = count + 1, first

    def lines(self, records: int) -> list[str]:
        """Return the lines for people; `records`: how many were read."""
        lines: list[str] = []
        if records and records == sum(count for count, _ in self._dead.values()):
            lines.append(f"warning: {self._source}: all {records:,} records are dead letters")
        for reason, (count, first) in self._dead.items():
            level = "warning" if reason in WARNED_OF else "note"
            lines.append(
                f"{level}: {self._source}: {count:,} dead letter{'' if count == 1 else 's'} of the reason {reason}: {first}"
            )
        for (level, text), places in self._counts.items():
            if len(places) > _FEW_PLACES:
                places = {f"{next(iter(places))} and {len(places) - 1:,} others": sum(places.values())}
            lines += [f"{level}: {place}: {text.replace('{count}', f'{n:,}')}" for place, n in places.items()]
        return [shown(line) for line in lines]


def tell(lines: Iterable[str]) -> None:
    """Print lines for people."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
