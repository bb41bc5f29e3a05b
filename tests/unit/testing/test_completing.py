"""`--complete`: what it fills in, what it leaves alone; a second time it changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.core.errors import UserError
from caudal.testing import check_flow, complete_flow

HEAD = """\
# A comment.
title: Counts
needs: lateness

--- input events
event_time: t

k string | t timestamp | n int64
a | 0s | 1
b |   0.5s | 2
a | 3s | !"x"
a | 3s | 4
a | 0.1s | 5

--- program
counts = events.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count(), name="counts")

"""
FILLED = """\
--- output counts
k | window_start | window_end | n
a | 0s           | 1s         | 1
b | 0s           | 1s         | 1
a | 3s           | 4s         | 1

--- dead events
partition | position | reason
p0        | 2        | type

--- late counts
k | t    | n | late_watermark
a | 0.1s | 5 | 3s
"""


def completed(tmp_path: Path, text: str) -> str:
    path = tmp_path / "c.flow"
    path.write_text(text)
    changed = complete_flow(path)
    after = path.read_text()
    assert changed == (after != text)
    assert not complete_flow(path)
    assert path.read_text() == after
    assert check_flow(path) == []
    return after


def test_sections_are_filled_in_and_added(tmp_path: Path) -> None:
    assert completed(tmp_path, HEAD + "--- output counts\n") == HEAD + FILLED


def test_what_is_right_stays_to_the_last_blank(tmp_path: Path) -> None:
    text = (
        HEAD + "--- output counts\nn|k\n# one\n1|b\n\n1   |a\n1|a\n--- late counts\nk\na\n--- dead events\nreason\ntype"
    )
    assert completed(tmp_path, text + "\n") == text + "\n"


def test_rows_that_are_right_stay_in_their_place(tmp_path: Path) -> None:
    sides = FILLED[FILLED.index("--- dead") :]
    before = "--- output counts\n# head\nk | n | window_start\nb | 1 | 0s\n# wrong\na | 7 | 0s\n# right\na|1|3s\n\n"
    after = "--- output counts\n# head\nk | n | window_start\nb | 1 | 0s\n# wrong\n# right\na | 1 | 3s\na | 1 | 0s\n\n"
    assert completed(tmp_path, HEAD + before + sides) == HEAD + after + sides


def test_an_ordered_section_is_put_in_order(tmp_path: Path) -> None:
    text = HEAD + FILLED.replace("counts\n", "counts ordered\n", 1)
    lines = text.splitlines(keepends=True)
    lines[-10], lines[-11] = lines[-11], lines[-10]
    assert "".join(lines) != text
    assert completed(tmp_path, "".join(lines)) == text


def test_lines_of_the_ledger(tmp_path: Path) -> None:
    every = (
        "\n--- ledger\nevents in 5 = passed 4 + dead 1 -> 4, 1 dead\ncounts in 4 = absorbed 3 + late 1 -> 3, 1 late\n"
    )
    assert completed(tmp_path, HEAD + FILLED + "\n--- ledger\n") == HEAD + FILLED + every
    some = "\n--- ledger\n# just this\ncounts in 9 = nothing\n"
    right = "\n--- ledger\n# just this\ncounts in 4 = absorbed 3 + late 1 -> 3, 1 late\n"
    assert completed(tmp_path, HEAD + FILLED + some) == HEAD + FILLED + right


def test_an_error_is_filled_in(tmp_path: Path) -> None:
    text = HEAD.replace("needs: lateness\n", "").replace('"1s"', '"0s"') + "--- error\n# of the window\nwrong\n"
    after = completed(tmp_path, text)
    assert after.partition("--- error\n")[2].startswith("# of the window\nPlanError: a window's size and step must be")
    assert completed(tmp_path, after) == after


def test_what_does_not_fail_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.flow").write_text(HEAD + "--- error\n")
    with pytest.raises(UserError, match="it does not fail"):
        complete_flow(tmp_path / "c.flow")
