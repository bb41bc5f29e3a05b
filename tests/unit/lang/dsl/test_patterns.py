"""Patterns as they are written: what they become, how they are shown and stored, and what is answered to mistakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import CaudalError, PlanError
from caudal.plan import wire
from caudal.plan.nodes import Match

SCHEMA = {"ip": "string", "t": "int64", "code": "int64", "user": "string"}


def rows(**options: Any) -> cd.Stream:
    return cd.source("memory", rows=[], schema=SCHEMA, **{"event_time": "t", **options})


def of_file(**options: Any) -> cd.Stream:
    return cd.source("files", path="x.jsonl", schema=SCHEMA, event_time="t", **options)


fail = cd.event("fail", col("code") == 401)
ok = cd.event("ok", "code = 200")
other = cd.event("other", col("code") == 500)


def matched(pattern: Any, stream: cd.Stream | None = None, within: Any = "1m", **aggregates: Any) -> Match:
    made = (stream or rows()).group_by("ip").match(pattern, within=within).agg(**aggregates).node
    assert isinstance(made, Match)
    return made


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        (lambda: fail, "fail"),
        (lambda: fail.times(5) >> ok, "fail.times(5) >> ok"),
        (lambda: fail.times(2, 8).then(ok), "fail.times(2, 8).then(ok)"),
        (lambda: fail.times(3, None) >> ~other >> ok, "fail.times(3, None) >> ~other >> ok"),
        (lambda: (fail | other).times(2) >> ok, "(fail | other).times(2) >> ok"),
        (lambda: cd.all_of(fail, other.times(2)) >> ~ok, "all_of(fail, other.times(2)) >> ~ok"),
        (lambda: fail >> other.then(ok), "fail >> other.then(ok)"),
        (lambda: (fail >> other).then(ok), "fail >> other.then(ok)"),
        (lambda: fail >> (other >> ok), "fail >> other >> ok"),
        (lambda: fail >> ~(other | ok), "fail >> ~other >> ~ok"),
    ],
)
def test_a_pattern_is_shown_and_stored(pattern: Any, shown: str) -> None:
    node = matched(pattern(), of_file(), all=cd.count(), fails=cd.count(of="fail"))
    assert str(node.pattern) == shown
    assert shown in node.describe()
    assert node.schema.names == ("ip", "match_start", "match_end", "all", "fails")
    plan = cd.Pipeline("p", cd.Stream(node).to("console"))
    again = wire.loads(wire.dumps(plan))
    assert wire.dumps(again) == wire.dumps(plan)
    assert cd.explain(again) == cd.explain(plan)


def test_what_is_read_of_earlier_events_is_stored_and_shown() -> None:
    much = cd.event("much", (col("code") > 10 * cd.first("code", of="fail")) & (cd.count(of="fail") == 2))
    node = matched(fail.times(2) >> much, of_file(), n=cd.count(of="much"))
    assert "event much: code > 10 * first(code, of fail) AND count(of fail) = 2" in [*node.details()]
    plan = cd.Pipeline("p", cd.Stream(node).to("console"))
    assert wire.dumps(wire.loads(wire.dumps(plan))) == wire.dumps(plan)
    assert node.reads() == {"ip", "code"}


def test_only_what_is_read_is_decoded() -> None:
    node = matched(fail >> ok, user=cd.last("user", of="ok"))
    assert node.reads() == {"ip", "code", "user"}
    assert matched(fail >> ok).reads() == {"ip", "code"}


def test_conditions_may_call_functions() -> None:
    @cd.row(returns="bool")
    def odd(code: int) -> bool:
        return code % 2 == 1

    given = [{"ip": "a", "t": t, "code": code, "user": None} for t, code in enumerate([2, 3, 4, 5])]
    source = cd.source("memory", rows=given, schema=SCHEMA, event_time="t")
    out = source.group_by("ip").match(cd.event("odd", odd(col("code"))).times(2), within="1s").agg(n=cd.collect("code"))
    assert out.schema.names == ("ip", "match_start", "match_end", "n")
    assert out.collect()["n"].to_list() == [[3, 5]]


@cd.row
def doubled(code: int) -> int:
    return 2 * code


def test_conditions_that_read_earlier_events_may_call_functions_of_the_row() -> None:
    given = [{"ip": "a", "t": t, "code": code, "user": None} for t, code in enumerate([1, 3, 2, 8, 5, 9])]
    source = cd.source("memory", rows=given, schema=SCHEMA, event_time="t")
    first = cd.event("first", col("code") == 1)
    much = (doubled(col("code")) > 6) & (doubled(col("code")) < 4 * cd.max(doubled(col("code")), of="some"))
    pattern = first >> cd.event("some", "code < 4").times(2) >> cd.event("much", much & (doubled(col("code")) != 10))
    out = source.group_by("ip").match(pattern, within="1s").agg(codes=cd.collect("code"))
    assert out.schema.names == ("ip", "match_start", "match_end", "codes")
    # some: 3 and 2, so 4 * max(doubled) = 24: 8 doubled is 16, the first that is more than 6, less than 24, and not 10
    assert out.collect()["codes"].to_list() == [[1, 3, 2, 8]]


MISTAKES: dict[str, tuple[Any, str, str]] = {
    "no pattern": (lambda: matched("fail"), "match takes a pattern", "cd.event("),
    "begins with what does not occur": (lambda: ~fail >> ok, "begins with an event that occurs", "a >> ~b"),
    "only what does not occur": (lambda: matched(~fail), "begins with an event that occurs", "a >> ~b"),
    "times(0)": (lambda: fail.times(0), "once or more, not 0 times", "~event"),
    "times(5, 2)": (lambda: fail.times(5, 2), "times(5, 2) is no range", "times(2, 5)"),
    "times of text": (lambda: fail.times("5"), "numbers of rows, not '5'", "times(5)"),
    "times beyond measure": (lambda: matched(fail.times(2**70)), "up to 2,147,483,647", "times(3, None)"),
    "at most beyond measure": (lambda: matched(fail.times(2, 2**31)), "up to 2,147,483,647", "times(3, None)"),
    "times twice": (lambda: fail.times(2).times(3), "has its times already", "times(2, 8)"),
    "times of a sequence": (lambda: (fail >> ok).times(2), "takes an event", "brackets"),
    "no name": (lambda: cd.event(col("code") == 401), "needs a name first", 'cd.event("fail"'),
    "two of a name": (lambda: matched(fail >> fail), "two events are called 'fail'", "a name of its own"),
    "unknown event": (lambda: matched(fail >> ok, n=cd.count(of="fial")), "no event 'fial'", "fail"),
    "an event that must not occur": (
        lambda: matched(fail >> ~other >> ok, n=cd.count(of="other")),
        "'other' must not occur",
        "takes rows",
    ),
    "never": (lambda: matched(cd.event("no", cd.lit(False))), "can never match", ""),
    "never, in part": (lambda: matched(fail >> cd.event("no", ok_and_never())), "can never match", ""),
    "everything": (lambda: matched(cd.event("any")), "matches every row", "times(n)"),
    "everything, said": (lambda: matched(cd.event("any", cd.lit(True))), "matches every row", "times(n)"),
    "whatever comes is forbidden": (lambda: matched(fail >> ~cd.event("any") >> ok), "can never match", "a.then(b)"),
    "forbidden as it follows": (
        lambda: matched(fail >> ~cd.event("not_ok", "code = 200") >> ok),
        "can never match",
        "",
    ),
    "no within at the end": (lambda: matched(fail >> ~ok, within=None), "until when", "within="),
    "within 0": (lambda: matched(fail >> ok, within="0s"), "greater than zero", "10m"),
    "within, no unit": (lambda: matched(fail >> ok, within=5), "within", ""),
    "after": (
        lambda: rows().group_by("ip").match(fail >> ok, within="1m", after="all").agg(),
        "'last' or 'next'",
        'after="last"',
    ),
    "no event time": (lambda: matched(fail >> ok, rows(event_time=None)), "event time", "event_time="),
    "a condition that is none": (lambda: matched(cd.event("x", col("code") + 1) >> ok), "true or false", "col("),
    "unknown column": (lambda: matched(cd.event("x", col("cod") == 1) >> ok), "cod", ""),
    "reads a later event": (
        lambda: matched(fail >> cd.event("x", col("code") > cd.last("code", of="ok")) >> ok),
        "'ok' does not come before 'x'",
        "before it come: fail",
    ),
    "the first reads one": (
        lambda: matched(cd.event("x", col("code") > cd.last("code", of="x")) >> ok),
        "does not come before",
        "none before it",
    ),
    "reads no event": (
        lambda: matched(fail >> cd.event("x", col("code") > cd.last("code", of="y"))),
        "no event 'y'",
        "fail",
    ),
    "what cannot be computed of one": (
        lambda: matched(fail >> cd.event("x", cd.first("user", of="fail").as_expression().str.lower() == col("user"))),
        "cannot be computed of an earlier event",
        "comparisons",
    ),
    "a function of an earlier event": (
        lambda: matched(fail >> cd.event("x", doubled(cd.first("code", of="fail")) == col("code"))),
        "doubled() cannot be computed of an earlier event",
        "cd.max(doubled(col('bytes')), of='small')",
    ),
    "of= in a window": (
        lambda: rows().window(cd.tumbling("1s")).agg(n=cd.count(of="fail")),
        "over an event of a pattern",
        ".match(",
    ),
    "of= in a filter": (lambda: rows().filter(col("code") > cd.first("code", of="fail")), "reads an earlier event", ""),
    "an alternative with times": (lambda: fail.times(2) | ok, "no times of its own", "(a | b).times(5)"),
    "an alternative that is a sequence": (lambda: fail | (ok >> other), "takes an event", "brackets"),
    "&": (lambda: fail & ok, "not joined by &", "cd.all_of"),
    "then not": (lambda: fail.then(~ok), "an event that occurs", "a >> ~b"),
    "not so many": (lambda: ~fail.times(2), "cannot be said", "~ takes an event"),
    "all of what does not occur": (lambda: cd.all_of(fail, ~ok), "all_of takes events that occur", ">> ~b"),
    "an alternative that does not occur": (lambda: fail | ~ok, "| takes events that occur", "a | cd.event("),
    "one of all": (lambda: cd.all_of(fail), "two events or more", "all_of(a, b)"),
    "what follows is no event": (lambda: fail >> "ok", "what follows is an event", "cd.event("),
    "a reserved name": (lambda: matched(fail >> ok, match_end=cd.count()), "'match_end'", "another name"),
    "no aggregate": (lambda: matched(fail >> ok, n=3), "not an aggregate", "cd.count()"),
    "no keys": (lambda: rows().match(fail), "no 'match'", '.group_by("ip").match('),
    "no agg": (lambda: rows().group_by("ip").match(fail, within="1m").to("console"), "no 'to' here", ""),
}


def ok_and_never() -> Any:
    return (col("code") == 200) & cd.lit(False)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told(name: str) -> None:
    make, message, hint = MISTAKES[name]
    with pytest.raises((CaudalError, AttributeError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
    assert hint in getattr(caught.value, "hint", "")


def test_truth_is_not_asked_of_a_pattern() -> None:
    for ask in (lambda: fail and ok, lambda: not fail):
        with pytest.raises(TypeError, match="no truth value"):
            ask()


def test_a_live_source_needs_within(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("")
    source = cd.source("files", path=str(tmp_path / "x.jsonl"), schema=SCHEMA, event_time="t", follow=True)
    out = source.group_by("ip").match(fail >> ok).agg()
    with pytest.raises(PlanError, match="goes on for ever") as caught:
        cd.run(cd.Pipeline("p", out.to("memory", into=[])))
    assert "within=" in caught.value.hint


def test_any_time_over_bounded_rows() -> None:
    given = [{"ip": "a", "t": t, "code": code, "user": None} for t, code in ((0, 401), (10**9, 401), (10**11, 200))]
    source = cd.source("memory", rows=given, schema=SCHEMA, event_time="t")
    out = source.group_by("ip").match(fail.times(2) >> ok).agg(n=cd.count())
    assert out.collect()["n"].to_list() == [3]
    ever = source.group_by("ip").match(fail.times(2) >> ok, within="100000000d").agg(n=cd.count())
    assert ever.collect()["n"].to_list() == [3]
    within = source.group_by("ip").match(fail.times(2) >> ok, within=timedelta(hours=1)).agg(n=cd.count())
    assert not len(within.collect())
