"""What a followed source waits for, told once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from caudal.core.shown import shown
from caudal.observe.log import log

PATIENCE = 2.0
"""Seconds after which it is told what is waited for: a rotation takes a moment."""


@dataclass(slots=True)
class _Cause:
    text: str
    since: float
    level: int
    told: bool = False
    seen: bool = True


class Waiting:
    """The causes there are now, by path. Each is logged once, and once more when it is gone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._causes: dict[str, _Cause] = {}

    def begin(self) -> None:
        """Look at everything anew: what is not met again until `end` is gone."""
        for cause in self._causes.values():
            cause.seen = False

    def meet(self, key: str, text: str, level: int = logging.WARNING) -> None:
        """Note a cause."""
        text = shown(text)
        cause = self._causes.get(key)
        if cause is None or cause.text != text:
            self._causes[key] = _Cause(text, self._clock(), level)
        else:
            cause.seen = True

    def end(self, *, starting: bool) -> None:
        """Tell what is waited for by now, at the start without delay, and what no more."""
        for key, cause in list(self._causes.items()):
            if not cause.seen:
                del self._causes[key]
                if cause.told:
                    log.info("no longer %s", cause.text)
            elif not cause.told and (starting or self._clock() - cause.since >= PATIENCE):
                cause.told = True
                log.log(cause.level, "%s", cause.text)

    def __str__(self) -> str:
        texts = [cause.text for cause in self._causes.values() if cause.told]
        return "" if not texts else texts[0] + (f" (and {len(texts) - 1:,} more)" if len(texts) > 1 else "")
