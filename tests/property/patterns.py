"""Random patterns over random rows: few values, so that rows fit several events, and many ties of time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.lang.dsl.stream import Stream
from caudal.plan.plan import Plan
from caudal.testing.oracle import Record

Values = dict[str, Any]
SCHEMA = {"k": "string", "n": "int64", "x": "float64", "t": "int64"}
STEPS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 5, 5, 10, 40, -1, -3, -20]
CONDITIONS: list[Callable[[], Any]] = [
    lambda: col("n") == 0,
    lambda: col("n") == 1,
    lambda: col("n") == 2,
    lambda: col("n") > 1,
    lambda: col("n") < 2,
    lambda: col("x") > 0,
    lambda: col("n").is_null(),
    lambda: (col("n") + 1) % 2 == 0,
    lambda: None,
]
EARLIER: list[Callable[[str], Any]] = [
    lambda of: col("n") > cd.first("n", of=of),
    lambda of: col("n") == cd.last("n", of=of),
    lambda of: (col("x") < 2.5 * cd.max("x", of=of)) & (col("n") < 3),
    lambda of: col("n") + 1 <= cd.count(of=of),
    lambda of: (cd.sum("n", of=of) - col("n") < 3) | col("n").is_null(),
    lambda of: col("x") / cd.min("x", of=of) >= cd.mean("x", of=of),
    lambda of: cd.collect("n", of=of).is_null() | (cd.first("k", of=of) == col("k")),
]
WITHIN = [1, 3, 10, 30, 30, 100, 100]
AGGREGATES: list[Callable[[str], Any]] = [
    lambda of: cd.count(of=of),
    lambda of: cd.collect("n", of=of),
    lambda of: cd.sum("x", of=of),
    lambda of: cd.first("n", of=of),
    lambda of: cd.last("k", of=of),
    lambda of: cd.max("n", of=of),
    lambda of: cd.count_distinct("n", of=of),
    lambda of: cd.first("n", order_by=col("n") % 2, of=of),
]


class Drawing:
    """One pattern, drawn from a seed. `plain`: none of its conditions reads earlier events, and nothing comes in any order."""

    def __init__(self, dice: random.Random, plain: bool = False) -> None:
        self.dice = dice
        self.plain = plain
        self.names = 0
        self.taking: list[str] = []
        self.before: list[str] = []

    def event(self, takes: bool = True) -> Any:
        name = f"e{self.names}"
        self.names += 1
        condition = self.dice.choice(CONDITIONS)()
        if self.before and not self.plain and self.dice.random() < 0.25:
            condition = self.dice.choice(EARLIER)(self.dice.choice(self.before))
        if takes:
            self.taking.append(name)
        return cd.event(name, condition)

    def item(self, times: bool = True) -> Any:
        made = self.event()
        if self.dice.random() < 0.25:
            made = made | self.event()
        if times and self.dice.random() < 0.4:
            least = self.dice.randint(1, 3)
            most = self.dice.choice([least, least + 1, least + 2, None])
            return made.times(least, most)
        return made

    def element(self) -> Any:
        made = self.item()
        if not self.plain and self.dice.random() < 0.15:
            made = cd.all_of(made, *(self.item() for _ in range(self.dice.randint(1, 2))))
        return made

    def absent(self) -> Any:
        return ~self.event(takes=False) if self.dice.random() < 0.8 else ~(self.event(False) | self.event(False))

    def pattern(self) -> Any:
        made = self.element()
        for _ in range(self.dice.choice([0, 1, 1, 2, 3])):
            self.before = list(self.taking)
            for _ in range(self.dice.choice([0, 0, 0, 1, 2])):
                made = made >> self.absent()
            following = self.element()
            made = made.then(following) if self.dice.random() < 0.25 else made >> following
        self.before = list(self.taking)
        if self.dice.random() < 0.3:
            made = made >> self.absent()
        return made

    def over(self, stream: Stream, name: str) -> Stream:
        """Return the matches of a pattern in a stream."""
        made = self.pattern()
        within = timedelta(milliseconds=self.dice.choice(WITHIN))
        aggregates = {}
        for i in range(self.dice.randint(0, 3)):
            of = self.dice.choice(["", *self.taking])
            aggregates[f"a{i}"] = self.dice.choice(AGGREGATES)(of)
        over = stream.group_by("k") if self.dice.random() < 0.9 else stream.group_by("n", "k")
        order_by = self.dice.choice([None, None, "n"])
        matched = over.match(made, within=within, after=self.dice.choice(["last", "next"]), order_by=order_by)
        return matched.agg(name=name, **aggregates)


def drawn(dice: random.Random, stream: Stream, name: str, plain: bool = False) -> Stream:
    """Return the matches of a random pattern; those that are refused are drawn anew."""
    while True:
        try:
            return Drawing(dice, plain).over(stream, name)
        except PlanError:
            continue


def rows_of(dice: random.Random) -> list[list[Values]]:
    """Return rows of one to three partitions; some have no time."""
    parts: list[list[Values]] = []
    for _ in range(dice.randint(1, 3)):
        time, rows = dice.choice([0, 0, 50]), []
        for _ in range(dice.randint(0, 60)):
            time += dice.choice(STEPS)
            values: Values = {"k": dice.choice(["a", "a", "a", "b", None]), "n": dice.choice([0, 1, 2, 3, None])}
            own = None if dice.random() < 0.02 else time
            rows.append({**values, "x": dice.choice([0.0, 1.0, -1.5, 0.1, None]), "t": own})
        parts.append(rows)
    return parts


def case(seed: Any, many: int) -> tuple[Plan, dict[str, dict[str, list[Record]]]]:
    """Return a plan of so many random patterns over the same random rows, and the rows as the oracle takes them."""
    dice = random.Random(f"patterns {seed}")
    parts = rows_of(dice)
    source = cd.source(
        "memory", rows=parts, schema=SCHEMA, event_time="t", disorder=f"{dice.choice([0, 3, 50])}ms", name="one"
    )
    ends: list[Any] = []
    for i in range(many):
        made = drawn(dice, source, f"m{i}", dice.random() < 0.5)
        ends.append(made.to("console", name=f"to {i}"))
        if dice.random() < 0.2:
            behind = made.window(cd.sliding(rows=100)).agg(all=cd.collect("match_end"))
            ends.append(behind.to("console", name=f"behind {i}"))
    ends.append(made.late().to("console", name="to late"))
    inputs = {"one": {f"p{i}": [Record(j, row) for j, row in enumerate(rows)] for i, rows in enumerate(parts)}}
    return cd.Pipeline("patterns", *ends), inputs
