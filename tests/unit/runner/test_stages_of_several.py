"""Plans over several sources: their rows meet behind topics, and workers make of them what one process does."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.unit.runner.test_stages import FAR, SCHEMA, Workers, by_workers, in_one_process, tumbling

import caudal as cd
from caudal import col
from caudal.plan.nodes import Node, Source
from caudal.plan.plan import Plan
from caudal.rewrite import rewrite
from caudal.runner.sides import with_sides
from caudal.runner.stages import Stages
from caudal.testing.fakes.broker import Broker
from caudal.testing.fakes.group import Coordinator
from caudal.testing.fakes.topic import Message

Make = Callable[[Any, Any], Any]
READS = {"in": ("t",), "other": ("u", "v")}
"""The topics of each source: the second has two."""
MANY = {"t": 3, "u": 2, "v": 2}
TOPICS = {source: {topic: MANY[topic] for topic in topics} for source, topics in READS.items()}
ALL = cd.tumbling("100ms")


def plan_of(make: Make, idle: Mapping[str, int] | None = None) -> Plan:
    def source(name: str, disorder: str) -> Any:
        return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", disorder=disorder, name=name)

    made = make(source("in", "50ms"), source("other", "80ms"))
    streams = made if isinstance(made, list) else [made]
    sinks = [stream.to("console", name=f"out{i}") for i, stream in enumerate(streams)]
    plan = with_sides(cd.Pipeline("p", *sinks), "file", "discard")

    def said(node: Node, _: Any) -> Node:
        if not isinstance(node, Source):
            return node
        return replace(
            node, options=(*node.options, ("partitioned_by", "ip")), idle=(idle or {}).get(node.name, 1 << 40)
        )

    return plan.rebuild(said)


def stages_of(make: Make) -> Stages:
    return Stages(rewrite(plan_of(make)))


def traffic(seed: int, topics: Mapping[str, int] = MANY, *, rows: int = 100) -> dict[str, list[Message]]:
    """Rows of all topics, whose times go along with each other, some late, with ties; each partition ends with one far ahead."""
    draw = random.Random(seed)
    parts: dict[str, list[Message]] = {f"{topic}/{n}": [] for topic, many in topics.items() for n in range(many)}
    for name, messages in parts.items():
        many, number = topics[name[:-2]], int(name[-1])
        at = now = 0
        for _ in range(draw.randrange(rows // 2, rows)):
            now += draw.choice([0, 0, 1, 7, 30])
            late = draw.choice([0, 0, 0, 20, 60, 200])
            ip = f"10.0.0.{draw.randrange(4) * many + number}"
            word = draw.choice(["a", "b", None, "ü" * 40])
            row = {"ip": ip, "t": now - now % 10 - late, "n": draw.randrange(5), "word": word}
            messages.append(Message(at, json.dumps(row).encode()))
            at += draw.choice([1, 1, 2])
        messages.append(Message(at, json.dumps({"ip": "z", "t": FAR, "n": 0, "word": "z"}).encode()))
    return parts


# -- which stages there are -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "topics"),
    [
        (lambda a, b: a.union(b), ""),
        (lambda a, b: tumbling(a.union(b), "ip", name="1"), "1"),
        (lambda a, b: [tumbling(a, "ip", name="1"), tumbling(b, "ip", name="2")], ""),
        (lambda a, b: [tumbling(a, "n", name="1"), tumbling(b, "ip", name="2")], "1"),
        (lambda a, b: a.join(b, "ip", within="1s", name="1"), "1"),
        (lambda a, b: tumbling(a.join(b, "ip", within="1s", name="1"), "ip", name="2"), "1"),
        (lambda a, b: tumbling(a.join(b, "ip", within="1s", name="1"), "n", name="2"), "12"),
    ],
)
def test_rows_of_several_sources_meet_behind_a_topic(make: Make, topics: str) -> None:
    stages = stages_of(make)
    assert not stages.alone
    assert "".join(stages.topics) == topics
    assert stages.names[:2] == ("in", "other")
    assert stages.counts(TOPICS) == {"in": 3, "other": 2, **dict.fromkeys(stages.topics, 3)}


def test_each_source_is_explained() -> None:
    text = stages_of(
        lambda a, b: tumbling(a, "ip", name="w").select("ip").union(b.select("ip")).deduplicate("ip")
    ).to_text()
    assert text.startswith("  one worker reads all partitions: ")
    told = stages_of(lambda a, b: [tumbling(a, "ip", name="w"), a.join(b, "ip", within="1s", name="j")]).to_text()
    assert told.splitlines() == [
        "  by partition of the source in: w",
        "  by partition of the source other: nothing that keeps state",
        "  by partition of the topic GROUP.JOB.j, which has partitions by ip, since its rows come from several stages "
        "(there is none where the topics of in and other have as many partitions each): j",
    ]


# -- rows -------------------------------------------------------------------------------------------------------------


def second(b: Any) -> Any:
    """Columns of their own, but for the key."""
    return b.select("word", m=col("n"), at=col("ip"))


def joined(a: Any, b: Any, how: str, **more: Any) -> Any:
    return a.join(second(b), "word", within=("-5ms", "20ms"), how=how, **more)


def silent(state: Any, rows: Any, timers: Any) -> Any:
    for row in rows:
        state["rows"] = (state["rows"] or 0) + 1
        timers.set(row["t"] + 60)
    if timers.due:
        yield state
        state.clear()


PIPELINES: dict[str, Make] = {
    **{how: lambda a, b, how=how: joined(a, b, how) for how in ("inner", "left", "right", "full", "semi", "anti")},
    "in the same window": lambda a, b: a.join(second(b), "word", window=cd.hopping("200ms", every="100ms"), how="full"),
    "null keys match": lambda a, b: joined(a, b, "full", nulls="match"),
    "by the partitions' key": lambda a, b: a.join(b.select("ip", m=col("n")), "ip", within="20ms"),
    "two keys, two names": lambda a, b: a.join(
        b.select(host=col("word"), m=col("n")), [("word", "host"), ("n", "m")], within="50ms"
    ),
    "late rows of both sides": lambda a, b: [(made := joined(a, b, "inner")), made.late()],
    "windows behind a join": lambda a, b: tumbling(joined(a, b, "inner"), "word", sum=cd.sum("m")),
    "other windows behind a join": lambda a, b: tumbling(joined(a, b, "left"), "n", sum=cd.sum("m")),
    "settings": lambda a, b: a.broadcast(b.select("word", limit=col("n")), "word"),
    "settings for all": lambda a, b: a.broadcast(b.select(limit=col("n")), how="inner"),
    "the latest of a key": lambda a, b: a.lookup(
        b.group_by("word").latest(tombstone=col("n") == 1), "word", columns=["n"]
    ),
    "few of a union": lambda a, b: a.union(b).group_by("word").throttle("100ms"),
    "timers of a union": lambda a, b: (
        a.union(b).group_by("n").process(silent, schema={"rows": "int64"}, state={"rows": "int64"})
    ),
    "windows of a union": lambda a, b: tumbling(a.union(b), "word", sum=cd.sum("n")),
    "a union in order": lambda a, b: a.union(b).group_by("n").lag("t", into="before"),
    "nothing but a union": lambda a, b: a.union(b).filter(col("n") > 1),
    "a pattern behind a union": lambda a, b: (
        a.union(b)
        .group_by("n")
        .match(cd.event("x", col("word") == "a").times(2) >> cd.event("y", col("word") == "b"), within="200ms")
        .agg(rows=cd.count(), ip=cd.last("ip", of="y"))
    ),
    "beside each other": lambda a, b: [tumbling(a, "ip"), tumbling(b, "n"), joined(a, b, "semi")],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_workers_make_what_one_process_makes(tmp_path: Any, name: str) -> None:
    plan = plan_of(PIPELINES[name])
    parts = traffic(len(name))
    made = by_workers(tmp_path, plan, parts, random.Random(name), READS)
    wanted = in_one_process(plan, parts, READS)
    assert made == wanted
    assert any(wanted.values())


# -- sources that go together -----------------------------------------------------------------------------------------


PAIRED = {"in": ("t",), "other": ("u",)}
ALIKE = {"t": 3, "u": 3}


def keyed(a: Any, b: Any, how: str) -> Any:
    return a.join(b.select("ip", m=col("n")), "ip", within=("-5ms", "20ms"), how=how, name="j")


def paired(make: Make, together: bool = True, **options: Any) -> Stages:
    plan = plan_of(make)

    def said(node: Node, _: Any) -> Node:
        more = tuple(options.items()) if isinstance(node, Source) and node.name == "other" else ()
        return replace(node, options=(*node.options, *more)) if isinstance(node, Source) else node

    return Stages(rewrite(plan.rebuild(said))).known(lambda met: together)


GO_TOGETHER: dict[str, Make] = {
    **{how: lambda a, b, how=how: keyed(a, b, how) for how in ("inner", "left", "right", "full", "semi", "anti")},
    "windows behind, and beside": lambda a, b: [
        tumbling(keyed(a, b, "inner"), "ip", sum=cd.sum("m")),
        tumbling(b, "ip"),
        tumbling(a, "n"),
    ],
    "settings": lambda a, b: a.broadcast(b.select("ip", limit=col("n")), "ip"),
    "a pattern behind a union": lambda a, b: (
        a.union(b)
        .group_by("ip", "n")
        .match(cd.event("x", col("word") == "a") >> cd.event("y", col("word") == "b"), within="300ms")
        .agg(rows=cd.count())
    ),
    "a join of windows": lambda a, b: a.join(b, "ip", window=cd.tumbling("100ms"), how="full"),
}


@pytest.mark.parametrize("name", GO_TOGETHER)
def test_partitions_of_one_number_go_together(tmp_path: Any, name: str) -> None:
    plan = plan_of(GO_TOGETHER[name])
    stages = paired(GO_TOGETHER[name])
    assert stages.sources.keys() == {""}
    assert len(stages.topics) == (1 if name.startswith("windows") else 0)
    parts = traffic(len(name), ALIKE)
    made = by_workers(tmp_path, plan, parts, random.Random(name), PAIRED)
    wanted = in_one_process(plan, parts, PAIRED)
    assert made == wanted
    assert any(wanted.values())


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda a, b: joined(a, b, "inner"), {}),
        (lambda a, b: keyed(a, b.with_columns(ip=col("ip").str.lower()), "inner"), {}),
        (lambda a, b: a.select("ip").union(b.select(ip=col("word"))).deduplicate("ip", within="1s"), {}),
        (lambda a, b: keyed(a, b, "inner"), {"partitioner": "crc32"}),
        (lambda a, b: keyed(a, b, "inner"), {"unchecked": True}),
    ],
)
def test_others_meet_behind_a_topic(make: Make, options: Any) -> None:
    assert len(paired(make, **options).topics) == 1


def test_other_numbers_of_partitions_meet_behind_a_topic() -> None:
    assert len(paired(GO_TOGETHER["inner"], together=False).topics) == 1
    assert not paired(GO_TOGETHER["inner"]).topics


def test_keys_that_are_in_other_places_meet_behind_a_topic() -> None:
    """One side is placed by the first of both keys, the other by the second: rows of one key are in several partitions."""

    def crossed(a: Any, b: Any) -> Any:
        return (
            a.select("ip", "word")
            .union(b.select(ip=col("word"), word=col("ip")))
            .deduplicate(["ip", "word"], within="1s")
        )

    assert len(paired(crossed).topics) == 1


def test_sources_that_go_together_are_explained() -> None:
    told = paired(lambda a, b: [keyed(a, b, "inner"), tumbling(b, "n", name="w")]).to_text()
    assert told.splitlines() == [
        "  by partition of the sources in, other together: j",
        "  by partition of the topic GROUP.JOB.w, which has partitions by n, since its keys do not contain ip, "
        "by which other is partitioned: w",
    ]


# -- silence ----------------------------------------------------------------------------------------------------------


def test_a_topic_without_rows_holds_results_up_until_it_is_idle(tmp_path: Any) -> None:
    """All shards of both sources count for W, those too that have never had a row; idle ones leave it."""
    clock = count()
    plan = plan_of(lambda a, b: joined(a, b, "left"), idle={"other": 10**9})
    parts: dict[str, list[Message]] = {f"{topic}/{n}": [] for topic, many in MANY.items() for n in range(many)}
    for number in range(MANY["t"]):
        rows = [{"ip": f"10.0.0.{number}", "t": t, "n": number, "word": "a"} for t in range(0, 2000, 100)]
        parts[f"t/{number}"] = [Message(at, json.dumps(row).encode()) for at, row in enumerate(rows)]
    row = {"ip": "10.0.0.0", "t": 500, "n": 7, "word": "a"}
    parts["u/0"] = [Message(0, json.dumps(row).encode())]
    group = Coordinator(Broker(), parts, READS)
    workers = Workers(tmp_path, plan, group, clock=lambda: next(clock))
    workers.start("a")
    workers.start("b")
    for number, names in enumerate(workers.together([*parts, *group.between])):
        group.give("ab"[number % 2], *names)
    ends = {name: len(messages) for name, messages in parts.items()}

    def through() -> bool:
        written = {name: len(group.broker.rows.get(name, ())) for name in group.between}
        return all(name in group.stands and group.stands[name].offset >= at for name, at in (ends | written).items())

    workers.until(through)
    workers.until(lambda: all(len(group.broker.rows.get(name, ())) > 0 for name in group.between) and through())
    assert not group.broker.rows.get("out0")
    clock = count(2 * 10**9)
    workers.until(lambda: len(group.broker.rows.get("out0", ())) >= 3 * 19)
    workers.stop()
    out = group.broker.rows["out0"]
    assert Counter(row["m"] for row in out) == {None: 3 * 18, 7: 3}
