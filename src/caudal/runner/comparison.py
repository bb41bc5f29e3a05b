"""Two tables of one output, compared as multisets: what only one has, what has changed, what is the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

TOLERANCE = 1e-9
"""Of the sum of magnitudes that went into a float: by so much two ways of adding may differ."""

_SIDE, _SIZE = "__caudal_side", "__caudal_size"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]
"""A row as plain values: times as ISO 8601 text, durations as milliseconds."""


@dataclass(slots=True)
class Difference:
    """How two tables differ.

    `left`, `right`: their rows; `only_left`, `only_right`: rows without a counterpart; `changed`: pairs with the same key
    and other values; `same`: how many rows have their equal on the other side. `columns`: those that were compared.
    """

    left: int
    right: int
    columns: list[str]
    only_left: list[Row] = field(default_factory=list)
    only_right: list[Row] = field(default_factory=list)
    changed: list[tuple[Row, Row]] = field(default_factory=list)

    @property
    def same(self) -> int:
        """Rows with an equal counterpart."""
        return self.left - len(self.only_left) - len(self.changed)

    @property
    def equal(self) -> bool:
        """Whether both hold the same rows."""
        return not (self.only_left or self.only_right or self.changed)


def compare(
    left: pl.DataFrame,
    right: pl.DataFrame,
    columns: Sequence[str],
    *,
    key: Sequence[str] = (),
    inexact: Mapping[str, str] | None = None,
) -> Difference:
    """Compare two tables in these columns, order aside: NaN equals NaN, -0 equals 0, null equals null.

    `key`: columns by which rows that are not equal are paired as changed; none are with (). `inexact`: float columns that
    may differ by `TOLERANCE`, each with the column of `left` that holds the sum of magnitudes behind it ("": where that
    is not known, the value's own magnitude counts).
    """
    loose = dict(inexact or {})
    magnitudes = {name for name in loose.values() if name}
    a, b = _unpaired(left, right, [*dict.fromkeys([*columns, *key])], magnitudes)
    if loose:
        exact = [name for name in columns if name not in loose]
        a, b = _within(a, b, exact, loose)
    shown = Difference(left.height, right.height, list(columns))
    pairs: list[tuple[Row, Row]] = []
    if key:
        pairs, a, b = _by_key(a, b, key)
        _, a, b = _by_key(a, b, columns)  # rows that are the same under another identity
    hidden = {*key, *magnitudes} - {*columns}

    def plain(row: Row) -> Row:
        return {name: plain_value(value) for name, value in row.items() if name not in hidden}

    shown.changed = [(plain(x), plain(y)) for x, y in pairs]
    shown.only_left, shown.only_right = ([plain(row) for row in _sorted(rows, columns)] for rows in (a, b))
    return shown


def _unpaired(
    left: pl.DataFrame, right: pl.DataFrame, columns: Sequence[str], carried: Collection[str]
) -> tuple[list[Row], list[Row]]:
    """Return the rows that have no equal in these columns on the other side, in order, with the carried ones of left."""
    import polars as pl

    sides = [frame.with_columns(pl.lit(sign).alias(_SIDE)) for sign, frame in ((1, left), (-1, right))]
    both = pl.concat(sides, how="diagonal_relaxed").select(*columns, *carried, _SIDE)
    net = both.group_by(columns).agg(pl.col(_SIDE).sum(), pl.col(*carried).max() if carried else pl.len().alias(_SIZE))
    found = net.filter(pl.col(_SIDE) != 0)
    out: tuple[list[Row], list[Row]] = ([], [])
    times = [name for name, dtype in found.schema.items() if dtype.base_type() in (pl.Datetime, pl.Duration)]
    points = {name for name in times if found.schema[name].base_type() is pl.Datetime}
    # as integers: not every time is one that Python has
    for row in found.with_columns(pl.col(name).dt.cast_time_unit("ms").to_physical() for name in times).to_dicts():
        count = row.pop(_SIDE)
        row.pop(_SIZE, None)
        row.update({name: _Time(row[name]) for name in points if row[name] is not None})
        out[count < 0].extend([row] * abs(count))
    return _sorted(out[0], columns), _sorted(out[1], columns)


def _sorted(rows: list[Row], columns: Sequence[str]) -> list[Row]:
    return sorted(rows, key=lambda row: [_order(row[name]) for name in columns])


class _Time(int):
    """Milliseconds since the epoch."""


def _within(
    left: list[Row], right: list[Row], exact: Sequence[str], loose: Mapping[str, str]
) -> tuple[list[Row], list[Row]]:
    """Return what is left where rows meet that are equal but for the tolerance of the loose columns."""
    waiting: dict[Any, list[Row]] = defaultdict(list)
    for row in right:
        waiting[_key(row, exact)].append(row)
    alone: list[Row] = []
    for row in left:
        candidates = waiting[_key(row, exact)]
        found = next((i for i, other in enumerate(candidates) if _near(row, other, loose)), None)
        if found is None:
            alone.append(row)
        else:
            del candidates[found]
    return alone, [row for rows in waiting.values() for row in rows]


def _near(row: Row, other: Row, loose: Mapping[str, str]) -> bool:
    for name, magnitude in loose.items():
        x, y = row[name], other[name]
        if _canonical(x) == _canonical(y):
            continue
        if x is None or y is None or not (math.isfinite(x) and math.isfinite(y)):
            return False
        scale = row.get(magnitude) if magnitude else None
        if scale is None or not math.isfinite(scale):
            scale = max(abs(x), abs(y))
        if abs(x - y) > TOLERANCE * scale:
            return False
    return True


def _by_key(
    left: list[Row], right: list[Row], key: Sequence[str]
) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Return pairs of the same key, and what is left on either side; of several with one key the nth meets the nth."""
    waiting: dict[Any, list[Row]] = defaultdict(list)
    for row in reversed(right):
        waiting[_key(row, key)].append(row)
    pairs: list[tuple[Row, Row]] = []
    alone: list[Row] = []
    for row in left:
        partners = waiting[_key(row, key)]
        if partners:
            pairs.append((row, partners.pop()))
        else:
            alone.append(row)
    return pairs, alone, [row for rows in waiting.values() for row in reversed(rows)]


def differing(row: Row, other: Row, columns: Collection[str]) -> list[str]:
    """Return the columns in which two rows differ."""
    return [name for name in columns if _canonical(row[name]) != _canonical(other[name])]


def _key(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_canonical(row[name]) for name in names)


def _canonical(value: Any) -> Any:
    """Return something hashable, equal just for values that are one."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else (value + 0.0,)
    if isinstance(value, list):
        return ("list", *(_canonical(v) for v in value))
    if isinstance(value, dict):
        return ("struct", *((k, _canonical(v)) for k, v in value.items()))
    return value


def _order(value: Any) -> tuple[Any, ...]:
    """Return a sort key for values of one column: nulls first, NaN last."""
    if value is None:
        return (0,)
    if isinstance(value, float) and math.isnan(value):
        return (2,)
    if isinstance(value, list | dict):
        return (1, str(value))
    return (1, value)


def plain_value(value: Any) -> Any:
    """Return a value as JSON can have it and people read it."""
    if isinstance(value, _Time):
        try:
            return (_EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except OverflowError:
            return f"{int(value)} ms"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    if isinstance(value, list):
        return [plain_value(v) for v in value]
    if isinstance(value, dict):
        return {k: plain_value(v) for k, v in value.items()}
    return value
