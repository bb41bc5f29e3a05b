"""Single expressions and aggregates against the oracle: cheap, so there are many cases of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import CALLS, CHANGES, COLUMNS, FILTERS, FREE, ODD, SCHEMA, STEPS, Values, decoded, row_numbers

from caudal.columnar.column import from_list
from caudal.columnar.grouping import Groups
from caudal.columnar.morsel import Morsel
from caudal.core.types import Schema
from caudal.engines.local.aggregates.functions import Rows, aggregator
from caudal.engines.local.table import concat_columns
from caudal.expressions import bind
from caudal.plan.aggregates import Aggregate
from caudal.plan.building import coalesce
from caudal.plan.conditional import when
from caudal.plan.expr import Expr, col, lit
from caudal.testing.folding import fold
from caudal.testing.scalars import evaluate, identity

pytestmark = pytest.mark.slow
TYPES = Schema.of(SCHEMA)
NUMBERS = ("g", "x", "n", "t")
COUNT = settings.default.max_examples * 30
MANY = settings(max_examples=COUNT)
NO_RANKS = np.zeros(1, np.int64)


@st.composite
def rows(draw: Any, most: int = 6) -> list[Values]:
    choices, count = row_numbers(False)
    numbers = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=most))
    return [dict(zip(COLUMNS, [*decoded(n, choices)[:-2], decoded(n, choices)[-2]])) for n in numbers]


def compared(draw: Any, depth: int) -> Expr:
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.sampled_from(FILTERS))()
    if kind == 1:
        return number(draw, depth).is_null() | (number(draw, depth) == number(draw, depth))
    if kind == 2:
        return number(draw, depth) < number(draw, depth)
    return ~(compared(draw, depth) & col("b")) if depth else col("b")


def number(draw: Any, depth: int) -> Expr:
    kind = draw(st.integers(0, 7)) if depth else 0
    if kind == 0:
        chosen = draw(st.integers(0, 6))
        return col(NUMBERS[chosen]) if chosen < len(NUMBERS) else lit((0, -3, 0.5)[chosen - len(NUMBERS)])
    a, b = number(draw, depth - 1), number(draw, depth - 1)
    if kind < 6:
        return (a + b, a - b, a * b, a / b, a // b)[kind - 1]
    if kind == 6:
        return coalesce(a, b)
    return when(compared(draw, depth - 1)).then(a).otherwise(b)


@st.composite
def expressions(draw: Any) -> Expr:
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(list(draw(st.sampled_from(CHANGES))().values())))
    return draw(st.sampled_from([number, compared]))(draw, 2)


@MANY
@given(expr=expressions(), given_rows=rows())
def test_an_expression_gives_for_each_row_what_the_oracle_says(expr: Expr, given_rows: list[Values]) -> None:
    columns = {name: from_list([r[name] for r in given_rows], TYPES.dtype(name)) for name in COLUMNS}
    got = bind(expr, TYPES)(Morsel(columns, len(given_rows))).to_list()
    wanted = [evaluate(expr, row, TYPES) for row in given_rows]
    assert [identity(v) for v in got] == [identity(v) for v in wanted]


@MANY
@given(data=st.data(), given_rows=rows(12))
def test_an_aggregate_does_not_depend_on_how_rows_are_parted(data: Any, given_rows: list[Values]) -> None:
    aggregate: Aggregate = data.draw(st.sampled_from(FREE))()
    groups = [data.draw(st.integers(0, 2)) for _ in given_rows]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(given_rows)), max_size=3)))
    argument = aggregate.argument
    values = [1 if argument is None else evaluate(argument, row, TYPES) for row in given_rows]
    dtype = None if argument is None else argument.dtype(TYPES)
    made = aggregator(aggregate.function, aggregate.dtype(TYPES), dtype, dict(aggregate.options))
    states: list[Any] | None = None
    for start, stop in zip([0, *cuts], [*cuts, len(given_rows)]):
        codes = np.array(
            [0, 1, 2, *groups[start:stop]], np.int64
        )  # a row of null for each group, so that all are there
        column = None if dtype is None else from_list([None, None, None, *values[start:stop]], dtype)
        part = made.partial(Rows(column), Groups(codes, np.arange(3)))
        if states is None:
            states = part
            continue
        both = np.array([0, 1, 2, 0, 1, 2], np.int64)
        states = made.merge(
            [concat_columns([a, b]) for a, b in zip(states, part)], Groups(both, np.arange(3)), NO_RANKS
        )
    assert states is not None
    extra = len(cuts) + 1 if aggregate.function == "count" and argument is None else 0
    got = made.result(states, NO_RANKS).to_list()
    for group in range(3):
        mine = [v for v, g in zip(values, groups) if g == group]
        wanted = fold(aggregate.function, mine, **dict(aggregate.options))
        assert identity(got[group]) == identity(wanted + extra if extra else wanted)


def test_the_choices_of_rows_stay_small() -> None:
    """hypothesis draws integers of up to 24 bits evenly, larger ones mostly small."""
    assert row_numbers(False)[1] < 1 << 24
    assert len(STEPS) > 1
    assert ODD > 2
    assert CALLS
