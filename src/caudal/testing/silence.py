"""An operator of tests alone: it makes rows at timers, as no operator of the language does yet. Its step is in `steps`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caudal.core import duration
from caudal.core.types import INT64, TIMESTAMP, Field, Schema
from caudal.lang.dsl.stream import Stream
from caudal.plan.expr import col
from caudal.plan.nodes.base import Computed, Node, Own, Result
from caudal.plan.nodes.keyed import Keyed
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.plan.windows import PINNED, Order
from caudal.testing.rows import Key, Row, keys_of
from caudal.testing.scalars import ordering


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Silence(Keyed):
    """A row for the first row of a run of each key, with its column `passed`, and one `quiet` ms behind its last, without."""

    kind: ClassVar[str] = "silence"
    quiet: int
    passed: str

    def derive(self) -> tuple[Schema, bool]:
        passed = self.input.schema[self.passed]
        return Schema([*self.key_fields(), passed, Field("begun", TIMESTAMP), Field("rows", INT64)]), True

    @property
    def ordering(self) -> Order | None:
        return PINNED

    @property
    def step(self) -> KeyedStep:
        made = (Field("begun", TIMESTAMP), Field("rows", INT64))
        options = (("quiet", self.quiet),)
        return KeyedStep("silence", (), made, options, gathers=True, alone=TIMERS, package="caudal.testing.steps")

    def results(self) -> Mapping[str, Result]:
        return {**self.keyed(), self.passed: Computed(col(self.passed)), "begun": Own(), "rows": Own()}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads."""
        return Keyed.reads(self) | {self.passed}

    def describe(self) -> str:
        return f"{self.show_keys()}quiet for {duration.show(self.quiet)}"


del Node.kinds[Silence.kind]  # no plan that is read has it


def silence(stream: Stream, by: str, quiet: int, passed: str, name: str = "") -> Stream:
    """Return the runs of a stream's keys; see `Silence`."""
    return Stream(Silence(name=name, input=stream.node, keys=((by, col(by)),), quiet=quiet, passed=passed))


def silences(node: Silence, rows: list[Row]) -> list[Row]:
    """Return what the operator makes of all rows, which stand in pinned order: as the oracle says."""
    runs: dict[Key, list[list[Row]]] = {}
    names: dict[Key, dict[str, Any]] = {}
    place = {id(row): i for i, row in enumerate(rows)}
    for row in rows:
        key, values = keys_of(node, row)
        names.setdefault(key, values)
        mine = runs.setdefault(key, [])
        if mine and _time(row) - _time(mine[-1][-1]) <= node.quiet:
            mine[-1].append(row)
        else:
            mine.append([row])
    found: list[tuple[tuple[Any, ...], Row]] = []
    for key, several in runs.items():
        for run in several:
            first, last, begun = run[0], run[-1], {**names[key], "begun": run[0].time}
            found.append(
                (
                    (_time(first), 0, place[id(first)]),
                    first.having({**begun, node.passed: first.values[node.passed], "rows": 1}),
                )
            )
            end = _time(last) + node.quiet
            order = (end, 1, *map(ordering, names[key].values()))
            found.append((order, Row({**begun, node.passed: None, "rows": len(run)}, end, None, "", "", 0)))
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _time(row: Row) -> int:
    assert row.time is not None
    return row.time
