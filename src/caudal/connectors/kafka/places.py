"""Where reading begins and ends: the forms of `start=` and `until=`, and the offsets that they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from caudal.core.errors import OptionError, nearest

_WORDS = ("earliest", "latest")
HINT = '"earliest", "latest", a time such as "2026-11-01T00:00:00Z", or offsets: {0: 1500, 1: 0}, {"topic/0": 1500}'


@dataclass(frozen=True, slots=True)
class Place:
    """Where to begin or end: a word, a time in milliseconds, or offsets by "topic/partition" (or by number alone)."""

    word: str = ""
    time: int = 0
    offsets: Mapping[str, int] = field(default_factory=dict[str, int])

    def offset(self, topic: str, number: int) -> int | None:
        """Return the offset that was given for a partition, None for none."""
        return self.offsets.get(f"{topic}/{number}", self.offsets.get(str(number)))


def place(name: str, given: Any) -> Place:
    """Return what the value of an option says. Raises `OptionError`."""
    if isinstance(given, Mapping):
        return Place("offsets", offsets={str(key): _offset(name, key, value) for key, value in given.items()})
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise OptionError(f"option '{name}' of kafka is a time without an offset", hint=HINT)
        return Place("time", int(given.timestamp() * 1000))
    if not isinstance(given, str):
        raise OptionError(f"option '{name}' of kafka cannot be {given!r}", hint=HINT)
    if given in _WORDS:
        return Place(given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        hint = nearest(given, _WORDS) if given.isalpha() else HINT
        raise OptionError(f"option '{name}' of kafka cannot be '{given}'", hint=hint) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Place("time", int(moment.timestamp() * 1000))


def _offset(name: str, key: Any, value: Any) -> int:
    text = str(key)
    _, slash, number = text.rpartition("/")
    good = (number if slash else text).isdigit()
    if not good or not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OptionError(f"option '{name}' of kafka has the offset {value!r} of {key!r}", hint=HINT)
    return value
