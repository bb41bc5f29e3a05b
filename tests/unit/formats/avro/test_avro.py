"""Avro in messages: `fastavro` writes the payloads, a real server on loopback has the schemas."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import random
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

import caudal as cd
from caudal.core.errors import InputError, OptionError, PlanError, RunError
from caudal.core.types import Schema
from caudal.formats.avro import FORMAT
from caudal.formats.avro.kinds import SchemaRefused, columns_of, parse
from caudal.formats.avro.registry import PAUSES, Registry
from caudal.ingest.messages import of_messages
from caudal.ports.records import Decoded
from caudal.testing.fakes.topic import Message, TopicPartition


def record(*fields: tuple[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields], **more}


def written(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def wire(number: int, payload: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + payload


def reader(columns: Any, **options: str) -> Any:
    schema = Schema.of(columns)
    return FORMAT.reader(schema, frozenset(schema.names), {**FORMAT.reader_options, **options})


def decoded(made: Any, payloads: list[bytes | None]) -> Decoded:
    decoder, _ = made.open(b"", "t/0")
    sent = [Message(10 * n, payload or b"") for n, payload in enumerate(payloads)]
    block = TopicPartition("t/0", sent).read(1 << 30)
    messages = block.messages  # type: ignore[union-attr]
    messages.null = np.array([payload is None for payload in payloads])
    return of_messages(decoder, block, messages)  # type: ignore[arg-type]


def rows(found: Decoded) -> list[dict[str, Any]]:
    lists = {name: column.to_list() for name, column in found.columns.items()}
    return [{name: values[row] for name, values in lists.items()} for row in range(found.rows)]


def reasons(found: Decoded) -> list[tuple[int, str]]:
    return [(letter.position, letter.reason) for letter in found.dead]


@pytest.fixture
def avsc(tmp_path: Path) -> Any:
    def write(schema: Any) -> str:
        path = tmp_path / "x.avsc"
        path.write_text(json.dumps(schema))
        return str(path)

    return write


class Schemas(ThreadingHTTPServer):
    """A registry: answers by path; `down`: how many requests it fails to answer properly."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers: dict[str, Any] = {"/schemas/types": ["AVRO"]}
        self.asked: list[str] = []
        self.password = ""
        self.down = 0


class Answer(BaseHTTPRequestHandler):
    server: Schemas

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        wanted = "Basic " + base64.b64encode(f"me:{self.server.password}".encode()).decode()
        status, body = 200, self.server.answers.get(self.path)
        if self.server.down:
            self.server.down -= 1
            status, body = 503, {}
        elif self.server.password and self.headers["Authorization"] != wanted:
            status, body = 401, {}
        elif body is None:
            status, body = 404, {"error_code": 40403}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def schemas() -> Iterator[Schemas]:
    server = Schemas()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_type_is_read_as_declared(avsc: Any) -> None:
    at = dt.datetime(2026, 11, 30, 12, 0, 0, 123000, dt.UTC)
    inner = record(("ip", "string"), ("port", ["null", "int"]), name="End")
    schema = record(
        ("yes", "boolean"),
        ("i", "int"),
        ("l", ["null", "long"]),
        ("f", "float"),
        ("d", "double"),
        ("s", "string"),
        ("b", "bytes"),
        ("x", {"type": "fixed", "size": 2, "name": "Two"}),
        ("e", ["null", {"type": "enum", "name": "Level", "symbols": ["low", "high"]}]),
        ("ms", {"type": "long", "logicalType": "timestamp-millis"}),
        ("us", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
        ("day", {"type": "int", "logicalType": "date"}),
        ("clock", {"type": "int", "logicalType": "time-millis"}),
        ("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        ("id", {"type": "string", "logicalType": "uuid"}),
        ("end", ["null", inner]),
        ("ends", {"type": "array", "items": "End"}),
        ("tags", {"type": "map", "values": "string"}),
        ("left", "double"),
    )
    value = {
        "yes": True,
        "i": -7,
        "l": 2**62,
        "f": 0.5,
        "d": 0.1,
        "s": "é",
        "b": b"\x00\xff\n",
        "x": b"ab",
        "e": "high",
        "ms": at,
        "us": at,
        "day": at.date(),
        "clock": dt.time(1, 0, 1),
        "price": Decimal("-12.30"),
        "id": uuid.UUID(int=5),
        "end": {"ip": "::1", "port": None},
        "ends": [{"ip": "a", "port": 80}],
        "tags": {"k": "v"},
        "left": 1.0,
    }
    empty = {**value, "l": None, "e": None, "us": None, "end": None, "ends": []}
    columns = {
        "yes": "bool",
        "i": "int32",
        "l": "int64",
        "f": "float32",
        "d": "float64",
        "s": "string",
        "b": "binary",
        "x": "binary",
        "e": "string",
        "ms": "timestamp",
        "us": "timestamp",
        "day": "timestamp",
        "clock": "duration",
        "price": "string",
        "amount": cd.field("float64", path=["price"]),
        "id": "string",
        "end": {"ip": "string", "port": "int64"},
        "ends": [{"ip": "string", "port": "int64"}],
        "tag": cd.field("string", path=["tags", "k"]),
        "ip": cd.field("string", path=["end", "ip"]),
        "no": "int64",
    }
    found = decoded(reader(columns, schema_file=avsc(schema)), [written(schema, value), written(schema, empty)])
    assert found.dead == []
    ms = int(at.timestamp() * 1000)
    day = ms // 86_400_000 * 86_400_000
    first, second = rows(found)
    assert {name: first[name] for name in ("ms", "us", "day", "clock")} == {
        "ms": ms,
        "us": ms,
        "day": day,
        "clock": 3_601_000,
    }
    assert (first["price"], first["amount"], first["id"]) == ("-12.30", -12.3, str(uuid.UUID(int=5)))
    plain = ["yes", "i", "l", "f", "d", "s", "b", "x", "e", "end", "ends"]
    assert [first[name] for name in plain] == [value[name] for name in plain]
    assert (first["tag"], first["ip"], first["no"]) == ("v", "::1", None)
    assert [second[name] for name in ("l", "e", "us", "end", "ends", "ip")] == [None, None, None, None, [], None]
    assert found.named is not None
    assert ("no",) not in found.named
    assert {("ip",), ("end", "port"), ("tag",)} <= found.named


def test_the_columns_of_a_file_need_no_schema(avsc: Any) -> None:
    schema = record(
        ("n", ["null", "long"]), ("at", {"type": "long", "logicalType": "timestamp-micros"}), ("m", {"type": "map", "values": "int"})
    )  # fmt: skip
    derived = columns_of(parse(json.dumps(schema)))
    assert str(derived) == "n: int64, at: timestamp"
    options = {**FORMAT.reader_options, "schema_file": avsc(schema)}
    assert FORMAT.default_schema(options) == derived
    assert FORMAT.default_schema({}) is None
    events = cd.source("kafka", topic="t", servers="127.0.0.1:1", format="avro", schema_file=avsc(schema))
    assert [field.name for field in events.schema] == ["n", "at"]


def test_what_does_not_fit_is_a_dead_letter_at_its_offset(schemas: Schemas) -> None:
    versions = [record(("n", t)) for t in ("int", "long", "string", ["null", "string", "long"], "double")]
    for number, schema in enumerate(versions):
        schemas.answers[f"/schemas/ids/{number}"] = {"schema": json.dumps(schema)}
    made = reader({"n": "int32"}, registry=schemas.address)
    values: list[tuple[int, Any]] = [(0, 1), (1, 2), (1, 2**40), (2, "x"), (3, 5), (3, "y"), (3, None), (4, 0.5)]
    found = decoded(made, [wire(v, written(versions[v], {"n": n})) for v, n in values])
    assert [row["n"] for row in rows(found)] == [1, 2, 5, None]
    assert found.position.tolist() == [0, 10, 40, 60]
    assert reasons(found) == [(20, "range"), (30, "type"), (50, "type"), (70, "type")]
    assert "column 'n' is int32, the record has string" in found.dead[1].message
    assert sorted(schemas.asked) == [f"/schemas/ids/{n}" for n in range(5)]


def test_a_message_that_is_no_record_is_a_dead_letter(schemas: Schemas) -> None:
    schema = record(("n", "long"), ("s", "string"))
    schemas.answers["/schemas/ids/1"] = {"schema": json.dumps(schema)}
    schemas.answers["/schemas/ids/2"] = {"schema": "{", "schemaType": "PROTOBUF"}
    schemas.answers["/schemas/ids/3"] = {"schema": "no json"}
    good = wire(1, written(schema, {"n": 3, "s": "abc"}))
    payloads: list[bytes | None] = [
        good,
        b"{}",
        b"\1" + good[1:],
        good[:-1],
        good + b"\0",
        wire(9, b""),
        wire(2, b""),
        wire(3, b""),
    ]
    payloads += [wire(9, b""), None, b"", good, good.replace(b"abc", b"a\xffc")]
    made = reader({"n": "int64", "s": "string"}, registry=schemas.address)
    found = decoded(made, payloads)
    assert [row["s"] for row in rows(found)] == ["abc", "abc", "a\\xffc"]
    wanted = ["syntax"] * 4 + ["schema"] * 4 + ["empty"] * 2
    assert reasons(found) == [(10 * n, reason) for n, reason in enumerate(wanted, 1)]
    assert found.dead[0].payload == b"{}"
    assert schemas.asked.count("/schemas/ids/9") == 1
    strictly = decoded(reader({"n": "int64"}, registry=schemas.address, encoding="utf-8"), payloads[-2:])
    assert reasons(strictly) == [(10, "utf8")]


def test_a_schema_may_refer_to_others(schemas: Schemas) -> None:
    end, flow = record(("ip", "string"), name="net.End"), record(("src", "net.End"), name="net.Flow")
    references = [{"name": "net.End", "subject": "net/End", "version": 2}]
    schemas.answers["/schemas/ids/7"] = {"schema": json.dumps(flow), "references": references}
    schemas.answers["/subjects/net%2FEnd/versions/2"] = {"schema": json.dumps(end)}
    whole = record(("src", end), name="net.Flow")
    made = reader({"ip": cd.field("string", path=["src", "ip"])}, registry=schemas.address)
    found = decoded(made, [wire(7, written(whole, {"src": {"ip": "192.0.2.1"}}))])
    assert rows(found) == [{"ip": "192.0.2.1"}], found.dead


def test_a_registry_with_a_password(schemas: Schemas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schemas.password = "s3cret"
    with pytest.raises(InputError, match="lets nobody in"):
        reader({"n": "int64"}, registry=schemas.address).reach()
    (tmp_path / "password").write_text("s3cret\n")
    monkeypatch.setenv("PASSWORD", "s3cret")
    for by in ({"registry_password_file": str(tmp_path / "password")}, {"registry_password_env": "PASSWORD"}):
        reader({"n": "int64"}, registry=schemas.address, registry_user="me", **by).reach()
    with pytest.raises(InputError, match="cannot read the password"):
        reader({"n": "int64"}, registry=schemas.address, registry_user="me", registry_password_file="/no").reach()
    with pytest.raises(OptionError, match="must not hold a password") as told:
        reader({"n": "int64"}, registry="http://me:s3cret@host:1")
    assert "s3cret" not in str(told.value)


def test_a_registry_that_is_not_there(schemas: Schemas) -> None:
    options = {**FORMAT.reader_options, "registry": schemas.address}
    waited: list[float] = []
    registry = Registry(options, waited.append)
    schemas.answers["/schemas/ids/1"] = {"schema": json.dumps(record(("n", "int")))}
    schemas.down = 2
    assert registry.schema(1).kind.name == "record"
    assert waited == list(PAUSES[:2])
    schemas.down = 100
    with pytest.raises(RunError, match="does not answer") as told:
        registry.schema(2)
    assert "503" in str(told.value)
    assert schemas.address in str(told.value)
    assert waited[2:] == list(PAUSES)
    assert registry.schema(1).kind.name == "record"  # what is known needs no answer
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: the schema registry does not answer"):
        reader({"n": "int64"}, registry="http://127.0.0.1:1").reach()


def test_a_run_asks_for_the_registry_before_it_starts() -> None:
    events = cd.source(
        "kafka", topic="t", servers="127.0.0.1:1", format="avro", registry="http://127.0.0.1:1", schema={"n": "int64"}
    )
    with pytest.raises(InputError, match="the schema registry does not answer"):
        events.collect()


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (record(("next", ["null", "R"])), "recursive"),
        (record(("many", {"type": "array", "items": "null"})), "items of no bytes"),
        (record(("many", {"type": "array", "items": record(("no", "null"), name="Empty")})), "items of no bytes"),
        ("string", "not of records"),
        (record(("n", "Unknown")), "Unknown"),
    ],
)
def test_a_schema_by_which_records_could_be_costly_is_refused(schema: Any, why: str, avsc: Any) -> None:
    with pytest.raises(SchemaRefused, match=why):
        parse(json.dumps(schema))
    with pytest.raises(InputError, match="cannot be read"):
        reader({}, schema_file=avsc(schema))


def test_names_that_multiply_and_depth_are_refused() -> None:
    doubled: Any = record(("n", "int"), name="R0")
    for n in range(1, 30):
        doubled = record(("a", doubled), ("b", f"R{n - 1}"), name=f"R{n}")
    with pytest.raises(SchemaRefused, match="more than"):
        parse(json.dumps(doubled))
    deep: Any = "int"
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    with pytest.raises(SchemaRefused, match="deep"):
        parse(json.dumps(record(("n", deep))))
    with pytest.raises(SchemaRefused):
        parse('{"type":"array","items":' * 100_000)


def test_bytes_of_any_kind_are_rows_or_dead_letters(avsc: Any) -> None:
    inner = record(("ip", "string"), ("n", ["null", "long", "double"]), name="Inner")
    schema = record(
        ("s", ["null", "string"]),
        ("list", {"type": "array", "items": ["null", "Inner", "bytes"]}),
        ("map", {"type": "map", "values": "null"}),
        ("d", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        ("day", {"type": "int", "logicalType": "date"}),
        ("e", {"type": "enum", "name": "E", "symbols": ["a"]}),
    )
    schema["fields"][1]["type"]["items"][1] = inner
    good = {
        "s": "abc",
        "list": [None, {"ip": "x", "n": 5}, b"raw"],
        "map": {"k": None},
        "d": Decimal(1),
        "day": dt.date.today(),
        "e": "a",
    }
    payload = written(schema, good)
    columns = {"s": "string", "d": "float64", "day": "timestamp", "e": "string"}
    made = reader(columns, schema_file=avsc(schema))
    dice = random.Random(7)
    huge = [b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80" * 50]
    payloads: list[bytes | None] = [payload[:n] for n in range(1, len(payload))]
    payloads += [payload[:n] + each + payload[n:] for n in range(len(payload)) for each in huge]
    payloads += [dice.randbytes(dice.randrange(1, 40)) for _ in range(3_000)]
    for _ in range(3_000):
        changed = bytearray(payload)
        changed[dice.randrange(len(changed))] = dice.randrange(256)
        payloads.append(bytes(changed))
    found = decoded(made, payloads)
    assert found.rows + len(found.dead) == len(payloads)
    assert {letter.reason for letter in found.dead} <= {"syntax", "type", "range", "utf8"}
    assert [p for p, _ in reasons(found)[: len(payload) - 1]] == [10 * n for n in range(len(payload) - 1)]
    assert decoded(made, [payload]).rows == 1


def test_what_it_is_not_is_refused(avsc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlanError, match="only read"):
        FORMAT.encoder(Schema([]), {})
    with pytest.raises(OptionError, match="either registry= or schema_file="):
        reader({"n": "int64"})
    with pytest.raises(OptionError, match="which is no address"):
        reader({"n": "int64"}, registry="file:///etc/passwd")
    with pytest.raises(PlanError, match="column 'n' is string, the record has int"):
        reader({"n": "string"}, schema_file=avsc(record(("n", ["null", "int"]))))
    with pytest.raises(InputError, match="No such file"):
        reader({"n": "int64"}, schema_file="/no/such.avsc")
    with pytest.raises(OptionError, match="from messages alone"):
        cd.source("files", path="x", format="avro", schema_file=avsc(record(("n", "int"))))
    with pytest.raises(OptionError, match="cannot name the format 'avro'"):
        cd.source("files", path="x", format="json", inner=("a", "avro", {"schema_file": avsc(record(("n", "int")))}))
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(OptionError, match="fastavro") as told:
        reader({"n": "int64"}, registry="http://127.0.0.1:1")
    assert told.value.hint == "pip install 'caudal[avro]'"
