"""Event time behind operators: records that hold many events give the rows that one event a line gives."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import CaudalError, PlanError
from caudal.rewrite import rewrite
from caudal.runner.binding import apart
from caudal.testing import Script, check_everywhere, run

START = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
ACTIONS = ["ConsoleLogin", "GetCallerIdentity", "ListBuckets", "AssumeRole", "DeleteTrail"]
EVENT = {
    "eventVersion": "string",
    "userIdentity": {"type": "string", "arn": "string"},
    "eventTime": "string",
    "eventSource": "string",
    "eventName": "string",
    "awsRegion": "string",
    "sourceIPAddress": "string",
    "errorCode": "string",
}


def event(dice: random.Random, i: int) -> dict[str, Any]:
    """Return an event as CloudTrail writes it: with its delay of minutes, fields of its own, and errors among them."""
    time = START + timedelta(seconds=20 * i - dice.choice([0, 0, 0, 30, 400]))
    user = dice.choice(["eva", "bob"])
    made: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::123456789012:user/{user}",
            "accountId": "123456789012",
        },
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "signin.amazonaws.com",
        "eventName": dice.choice(ACTIONS),
        "awsRegion": dice.choice(["us-east-1", "eu-central-1"]),
        "sourceIPAddress": f"192.0.2.{dice.randrange(3)}",
        "requestParameters": {"bucketName": "logs", "Host": ["s3.amazonaws.com"]},
        "responseElements": None,
        "eventID": f"{i:08d}-0000-4000-8000-000000000000",
    }
    if dice.random() < 0.2:
        made["errorCode"] = "AccessDenied"
    return made


def written(folder: Path, seed: int) -> tuple[str, str]:
    """Write the events of two files, several a line and one a line; return the patterns of both."""
    dice = random.Random(seed)
    for name in ("eu", "us"):
        events, lines = [event(dice, i) for i in range(120)], []
        at = 0
        while at < len(events):
            size = dice.choice([0, 1, 1, 3, 20])
            lines.append({"Records": events[at : at + size]})
            at += size
        (folder / f"{name}.many.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (folder / f"{name}.one.json").write_text("".join(json.dumps(each) + "\n" for each in events))
    return str(folder / "*.many.json"), str(folder / "*.one.json")


def windows(events: cd.Stream) -> list[cd.Stream]:
    keyed = events.with_columns(user=col("userIdentity").field("arn")).group_by("user")
    refused = keyed.window(cd.tumbling("5m")).agg(
        n=cd.count(), refused=cd.count_if(col("errorCode") == "AccessDenied"), names=cd.collect("eventName")
    )
    return [refused, keyed.lag("eventName", into="before").select("user", "eventTime", "eventName", "before")]


@pytest.mark.parametrize("seed", range(3))
def test_cloudtrail_gives_the_rows_of_a_file_with_one_event_a_line(tmp_path: Path, seed: int) -> None:
    many, one = written(tmp_path, seed)
    grouped = cd.source("files", path=many, format="json", schema={"Records": [EVENT]})
    flat = cd.source("files", path=one, format="json", schema=EVENT, event_time="eventTime", disorder="1m")
    timed = grouped.explode("Records").with_event_time(col("eventTime"), disorder="1m")
    frames = [[stream.collect() for stream in windows(events)] for events in (timed, flat)]
    for mine, theirs in zip(*frames, strict=True):
        assert isinstance(mine, pl.DataFrame)
        assert isinstance(theirs, pl.DataFrame)
        assert sorted(mine.rows(), key=repr) == sorted(theirs.rows(), key=repr)
        assert len(mine) > 3
    assert frames[0][0]["n"].sum() < 240  # some came too late


LISTS = {"n": "int64", "recs": [{"t": "int64", "k": "string"}], "o": "string"}


def lists(**options: Any) -> cd.Stream:
    return cd.source("memory", rows=[], schema=LISTS, **options)


def drawn(dice: random.Random) -> dict[str, Any]:
    """Return a record with a list of a few elements, of which some are null, and some have no time."""
    size = dice.choice([None, 0, 1, 2, 7])
    made: list[Any] = []
    for _ in range(size or 0):
        time = None if dice.random() < 0.1 else dice.randrange(4000)
        made.append(None if dice.random() < 0.05 else {"t": time, "k": dice.choice("ab")})
    return {"n": dice.randrange(3), "recs": None if size is None else made, "o": dice.choice(["x", None])}


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_those_of_the_oracle_however_the_plan_is_run(seed: int) -> None:
    dice = random.Random(seed)
    stream = lists()
    if seed % 3 == 1:
        stream = stream.filter(col("n") > 0)
    stream = stream.explode("recs", into="rec" if seed % 2 else "")
    if seed % 2:
        stream = stream.select("n", t=col("rec").field("t"), k=col("rec").field("k"))
    if seed % 4 == 2:
        stream = stream.filter(col("k") == "a")
    timed = stream.with_event_time(col("t") + 1, disorder=timedelta(milliseconds=dice.choice([0, 300])), name="timed")
    keyed = timed.group_by("k")
    sinks = [
        keyed.window(cd.tumbling("1s")).agg(c=cd.count(), all=cd.collect("n")),
        keyed.window(cd.session("400ms")).agg(c=cd.count(), last=cd.last("n")),
        keyed.lead("n", within="500ms", into="after"),
        timed.filter(col("n") != 1),
    ]
    letters = timed.dead_letters().select("partition", "position", "operator", "reason")
    plan = cd.Pipeline(
        "p", *(each.to("console", name=f"out {i}") for i, each in enumerate(sinks)), letters.to("console", name="dead")
    )
    script = Script()
    for partition in ("p1", "p2", "p10")[: dice.randint(1, 3)]:
        script.partition(partition).rows(*(drawn(dice) for _ in range(dice.randint(0, 15))), partition=partition)
    check_everywhere(plan, script)


def test_a_live_partition_closes_windows_in_silence() -> None:
    timed = lists().explode("recs").with_event_time("t", idle="2s")
    counts = timed.window(cd.tumbling("1s")).agg(n=cd.count())
    rows = {"n": 1, "recs": [{"t": 100, "k": "a"}, {"t": 200, "k": "b"}], "o": None}
    result = run(cd.Pipeline("p", counts.to("console")), Script().rows(rows).silence("10s"))
    assert [row["n"] for row in result.rows] == [2]


def test_rows_of_a_record_have_identities_of_their_own(tmp_path: Path) -> None:
    given = [{"n": i, "recs": [{"t": 5, "k": "a"}] * 4, "o": None} for i in range(3)]
    stream = cd.source("memory", rows=given, schema=LISTS).explode("recs").with_event_time("t")
    out = tmp_path / "out.jsonl"
    cd.run(cd.Pipeline("p", stream.to("files", path=str(out), format="json", identity="id")))
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert len(ids) == len({*ids}) == 12


def score(n: int) -> int:
    return n


MISTAKES: dict[str, tuple[Any, str]] = {
    "no list": (lambda: lists().explode("n"), "takes a list"),
    "no column": (lambda: lists().explode("rec"), "unknown column 'rec'"),
    "an expression": (lambda: lists().explode(col("recs").list.get(0)), "takes a column"),
    "a name twice": (lambda: lists().with_columns(k=col("o")).explode("recs"), "there is a column 'k' already"),
    "two times": (lambda: lists(event_time="n").explode("recs").with_event_time("t"), "has event time already"),
    "twice": (lambda: lists().explode("recs").with_event_time("t").with_event_time("n"), "behind with_event_time"),
    "no time": (lambda: lists().explode("recs").with_event_time("o2"), "o2"),
    "a list": (lambda: lists().with_event_time("recs"), "cannot come from"),
    "a function": (
        lambda: lists().with_columns(m=cd.jit(score)(col("n"))).with_event_time("n"),
        "called before with_event_time",
    ),
    "a window": (
        lambda: lists(event_time="n").window(cd.tumbling("1s")).agg(c=cd.count()).with_event_time("c"),
        "behind window",
    ),
    "a union": (lambda: lists().union(lists()).with_event_time("n"), "behind union"),
    "windows before": (lambda: lists().explode("recs").window(cd.tumbling("1s")).agg(c=cd.count()), "needs event time"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_found_before_anything_starts(name: str) -> None:
    make, said = MISTAKES[name]
    with pytest.raises(CaudalError, match=said):
        make()


def test_nothing_else_reads_the_records() -> None:
    raw = lists(name="trail")
    timed = raw.explode("recs", name="apart").with_event_time("t", name="timed")
    plan = cd.Pipeline("p", timed.to("console", name="a"), raw.select("n").to("console", name="b"))
    with pytest.raises(PlanError, match="trail is read by") as found:
        rewrite(plan)
    assert "cd.source" in found.value.hint


def test_workers_of_a_group_refuse_it() -> None:
    plan = cd.Pipeline("p", lists().explode("recs").with_event_time("t").to("console"))
    assert "with_event_time" in apart(plan)
