"""The rows that made an alert, against what is counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import OptionError
from caudal.runner.alerts import Made, made

SCHEMA = {"t": "int64", "ip": "string", "code": "int64"}
ROWS = [
    {"t": t, "ip": ip, "code": code}
    for t, ip, code in [
        (0, "a", 401),
        (400, "b", 401),
        (900, "a", 401),
        (950, None, 401),
        (1000, "a", 200),
        (1100, "a", 401),
        (1200, "b", 401),
        (300, "a", 500),  # late
        (2500, "a", 401),
        (2600, "b", 200),
        (2700, "a", 200),
    ]
]


def rows(**options: Any) -> Any:
    return cd.source("memory", rows=ROWS, schema=SCHEMA, event_time="t", **options)


def asked(stream: Any, alert: Any) -> Made:
    plan = cd.Pipeline("p", stream.to("console", name="out"))
    return made(plan, alert if isinstance(alert, str) else json.dumps(alert))


def times(found: Made, part: str = "rows") -> list[int]:
    return [row["t"] for row in found.parts[part]]


def time(milliseconds: int) -> str:
    return f"1970-01-01T00:00:0{milliseconds // 1000}.{milliseconds % 1000:03}Z"


@pytest.mark.parametrize(
    ("window", "alert", "wanted"),
    [
        (cd.tumbling("1s"), {"ip": "a", "n": 2, "window_start": time(0)}, [0, 900]),
        (cd.tumbling("1s"), {"ip": None}, [950]),
        (cd.hopping("2s", every="1s"), {"ip": "a", "window_start": time(0)}, [0, 300, 900, 1000, 1100]),
        (cd.session("500ms"), {"ip": "a", "n": 3}, [900, 1000, 1100]),
        (cd.rows(2), {"ip": "a", "window_start": time(1000)}, [1000, 1100]),
    ],
)
def test_windows(window: Any, alert: dict[str, Any], wanted: list[int]) -> None:
    counts = rows().group_by("ip").window(window).agg(n=cd.count(), name="counts")
    found = asked(counts.filter(col("n") > 0).select("ip", "window_start", "n"), alert)
    assert (found.sink, found.operator) == ("out", "counts")
    assert found.alert.items() >= alert.items()
    assert times(found) == wanted


def seconds() -> Any:
    return rows().group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count(), name="seconds")


@pytest.mark.parametrize(
    ("window", "alert", "wanted"),
    [
        (cd.tumbling("2s"), {"ip": "a", "window_start": time(0)}, [(0, 2), (1000, 2)]),
        (cd.rows(1, order_by="window_start"), {"ip": "b", "peak": 1, "window_start": time(1999)}, [(1000, 1)]),
    ],
)
def test_windows_of_what_windows_make(window: Any, alert: dict[str, Any], wanted: list[tuple[int, int]]) -> None:
    found = asked(seconds().group_by("ip").window(window).agg(peak=cd.max("n")), alert)
    assert found.parts["rows"] == [
        {"ip": alert["ip"], "window_start": time(start), "window_end": time(start + 1000), "n": n}
        for start, n in wanted
    ]


def test_windows_by_the_bounds_of_windows_and_behind_windowed_joins() -> None:
    found = asked(seconds().group_by(at="window_start").window(cd.tumbling("1m")).agg(n=cd.count()), {"at": time(2000)})
    assert [(row["ip"], row["n"]) for row in found.parts["rows"]] == [("a", 2), ("b", 1)]
    pairs = rows().join(rows().filter("code = 200"), "ip", window=cd.tumbling("1s"))
    found = asked(
        pairs.group_by("ip").window(cd.tumbling("2s")).agg(n=cd.count()), {"ip": "a", "window_start": time(0)}
    )
    assert [(row["t"], row["window_start"], row["t_right"]) for row in found.parts["rows"]] == [
        (1000, time(1000), 1000),
        (1100, time(1000), 1000),
    ]


def test_rows_of_windows_are_those_that_were_taken() -> None:
    found = asked(
        rows().group_by(ip=col("ip").str.upper()).window(cd.tumbling("1s")).agg(n=cd.count()),
        {"ip": "B", "window_start": time(0)},
    )
    assert found.parts["rows"] == [{"t": 400, "ip": "b", "code": 401}]


def test_keys_that_are_computed_and_rows_of_functions() -> None:
    @cd.batch
    def sizes(frame: Any) -> Any:
        import polars as pl

        return pl.DataFrame({"size": [len(frame)]})

    keyed = rows().group_by(odd=col("t") % 200 == 100).window(cd.tumbling("1s"))
    found = asked(keyed.apply(sizes, schema={"size": "int64"}), {"odd": True, "window_start": time(0)})
    assert times(found) == [900]
    assert [row["t"] for row in asked(keyed.top(1, by="code"), {"code": 401, "t": 0}).parts["rows"]] == [0, 400, 950]


def test_patterns_tell_the_rows_of_each_event() -> None:
    fail, ok = cd.event("fail", col("code") == 401), cd.event("ok", col("code") == 200)
    matches = rows().group_by("ip").match(fail.times(2) >> ok, within="3s").agg(fails=cd.count(of="fail"), name="m")
    found = asked(matches, {"ip": "a", "match_end": time(1000)})
    assert (found.operator, times(found, "fail"), times(found, "ok")) == ("m", [0, 900], [1000])
    found = asked(matches, {"ip": "a", "match_end": time(2700)})
    assert (times(found, "fail"), times(found, "ok")) == ([1100, 2500], [2700])
    found = asked(matches, {"ip": "b"})
    assert (times(found, "fail"), times(found, "ok")) == ([400, 1200], [2600])


def test_joins_tell_their_sides() -> None:
    ok = rows().filter(col("code") == 200).select("t", "ip", good="t")
    fail = rows().filter(col("code") == 401)
    pairs = fail.join(ok, "ip", within=("0s", "150ms"), how="left")
    found = asked(pairs, {"ip": "a", "t": 900})
    assert found.parts == {
        "left": [{"ip": "a", "t": 900, "code": 401}],
        "right": [{"ip": "a", "t_right": 1000, "good": 1000}],
    }
    assert [*asked(pairs, {"ip": "b", "t": 400}).parts] == ["left"]
    windowed = fail.join(ok, "ip", window=cd.tumbling("1s"))
    assert asked(windowed, {"ip": "a", "t": 1100}).parts["right"][0]["good"] == 1000


def test_rows_of_running_and_sliding_aggregates() -> None:
    found = asked(rows().group_by("ip").running(n=cd.count()), {"ip": "a", "t": 1000})
    assert times(found) == [0, 900, 1000]
    found = asked(rows().group_by("ip").window(cd.sliding("200ms")).agg(n=cd.count()), {"ip": "a", "t": 1100})
    assert times(found) == [1000, 1100]
    assert found.alert["n"] == 2
    found = asked(rows().group_by("ip").window(cd.sliding(rows=2)).agg(n=cd.count()), {"ip": "b", "t": 2600})
    assert times(found) == [1200, 2600]


def test_rows_that_are_let_through_and_those_of_sources() -> None:
    assert asked(rows().deduplicate("ip"), {"ip": "b"}).parts["row"] == [{"t": 400, "ip": "b", "code": 401}]
    found = asked(rows().filter(col("code") == 500), {"t": 300})
    assert (found.told, found.parts) == ("a row of the source", {})


def test_of_a_fold_all_rows_of_the_key_are_told() -> None:
    def fold(state: Any, row: Any) -> Any:
        return {"n": (state or {"n": 0})["n"] + 1}

    found = asked(rows().group_by("ip").reduce(fold, schema={"n": "int64"}), {"ip": "b", "n": 2})
    assert times(found) == [400, 1200, 2600]
    assert "its function knows" in found.told


def spoiled(state: Any, row: Any) -> Any:
    if row["t"] == 900:
        raise ValueError("no such row")
    return {"n": (state or {"n": 0})["n"] + 1}


def stepped(state: Any, rows: Any, timers: Any) -> Any:
    for row in rows:
        spoiled(None, row)
        yield {"t": row["t"]}


@pytest.mark.parametrize(
    ("key", "a"),
    [({"ip": col("ip")}, "a"), ({"key": col("ip").str.upper()}, "A"), ({"ip": col("ip").str.upper()}, "A")],
)
def test_rows_that_were_late_or_dead_letters_are_none_of_those_that_were_taken(key: dict[str, Any], a: str) -> None:
    (name,) = key
    found = asked(rows().group_by(**key).reduce(spoiled, schema={"n": "int64"}), {name: a, "n": 5})
    assert times(found) == [0, 1000, 1100, 2500, 2700]  # 300 was late
    assert found.parts["rows"][0] == {"t": 0, "ip": "a", "code": 401}
    steps = rows().group_by(**key).process(stepped, schema={"t": "int64"}, state={"x": "int64"})
    assert times(asked(steps, {name: a, "t": 1100})) == [0, 1000, 1100, 2500, 2700]


def test_dead_letters_of_rows_of_windows() -> None:
    def at_most_one(state: Any, row: Any) -> Any:
        return {"n": 1 // (2 - row["n"])}

    folded = seconds().group_by(some=col("n") > 0).reduce(at_most_one, schema={"n": "int64"})
    found = asked(folded, {"some": True, "n": 1})
    assert [row["n"] for row in found.parts["rows"]] == [1, 2, 1, 2, 1, 2, 1]
    assert "3 dead letters of it do not tell of which row they are" in found.told


def test_of_a_throttled_row_those_are_told_that_were_held_back_for_it() -> None:
    throttled = rows().group_by(key=col("ip").str.upper()).throttle("1s")
    assert times(asked(throttled, {"ip": "a", "t": 0})) == [0]
    found = asked(throttled, {"ip": "a", "t": 1000})
    assert times(found) == [900, 1000]
    assert found.parts["rows"][0] == {"t": 900, "ip": "a", "code": 401}
    assert "its function" not in found.told


def test_of_averages_the_rows_up_to_their_own_are_told() -> None:
    averages = rows().group_by("ip").running(usual=cd.ewma("code", alpha=0.5))
    found = asked(averages, {"ip": "a", "t": 1100})
    assert times(found) == [0, 900, 1000, 1100]
    assert "its function" not in found.told


def test_keys_that_are_called_as_columns_and_are_none() -> None:
    counts = rows().group_by(ip=col("ip").str.upper()).running(n=cd.count())
    assert times(asked(counts, {"ip": "b", "t": 1200})) == [400, 1200]


def test_of_later_values_the_row_that_has_them_is_told() -> None:
    found = asked(rows().group_by("ip").lead("code", within="1s", into="next"), {"ip": "a", "t": 900})
    assert found.parts == {"row": [{"t": 900, "ip": "a", "code": 401, "next": 200}]}


def test_settings_and_latest_rows_are_told_beside_the_row() -> None:
    settings = rows().filter(col("code") != 401).select("t", "ip", bad="code")
    found = asked(rows().broadcast(settings, "ip"), {"ip": "a", "t": 1100})
    assert found.parts == {
        "row": [{"ip": "a", "t": 1100, "code": 401}],
        "setting": [{"ip": "a", "t_right": 1000, "bad": 200}],
    }
    assert [*asked(rows().broadcast(settings, "ip"), {"ip": "a", "t": 0}).parts] == ["row"]
    latest = settings.group_by("ip").latest()
    found = asked(rows().lookup(latest, on="ip", columns=["bad"]), {"ip": "b", "t": 2600})
    assert found.parts == {"row": [{"ip": "b", "t": 2600, "code": 200}], "latest": [{"ip": "b", "bad": 200}]}
    found = asked(rows().lookup(latest, on="ip", how="anti"), {"ip": "b", "t": 1200})
    assert found.parts == {"row": [{"ip": "b", "t": 1200, "code": 401}]}
    assert "had no" in found.told


def test_alerts_are_found_by_identity_too() -> None:
    written: list[Any] = []
    counts = rows().group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count())
    cd.run(cd.Pipeline("p", counts.to("memory", into=written, identity="id", name="out")))
    (row,) = [row for table in written for row in table.to_pylist() if row["ip"] == "a" and row["n"] == 3] or [
        row for table in written for row in table.to_pylist() if row["ip"] == "b" and row["n"] == 1
    ][:1]
    found = asked(counts, row["id"])
    assert found.alert["ip"] == row["ip"]
    assert len(found.parts["rows"]) == row["n"]


@pytest.mark.parametrize(
    ("alert", "told"),
    [
        ("0" * 32, "no such alert"),
        ({"ip": "z"}, "no such alert"),
        ({"ipp": "a"}, "did you mean 'ip'"),
        ("{ip: a}", "no JSON object"),
    ],
)
def test_what_is_no_alert(alert: Any, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        asked(rows().group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count()), alert)


def test_what_cannot_be_told_is_said() -> None:
    with pytest.raises(OptionError, match="of kind union"):
        asked(rows().union(rows(disorder="1s").select("t", "ip", "code").filter("t > 500")), {"ip": "a", "t": 300})


def two(alert: Any, *, identity: str = "") -> Made:
    """Ask of a pipeline of two sinks, in which the rows of the second are some columns of the first's."""
    kept = rows()
    counts = kept.group_by("ip").running(n=cd.count()).to("console", name="counts", identity=identity)
    bad = kept.filter(col("code") == 401).to("console", name="bad", identity=identity)
    return made(cd.Pipeline("p", counts, bad), alert if isinstance(alert, str) else json.dumps(alert))


def test_a_row_that_is_pasted_whole_is_no_other_sinks() -> None:
    assert two({"t": 900, "ip": "a", "code": 401}).sink == "bad"
    found = two({"t": 900, "ip": "a", "code": 401, "n": 2})
    assert (found.sink, times(found)) == ("counts", [0, 900])
    assert two({"t": 900, "n": 2}).sink == "counts"


@pytest.mark.parametrize(
    ("alert", "told"),
    [
        ({"ip": "b"}, "5 rows fit this alert, of counts, bad"),
        ({"t": 900}, "2 rows fit this alert, of counts, bad"),
        ({"code": 200}, "3 rows fit this alert, of counts\n"),
    ],
)
def test_rows_of_which_one_may_be_meant_are_counted(alert: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told) as failed:
        two(alert)
    assert "paste the whole row" in (failed.value.hint or "")


def test_rows_that_are_equal() -> None:
    twice = [{"t": 5, "ip": "a", "code": 1}] * 2
    source = cd.source("memory", rows=twice, schema=SCHEMA, event_time="t")
    assert asked(source, twice[0]).sink == "out"  # nothing tells them apart
    sinks = [source.filter(col("t") > n).to("console", name=f"out{n}") for n in range(2)]
    assert made(cd.Pipeline("p", *sinks), json.dumps(twice[0])).sink == "out0"
    sinks = [source.to("console", name="all"), source.deduplicate("ip").to("console", name="one")]
    with pytest.raises(OptionError, match="3 rows are like this alert, of all, one") as failed:
        made(cd.Pipeline("p", *sinks), json.dumps(twice[0]))
    assert "give its identity" in (failed.value.hint or "")


def test_an_identity_in_the_row_tells_which_it_is() -> None:
    written: list[Any] = []
    cd.run(cd.Pipeline("p", rows().to("memory", into=written, identity="id", name="out")))
    ids = {row["t"]: row["id"] for table in written for row in table.to_pylist()}
    assert two({"ip": "a", "id": ids[1100]}, identity="id").alert["t"] == 1100


@pytest.mark.parametrize("name", ["rows", "places", "matches", "framed", "made", "of", "row"])
def test_operators_may_have_any_name(name: str) -> None:
    fail, ok = cd.event("fail", col("code") == 401), cd.event("ok", col("code") == 200)
    kept = rows(name=name).group_by("ip")
    found = asked(kept.window(cd.tumbling("1s")).agg(n=cd.count()), {"ip": "a", "window_start": time(0)})
    assert times(found) == [0, 900]
    assert times(asked(kept.running(n=cd.count()), {"ip": "a", "t": 900})) == [0, 900]
    found = asked(kept.match(fail >> ok, within="3s").agg(n=cd.count()), {"ip": "a", "match_end": time(1000)})
    assert times(found, "ok") == [1000]


@pytest.mark.parametrize("pasted", ["NaN", "null", "Infinity", '"nan"'])
def test_what_is_no_number_is_null_where_alerts_are_written(pasted: str) -> None:
    schema = {"t": "int64", "ip": "string", "x": "float64"}
    given = [{"t": 0, "ip": "a", "x": 1.0}, {"t": 1, "ip": "b", "x": float("nan")}, {"t": 2, "ip": "c", "x": 2.0}]
    read = cd.source("memory", rows=given, schema=schema, event_time="t")
    sums = read.group_by("ip").window(cd.tumbling("1s")).agg(x=cd.sum("x"), all=cd.collect("x"))
    alone = pasted if pasted != '"nan"' else "null"
    found = asked(sums, f'{{"x": {pasted}, "all": [{alone}]}}')
    assert (found.alert["ip"], times(found)) == ("b", [1])
    with pytest.raises(OptionError, match="no such alert"):
        asked(sums, f'{{"ip": "a", "x": {pasted}}}')
