"""A job at rest where its state can be dealt: all that goes by the partitions of before is read, by one worker where need be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from caudal.checkpoint.store import Store
from caudal.core.errors import OptionError, RunError
from caudal.observe.log import log
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, Tuning
from caudal.ports.group import Group, Membership, Placing
from caudal.runner.agreement import shards_of
from caudal.runner.binding import Joined, joined
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.group import GroupWorker
from caudal.runner.group_savepoints import GroupSavepoint, make, named
from caudal.runner.grouping import Grouping
from caudal.runner.layout import Layout
from caudal.runner.rescaling.settling import SettlingGroup
from caudal.runner.rests import Rest, at_rest
from caudal.runner.stages import Stages

Join = Callable[[Membership], Bindings]
"""Joins the group of the pipeline's source, and opens its sinks."""


class Settled:
    """Brings a job to rest. `read`: whether anything had to be read for that; what came of it is committed."""

    def __init__(
        self, store: Store, known: Mapping[str, Any], logical: Plan, physical: Plan, join: Join, timeout: float
    ) -> None:
        """`known`: what its group has agreed on; `timeout`: seconds within which it must rest."""
        self.read = False
        self._store = store
        self._known = known
        self._logical, self._physical = logical, physical
        self._join = join
        self._timeout = timeout

    def origin(
        self, origin: GroupSavepoint | None, layout: Layout, group: Group, place: Mapping[str, Placing]
    ) -> GroupSavepoint:
        """Return the savepoint to deal: that which was asked for, or one of the job once it has settled, None.

        `layout`: of then; `place`: how the records of sources are placed by now, but for those where that is as it was. Raises
        `OptionError`, `RunError`, `StoreError`.
        """
        if origin is not None and self._stale(origin, layout, group, place):
            if origin.left or self._resting() != origin.shards:
                raise OptionError(
                    f"the savepoint {origin.id} cannot be dealt as it is, and the job has gone on since",
                    detail="there are rows that it had not read, which go by the partitions of then",
                    hint=f"deal the job as it stands: caudal rescale ... {self._store.url}",
                )
            origin = None
        if origin is not None:
            return origin
        resting = self._resting()
        if len(resting) < len(shards_of(self._known)):  # where the others stand is known once they rest
            self._settle(layout, resting, {})
            resting = self._resting()
        limits = _behind(resting, layout, place)
        if limits or not (self.read or _dry(resting, layout, group)):
            self._settle(layout, resting, limits)
        id, _ = make(self._store, stop=False, timeout=0.0)
        found = named(f"{self._store.url}@{id}")
        assert found is not None
        return found

    def _stale(self, origin: GroupSavepoint, layout: Layout, group: Group, place: Mapping[str, Placing]) -> bool:
        """Whether rows are left that go by the partitions of then."""
        dry = bool(origin.left) or _dry(
            origin.shards, layout, group
        )  # what was dealt has topics that are not there yet
        return not dry or bool(_behind(origin.shards, layout, place))

    def _resting(self) -> dict[str, Rest]:
        found = at_rest(self._store, shards_of(self._known))
        return {shard: rest for shard, rest in found.items() if rest is not None}

    def _settle(self, layout: Layout, resting: Mapping[str, Rest], limits: Mapping[str, int]) -> None:
        """Read what is left of the partitions of then."""
        if self._known["origin"] and len(resting) < len(shards_of(self._known)):
            raise OptionError(
                "not all shards of the job rest, which has begun from a savepoint itself",
                hint=f"start its workers as ever until they have committed, then caudal savepoint {self._store.url}",
            )
        log.info("the job is brought to where its state can be dealt: repartition topics are read to their ends")
        self.read = True
        worker, group = self._worker(layout, resting, limits)
        group.begin(worker, worker.layout)
        until = time.monotonic() + self._timeout

        def watch() -> None:
            if group.done.is_set():
                worker.stop()
            elif time.monotonic() > until:
                raise RunError(
                    f"the job has not come to rest within {self._timeout:g} s",
                    detail="what was read is committed: it may be tried again",
                    hint="wait longer with --timeout; does another worker of the group run?",
                )

        try:
            worker.run(watch)
            worker.drain()
        except BaseException:
            worker.abort()
            raise

    def _worker(
        self, layout: Layout, resting: Mapping[str, Rest], limits: Mapping[str, int]
    ) -> tuple[GroupWorker, SettlingGroup]:
        how = Checkpointing(self._store.url, group=self._known["group"], partitions=many(layout.stages, self._known))
        grouping = Grouping(how, self._logical, layout.stages, settles=True)
        bindings = Bindings({}, {})
        try:
            bindings = self._join(grouping.membership)
            quiet = frozenset(
                shard
                for shard, rest in resting.items()
                if layout.reads(shard) and not rest.offsets.keys() & limits.keys()
            )
            group = SettlingGroup(joined(bindings.sources), layout.sources, limits, quiet)
            tuning = Tuning(2, live=True, read_at=time.time_ns() // 1_000_000)
            engine = registry.find("engine", "local")
            sources = {name: replace(bound, source=Joined(group)) for name, bound in bindings.sources.items()}
            return grouping.worker(sources, bindings.sinks, engine, tuning), group
        except BaseException:
            grouping.close()
            discard(bindings)
            raise


def _behind(rests: Mapping[str, Rest], layout: Layout, place: Mapping[str, Placing]) -> Mapping[str, int]:
    """Return up to where sources are to be read as they were placed before."""
    stood = {name: at for shard, rest in rests.items() if layout.reads(shard) for name, at in rest.offsets.items()}
    found: dict[str, int] = {}
    for source, names in layout.by_source(stood).items():
        if source in place:
            found |= place[source].behind({name: stood[name] for name in names})
    return found


def _dry(rests: Mapping[str, Rest], layout: Layout, group: Group) -> bool:
    """Whether the repartition topics are read to their ends."""
    stood = {name: at for shard, rest in rests.items() if not layout.reads(shard) for name, at in rest.offsets.items()}
    return all(stood[name] >= end for name, (_, end) in group.bounds(sorted(stood)).items()) if stood else True


def discard(bindings: Bindings) -> None:
    """Close what was opened and is not needed."""
    for sink in bindings.sinks.values():
        sink.abort()
    for bound in bindings.sources.values():
        bound.source.close()


def many(stages: Stages, known: Mapping[str, Any]) -> int:
    """Return how many partitions the repartition topics of a group have whose operators have keys, 0 where there are none."""
    return max((known["between"][topic.slug] for topic in stages.topics.values() if topic.keys), default=0)
