"""Scenario files: what is read, and every mistake with its line and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.core.errors import UserError
from caudal.testing import check_flow
from caudal.testing.flow import parse
from caudal.testing.live import Abort, Eof, Rows

GOOD = """\
title: Rows are counted

--- input events
event_time: t

k string | t timestamp | n int64
a        | 0.1s        | 1
b        | 0.2s        | null

--- program
counts = events.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count(), name="counts")

--- output counts
k | window_start | window_end | n
a | 0s           | 1s         | 1
b | 0s           | 1s         | 1
"""


def change(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_scenario_that_is_right() -> None:
    flow = parse(GOOD, "good.flow")
    assert flow.title == "Rows are counted"
    (events,) = flow.inputs
    assert str(events.schema) == "k: string, t: timestamp, n: int64"
    assert events.script.steps == {"p0": [Rows(0, [{"k": "a", "t": 100, "n": 1}, {"k": "b", "t": 200, "n": None}])]}
    assert check_flow(flow) == []


def test_a_script_with_times() -> None:
    rows = "@ partition b, at 1s\na | 0.1s | 1\nb | 0.2s | null\n@ at 3.5s\nc | 1s | 2\n@ partition a, end\n@ abort"
    text = change("a        | 0.1s        | 1\nb        | 0.2s        | null", rows)
    text = text.replace("counted\n", "counted\nneeds: clock, abort\nuntil: 9s\n", 1)
    flow = parse(text, "timed.flow")
    assert flow.until == 9000
    assert flow.inputs[0].script.steps == {
        "b": [
            Rows(1000, [{"k": "a", "t": 100, "n": 1}, {"k": "b", "t": 200, "n": None}]),
            Rows(3500, [{"k": "c", "t": 1000, "n": 2}]),
        ],
        "a": [Eof(3500), Abort(3500)],
    }


MISTAKES = {
    "no title": (GOOD.partition("\n")[2], 1, "the scenario has no title", "begin with title:"),
    "head": (change("title: Rows", "title: Rows\nRows"), 2, "cannot read 'Rows are counted'", "title: What happens"),
    "unknown key": (change("title: R", "titel: R"), 1, "unknown key 'titel'", "did you mean 'title'?"),
    "second key": ("title: A\n" + GOOD, 2, "a second 'title'", ""),
    "unknown need": (change("counted\n", "counted\nneeds: clok\n"), 2, "unknown need 'clok'", "did you mean 'clock'?"),
    "bad until": (change("counted\n", "counted\nuntil: soon\n"), 2, "'soon' is no time", "write 3s"),
    "until without clock": (change("counted\n", "counted\nuntil: 3s\n"), 1, "until: is for live sources", "@ at 3s"),
    "unused need": (change("counted\n", "counted\nneeds: abort\n"), 1, "nothing of the kind", "leave out abort"),
    "unmarked clock": (change("a        |", "@ at 0s\na        |"), 1, "needs 'clock'", "write needs: clock"),
    "unmarked silence": (change("counted\n", "counted\nneeds: silence\n"), 1, "no row arrives at a given time", "@ at"),
    "no lateness": (change("counted\n", "counted\nneeds: lateness\n"), 1, "no row is late", "leave out lateness"),
    "unmarked lateness": (
        change("b        | 0.2s", "b | 9s | 1\nb | 0.2s"),
        1,
        "late or partly late",
        "needs: lateness",
    ),
    "unknown section": (change("--- output", "--- outptu"), 13, "unknown section 'outptu'", "did you mean 'output'?"),
    "no name": (
        change("--- output counts", "--- output"),
        13,
        "'output' needs the name of a stream",
        "--- output NAME",
    ),
    "too much": (change("--- output counts", "--- output counts sorted"), 13, "what is 'sorted'", "ordered"),
    "twice": (GOOD + "\n--- output counts\n", 18, "a second section --- output counts", "the first is in line 13"),
    "no program": (GOOD.replace("--- program", "--- output p"), 17, "the scenario has no program", "--- program"),
    "no output": (GOOD.partition("--- output")[0], 13, "the scenario expects nothing", "--- output NAME"),
    "error and late": (GOOD + "--- error\n--- late counts\n", 18, "what fails has no late rows", ""),
    "unknown option": (change("event_time: t", "event_tim: t"), 4, "unknown option 'event_tim'", "'event_time'"),
    "second option": (change("event_time: t", "event_time: t\nevent_time: t"), 5, "a second 'event_time'", ""),
    "no table": (
        change("k string | t timestamp | n int64\na        | 0.1s        | 1\nb        | 0.2s        | null", ""),
        3,
        "the input 'events' has no table",
        "ip string | t timestamp",
    ),
    "no type": (change("k string |", "k |"), 6, "the column 'k' has no type", "k string"),
    "unknown type": (change("k string |", "k strin |"), 6, "unknown type 'strin'", "did you mean 'string'?"),
    "duplicate column": (change("| n int64", "| k int64"), 6, "duplicate column 'k'", ""),
    "few cells": (change("| null", ""), 8, "the row has 2 cells, the table 3 columns", ""),
    "many cells": (change("| null", "| null | 1"), 8, "the row has 4 cells, the table 3 columns", "quotation marks"),
    "empty cell": (change("| null", "|"), 8, "column 'n': the cell is empty", "write null"),
    "no int": (change("| null", "| one"), 8, "column 'n': 'one' is no int64", '!"one"'),
    "out of range": (change("| null", "| 9223372036854775808"), 8, "out of the range of int64", "!9223372036854775808"),
    "bad time": (change("0.2s", "0.2"), 8, "column 't': '0.2' is no time", "3s, 1.5s, 250ms"),
    "bad JSON": (change("b        |", '"b|'), 8, "cannot read the JSON of cell 1", ""),
    "behind JSON": (change("b        |", '"b" c |'), 8, "cell 1 goes on behind its JSON: 'c'", "quotation marks"),
    "unknown moment": (
        change("a        |", "@ partitoin b\na |"),
        7,
        "what is 'partitoin b'?",
        "did you mean 'partition'",
    ),
    "moment without value": (change("a        |", "@ at\na |"), 7, "cannot read 'at'", "@ partition a"),
    "time goes back": (change("a        |", "@ at 2s\n@ at 1s\na |"), 8, "time does not go back", "2s already"),
    "no until": (
        change("a        |", "@ at 1s\na |").replace("counted\n", "counted\nneeds: clock\n", 1),
        1,
        "never ends by itself",
        "until: 10s",
    ),
    "syntax": (change("cd.count(),", "cd.count(,"), 11, "the program fails", "plain Python"),
    "name": (change("events.group", "evens.group"), 11, "the program fails", "plain Python"),
    "plan": (change('group_by("k")', 'group_by("q")'), 11, "unknown column 'q'", "known: k, n, t"),
    "source": (change("event_time: t", "event_time: z"), 3, "unknown column 'z'", "known: k, n, t"),
    "unknown stream": (
        change("--- output counts", "--- output count"),
        13,
        "no stream 'count'",
        "did you mean 'counts'?",
    ),
    "no window": (GOOD + "--- late events\nk\n", 17, "there are no late rows", ""),
    "unread stream": (
        change('name="counts")', 'name="counts")\nother = events.window(cd.tumbling("1ms")).agg(m=cd.count())')
        + "--- late other\nn\n",
        18,
        "no output reads 'other'",
        "--- output other",
    ),
    "unknown column": (change("window_end | n", "window_end | m"), 14, "unknown column 'm'", "window_end"),
    "column twice": (change("window_end | n", "n | n"), 14, "the column 'n' stands there twice", ""),
    "expected value": (change("1s         | 1\nb", "1s         | x\nb"), 15, "column 'n': 'x' is no int64", ""),
    "expected cells": (change("1s         | 1\nb", "1s\nb"), 15, "the row has 3 cells", ""),
    "says nothing": (GOOD.partition("k | window")[0], 13, "--- output counts says nothing", "--complete"),
    "ledger says nothing": (GOOD + "--- ledger\n", 17, "--- ledger says nothing", "--complete"),
    "ledger form": (GOOD + "--- ledger\ncounts\n", 18, "cannot read 'counts'", "counts in 3"),
    "ledger operator": (GOOD + "--- ledger\ncoutns in 2\n", 18, "unknown operator 'coutns'", "did you mean 'counts'?"),
    "SQL": (change("--- program", "--- sql out\nm = n + k\n--- program"), 11, "n + k", ""),
    "SQL form": (
        change("--- program", "--- sql out\nn + 1\n--- program"),
        11,
        "cannot read 'n + 1'",
        "column = SQL text",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_located(name: str) -> None:
    text, line, message, hint = MISTAKES[name]
    with pytest.raises(UserError) as found:
        check_flow(parse(text, "m.flow"))
    error = found.value
    assert error.location.partition(": ")[0] == f"m.flow:{line}"
    assert message in f"{error.message} {error.detail}"
    assert hint in error.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the scenario"):
        check_flow(tmp_path / "none.flow")


def only(text: str) -> str:
    (wrong,) = check_flow(parse(text, "m.flow"))
    return wrong


def test_missing_and_extra_rows_are_shown_with_the_line() -> None:
    text = change("b | 0s           | 1s         | 1", "b | 0s           | 1s         | 2")
    assert only(text).splitlines() == [
        "m.flow:13: output counts, whole",
        "  missing  m.flow:16: b | 0s | 1s | 2",
        "  extra    b | 0s | 1s | 1",
    ]


def test_a_row_counts_as_often_as_it_is_there() -> None:
    text = GOOD + "a | 0s           | 1s         | 1\n"
    assert only(text).splitlines()[1:] == ["  missing  m.flow:17: a | 0s | 1s | 1"]


def test_order_is_compared_where_it_is_asked_for() -> None:
    lines = GOOD.splitlines()
    text = "\n".join([*lines[:14], lines[15], lines[14]])
    assert check_flow(parse(text, "m.flow")) == []
    text = text.replace("--- output counts", "--- output counts ordered")
    assert only(text).splitlines() == [
        "m.flow:13: output counts, whole",
        "  order    m.flow:15: b | 0s | 1s | 1",
        "  there is a | 0s | 1s | 1",
    ]


def test_the_columns_of_the_header_are_compared() -> None:
    text = GOOD.partition("k | window")[0] + "n\n1\n1\n"
    assert check_flow(parse(text, "m.flow")) == []


def test_late_rows_that_nobody_expects_are_a_failure() -> None:
    text = change("b        | 0.2s        | null", "b        | 3s        | null\na        | 0.3s        | 1")
    text = text.replace("counted\n", "counted\nneeds: lateness\n", 1).replace("b | 0s           | 1s", "b | 3s | 4s")
    assert "counts has 1 late row that the scenario does not expect" in only(text)
    assert check_flow(parse(text + "--- late counts\nk | t\na | 0.3s\n", "m.flow")) == []


def test_dead_letters_that_nobody_expects_are_a_failure() -> None:
    text = change("| null", '| null\nc | 0.2s | !"x"')
    assert "events has 1 dead letter that the scenario does not expect" in only(text)
    assert check_flow(parse(text + "--- dead counts\nreason\ntype\n", "m.flow")) == []
    assert "missing  m.flow:20: range" in only(text + "--- dead events\nreason\nrange\n")


def test_the_ledger_is_compared() -> None:
    assert check_flow(parse(GOOD + "--- ledger\ncounts  in 2 = absorbed 2 -> 2\n", "m.flow")) == []
    wrong = only(GOOD + "--- ledger\ncounts in 2 = absorbed 1 + late 1 -> 2\n")
    assert "extra    counts in 2 = absorbed 2 -> 2" in wrong


def test_an_error_is_compared() -> None:
    text = change("tumbling", "session").partition("--- output")[0].replace('"1s"', '"x"') + "--- error\n"
    assert check_flow(parse(text + "PlanError: cannot read the session gap 'x'\n", "m.flow")) == []
    wrong = only(text + "PlanError: cannot read the gap\n")
    assert "missing  m.flow:14: PlanError: cannot read the gap" in wrong
    assert "it says  PlanError: cannot read the session gap 'x'" in wrong
    with pytest.raises(UserError, match="--- error says nothing"):
        check_flow(parse(text, "m.flow"))
    right = GOOD.partition("--- output")[0] + "--- error\nPlanError: no\n"
    assert "it does not fail" in only(right)


def test_a_run_that_fails_says_so() -> None:
    text = change("b        | 0.2s        | null", "@ abort").replace("counted\n", "counted\nneeds: abort\n", 1)
    assert "it fails\n  RunError: the script aborts" in only(text)


def test_a_function_that_is_not_row_wise_is_found() -> None:
    program = (
        '@cd.batch(returns="float64")\ndef centred(n):\n    return n - n.mean()\n\n'
        'out = events.select("k", y=centred(col("n")))\n\n--- output out\nk | y\na | -1.0\nb | 1.0\n'
    )
    text = change("| null", "| 3").partition("counts =")[0] + program
    assert only(text).splitlines() == [
        "m.flow:17: output out, in morsels of 1",
        "  missing  m.flow:19: a | -1.0",
        "  missing  m.flow:20: b | 1.0",
        "  extra    a | 0.0",
        "  extra    b | 0.0",
    ]


def test_a_program_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "flow_neighbour.py").write_text("LIMIT = 1\n")
    text = change("counts =", "from flow_neighbour import LIMIT\n\ncounts =").replace("agg(n=", "agg(n=", 1)
    (tmp_path / "m.flow").write_text(text.replace('"counts")', '"counts").filter(col("n") >= LIMIT)'))
    assert check_flow(tmp_path / "m.flow") == []
