"""State dealt anew between shards that have come differently far: what they show together is what one makes of all rows."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.runner.test_stages import FAR, Kept, LiveSource, Make, plan_of, reader_of, told

import caudal as cd
from caudal.core.errors import RunError
from caudal.engines.local import ENGINE
from caudal.observe.ledger import Ledger
from caudal.plan.plan import Plan
from caudal.ports.engine import Bindings, BoundSource, Tuning
from caudal.ports.snapshot import Dealt, Share, State
from caudal.rewrite import rewrite
from caudal.testing.fakes.topic import Message

pytestmark = pytest.mark.slow

Messages = Mapping[str, Sequence[Message]]
KEYS = 8


def by_ip(stream: Any) -> Any:
    return stream.group_by("ip")


OPERATORS: dict[str, Make] = {
    "tumbling": lambda s: by_ip(s).window(cd.tumbling("100ms")).agg(n=cd.count(), first=cd.first("word")),
    "hopping": lambda s: by_ip(s).window(cd.hopping("200ms", every="50ms")).agg(n=cd.count(), last=cd.last("word")),
    "cumulative": lambda s: by_ip(s).window(cd.cumulative("400ms", every="100ms")).agg(n=cd.sum("n")),
    "sessions": lambda s: by_ip(s).window(cd.session("90ms")).agg(n=cd.count(), words=cd.collect("word")),
    "of rows": lambda s: by_ip(s).window(cd.rows(5, every=2)).agg(n=cd.sum("n"), words=cd.collect("word")),
    "once": lambda s: s.deduplicate(["ip", "n"], within="300ms"),
    "lag": lambda s: by_ip(s).lag("t", into="before"),
    "lead": lambda s: by_ip(s).lead("word", 2, within="150ms", into="after"),
    "averages": lambda s: by_ip(s).running(usual=cd.ewma("n", half_life="90ms"), slow=cd.ewma("n", span=9)),
    "sliding": lambda s: by_ip(s).window(cd.sliding("300ms")).agg(sum=cd.sum("n"), words=cd.count_distinct("word")),
    "latest": lambda s: by_ip(s).window(cd.sliding(rows=3)).agg(sum=cd.sum("n"), words=cd.collect("word")),
    "so far": lambda s: by_ip(s).running(sum=cd.sum("n"), old=cd.first("word")),
    "top": lambda s: by_ip(s).window(cd.hopping("200ms", every="100ms")).top(2, by="n"),
    "fold": lambda s: by_ip(s).reduce(_sum, schema={"sum": "int64"}),
    "timers": lambda s: by_ip(s).process(
        _quiet, schema={"rows": "int64", "words": ["string"]}, state={"rows": "int64", "words": ["string"]}
    ),
    "few": lambda s: by_ip(s).throttle("150ms"),
    "behind one another": lambda s: (
        by_ip(by_ip(s).window(cd.hopping("200ms", every="50ms")).agg(n=cd.count()))
        .window(cd.tumbling("400ms"))
        .agg(most=cd.max("n"))
    ),
}


def _sum(state: dict[str, int] | None, row: dict[str, int]) -> dict[str, int]:
    return {"sum": (0 if state is None else state["sum"]) + row["n"]}


def _quiet(state: dict[str, Any], rows: list[dict[str, Any]], timers: Any) -> Any:
    for row in rows:
        state["rows"] = (state["rows"] or 0) + 1
        state["words"] = [*(state["words"] or []), row["word"]][-3:]
        timers.set(row["t"] + 90)
    if timers.due:
        yield state
        state.clear()


def traffic(seed: int, partitions: int) -> dict[str, list[Message]]:
    """Rows of partitions, some late; the keys of partition p are those whose number is p beyond a multiple of them."""
    draw = random.Random(seed)
    made: dict[str, list[Message]] = {}
    for number in range(partitions):
        now, messages = 0, []
        for at in range(40):
            now += draw.choice([0, 1, 7, 30])
            key = draw.randrange(number, KEYS, partitions)
            row = {
                "ip": f"{key}",
                "t": now - draw.choice([0, 0, 20, 60, 200]),
                "n": draw.randrange(4),
                "word": "abc"[at % 3],
            }
            messages.append(Message(at, json.dumps(row).encode()))
        messages.append(Message(40, json.dumps({"ip": f"{number}", "t": FAR, "n": 0, "word": "z"}).encode()))
        made[f"t/{number}"] = messages
    return made


class Shard:
    """Reads partitions from a state on; `shown`: what came out of it."""

    def __init__(self, plan: Plan, parts: Messages, state: State | None = None) -> None:
        physical = rewrite(plan)
        (source,) = physical.sources
        kept = {sink.name: Kept() for sink in physical.sinks}
        bound = BoundSource(LiveSource({name: list(given) for name, given in parts.items()}), reader_of(source))
        tuning = Tuning(threads=2, live=True, extra={"idle_poll": 0.001, "read_bytes": 300})
        execution = ENGINE.start(plan, physical, Bindings({source.name: bound}, kept), tuning)
        before = 0
        if state is not None:
            execution.resume(state)
            before = sum(value for _, name, value in state.rest["counts"] if name == "taken" and _ == source.name)
            behind = {name: at for (_, name), at in state.positions.items()}
            parts = {name: [m for m in given if m.offset >= behind[name]] for name, given in parts.items()}
        total = before + sum(map(len, parts.values()))
        execution.run(lambda: execution.stop() if execution.progress().rows >= total else None)
        self.shown = {name: told(sink.rows) for name, sink in kept.items()}
        snapshot = execution.snapshot()
        assert isinstance(snapshot, State)
        self.state = snapshot
        self.ledger = execution.ledger()


def _place(keys: pa.Array, shards: int) -> Any:
    return np.array([int(key) % shards for key in keys.to_pylist()], np.int64)


def dealt(plan: Plan, parts: Sequence[Dealt], number: int, shards: int, begins: Mapping[str, int]) -> State:
    physical = rewrite(plan)
    (source,) = physical.sources
    keys = {node.name: (0,) for node in physical.nodes}
    tasks = ENGINE.tasks(plan, Tuning(1))
    places = {(source.name, name): at for name, at in begins.items()}
    return tasks.dealt(physical, parts, Share(number, shards, keys, _place), places)


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), far=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_two_become_one(name: str, seed: int, far: tuple[int, int]) -> None:
    """Two shards that read so many rows each are put together."""
    plan = plan_of(OPERATORS[name])
    parts = traffic(seed, 2)
    some = {each: parts[each][:count] for each, count in zip(parts, far, strict=True)}
    whole = Shard(plan, parts).shown
    two = [Shard(plan, {each: some[each]}) for each in parts]
    begins = {each: part[-1].offset + 1 if part else 0 for each, part in some.items()}
    one = Shard(plan, parts, dealt(plan, [Dealt(each.state, True) for each in two], 0, 1, begins))
    _together(whole, [*two, one])
    assert one.ledger.check() == []
    held = sum(each.ledger.total("buffered") for each in two)
    assert held >= 0
    assert all(entry.opening == 0 for entry in one.ledger.entries.values())


def _together(whole: Mapping[str, Counter[str]], shards: Sequence[Shard]) -> None:
    for sink, rows in whole.items():
        made: Counter[str] = sum((each.shown[sink] for each in shards), Counter[str]())
        assert (rows - made, made - rows) == (Counter(), Counter())


def test_state_of_other_key_groups_is_not_read() -> None:
    plan = plan_of(OPERATORS["tumbling"])
    parts = traffic(1, 1)
    state = replace(Shard(plan, parts).state, key_groups=64)
    with pytest.raises(RunError, match="keys in 64 groups"):
        dealt(plan, [Dealt(state, True)], 0, 2, {"t/0": 41})
    with pytest.raises(RunError, match="keys in 64 groups"):
        Shard(plan, parts, state)
    with pytest.raises(RunError, match="keys in 128 groups by another"):
        Shard(plan, parts, replace(state, key_groups=128, key_hash="another"))


def test_what_a_shard_holds_of_rows_that_another_has_counted() -> None:
    """Each ledger adds up by itself, and together they are that of before."""
    plan = plan_of(OPERATORS["tumbling"])
    parts = traffic(3, 1)
    whole = Shard(plan, {"t/0": parts["t/0"][:40]})
    begins = {"t/0": 40}
    states = [dealt(plan, [Dealt(whole.state, n == 0)], n, 2, begins if n == 0 else {"t/1": 0}) for n in range(2)]
    shards = [Shard(plan, {name: []}, state) for name, state in zip(("t/0", "t/1"), states, strict=True)]
    ledgers = [shard.ledger for shard in shards]
    assert [ledger.check() for ledger in ledgers] == [[], []]
    together = Ledger.sum(ledgers)
    assert together.check() == []
    (name,) = [name for name, entry in whole.ledger.entries.items() if entry.kind == "window"]
    assert {ledger.entries[name].opening for ledger in ledgers} != {0}
    assert "held elsewhere" in ledgers[0].to_text()
    assert "held before" in ledgers[1].to_text()
    assert together.entries[name].opening == 0
    assert together.entries[name].buffered == whole.ledger.entries[name].buffered > 0
