"""Binding: the names in a plan become opened sources and sinks, and everything that can be checked is checked first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caudal.core.errors import InputError, OptionError
from caudal.core.types import Schema
from caudal.plan.nodes import Sink, Source
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource
from caudal.ports.format import Encoder, FileReader, ReachingReader
from caudal.ports.group import Group, GroupConnector, Membership
from caudal.ports.sink import Delivery, Receipt
from caudal.ports.source import MessageConnector, Partition, Unchanging
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


class SharedSink:
    """One of several streams that write to one target: each has its encoder, the first owns the target."""

    def __init__(self, target: Any, encoder: Encoder, lock: threading.Lock, owner: bool) -> None:
        self.where: str = target.where
        self.delivery: Delivery = target.delivery
        self._target = target
        self._encoder = encoder
        self._lock = lock
        self._owner = owner

    def encode(self, table: Any) -> Any:
        """Return the rows as bytes."""
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        """Write rows, in turn with the other streams."""
        with self._lock:
            self._target.write(payload)

    def flush(self) -> None:
        """Make what was written visible."""
        with self._lock:
            self._target.flush()

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """The owner recovers for all."""
        if self._owner:
            self._target.recover(epoch, receipt)

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """The owner prepares for all."""
        return self._target.prepare(epoch, last=last) if self._owner else None

    def publish(self, epoch: int, receipt: Receipt) -> None:
        """The owner publishes for all."""
        if self._owner:
            self._target.publish(epoch, receipt)

    def finish(self) -> None:
        """The owner finishes for all."""
        if self._owner:
            self._target.finish()

    def drain(self) -> str:
        """The owner drains for all."""
        return self._target.drain() if self._owner else self.where

    def abort(self) -> None:
        """Leave nothing behind."""
        self._target.abort()


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
    the source is joined as a member of a group, not opened: see `Joined`. Raises `InputError` or `OptionError`; nothing stays
    open then.
    """
    sources: dict[str, BoundSource] = {}
    sinks: dict[str, Any] = {}
    try:
        for node in plan.sources:
            sources[node.name] = open_source(node, membership)
        if admit is not None:
            admit(sources)
        live = any(b.source.live for b in sources.values())
        shared: dict[str, tuple[Any, threading.Lock]] = {}
        no_input_overwritten(plan, sources)
        for sink in plan.sinks:
            sinks[sink.name] = _sink(sink, plan, live, staged, shared, console_to_stderr)
    except BaseException:
        for sink_ in sinks.values():
            sink_.abort()
        for bound in sources.values():
            bound.source.close()
        raise
    return Bindings(sources, sinks), live


class Joined(Unchanging):
    """A source that a worker has joined the group of: its partitions come and go by `group`."""

    live = True

    def __init__(self, group: Group) -> None:
        self.group = group

    def partitions(self) -> Sequence[Partition]:
        """Return none: they are given later."""
        return ()

    def close(self) -> None:
        """Leave the group."""
        self.group.close()


def shared(node: Source) -> bool:
    """Whether a group of workers can share the partitions of a source."""
    plugin = registry.find("connector", node.connector)
    return isinstance(plugin, GroupConnector) and plugin.shared({**plugin.source_options, **dict(node.options)})


def open_source(node: Source, membership: Membership | None = None) -> BoundSource:
    """Open a source for reading, or join its group; raises `InputError` or `OptionError`."""
    plugin = registry.find("connector", node.connector)
    options = registry.check_options(dict(node.options), plugin.source_options, f"connector '{node.connector}'")
    reader: Any = None
    if node.format:
        chosen = registry.find("format", node.format)
        given = registry.check_options(dict(node.format_options), chosen.reader_options, f"format '{node.format}'")
        needed = frozenset(node.schema.names) | (
            node.event_time.columns() if node.event_time is not None else frozenset()
        )
        readable, needed = _decoded(plugin, options, node.readable, needed)
        reader = chosen.reader(readable, needed, given)
    try:
        if isinstance(reader, ReachingReader):
            reader.reach()
        if membership is not None:
            return BoundSource(Joined(plugin.join(options, None, node.readable, membership)), reader)
        if isinstance(reader, FileReader):
            return BoundSource(plugin.source(options, reader, node.readable), None)
        return BoundSource(plugin.source(options, None, node.readable), reader)
    except InputError as error:
        raise error.at(node.name) from error.__cause__


def _decoded(
    plugin: Any, options: dict[str, Any], schema: Schema, needed: frozenset[str]
) -> tuple[Schema, frozenset[str]]:
    """Return what a format is to decode, and what of it is needed: not what messages have beside it."""
    if not isinstance(plugin, MessageConnector):
        return schema, needed
    beside = plugin.beside(options).names
    decoded = Schema([field for field in schema if field.name not in beside], schema.absent)
    return decoded, (needed | plugin.relies_on(options)) - frozenset(beside)


def _sink(
    node: Sink,
    plan: Plan,
    live: bool,
    staged: bool,
    shared: dict[str, tuple[Any, threading.Lock]],
    console_to_stderr: bool,
) -> Any:
    plugin = registry.find("connector", node.connector)
    options = registry.check_options(dict(node.options), plugin.sink_options, f"connector '{node.connector}'")
    if console_to_stderr and "stderr" in options:
        options["stderr"] = True
    encoder: Encoder | None = None
    if node.format:
        chosen = registry.find("format", node.format)
        given = registry.check_options(dict(node.format_options), chosen.writer_options, f"format '{node.format}'")
        encoder = chosen.encoder(node.schema, given)
    path = options.get("path")
    if not isinstance(path, str) or encoder is None:
        return plugin.sink(options, encoder, node.schema, live=live, staged=staged)
    (place, *_) = _targets(node, live) or [path]
    uses = [s for s in plan.sinks if place in _targets(s, live)[:1]]
    if len(uses) <= 1:
        return plugin.sink(options, encoder, node.schema, live=live, staged=staged)
    if any(s.format != "json" for s in uses):
        raise OptionError(f"two sinks write to {path}", hint="only JSON lines can share a file")
    owner = place not in shared
    if owner:
        shared[place] = (plugin.sink(options, encoder, node.schema, live=live, staged=staged), threading.Lock())
    target, lock = shared[place]
    return SharedSink(target, encoder, lock, owner)


def no_input_overwritten(plan: Plan, sources: Mapping[str, BoundSource]) -> None:
    """Raise `InputError` for a sink that would write or replace what one of the sources reads, or would read."""
    live = any(bound.source.live for bound in sources.values())
    for sink in plan.sinks:
        path = dict(sink.options).get("path")
        for target in _targets(sink, live):
            if any(getattr(bound.source, "reads", _reads_nothing)(target) for bound in sources.values()):
                shown = path if not target.endswith(".partial") else f"{path}.partial (after a stop)"
                message = f"the sink would write to what is read: {shown}"
                role = role_of(sink)
                hint = "choose another path" + (f", or --{role} discard" if role != "out" else "")
                raise InputError(message, location=sink.name, hint=hint)


def _targets(sink: Sink, live: bool) -> list[str]:
    """Return the files that a sink would write, by their real paths."""
    options = dict(sink.options)
    path = options.get("path")
    targets = getattr(registry.find("connector", sink.connector), "targets", None)
    if targets is None or not isinstance(path, str) or not path:
        return []
    suffix = registry.find("format", sink.format).suffixes[0] if sink.format else ""
    return targets(options, suffix, live=live)


def _reads_nothing(_: str) -> bool:
    return False
