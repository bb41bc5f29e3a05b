"""Mistakes of the user's: exit code 2 before anything runs, and a message that names where, what, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROWS = [{"ip": "a", "t": 1000 + i, "code": 401} for i in range(3)]

PIPELINES = {
    "unknown column": (('col("n")', 'col("m")'), ["p.py:9", "unknown column 'm'", "known: ip, n"]),
    "type mismatch": (('col("n") > settings', 'col("ip") > settings'), ["p.py:9", "string and int64", "cast"]),
    "no event time": (('event_time="t", ', ""), ["p.py:8", "event time", "event_time="]),
    "unknown connector": (
        ('"files", path=settings.path', '"flies", path=settings.path'),
        ["p.py:6", "'flies'", "'files'"],
    ),
    "unknown option": (('name="rows", ', 'name="rows", max_recrod=1, '), ["p.py:6", "'max_recrod'", "'max_record'"]),
    "unknown sink option": (('name="alerts"', 'paht="x"'), ["p.py:10", "'paht'", "'path'"]),
    "unknown format": (
        ('settings.path, format="json"', 'settings.path, format="jsno"'),
        ["p.py:6", "'jsno'", "'json'"],
    ),
    "option of another type": (("max_decoded=settings.max_decoded", 'max_decoded="1"'), ["p.py:6", "takes int", "'1'"]),
    "unknown type": (('"ip": "string"', '"ip": "sting"'), ["p.py:6", "'sting'", "'string'"]),
    "window that is none": (('"1s"', '"1 second"'), ["p.py:8", "'1 second'", "ms, s, m, h"]),
    "stream instead of a sink": (
        ('alerts.to("files", path=settings.out, format="json", name="alerts")', "alerts"),
        ["p.py:10", "does not end in a sink", ".to("],
    ),
    "exception": (("rows =", "1 / 0\nrows ="), ["p.py:6", "ZeroDivisionError"]),
    "exit": (("rows =", "raise SystemExit\nrows ="), ["p.py:6", "SystemExit"]),
    "syntax": (("rows =", "rows = ="), ["p.py:6:8", "SyntaxError"]),
    "no pipeline": (("pipeline =", "pipelines ="), ["p.py", "no pipeline", "top level"]),
    "import": (("import caudal as cd", "import caudal as cd, nothere"), ["p.py:2", "nothere"]),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("command", ["run", "check", "explain"])
def test_pipeline_file(caudal, pipeline, write, here: Path, name: str, command: str) -> None:
    change, told = PIPELINES[name]
    write("log.jsonl", ROWS)
    ended = caudal(command, pipeline(change))
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert [part for part in told if part not in ended.err] == [], ended.err
    assert "Traceback" not in ended.err
    assert sorted(os.listdir(here)) == ["log.jsonl", "p.py"]


ARGUMENTS = {
    "unknown setting": (["run", "p.py", "--set", "treshold=1"], ["p.py", "'treshold'", "'threshold'"]),
    "bad setting value": (["run", "p.py", "--set", "threshold=1.5"], ["p.py:5", "'1.5'", "whole number"]),
    "missing file": (["run", "p.py", "--set", "path=lag.jsonl"], ["rows", "no file at lag.jsonl", "working directory"]),
    "empty directory": (["run", "p.py", "--set", "path=folder"], ["no file at folder"]),
    "empty glob": (["run", "p.py", "--set", "path=logs/*.jsonl"], ["no file at logs/*.jsonl"]),
    "unknown engine": (["run", "p.py", "--engine", "locla"], ["'locla'", "'local'"]),
    "negative threads": (["run", "p.py", "--threads", "-1"], ["threads", "-1"]),
    "missing pipeline": (["run", "pp.py"], ["pp.py", "no such file", "'p.py'"]),
    "folder as pipeline": (["run", "folder"], ["folder", "no pipeline file"]),
    "directory as pipeline": (["check", "."], ["directory"]),
    "unknown detection": (["run", "dso"], ["'dso'", "'dos'"]),
    "not a setting": (["run", "p.py", "--set", "threshold"], ["KEY=VALUE"]),
    "not a size": (["run", "p.py", "--max-state", "much"], ["'much'", "2GB"]),
    "not a fate": (["run", "p.py", "--fail-on", "death"], ["'death'", "dead,late"]),
    "not a choice": (["run", "p.py", "--late", "away"], ["away", "discard"]),
    "no command": ([], ["COMMAND"]),
    "detection that is not there": (["detections", "sod"], ["'sod'"]),
    "nothing to infer": (["infer", "lag.jsonl"], ["lag.jsonl"]),
    "sink over its input": (["run", "p.py", "--set", "out=log.jsonl"], ["alerts", "log.jsonl", "another path"]),
    "sink over its input by a link": (["run", "p.py", "--set", "out=link.jsonl"], ["alerts", "link.jsonl"]),
    "sink in a directory that is a file": (["run", "p.py", "--set", "out=log.jsonl/a.jsonl"], ["log.jsonl/a.jsonl"]),
    "sink that is a directory": (["run", "p.py", "--set", "out=folder"], ["folder", "is a directory"]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(caudal, write, here: Path, name: str) -> None:
    arguments, told = ARGUMENTS[name]
    write("log.jsonl", ROWS)
    (here / "link.jsonl").symlink_to("log.jsonl")
    (here / "folder").mkdir()
    before = (here / "log.jsonl").read_bytes()
    ended = caudal(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert [part for part in told if part not in ended.err] == [], ended.err
    assert sorted(os.listdir(here)) == ["folder", "link.jsonl", "log.jsonl", "p.py"]
    assert (here / "log.jsonl").read_bytes() == before


def test_a_sink_that_a_followed_directory_would_read(caudal, write, here: Path) -> None:
    (here / "logs").mkdir()
    write("logs/a.jsonl", ROWS)
    for command in ("run", "check"):
        ended = caudal(command, "p.py", "--follow", "--set", "path=logs", "--set", "out=logs/alerts.jsonl")
        assert ended.code == 2
        assert "would write to what is read: logs/alerts.jsonl" in ended.err
        assert os.listdir(here / "logs") == ["a.jsonl"]


@pytest.mark.parametrize(
    ("path", "out", "told"),
    [
        ("in.jsonl", "./missing/../in.jsonl", "./missing/../in.jsonl"),
        ("in.jsonl", "nowhere/.././in.jsonl/", "in.jsonl/"),
        ("in.jsonl", "hard.jsonl", "hard.jsonl"),
        ("hard.jsonl", "link.jsonl", "link.jsonl"),
        ("link.jsonl", "in.jsonl", "in.jsonl"),
        ("dangling.jsonl", "in.jsonl", "no file at dangling.jsonl"),
        ("a.jsonl.partial", "a.jsonl", "a.jsonl.partial (after a stop)"),
        ("b.dead.jsonl", "b.jsonl", "b.dead.jsonl"),
        ("*.jsonl", "new.jsonl", "new.jsonl"),
        (".", "sub/../new.csv", "sub/../new.csv"),
        ("sub", "linked/new.jsonl", "linked/new.jsonl"),
        ("in.jsonl", "", "an empty path names no file"),
        ("in.jsonl", ".", "it is a directory"),
        ("in.jsonl", "/", "it is a directory"),
    ],
)
def test_no_spelling_of_a_target_reaches_what_is_read(
    caudal, write, here: Path, path: str, out: str, told: str
) -> None:
    for name in ("in.jsonl", "a.jsonl.partial", "b.dead.jsonl"):
        write(name, ROWS)
    os.link(here / "in.jsonl", here / "hard.jsonl")
    os.symlink("in.jsonl", here / "link.jsonl")
    os.symlink("nothing", here / "dangling.jsonl")
    (here / "sub").mkdir()
    (here / "sub" / "c.jsonl").write_bytes((here / "in.jsonl").read_bytes())
    os.symlink("sub", here / "linked")
    before = sorted((str(file), file.read_bytes()) for file in here.rglob("*") if file.is_file())
    ended = caudal("run", "p.py", "--set", f"path={path}", "--set", f"out={out}")
    assert ended.code == 2
    assert told in ended.err
    assert len(ended.err.splitlines()) <= 3
    assert sorted((str(file), file.read_bytes()) for file in here.rglob("*") if file.is_file()) == before


def test_an_archive_is_no_log(caudal, write, here: Path) -> None:
    (here / "my logs.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    for command in ("run", "check"):
        ended = caudal(command, "p.py", "--set", "path=my logs.zip")
        assert ended.code == 2
        assert "my logs.zip: it is a zip archive" in ended.err
        assert "unzip -p '" in ended.err
    assert sorted(os.listdir(here)) == ["my logs.zip", "p.py"]


def test_unreadable_input(caudal, write, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("log.jsonl", ROWS)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let the system call say what it says to others
        real = open

        def refuse(file, *args, **kwargs):
            if str(file).endswith("log.jsonl"):
                raise PermissionError(13, "Permission denied", str(file))
            return real(file, *args, **kwargs)

        monkeypatch.setattr("builtins.open", refuse)
    ended = caudal("run", "p.py")
    assert ended.code == 2
    assert "cannot read" in ended.err
    assert "log.jsonl: Permission denied" in ended.err
    assert sorted(os.listdir(here)) == ["log.jsonl", "p.py"]


def test_csv_header_that_does_not_fit(caudal, pipeline, write, here: Path) -> None:
    write("log.csv", "ip,tt,code\na,1,2\n")
    pipeline(('settings.path, format="json"', '"log.csv", format="csv"'))
    for command in ("run", "check"):
        ended = caudal(command, "p.py")
        assert ended.code == 2
        assert [part for part in ("log.csv:1", "'t'", "'tt'") if part not in ended.err] == [], ended.err
        assert sorted(os.listdir(here)) == ["log.csv", "p.py"]


def test_run_with_json_says_what_failed_as_json(caudal, write) -> None:
    ended = caudal("run", "p.py", "--json")
    assert ended.code == 2
    assert ended.summary["state"] == "failed"
    assert ended.summary["error"]["message"] == "no file at log.jsonl"
    assert ended.err.startswith("error: rows: no file at log.jsonl")


def test_debug_prints_the_traceback(caudal, pipeline, write) -> None:
    ended = caudal("run", pipeline(("rows =", "1 / 0\nrows =")), "--debug")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert "ZeroDivisionError" in ended.err
