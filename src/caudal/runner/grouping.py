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
from caudal.ports.sink import Sink, TransactionalSink
from caudal.runner.binding import Joined, shared
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.delivery import check_mode
from caudal.runner.group import GroupWorker
from caudal.runner.group_savepoints import AGREED, GroupSavepoint, agreed, named, prefix_of
from caudal.runner.group_steps import Place
from caudal.runner.layout import Layout
from caudal.runner.rests import stays
from caudal.runner.stages import Stages


def alone(stages: Stages | None, plan: Plan, how: Checkpointing, origin: GroupSavepoint | None = None) -> str:
    """Return why a job of this plan cannot share its input with others, "" where it can; a reason is told only over a source that could.

    `plan`: as it runs; `stages`: its stages where it has one source; `origin`: what a group begins from.
    """
    able = [node for node in plan.sources if shared(node)]
    if not able:
        return "its source is not one that a group can share"
    if stages is None:
        return "it has several sources"
    if how.delivery == "at-most-once":
        return "at most once is not for groups"
    if how.restore and origin is None:
        return "it begins from a savepoint"
    return stages.alone


def grouping(logical: Plan, physical: Plan, how: Checkpointing | None) -> Grouping | None:
    """Return how a job takes part in a group; None where it is alone, which is said of a source that could be shared.

    Raises `OptionError` where names of a group are given and there is none.
    """
    if how is None:
        return None
    stages = Stages(physical) if len(physical.sources) == 1 else None
    origin = named(how.restore) if how.restore else None
    why = alone(stages, physical, how, origin)
    if stages is not None and not why:
        return Grouping(how, logical, stages, origin)
    if origin is not None:
        raise OptionError(
            f"{how.restore} is the savepoint of a group of workers, which cannot share this pipeline: {why}"
        )
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

    def __init__(self, how: Checkpointing, plan: Plan, stages: Stages, origin: GroupSavepoint | None = None) -> None:
        """Raises `OptionError` where the worker's name is taken, or the store is another pipeline's."""
        self.how = how
        self._plan = plan
        self._stages = stages
        self._origin = origin
        self.store: Store = open_store(how.url, shared=True)
        try:
            self.lease = self._named(how.worker)
        except BaseException:
            self.store.close()
            raise
        self.membership = Membership(how.group or f"caudal.{plan.name}", self.lease.name, static=bool(how.worker))

    def worker(
        self, physical: Plan, bound: BoundSource, sinks: Mapping[str, Sink], engine: Engine, tuning: Tuning
    ) -> GroupWorker:
        """Return the worker, ready to run. Raises `OptionError` for sinks or a topic that do not go with the group."""
        assert isinstance(bound.source, Joined)
        group = bound.source.group
        foreign = [s for s in sinks.values() if not isinstance(s, TransactionalSink) or s.domain != group.domain]
        exact = [s for s in foreign if s.delivery == "exactly-once"]
        mode = check_mode(self.how.delivery)
        if exact or (foreign and mode == "exactly-once"):
            raise OptionError(
                f"workers of a group cannot commit {(exact or foreign)[0].where} together with {group.domain}",
                hint="write to a topic of the same cluster; side outputs: --late discard, --dead discard",
            )
        tasks = engine.tasks(self._plan, tuning)
        if tasks is None:
            raise OptionError("this engine shares partitions by itself", hint="run it without --checkpoint")
        source = dict(group.counts())
        counts = self._stages.counts(max(source.values(), default=0), self.how.partitions)
        between = {topic.slug: counts[name] for name, topic in self._stages.topics.items()}
        prefix = self._agree(source, between)
        layout = Layout(self._stages, self._plan, bound.reader, source, counts, prefix, self.how.allow_dropped)
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

    def _agree(self, counts: dict[str, int], between: dict[str, int]) -> str:
        """Hold the worker to what the first one has written down: pipeline, group, partitions; return what topics are called by."""
        origin, incarnation = self._origin, secrets.token_hex(4)
        own: dict[str, Any] = {
            "pipeline": self._plan.name,
            "group": self.membership.group,
            "partitions": counts,
            "between": between,
            "rows": {topic.slug: self._stages.rows(name) for name, topic in self._stages.topics.items()},
            "incarnation": incarnation,
            "prefix": prefix_of(origin.agreed) if origin is not None else f"{self.membership.group}.{incarnation}",
            "origin": origin.id if origin is not None else "",
        }
        stays(self.store)
        if origin is not None:
            self._like(own, origin.agreed, f"the savepoint {origin.id}")
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
        if origin is None and known["origin"]:
            raise OptionError(
                f"the group in {self.how.url} has begun from the savepoint {known['origin']}",
                hint="all its workers, later ones too, are started with the same --restore",
            )
        self._like(own, known, "the group began")
        if origin is not None and between:
            origin.take_over(self.how.url, known["incarnation"])
        return prefix_of(known)

    def _like(self, own: Mapping[str, Any], known: Mapping[str, Any], when: str) -> None:
        """Raise `OptionError` where partitions, or what goes through repartition topics, are not as they were."""
        for topic, count in own["partitions"].items():
            before = known["partitions"].get(topic)
            if before is not None and before != count:
                raise OptionError(
                    f"the topic '{topic}' has {count} partitions, and had {before} when {when}: its keys have moved",
                    hint="begin anew with another --group and --checkpoint",
                )
        if known["between"] != own["between"]:
            raise OptionError(
                f"the repartition topics of this pipeline are not those of when {when}",
                detail=f"{_shown(own['between'])}; then: {_shown(known['between'])}",
                hint="--partitions as then; for another pipeline another --group and --checkpoint",
            )
        for slug, rows in own["rows"].items():
            before = known.get("rows", {}).get(slug, rows)
            if before != rows:
                raise OptionError(
                    f"the rows that go through the repartition topic of {slug} are not those of when {when}",
                    detail=f"{rows}; then: {before}",
                    hint="what is in the topic cannot be read as these: begin anew with another --group and --checkpoint",
                )


def _shown(between: dict[str, int]) -> str:
    return ", ".join(f"{name} with {count} partitions" for name, count in between.items()) or "none"
