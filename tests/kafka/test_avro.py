"""Avro from a real topic, by schemas of a registry on loopback, which goes away."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro
import pytest
from produced import produce, rows, source

from caudal.broker import Broker
from caudal.core.errors import InputError, RunError
from caudal.formats.avro import registry

pytestmark = pytest.mark.kafka
NewTopic = Callable[..., str]


def message(number: int, schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return b"\0" + number.to_bytes(4, "big") + out.getvalue()


def version(*names: str) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": name, "type": "long"} for name in names]}


def test_records_of_two_versions_are_rows_until_the_registry_goes_away(
    broker: Broker, new_topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {1: version("n"), 2: version("more", "n")}
    fails = threading.Event()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ids = self.path.startswith("/schemas/ids/")
            schema = known.get(int(self.path.rsplit("/", 1)[1])) if ids else None
            self.send_response(500 if ids and fails.is_set() else 200 if schema or not ids else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"schema": json.dumps(schema)}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    topic = new_topic(broker)
    sent = [message(1 + n % 2, known[1 + n % 2], {"n": n, "more": 0}) for n in range(100)]
    produce(broker, topic, [*sent, b"no avro", message(3, known[1], {"n": 5})])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(registry, "PAUSES", (0.0, 0.0))
    try:
        found = rows(source(broker, topic, format="avro", registry=address))
        assert sorted(row["n"] for row in found) == list(range(100))
        fails.set()
        with pytest.raises(RunError, match="the schema registry does not answer"):
            rows(source(broker, topic, format="avro", registry=address))
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    with pytest.raises(InputError, match="the schema registry does not answer"):
        rows(source(broker, topic, format="avro", registry=address))
