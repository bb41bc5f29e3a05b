"""Joins of two streams: the rows of both sides as one stream, in which each row has the columns of its own side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from caudal.core import duration
from caudal.core.errors import PlanError, nearest
from caudal.core.naming import free
from caudal.core.types import DataType
from caudal.plan.building import coalesce
from caudal.plan.expr import Expr, col, lit
from caudal.plan.nodes import RESERVED, Broadcast, Join, Node, Punctual, Select, Union
from caudal.plan.nodes.join import LEFT, RIGHT
from caudal.plan.windows import CountWindow, Sliding, Window

if TYPE_CHECKING:
    from caudal.lang.dsl.grouped import Columns, Function
    from caudal.lang.dsl.stream import Stream

On = str | tuple[str, str] | Sequence[str | tuple[str, str]]
"""Columns that are equal: "ip", ("src_ip", "orig_h"), or a list of these."""

Within = duration.Duration | tuple[duration.Duration, duration.Duration]
"""How far the right row may be from the left: "60s" both ways, ("-5s", "60s") from 5 s before it to 60 s behind."""


class Sides(TypedDict):
    """What a `TwoSided` node takes: the rows of both sides as one stream, what is equal, and the columns that are no keys."""

    input: Node
    keys: tuple[tuple[str, Expr], ...]
    side: str
    left: tuple[str, ...]
    right: tuple[str, ...]


def interval(within: Within) -> tuple[int, int]:
    """Return the interval of a join in milliseconds: from, to. Raises `PlanError`."""
    if isinstance(within, tuple | list):
        if len(within) != 2:
            raise PlanError(f"within= has {len(within)} bounds", hint='within=("-5s", "60s")')
        lower, upper = (_signed(bound) for bound in within)
        return lower, upper
    size = duration.parse(within, what="interval of the join")
    return -size, size


def _signed(bound: duration.Duration) -> int:
    if isinstance(bound, str) and bound.lstrip().startswith("-"):
        return -duration.parse(bound.lstrip()[1:].lstrip(), what="bound of the join's interval")
    return duration.parse(bound, what="bound of the join's interval")


def sides(left: Node, right: Node, on: On, suffix: str) -> Sides:
    """Bring two streams together. Columns of the right that the left has too get `suffix`. Raises `PlanError`."""
    pairs = _pairs(on)
    for node, names, which in ((left, [a for a, _ in pairs], LEFT), (right, [b for _, b in pairs], RIGHT)):
        for name in names:
            if name not in node.schema:
                raise PlanError(
                    f"the {which} side of the join has no column '{name}'", hint=nearest(name, node.schema.names)
                )
    for a, b in pairs:
        mine, theirs = left.schema.dtype(a), right.schema.dtype(b)
        if mine != theirs:
            raise PlanError(
                f"the keys of a join have other types: '{a}' is a {mine}, '{b}' a {theirs}",
                hint=f"cast one before: .with_columns({b}=col('{b}').cast('{mine}'))",
            )
    shared = {a for a, b in pairs if a == b}
    renamed = _renamed(left, right, shared, suffix)
    both: dict[str, DataType] = {f.name: f.dtype for f in left.schema}
    both |= {name: right.schema.dtype(old) for old, name in renamed.items()}
    side = free("side", both)
    of_left = {name: col(name) if name in left.schema else lit(None, dtype) for name, dtype in both.items()}
    back = {name: old for old, name in renamed.items()} | {name: name for name in shared}
    of_right = {name: col(back[name]) if name in back else lit(None, dtype) for name, dtype in both.items()}
    streams = [
        Select(input=node, columns=((side, lit(which)), *columns.items()))
        for node, which, columns in ((left, LEFT, of_left), (right, RIGHT, of_right))
    ]
    keys: list[tuple[str, Expr]] = []
    for a, b in pairs:
        if a == b:
            keys.append((a, col(a)))
        else:  # of a row one of the two is null
            keys.append((f"{a} = {renamed[b]}", coalesce(col(a), col(renamed[b]))))
    return Sides(
        input=Union(streams=tuple(streams)),
        keys=tuple(keys),
        side=side,
        left=tuple(name for name in left.schema.names if name not in shared),
        right=tuple(renamed.values()),
    )


def join(
    self: Stream,
    right: Stream,
    on: On,
    *,
    within: Within | None = None,
    window: Window | None = None,
    how: str = "inner",
    suffix: str = "_right",
    nulls: str = "",
    name: str = "",
) -> Stream:
    """Pair rows with those of another stream that have the same `on` and are near in event time, or in the same window.

    `on`: columns that are equal, "ip", a list of these, or pairs of names such as [("src_ip", "orig_h")], which both stay; the others
    give one column. `within`: how far the right row may be from the left, both ends inclusive: "60s" before or behind it,
    ("-5s", "60s") from 5 s before to 60 s behind. `window` in its place: both rows are in one, such as cd.tumbling("5m").

    `how`: "inner" pairs; "left", "right", "full" also rows without a partner, once none
    can come, with null in the columns of the other side; "semi" the left rows that have a partner, once each; "anti" those that
    have none: not followed by. Columns of the right that the left has too get `suffix`. Null keys match nothing, with
    nulls="match" each other.

    A pair has the later of both event times. A row is late where its input's watermark has passed it; `.late()` has the columns of both
    sides, and which it is of in `side`. State is kept for the interval, and as far as one side is behind the other.

    With `window`, rows come out as it closes, with its window_start and window_end and the time of window results; in hopping and
    cumulative windows once for each that holds both rows, and in sessions where both sides' rows together make one. Late is as in
    windows. "left", "right", "full" and "anti" are about partners in the window.
    """
    if not isinstance(right, type(self)):
        raise PlanError(f"join takes a stream, not {type(right).__name__}", hint='a.join(b, on="ip", within="60s")')
    if (within is None) == (window is None):
        raise PlanError(
            "a join takes within= or window=" + (", not both" if window else ""),
            hint='within="60s" for rows near each other, window=cd.tumbling("5m") for those of one window',
        )
    if nulls not in ("", "match"):
        raise PlanError(
            f"nulls='{nulls}' of a join", hint='nulls="match" lets null keys match; without it they match nothing'
        )
    if not on:
        raise PlanError("a join needs columns that are equal", hint='on="ip"')
    lower, upper = (0, 0) if within is None else interval(within)
    both = sides(self.node, right.node, on, suffix)
    if window is not None:
        both = _in_windows(both, window)
    return type(self)(Join(name=name, **both, lower=lower, upper=upper, how=how, nulls=nulls == "match"))


def _in_windows(both: Sides, window: Window) -> Sides:
    """Return the rows of both sides as windows hand them on: all have their window's time, and its bounds are keys."""
    from caudal.lang.dsl.grouped import Windowed  # which has streams, whose methods are here

    _refuse_untimed(window)
    rows = both["input"]
    held = Windowed(rows, both["keys"], window).sort(by=both["side"]).node
    keys = [name for name, _ in both["keys"] if name not in rows.schema]
    if keys:  # of differing names: they are computed again where rows are paired
        stay = [name for name in held.schema.names if name not in keys]
        held = Select(input=held, columns=tuple((name, col(name)) for name in stay))
    return {**both, "input": held, "keys": (*both["keys"], *((name, col(name)) for name in RESERVED))}


def _refuse_untimed(window: Any) -> None:
    """Raise `PlanError` for windows that rows of two streams are not in together."""
    if isinstance(window, CountWindow | Sliding):
        raise PlanError(
            "two streams meet in windows of time",
            detail=f"{window}",
            hint='cd.tumbling("5m"), or within="5m" of a join',
        )
    # whatever is no window at all is refused where it is used


class CoGrouped:
    """Both sides' rows of a key and window, waiting for a function."""

    def __init__(self, left: Stream, right: Stream, on: On, window: Window) -> None:
        _refuse_untimed(window)
        self._left, self._right, self._window = left, right, window
        mine, theirs = left.node.schema.names, right.node.schema.names
        suffix = next(s for s in ("_right", *(f"_right{i}" for i in range(1, 1000))) if not _meets(mine, theirs, s))
        self._both = sides(left.node, right.node, on, suffix)
        pairs = _pairs(on)
        self._names = tuple(a for a, _ in pairs)
        shared = {a for a, b in pairs if a == b}
        self._renamed = dict(zip((name for name in theirs if name not in shared), self._both["right"], strict=True))

    def __repr__(self) -> str:
        return f"CoGrouped(by {', '.join(self._names)} in {self._window}: waits for .apply(...))"

    def apply(self, function: Function, *, schema: Columns | None = None, name: str = "") -> Stream:
        """Give a function the rows of both sides of a key and window, as two frames; take any number of rows back.

        `function(left, right)`: polars frames with the columns of each side, window_start and window_end, in pinned order; one of
        them may be empty. A plain function is called in a worker process, a `cd.batch` function in an operator thread. It
        gives a frame with the columns of `schema`. Keys (by the left side's names), window_start and window_end stand before its
        columns. A window that it fails on becomes a dead letter.
        """
        from caudal.lang.dsl.grouped import Windowed

        keys = tuple(zip(self._names, (expr for _, expr in self._both["keys"]), strict=True))
        left = tuple((name, name) for name in self._left.node.schema.names)
        right = tuple((name, self._renamed.get(name, name)) for name in self._right.node.schema.names)
        windowed = Windowed(self._both["input"], keys, self._window, (self._both["side"], left, right))
        return windowed.apply(function, schema=schema, name=name)


def _meets(mine: Sequence[str], theirs: Sequence[str], suffix: str) -> bool:
    """Whether a column of the right gets a name that there is."""
    taken = {*mine, *theirs}
    return any(f"{name}{suffix}" in taken for name in theirs)


def cogroup(self: Stream, right: Stream, on: On, *, window: Window) -> CoGrouped:
    """Bring the rows of two streams that have the same `on` and are in one window together: `.apply(function, schema=)`.

    `on`: columns that are equal, as of `join`; null is a key like others. There is a window wherever either side has a row.
    `window`: cd.tumbling("5m") and the like; in sessions both sides' rows together make one.
    """
    if not isinstance(right, type(self)):
        raise PlanError(
            f"cogroup takes a stream, not {type(right).__name__}",
            hint='a.cogroup(b, on="ip", window=cd.tumbling("5m"))',
        )
    if not on:
        raise PlanError("a cogroup needs columns that are equal", hint='on="ip"')
    return CoGrouped(self, right, on, window)


def broadcast(
    self: Stream,
    settings: Stream,
    on: On | None = None,
    *,
    how: Literal["left", "inner"] = "left",
    suffix: str = "_right",
    name: str = "",
) -> Stream:
    """Put the newest row of a stream of settings beside each row, as of the row's event time: thresholds, allow lists, a mode that changes.

    `on`: columns that are equal, as of `join`; without it every row meets the newest setting of all. A setting holds from its own
    event time on, for rows of that time too, until another of its key. A row that there is no setting for has null in its columns, or goes
    with how="inner". Columns of settings that the rows have too get `suffix`.

    A row waits until the watermark of the settings has passed it; a stream of settings that is silent does not hold it up for longer than
    its source's `idle`. A setting that comes too late holds from the watermark of its partition on, unless there is a newer one. The newest
    setting of each key is kept.
    """
    if not isinstance(settings, type(self)):
        raise PlanError(f"broadcast takes a stream, not {type(settings).__name__}", hint="rows.broadcast(thresholds)")
    if how not in ("left", "inner"):
        raise PlanError(f"how='{how}' is no kind of broadcast", hint='how="left" or how="inner"')
    since = free("since", (*self.schema.names, *settings.schema.names))
    both = sides(self.node, Punctual(input=settings.node, into=since), () if on is None else on, suffix)
    return type(self)(Broadcast(name=name, **both, inner=how == "inner", since=since))


def _pairs(on: On) -> list[tuple[str, str]]:
    hint = 'on="ip", on=["ip", "port"], or on=[("src_ip", "orig_h")]'
    several: list[Any] = [on] if isinstance(on, str) or (isinstance(on, tuple) and len(on) == 2) else [*on]
    pairs: list[tuple[str, str]] = []
    for each in several:
        names = (each, each) if isinstance(each, str) else tuple(each) if isinstance(each, tuple | list) else ()
        if len(names) != 2 or not all(isinstance(name, str) for name in names):
            raise PlanError(f"a join cannot be on {each!r}", hint=hint)
        pairs.append((names[0], names[1]))
    return pairs


def _renamed(left: Node, right: Node, shared: set[str], suffix: str) -> dict[str, str]:
    """Return the columns of the right side that are not shared, by their names in what comes out."""
    renamed: dict[str, str] = {}
    taken = {*left.schema.names}
    for name in right.schema.names:
        if name in shared:
            continue
        new = f"{name}{suffix}" if name in taken else name
        if new in taken or new in renamed.values():
            raise PlanError(
                f"both sides of the join have a column '{new}'", hint='suffix="_right" renames those of the right side'
            )
        renamed[name] = new
    return renamed
