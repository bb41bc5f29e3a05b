"""The protocol and its driver under faults: nothing lost, nothing doubled, and every bug that is put in is found."""

from __future__ import annotations

from collections import Counter

import pytest

from caudal.checkpoint.simulator import coverage
from caudal.checkpoint.simulator.__main__ import main
from caudal.checkpoint.simulator.bug import Bug
from caudal.checkpoint.simulator.bugs import BUGS
from caudal.checkpoint.simulator.campaign import campaign, find, replay
from caudal.checkpoint.simulator.schedule import Input, Schedule, draw
from caudal.checkpoint.simulator.world import play

BUDGET = 10_000
"""Schedules within which a bug is to be found."""

QUICK = [
    bug
    for bug in BUGS
    if bug.name
    in (
        "files are not synced",
        "a shard is released before its commit",
        "a partition that was lost is kept",
        "an epoch that was aborted is skipped",
        "staged files are shown before the commit",
        "the last offset and one is committed, not the position",
    )
]


def _name(bug: Bug) -> str:
    return bug.name


def test_all_holds_whatever_fails() -> None:
    report = campaign(range(200))
    assert report.violations == {}
    assert coverage.wrong(report.coverage, 0) == []


@pytest.mark.slow
def test_all_holds_in_20_000_schedules() -> None:
    report = campaign(range(20_000))
    print(coverage.table(report.coverage), report.summary(), sep="\n")
    assert report.violations == {}
    assert coverage.wrong(report.coverage, 100) == []


@pytest.mark.parametrize("bug", QUICK, ids=_name)
def test_a_bug_is_found_at_once(bug: Bug) -> None:
    assert find(bug, range(100)) is not None


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=_name)
def test_a_bug_is_found(bug: Bug) -> None:
    found = find(bug, range(BUDGET))
    assert found is not None
    assert "Traceback" not in found.violation  # a guarantee was broken, not the bug itself


def test_bugs_have_names_of_their_own_and_leave_nothing_behind() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25
    for bug in BUGS:
        with bug.planted():
            pass
    assert campaign(range(20)).violations == {}


def test_a_schedule_is_the_same_each_time() -> None:
    for seed in range(5):
        (one, trace), (other, again) = replay(seed), replay(seed)
        assert (one, trace) == (other, again)
        assert play(draw(seed), Counter()) == one


@pytest.mark.slow
def test_several_processes_play_the_same() -> None:
    one, two = campaign(range(60)), campaign(range(60), processes=2)
    assert (one.schedules, one.coverage, one.epochs) == (two.schedules, two.coverage, two.epochs)


def test_a_failing_schedule_prints_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    bug = "an epoch that was aborted is skipped"
    assert main(["--schedules", "20", "--bug", bug]) == 1
    seed = (
        next(line for line in capsys.readouterr().out.splitlines() if line.startswith("seed ")).split()[1].rstrip(":")
    )
    assert main(["--seed", seed, "--bug", bug]) == 1
    out = capsys.readouterr().out
    assert "Aborted(epoch=" in out
    assert "violation=''" not in out
    assert main(["--seed", seed]) == 0


def _schedule(kind: str, inputs: dict[str, Input]) -> Schedule:
    return Schedule(0, kind, 1, inputs, ("re-0",), {}, False, False, 0.0, 0.0, 0.0, ())


def test_what_is_expected_is_counted_by_hand() -> None:
    rows = [(1, 0, 0), None, (1, 9, 1), (1, 1, 2), (1, 1 << 30, -1)]
    routed = _schedule("repartition", {"in-0": Input([0.0] * 5, rows)})
    # two rows of the key are counted in windows, the third is late: 9 - 2 has passed the window that ends at 5
    assert routed.outputs({}) == Counter(
        [("count", "in-0", 1, 3, 2), ("late", "in-0", 2, 7), ("window", 5, 1, 1), ("window", 10, 1, 1)]
    )
    assert routed.outputs({"in-0": 2}) == Counter([("late", "in-0", 2, 7), ("window", 10, 1, 1)])
    joined = _schedule("joined", {"l-0": Input([0.0] * 2, [(1, 0, 0), (2, 0, 1)]), "r-0": Input([0.0], [(2, 0, 0)])})
    assert joined.outputs({}) == Counter([("pair", "0", 2, 1, 0)])


def test_pairs_that_are_impossible_have_a_reason() -> None:
    assert set(coverage.IMPOSSIBLE) < set(coverage.PAIRS)
    assert all(coverage.IMPOSSIBLE.values())
    assert coverage.wrong(Counter([("closing", "Dropped")]), 0) != []
    assert len(coverage.wrong(Counter(), 1)) == len(coverage.PAIRS) - len(coverage.IMPOSSIBLE)
