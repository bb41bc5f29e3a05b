"""Which sinks tell how many alerts there are: a row that goes to several sinks is one alert."""

from __future__ import annotations

from collections.abc import Iterable

from caudal.plan.nodes import DeadLetters, Late, Node, RepartitionSink, Sink


def counted_sinks(sinks: Iterable[Sink]) -> list[str]:
    """Return the names of sinks, one for each stream that is written; streams of late rows and dead letters are none."""
    first: dict[Node, str] = {}
    for sink in sinks:
        if not isinstance(sink.input, Late | DeadLetters) and not isinstance(sink, RepartitionSink):
            first.setdefault(sink.input, sink.name)
    return list(first.values())
