"""Which of the files that are remembered are gone for good, so that what is known of them may be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from caudal.connectors.files.paths import Identity

GONE = 60.0
"""Seconds for which a file must not have been found: one that is just being renamed is at no path for a moment."""


class Gone:
    """Knows since when files have been missing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[Identity, float] = {}

    def among(self, remembered: Iterable[Identity], there: Container[Identity]) -> set[Identity]:
        """Return those that are not among the files which are there now, and have not been for long."""
        now = self._clock()
        self._since = {each: self._since.get(each, now) for each in remembered if each not in there}
        return {identity for identity, since in self._since.items() if now - since >= GONE}
