"""`caudal rescale`: a group's job at rest, for other numbers of partitions, as a savepoint that `--restore` takes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from caudal.checkpoint.leases import FOLDER, leased
from caudal.checkpoint.store import Store, open_store
from caudal.core.errors import OptionError
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource, Tasks, Tuning
from caudal.ports.group import Group, Membership, Placing
from caudal.rewrite import rewrite
from caudal.runner.agreement import agreed, agreement, prefix_of, stages_of, topics_of
from caudal.runner.binding import bind, following, joined
from caudal.runner.group_savepoints import GroupSavepoint, named
from caudal.runner.layout import Layout
from caudal.runner.rescaling.dealing import Dealing
from caudal.runner.rescaling.settled import Join, Settled, discard, many
from caudal.runner.rests import stays
from caudal.runner.resuming import split
from caudal.runner.sides import with_sides
from caudal.runner.stages import Stages

Topics = Mapping[str, Mapping[str, int]]
"""How many partitions the topics of each source have, by its operator id."""


@dataclass(frozen=True, slots=True)
class Rescaled:
    """A savepoint that was dealt anew. `counts`: partitions of the sources' topics, `between`: of repartition topics, by operator.

    `settled`: what was read and written to bring the job there is committed.
    """

    url: str
    id: str
    counts: Mapping[str, int]
    between: Mapping[str, int]
    settled: bool

    @property
    def where(self) -> str:
        """What `--restore` takes."""
        return f"{self.url}@{self.id}"


def rescale(
    plan: Plan,
    restore: str,
    partitions: int,
    *,
    follow: bool = False,
    late: str = "file",
    dead: str = "file",
    timeout: float = 300.0,
) -> Rescaled:
    """Deal a group's job anew; see `Rescaling`."""
    logical = with_sides(following(plan) if follow else plan, late, dead)
    physical = rewrite(logical)

    def join(membership: Membership) -> Bindings:
        return bind(physical, staged=True, membership=membership)[0]

    return Rescaling(logical, physical, restore, join, timeout).run(partitions)


class Rescaling:
    """One rescale. What is there stays as it is until the new savepoint is, and after: whatever ends it, it may be tried again."""

    def __init__(self, logical: Plan, physical: Plan, restore: str, join: Join, timeout: float) -> None:
        """`restore`: the URL of the job's checkpoints, with the @ID of a savepoint where it is to be dealt as it was then.

        `timeout`: seconds within which the job must come to rest. Raises `OptionError` where no group keeps its checkpoints there.
        """
        self.url, self._id = split(restore)
        self._logical, self._physical = logical, physical
        self._join = join
        self._timeout = timeout
        self._store: Store = open_store(self.url, create=False, shared=True)
        known = agreed(self._store)
        if known is None:
            self._store.close()
            raise OptionError(
                f"{self.url} holds no checkpoints of a group of workers",
                detail="a job that one process runs reads all partitions, however many: there is nothing to divide",
                hint="its checkpoints go on as they are",
            )
        self._origin: GroupSavepoint | None = named(restore) if self._id else None
        self._known = known if self._origin is None else self._origin.agreed

    def run(self, partitions: int) -> Rescaled:
        """Write the savepoint. Raises `OptionError` for what cannot be, `InputError`, `RunError`, `StoreError`."""
        try:
            stages = self._stages()
            self._alone()
            bindings = self._join(Membership(self._known["group"], f"rescales-{secrets.token_hex(4)}"))
            try:
                return self._rescaled(stages, bindings.sources, joined(bindings.sources), partitions)
            finally:
                discard(bindings)
        finally:
            self._store.close()

    def _rescaled(self, stages: Stages, sources: Mapping[str, BoundSource], group: Group, partitions: int) -> Rescaled:
        now = group.counts()
        old = topics_of(self._known, stages, "the job began")
        counts = self._counts(stages, old, now, partitions)
        place = self._place(stages, group, old, now)
        readers = {name: bound.reader for name, bound in sources.items()}
        before = self._layout(
            stages, readers, old, stages.counts(old, many(stages, self._known)), prefix_of(self._known)
        )
        settled = Settled(self._store, self._known, self._logical, self._physical, self._join, self._timeout)
        origin = settled.origin(self._origin, before, group, place)
        incarnation = secrets.token_hex(4)
        prefix = f"{self._known['group']}.{incarnation}"
        after = self._layout(stages, readers, now, counts, prefix)
        told = agreement(stages, now, counts)
        told |= {"incarnation": incarnation, "prefix": prefix, "origin": ""}
        fresh = [
            f"{topic}/{n}"
            for name, topics in now.items()
            for topic, count in topics.items()
            for n in range(old[name][topic], count)
        ]
        begins = {name: first for name, (first, _) in group.bounds(fresh).items()} if fresh else {}
        keyed = {
            stage: place[sources[0].name].numbers
            for stage, sources in stages.sources.items()
            if sources[0].name in place and stages.placing(stage)
        }
        id = Dealing(origin, before, after, {**self._known, **told}, begins, self._tasks(), keyed).deal()
        return Rescaled(self.url, id, told["partitions"], told["between"], settled.read)

    # -- what may be -----------------------------------------------------------------------------------------------------------

    def _stages(self) -> Stages:
        stages = stages_of(self._known, Stages(self._physical))
        known, name = self._known, self._logical.name
        if known["pipeline"] != name:
            raise OptionError(f"{self.url} is of the pipeline '{known['pipeline']}', not of '{name}'")
        slugs = {topic.slug for topic in stages.topics.values()}
        moved = known["between"].keys() != slugs or any(
            known["rows"].get(topic.slug, told) != told
            for name, topic in stages.topics.items()
            for told in [stages.rows(name)]
        )
        if stages.alone or moved:
            raise OptionError(
                "the pipeline has changed since: its repartition topics are not those that the group uses",
                detail=stages.alone or f"{sorted(slugs)}; then {sorted(known['between'])}",
                hint="rescale with the pipeline of then",
            )
        return stages

    def _alone(self) -> None:
        """Raise `OptionError` where workers run, or another has taken the job over."""
        stays(self._store)
        for each in self._store.list(FOLDER):
            name = each.name.rpartition("/")[2]
            lease = leased(self._store, name)
            if lease is None:
                raise OptionError(
                    f"the worker '{name}' of the job runs, or did seconds ago",
                    hint=f"caudal savepoint {self.url} lets all workers end behind a savepoint",
                )
            lease.release()

    def _counts(self, stages: Stages, old: Topics, now: Topics, wanted: int) -> dict[str, int]:
        """Return how many shards each stage is to have."""
        for name, topics in now.items():
            if old[name].keys() != topics.keys():
                raise OptionError(
                    f"the source reads {', '.join(topics)}, and read {', '.join(old[name])}", location=name
                )
            for topic, count in topics.items():
                if count < old[name][topic]:
                    raise OptionError(
                        f"the topic '{topic}' has {count} partitions, and had {old[name][topic]}: topics cannot shrink",
                        detail="so it is another, and what was read of it says nothing of this one",
                        hint="begin anew with another --group and --checkpoint",
                    )
        if wanted < 1:
            raise OptionError(f"a topic has one partition at least, not {wanted}")
        source = max(count for topics in now.values() for count in topics.values())
        if not stages.topics and wanted != source:
            shrinks = wanted < source
            raise OptionError(
                f"the source has {source} partitions, not {wanted}, and the pipeline has no repartition topics",
                detail="a topic cannot shrink" if shrinks else "",
                hint=f"--partitions {source}" if shrinks else "enlarge the topic first",
            )
        counts = stages.counts(now, wanted)
        told = agreement(stages, now, counts)
        if now == old and told["between"] == self._known["between"]:
            many = [f"{topic} has {count}" for topic, count in {**told["partitions"], **told["between"]}.items()]
            keyless = any(not topic.keys for topic in stages.topics.values())
            raise OptionError(
                "there is nothing to rescale: all partitions are as many as they were",
                detail=", ".join(many) + ("; an operator without a key has one" if keyless else ""),
            )
        return counts

    def _place(self, stages: Stages, group: Group, old: Topics, now: Topics) -> dict[str, Placing]:
        """Return how the records of sources are placed, where it is not as it was and known; raises `OptionError` where it must be."""
        places = group.placing()
        for stage, sources in stages.sources.items():
            before = {topic: count for source in sources for topic, count in old[source.name].items()}
            after = {topic: count for source in sources for topic, count in now[source.name].items()}
            if before != after and stages.placing(stage):
                for source in sources:
                    if source.name not in places:
                        raise OptionError(
                            "which partition a key has moved to is not known: unchecked=True takes it on trust",
                            location=source.name,
                            hint="say by which partitioner= the producers write, without unchecked=, where it is one of caudal's",
                        )
                _exact(before, after)
        return {name: place for name, place in places.items() if old[name] != now[name]}

    # -- how it is read ----------------------------------------------------------------------------------------------------------

    def _layout(
        self, stages: Stages, readers: Mapping[str, object], topics: Topics, counts: Mapping[str, int], prefix: str
    ) -> Layout:
        return Layout(stages, self._logical, readers, topics, counts, prefix)

    def _tasks(self) -> Tasks:
        tasks = registry.find("engine", "local").tasks(self._logical, Tuning(1))
        assert tasks is not None
        return tasks


def _exact(old: Mapping[str, int], now: Mapping[str, int]) -> None:
    """Raise `OptionError` where the topics of a source have not got the same multiple of partitions."""
    for topic, count in now.items():
        if count % old[topic] or len(set(now.values())) > 1 or len(set(old.values())) > 1:
            more = [old[topic] * factor for factor in range(2, 5)]
            raise OptionError(
                f"the topic '{topic}' has {count} partitions, and had {old[topic]}",
                detail="a partition would have keys of several that had come differently far, so that rows in time would be late",
                hint=f"exact are multiples, the same for all topics: {', '.join(map(str, more))} ...",
            )
