"""Narrowing against processes that are played: exactly the records that kill are convicted, whatever else is killed meanwhile."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.runner.poison.narrowing import (
    KILLS,
    LEAST,
    PARTS,
    SIZE,
    Broken,
    Died,
    Key,
    Killed,
    Narrowing,
    Outcome,
    Passed,
    Piece,
    Trial,
)

ONE, OTHER = ("in", "a"), ("in", "b")


@dataclass
class Records:
    """Partitions of records of these sizes; those that kill, and those that do only in the same piece as the one before."""

    sizes: dict[Key, list[int]]
    poison: set[tuple[Key, int]] = field(default_factory=set)
    kills: list[int] = field(default_factory=list)
    """Pieces until a process is killed from outside, again and again."""
    tried: list[Piece] = field(default_factory=list)

    def starts(self, key: Key) -> list[int]:
        """Return where each record begins, and where the last ends."""
        places = [0]
        for size in self.sizes[key]:
            places.append(places[-1] + size)
        return places

    def pieces(self, trial: Trial, key: Key, convicted: set[tuple[Key, int]]) -> list[Piece]:
        """Return the pieces of a partition, as a process would cut it."""
        places = self.starts(key)
        there = [
            (start, end)
            for start, end in itertools.pairwise(places)
            if start >= trial.starts[key] and (trial.stop is None or start < trial.stop)
        ]
        pieces: list[list[tuple[int, int]]] = []
        for start, end in there:
            if (key, start) in convicted:
                pieces.append([])  # what stands before and behind is never in one piece
            elif pieces and pieces[-1] and start - pieces[-1][0][0] < trial.size:
                pieces[-1].append((start, end))
            else:
                pieces.append([(start, end)])
        return [
            Piece(key, each[0][0], each[-1][1], len(each) == 1, each[-1][1] - each[0][0]) for each in pieces if each
        ]

    def play(self, trial: Trial, convicted: set[tuple[Key, int]]) -> Outcome:
        """Return what comes of a trial."""
        landed: dict[Key, int] = dict(trial.starts)
        patience = self.kills.pop(0) if self.kills else 1 << 30
        queues = [self.pieces(trial, key, convicted) for key in trial.starts]
        while any(queues):
            for queue in queues:
                if not queue:
                    continue
                if not patience:
                    return Killed(landed)
                patience -= 1
                piece = queue.pop(0)
                self.tried.append(piece)
                if any(key == piece.key and piece.start <= at < piece.end for key, at in self.poison):
                    return Died("SIGSEGV", piece, landed)
                landed[piece.key] = piece.end
        return Passed()


def judged(records: Records) -> tuple[set[tuple[Key, int]], Narrowing, int]:
    """Return the convicted, the narrowing, and how many trials it took."""
    narrowing = Narrowing(dict.fromkeys(records.sizes, 0))
    convicted: set[tuple[Key, int]] = set()
    trials = 0
    while (trial := narrowing.next()) is not None:
        trials += 1
        assert trials < 100_000
        conviction = narrowing.heard(records.play(trial, convicted))
        if conviction is not None:
            assert conviction.piece.one
            found = (conviction.piece.key, conviction.piece.start)
            assert found not in convicted
            convicted.add(found)
    return convicted, narrowing, trials


@st.composite
def logs(draw: st.DrawFn) -> Records:
    sizes = st.lists(st.sampled_from([1, 7, 100, 3000, 40_000, 700_000, 9_000_000]), max_size=40)
    records = Records({ONE: draw(sizes), OTHER: draw(sizes)})
    places = [(key, at) for key in records.sizes for at in records.starts(key)[:-1]]
    records.poison = draw(st.sets(st.sampled_from(places), max_size=5)) if places else set()
    records.kills = draw(st.lists(st.integers(0, 12), max_size=KILLS - 1))
    return records


@given(logs())
@settings(max_examples=400, deadline=None)
def test_exactly_the_records_that_kill_are_convicted(records: Records) -> None:
    convicted, narrowing, _ = judged(records)
    assert narrowing.gave_up == ""
    assert convicted == records.poison
    innocent = {(key, at) for key in records.sizes for at in records.starts(key)[:-1]} - records.poison
    alone_or_among = {
        (piece.key, at)
        for piece in records.tried
        for at in records.starts(piece.key)[:-1]
        if piece.start <= at < piece.end
    }
    assert innocent <= alone_or_among  # nothing is passed over


def test_a_record_among_very_many_is_found_in_a_few_trials() -> None:
    records = Records({ONE: [100] * 600_000})
    records.poison = {(ONE, 41_234_500)}
    convicted, _, trials = judged(records)
    assert convicted == records.poison
    assert trials <= 2 + math.ceil(math.log(SIZE / LEAST, PARTS)) + 2


def test_a_piece_that_dies_once_and_none_of_its_records_convicts_nobody() -> None:
    records = Records({ONE: [100] * 1000})
    narrowing = Narrowing({ONE: 0})
    trial = narrowing.next()
    assert trial is not None
    narrowing.heard(Died("SIGSEGV", Piece(ONE, 0, 100_000, False, 100_000), {}))
    while (trial := narrowing.next()) is not None:
        assert narrowing.heard(records.play(trial, set())) is None
    assert narrowing.gave_up == ""


def test_a_record_that_kills_once_and_not_again_is_not_convicted() -> None:
    narrowing = Narrowing({ONE: 0})
    narrowing.next()
    assert narrowing.heard(Died("SIGSEGV", Piece(ONE, 300, 400, True), {ONE: 300})) is None
    assert narrowing.next() == Trial({ONE: 300}, 400, 1)
    assert narrowing.heard(Passed()) is None
    assert narrowing.next() == Trial({ONE: 400}, None, SIZE)


def test_a_record_whose_second_trial_is_killed_from_outside_has_another() -> None:
    narrowing = Narrowing({ONE: 0})
    narrowing.next()
    narrowing.heard(Died("SIGSEGV", Piece(ONE, 300, 400, True), {ONE: 300}))
    for _ in range(3):
        assert narrowing.next() == Trial({ONE: 300}, 400, 1)
        assert narrowing.heard(Killed({ONE: 300})) is None
    narrowing.next()
    conviction = narrowing.heard(Died("SIGILL", Piece(ONE, 300, 400, True), {ONE: 300}))
    assert conviction is not None
    assert (conviction.piece.start, conviction.cause) == (300, "SIGILL")


def test_kills_from_outside_end_it_in_time_and_convict_nobody() -> None:
    narrowing = Narrowing({ONE: 0})
    trials = 0
    while narrowing.next() is not None:
        trials += 1
        assert narrowing.heard(Killed({})) is None
    assert trials == KILLS
    assert "from outside" in narrowing.gave_up


def test_deaths_with_nothing_in_work_end_it() -> None:
    narrowing = Narrowing({ONE: 0})
    for _ in range(2):
        narrowing.next()
        assert narrowing.heard(Died("SIGABRT", None, {ONE: 0})) is None
    assert narrowing.next() is None
    assert "SIGABRT" in narrowing.gave_up


def test_a_trial_that_cannot_be_held_ends_it() -> None:
    narrowing = Narrowing({ONE: 0})
    narrowing.next()
    narrowing.heard(Broken("the broker does not answer"))
    assert narrowing.next() is None
    assert narrowing.gave_up == "the broker does not answer"


def test_a_piece_that_was_not_asked_for_ends_it() -> None:
    narrowing = Narrowing({ONE: 500})
    narrowing.next()
    narrowing.heard(Died("SIGSEGV", Piece(ONE, 300, 400, True), {}))
    assert narrowing.next() is None
    assert "not to be given" in narrowing.gave_up


def test_nothing_to_read_is_nothing_to_try() -> None:
    assert Narrowing({}).next() is None
