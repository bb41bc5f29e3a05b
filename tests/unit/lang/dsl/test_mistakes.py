"""The table of typical mistakes in the documentation: each is refused, and answered with what to write instead."""

import re
from pathlib import Path

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import CaudalError

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "mistakes.md"
ROWS = re.findall(r"^\| `(.+)` \| `(.+)` \|$", PAGE.read_text(), re.M)
COLUMNS = {"ip": "string", "method": "string", "path": "string", "bytes": "int64", "t": "timestamp"}


@pytest.mark.parametrize(("written", "instead"), ROWS)
def test_a_mistake_is_answered_with_what_to_write(written: str, instead: str) -> None:
    s = cd.source("memory", rows=[], schema=COLUMNS, event_time="t")
    with pytest.raises(CaudalError) as caught:
        eval(written, {"cd": cd, "col": col, "s": s})
    assert instead in caught.value.hint
    assert str(caught.value).count("\n") <= 2, "a line each for message, detail and hint"


def test_the_table_is_read() -> None:
    assert len(ROWS) > 50


@pytest.mark.parametrize("name", ["__len__", "_repr_png_", "__deepcopy__"])
def test_protocols_that_are_asked_for_are_no_mistakes(name: str) -> None:
    s = cd.source("memory", rows=[], schema=COLUMNS, event_time="t")
    for thing in (s, s.group_by("ip"), s.group_by("ip").window(cd.rows(3)), col("ip"), col("ip").str, cd.count()):
        assert not hasattr(thing, name)


def test_a_notebook_shows_the_cell_and_the_message_alone() -> None:
    cell = "import caudal as cd\ns = cd.source('memory', rows=[], schema={'ip': 'string'})\ns.select('ipp')"
    with pytest.raises(CaudalError) as caught:
        exec(compile(cell, "<ipython-input-7>", "exec"), {})
    assert caught.value._render_traceback_() == [
        "in this cell, line 3",
        "PlanError: select: unknown column 'ipp'",
        "  hint: did you mean 'ip'?",
    ]


def test_all_frames_are_shown_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_DEBUG", "1")
    with pytest.raises(CaudalError) as caught:
        cd.source("memory", rows=[], schema={"ip": "string"}).select("pi")
    assert len(caught.value._render_traceback_()) > 5


@pytest.mark.parametrize(
    "written",
    [
        "s.filter(' OR '.join(['bytes = 1'] * 20000))",
        "s.filter('(' * 5000 + 'bytes' + ')' * 5000 + ' = 1')",
        "s.filter('NOT ' * 5000 + 'bytes = 1')",
        "s.filter(reduce(lambda a, b: a | b, [col('bytes') == i for i in range(5000)]))",
        "s.filter(col('bytes').is_in(reduce(lambda a, _: [a], range(5000), [1])))",
        "cd.source('memory', rows=[], schema={'a': reduce(lambda a, _: [a], range(5000), 'string')})",
        "cd.source('memory', rows=[], schema={'a': reduce(lambda a, _: {'a': a}, range(5000), 'string')})",
    ],
)
def test_what_is_nested_too_deeply_is_a_mistake_like_others(written: str) -> None:
    from functools import reduce

    s = cd.source("memory", rows=[], schema=COLUMNS, event_time="t")
    with pytest.raises(cd.PlanError, match="deep"):
        eval(written, {"cd": cd, "col": col, "s": s, "reduce": reduce})


def test_thousands_of_operators_in_a_row_just_run() -> None:
    s = cd.source("memory", rows=[{"n": 0}], schema={"n": "int64"})
    for _ in range(2000):
        s = s.with_columns(n=col("n") + 1)
    assert s.collect()["n"].to_list() == [2000]
