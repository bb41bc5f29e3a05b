"""Keys most of whose rows are late: told while the job runs, a line a minute at most."""

from __future__ import annotations

import pytest

from caudal.columnar.column import Column, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import STRING
from caudal.engines.local.latecomers import KEYS, LEAST, PAUSE, Latecomers


def morsel(*keys: str) -> Morsel:
    return Morsel({"k": from_list(list(keys), STRING)}, len(keys))


def key(rows: Morsel) -> Column:
    return rows.columns["k"]


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def watched(now: list[float]) -> Latecomers:
    return Latecomers("counts", [key], lambda: now[0])


def test_a_key_that_is_late_is_logged_at_once(watched: Latecomers, caplog: pytest.LogCaptureFixture) -> None:
    watched.add(morsel("a", "b"), None)
    watched.add(morsel(*["slow"] * (LEAST - 1), "a"), morsel(*["slow"] * (LEAST - 1)))
    assert caplog.messages == []
    watched.add(morsel("slow", *["often"] * 20), morsel("slow", *["often"] * 6))
    (line,) = caplog.messages
    assert line.startswith(f"counts: most rows of a key came too late and were not counted: slow ({LEAST}); ")
    watched.add(morsel("slow"), morsel("slow"))
    assert len(caplog.messages) == 1, "a key is logged once"
    (notice,) = watched.notices()
    assert (notice.where, notice.count, f"slow ({LEAST + 1})" in notice.text) == ("counts", LEAST + 1, True)


def test_whoever_has_many_keys_fills_no_log(
    watched: Latecomers, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3 * KEYS):
        now[0] += PAUSE / KEYS
        watched.add(late := morsel(*[f"k{number}"] * LEAST), late)
    assert len(caplog.messages) == 3
    assert f"k0 ({LEAST}); " in caplog.messages[0]
    assert f"and {KEYS - 3} more" in caplog.messages[1], "those found meanwhile are one line"
