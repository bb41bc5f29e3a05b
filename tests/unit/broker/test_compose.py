"""The compose file is the broker of the command line, for who uses Docker."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from caudal.broker import PORT, installing, properties

FILE = Path(__file__).resolve().parents[3] / "deploy" / "compose" / "kafka.yaml"


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]["kafka"]


def test_the_version_is_that_of_the_command(service: dict[str, Any]) -> None:
    assert service["image"] == f"apache/kafka:{installing.lock().version}"


def test_the_settings_are_those_of_the_command(service: dict[str, Any]) -> None:
    """The image's names are those of the properties in capitals, with underscores for dots."""
    given = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_")
    }
    own = {line.split("=")[0] for line in properties.text(1, 2, Path("/"), {}).splitlines()} | set(properties.PINNED)
    assert {name: value for name, value in given.items() if name not in own - set(properties.SETTINGS)} == (
        properties.SETTINGS
    )


def test_only_this_machine_reaches_it(service: dict[str, Any]) -> None:
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert service["environment"]["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://localhost:{PORT}"


def test_the_cluster_has_an_id_of_16_bytes(service: dict[str, Any]) -> None:
    assert len(base64.urlsafe_b64decode(service["environment"]["CLUSTER_ID"] + "==")) == 16


def test_values_are_text_as_compose_takes_them(service: dict[str, Any]) -> None:
    assert [name for name, value in service["environment"].items() if not isinstance(value, str)] == []
