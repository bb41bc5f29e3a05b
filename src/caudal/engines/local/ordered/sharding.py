"""The state of an ordered operator by ranges of its keys' hashes, so that all cores take part in an advance.

What comes of a key's rows depends on that key alone; so each shard takes its rows and keeps its state by itself, and only
the results are put back into the order of the rows that they are of. Small work is not divided: state is divided once,
when there is so much of it at once that it pays, and what comes out is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from caudal.columnar.column import Column, Ints
from caudal.columnar.grouping import key_hashes
from caudal.engines.local.dividing import Dividing, rows_of
from caudal.engines.local.lists import concat_columns
from caudal.engines.local.ordered.keyed import owned
from caudal.engines.local.ordered.pieces import Share
from caudal.engines.local.state import HASH, Blocks
from caudal.engines.local.table import Table
from caudal.expressions.functions.outcome import Failed


class Kept(Protocol):
    """What a shard keeps: blocks of the operator's, whose `numbers` ascend with the age of their rows."""

    numbers: list[int]

    def restored(self, numbers: Sequence[int]) -> None:
        """Keep these blocks, and nothing else."""
        ...


class Framed:
    """Blocks of rows that are still in a frame, by their age."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def restored(self, numbers: Sequence[int]) -> None:
        """Keep these blocks, and nothing else."""
        self.numbers = list(numbers)


S = TypeVar("S", bound=Kept)


@dataclass(slots=True)
class Portion:
    """What rows of some keys come to. `of`: ascending, the row that each result is of; `columns`: what was made for it.

    `alone`: results that are of no row; `lost`: keys and times of what failed and is of no row, with why; `shares`: results that are
    made piece by piece, where there are any; then no others are of rows.
    """

    of: Ints
    columns: dict[str, Column]
    fates: dict[str, int] = field(default_factory=dict[str, int])
    failed: list[Failed] = field(default_factory=list[Failed])
    alone: list[Table] = field(default_factory=list[Table])
    lost: list[tuple[Table, list[Failed]]] = field(default_factory=list[tuple[Table, list[Failed]]])
    shares: list[Share] = field(default_factory=list[Share])


class Shards(Generic[S]):
    """What is kept of each shard: one at first. `keys`: the columns that make a key; `make`: makes a shard without state."""

    def __init__(self, blocks: Blocks, keys: Sequence[str], make: Callable[[], S]) -> None:
        self.states: list[S] = [make()]
        self._blocks = blocks
        self._keys = keys
        self._make = make

    @property
    def numbers(self) -> list[int]:
        """The blocks of all shards."""
        return [number for state in self.states for number in state.numbers]

    def of(self, table: Table, dividing: Dividing) -> list[tuple[S, Ints | None]]:
        """Return the shards that the rows of a table fall into, with the numbers of their rows; None for all of them."""
        wanted = dividing.shards(table.rows)
        if wanted > len(self.states):
            self._divide(wanted)
        if len(self.states) == 1:
            return [(self.states[0], None)]
        shares = zip(self.states, rows_of(table, len(self.states)), strict=True)
        return [(state, rows) for state, rows in shares if len(rows)]

    def restored(self, numbers: Sequence[int]) -> None:
        """Keep the blocks of a cut, in ascending order."""
        self.states = [self._make()]
        self.states[0].restored(numbers)

    def _divide(self, count: int) -> None:
        numbers: list[list[int]] = [[] for _ in range(count)]
        for number in self.numbers:
            table = hashed(self._blocks.remove(number), self._keys)
            for mine, rows in zip(numbers, rows_of(table, count), strict=True):
                if len(rows):
                    mine.append(self._blocks.add(owned(table.take(rows))))
        self.states = [self._make() for _ in range(count)]
        for state, mine in zip(self.states, numbers, strict=True):
            state.restored(mine)


def hashed(table: Table, keys: Sequence[str]) -> Table:
    """Return the table with the hashes of its keys, which a cut does not have."""
    return table if HASH in table.columns else table.with_column(HASH, key_hashes([table[k] for k in keys], table.rows))


def merged(portions: Sequence[Portion], rows: Sequence[Ints | None]) -> Portion:
    """Return what shards made as one, by the rows that they were given."""
    whole = [p.of if own is None else own[p.of] for p, own in zip(portions, rows, strict=True)]
    if len(portions) == 1:
        of, columns = whole[0], portions[0].columns
    else:
        of = np.concatenate(whole)
        order = np.argsort(of, kind="stable")
        of = of[order]
        columns = {n: concat_columns([p.columns[n] for p in portions]).take(order) for n in portions[0].columns}
    fates: dict[str, int] = {}
    failed: list[Failed] = []
    for portion, own in zip(portions, rows, strict=True):
        for fate, count in portion.fates.items():
            fates[fate] = fates.get(fate, 0) + count
        failed += [f if own is None else replace(f, row=int(own[f.row])) for f in portion.failed]
    alone = [table for portion in portions for table in portion.alone]
    lost = [one for portion in portions for one in portion.lost]
    shares = [
        share if own is None else share.among(own)
        for portion, own in zip(portions, rows, strict=True)
        for share in portion.shares
    ]
    return Portion(of, columns, fates, sorted(failed, key=lambda f: f.row), alone, lost, shares)
