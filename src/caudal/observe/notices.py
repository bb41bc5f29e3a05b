"""What a run has to tell beside its rows: notices, gathered from wherever they arise and told once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

_log = logging.getLogger("caudal")

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
        """Return the line for people."""
        line = self.text.replace("{count}", f"{self.count:,}")
        return f"{self.where}: {line}" if self.where else line


class Notices:
    """Gathers notices from any thread; equal ones are counted together. The first of a warning is logged at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, str], Notice] = {}

    def add(self, notice: Notice) -> None:
        """Take a notice in."""
        key = (notice.code, notice.where, notice.text)
        with self._lock:
            before = self._kept.get(key)
            self._kept[key] = notice if before is None else replace(before, count=before.count + notice.count)
        if before is None and notice.level != "note":
            _log.warning("%s", notice.to_text())

    def add_all(self, notices: Iterable[Notice], where: str = "") -> None:
        """Take several in, those without a place as being at `where`."""
        for notice in notices:
            self.add(notice.at(where))

    def all(self) -> list[Notice]:
        """Return what was gathered, in the order in which it first happened."""
        with self._lock:
            return list(self._kept.values())
