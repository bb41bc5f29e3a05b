"""What a job promises of its outputs: chosen by what its sources and sinks can do, or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from caudal.core.errors import OptionError, nearest
from caudal.ports.engine import BoundSource
from caudal.ports.sink import Delivery, Sink
from caudal.ports.source import repeatable

MODES: tuple[Delivery, ...] = ("exactly-once", "at-least-once", "at-most-once")


def check_mode(text: str) -> Delivery | None:
    """Return the mode of that name, None for ""; raises `OptionError`."""
    for mode in MODES:
        if mode == text:
            return mode
    if text:
        raise OptionError(f"there is no delivery '{text}'", hint=nearest(text, MODES) or "one of " + ", ".join(MODES))
    return None


def choose(
    wanted: Delivery | None, sources: Mapping[str, BoundSource], sinks: Mapping[str, Sink]
) -> tuple[Delivery, str]:
    """Return the mode, and in a line why it is no better one, "" for nothing to say.

    Raises `OptionError` for a demand that cannot be met, and for a source that no run can go on with.
    """
    for name, bound in sources.items():
        for partition in bound.source.partitions():
            if not repeatable(partition):
                raise OptionError(
                    f"{partition.name} cannot be read again, so no later run could go on with it",
                    location=name,
                    hint="land it in a file or a topic first, and read that; or run without --checkpoint",
                )
    weak = {sink.where: sink.delivery for sink in sinks.values() if sink.delivery != "exactly-once"}
    if wanted == "exactly-once" and weak:
        where, can = next(iter(weak.items()))
        raise OptionError(
            f"exactly-once is not possible into {where}: what it has shown cannot be taken back",
            detail=f"it can do {can}",
            hint="write to a file or a topic, or ask for --delivery at-least-once",
        )
    if wanted is None and weak:
        return (
            "at-least-once",
            f"rows may come twice after a crash: {', '.join(sorted(weak))} cannot take back what it has shown",
        )
    return wanted or "exactly-once", ""
