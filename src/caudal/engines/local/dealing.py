"""State dealt anew: what several shards held of keys that one is to have, as the state that it begins with.

Rows are found by their keys, and stay as they are; what stands beside them as plain values is divided, or put together. Where shards that
come together had come differently far, the new one has come as far as the least, and what the others have shown already is not shown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Bools, Ints, from_arrow
from caudal.columnar.zones import NEVER
from caudal.core.errors import RunError
from caudal.engines.local.cut import VERSION, known
from caudal.engines.local.migrating import LABELS
from caudal.engines.local.state import KEY_GROUPS, KEY_HASH, key_groups
from caudal.engines.local.stateful import LOWEST, OPEN
from caudal.plan.nodes import Keyed, RepartitionSource, Running, WindowAggregate, WindowApply, WindowTop
from caudal.plan.plan import Plan
from caudal.plan.windows import Cumulative, Hopping
from caudal.ports.snapshot import Dealt, OperatorState, Place, Share, State

_HEAD = "partition:"


def dealt(physical: Plan, parts: Sequence[Dealt], share: Share, begins: Mapping[Place, int]) -> State:
    """Return the state of a shard; see `ports.engine.Engine.dealt`."""
    for part in parts:
        known(part.state)
    origins: list[list[str]] = []
    numbers = [_joined(origins, part.state.rest["origins"]) for part in parts]
    operators = {
        node.name: _Operator(node, share).state([part.state.operators[node.name] for part in parts], numbers)
        for node in physical.nodes
        if isinstance(node, Keyed)
    }
    rest = {
        "sources": {source.name: _channels(source, parts, origins, begins) for source in physical.sources},
        "origins": origins,
        "counts": _counts(parts),
        "written": {},
        "memories": {},
        "dealt": True,
    }
    return State("local", VERSION, KEY_HASH, KEY_GROUPS, dict(begins), operators, rest)


def _joined(origins: list[list[str]], names: Sequence[Sequence[str]]) -> Ints:
    """Put the names behind those that are there; return the number of each."""
    for name in names:
        if list(name) not in origins:
            origins.append(list(name))
    return np.array([origins.index(list(name)) for name in names], np.int64)


def _counts(parts: Sequence[Dealt]) -> list[list[Any]]:
    """Return the ledger's counts of those shards whose counts this one takes over."""
    total: dict[tuple[str, str], int] = {}
    for part in parts:
        for operator, name, value in part.state.rest["counts"] if part.counts else ():
            if not (name.startswith(_HEAD) and operator.startswith("repartition:")):  # of a topic that is read no more
                total[operator, name] = total.get((operator, name), 0) + value
    return [[operator, name, value] for (operator, name), value in sorted(total.items())]


# -- where partitions stand ---------------------------------------------------------------------------------------------


def _channels(source: Any, parts: Sequence[Dealt], origins: list[list[str]], begins: Mapping[Place, int]) -> list[Any]:
    there = {each["name"]: each for part in parts for each in part.state.rest["sources"].get(source.name, [])}
    made: list[dict[str, Any]] = []
    for (operator, name), position in begins.items():
        if operator != source.name:
            continue
        ordinal = int(_joined(origins, [[operator, name]])[0])
        if isinstance(source, RepartitionSource):
            made.append(_between(source, name, position, there.values(), ordinal))
        elif name in there:
            made.append({**there[name], "ordinal": ordinal})
        else:
            topic = name.rpartition("/")[0]
            siblings = [each["known"] for key, each in there.items() if key.rpartition("/")[0] == topic]
            reached = max([LOWEST, *siblings, *_reached(parts)])
            made.append(_channel(name, position, ordinal, reached))
    return made


def _channel(name: str, position: int, ordinal: int, reached: int) -> dict[str, Any]:
    """Return a partition that nothing was read of, whose rows are late below what was reached without it."""
    never = int(NEVER)
    place = {"name": name, "position": position, "seen": never, "floor": reached, "known": reached}
    return {**place, "idle": False, "ended": False, "ordinal": ordinal}


def _between(source: RepartitionSource, name: str, position: int, there: Any, ordinal: int) -> dict[str, Any]:
    """Return a partition of a repartition topic that is new: all its writers are to say again how far they are."""
    reached = max([LOWEST, *(each["known"] for each in there)])
    writers = {writer: [LOWEST, False, reached] for writer in source.writers}
    return {**_channel(name, position, ordinal, reached), "writers": writers}


def _reached(parts: Sequence[Dealt]) -> list[int]:
    """Return how far operators had come, which silence moves too."""
    marks = [each.values["task"] for part in parts for each in part.state.operators.values()]
    return [mark for mark in marks if mark < OPEN]


# -- an operator ---------------------------------------------------------------------------------------------------------


class _Operator:
    """Deals the state of one operator."""

    def __init__(self, node: Keyed, share: Share) -> None:
        self._node = node
        self._share = share
        self._keys = [f"k{number}" for number in share.keys[node.name]]

    def state(self, parts: Sequence[OperatorState], origins: Sequence[Ints]) -> OperatorState:
        """Return what the shard has of these states. `origins`: the new numbers of each one's."""
        taken = [self._taken(part) for part in parts]
        self._alike(parts)
        marks = {name: min(part.values[name] for part in parts) for name in ("watermark", "task")}
        blocks: dict[int, pa.Table] = {}
        numbers: list[dict[int, int]] = []
        following = count()
        for part, tables, into in zip(parts, taken, origins, strict=True):
            numbers.append({old: next(following) for old in sorted(tables)})
            ahead = part.values["watermark"] > marks["watermark"]
            for old, new in numbers[-1].items():
                table = self._told_from(tables[old], into)
                blocks[new] = self._shown(table, part.values["watermark"]) if ahead else table
        values = {**parts[0].values, **marks, **self._values(parts, blocks, numbers)}
        return OperatorState(parts[0].kind, parts[0].version, values, blocks)

    def _alike(self, parts: Sequence[OperatorState]) -> None:
        first = parts[0]
        for part in parts[1:]:
            same = (part.kind, part.version, part.values[LABELS]) == (first.kind, first.version, first.values[LABELS])
            if not same:
                raise RunError(
                    f"shards hold the state of '{self._node.name}' in different forms",
                    hint="let the workers of one version read and commit all partitions, and make another savepoint",
                )

    def _places(self, table: pa.Table) -> Ints:
        """Return the number of the shard that each row belongs to."""
        share = self._share
        if not self._keys:
            return np.zeros(table.num_rows, np.int64)
        if share.place is not None:
            (key,) = self._keys
            return np.asarray(share.place(_array(table, key), share.shards), np.int64)
        types = [expr.dtype(self._node.input.schema) for _, expr in self._node.keys]
        columns = [from_arrow(_array(table, key), types[int(key[1:])]) for key in self._keys]
        return key_groups(columns, table.num_rows) * share.shards // KEY_GROUPS

    def _taken(self, part: OperatorState) -> dict[int, pa.Table]:
        """Return the rows that are this shard's, by block."""
        taken: dict[int, pa.Table] = {}
        for number, table in part.blocks.items():
            mine = self._places(table) == self._share.number
            if mine.any():
                taken[number] = table if mine.all() else table.filter(pa.array(mine))
        return taken

    # -- plain values --------------------------------------------------------------------------------------------------

    def _values(
        self, parts: Sequence[OperatorState], blocks: Mapping[int, pa.Table], numbers: Sequence[Mapping[int, int]]
    ) -> dict[str, Any]:
        """Return the values that are not those of the first state: see the operators' `_values`."""
        first = parts[0].values
        made: dict[str, Any] = {
            "emitted": max(part.values["emitted"] for part in parts),
            "layout": sorted({name for part in parts for name in part.values["layout"]}),
        }
        if "waiting" in first:
            made |= _waiting(parts, numbers)
        if "framed" in first:
            framed = [
                [at[n] for n in part.values["framed"] if n in at] for part, at in zip(parts, numbers, strict=True)
            ]
            made["framed"] = [number for each in framed for number in each]
        if "last" in first:
            made["last"] = max(list(part.values["last"]) for part in parts)
        if "open" in first:
            made["open"] = None  # the operator counts it
        if "buffered" in first:
            made["buffered"] = sum(int(np.sum(_array(table, "rows").to_numpy())) for table in blocks.values())
        if "pending" in first:
            pending: dict[int, int] = {}
            for part in parts:
                for pane, rows in self._pending(part).items():
                    pending[pane] = pending.get(pane, 0) + rows
            made["pending"] = sorted(pending.items())
        return made

    def _pending(self, part: OperatorState) -> dict[int, int]:
        """Return this shard's rows by pane. State does not tell of which keys they were: shards have as many as they have of its state."""
        window = self._node.window  # type: ignore[attr-defined]
        span = (
            window.size // window.step if isinstance(window, Cumulative) else 1
        )  # the panes of a size are folded to one
        shares: dict[int, Ints] = {}
        for table in part.blocks.values():
            spans = _array(table, "pane").to_numpy() // span
            places = self._places(table)
            for each in np.unique(spans).tolist():
                found = np.bincount(places[spans == each], minlength=self._share.shards)
                shares[each] = shares.get(each, 0) + found
        pending: dict[int, int] = {}
        for pane, rows in part.values["pending"]:
            before = np.concatenate([[0], np.cumsum(shares[pane // span])]) * rows // shares[pane // span].sum()
            mine = int(before[self._share.number + 1] - before[self._share.number])
            if mine:
                pending[int(pane)] = mine
        return pending

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _shown(self, table: pa.Table, watermark: int) -> pa.Table:
        """Return rows of panes as those of windows that this watermark has not closed."""
        if "from" not in table.column_names:
            return table
        window = self._node.window  # type: ignore[attr-defined]
        assert isinstance(window, Hopping | Cumulative)
        size = window.step if isinstance(window, Cumulative) else window.size
        closed = (watermark - window.offset - size) // window.step
        first = np.maximum(_array(table, "from").to_numpy(), closed + 1)
        return _with(table, "from", pa.array(first))

    def _told_from(self, table: pa.Table, origins: Ints) -> pa.Table:
        """Return rows with the new numbers of where they come from."""
        if (origins == np.arange(len(origins))).all():
            return table
        for name, inner in self._origins():
            if name in table.column_names:
                array = _array(table, name)
                table = _with(table, name, _renumbered(array, origins) if not inner else _within(array, origins))
        return table

    def _origins(self) -> list[tuple[str, bool]]:
        """Return the columns with numbers of origins, and whether these stand within lists (see `aggregates`)."""
        node = self._node
        found = [("origin", False)]
        if isinstance(node, WindowAggregate | Running):
            for i, (_, aggregate) in enumerate(node.aggregates):
                if aggregate.function in ("first", "last"):
                    found.append((f"a{i}.1", False))
                elif aggregate.function == "collect":
                    found.append((f"a{i}.0", True))
        elif isinstance(node, WindowApply | WindowTop):
            found.append(("a0.0", True))
        return found


def _waiting(parts: Sequence[OperatorState], numbers: Sequence[Mapping[int, int]]) -> dict[str, Any]:
    """Return whose turn is when: those of one shard stand behind one another as they did."""
    waiting: list[list[int]] = []
    turn = 0
    for part, at in zip(parts, numbers, strict=True):
        waiting += [[at[number], turn + when] for number, when in part.values["waiting"] if number in at]
        turn += part.values["turn"]
    return {"waiting": sorted(waiting), "turn": turn}


def _array(table: pa.Table, name: str) -> Any:
    array = table.column(name).combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array


def _with(table: pa.Table, name: str, array: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, array)


def _renumbered(array: Any, origins: Ints) -> Any:
    missing: Bools = array.is_null().to_numpy(zero_copy_only=False)
    made = origins[array.fill_null(0).to_numpy()]
    return pa.array(made, mask=missing if missing.any() else None)


def _within(array: Any, origins: Ints) -> Any:
    values = array.flatten()
    children = [values.field(i) for i in range(values.type.num_fields)]
    children[1] = _renumbered(children[1], origins)
    names = [values.type.field(i).name for i in range(values.type.num_fields)]
    offsets = array.offsets.to_numpy(zero_copy_only=False)
    return pa.LargeListArray.from_arrays(
        pa.array(offsets - offsets[0]), pa.StructArray.from_arrays(children, names=names)
    )
