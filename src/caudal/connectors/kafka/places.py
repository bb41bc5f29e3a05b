"""Where reading begins and ends: the forms of `start=` and `until=`, and the offsets that they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from caudal.core.errors import InputError, OptionError, nearest

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

    def check(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` for the offset of a partition that there is not. `counts`: partitions of the topics."""
        for name in self.offsets:
            topic, slash, number = name.rpartition("/")
            among = {topic: counts.get(topic, 0)} if slash else counts
            if any(int(number) < count for count in among.values()):
                continue
            several = [f"{each} has {count}" if count else f"{each} is not read" for each, count in among.items()]
            raise InputError(
                f"there is no partition {name}, of which an offset is given", detail=", ".join(several), hint=HINT
            )


def place(name: str, given: Any) -> Place:
    """Return what the value of an option says. Raises `OptionError`."""
    if isinstance(given, Mapping):
        return Place("offsets", offsets={str(key): _offset(name, key, value) for key, value in given.items()})
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise OptionError(f"{_what(name)} {given}, a time without an offset", hint=HINT)
        return Place("time", int(given.timestamp() * 1000))
    if not isinstance(given, str):
        raise OptionError(f"{_what(name)} {given!r}", hint=HINT)
    if given in _WORDS:
        return Place(given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        close = nearest(given, _WORDS)
        raise OptionError(f"{_what(name)} '{given}'", hint=close if close.startswith("did") else HINT) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Place("time", int(moment.timestamp() * 1000))


def _what(name: str) -> str:
    """Return what cannot be, however it was said: by the option of this name, or by that of a command."""
    return f"kafka cannot {'begin' if name == 'start' else 'stop'} reading at"


def _offset(name: str, key: Any, value: Any) -> int:
    text = str(key)
    _, slash, number = text.rpartition("/")
    good = (number if slash else text).isdigit()
    if not good or not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OptionError(f"{_what(name)} the offset {value!r} of {key!r}", hint=HINT)
    return value
