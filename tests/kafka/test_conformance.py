"""What every source and sink keeps, held to Kafka's on a real broker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from produced import produce, rows, source

from caudal.broker import Broker
from caudal.connectors.kafka import CONNECTOR
from caudal.core.naming import natural_key
from caudal.formats.json import FORMAT as JSON
from caudal.ports.registry import check_options
from caudal.testing.conformance.sinks import SCHEMA as TARGET
from caudal.testing.conformance.sinks import SinkCase, SinkSuite
from caudal.testing.conformance.sources import SCHEMA, Patient, SourceCase, SourceSuite, record

pytestmark = pytest.mark.kafka
_shared: dict[str, Any] = {}
_topics: dict[str, str] = {}


@pytest.fixture(autouse=True)
def shared(broker: Broker, new_topic: Any) -> None:
    _shared.update(broker=broker, new_topic=new_topic)


class TopicCase(SourceCase):
    ordered_names = False
    every_end = False
    reader: ClassVar[str] = "blocks"

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        topic = self.topic(partitions)
        given = {"topic": topic, "servers": _shared["broker"].address, "until": "latest", "reader": self.reader}
        source = CONNECTOR.source(check_options(given, CONNECTOR.source_options, "kafka"), None, SCHEMA)
        patient = [Patient(partition) for partition in source.partitions()]
        source.partitions = lambda: patient  # type: ignore[method-assign]
        return source

    def topic(self, partitions: Mapping[str, list[int]]) -> str:
        key = json.dumps(list(partitions.items()))
        if key not in _topics:
            _topics[key] = _shared["new_topic"](_shared["broker"], len(partitions))
            for number, name in enumerate(sorted(partitions, key=natural_key)):
                lines = [json.dumps(record(n)).encode() for n in partitions[name]]
                produce(_shared["broker"], _topics[key], lines, partition=number)
        return _topics[key]


class ObjectsCase(TopicCase):
    reader = "objects"


class TargetCase(SinkCase):
    staged, kept_aside, survives, delivery = False, False, False, "at-least-once"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.made = _shared["new_topic"](_shared["broker"])

    def open(self) -> Any:
        given = {"topic": self.made, "servers": _shared["broker"].address}
        self.sink = CONNECTOR.sink(
            check_options(given, CONNECTOR.sink_options, "kafka"), JSON.encoder(TARGET, {}), TARGET, live=False
        )
        return self.sink

    def rows(self) -> list[dict[str, Any]] | None:
        self.sink.flush()  # what is on its way has arrived
        made = source(_shared["broker"], self.made, schema={"n": "int64", "text": "string"})
        return rows(made)


class TestTarget(SinkSuite):
    case = TargetCase


class TestBlocks(SourceSuite):
    case = TopicCase


class TestObjects(SourceSuite):
    case = ObjectsCase
