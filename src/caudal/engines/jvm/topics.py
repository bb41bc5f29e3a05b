"""Topics that an engine reads by its own connector: its tasks decode the messages, and no record passes through this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caudal.core.errors import CaudalError, OptionError
from caudal.engines.jvm.job.messages import added, handed
from caudal.observe.notices import Notice, Notices
from caudal.observe.sources import SourceReport, merged
from caudal.plan import wire
from caudal.plan.nodes import Source, Staged
from caudal.ports import registry
from caudal.ports.engine import BoundSource
from caudal.ports.format import ReachingReader
from caudal.ports.remote import RemoteConnector, RemoteSource, Topics

CLIENT, TASKS = "client", "tasks"
"""Who reads topics for a job, as `--exchange` says it: this process, or the engine's tasks."""


@dataclass(frozen=True, slots=True)
class ByTasks:
    """A source whose messages the engine's tasks read and decode. `source`: as `plan.wire` writes it."""

    topics: Topics
    source: str

    @property
    def ranks(self) -> dict[str, int]:
        """The number of each partition, by name."""
        return {span.name: rank for rank, span in enumerate(self.topics.spans)}


def directory(exchange: str) -> str:
    """Return the directory that an exchange names, "" where it names none; see `ports.engine.Tuning`."""
    return "" if exchange in (CLIENT, TASKS) else exchange


def by_tasks(node: Source, bound: BoundSource, *, headers: bool = True) -> ByTasks | str:
    """Return how an engine's tasks read a source, or why they cannot; `headers`: whether its connector gives them as they are."""
    plugin = registry.find("connector", node.connector)
    if not isinstance(plugin, RemoteConnector) or not isinstance(bound.source, RemoteSource):
        return f"the connector '{node.connector}' is read by caudal"
    if isinstance(node, Staged):
        return "the event time is that of rows made of records"
    if isinstance(bound.reader, ReachingReader):
        return f"the format '{node.format}' asks a server"
    if not registry.shipped("format", node.format):
        return f"the format '{node.format}' is a plugin, which the engine's tasks do not have"
    topics = bound.source.topics()
    if isinstance(topics, str):
        return topics
    if topics.headers and not headers:
        return "the engine's connector gives headers without their order"
    try:
        return ByTasks(topics, wire.dumps_node(node))
    except CaudalError as error:
        return error.message


def choose(
    nodes: Mapping[int, Source],
    sources: Mapping[str, BoundSource],
    exchange: str,
    *,
    headers: bool = True,
) -> tuple[dict[int, ByTasks], list[str]]:
    """Return which sources tasks read, by their numbers, and what is to be said of that.

    `exchange`: as in `ports.engine.Tuning`. Raises `OptionError` where tasks are asked for and cannot.
    """
    chosen: dict[int, ByTasks] = {}
    said: list[str] = []
    if exchange not in ("", TASKS):
        return chosen, said
    for number, node in nodes.items():
        if node.name not in sources or not (exchange == TASKS or isinstance(sources[node.name].source, RemoteSource)):
            continue
        way = by_tasks(node, sources[node.name], headers=headers)
        if isinstance(way, ByTasks):
            chosen[number] = way
        elif exchange == TASKS:
            raise OptionError(
                f"--exchange tasks: the tasks cannot read '{node.name}': {way}", hint="leave out --exchange"
            )
        else:
            said.append(f"{node.name}: its records pass through this process, since {way}")
    return chosen, said


class Told:
    """What tasks have told of the messages of one source, in the form that rows are counted in that were handed over."""

    def __init__(self, node: Source, way: ByTasks) -> None:
        self._node = node
        self._reports: list[tuple[SourceReport, dict[str, int]]] = []
        self.counts: dict[str, Any] = {**handed(way.ranks), "bytes": 0, "of": {}}
        self.counts["notices"] = self._notices = Notices()
        self.counts["watch"] = self

    def take(self, told: Mapping[str, Any]) -> None:
        """Take in what one task has told."""
        added(self.counts, told)
        self.counts["bytes"] += told.get("bytes", 0)
        self._notices.add_all(Notice(**notice) for notice in told.get("notices", []))
        self._reports.append((_report(told["report"]), told.get("partitions", {})))

    def report(self) -> SourceReport:
        """Return what is known of the source."""
        return merged(SourceReport(self._node.name, disorder=self._node.disorder), self._reports)


def _report(given: Mapping[str, Any]) -> SourceReport:
    values = dict(given)
    values["unnamed"] = tuple(tuple(place) for place in values["unnamed"])
    values["names"] = frozenset(values["names"])
    values["lateness"] = {int(cell): count for cell, count in values["lateness"].items()}
    values["dead_partitions"] = {name: (each[0], each[1]) for name, each in values["dead_partitions"].items()}
    return SourceReport(**values)
