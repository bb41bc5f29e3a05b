"""Plain functions, in worker processes, and rows as they arrive: few cases, since each run starts processes."""

from __future__ import annotations

from typing import Any

import called
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import (
    FREE,
    SCHEMA,
    TIES,
    Case,
    Ends,
    Values,
    aggregates,
    grouped,
    in_memory,
    partitions,
    pipeline,
    stateless,
    ways,
    windows,
)

import caudal as cd
from caudal import col
from caudal.lang.dsl.stream import Stream
from caudal.plan.nodes import DeadLetters, Keyed, Late
from caudal.testing.harness import Started

pytestmark = pytest.mark.slow
FEW = settings(max_examples=max(5, settings.default.max_examples // 6))


def several(draw: Any, stream: Any) -> Ends:
    """Every kind of row function over the same rows, so that they share their processes."""
    order_by = draw(st.sampled_from(TIES))()
    made = {
        "shown": stream.with_columns(k=called.shown(col("k"), col("n"))),
        "anew": stream.map(called.anew, schema=SCHEMA),
        "several": stream.flat_map(called.several, schema=SCHEMA),
        "largest": grouped(draw, stream)
        .window(draw(windows()))
        .apply(called.largest, schema={"most": "int64", "at": "int64"}),
        "folded": grouped(draw, stream, 1).reduce(
            called.folded, schema={"total": "int64", "name": "string"}, order_by=order_by
        ),
    }
    made["walked"] = grouped(draw, stream, 1).process(
        called.walked,
        schema={"name": "string", "total": "int64", "next": "timestamp"},
        state={"total": "int64"},
        order_by=order_by,
    )
    ends: Ends = {}
    for name, out in made.items():
        ends[f"out {name}"] = out
        ends[f"dead {name}"] = Stream(DeadLetters(input=out.node))
        if isinstance(out.node, Keyed):
            ends[f"late {name}"] = Stream(Late(input=out.node))
    return ends


@FEW
@given(data=st.data(), way=ways())
def test_row_functions_give_what_the_oracle_says(data: Any, way: Values) -> None:
    inputs: Any = {}
    one = in_memory(inputs, "one", data.draw(partitions(False, 2)), event_time="t", disorder="500ms")
    ends = several(data.draw, data.draw(stateless(one)))
    case = Case(pipeline({**ends, "dead": one.dead_letters()}), inputs)
    case.check(Started(case.plan, **way).run())


@given(data=st.data(), way=ways())
def test_rows_as_they_arrive_are_taken_in_their_order(data: Any, way: Values) -> None:
    inputs: Any = {}
    timed = {"event_time": "t"} if data.draw(st.booleans()) else {}
    one = in_memory(inputs, "one", data.draw(partitions(False, 1)), **timed)
    rows = data.draw(stateless(one))
    named = aggregates(data.draw, FREE, 3)
    size = data.draw(st.integers(1, 4))
    keyed = grouped(data.draw, rows)
    ends = {
        "out running": keyed.running(order="arrival", all=cd.collect("n"), **named),
        "out last": keyed.window(cd.sliding(rows=size, order="arrival")).agg(first=cd.first("n"), **named),
        "out windows": keyed.window(cd.rows(size, order="arrival")).agg(all=cd.collect("k"), **named),
        "out once": rows.deduplicate(["k", "b"], order="arrival"),
        "dead": one.dead_letters(),
    }
    case = Case(pipeline(ends), inputs)
    case.check(Started(case.plan, **way).run())
