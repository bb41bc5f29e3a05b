"""Topics on the engines, read by their own connectors and decoded by their tasks: the rows of the local engine."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from engine_scenarios import require

sys.path.insert(0, str(Path(__file__).parent.parent / "kafka"))

import caudal as cd
from caudal import col
from caudal.broker import Broker, installing
from caudal.core.errors import OptionError
from caudal.runner import history
from caudal.runner.verify import verify

pytestmark = pytest.mark.engines

SCHEMA = {
    "ip": "string",
    "code": "int32",
    "x": "float64",
    "tags": ["string"],
    "at": {"lat": "float64"},
    "t": "timestamp",
}
PARTITIONS = 3


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        installing.java()
    except OptionError as error:
        pytest.skip(str(error))
    with Broker(tmp_path_factory.mktemp("broker"), port=0) as made:
        fill(made)
        yield made


def fill(broker: Broker) -> None:
    """Requests in three partitions of four: disorder, late rows, bad records, tombstones, keys, an aborted transaction; flows."""
    from confluent_kafka.admin import AdminClient, NewTopic
    from produced import produce, transactions

    admin = AdminClient({"bootstrap.servers": broker.address})
    for made in admin.create_topics([NewTopic("requests", PARTITIONS + 1, 1), NewTopic("flows", 2, 1)]).values():
        made.result()
    rng = random.Random(7)
    for number in range(PARTITIONS):
        messages: list[dict[str, Any]] = []
        for i in range(1_500):
            time = 1_700_000_000_000 + 40 * i - rng.choice([0, 0, 0, 500, 9_000])
            row = {
                "ip": f"10.0.0.{rng.randrange(12)}",
                "code": rng.choice([200, 401, 401, 403, None]),
                "x": rng.choice([1.5, -0.0, 1e300, None]),
                "tags": rng.choice([["a", None], [], None]),
                "at": rng.choice([{"lat": 1.25}, {"lat": None}, None]),
                "t": time,
            }
            value: bytes | None = json.dumps(row).encode()
            if rng.random() < 0.02:
                value = rng.choice([b"{broken", b"", None, b'{"ip": 1, "t": 1}', b'{"ip": "10.0.0.1"}', b"x" * 3000])
            key = rng.choice([None, b"k1", "schlüssel".encode(), b"\xff"])
            messages.append({"value": value, "key": key, "partition": number})
        produce(broker, "requests", messages)
    row = json.dumps({"ip": "10.0.0.99", "code": 401, "t": 1_700_000_050_000}).encode()
    transactions(broker, "requests", [("commit", [row] * 2), ("abort", [row] * 50), ("commit", [row])], partition=1)
    flows = [
        {
            "value": json.dumps({"ip": f"10.0.0.{i % 12}", "port": i % 7, "t": 1_700_000_000_000 + 400 * i}),
            "partition": i % 2,
        }
        for i in range(150)
    ]
    produce(broker, "flows", flows)


@cd.batch
def distances(window: pl.DataFrame) -> pl.DataFrame:
    """Return how far apart the ports of every two flows of a window are."""
    ports = window["port"].to_numpy()
    first, second = np.triu_indices(len(ports), 1)
    return pl.DataFrame({"apart": np.abs(ports[first] - ports[second]).astype(np.float64)})


def plan(broker: Broker, **options: Any) -> cd.Pipeline:
    """What a detection does: windows, pairwise distances, a join of two topics, a pattern, late rows and dead letters."""
    requests = cd.source(
        "kafka",
        topic="requests",
        servers=broker.address,
        format="json",
        schema=SCHEMA,
        event_time="t",
        disorder="2s",
        max_record=2000,
        metadata={"who": "key", "stamp": "timestamp", "place": "offset"},
        name="requests",
        **options,
    )
    milliseconds = cd.when(col("t") < 100_000_000_000).then(col("t") * 1000).otherwise(col("t"))
    flows = cd.source(
        "kafka", topic="flows", servers=broker.address, format="json", event_time=milliseconds,
        schema={"ip": "string", "port": "int64", "t": "int64"}, disorder="1s", name="flows", **options,
    )  # fmt: skip
    dos = (
        requests.group_by("ip")
        .window(cd.tumbling("10s"))
        .agg(total=cd.count(), refused=cd.count_if(col("code") == 401), last=cd.last("x"), first=cd.first("who"))
    )
    failed = requests.filter(col("code") == 401)
    joined = failed.join(flows, on="ip", within=("-1s", "2s")).select("ip", "port", "place")
    fails = cd.event("fail", col("code") == 401).times(3) >> cd.event("ok", col("code") == 200)
    matched = requests.group_by("ip").match(fails, within="20s").agg(n=cd.count(of="fail"))
    return cd.Pipeline(
        "topics",
        dos.to("console", name="dos"),
        requests.select("ip", "x", "tags", "at", "who", "place").to("console", name="all"),
        joined.to("console", name="joined"),
        matched.to("console", name="matched"),
        flows.window(cd.tumbling("8s")).apply(distances, schema={"apart": "float64"}).to("console", name="distances"),
        dos.late().to("console", name="late"),
        requests.dead_letters().to("console", name="dead"),
    )


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_topics_give_the_rows_of_the_local_engine_and_none_passes_through_this_process(
    engine: str, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(engine)
    monkeypatch.setattr("caudal.engines.jvm.execution.hand_over", None)
    found = verify(plan(broker), ["local", engine])
    assert found.equal, found.to_text()
    local, other = found.summaries.values()
    assert other.rows == local.rows > 4_000
    assert (other.late, other.dead) == (local.late, local.dead)
    assert min(local.late, local.dead) > 50


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_a_part_of_topics_gives_the_same_rows(engine: str, broker: Broker) -> None:
    require(engine)
    place = history.place
    part = history.between(
        plan(broker), place("requests:0=700,requests:1=1490"), place("requests:0=900,requests:2=3,flows:0=0")
    )
    found = verify(part, ["local", engine])
    assert found.equal, found.to_text()
    assert next(iter(found.summaries.values())).rows < 900
