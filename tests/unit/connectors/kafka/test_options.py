"""Options of kafka: what they come to, and which mistakes are told before anything is connected to."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.connectors.kafka import CONNECTOR
from caudal.connectors.kafka.client import access, is_secret
from caudal.connectors.kafka.places import Place, place
from caudal.core.errors import CaudalError, InputError, OptionError
from caudal.core.types import Schema
from caudal.plan import wire

SERVERS = "127.0.0.1:1"
SCHEMA = Schema.of({"ip": "string", "n": "int64", "x": "float64"})


def opened(**given: Any) -> Any:
    options = {**CONNECTOR.source_options, "topic": "t", "servers": SERVERS, **given}
    return CONNECTOR.source(options, None, SCHEMA)


def reached(**given: Any) -> Any:
    return access({**CONNECTOR.source_options, "servers": SERVERS, **given})


@pytest.mark.parametrize(
    ("given", "told", "hint"),
    [
        ({"servers": ""}, "needs the addresses", "broker1:9092"),
        ({"servers": "localhost"}, "'localhost', which is no address", "broker1:9092"),
        ({"servers": "a:1,user:word@b:2"}, "which is no address", "broker1"),
        ({"servers": "a:99999"}, "which is no address", "broker1"),
        ({"topic": ""}, "one of topic=, topics= and pattern=, and has none", 'topic="access-logs"'),
        ({"pattern": "t.*"}, "not topic and pattern together", ""),
        ({"topic": "", "topics": ["a", "a"]}, "option 'topics'", "once"),
        ({"topic": "", "pattern": "("}, "is no regular expression", ""),
        ({"start": "earlest"}, "'earlest'", "did you mean 'earliest'"),
        ({"start": "2026-13-01"}, "'2026-13-01'", '"latest"'),
        ({"start": {0: -1}}, "the offset -1 of 0", '"topic/0"'),
        ({"until": {"a": 1}}, "the offset 1 of 'a'", '"topic/0"'),
        ({"until": 5}, "kafka cannot stop reading at 5", '"latest"'),
        (
            {"until": "yesterday"},
            "kafka cannot stop reading at 'yesterday'",
            'a time such as "2026-11-01T00:00:00Z", or offsets',
        ),
        (
            {"start": "tomorrow"},
            "kafka cannot begin reading at 'tomorrow'",
            'a time such as "2026-11-01T00:00:00Z", or offsets',
        ),
        ({"reader": "block"}, "option 'reader'", "did you mean 'blocks'"),
        ({"max_record": 0}, "at least 1", ""),
        ({"partitioned_by": "iq"}, "partitioned_by='iq' of kafka is no column", "known: ip"),
        ({"partitioned_by": "x"}, "is a float64", "string"),
        ({"partitioned_by": "ip", "partitioner": "murmur3"}, "'murmur3'", "murmur2"),
        ({"metadata": {"k": "kei"}}, "'kei' for 'k'", "did you mean 'key'"),
        ({"metadata": {"k": "header:"}}, "'header:' for 'k'", "headers"),
        ({"sasl": "SCRAM"}, "option 'sasl'", "SCRAM-SHA-512"),
        ({"user": "me"}, "option 'sasl' of kafka is missing", "user="),
        ({"sasl": "PLAIN", "user": "me"}, "needs password_file= or password_env=", ""),
        ({"sasl": "PLAIN", "password_env": "HOME"}, "needs user=", ""),
        ({"sasl": "PLAIN", "password_env": "A", "password_file": "b"}, "exclude each other", ""),
        ({"ca": "x.pem"}, "goes with tls=True", ""),
        ({"config": {"sasl.password": "hunter2"}}, "must not hold the secret 'sasl.password'", "file:"),
        ({"config": {"ssl.key.pem": "hunter2"}}, "must not hold the secret 'ssl.key.pem'", "file:"),
        ({"config": {"isolation.level": "read_uncommitted"}}, "'isolation.level' is not set by config=", "committed"),
        ({"config": {"auto.offset.reset": "latest"}}, "'auto.offset.reset' is not set", "start="),
        ({"config": {"fetch.min.bites": 1}}, "kafka cannot be configured so", "librdkafka"),
        ({"config": {"fetch.min.bytes": "many"}}, "kafka cannot be configured so", "librdkafka"),
        ({"secrets": {"sasl.password": "hunter2"}}, "does not say where 'sasl.password' is", "file:"),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(given: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(CaudalError) as caught:
        opened(**given)
    assert caught.value.exit_code == 2
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_places_are_words_times_and_offsets() -> None:
    assert place("start", "latest") == Place("latest")
    first = 1_793_491_200_000
    assert place("start", "2026-11-01T00:00:00Z") == Place("time", first)
    assert place("start", "2026-11-01T01:00:00+01:00") == Place("time", first)
    assert place("start", "2026-11-01") == Place("time", first)
    assert place("start", datetime(2026, 11, 1, tzinfo=UTC)) == Place("time", first)
    given = place("start", {0: 7, "logs/1": 9})
    assert [given.offset("logs", n) for n in (0, 1, 2)] == [7, 9, None]
    assert given.offset("other", 1) is None


def test_secrets_come_from_files_and_the_environment_and_stand_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "word").write_text("hunter2\n")
    monkeypatch.setenv("KAFKA_WORD", "hunter3")
    by_file = reached(sasl="scram-sha-512", user="me", password_file=str(tmp_path / "word"), tls=True)
    assert by_file.settings["sasl.password"] == "hunter2"
    assert by_file.settings["security.protocol"] == "sasl_ssl"
    assert by_file.settings["sasl.mechanisms"] == "SCRAM-SHA-512"
    assert "hunter2" not in repr(by_file) + str(by_file)
    by_name = reached(
        sasl="PLAIN", user="me", password_env="KAFKA_WORD", secrets={"ssl.key.password": "env:KAFKA_WORD"}
    )
    assert by_name.settings["sasl.password"] == by_name.settings["ssl.key.password"] == "hunter3"
    oauth = reached(sasl="OAUTHBEARER", password_env="KAFKA_WORD", config={"sasl.oauthbearer.method": "oidc"})
    assert oauth.settings["sasl.oauthbearer.client.secret"] == "hunter3"
    source = cd.source(
        *("kafka",), topic="t", servers=SERVERS, format="json", schema={"n": "int64"}, sasl="PLAIN", user="me",
        password_file=str(tmp_path / "word"), config={"fetch.wait.max.ms": 50}, start={0: 5},
    )  # fmt: skip
    plan = cd.Pipeline("p", source.to("console"))
    stored = json.dumps(wire.to_json(plan))
    assert "hunter2" not in stored + cd.explain(plan)
    again = wire.from_json(json.loads(stored))
    assert dict(again.sources[0].options)["config"] == {"fetch.wait.max.ms": 50}
    assert wire.to_json(again) == wire.to_json(plan)
    with pytest.raises(InputError, match="the environment has no NO_SUCH_WORD"):
        reached(sasl="PLAIN", user="me", password_env="NO_SUCH_WORD")
    with pytest.raises(InputError, match="no-such-file"):
        reached(sasl="PLAIN", user="me", password_file=str(tmp_path / "no-such-file"))


def test_which_settings_are_secrets() -> None:
    secret = [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.oauthbearer.client.secret",
    ]
    plain = [
        "ssl.key.location",
        "ssl.ca.location",
        "sasl.oauthbearer.token.endpoint.url",
        "sasl.username",
        "fetch.min.bytes",
    ]
    assert all(map(is_secret, secret))
    assert not any(map(is_secret, plain))


def test_columns_beside_the_payload_are_columns_of_the_source() -> None:
    beside = {"k": "key", "at": "timestamp", "of": "header:trace"}
    source = cd.source(
        "kafka", topic="t", servers=SERVERS, format="json", schema={"n": "int64"}, metadata=beside, event_time="at"
    )
    assert str(source.schema) == "n: int64, k: string, at: timestamp, of: string"
    with pytest.raises(cd.PlanError, match="duplicate column 'n'"):
        cd.source("kafka", topic="t", servers=SERVERS, format="json", schema={"n": "int64"}, metadata={"n": "key"})
    with pytest.raises(OptionError, match="a format that reads their payloads"):
        cd.source("kafka", topic="t", servers=SERVERS, schema={"n": "int64"})


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys; sys.modules['confluent_kafka'] = None\n"
        "import caudal as cd\n"
        "s = cd.source('kafka', topic='t', servers='a:1', format='json', schema={'n': 'int64'}, until='latest')\n"
        "try: s.collect()\n"
        "except cd.UserError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'caudal[kafka]'" in out


def test_the_library_is_not_loaded_before_it_is_used() -> None:
    code = (
        "import sys, caudal as cd\n"
        "cd.source('kafka', topic='t', servers='a:1', format='json', schema={'n': 'int64'}, metadata={'k': 'key'})\n"
        "assert not [name for name in sys.modules if name.startswith('confluent_kafka')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({7: 3}, "a has 3, b has 1"),
        ({0: 1, 3: 0}, "a has 3, b has 1"),
        ({"b/1": 0}, "b has 1"),
        ({"c/0": 0}, "c is not read"),
        ({2: 5}, ""),
        ({"a/2": 5, "b/0": 1}, ""),
    ],
)
def test_an_offset_is_of_a_partition_that_there_is(given: Any, told: str) -> None:
    said = place("start", given)
    if not told:
        said.check({"a": 3, "b": 1})
        return
    name = list(given)[-1]
    with pytest.raises(InputError, match=f"there is no partition {name}, of which an offset is given") as caught:
        said.check({"a": 3, "b": 1})
    assert caught.value.detail == told
