"""Laws that need no oracle: two pipelines that mean the same give the same rows, over the same random input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import called
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipelines import (
    CALLS,
    FILTERS,
    FREE,
    FUNCTIONS,
    KEYS,
    ORDERED,
    SCHEMA,
    SEQUENCES,
    WHOLE,
    Values,
    aggregates,
    grouped,
    in_memory,
    listed,
    ms,
    partitions,
    stateless,
    ways,
    windows,
)

import caudal as cd
from caudal import col
from caudal.core.types import INT64
from caudal.testing.harness import Started

pytestmark = pytest.mark.slow

Streams = Sequence[Any]
Rows = list[tuple[Any, ...]]


def given_source(draw: Any, *, late: bool = True, most: int = 3) -> Any:
    """Return a source of random rows; without `late` its disorder is larger than any step back."""
    disorder = draw(st.sampled_from([0, 500, 3000])) if late else 10**6
    return in_memory({}, "one", draw(partitions(False, most)), event_time="t", disorder=ms(disorder))


def outcomes(streams: Streams, way: Values | None = None) -> list[Rows]:
    """Return the rows of each stream in one run, in the order written."""
    plan = cd.Pipeline("laws", *(s.to("console", name=str(i)) for i, s in enumerate(streams)))
    run = Started(plan, **(way or {})).run()
    assert run.ledger.check() == []
    return [[tuple(map(tuple, listed(row))) for row in run.rows[str(i)]] for i in range(len(streams))]


def counted(rows: Rows) -> Counter[Any]:
    return Counter(rows)


Law = Callable[[Any], Streams]
"""Draws two streams, or more, that have the same rows."""


def a_filter_moves_past_what_it_does_not_read(draw: Any) -> Streams:
    one = given_source(draw)
    test = draw(st.sampled_from([lambda: col("k") == "a", lambda: col("t") > 500, lambda: col("k").is_null()]))()
    change = draw(st.sampled_from(CALLS))()
    return one.filter(test).with_columns(**change), one.with_columns(**change).filter(test)


def a_map_of_expressions_is_one_of_columns(draw: Any) -> Streams:
    one = draw(stateless(given_source(draw)))
    anew = one.filter(col("n").is_null() | (col("n") != 7))
    plain = anew.select("k", "t", "g", n=col("n") + 1, x=col("x") * 2, b=~col("b"))
    return anew.map(called.changed, schema=SCHEMA), plain


def the_parts_of_a_split_are_all_rows(draw: Any) -> Streams:
    one = draw(stateless(given_source(draw)))
    tests = draw(st.lists(st.sampled_from(FILTERS), min_size=1, max_size=3, unique=True))
    first, *others = one.split(**{f"part{i}": test() for i, test in enumerate(tests)}).values()
    return first.union(*others), one


def copies_are_a_union_of_numbered_rows(draw: Any) -> Streams:
    one = draw(stateless(given_source(draw)))
    numbered = [one.with_columns(instance=cd.lit(i, "int64")) for i in range(3)]
    return one.shuffle().all(3), numbered[0].union(*numbered[1:])


def the_order_of_a_union_is_not_seen(draw: Any) -> Streams:
    one = given_source(draw)
    two = in_memory({}, "two", draw(partitions(False, 2)), event_time="t")
    named = aggregates(draw, FREE)
    window = draw(windows(("tumbling", "cumulative")))
    return [a.union(b).group_by("k").window(window).agg(**named) for a, b in ((one, two), (two, one))]


def hopping_by_its_size_is_tumbling(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw))
    size, offset = ms(draw(st.sampled_from([250, 1000, 2500]))), ms(draw(st.sampled_from([0, 300])))
    named = aggregates(draw, FREE + ORDERED)
    alike = [
        cd.tumbling(size, offset=offset),
        cd.hopping(size, every=size, offset=offset),
        cd.cumulative(size, every=size, offset=offset),
    ]
    return [over.window(window).agg(**named) for window in alike]


def the_last_of_cumulative_windows_is_tumbling(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw, late=False))
    step, steps, offset = (
        draw(st.sampled_from([250, 1000])),
        draw(st.sampled_from([2, 3])),
        ms(draw(st.sampled_from([0, 300]))),
    )
    named = aggregates(draw, FREE + ORDERED)
    grown = over.window(cd.cumulative(ms(step * steps), every=ms(step), offset=offset)).agg(**named)
    start, end = (col(f"window_{c}").cast("int64") for c in ("start", "end"))
    return grown.filter(end - start == step * steps), over.window(cd.tumbling(ms(step * steps), offset=offset)).agg(
        **named
    )


def hopping_windows_are_tumbling_ones_moved(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw, late=False))
    step = ms(draw(st.sampled_from([250, 1000])))
    named = aggregates(draw, FREE + ORDERED)
    parts = [over.window(cd.tumbling(2 * step, offset=o)).agg(**named) for o in (ms(0), step)]
    return over.window(cd.hopping(2 * step, every=step)).agg(**named), parts[0].union(parts[1])


def windows_of_rows_are_chunks_of_running_numbers(draw: Any) -> Streams:
    one = given_source(draw)
    size = draw(st.integers(1, 4))
    chunks = one.group_by("k").window(cd.rows(size)).agg(n=cd.collect("n"), x=cd.sum("x"))
    numbered = one.group_by("k").running(i=cd.count()).with_columns(chunk=(col("i") - 1) // size)
    of_one = numbered.group_by("k", "chunk").window(cd.rows(10**6)).agg(n=cd.collect("n"), x=cd.sum("x"))
    return chunks, of_one.drop("chunk")


def a_long_frame_is_all_so_far(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw))
    named = aggregates(draw, FREE + ORDERED)
    frames = [cd.sliding(rows=10**6), cd.sliding("1000d")]
    return [over.running(**named), *(over.window(frame).agg(**named) for frame in frames)]


def the_last_of_running_rows_is_the_window(draw: Any) -> Streams:
    one = given_source(draw)
    named = {f"v{i}": make() for i, make in enumerate(draw(st.lists(st.sampled_from(FREE + ORDERED), max_size=4)))}
    grown = one.group_by("k").running(i=cd.count(), **named).select("k", "i", *named)
    # the last of each key: the one whose number is the count of its rows
    counts = one.group_by("k").window(cd.rows(10**6)).agg(i=cd.count(), **named).select("k", "i", *named)
    last = grown.group_by("k").window(cd.rows(10**6)).top(1, by="i").select("k", "i", *named)
    return last, counts


def deduplicating_twice_is_once(draw: Any) -> Streams:
    one = given_source(draw)
    keys = [draw(st.sampled_from(KEYS))()]
    within = ms(draw(st.sampled_from([0, 250, 4000])))
    once = one.deduplicate(keys, within=within)
    return once, once.deduplicate(keys, within=within)


def the_first_of_each_key_is_what_deduplication_keeps(draw: Any) -> Streams:
    one = given_source(draw)
    numbered = one.group_by("k").running(i=cd.count())
    return one.deduplicate("k"), numbered.filter(col("i") == 1).drop("i")


def top_is_the_first_of_sort(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw)).window(draw(windows(("tumbling", "hopping", "session", "cumulative"))))
    count, by, descending = draw(st.integers(1, 3)), draw(st.sampled_from(["n", "k", "x"])), draw(st.booleans())
    ranked = over.sort(by=by, descending=descending)
    keys = [name for name, _ in ranked.node.keys]
    numbered = ranked.group_by("window_start", "window_end", *keys).running(place=cd.count())
    return over.top(count, by=by, descending=descending), numbered.filter(col("place") <= count).drop("place")


def a_function_over_windows_may_be_an_aggregate(draw: Any) -> Streams:
    over = grouped(draw, given_source(draw)).window(
        draw(windows(("tumbling", "hopping", "session", "cumulative", "rows")))
    )
    listed_rows = over.apply(called.counted, schema={"c": "int64", "total": "int64"})
    return listed_rows, over.agg(c=cd.count(), total=cd.sum("g"))


LAWS: list[Law] = [
    a_filter_moves_past_what_it_does_not_read,
    a_map_of_expressions_is_one_of_columns,
    the_parts_of_a_split_are_all_rows,
    copies_are_a_union_of_numbered_rows,
    the_order_of_a_union_is_not_seen,
    hopping_by_its_size_is_tumbling,
    the_last_of_cumulative_windows_is_tumbling,
    hopping_windows_are_tumbling_ones_moved,
    windows_of_rows_are_chunks_of_running_numbers,
    a_long_frame_is_all_so_far,
    the_last_of_running_rows_is_the_window,
    deduplicating_twice_is_once,
    the_first_of_each_key_is_what_deduplication_keeps,
    top_is_the_first_of_sort,
    a_function_over_windows_may_be_an_aggregate,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@given(data=st.data(), way=ways())
def test_the_same_is_said_in_two_ways(law: Law, data: Any, way: Values) -> None:
    first, *others = outcomes(law(data.draw), way)
    for other in others:
        assert counted(other) == counted(first)


@pytest.mark.parametrize("stage", FUNCTIONS + WHOLE + SEQUENCES, ids=lambda stage: stage.__name__)
@given(data=st.data(), way=ways())
def test_rows_one_by_one_are_rows_together(stage: Any, data: Any, way: Values) -> None:
    stream = stage(data.draw, given_source(data.draw))
    (whole,) = outcomes([stream])
    (single,) = outcomes([stream], {**way, "morsel_rows": 1, "read_bytes": 1})
    assert counted(single) == counted(whole)


def test_laws_are_tested_on_rows() -> None:
    """The laws hold on streams that have rows: an empty one would agree with anything."""
    rows = [[{"k": k, "g": 1, "x": 0.5, "n": n, "b": True, "t": 100 * n} for n, k in enumerate("abab")]]
    one = in_memory({}, "one", rows, event_time="t")
    both = one.running(c=cd.count()), one.deduplicate("k")
    assert [len(rows) for rows in outcomes(both)] == [4, 2]
    assert both[0].schema["c"].dtype == INT64
