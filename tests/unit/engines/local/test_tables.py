"""Tables of a running job: versions swapped whole, failed reloads, what is told. Time is virtual."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caudal as cd
from caudal.columnar.column import Fixed, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.errors import InputError
from caudal.core.types import STRING, TIMESTAMP
from caudal.engines.local.counters import Counters
from caudal.engines.local.lookup import lookup
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Held, Tables
from caudal.observe.notices import Notices
from caudal.plan.nodes import Lookup
from caudal.runner.drive import Job
from caudal.runner.looking import check
from caudal.runner.verify import verify

HEAD = "ip,threat\n"


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


class Case:
    """A lookup of texts in a file, on a clock of its own."""

    def __init__(self, path: Path, text: str = HEAD + "a,old\nb,old\n", **options: Any) -> None:
        self.path = path / "feed.csv"
        self.write(text)
        self.clock = Clock()
        self.tables = Tables(Settings(clock=self.clock))
        self.notices = Notices()
        stream = cd.source("memory", rows=[], schema={"t": "timestamp", "ip": "string"}, event_time="t")
        node = stream.lookup(self.table(**options)).node
        assert isinstance(node, Lookup)
        self.node = node
        self.held = self.tables.of(self.node, self.notices, live=True)

    def table(self, **options: Any) -> Any:
        given = {"reload": "60s", "schema": {"ip": "string", "threat": "string"}, **options}
        return cd.table("files", path=str(self.path), key="ip", **given)

    def write(self, text: str) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.path)

    def look(self, *texts: str | None) -> list[Any]:
        columns = {"t": Fixed(TIMESTAMP, np.zeros(len(texts), np.int64)), "ip": from_list(texts, STRING)}
        run = lookup(self.node, self.held, Counters())
        return run(Morsel(dict(columns), len(texts)), {})["threat"].to_list()

    def at(self, seconds: float) -> int | None:
        self.clock.now = int(seconds * 1000)
        return self.tables.step()

    def told(self, code: str) -> list[str]:
        return [notice.to_text() for notice in self.notices.all() if notice.code == code]


def test_a_newer_version_takes_the_place_when_it_is_due(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    case = Case(tmp_path)
    assert case.look("a", "c", None) == ["old", None, None]
    case.write(HEAD + "a,new\nc,new\n")
    assert case.at(59.999) == 1
    assert case.look("a", "c") == ["old", None]
    with caplog.at_level(logging.INFO, "caudal"):
        assert case.at(60) == 60_000
    assert case.look("a", "b", "c") == ["new", None, "new"]
    assert [r.getMessage() for r in caplog.records if "in the place of version" in r.getMessage()]
    assert len(case.told("table")) == 2


def test_a_version_that_is_the_same_stays(tmp_path: Path) -> None:
    case = Case(tmp_path)
    before = case.held.version
    case.write(HEAD + '"a",old\r\nb,old\r\n')
    case.at(60)
    assert case.held.version is before
    assert len(case.told("table")) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "feed.csv"),
        (HEAD, "there is no row"),
        (HEAD + "a,new\nb", "cannot be read"),
        ("ip,danger\na,new\n", "threat"),
        ("host,threat\na,new\n", "ip"),
        (HEAD + ",new\n", "has no 'ip'"),
    ],
)
def test_a_failed_reload_keeps_the_version_before_and_says_so(tmp_path: Path, text: str, told: str) -> None:
    case = Case(tmp_path)
    before = case.held.version
    case.write(text)
    for minute in (1, 2):
        assert case.at(60 * minute) == 60_000
        assert case.look("a", "c") == ["old", None]
    (line,) = case.told("table_kept")
    assert f"failed reloads: 2; version {before.name} stays: " in line
    assert told in line
    case.write(HEAD + "c,new\n")
    case.at(180)
    assert case.look("a", "c") == [None, "new"]


def test_a_file_that_is_gone_keeps_the_version_before(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.path.unlink()
    case.at(60)
    assert case.look("a") == ["old"]
    assert case.told("table_kept")


def test_a_reload_that_fails_is_logged_in_a_line_until_it_works_or_fails_otherwise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(tmp_path)
    good = case.path.read_text()
    with caplog.at_level(logging.INFO, "caudal"):
        for minute, text in enumerate((HEAD, HEAD, HEAD + ",x\n", HEAD + ",x\n", good, HEAD, HEAD), 1):
            case.write(text)
            case.at(60 * minute)
    told = [record.getMessage() for record in caplog.records]
    assert ["no row" in each or "no 'ip'" in each for each in told] == [True, True, False, True]
    assert "can be read again" in told[2]
    assert not [each for each in told if "u000a" in each or "\n" in each]


def test_whatever_breaks_a_reload_the_version_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)

    def broken(*_: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr("caudal.engines.local.tables.read", broken)
    case.at(60)
    assert case.look("a") == ["old"]
    assert "MemoryError: no room" in case.told("table_kept")[0]


def test_threads_take_turns_more_often_while_a_table_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)
    before, seen = sys.getswitchinterval(), list[float]()
    monkeypatch.setattr(Held, "reload", lambda self: seen.append(sys.getswitchinterval()))
    case.at(60)
    assert seen[0] < before
    assert sys.getswitchinterval() == before


def test_a_morsel_meets_one_version_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)
    indexed = case.held.version.indexed
    find = indexed.find

    def swapped(*given: Any) -> Any:
        case.write(HEAD + "c,new\n")
        case.at(60)
        return find(*given)

    monkeypatch.setattr(indexed, "find", swapped)
    assert case.look("b", "a") == ["old", "old"]
    assert case.look("b", "c") == [None, "new"]


def test_without_reload_and_in_bounded_runs_a_table_is_read_once(tmp_path: Path) -> None:
    case = Case(tmp_path, reload=None)
    assert case.at(10**6) is None
    tables = Tables(Settings(clock=Clock()))
    tables.of(case.node, Notices(), live=False)
    assert tables.step() is None


def test_lookups_in_one_table_share_its_rows(tmp_path: Path) -> None:
    case = Case(tmp_path)
    stream = cd.source("memory", rows=[], schema={"t": "timestamp", "ip": "string", "n": "int64"}, event_time="t")
    again = stream.lookup(case.table(), how="anti").node
    other = stream.lookup(case.table(duplicates="refuse"), how="anti").node
    assert isinstance(again, Lookup)
    assert isinstance(other, Lookup)
    assert case.tables.of(again, Notices(), live=True) is case.held
    assert case.tables.of(other, Notices(), live=True) is not case.held


def test_a_table_that_cannot_be_read_is_an_error_before_the_run(tmp_path: Path) -> None:
    rows = cd.source("memory", rows=[{"ip": "a"}], schema={"ip": "string"})
    table = cd.table("files", path=str(tmp_path / "none.csv"), key="ip", schema={"ip": "string"})
    into: list[Any] = []
    with pytest.raises(InputError, match=r"none\.csv"):
        cd.run(cd.Pipeline("p", rows.lookup(table, how="inner").to("memory", into=into)), dead="discard")
    assert not into


def test_a_check_reads_tables_too(tmp_path: Path) -> None:
    case = Case(tmp_path)
    rows = cd.source("memory", rows=[{"ip": "a"}], schema={"ip": "string"})
    plan = cd.Pipeline("p", rows.lookup(case.table()).filter("threat = 'x'").to("console"))
    assert [n.to_text() for n in check(plan).notices if "2 rows" in n.to_text()]
    case.write("ip,danger\na,x\n")
    for engine in ("local", "flink", "spark"):
        with pytest.raises(InputError, match=r"feed\.csv"):
            check(plan, engine=engine)


def test_a_sink_that_would_replace_a_table_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path)
    rows = cd.source("memory", rows=[{"ip": "a"}], schema={"ip": "string"})
    out = rows.lookup(case.table()).filter("threat = 'old'").to("files", path=str(case.path), format="csv")
    with pytest.raises(InputError, match="the sink would write to what is read"):
        cd.run(cd.Pipeline("p", out), dead="discard")
    assert case.path.read_text().startswith(HEAD)


def test_the_summary_says_which_version_was_met(tmp_path: Path) -> None:
    case = Case(tmp_path)
    rows = cd.source("memory", rows=[{"ip": "a"}], schema={"ip": "string"})
    into: list[Any] = []
    summary = cd.run(cd.Pipeline("p", rows.lookup(case.table()).to("memory", into=into)), dead="discard")
    assert f"version {case.held.version.name}, 2 rows" in summary.to_text()
    assert into[0].to_pylist() == [{"ip": "a", "threat": "old"}]


def test_verify_gives_all_ways_the_same_version(tmp_path: Path) -> None:
    case = Case(tmp_path)
    rows = cd.source("memory", rows=[{"ip": "a"}, {"ip": "b"}], schema={"ip": "string"})
    plan = cd.Pipeline("p", rows.lookup(case.table()).to("console"))
    told: list[str] = []

    def changed(label: str) -> None:
        told.append(label)
        case.write(HEAD + f"a,{label}\n")

    assert verify(plan, ["local:1", "local:2"], watch=changed).equal
    assert told == ["local:1", "local:2"]


@pytest.mark.parametrize("first", [True, False], ids=["before the job", "while it runs"])
def test_a_thread_reads_what_is_due_until_the_job_ends(
    tmp_path: Path, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.Event()
    monkeypatch.setattr(Held, "reload", lambda self: read.set())
    case = Case(tmp_path)
    tables = Tables(Settings(clock=case.clock))
    for begin in (True, False):
        if begin is first:
            tables.of(case.node, Notices(), live=True)
            case.clock.now += 60_000
        else:
            tables.start()
    if not first:  # its first look was before
        tables.start()
    assert read.wait(30)
    tables.close()
    tables.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "caudal-tables"]


def test_a_live_job_begins_and_ends_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path)
    log = tmp_path / "log.jsonl"
    log.write_text('{"ip": "a"}\n')
    rows = cd.source("files", path=str(log), format="json", schema={"ip": "string"}, follow=True)
    into: list[Any] = []
    job = Job(cd.Pipeline("p", rows.lookup(case.table(reload="1ms")).to("memory", into=into)), dead="discard")
    reload, seen = Held.reload, threading.Event()

    def reloaded(held: Held) -> bool:
        done = reload(held)
        if done:  # the newer version counts from here on
            with log.open("a") as file:
                file.write('{"ip": "c"}\n')
            seen.set()
        return done

    def watch(_: Any) -> None:
        if into and not seen.is_set():
            case.write(HEAD + "c,new\n")
        if sum(len(table) for table in into) == 2:
            job.stop()

    monkeypatch.setattr(Held, "reload", reloaded)
    job.run(watch)
    assert [row for table in into for row in table.to_pylist()] == [
        {"ip": "a", "threat": "old"},
        {"ip": "c", "threat": "new"},
    ]
    assert not [thread for thread in threading.enumerate() if thread.name == "caudal-tables"]
