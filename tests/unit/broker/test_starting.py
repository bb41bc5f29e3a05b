"""Installing and starting with a Java that is a shell script: what goes wrong is told, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from caudal.broker import Broker, installing, launching
from caudal.cli import main
from caudal.core.errors import OptionError, RunError
from caudal.environments.jars import Jar

CONTENT = b"a jar of bytes"

JAVA = """#!/bin/sh
case "$*" in
  -version) echo 'openjdk version "17.0.1"' >&2;;
  *StorageTool*) {format};;
  *kafka.Kafka*) {run};;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a broker that is a single small jar, in a repository on this machine."""
    jar = Jar("org.example:tiny-broker:1.0", hashlib.sha256(CONTENT).hexdigest())
    repository = tmp_path / "repository"
    (repository / jar.path).parent.mkdir(parents=True)
    (repository / jar.path).write_bytes(CONTENT)
    lock = installing.Lock("kafka", "1.0", 17, (jar,), "d1")
    monkeypatch.setattr(installing, "lock", lambda: lock)
    monkeypatch.setenv("CAUDAL_MAVEN_MIRROR", repository.as_uri())
    monkeypatch.setenv("CAUDAL_BROKER", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def java(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the Java: what it does as the storage's tool, and as the broker, in the words of a shell."""

    def make(run: str, format: str = "mkdir topics.new") -> None:
        path = tmp_path / "jdk" / "bin" / "java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(JAVA.format(format=format, run=run))
        path.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))

    return make


def _left(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


def test_jars_are_fetched_once_and_again_where_one_is_broken(home: Path) -> None:
    said: list[str] = []
    jars = installing.install(said.append)
    assert said == ["fetching tiny-broker-1.0.jar", f"Kafka 1.0 is installed in {home / 'kafka'}"]
    assert (jars / "tiny-broker-1.0.jar").read_bytes() == CONTENT
    assert installing.install(said.append) == jars
    assert len(said) == 2
    (jars / "tiny-broker-1.0.jar").write_bytes(b"half a")
    assert (installing.install(said.append) / "tiny-broker-1.0.jar").read_bytes() == CONTENT
    assert _left(home) == [".kafka.lock", "kafka"]


def test_a_jar_of_another_hash_is_refused(
    home: Path, java: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    java("exit 1")
    (jar,) = installing.lock().jars
    (home.parent / "repository" / jar.path).write_bytes(b"another jar")
    assert main(["broker", "start", "--port", "0"]) == 1
    printed = capsys.readouterr()
    assert "error: org.example:tiny-broker:1.0: the jar is not the one that the lock names" in printed.err
    assert printed.out == ""
    assert _left(home) == [".kafka.lock", "data"]


def test_what_is_not_ours_is_left_alone(home: Path) -> None:
    (home / "kafka").mkdir(parents=True)
    (home / "kafka" / "mine").write_text("")
    with pytest.raises(OptionError, match="no environment of kafka"):
        installing.install(lambda _: None)
    assert (home / "kafka" / "mine").exists()


def test_a_storage_that_cannot_be_made_is_told_and_tried_again(home: Path, java: Callable[..., None]) -> None:
    java("exit 1", format="mkdir topics.new; echo 'it is full' >&2; printf '\\tat a.place(in.java)\\n' >&2; exit 1")
    with pytest.raises(RunError, match="storage cannot be made") as caught:
        Broker(port=0).start()
    assert caught.value.detail == "it is full"
    assert not (home / "data" / "topics").exists()
    java("echo 'now this'; exit 1", format="mkdir topics.new")
    with pytest.raises(RunError, match="ended while it started"):
        Broker(port=0).start()
    assert (home / "data" / "topics").is_dir()


def test_one_that_ends_at_once_is_told_with_its_log(home: Path, java: Callable[..., None]) -> None:
    java("echo 'no such setting'; exit 1")
    with pytest.raises(RunError, match="ended while it started") as caught:
        Broker(port=0).start()
    assert caught.value.detail == "no such setting"
    assert str(home / "data" / "broker.log") in caught.value.hint
    assert Broker().status().state == "stopped"


def test_one_that_never_answers_is_killed(
    home: Path, java: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_PATIENCE", 0.5)
    java("trap '' TERM; echo 'thinking'; while :; do :; done")
    with pytest.raises(RunError, match=r"does not answer on 127.0.0.1:\d+ after 0.5 s") as caught:
        Broker(port=0).start()
    assert caught.value.detail == "thinking"
    assert Broker().status().state == "stopped"
    pid = int((home / "data" / "broker.pid").read_text())
    assert not os.path.exists(f"/proc/{pid}/cmdline") or not Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_free_port_that_somebody_took_is_another_the_next_time(home: Path, java: Callable[..., None]) -> None:
    java("grep ^listeners server.properties >> tried; echo 'java.net.BindException: Address already in use'; exit 1")
    with pytest.raises(RunError, match="ended while it started"):
        Broker(port=0).start()
    tried = (home / "data" / "tried").read_text().splitlines()
    assert len(tried) == len(set(tried)) == 3


def test_a_port_that_was_named_is_tried_once(home: Path, java: Callable[..., None]) -> None:
    java("echo >> tried; echo 'java.net.BindException: Address already in use'; exit 1")
    with pytest.raises(RunError, match="ended while it started"):
        Broker(port=launching._free(0)).start()
    assert (home / "data" / "tried").read_text() == "\n"
