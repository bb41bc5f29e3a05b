"""The Python front end: names, options, formats by path, settings."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import OptionError, PlanError, SettingsError
from caudal.lang.dsl.settings import overriding

SCHEMA = {"ip": "string", "t": "int64", "n": "int64"}


def rows(**options: Any) -> Any:
    return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", **options)


def test_streams_have_the_schema_of_their_rows() -> None:
    assert str(rows().schema) == "ip: string, t: int64, n: int64"
    assert rows().drop("t").schema.names == ("ip", "n")
    assert rows().rename({"ip": "address"}).schema.names == ("address", "t", "n")
    assert rows().select("n", (col("n") + 1).alias("m"), k=col("ip")).schema.names == ("n", "m", "k")
    assert rows().with_columns(n=col("n") / 2).schema.dtype("n").name == "float64"
    counts = (
        rows().group_by("ip", half=col("n") // 2).window(cd.hopping("4s", every="1s")).agg(c=cd.count(), m=cd.mean("n"))
    )
    assert (
        str(counts.schema)
        == "ip: string, half: int64, window_start: timestamp, window_end: timestamp, c: int64, m: float64"
    )


def test_text_is_a_column_or_sql_where_a_condition_is_asked() -> None:
    by_text = rows().filter("n > 1 AND ip = 'a'").node
    by_call = rows().filter((col("n") > 1) & (col("ip") == "a")).node
    assert by_text.predicate.same(by_call.predicate)
    assert cd.count_if("n > 1").argument.same(cd.count_if(col("n") > 1).argument)
    assert cd.sum("n").argument.same(col("n"))


def test_durations_are_text_or_milliseconds() -> None:
    assert rows(disorder="1m30s").node.disorder == 90_000
    assert rows(disorder="250ms", idle="2s", max_future="1h").node.idle == 2_000
    assert (cd.tumbling("1h").size, cd.tumbling("5ms", offset="2ms").offset, cd.session("30s").gap) == (
        3_600_000,
        2,
        30_000,
    )


def test_a_path_names_its_format() -> None:
    for path, name in (("a.jsonl", "json"), ("a.csv.gz", "csv"), (["x/*.parquet"], "parquet"), ("a.jsonl.zst", "json")):
        assert cd.source("files", path=path, schema=SCHEMA).node.format == name
    assert rows().to("files", path="out.csv").format == "csv"
    assert rows().to("console").format == ""
    with pytest.raises(OptionError, match="cannot tell the format"):
        cd.source("files", path="logs/", schema=SCHEMA)


@pytest.mark.parametrize(
    ("build", "message", "hint"),
    [
        (lambda: cd.source("file", path="a.jsonl"), "unknown connector 'file'", "did you mean 'files'?"),
        (lambda: cd.source("files", path="a", format="jsn"), "unknown format 'jsn'", "did you mean 'json'?"),
        (lambda: cd.source("files", path="a.jsonl", schema=SCHEMA, folow=True), "unknown option 'folow'", "'follow'"),
        (lambda: rows().to("files", pth="x.csv", format="csv"), "unknown option 'pth'", "'path'"),
        (lambda: cd.source("console", schema=SCHEMA), "cannot be read", ""),
        (lambda: rows().group_by(col("n") + 1), "has no name", "alias"),
        (lambda: rows().window(cd.tumbling("1s")).agg(n=col("n")), "is not an aggregate", "with_columns"),
        (lambda: cd.source("files", path="a.jsonl"), "needs a schema", "cd.infer"),
        (lambda: cd.field("string", path="a.b"), "two ways", "path=['a', 'b']"),
        (lambda: cd.first("n", order_by=7), "order_by must be", ""),
        (lambda: rows().filter(3), "expression or SQL text", "code = 401"),
        (lambda: rows().union(rows()).late(), "a union has no late rows", "ask its inputs"),
    ],
)
def test_mistakes_have_a_message_and_a_hint(build: Any, message: str, hint: str) -> None:
    with pytest.raises((PlanError, OptionError)) as caught:
        build()
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_settings_have_the_type_of_their_default() -> None:
    with overriding({"n": "7", "x": "2", "on": "true", "names": '["a"]', "s": "1"}) as overrides:
        made = cd.settings(n=1, x=0.5, on=False, names=["z"], s="text", kept=3)
        overrides.unknown()
    assert (made.n, made.x, made.on, made.names, made.s, made.kept) == (7, 2.0, True, ["a"], "1", 3)
    assert isinstance(made.x, float)
    assert cd.settings(n=1).n == 1


@pytest.mark.parametrize(
    ("defaults", "given"),
    [({"n": 1}, "x"), ({"n": 1}, 1.5), ({"n": True}, "yes"), ({"n": ["a"]}, "a"), ({"n": 1}, True), ({"n": None}, "1")],
)
def test_a_setting_that_does_not_fit_is_refused(defaults: dict[str, Any], given: Any) -> None:
    with overriding({"n": given}), pytest.raises(SettingsError, match="'n'"):
        cd.settings(**defaults)


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with overriding({"treshold": "7"}) as overrides:
        cd.settings(threshold=1)
        with pytest.raises(SettingsError) as caught:
            overrides.unknown()
    assert "threshold" in caught.value.hint
    with pytest.raises(SettingsError, match="unknown setting 'thresold'"):
        _ = cd.settings(threshold=1).thresold
