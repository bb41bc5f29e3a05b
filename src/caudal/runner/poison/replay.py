"""A shard that goes on from its last commit, as the process that may die of it: each call of a function is noted before it is made.

It reads what the job would read, up to where that ends now, with the state of the commit, and with targets that forget; windows that are
open at the end are closed. The functions that are called are those of the job with what the job gives them.
"""

from __future__ import annotations

import faulthandler
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from caudal.checkpoint import manifest as manifests
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import open_store
from caudal.columnar import ipc
from caudal.observe.summary import Progress
from caudal.plan.nodes import Source
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.calls import Calls
from caudal.ports.engine import Bindings, BoundSource
from caudal.ports.records import Block, Decoded
from caudal.ports.source import End, Nothing, Partition, Unchanging
from caudal.runner.binding import open_source
from caudal.runner.layout import Layout
from caudal.runner.layout import Nothing as NoRows
from caudal.runner.migration import Fits, migration
from caudal.runner.poison.journal import Journal
from caudal.runner.poison.pipeline import Loaded, nowhere
from caudal.runner.poison.requests import CALL, Convicts, Places, Request, Standing
from caudal.runner.stages import Stages

PATIENCE = 10.0
"""Seconds for which a source that does not know whether it is at its end is asked again."""

STUCK = 30.0
"""Seconds without any progress, and without a call, after which the process ends itself: it is no call that hangs."""


class Quiet:
    """How long a partition that does not know whether it is at its end has had nothing."""

    def __init__(self) -> None:
        self._since = 0.0

    def over(self, got: Block | Decoded | Nothing | End) -> bool:
        """Take in what was read; return whether that is nothing, and no more is waited for."""
        if not isinstance(got, Nothing):
            self._since = 0.0
            return False
        now = time.monotonic()
        self._since = self._since or now
        return not got.silent or now - self._since >= PATIENCE


class Ending:
    """A partition that ends where it has nothing more now; in all else it is the one that it is made of."""

    live = False
    patient = True

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._quiet = Quiet()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partition, name)

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        """Read; see `ports.source.Partition`."""
        got = self._partition.read(size)
        over = self._quiet.over(got)
        return End(position=got.position) if over and isinstance(got, Nothing) else got


class Ended(Unchanging):
    """A source whose partitions end where they have nothing more now. `names`: those that it has, None for all."""

    def __init__(self, source: Any, names: frozenset[str] | None = None) -> None:
        self._source = source
        self._names = names
        self._known: dict[int, Ending] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def partitions(self) -> Sequence[Any]:
        """Return them."""
        there: Sequence[Partition] = self._source.partitions()
        wanted = [each for each in there if self._names is None or each.name in self._names]
        return [self._known.setdefault(id(each), Ending(each)) for each in wanted]

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class Noting:
    """Notes what functions are called with; keeps `ports.calls.Watching`."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self._journal = journal
        self._path = folder / CALL
        self._made = 0
        self._lock = threading.Lock()
        self._stands: object = None

    def begins(self, site: str, args: pa.Table, lengths: Sequence[int] | None) -> None:
        """A call is in work from now on, alone."""
        self._lock.acquire()
        faulthandler.cancel_dump_traceback_later()
        told = {"site": site, "lengths": json.dumps(lengths)}
        beside = self._path.with_suffix(".new")
        beside.write_bytes(ipc.to_bytes(args.replace_schema_metadata(told)))
        os.replace(beside, self._path)
        self._journal.begin(0, self._made, self._made + 1, args.nbytes, b"")

    def done(self) -> None:
        """It is done."""
        self._made += 1
        self._journal.landed(0, self._made)
        self._arm()
        self._lock.release()

    def stands(self, progress: Progress) -> None:
        """Take note of how far the job is: where it does not get on, and calls nothing, the process ends."""
        if progress.standing is None or progress.standing != self._stands:
            self._stands = progress.standing
            with self._lock:
                self._arm()

    def _arm(self) -> None:
        faulthandler.dump_traceback_later(STUCK, exit=True)


def replay(request: Request, journal: Journal, folder: Path) -> None:
    """Go on with the shard of a request, to the end of what there is."""
    standing = request.standing
    assert standing is not None
    loaded, noting = Loaded(request.program), Noting(journal, folder)
    layout = _layout(standing, loaded) if standing.shard else None
    plan = loaded.physical if layout is None else layout.part(standing.shard).plan
    sources = _alone(plan, request.convicts) if layout is None else _shared(loaded.physical, layout, request)
    bindings = Bindings(sources, nowhere(plan), Calls(request.withheld, watching=noting))
    execution = loaded.engine.start(loaded.logical, plan, bindings, loaded.tuning(1))
    if standing.manifest:
        store = open_store(standing.url, create=False, shared=True)
        manifest = manifests.decoded(store, standing.folder, standing.manifest.encode())
        found = migration(manifest, Fits.of(loaded.logical, plan, allow_dropped=standing.allow_dropped))
        execution.resume(found.applied(Snapshots(store, standing.folder, manifest.pipeline).load(manifest)))
    else:
        _seek(sources, request.places)
    deadline = time.monotonic() + request.seconds

    def watch() -> None:
        noting.stands(execution.progress())
        if time.monotonic() > deadline:
            execution.stop()

    execution.run(watch, flush=True)
    faulthandler.cancel_dump_traceback_later()


def _layout(standing: Standing, loaded: Loaded) -> Layout:
    alike = [frozenset(names) for names in standing.together]
    stages = Stages(loaded.physical).known(lambda met: any({source.name for source in met} <= each for each in alike))
    readers: dict[str, object] = {}
    return Layout(
        stages, loaded.logical, readers, standing.topics, standing.counts, standing.prefix, standing.allow_dropped
    )


def _alone(plan: Plan, convicts: Convicts) -> dict[str, BoundSource]:
    """Return the sources of a job that reads all of them."""
    bound = {node.name: open_source(node) for node in plan.sources}
    return {name: BoundSource(Ended(each.source), each.reader, _of(convicts, name)) for name, each in bound.items()}


def _shared(plan: Plan, layout: Layout, request: Request) -> dict[str, BoundSource]:
    """Return the sources of a stage: what a shard of a group reads, without taking part in the group."""
    standing = request.standing
    assert standing is not None
    named = layout.by_source(layout.partitions(standing.shard))
    nodes: Mapping[str, Source] = {node.name: node for node in plan.sources}
    found: dict[str, Any] = {}
    for source, names in named.items():
        if source in nodes:
            bound = open_source(nodes[source])
            ended = Ended(bound.source, frozenset(names))
            found[source] = BoundSource(ended, bound.reader, _of(request.convicts, source))
        else:
            first = plan.sources[0]
            connector = registry.find("connector", first.connector)
            options = {**connector.source_options, **dict(first.options)}
            between = connector.between(options, names[0].rpartition("/")[0])
            found[source] = BoundSource(Ended(between, frozenset(names)), None)
    nothing = {name: BoundSource(NoRows(), None) for name in layout.part(standing.shard).missing}
    return {**found, **nothing}


def _of(convicts: Convicts, source: str) -> dict[str, Any]:
    return {partition: several for (name, partition), several in convicts.items() if name == source}


def _seek(sources: Mapping[str, BoundSource], places: Places) -> None:
    for name, bound in sources.items():
        for each in bound.source.partitions():
            if (name, each.name) in places.positions:
                each.seek(places.positions[name, each.name])
