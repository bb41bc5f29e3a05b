"""Patterns beside Siddhi's own, over events in order: the same matches, by number of the events that they took.

Where the two mean the same: `every` at the beginning is `after="next"`; a pattern's `->` is `>>`, and a sequence's `,` is `then` where the
stream has no rows of other kinds; an event fits one condition alone. What differs is not drawn: a count at the beginning (Siddhi
opens the next search when the count is full), events that fit several conditions, and an absence that something follows (of several
searches that wait for the same event Siddhi lets one go on).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest
from reference import Siddhi

import caudal as cd
from caudal import col
from caudal.testing.harness import Started

pytestmark = pytest.mark.siddhi

COUNT = int(os.environ.get("CAUDAL_PATTERNS", "300"))
TOGETHER = 30
SCHEMA = {"k": "string", "n": "int64", "id": "int64", "t": "int64"}
KINDS = 5


class Drawn:
    """One pattern, in caudal's words and in Siddhi's."""

    def __init__(self, dice: random.Random) -> None:
        self.within = dice.choice([1, 3, 10, 30, 100])
        self.names: list[str] = []
        self.counted: set[str] = set()
        sequence = dice.random() < 0.3
        kinds = random.Random(dice.random())
        pattern, text = self._event(dice, dice.randrange(KINDS))
        before = pattern
        used = {self._last}
        left = dice.randint(1, 3)
        for number in range(left):
            # no condition twice in neighbours: whether a row goes on or is counted again is another question
            kind = dice.choice([each for each in range(KINDS) if each not in used])
            used = {kind}
            following, said = self._event(dice, kind)
            if sequence:
                before, text = before.then(following), f"{text}, {said}"
                continue
            how = kinds.random()
            others = [each for each in range(KINDS) if each not in {*used, self._previous}]
            if how < 0.2 and number == left - 1:
                forbidden = dice.choice(others)
                absent = ~cd.event(f"x{len(self.names)}", col("n") == forbidden)
                before, text = before >> absent >> following, f"{text} -> not S[n == {forbidden}] and {said}"
            elif 0.2 <= how < 0.4:
                other = dice.choice(others)
                second, more = self._event(dice, other)
                used.add(other)
                joined = cd.all_of(following, second) if how < 0.3 else following | second
                before, text = before >> joined, f"{text} -> {said} {'and' if how < 0.3 else 'or'} {more}"
            elif 0.4 <= how < 0.6:
                least = dice.randint(1, 3)
                most = dice.choice([least, least + 1, least + 3])
                self.counted.add(self.names[-1])
                before, text = before >> following.times(least, most), f"{text} -> {said}<{least}:{most}>"
            else:
                before, text = before >> following, f"{text} -> {said}"
        self.pattern = before
        self.text = text

    def _event(self, dice: random.Random, kind: int) -> tuple[Any, str]:
        name = f"e{len(self.names)}"
        self.names.append(name)
        self._previous = getattr(self, "_last", -1)
        self._last = kind
        return cd.event(name, col("n") == kind), f"{name}=S[n == {kind}]"

    def query(self, number: int) -> str:
        """Return Siddhi's query into the stream O`number`."""
        ids = [f"{name}{'[0]' if name in self.counted else ''}.id as {name}" for name in self.names]
        return (
            f"from every {self.text} within {self.within} milliseconds select {', '.join(ids)} insert into O{number};"
        )

    def over(self, stream: cd.Stream, number: int) -> cd.Stream:
        """Return the matches in a stream."""
        firsts: dict[str, Any] = {name: cd.first("id", of=name) for name in self.names}
        matched = stream.group_by("k").match(self.pattern, within=f"{self.within}ms", after="next")
        return matched.agg(name=f"o{number}", **firsts)


@pytest.mark.parametrize("seed", range(-(-COUNT // TOGETHER)))
def test_matches_are_siddhis(seed: int, siddhi: Siddhi) -> None:
    dice = random.Random(seed)
    drawn = [Drawn(dice) for _ in range(TOGETHER)]
    t, events = 0, []
    for number in range(400):
        t += dice.choice([1, 1, 1, 2, 5, 20])
        events.append((dice.choice("abc"), dice.randrange(KINDS), number, t))
    queries = "\n".join(each.query(number) for number, each in enumerate(drawn))
    app = f"@app:playback define stream S (k string, n long, id long); partition with (k of S) begin {queries} end;"
    said = siddhi.rows(app, [("S", row[3], row[:3]) for row in events], *(f"O{i}" for i in range(TOGETHER)))
    found: list[Counter[Any]] = [Counter() for _ in drawn]
    for stream, _, values in said:
        found[int(stream[1:])][tuple(values)] += 1
    source = cd.source("memory", rows=[dict(zip(SCHEMA, row)) for row in events], schema=SCHEMA, event_time="t")
    outs = [each.over(source, number).to("console", name=f"out{number}") for number, each in enumerate(drawn)]
    started = Started(cd.Pipeline("patterns", *outs), threads=1).run()
    matches = 0
    for number, each in enumerate(drawn):
        rows = started.rows[f"out{number}"]
        ours = Counter(tuple(row[name] for name in each.names) for row in rows)
        matches += ours.total()
        assert ours == found[number], (each.query(number), ours - found[number], found[number] - ours)
    assert matches > 2 * TOGETHER
