"""The front end of tables: what is refused, and what is made of what is given."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import CaudalError, PlanError
from caudal.plan import wire
from caudal.plan.nodes import Lookup

SCHEMA = {"ip": "string", "port": "int64", "zone": "string", "f": "timestamp", "u": "timestamp"}


def rows(**options: Any) -> cd.Stream:
    schema = {"t": "timestamp", "ip": "string", "port": "int64", "n": "int64", "zone": "string"}
    return cd.source("memory", rows=[], schema=schema, **{"event_time": "t", **options})


def table(**options: Any) -> Any:
    return cd.table("files", path="feed.csv", **{"key": "ip", "schema": SCHEMA, **options})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"key": "mac"}, "the table has no column 'mac'"),
        ({"key": []}, "needs a key"),
        ({"key": ["ip", "ip"]}, "stands twice"),
        ({"match": "prefix"}, "match='prefix'"),
        ({"match": "cidr", "key": "port"}, "networks are one column of text"),
        ({"match": "cidr", "key": ["ip", "zone"]}, "networks are one column of text"),
        ({"match": "range", "key": "port"}, "ranges of addresses are one column of text, or two"),
        ({"match": "range", "key": ["ip", "port"]}, "ranges of addresses are one column of text, or two"),
        ({"match": "ranges"}, "match='ranges'"),
        ({"duplicates": "first"}, "duplicates='first'"),
        ({"reload": "0s"}, "must be positive"),
        ({"reload": 60}, "no unit"),
        ({"schema": None}, "needs a schema"),
        ({"schema": {"ip": ["string"]}, "format": "json"}, "is no key of a table"),
        ({"pth": "x"}, "unknown option 'pth'"),
    ],
)
def test_what_is_no_table(given: dict[str, Any], told: str) -> None:
    with pytest.raises(CaudalError, match=told):
        table(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"how": "outer"}, "how='outer' is no kind of lookup"),
        ({"on": "mac"}, "the rows have no column 'mac'"),
        ({"on": ["ip", "port"]}, "the table's key has 1 columns, on= has 2"),
        ({"on": "port"}, "other types: 'port' is a int64, 'ip' of the table a string"),
        ({"columns": ["who"]}, "the table has no column 'who'"),
        ({"columns": ["zone"], "suffix": ""}, "have a column 'zone' already"),
        ({"how": "anti", "columns": ["zone"]}, "get no columns"),
        ({"as_of": ("f",)}, "two columns"),
        ({"as_of": ("f", "zone")}, "not a timestamp"),
        ({"as_of": ("f", "to")}, "unknown column 'to'"),
    ],
)
def test_what_cannot_be_looked_up(given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        rows().lookup(table(), **given)


def test_a_range_of_two_columns_is_met_by_one_address() -> None:
    ranges = table(key=("ip", "zone"), match="range")
    node = rows().lookup(ranges, on="ip").node
    assert isinstance(node, Lookup)
    assert node.on == ("ip",)
    assert "by narrowest range" in node.describe()
    for on in (None, ["ip", "zone"]):
        with pytest.raises(PlanError, match="a range is met by one address"):
            rows().lookup(ranges, on=on)
    with pytest.raises(PlanError, match="other types: 'port' is a int64"):
        rows().lookup(ranges, on="port")


def test_as_of_needs_event_time_and_a_lookup_a_table() -> None:
    with pytest.raises(PlanError, match="needs event time"):
        rows(event_time=None).lookup(table(), as_of=("f", "u"))
    with pytest.raises(PlanError, match="takes a table, not str"):
        rows().lookup("feed.csv")  # type: ignore[arg-type]


def test_columns_and_keys_as_they_are_given() -> None:
    assert rows().lookup(table()).schema.names[5:] == ("port_table", "zone_table", "f", "u")
    assert rows().lookup(table(), columns=["ip"], suffix="_there").schema.names[5:] == ("ip_there",)
    assert rows().lookup(table(), columns=[]).schema == rows().schema
    assert rows().lookup(table(), how="anti").schema == rows().schema
    node = rows().lookup(table(key=["zone", "port"]), ["ip", "n"]).node
    assert isinstance(node, Lookup)
    assert node.on == ("ip", "n")


def test_a_plan_with_a_table_is_stored_and_read_without_its_rows() -> None:
    out = rows().lookup(table(reload="60s", match="cidr"), how="inner", as_of=("f", "u"), name="zones")
    plan = cd.Pipeline("p", out.to("console"))
    stored = wire.to_json(plan)
    assert wire.to_json(wire.from_json(stored)) == stored
    assert stored["nodes"][1]["table"]["rows"]["options"] == [["path", "feed.csv"]]
    text = cd.explain(plan)
    assert "inner on ip; files path='feed.csv' format=csv key=ip by longest prefix reload=1m; as of f to u" in text
    held = cd.table("memory", rows=[{"ip": "a"}], key="ip", schema={"ip": "string"})
    with pytest.raises(PlanError, match="holds rows, which a stored plan cannot"):
        wire.to_json(cd.Pipeline("p", rows().lookup(held).to("memory", into=[])))
