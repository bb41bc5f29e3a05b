"""TLS, SASL and rights on a real broker: who may read does, and who may not is told why, soon, without his secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from grouped import until
from secured import PASSWORD, Secured

pytestmark = pytest.mark.kafka
SOON = 30.0
"""Seconds within which a job that cannot start has ended; here and more for Python on a busy machine."""


@pytest.fixture(scope="module")
def secured(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    for topic in ("granted", "denied"):
        made.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    until(lambda: {"granted", "denied"} <= made.admin.list_topics(timeout=10).topics.keys())
    rights = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:scram", "*", operation, AclPermissionType.ALLOW)
        for kind, name, operation in (
            (ResourceType.TOPIC, "granted", AclOperation.READ),
            (ResourceType.TOPIC, "denied", AclOperation.DESCRIBE),
        )
    ]
    for done in made.admin.create_acls(rights).values():
        done.result(60)
    producer = Producer({"bootstrap.servers": made.open})
    for topic in ("granted", "denied"):
        producer.produce(topic, b'{"n": 7}')
    assert not producer.flush(60)
    yield made
    made.close()


def run(folder: Path, servers: str, topic: str = "granted", **given: Any) -> tuple[int, str, float]:
    """Run a job that prints the rows of a topic; return its exit code, all that it said, and the seconds it took."""
    options = {"topic": topic, "servers": servers, "until": "latest", **given}
    text = ", ".join(f"{name}={value!r}" for name, value in options.items())
    rows = f'cd.source("kafka", format="json", schema={{"n": "int64"}}, {text})'
    (folder / "p.py").write_text(f'import caudal as cd\npipeline = cd.Pipeline("p", {rows}.to("console"))\n')
    (folder / "right").write_text(PASSWORD + "\n")
    (folder / "wrong").write_text(PASSWORD + "-wrong\n")
    command = [sys.executable, "-m", "caudal", "run", "p.py", "--dead", "discard"]
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180, env=os.environ)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def scram(secured: Secured, password: str = "right") -> dict[str, Any]:
    return {"tls": True, "ca": secured.ca, "sasl": "SCRAM-SHA-512", "user": "scram", "password_file": password}


def test_who_may_reads(secured: Secured, tmp_path: Path) -> None:
    ways: list[tuple[str, dict[str, Any]]] = [
        (secured.tls, {"tls": True, "ca": secured.ca, "topic": "granted"}),
        (secured.scram, scram(secured)),
        (secured.plain, {"sasl": "PLAIN", "user": "plain", "password_file": "right"}),
    ]
    for servers, given in ways[1:] + ways[:1]:
        code, said, _ = run(tmp_path, servers, **given)
        assert code == 0, said
        assert "n=7" in said
        assert PASSWORD not in said


class Issuer(BaseHTTPRequestHandler):
    """Issues tokens, unsigned as the broker takes them without a key, to the client that knows the password."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        secret = base64.b64decode(self.headers["Authorization"].partition(" ")[2]).decode()
        Issuer.asked.append(self.path)
        right = secret == f"reader:{PASSWORD}"
        claims = {"sub": "token", "iat": int(time.time()), "exp": int(time.time()) + 600}
        parts = [
            base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
            for each in ({"alg": "none"}, claims)
        ]
        told = {"access_token": ".".join([*parts, ""]), "expires_in": 600} if right else {"error": "invalid_client"}
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_token_lets_in_who_has_one(secured: Secured, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as issuer:
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{issuer.server_port}/token"
        config = {"sasl.oauthbearer.token.endpoint.url": url}
        given: dict[str, Any] = {"sasl": "OAUTHBEARER", "user": "reader", "config": config}
        code, said, _ = run(tmp_path, secured.token, **given, password_file="right")
        assert code == 0, said
        assert "n=7" in said
        assert Issuer.asked
        code, said, took = run(tmp_path, secured.token, **given, password_file="wrong")
        issuer.shutdown()
    assert code in (1, 2), said
    assert "hint:" in said
    assert PASSWORD not in said
    assert took < SOON + 15


@pytest.mark.parametrize(
    "case", ["password", "plain password", "authority", "plain to tls", "tls to plain", "right", "topic", "nobody"]
)
def test_who_may_not_is_told_why_soon_and_without_the_secret(secured: Secured, tmp_path: Path, case: str) -> None:
    tls = {"tls": True, "ca": secured.ca}
    servers, given, wanted = {
        "password": (secured.scram, scram(secured, "wrong"), ["kafka lets nobody in", secured.scram, "hint:"]),
        "plain password": (
            secured.plain,
            {"sasl": "PLAIN", "user": "plain", "password_file": "wrong"},
            ["kafka lets nobody in", secured.plain, "hint:"],
        ),
        "authority": (secured.tls, {**tls, "ca": secured.other_ca}, [secured.tls, "hint:"]),
        "plain to tls": (secured.tls, {}, [secured.tls, "hint:", "tls="]),
        "tls to plain": (secured.open, tls, [secured.open, "hint:", "tls="]),
        "right": (secured.scram, {**scram(secured), "topic": "denied"}, ["the topic 'denied' is denied", "hint:"]),
        "topic": (secured.open, {"topic": "grantde"}, ["there is no topic 'grantde'", "did you mean 'granted'"]),
        "nobody": ("127.0.0.1:9", {}, ["no broker answers at 127.0.0.1:9", "hint:"]),
    }[case]
    code, said, took = run(tmp_path, servers, **given)
    assert code in (1, 2), said
    assert [text for text in wanted if text not in said] == [], said
    assert PASSWORD not in said
    assert "Traceback" not in said
    assert took < SOON + 15, "15 s, in which Python starts, on a busy machine"
