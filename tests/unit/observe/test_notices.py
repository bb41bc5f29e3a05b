import logging

from caudal.observe.ledger import Ledger
from caudal.observe.notices import PLACES, Notice, Notices, summed
from caudal.observe.summary import Summary


def test_equal_notices_are_counted_together_and_a_warning_is_logged_once(caplog):
    gathered = Notices()
    with caplog.at_level(logging.INFO, "caudal"):
        for _ in range(3):
            gathered.add_all([Notice("odd", "", "{count} odd lines", 500, "warning")], where="a.log")
        gathered.add(Notice("odd", "b.log", "{count} odd lines", 1, "note"))
    assert [n.to_text() for n in gathered.all()] == ["a.log: 1,500 odd lines", "b.log: 1 odd lines"]
    assert caplog.messages == ["a.log: 500 odd lines"]


def test_the_level_decides_where_a_summary_tells_it():
    summary = Summary("p", "local", "done", 1.0, 1, 0, 0, Ledger({}))
    summary.tell(
        [Notice("a", "x", "one"), Notice("b", "", "two", level="warning"), Notice("c", "", "3", level="failure")]
    )
    assert (summary.notes, summary.warnings, summary.failures) == (["x: one"], ["two"], ["3"])
    assert summary.to_text().endswith("failed: 3\nwarning: two\nnote: x: one")


def test_what_many_places_have_in_common_is_told_once(caplog):
    many = [Notice("odd", f"{i}.log", "{count} odd lines", 2) for i in range(PLACES + 1)]
    few = [Notice("even", f"{i}.log", "{count} even lines", 2, "warning") for i in range(PLACES)]
    assert summed([*many[:3], *few, *many[3:]]) == [
        Notice("odd", f"0.log and {PLACES} others", "{count} odd lines", 12),
        *few,
    ]
    quiet = Notices(quiet=True)
    quiet.add_all(few)
    assert (quiet.all(), caplog.messages) == (few, [])
