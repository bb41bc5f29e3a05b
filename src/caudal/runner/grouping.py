"""Whether a job runs as one worker of a group, and under which names; what all workers of a group agree on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from caudal.checkpoint.leases import Lease, leased, slot
from caudal.checkpoint.store import Exists, Store, open_store
from caudal.core.errors import OptionError
from caudal.observe.log import log
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource, Engine, Tuning
from caudal.ports.group import Membership
from caudal.ports.sink import ShardedSink, Sink, TransactionalSink
from caudal.runner.agreement import AGREED, agreed, agreement, like, prefix_of, stages_of, together
from caudal.runner.binding import apart, joined, shared
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.delivery import check_mode
from caudal.runner.group import GroupWorker
from caudal.runner.group_savepoints import GroupSavepoint, named
from caudal.runner.group_steps import Place
from caudal.runner.layout import Layout
from caudal.runner.meeting import meet
from caudal.runner.rests import stays
from caudal.runner.stages import Stages


def alone(stages: Stages, plan: Plan, how: Checkpointing, origin: GroupSavepoint | None = None) -> str:
    """Return why a job of this plan cannot share its input with others, "" where it can; a reason is told only over a source that could.

    `plan`: as it runs; `stages`: its stages; `origin`: what a group begins from.
    """
    if why := apart(plan):
        return why
    if how.delivery == "at-most-once":
        return "at most once is not for groups"
    if how.restore and origin is None:
        return "it begins from a savepoint"
    return stages.alone


def unshared(restore: str, why: str) -> OptionError:
    """Return what is told of a group's savepoint and a pipeline that no group can share."""
    return OptionError(f"{restore} is the savepoint of a group of workers, which cannot share this pipeline: {why}")


def grouping(logical: Plan, physical: Plan, how: Checkpointing | None) -> Grouping | None:
    """Return how a job takes part in a group; None where it is alone, which is said of a source that could be shared.

    Raises `OptionError` where names of a group are given and there is none.
    """
    if how is None:
        return None
    stages = Stages(physical)
    origin = named(how.restore) if how.restore else None
    why = alone(stages, physical, how, origin)
    if not why:
        return Grouping(how, logical, stages, origin)
    if origin is not None:
        raise unshared(how.restore, why)
    if how.group or how.worker or how.partitions:
        raise OptionError(
            f"this pipeline cannot be shared by a group of workers: {why}",
            hint="leave --group, --worker and --partitions out",
        )
    if any(shared(node) for node in physical.sources):
        log.info("this worker reads all partitions by itself: %s", why)
    return None


class Grouping:
    """The names under which this worker takes part, and the store that all workers share."""

    def __init__(
        self,
        how: Checkpointing,
        plan: Plan,
        stages: Stages,
        origin: GroupSavepoint | None = None,
        *,
        settles: bool = False,
    ) -> None:
        """`settles`: the worker brings a job to rest that began from wherever it did (see `rescaling.settling`).

        Raises `OptionError` where the worker's name is taken, or the store is another pipeline's.
        """
        self.how = how
        self._plan = plan
        self._stages = stages
        self._origin = origin
        self._settles = settles
        self.store: Store = open_store(how.url, shared=True)
        try:
            self.lease = self._named(how.worker)
        except BaseException:
            self.store.close()
            raise
        self.membership = Membership(how.group or f"caudal.{plan.name}", self.lease.name, static=bool(how.worker))

    def worker(
        self, sources: Mapping[str, BoundSource], sinks: Mapping[str, Sink], engine: Engine, tuning: Tuning
    ) -> GroupWorker:
        """Return the worker, ready to run. Raises `OptionError` for sinks or topics that do not go with the group."""
        group = joined(sources)
        foreign = [s for s in sinks.values() if not _committed_by(s, group.domain)]
        exact = [s for s in foreign if s.delivery == "exactly-once"]
        mode = check_mode(self.how.delivery)
        if exact or (foreign and mode == "exactly-once"):
            raise OptionError(
                f"workers of a group cannot commit {(exact or foreign)[0].where} together with {group.domain}",
                hint='write to a topic of the same cluster, or to a folder that all workers reach: .to("files", roll=...); '
                "side outputs: --late discard, --dead discard",
            )
        for name, sink in sinks.items():
            if isinstance(sink, ShardedSink):
                meet(self.store, name, sink)
        tasks = engine.tasks(self._plan, tuning)
        if tasks is None:
            raise OptionError("this engine shares partitions by itself", hint="run it without --checkpoint")
        topics = group.counts()
        begun_as = agreed(self.store) or (None if self._origin is None else self._origin.agreed)
        self._stages = stages_of(begun_as, self._stages) if begun_as else self._stages.known(together(topics))
        begun = self._origin.between if self._origin is not None else 0
        counts = self._stages.counts(topics, self.how.partitions or begun)
        prefix = self._agree(agreement(self._stages, topics, counts))
        readers = {name: bound.reader for name, bound in sources.items()}
        layout = Layout(self._stages, self._plan, readers, topics, counts, prefix, self.how.allow_dropped)
        for name, topic in layout.sinks().items():
            log.info("%s: rows go through the topic %s", name.partition(":")[2], topic)
        group.share(layout.topics)
        every = {**sinks, **{name: group.repartition(topic) for name, topic in layout.sinks().items()}}
        writer = f"{self.membership.group}.{self.membership.worker}"
        place = Place(self._plan.name, layout, writer, self._origin)
        delivery = "at-least-once" if foreign else "exactly-once"
        transaction = group.transaction(writer)
        return GroupWorker(place, group, transaction, self.store, tasks, every, self.how, delivery, self.lease)

    def close(self) -> None:
        """Give the name back; idempotent."""
        self.lease.release()
        self.store.close()

    def _named(self, name: str) -> Lease:
        if not name:
            return slot(self.store)
        lease = leased(self.store, name)
        if lease is None:
            raise OptionError(
                f"a worker '{name}' runs already",
                location=self.how.url,
                hint="each worker has a --worker name of its own",
            )
        return lease

    def _agree(self, shards: Mapping[str, Any]) -> str:
        """Hold the worker to what the first one has written down: pipeline, group, partitions; return what topics are called by."""
        origin, incarnation = self._origin, secrets.token_hex(4)
        own: dict[str, Any] = {
            "pipeline": self._plan.name,
            "group": self.membership.group,
            **shards,
            "incarnation": incarnation,
            "prefix": prefix_of(origin.agreed) if origin is not None else f"{self.membership.group}.{incarnation}",
            "origin": origin.id if origin is not None else "",
        }
        stays(self.store)
        if origin is not None:
            like(own, origin.agreed, f"the savepoint {origin.id} was made", self.how.rescales)
            if own["pipeline"] != origin.agreed["pipeline"]:
                raise OptionError(f"the savepoint {origin.id} is of the pipeline '{origin.agreed['pipeline']}'")
        try:
            self.store.create(AGREED, json.dumps(own).encode())
            known = own
        except Exists:
            known = {"origin": "", **(agreed(self.store) or own)}
        for what in ("pipeline", "group"):
            if known[what] != own[what]:
                raise OptionError(
                    f"{self.how.url} is of the {what} '{known[what]}', not '{own[what]}'",
                    hint="one group, one --checkpoint",
                )
        if origin is not None and known["origin"] != origin.id:
            raise OptionError(
                f"{self.how.url} holds checkpoints already, which do not come from {self.how.restore}",
                hint="--restore begins in a fresh place: name another --checkpoint",
            )
        if origin is None and known["origin"] and not self._settles:
            raise OptionError(
                f"the group in {self.how.url} has begun from the savepoint {known['origin']}",
                hint="all its workers, later ones too, are started with the same --restore",
            )
        like(own, known, "the group began", self.how.rescales)
        if origin is not None and own["between"]:
            origin.take_over(self.how.url, known["incarnation"])
        return prefix_of(known)


def _committed_by(sink: Sink, domain: str) -> bool:
    """Whether a worker's transaction shows a sink's rows, or decides whether they are shown."""
    return isinstance(sink, ShardedSink) or (isinstance(sink, TransactionalSink) and sink.domain == domain)
