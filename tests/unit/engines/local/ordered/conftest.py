"""A driver that feeds an operator by hand: any morsels, any steps of the watermark, cut and restored anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import BOOL, FLOAT64, INT64, STRING, TIMESTAMP, Field, Schema
from caudal.engines.local.stateful import OPEN, Released, StatefulOperator
from caudal.expressions import bind
from caudal.plan.expr import col
from caudal.plan.nodes import Source

SCHEMA = Schema(
    [
        Field("t", TIMESTAMP),
        Field("k", STRING),
        Field("j", INT64),
        Field("o", INT64),
        Field("x", INT64),
        Field("f", FLOAT64),
        Field("b", BOOL),
        Field("s", STRING),
    ]
)
RANKS = np.array([2, 0, 1], np.int64)
"""The pinned order of the partitions 0, 1, 2."""


@dataclass
class Row:
    """A row as the engine gets it."""

    time: int
    origin: int
    position: int
    watermark: int
    values: dict[str, Any]
    branch: int = 0
    came: int = 0

    @property
    def late(self) -> bool:
        return self.time < self.watermark


@dataclass
class Output:
    """What came out: (time, W_p, columns) of each row by `position`, and what became of the rows that went in."""

    rows: list[tuple[Any, Any, dict[str, Any]]] = field(default_factory=list)
    fates: dict[str, int] = field(default_factory=dict)
    late: int = 0
    buffered: int = 0
    failed: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    lost: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """What failed and is of no row: times and keys."""
    place: tuple[int, int] = (-1, 0)
    """Position of the last row, and its number among those of that position."""
    state_rows: int = 0
    """The most rows of state that were there behind an advance."""


def random_partitions(
    rng: random.Random, rows: int, *, keys: int = 3, disorder: int = 5, span: int = 60, many: int = 3
):
    """Return rows by partition, each out of order by about the disorder, some late; several may share a position."""
    out = []
    came = 0
    for origin in range(many):
        part: list[Row] = []
        high: int | None = None
        position = 0
        for i in range(rng.randint(0, 2 * rows // many)):
            t = span * i // rows + rng.randint(-disorder - 2, 2)
            w = (t if high is None else high) - disorder
            high = t if high is None else max(high, t)
            for branch in range(rng.choice([1, 1, 1, 2])):
                part.append(
                    Row(t, origin, position, w, _values(rng, t, keys), branch if rng.random() < 0.5 else 0, came)
                )
                came += 1
            position += 10
        out.append(part)
    return out


def _values(rng: random.Random, t: int, keys: int) -> dict[str, Any]:
    key = rng.randrange(keys)
    return {
        "t": t,
        "k": None if key == 0 else "key" * rng.choice([key, key]) + str(key),
        "j": key % 2,
        "o": rng.choice([None, 1, 2]),
        "x": rng.choice([None, rng.randint(-9, 9), 2**62]),
        "f": rng.choice([None, 0.1, 1e16, -1e16, 3.25, rng.uniform(-1, 1)]),
        "b": rng.choice([None, True, False]),
        "s": rng.choice([None, "", "a", "b", "a longer text than most"]),
    }


def morsel(rows: list[Row], timed: bool = True, judged: bool = True) -> Morsel:
    columns = {f.name: from_list([r.values[f.name] for r in rows], f.dtype) for f in SCHEMA}

    def ints(values: list[int]) -> Any:
        return np.array(values, np.int64)

    return Morsel(
        columns,
        len(rows),
        time=ints([r.time for r in rows]) if timed else None,
        watermark=ints([r.watermark for r in rows]) if judged else None,
        position=ints([r.position for r in rows]),
        partition=rows[0].origin,
        branch=rows[0].branch,
    )


class Driver:
    """Feeds operators that `make` makes. `cut`: how likely a cut and restore is behind an advance."""

    schema = SCHEMA
    ranks = RANKS
    random_partitions = staticmethod(random_partitions)
    Row = Row
    morsel = staticmethod(morsel)

    @staticmethod
    def source(timed: bool = True) -> Source:
        event_time = col("t") if timed else None
        return Source(connector="c", options=(), declared=SCHEMA, event_time=event_time, name="in")

    @staticmethod
    def operator(kind: Callable[..., StatefulOperator], node: Any, *extra: Any) -> StatefulOperator:
        return kind(node, "op", bind, lambda: RANKS, *extra)

    def run(
        self,
        make: Callable[[], StatefulOperator],
        partitions: list[list[Row]],
        seed: int = 0,
        *,
        largest: int = 5,
        cut: float = 0.0,
        steps: float = 0.7,
        timed: bool = True,
    ) -> Output:
        rng = random.Random(seed)
        operator, out, blobs = make(), Output(), []
        pieces = [_pieces(rng, part, largest) for part in partitions]
        reached = [-OPEN if part else OPEN for part in partitions]
        while any(pieces):
            p = rng.choice([i for i, waiting in enumerate(pieces) if waiting])
            rows = pieces[p].pop(0)
            partial = operator.prepare(morsel(rows, timed))
            out.late += 0 if partial.late is None else partial.late.rows
            operator.add(partial)
            reached[p] = max([reached[p], *(r.watermark for r in rows)]) if pieces[p] else OPEN
            if rng.random() < steps or operator.arrival:
                self._take(out, operator, operator.advance(min(reached)))
                out.state_rows = max(out.state_rows, operator.blocks.rows)
            if rng.random() < cut:
                whole = not blobs or rng.random() < 0.3
                blobs = [operator.export(True)] if whole else [*blobs, operator.export(False)]
                operator = make()
                operator.restore(blobs, operator.state_types())
        self._take(out, operator, operator.advance(OPEN))
        again = operator.advance(OPEN)
        assert again.rows is None
        assert not any(again.fates.values())
        out.buffered = operator.buffered()
        return out

    @staticmethod
    def _take(out: Output, operator: StatefulOperator, released: Released) -> None:
        for fate, count in released.fates.items():
            out.fates[fate] = out.fates.get(fate, 0) + count
        got = released.rows
        if got is not None:
            assert got.rows
            assert got.position is not None
            assert not got.order
            numbers = [0] * got.rows if got.ordinal is None else got.ordinal.tolist()
            for position, number in zip(got.position.tolist(), numbers, strict=True):
                assert (position, number) in (
                    (out.place[0] + 1, 0),
                    (out.place[0], out.place[1] + 1 if out.place[0] >= 0 and got.ordinal is not None else -1),
                )
                out.place = position, number
            lists = {name: column.to_list() for name, column in got.columns.items()}
            times = [None] * got.rows if got.time is None else got.time.tolist()
            marks = [None] * got.rows if got.watermark is None else got.watermark.tolist()
            for i in range(got.rows):
                out.rows.append((times[i], marks[i], {name: values[i] for name, values in lists.items()}))
        for failing in released.failing:
            for failure in failing.failed:
                values = {name: c.to_list()[failure.row] for name, c in failing.rows.columns.items()}
                if failing.alone:
                    assert failing.rows.time is not None
                    out.lost.append((int(failing.rows.time[failure.row]), values))
                    continue
                assert failing.rows.position is not None
                assert not isinstance(failing.rows.partition, int)
                place = int(failing.rows.partition[failure.row]), int(failing.rows.position[failure.row])
                out.failed.append((*place, values))

    @staticmethod
    def in_order(partitions: list[list[Row]], by: Callable[[Row], Any] = lambda row: 0) -> list[Row]:
        """Return the rows that are not late in pinned order."""
        rows = [r for part in partitions for r in part if not r.late]
        return sorted(rows, key=lambda r: (r.time, by(r), RANKS[r.origin], r.position, r.branch, r.came))


def _pieces(rng: random.Random, rows: list[Row], largest: int) -> list[list[Row]]:
    """Cut a partition's rows to morsels, each of one branch."""
    pieces: list[list[Row]] = []
    for row in rows:
        if not pieces or pieces[-1][0].branch != row.branch or rng.random() < 1 / largest:
            pieces.append([])
        pieces[-1].append(row)
    return pieces


@pytest.fixture
def driver() -> Driver:
    return Driver()
