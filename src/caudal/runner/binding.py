"""Binding: the names in a plan become opened sources and sinks, and everything that can be checked is checked first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caudal.core.errors import CaudalError, InputError, OptionError, PlanError
from caudal.ingest.connecting import options_of, reader_of
from caudal.plan.nodes import Fused, Lookup, Retimed, Sink, Source, Staged
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource
from caudal.ports.format import Encoder, FileReader
from caudal.ports.group import Group, GroupConnector, Membership, Shared
from caudal.ports.sink import ShardedSink, ShardingConnector
from caudal.ports.source import Partition, Unchanging
from caudal.runner.sharing import SharedSink
from caudal.runner.sides import role_of


def following(plan: Plan) -> Plan:
    """Return the plan with every source that can follow its input told to."""
    found = False

    def change(node: Any, _: Any) -> Any:
        nonlocal found
        if isinstance(node, Source) and "follow" in registry.find("connector", node.connector).source_options:
            found = True
            return replace(node, options=(*((k, v) for k, v in node.options if k != "follow"), ("follow", True)))
        return node

    plan = plan.pinned().rebuild(change)
    if not found:
        raise OptionError("no source of this pipeline can be followed")
    return plan


def bind(
    plan: Plan,
    *,
    console_to_stderr: bool = False,
    admit: Callable[[Mapping[str, BoundSource]], None] | None = None,
    staged: bool = False,
    membership: Membership | None = None,
) -> tuple[Bindings, bool]:
    """Open the sources and sinks of a rewritten plan; return them and whether any source is live.

    `admit` is asked between the two, and may raise. `staged`: rows are to be shown epoch by epoch, by sinks that can. `membership`:
    sources are joined as a member of a group, not opened: see `Joined`. Raises `InputError` or `OptionError`; nothing stays
    open then.
    """
    sources: dict[str, BoundSource] = {}
    sinks: dict[str, Any] = {}
    try:
        if membership is not None:
            sources |= join(plan, membership)
        else:
            for node in plan.sources:
                sources[node.name] = open_source(node)
        if admit is not None:
            admit(sources)
        live = any(b.source.live for b in sources.values())
        if live:
            _ends_by_itself(plan)
        shared: dict[str, tuple[Any, threading.Lock]] = {}
        no_input_overwritten(plan, sources)
        writers = _writers(plan, live or membership is not None)
        for sink in plan.sinks:
            own = _sharded(sink, writers) if membership is not None else None
            sinks[sink.name] = own or _sink(sink, writers, live, staged, shared, console_to_stderr)
    except BaseException:
        for sink_ in sinks.values():
            sink_.abort()
        for bound in sources.values():
            bound.source.close()
        raise
    return Bindings(sources, sinks), live


def _ends_by_itself(plan: Plan) -> None:
    """Raise `PlanError` for what waits for the end of the data, which a live source has not."""
    for node in plan.nodes:
        if node.needs_end:
            raise PlanError(
                f"a source goes on for ever, and {node.needs_end}", location=node.name, hint='give it within="10m"'
            )


class Joined(Unchanging):
    """A source that a worker has joined the group of: its partitions come and go by `group`."""

    live = True

    def __init__(self, group: Group) -> None:
        self.group = group

    def partitions(self) -> Sequence[Partition]:
        """Return none: they are given later."""
        return ()

    def reads(self, target: str) -> bool:
        """Whether what is written to a target would be read here."""
        return getattr(self.group, "reads", _reads_nothing)(target)

    def close(self) -> None:
        """Leave the group."""
        self.group.close()


def shared(node: Source) -> bool:
    """Whether a group of workers can share the partitions of a source."""
    plugin = registry.find("connector", node.connector)
    return isinstance(plugin, GroupConnector) and plugin.shared({**plugin.source_options, **dict(node.options)})


def apart(plan: Plan) -> str:
    """Return why one group of workers cannot share the sources of a plan, "" where one can."""
    sources = plan.sources
    if any(isinstance(node, Retimed | Staged) for node in plan.nodes):
        return "with_event_time is computed by one process, not by the tasks of several workers yet"
    for node in sources:
        if not shared(node):
            return f"its source {node.name} is not one that a group can share"
    if len({node.connector for node in sources}) > 1:
        return "its sources are of several connectors"
    plugin = registry.find("connector", sources[0].connector)
    return plugin.apart([{**plugin.source_options, **dict(node.options)} for node in sources])


def join(plan: Plan, membership: Membership) -> dict[str, BoundSource]:
    """Join the group over the sources of a plan. Raises `InputError`, `OptionError`, also where none can share them."""
    if why := apart(plan):
        raise OptionError(f"this pipeline cannot be shared by a group of workers: {why}")
    plugin = registry.find("connector", plan.sources[0].connector)
    asked: dict[str, Shared] = {}
    readers: dict[str, Any] = {}
    for node in plan.sources:
        options = options_of(node, plugin)
        readers[node.name] = reader_of(node, plugin, options)
        asked[node.name] = Shared(options, node.readable)
    source = Joined(plugin.join(asked, membership))
    return {name: BoundSource(source, reader) for name, reader in readers.items()}


def joined(sources: Mapping[str, BoundSource]) -> Group:
    """Return the group that sources were joined as members of."""
    source = next(iter(sources.values())).source
    assert isinstance(source, Joined)
    return source.group


def open_source(node: Source) -> BoundSource:
    """Open a source for reading; raises `InputError` or `OptionError`."""
    plugin = registry.find("connector", node.connector)
    options = options_of(node, plugin)
    reader = reader_of(node, plugin, options)
    try:
        if isinstance(reader, FileReader):
            return BoundSource(plugin.source(options, reader, node.readable), None)
        return BoundSource(plugin.source(options, None, node.readable), reader)
    except InputError as error:
        raise error.at(node.name) from error.__cause__


def _writers(plan: Plan, live: bool) -> dict[Sink, list[Sink]]:
    """Return for each sink all those that write to the same place, itself among them."""
    by_place: dict[str, list[Sink]] = {}
    alike: dict[Sink, list[Sink]] = {}
    for sink in plan.sinks:
        (place, *_) = _targets(sink, live) or [f"\0{sink.name}"]
        alike[sink] = by_place.setdefault(place, [])
        alike[sink].append(sink)
    return alike


def _sink(
    node: Sink,
    writers: Mapping[Sink, Sequence[Sink]],
    live: bool,
    staged: bool,
    shared: dict[str, tuple[Any, threading.Lock]],
    console_to_stderr: bool,
) -> Any:
    plugin = registry.find("connector", node.connector)
    options = registry.check_options(dict(node.options), plugin.sink_options, f"connector '{node.connector}'")
    if console_to_stderr and "stderr" in options:
        options["stderr"] = True
    encoder = _encoder(node) if node.format else None
    path = options.get("path")
    if not isinstance(path, str) or encoder is None:
        return plugin.sink(options, encoder, node.schema, live=live, staged=staged)
    (place, *_) = _targets(node, live) or [path]
    uses = writers[node]
    if len(uses) <= 1:
        return plugin.sink(options, encoder, node.schema, live=live, staged=staged)
    if any(s.format != "json" for s in uses):
        raise OptionError(f"two sinks write to {path}", hint="only JSON lines can share a file")
    owner = place not in shared
    if owner:
        shared[place] = (plugin.sink(options, encoder, node.schema, live=live, staged=staged), threading.Lock())
    target, lock = shared[place]
    return SharedSink(target, encoder, lock, owner)


def _sharded(node: Sink, writers: Mapping[Sink, Sequence[Sink]]) -> ShardedSink | None:
    """Open a sink that the workers of a group share, None for one that is no such."""
    plugin = registry.find("connector", node.connector)
    if not node.format or not isinstance(plugin, ShardingConnector):
        return None
    options = registry.check_options(dict(node.options), plugin.sink_options, f"connector '{node.connector}'")
    return plugin.sharded(options, lambda: _encoder(node), node.schema, "" if len(writers[node]) == 1 else node.name)


def _encoder(node: Sink) -> Encoder:
    chosen = registry.find("format", node.format)
    given = registry.check_options(dict(node.format_options), chosen.writer_options, f"format '{node.format}'")
    return chosen.encoder(node.schema, given)


def no_input_overwritten(plan: Plan, sources: Mapping[str, BoundSource]) -> None:
    """Raise `InputError` for a sink that would write or replace what one of the sources reads, or would read."""
    live = any(bound.source.live for bound in sources.values())
    for sink in plan.sinks:
        path = dict(sink.options).get("path")
        for target in _targets(sink, live):
            read = any(getattr(bound.source, "reads", _reads_nothing)(target) for bound in sources.values())
            if read or _is_of_a_table(plan, sink, target):
                shown = path or target if not target.endswith(".partial") else f"{path}.partial (after a stop)"
                message = f"the sink would write to what is read: {shown}"
                role = role_of(sink)
                other = "choose another path" if path else "choose another topic, or a pattern that does not match it"
                hint = other + (f", or --{role} discard" if role != "out" else "")
                raise InputError(message, location=sink.name, hint=hint)


def lookups_of(plan: Plan) -> list[Lookup]:
    """Return the lookups in tables of a plan, rewritten or not."""
    steps = (step for node in plan.nodes for step in (node.steps if isinstance(node, Fused) else (node,)))
    return [step for step in steps if isinstance(step, Lookup)]


def _is_of_a_table(plan: Plan, sink: Sink, target: str) -> bool:
    from caudal.ingest import tables

    for node in lookups_of(plan):
        if node.table.rows.connector != sink.connector:
            continue
        try:
            bound = tables.opened(node.table)
        except CaudalError:
            continue  # it is told where the table is read
        try:
            if getattr(bound.source, "reads", _reads_nothing)(target):
                return True
        finally:
            bound.source.close()
    return False


_NAMING = ("path", "topic", "servers")


def _targets(sink: Sink, live: bool) -> list[str]:
    """Return what a sink would write to: files by their real paths, topics with their servers; nothing where options lack it."""
    options = dict(sink.options)
    targets = getattr(registry.find("connector", sink.connector), "targets", None)
    if targets is None or not all(isinstance(options.get(name, ""), str) for name in _NAMING):
        return []
    if not (options.get("path") or (options.get("topic") and options.get("servers"))):
        return []
    suffix = registry.find("format", sink.format).suffixes[0] if sink.format else ""
    return targets(options, suffix, live=live)


def _reads_nothing(_: str) -> bool:
    return False
