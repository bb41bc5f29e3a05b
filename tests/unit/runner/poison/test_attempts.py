"""What is known of attempts at a shard: deaths of their own, deaths in silence, ends as they should be."""

from __future__ import annotations

import faulthandler
from pathlib import Path
from typing import Any

import pytest

from caudal.checkpoint.store import open_store
from caudal.core.errors import RunError
from caudal.runner.poison.attempts import SILENT, UNKNOWN, VAIN, Attempt, Begun, Note
from caudal.runner.poison.looking import Poison, Suspect
from caudal.runner.poison.requests import Places, Program, Standing
from caudal.runner.poison.trying import Limits

SILENCE = Note(True)


def test_a_note_tells_how_a_process_has_ended(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "state"))
    attempt = Attempt(store, 0)
    assert attempt.note(attempt.id) == SILENCE
    file = tmp_path / "state" / "attempts" / attempt.id
    for words, cause in (
        ("Fatal Python error: Segmentation fault\n\nThread", "SIGSEGV"),
        ("Fatal Python error: Aborted\n", "SIGABRT"),
        ("Fatal Python error: Illegal instruction\n", "SIGILL"),
        ("Timeout (0:05:00)!\nThread", "it hung"),
    ):
        file.write_text(words)
        found = attempt.note(attempt.id)
        assert (found.there, found.cause) == (True, cause)
        assert found.died == file.stat().st_mtime
    attempt.end()
    attempt.end()
    assert attempt.note(attempt.id) == Note(False)


def test_a_death_of_its_own_is_looked_into_at_once_and_until_it_was() -> None:
    begun = Begun("a", "t1").taken("b", "t1", Note(True, "SIGSEGV", 77.0))
    assert (begun.cause, begun.died) == ("SIGSEGV", 77.0)
    again = begun.taken("c", "t1", SILENCE)  # killed while it looked
    assert (again.attempt, again.cause, again.died) == ("c", "SIGSEGV", 77.0)
    assert Begun.of(again.told()) == again
    assert again.looked(1).cause == ""


def test_deaths_in_silence_are_looked_into_where_nothing_gets_on() -> None:
    begun = Begun()
    for number in range(SILENT + 1):
        assert not begun.cause
        begun = begun.taken(str(number), "t1", SILENCE if number else Note(False))
    assert begun.cause == UNKNOWN
    assert begun.looked(0).vain == 0
    begun = Begun("a", "t1", silent=SILENT - 1)
    assert not begun.taken("b", "t2", SILENCE).cause  # it has committed
    assert not begun.taken("b", "t1", Note(False)).cause  # it has ended as it should
    assert not begun.taken("a", "t1", SILENCE).cause  # it is the same process


def test_searches_in_vain_are_counted_while_nothing_gets_on() -> None:
    begun = Begun("a", "t1").taken("b", "t1", Note(True, "SIGSEGV", 1.0)).looked(0)
    assert begun.vain == 1
    begun = begun.taken("c", "t1", Note(True, "SIGSEGV", 2.0)).looked(0)
    assert begun.vain == 2
    assert begun.taken("d", "t2", Note(True, "SIGSEGV", 3.0)).looked(0).vain == 1
    assert begun.looked(2).vain == 0


def test_a_mark_of_an_earlier_version_says_nothing() -> None:
    assert Begun.of({"writer": "g.0", "at": 5}) == Begun()


def test_searches_in_vain_count_only_where_nothing_was_found_elsewhere_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All shards of a worker that died are searched, and one of them had what it died of."""
    store = open_store(str(tmp_path / "state"))
    poison = Poison(store, Program("p.py", {}), Limits(hang=0))
    monkeypatch.setattr(Poison, "_records", lambda *_: 0)
    suspect = Suspect("1", Places({}), 0.0, Standing("", store.url, "1"), calls=False)
    begun = Begun("a", "t1", cause="SIGSEGV", died=2000.0, vain=VAIN, unexplained=1000.0)
    try:
        with pytest.raises(RunError, match="again and again"):
            poison.look(suspect, begun)
        store.create("0/convicted/call-0", b"{}")  # long behind the death before
        found = poison.look(suspect, begun)
        assert (found.vain, found.unexplained, found.cause) == (1, 2000.0, "")
    finally:
        poison.end()


def test_a_process_of_another_has_a_note_without_words_and_its_handlers_to_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(str(tmp_path / "state"))
    before = faulthandler.is_enabled()
    faulthandler.disable()
    mark: dict[str, Any] = {}
    try:
        for number in range(4):
            poison = Poison(store, None, Limits())
            assert not faulthandler.is_enabled()
            mark = poison.taken("job", mark, "t1").told()  # and never ends
            assert ("has died 2 times" in caplog.text) == (number >= 2)
        assert "caudal run FILE --checkpoint" in caplog.text
        assert mark["begun"]["cause"] == UNKNOWN
        assert Poison(store, None, Limits()).taken("job", mark, "t2").silent == 1
    finally:
        if before:
            faulthandler.enable()
