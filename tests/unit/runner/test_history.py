"""Sources with a history are read from one place to another; all others are left alone."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import OptionError
from caudal.runner.history import between, ended, place, placed


def plan(**options: Any) -> Any:
    source = cd.source("kafka", topic="t", servers="x:1", format="json", schema={"n": "int64"}, **options)
    return cd.Pipeline("p", source.to("console"))


def options(plan: Any) -> dict[str, Any]:
    (source,) = plan.sources
    return dict(source.options)


def test_a_topic_is_read_between_two_places() -> None:
    found = options(between(plan(), "2026-11-01T00:00:00Z", {"0": 7}))
    assert (found["start"], found["until"], found["topic"]) == ("2026-11-01T00:00:00Z", {"0": 7}, "t")


def test_what_is_not_asked_for_stays() -> None:
    assert options(between(plan(start="latest"), None, "latest"))["start"] == "latest"


def test_a_topic_ends_where_it_ends_now_unless_it_says_where() -> None:
    assert options(ended(plan()))["until"] == "latest"
    assert options(ended(plan(until={"0": 3})))["until"] == {"0": 3}


def test_sources_without_a_history_are_refused() -> None:
    memory = cd.Pipeline("p", cd.source("memory", rows=[], schema={"n": "int64"}).to("console"))
    assert options(ended(memory)) == options(memory)
    with pytest.raises(OptionError, match="history"):
        between(memory, "earliest", "latest")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("latest", "latest"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ('{"0": 15}', {"0": 15}),
        ("t:0=15", {"t/0": 15}),
        ("web.log-1:0=15, web.log-1:12=0", {"web.log-1/0": 15, "web.log-1/12": 0}),
    ],
)
def test_places_of_the_command_line(text: str, found: Any) -> None:
    assert place(text) == found


@pytest.mark.parametrize("text", ["{0: 15", "t:0=1,latest", "t:0=1,t:0=2", "t:0=1,t:1"])
def test_offsets_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="no place"):
        place(text)


def test_a_run_is_as_written_where_no_place_is_given() -> None:
    written = plan(start="latest")
    assert placed(written, None, None) is written
    found = options(placed(plan(), None, "t:0=9"))
    assert (found.get("start"), found["until"]) == (None, {"t/0": 9})


def topics(*given: dict[str, Any]) -> Any:
    streams = [
        cd.source("kafka", servers="nowhere:9092", format="json", schema={"n": "int64"}, name=f"s{i}", **each)
        for i, each in enumerate(given)
    ]
    return cd.Pipeline("p", *(stream.to("console") for stream in streams))


def all_options(plan: Any) -> list[tuple[Any, Any]]:
    found = (dict(node.options) for node in plan.sources)
    return [(each.get("start"), each.get("until")) for each in found]


def test_each_source_takes_the_offsets_of_its_own_topics() -> None:
    plan = topics({"topic": "a"}, {"topics": ["b", "c"]})
    assert all_options(placed(plan, "a:0=5,c:1=7", "b:0=9")) == [({"a/0": 5}, "latest"), ({"c/1": 7}, {"b/0": 9})]
    assert all_options(placed(topics({"topic": "a"}), '{"0": 3}', None)) == [({"0": 3}, None)]


def test_an_offset_of_a_topic_that_nobody_reads_is_refused() -> None:
    with pytest.raises(OptionError, match="no source reads the topic 'logz'") as error:
        placed(topics({"topic": "logs"}), "logz:0=5", None)
    assert "logs" in error.value.hint
    assert all_options(placed(topics({"pattern": "log.*"}), "logz:0=5", None)) == [({"logz/0": 5}, None)]
