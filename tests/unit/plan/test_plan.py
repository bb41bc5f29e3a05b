"""Plans: ids, integrity, the text forms, the JSON form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.nodes import Filter, Late, Sink, WindowAggregate
from caudal.plan.plan import Plan

SCHEMA = {"ip": "string", "timestamp": "int64", "code": "float64"}


def requests(**options: Any) -> Any:
    given = {"path": "logs/*.jsonl", "format": "json", "event_time": "timestamp", "disorder": "500ms", **options}
    return cd.source("files", schema=SCHEMA, **given)


def dos(threshold: int = 30) -> Plan:
    rows = requests(name="requests").filter(col("code") >= 0).with_columns(bad=col("code").is_in([401, 403]))
    counts = rows.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count(), refused=cd.count_if("bad"))
    alerts = counts.filter((col("total") > threshold) & (col("refused") == col("total")))
    return cd.Pipeline(
        "dos", alerts.to("files", path="alerts.jsonl", format="json"), counts.late().to("console", name="too late")
    )


EXPLAINED = """\
pipeline dos
  requests           source
                       files path='logs/*.jsonl' format=json event_time=timestamp disorder=500ms
                       moves: blocks of a partition are read one after another, decoded on any core
                       columns: ip: string, timestamp: int64, code: float64
  filter-aa9f        filter <- requests
                       code >= 0
                       moves: free: any core takes any morsel
                       columns: ip: string, timestamp: int64, code: float64
  with_columns-3b9d  with_columns <- filter-aa9f
                       bad=code IN (401, 403)
                       moves: free: any core takes any morsel
                       columns: ip: string, timestamp: int64, code: float64, bad: bool
  window-305f        window <- with_columns-3b9d
                       by ip in tumbling(3s): total=count(), refused=count_if(bad)
                       moves: prepared on any core; state by key group of ip, in any order, on all cores by key
                       columns: ip: string, window_start: timestamp, window_end: timestamp, total: int64, refused: int64
  filter-99ee        filter <- window-305f
                       total > 30 AND refused = total
                       moves: free: any core takes any morsel
                       columns: ip: string, window_start: timestamp, window_end: timestamp, total: int64, refused: int64
  sink-cedc          sink <- filter-99ee
                       files path='alerts.jsonl' format=json
                       moves: encoded on any core, written by one at a time
  late-f4e0          late <- window-305f
                       moves: free: any core takes any morsel
                       columns: ip: string, timestamp: int64, code: float64, bad: bool, late_time: timestamp, \
late_source: string, late_partition: string, late_position: int64, late_operator: string, late_watermark: timestamp
  too late           sink <- late-f4e0
                       console
                       moves: encoded on any core, written by one at a time"""

DRAWN = """\
flowchart LR
  n0[("requests<br/>files path='logs/*.jsonl' format=json event_time=timestamp disorder=500ms")]
  n1["filter-aa9f<br/>code &gt;= 0"]
  n2["with_columns-3b9d<br/>bad=code IN (401, 403)"]
  n3{{"window-305f<br/>by ip in tumbling(3s): total=count(), refused=count_if(bad)"}}
  n4["filter-99ee<br/>total &gt; 30 AND refused = total"]
  n5[("sink-cedc<br/>files path='alerts.jsonl' format=json")]
  n6["late-f4e0"]
  n7[("too late<br/>console")]
  n0 --> n1
  n1 --> n2
  n2 --> n3
  n3 --> n4
  n4 --> n5
  n3 -- late --> n6
  n6 --> n7"""


def test_a_plan_is_explained() -> None:
    assert cd.explain(dos()) == EXPLAINED


def test_a_plan_is_drawn() -> None:
    assert cd.mermaid(dos()) == DRAWN


def test_ids_survive_thresholds_and_new_branches() -> None:
    before = set(dos().ids.values())
    assert set(dos(threshold=99).ids.values()) == before
    more = dos()
    extra = Sink(input=more.sources[0], connector="console", options=(), name="raw")
    assert set(Plan("dos", (*more.sinks, extra)).ids.values()) == before | {"raw"}


def test_pinning_names_every_operator_by_its_id() -> None:
    plan = dos()
    pinned = plan.pinned()
    assert [n.name for n in pinned.nodes] == [plan.ids[n] for n in plan.nodes]
    assert list(pinned.ids.values()) == [n.name for n in pinned.nodes]


def test_two_operators_of_one_kind_and_upstream_have_two_ids() -> None:
    rows = requests()
    plan = cd.Pipeline("two", rows.filter("code > 1").to("console"), rows.filter("code > 2").to("console"))
    ids = [plan.ids[n] for n in plan.nodes if isinstance(n, Filter)]
    assert ids[1] == ids[0] + "-2"


def test_a_name_is_given_once() -> None:
    rows = requests(name="a")
    with pytest.raises(PlanError, match="two operators are named 'a'"):
        cd.Pipeline("names", rows.filter("code > 1", name="a").to("console"))


def test_inputs_come_before_what_reads_them_and_shared_work_stands_once() -> None:
    rows = requests().filter("code > 1")
    both = rows.union(rows.with_columns(code=col("code") + 1))
    plan = cd.Pipeline("shared", both.to("console"), rows.to("console"))
    place = {node: i for i, node in enumerate(plan.nodes)}
    assert all(place[i] < place[node] for node in plan.nodes for i in node.inputs)
    assert [n.kind for n in plan.nodes].count("filter") == 1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: requests().filter(col("cod") > 1), "unknown column 'cod'"),
        (lambda: requests().filter(col("code") + 1), "a filter takes a bool, not float64"),
        (lambda: requests().filter(col("ip") > 1), "gt() takes"),
        (lambda: requests().select(), "at least one column"),
        (lambda: requests().drop("nope"), "unknown column 'nope'"),
        (lambda: requests().with_columns(), "at least one column"),
        (lambda: requests().union(requests().select("ip")), "the same columns"),
        (lambda: requests().union(requests(event_time=None, disorder=0)), "one without"),
        (lambda: requests(event_time=None), "disorder= needs event_time="),
        (lambda: requests(event_time="ip", unit="s"), "unit= is for numbers"),
        (lambda: requests(time_format="%Y"), "time_format= is for text"),
        (lambda: requests(event_time=col("code") > 1), "event time cannot come from a bool"),
        (lambda: requests(event_time=None, disorder=0).window(cd.tumbling("1s")).agg(n=cd.count()), "needs event time"),
        (lambda: requests().window(cd.tumbling("1s")).agg(), "at least one aggregate"),
        (lambda: requests().window(cd.tumbling("1s")).agg(window_end=cd.count()), "'window_end' is the name"),
        (lambda: requests().group_by("ip").window(cd.tumbling("1s")).agg(ip=cd.count()), "duplicate column 'ip'"),
        (lambda: requests().window(cd.tumbling("1s")).agg(n=cd.sum("ip")), "takes a number or a duration, not string"),
        (lambda: requests().window(cd.tumbling("1s")).agg(n=cd.min("cod")), "unknown column 'cod'"),
        (lambda: requests().group_by("ip").agg(n=cd.count()), "agg needs a window"),
        (lambda: requests().window("1s"), "is not a window"),
        (lambda: requests().late(), "stands upstream"),
        (lambda: cd.hopping("10s", every="3s"), "multiple of its step"),
        (lambda: cd.tumbling("0s"), "greater than zero"),
        (lambda: cd.session(0), "greater than zero"),
        (lambda: cd.tumbling("3 weeks"), "cannot read the window size"),
        (lambda: cd.Pipeline("p", requests()), "does not end in a sink"),
        (lambda: cd.Pipeline("p"), "at least one sink"),
        (lambda: cd.Pipeline("", requests().to("console")), "needs a name"),
    ],
)
def test_what_does_not_hang_together_is_refused(build: Any, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        build()


def full() -> Plan:
    """A plan with every kind of node and most kinds of values."""
    schema = {
        "ip": cd.field("string", path=["src", "ip"]),
        "at": cd.field("timestamp", time_format="%d/%b/%Y"),
        "tags": ["string"],
        "inner": {"a": "int64"},
        "code": "int64",
    }
    rows = cd.source(
        "files", path=["a", "b"], format="json", schema=schema, event_time="at", max_future="1h", idle="7ms"
    )
    one = rows.filter(col("code").is_in([1, None, 3]) & col("ip").is_not_null(), name="f").select("ip", "at", "code")
    two = one.with_columns(code=cd.when(col("code") > 1).then(5).otherwise(None))
    counts = (
        one.union(two).group_by("ip", half=col("code") // 2).window(cd.hopping("10s", every="5s", offset="1s"))
    ).agg(n=cd.count(), last=cd.last("code", order_by=["ip", col("code")]), all=cd.collect("ip"), d=cd.stddev("code"))
    sessions = counts.group_by("ip").window(cd.session("30s")).agg(n=cd.sum("n"))
    return cd.Pipeline(
        "full",
        sessions.to("files", path="x.csv", format="csv"),
        counts.late().to("console"),
        rows.dead_letters().to("console"),
    )


def test_json_is_the_plan() -> None:
    for plan in (full(), dos()):
        text = wire.dumps(plan)
        again = wire.loads(text)
        assert wire.dumps(again) == text
        assert cd.explain(again) == cd.explain(plan)
        assert [n.schema for n in again.nodes] == [n.schema for n in plan.nodes]
        assert list(again.ids.values()) == list(plan.ids.values())


def test_a_late_node_may_hold_what_its_operator_reads_only() -> None:
    (window,) = (n for n in dos().nodes if isinstance(n, WindowAggregate))
    assert Late(input=window, whole=False).schema.names[:3] == ("ip", "bad", "late_time")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("caudal"),
        lambda d: d.update(caudal=2),
        lambda d: d["nodes"][1].update(kind="magic"),
        lambda d: d["nodes"][1].update(inputs=[77]),
        lambda d: d["nodes"][1].pop("predicate"),
        lambda d: d.update(sinks=[]),
        lambda d: d.update(nodes=7),
        lambda d: d["nodes"][0].update(surprise=1),
    ],
)
def test_json_that_is_no_plan_is_refused(change: Any) -> None:
    data = json.loads(wire.dumps(dos()))
    change(data)
    with pytest.raises(PlanError):
        wire.from_json(data)


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(PlanError, match="not JSON"):
        wire.loads("{")


def test_rows_in_memory_are_not_stored() -> None:
    rows = cd.source("memory", rows=[{"a": object()}], schema={"a": "int64"})
    with pytest.raises(PlanError, match="which a stored plan cannot"):
        wire.dumps(cd.Pipeline("m", rows.to("console")))


def test_late_rows_may_be_late_again():
    source = cd.source("memory", rows=[], schema={"t": "int64"}, event_time="t")
    late = source.window(cd.tumbling("1s")).agg(n=cd.count()).late()
    again = late.window(cd.tumbling("1s")).agg(n=cd.count(), newest=cd.max("late_time")).late()
    assert again.schema.names == late.schema.names
