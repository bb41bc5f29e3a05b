"""Tables of the latest rows of a stream: what is refused, and what is made of what is given."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import CaudalError, PlanError
from caudal.plan import wire
from caudal.plan.nodes import Broadcast

SCHEMA = {"since": "timestamp", "ip": "string", "host": "string", "n": "int64"}


def rows(**options: Any) -> cd.Stream:
    schema = {"t": "timestamp", "ip": "string", "n": "int64"}
    return cd.source("memory", rows=[], schema=schema, **{"event_time": "t", **options})


def leases(**options: Any) -> Any:
    return cd.source("memory", rows=[], schema=SCHEMA, **{"event_time": "since", **options})


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: leases().window(cd.tumbling("1s")).latest(), "latest"),
        (lambda: leases(event_time=None).group_by("ip").latest(), "there is none"),
        (lambda: leases().group_by("ip").latest(tombstone="hots = 'x'"), "hots"),
        (lambda: leases().group_by("ip").latest(tombstone=col("n") + 1), "int64"),
        (lambda: leases().group_by("ip", "n").latest().filter("n = 1"), r'no stream\n.*on=\["ip", "n"\]\)'),
        (lambda: rows().lookup(leases().group_by("ip").latest(), ["ip", "n"]), "key has 1 columns, on= has 2"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), "mac"), "no column 'mac'"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), "n"), "other types"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), how="right"), "how='right' is no kind of lookup"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), columns=["hots"]), "no column 'hots'"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), how="anti", columns=["n"]), "get no columns of it"),
        (lambda: rows().lookup(leases().group_by("ip").latest(), as_of=("since", "n")), "always met as of event time"),
        (lambda: rows(event_time=None).lookup(leases().group_by("ip").latest()), "hold as of event time"),
        (lambda: rows().lookup(leases().group_by("ip")), "lookup takes a table"),  # pyright: ignore[reportArgumentType]
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_cannot_be(build: Any, told: str) -> None:
    with pytest.raises(CaudalError, match=told):
        build()


def test_the_columns_of_a_lookup() -> None:
    table = leases().group_by("ip").latest()
    assert (
        str(rows().lookup(table).schema)
        == "t: timestamp, ip: string, n: int64, since: timestamp, host: string, n_table: int64"
    )
    assert rows().lookup(table, columns=["n"], suffix="_of").schema.names == ("t", "ip", "n", "n_of")
    assert rows().lookup(table, how="anti").schema.names == ("t", "ip", "n")
    by_host = leases().group_by(who=col("host").str.lower()).latest()
    assert by_host.schema.names == ("who", "since", "ip", "host", "n")
    assert rows().rename({"ip": "host"}).lookup(by_host, "host", columns=["ip"]).schema.names == (
        "t",
        "host",
        "n",
        "ip",
    )


def test_names_of_its_own_columns_are_not_those_of_the_rows() -> None:
    given = rows().with_columns(gone=col("n"), side=col("ip"), since=col("t"))
    out = given.lookup(leases().group_by("ip").latest(), columns=["host"])
    assert out.schema.names == ("t", "ip", "n", "gone", "side", "since", "host")
    node = out.node
    assert isinstance(node, Broadcast)
    assert (node.since, node.gone, node.side) == ("since_1", "gone_1", "side_1")


def test_tombstones_are_rows_without_values_wherever_event_time_stands() -> None:
    renamed = leases().rename({"since": "at"}).filter("n IS NULL OR n > 0").group_by("ip").latest()
    assert renamed.gone.columns() == {"host", "n"}
    assert leases().select("since", "ip").group_by("ip").latest().gone.columns() == frozenset()


def test_a_plan_with_one_is_read_again() -> None:
    table = leases().group_by("ip").latest(tombstone="host = ''")
    plan = cd.Pipeline("p", rows().lookup(table, how="inner").to("console"))
    again = wire.from_json(wire.to_json(plan))
    assert cd.explain(again) == cd.explain(plan)
    assert "late rows hold from the watermark on" in cd.explain(plan)


def test_of_keys_without_a_name_the_table_knows_nothing() -> None:
    with pytest.raises(PlanError):
        leases().group_by(col("host").str.lower())
