"""What all workers of a group agree on: pipeline, partitions, and what goes through repartition topics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from caudal.checkpoint.store import Absent, Store
from caudal.core.errors import OptionError
from caudal.runner.stages import FIRST, Stages, Together, shard_of

AGREED = "group.json"
"""What all workers of a group agree on; its presence makes a store a group's."""


def agreed(store: Store) -> dict[str, Any] | None:
    """Return what the group of this store has agreed on, None where it is none's. Raises `StoreError`."""
    try:
        return {"between": {}, "incarnation": "", "rows": {}, "sources": {}, **json.loads(store.read(AGREED))}
    except Absent:
        return None


def prefix_of(known: Mapping[str, Any]) -> str:
    """Return what the names of a group's repartition topics begin with."""
    return known.get("prefix") or f"{known['group']}.{known['incarnation']}"


def agreement(stages: Stages, topics: Mapping[str, Mapping[str, int]], counts: Mapping[str, int]) -> dict[str, Any]:
    """Return what a group agrees on about its partitions, and the shards behind them.

    `topics`: how many partitions the topics of each source have; `counts`: how many shards each stage has.
    """
    read = {
        stage: {source.name: sorted(topics[source.name]) for source in sources}
        for stage, sources in stages.sources.items()
    }
    return {
        "partitions": {topic: count for each in topics.values() for topic, count in each.items()},
        "sources": read if len(topics) > 1 else {},
        "between": {topic.slug: counts[name] for name, topic in stages.topics.items()},
        "rows": {topic.slug: stages.rows(name) for name, topic in stages.topics.items()},
    }


def topics_of(known: Mapping[str, Any], stages: Stages, when: str) -> dict[str, dict[str, int]]:
    """Return how many partitions the topics of each source had, of a group that has agreed on this.

    Raises `OptionError` where the sources of the stages are others. `when`: see `like`.
    """
    partitions = known["partitions"]
    names = [source.name for sources in stages.sources.values() for source in sources]
    told: Mapping[str, Mapping[str, list[str]]] = known.get("sources") or {FIRST: {names[0]: [*partitions]}}
    found = {
        name: {topic: partitions[topic] for topic in topics} for each in told.values() for name, topics in each.items()
    }
    if found.keys() != set(names):
        raise _others(sorted(names), sorted(found), when)
    return found


def stages_of(known: Mapping[str, Any], stages: Stages) -> Stages:
    """Return stages where those sources begin one together that did in a group which has agreed on this."""
    alike = [frozenset(sources) for sources in known.get("sources", {}).values()]
    return stages.known(lambda met: any({source.name for source in met} <= each for each in alike))


def together(topics: Mapping[str, Mapping[str, int]]) -> Together:
    """Return what tells whether sources have as many partitions each. `topics`: how many those of each source have."""
    return lambda met: len({count for source in met for count in topics[source.name].values()}) == 1


def _others(now: Any, then: Any, when: str) -> OptionError:
    return OptionError(
        f"the sources of this pipeline have changed since {when}",
        detail=f"now {now or 'one'}; then {then or 'one'}",
        hint="each is known by its name=; for another pipeline another --group and --checkpoint",
    )


def shards_of(known: Mapping[str, Any]) -> list[str]:
    """Return the shards of a group that has agreed on this."""
    partitions = known["partitions"]
    told: Mapping[str, Mapping[str, list[str]]] = known.get("sources") or {FIRST: {"": [*partitions]}}
    read = {
        stage: max((partitions[topic] for topics in sources.values() for topic in topics), default=0)
        for stage, sources in told.items()
    }
    first = [shard_of(stage, number) for stage, count in read.items() for number in range(count)]
    return first + [f"{slug}.{number}" for slug, count in known["between"].items() for number in range(count)]


def like(own: Mapping[str, Any], known: Mapping[str, Any], when: str, rescales: Callable[[int | str], str]) -> None:
    """Raise `OptionError` where sources, partitions, or what goes through repartition topics, are not as they were.

    `when`: when it was `known`, in words; `rescales`: the command for so many partitions.
    """
    for topic, count in own["partitions"].items():
        before = known["partitions"].get(topic)
        if before is not None and before != count:
            raise OptionError(
                f"the topic '{topic}' has {count} partitions, and had {before} when {when}: its keys have moved",
                hint=rescales(count),
            )
    if own["sources"] != known.get("sources", {}):
        raise _others(own["sources"], known.get("sources"), when)
    if known["between"] != own["between"]:
        raise OptionError(
            f"the repartition topics of this pipeline have changed since {when}",
            detail=f"now {_shown(own['between'])}; then {_shown(known['between'])}",
            hint=f"--partitions as then, or {rescales('N')}; for another pipeline another --group and --checkpoint",
        )
    for slug, columns in own["rows"].items():
        before = known.get("rows", {}).get(slug, columns)
        if before != columns:
            raise OptionError(
                f"the columns that go through the repartition topic of {slug} have changed since {when}",
                detail=f"now {columns}; then {before}",
                hint="rows that wait in the topic cannot be read with other columns: begin anew with another --group and --checkpoint",
            )


def _shown(between: Mapping[str, int]) -> str:
    return ", ".join(f"{name} with {count} partitions" for name, count in between.items()) or "none"
