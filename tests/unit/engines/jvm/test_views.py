"""Views of lowered plans, read without an engine: columns that nobody reads, and sessions as DuckDB makes them."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pytest

import caudal as cd
from caudal import col
from caudal.engines.flink.dialect import FlinkDialect
from caudal.engines.jvm.relation import printed
from caudal.engines.jvm.script import lower_all
from caudal.engines.spark.dialect import SparkDialect
from caudal.rewrite import rewrite

SCHEMA = {"k": "string", "n": "int64", "x": "float64", "t": "int64"}
DIALECTS = [FlinkDialect, SparkDialect]


def views(stream: Any, dialect: Any) -> dict[str, str]:
    plan = cd.Pipeline("p", stream.to("console")).pinned()
    (lowered,) = lower_all([rewrite(plan)], dialect()).plans
    return {view.name: printed(view.relation, dialect()) for view in lowered.views}


def source() -> Any:
    return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", name="one")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_columns_that_nobody_reads_are_not_there(dialect: Any) -> None:
    made = views(source().filter(col("n") > 0).window(cd.tumbling("1s")).agg(c=cd.count()), dialect)
    assert "`x`" not in made["one"]
    assert "`n`, " in made["one"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_hidden_columns_do_not_meet_those_of_the_user(dialect: Any) -> None:
    named = source().select("n", "t", __t=col("k"), __f0_0=col("x"), ___t=col("n"), name="named")
    made = views(named.filter(col("__t") == "a", name="left"), dialect)
    assert "`___t`" in made["named"]
    assert "`____t`" in made["named"], "spelt so that each name stays another one's"
    assert "`___f0_0`" in made["named"]
    assert "`__t`" in made["named"], "the event time"


def sessions(rows: list[tuple[str | None, int]], gap: int) -> list[tuple[Any, ...]]:
    out: list[tuple[Any, ...]] = []
    for key in {k for k, _ in rows}:
        times = sorted(t for k, t in rows if k == key)
        begins = [i for i, t in enumerate(times) if i == 0 or t - times[i - 1] > gap]
        for first, last in zip(begins, [*begins[1:], len(times)]):
            out += [(key, t, times[first], times[last - 1] + gap) for t in times[first:last]]
    return sorted(out, key=str)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("gap", [1, 250, 1000])
def test_rows_of_sessions(dialect: Any, gap: int) -> None:
    made = views(source().group_by("k").window(cd.session(f"{gap}ms")).agg(c=cd.count()), dialect)
    (rows_of,) = (name for name in made if name.endswith(" rows"))
    text = made[rows_of.replace(" rows", " windows")].replace("`", '"')
    dice = random.Random(gap)
    base = duckdb.connect()
    base.execute(f'CREATE TABLE "{rows_of}" ("__k0" VARCHAR, "__t" BIGINT, "__w" BIGINT)')
    for _ in range(50):
        steps = [dice.choice([0, 1, 2, 249, 250, 251, 500, 1000, 1001, -700]) for _ in range(dice.randint(1, 25))]
        rows = [(dice.choice(["a", "b", None]), sum(steps[:i])) for i in range(len(steps))]
        base.execute(f'DELETE FROM "{rows_of}"')
        base.executemany(f'INSERT INTO "{rows_of}" VALUES (?, ?, NULL)', rows)
        got = base.execute(f'SELECT "__k0", "__t", window_start, window_end FROM ({text})').fetchall()
        assert sorted(got, key=str) == sessions(rows, gap)
