"""Results of a step of which there may be more than memory holds: made in pieces, in the order of the rows that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Ints
from caudal.worker.cutting import pieces
from caudal.worker.steps.contract import Several

ROWS = 1 << 17
"""Results of a piece at most."""

BYTES = 1 << 25
"""About how many bytes those of a piece take, where they are more than one."""


@dataclass(frozen=True, slots=True)
class Share:
    """Results of some rows of a table: `rows`: which row of it each row of the step's call is."""

    rows: Ints
    several: Several

    def among(self, rows: Ints) -> Share:
        """Return the same of a table whose rows these were."""
        return Share(rows[self.rows], self.several)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some results: the row that each is of, ascending, its number among that row's, what was made.

    `next`: the row that the first result behind them is of, None behind the last.
    """

    rows: Ints
    nth: Ints
    columns: list[pa.Array]
    next: int | None


def cut(shares: Sequence[Share], rows: int, most: int = 0, room: int = 0) -> Iterator[Piece]:
    """Yield the results of a table of so many rows in order; each is made as it is asked for.

    `most`, `room`: results and bytes of a piece, 0 for the usual ones.
    """
    most, room = most or ROWS, room or BYTES
    counts, owner, inner = (np.zeros(rows, np.int64) for _ in range(3))
    for number, share in enumerate(shares):
        counts[share.rows] = share.several.counts
        owner[share.rows] = number
        inner[share.rows] = np.arange(len(share.rows))
    ends = np.cumsum(counts)
    total = int(ends[-1]) if rows else 0
    fits = max((share.several.widest() for share in shares), default=0) * min(total, most) <= room
    for start in range(0, total, most):
        places = np.arange(start, min(total, start + most))
        row = np.searchsorted(ends, places, "right")
        nth = places - (ends - counts)[row]
        # in parts, by which share has them, and each in the order of its rows
        mine = [np.flatnonzero(owner[row] == number) for number in range(len(shares))]
        for begin, end in [(0, len(row))] if fits else pieces(_sizes(shares, mine, inner[row], nth), room):
            some = [at[np.searchsorted(at, begin) : np.searchsorted(at, end)] for at in mine]
            made = [
                share.several.columns(inner[row[each]], nth[each]) for share, each in zip(shares, some, strict=True)
            ]
            after = start + end
            yield Piece(
                row[begin:end],
                nth[begin:end],
                _in_order(made, np.argsort(np.concatenate(some))),
                int(np.searchsorted(ends, after, "right")) if after < total else None,
            )


def _sizes(shares: Sequence[Share], mine: Sequence[Ints], rows: Ints, nth: Ints) -> Ints:
    sizes = np.zeros(len(rows), np.int64)
    for share, at in zip(shares, mine, strict=True):
        sizes[at] = share.several.sizes(rows[at], nth[at])
    return sizes


def _in_order(made: list[list[pa.Array]], order: Ints) -> list[pa.Array]:
    if len(made) == 1:
        return made[0]
    return [pa.concat_arrays(list(each)).take(pa.array(order)) for each in zip(*made, strict=True)]
