"""What a run has to tell beside its rows: notices, gathered from wherever they arise and told once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from caudal.core.shown import shown
from caudal.observe.log import log

Level = Literal["note", "warning", "failure"]
"""note: in the summary; warning: told at once and at the end, with `--quiet` too; failure: also ends the run with 1."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened `count` times at one place.

    `code`: a stable name such as "duplicate_key"; `where`: the source, operator, file or partition it concerns, "" until
    it is known; `text`: one line for people, in which `{count}` stands for the number.

    >>> Notice("long", "web.log", "{count} lines are long", 1200).to_text()
    'web.log: 1,200 lines are long'
    """

    code: str
    where: str
    text: str
    count: int = 1
    level: Level = "note"

    def at(self, where: str) -> Notice:
        """Return the notice with a place, where it has none."""
        return self if self.where else replace(self, where=where)

    def to_text(self) -> str:
        """Return the line for people, in which nothing of the data steers a terminal."""
        line = self.text.replace("{count}", f"{self.count:,}")
        return shown(f"{self.where}: {line}" if self.where else line)


PLACES = 5
"""Of how many places one and the same is told apart."""


def summed(notices: Iterable[Notice]) -> list[Notice]:
    """Return notices of which those that tell one thing of more than `PLACES` places are one, in the order of the first.

    >>> [n.to_text() for n in summed(Notice("odd", f"{i}.log", "{count} odd lines") for i in range(1000))]
    ['0.log and 999 others: 1,000 odd lines']
    """
    alike: dict[tuple[str, str, Level], list[Notice]] = {}
    for notice in notices:
        alike.setdefault((notice.code, notice.text, notice.level), []).append(notice)
    told: list[Notice] = []
    for group in alike.values():
        if len(group) > PLACES:
            where = f"{group[0].where} and {len(group) - 1:,} others"
            group = [replace(group[0], where=where, count=sum(notice.count for notice in group))]
        told += group
    return told


class Notices:
    """Gathers notices from any thread; equal ones are counted together.

    The first of a warning is logged at once, unless `quiet`: then all is told at the end.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, str], Notice] = {}

    def add(self, notice: Notice) -> None:
        """Take a notice in."""
        key = (notice.code, notice.where, notice.text)
        with self._lock:
            before = self._kept.get(key)
            self._kept[key] = notice if before is None else replace(before, count=before.count + notice.count)
        if before is None and notice.level != "note" and not self._quiet:
            log.warning("%s", notice.to_text())

    def add_all(self, notices: Iterable[Notice], where: str = "") -> None:
        """Take several in, those without a place as being at `where`."""
        for notice in notices:
            self.add(notice.at(where))

    def all(self) -> list[Notice]:
        """Return what was gathered, in the order in which it first happened."""
        with self._lock:
            return list(self._kept.values())
