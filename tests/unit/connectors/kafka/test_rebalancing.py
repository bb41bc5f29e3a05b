"""By which protocol a group shares partitions, and what a member says of itself in each."""

from __future__ import annotations

from typing import Any

import pytest

from caudal.connectors.kafka import CONNECTOR, rebalancing
from caudal.connectors.kafka.client import Access, access, library
from caudal.connectors.kafka.rebalancing import CLASSIC, NEWER
from caudal.core.errors import OptionError
from caudal.ports.group import Membership

NAMED, UNNAMED = Membership("g", "pod-1", static=True), Membership("g", "w0")


def reached(**config: Any) -> Access:
    given = {name.replace("_", "."): value for name, value in config.items()}
    return access({**CONNECTOR.source_options, "servers": "127.0.0.1:1", "config": given})


@pytest.mark.parametrize(
    ("config", "begins", "falls"),
    [
        ({}, NEWER, True),
        ({"group_protocol": "classic"}, CLASSIC, True),
        ({"group_protocol": "consumer"}, NEWER, False),
    ],
)
def test_the_newer_protocol_is_tried_first_unless_one_is_named(
    config: dict[str, Any], begins: object, falls: bool
) -> None:
    assert rebalancing.first(reached(**config)) is begins
    assert rebalancing.falls_back(reached(**config)) is falls


@pytest.mark.parametrize("membership", [NAMED, UNNAMED])
def test_both_share_by_ranges_and_only_a_name_is_static(membership: Membership) -> None:
    for protocol, told in ((NEWER, "group.remote.assignor"), (CLASSIC, "partition.assignment.strategy")):
        made = protocol.settings(reached(), membership)
        assert made[told] == "range"
        assert made.get("group.instance.id") == ("pod-1" if membership.static else None)


def test_a_session_is_asked_for_in_the_classic_protocol_alone() -> None:
    asked = reached(session_timeout_ms=30_000)
    assert CLASSIC.settings(asked, UNNAMED)["session.timeout.ms"] == 30_000
    assert "session.timeout.ms" not in NEWER.settings(asked, UNNAMED)
    assert CLASSIC.settings(reached(), UNNAMED)["heartbeat.interval.ms"] * 3 <= rebalancing.SESSION
    assert CLASSIC.settings(reached(heartbeat_interval_ms=500), UNNAMED)["heartbeat.interval.ms"] == 500


@pytest.mark.parametrize("config", [{}, {"session_timeout_ms": 9000}, {"group_protocol": "classic"}])
def test_the_client_takes_the_settings_of_both(config: dict[str, Any]) -> None:
    pytest.importorskip("confluent_kafka")
    given = reached(**config)
    for protocol in (NEWER, CLASSIC):
        made = {**rebalancing.shared(given).settings, **protocol.settings(given, NAMED), "group.id": "g"}
        library().Consumer(made).close()


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({}, 6),
        ({"session_timeout_ms": 3000}, 3),
        ({"session_timeout_ms": 60_000}, 6),
        ({"transaction_timeout_ms": 9000}, 9),
    ],
)
def test_a_transaction_stays_open_for_no_longer_than_a_session(config: dict[str, Any], seconds: float) -> None:
    assert rebalancing.open_seconds(reached(**config)) == seconds


@pytest.mark.parametrize(
    "config", [{"transaction_timeout_ms": 60_000}, {"session_timeout_ms": 6000, "transaction_timeout_ms": 6001}]
)
def test_one_that_could_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="may not stay open for longer"):
        rebalancing.open_seconds(reached(**config))


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'session\.timeout\.ms' of config= is no number"):
        rebalancing.open_seconds(reached(session_timeout_ms="6s"))


@pytest.mark.parametrize("name", ["partition_assignment_strategy", "group_remote_assignor", "group_instance_id"])
def test_what_workers_agree_on_is_not_set_by_one(name: str) -> None:
    with pytest.raises(OptionError, match="is not set by config="):
        reached(**{name: "x"})
