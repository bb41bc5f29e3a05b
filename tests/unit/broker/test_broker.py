"""The broker without Java: its lock, its arguments, numbers of processes that mean nothing, and mistakes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caudal.broker import Broker, asking, installing, properties
from caudal.broker.directory import Directory, Receipt, new_cluster
from caudal.cli import main
from caudal.core.errors import InputError, OptionError, RunError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a broker that ran, on a machine without one."""
    monkeypatch.setenv("CAUDAL_BROKER", str(tmp_path / "home"))
    path = tmp_path / "data"
    path.mkdir()
    Directory(path).write(Receipt("a" * 22, "4.3.1", 9092))
    return path


@pytest.fixture
def running(data: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a shell in the place of the broker, with its lock and its number."""
    started: list[subprocess.Popen[bytes]] = []

    def start(text: str) -> subprocess.Popen[bytes]:
        directory = Directory(data)
        held = directory.hold()
        command = [
            "/bin/sh",
            "-c",
            f"{text}; echo ready; while :; do sleep 1 9>&-; done",
            "sh",
            str(directory.properties),
        ]
        process = subprocess.Popen(command, pass_fds=[held], stdout=subprocess.PIPE, start_new_session=True)
        os.close(held)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        directory.pid_file.write_text(f"{process.pid}\n")
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_the_lock_names_each_jar_once_by_hash() -> None:
    lock = installing.lock()
    assert (lock.name, lock.version, lock.java) == ("kafka", "4.3.1", 17)
    assert len(lock.jars) == len({jar.name for jar in lock.jars}) == 46
    assert [jar for jar in lock.jars if not re.fullmatch(r"[0-9a-f]{64}", jar.sha256)] == []
    assert [jar for jar in lock.jars if len(jar.parts) != 3] == []
    coordinates = {jar.coordinate for jar in lock.jars}
    assert {
        f"org.apache.kafka:kafka_2.13:{lock.version}",
        f"org.apache.kafka:kafka-clients:{lock.version}",
    } <= coordinates


def test_the_file_of_properties_keeps_the_broker_on_loopback() -> None:
    given = properties.text(
        9999, 9998, Path("/data/ä b\\"), {"num.partitions": "3", "group.min.session.timeout.ms": "7"}
    )
    lines = dict(line.split("=", 1) for line in given.splitlines())
    assert given.isascii()
    assert lines["listeners"] == "PLAINTEXT://127.0.0.1:9999,CONTROLLER://127.0.0.1:9998"
    assert lines["log.dirs"] == "/data/\\u00e4 b\\\\"
    assert (lines["num.partitions"], lines["group.min.session.timeout.ms"]) == ("3", "7")
    assert {name: value for name, value in properties.SETTINGS.items() if lines[name] != value} == {
        "group.min.session.timeout.ms": "1000"
    }


@pytest.mark.parametrize("name", properties.PINNED)
def test_what_caudal_sets_is_not_set_otherwise(name: str) -> None:
    with pytest.raises(OptionError, match=f"'{name}' is caudal's own"):
        Broker("data", settings={name: "x"})


@pytest.mark.parametrize("name", ["", "a b", "a=b", "#a", "a:b"])
def test_what_is_no_property_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="is no server property"):
        Broker("data", settings={name: "x"})


def test_a_value_of_two_lines_is_refused() -> None:
    with pytest.raises(OptionError, match="is no server property"):
        Broker("data", settings={"a": "x\nlisteners=PLAINTEXT://0.0.0.0:1"})


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_refused(port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["broker", "start", "--data", str(tmp_path), "--port", str(port)]) == 2
    assert f"error: {port} is no port" in capsys.readouterr().err


@pytest.mark.parametrize("action", [[], ["restart"], ["start", "--port", "x"], ["stop", "--port", "1"]])
def test_usage(action: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["broker", *action])


def test_data_is_kept_below_the_broker_s_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CAUDAL_BROKER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Broker().data == tmp_path / "caudal" / "broker" / "data"
    monkeypatch.setenv("CAUDAL_BROKER", str(tmp_path / "own"))
    assert Broker().data == tmp_path / "own" / "data"


def test_a_directory_that_holds_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("")
    assert main(["broker", "start", "--data", str(tmp_path)]) == 2
    assert f"error: {tmp_path}: this directory holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(OptionError, match="comma"):
        Broker(tmp_path / "a,b").start()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"caudal_broker": 2}', '{"caudal_broker": 1, "what": 1}'])
def test_a_file_that_is_no_receipt_makes_no_broker_s_directory(tmp_path: Path, content: str) -> None:
    (tmp_path / "topics").mkdir()
    (tmp_path / "broker.json").write_text(content)
    with pytest.raises(OptionError, match="holds something else"):
        Broker(tmp_path).start()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no directory for a broker") as caught:
        Broker(tmp_path / "file").start()
    assert caught.value.exit_code == 2


def test_without_java_it_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(data))
    assert main(["broker", "start", "--data", str(data)]) == 2
    printed = capsys.readouterr()
    assert f"error: the broker (Kafka 4.3.1) needs Java: JAVA_HOME is {data}, where no bin/java runs\n" in printed.err
    assert "install a JDK of version 17 or later" in printed.err
    assert printed.out == ""


def test_java_that_is_too_old_is_told(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    with pytest.raises(OptionError, match=r"needs Java 17 or later; .* is 11.0.2"):
        Broker(data).start()


def test_a_number_of_before_means_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The process of that number is another one by now: this test's."""
    (data / "broker.pid").write_text(f"{os.getpid()}\n")
    status = Broker(data).status()
    assert (status.state, status.pid, status.address) == ("stopped", 0, "127.0.0.1:9092")
    for act in (Broker(data).freeze, Broker(data).thaw, Broker(data).kill):
        with pytest.raises(RunError, match="no broker runs"):
            act()
    assert main(["broker", "stop", "--data", str(data)]) == 0
    assert capsys.readouterr().out == "no broker runs\n"
    assert not (data / "broker.pid").exists()


def test_a_process_that_is_not_the_broker_is_never_signalled(data: Path) -> None:
    directory = Directory(data)
    held = directory.hold()
    try:
        (data / "broker.pid").write_text(f"{os.getpid()}\n")
        assert (Broker(data).status().state, Broker(data).status().pid) == ("not answering", 0)
        with pytest.raises(RunError, match="which process it is cannot be told"):
            Broker(data).stop()
    finally:
        os.close(held)


def test_only_one_runs_on_a_directory(data: Path) -> None:
    directory = Directory(data)
    held = directory.hold()
    try:
        with pytest.raises(RunError, match="another process holds the broker's data"):
            directory.hold()
    finally:
        os.close(held)
    os.close(directory.hold())


def test_stop_asks_first(data: Path, running: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = running("trap 'echo asked; exit 0' TERM")
    assert Broker(data).stop()
    assert process.communicate()[0] == b"asked\n"
    assert Broker(data).status().state == "stopped"


def test_stop_kills_what_does_not_end(data: Path, running: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = running("trap '' TERM")
    said: list[str] = []
    assert Broker(data).stop(said.append, patience=0.2)
    assert process.wait() == -signal.SIGKILL
    assert said == ["it did not end within 0.2 s, and is killed"]


CLUSTER = b"\0\x16" + b"c" * 22


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"\0\0\0\7\0\0\0\1" + b"\0\0\0\1\0\1h\0\0\0\1\xff\xff" + CLUSTER, "c" * 22),
        (b"\0\0\0\7\0\0\0\0" + CLUSTER, ""),
        (b"\0\0\0\6\0\0\0\1" + b"\0\0\0\1\0\1h\0\0\0\1\xff\xff" + CLUSTER, ""),
        (b"\0\0\0\7\0\0\0\1" + b"\0\0\0\1\0\1h\0\0", ""),
        (b"\0\0", ""),
        (b"", ""),
    ],
    ids=["a cluster", "no broker yet", "another answer", "cut short", "two bytes", "nothing"],
)
def test_what_answers_is_asked_which_cluster_it_is(answer: bytes, found: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(len(answer).to_bytes(4, "big") + answer)

        serving = threading.Thread(target=serve)
        serving.start()
        assert asking.cluster("127.0.0.1", server.getsockname()[1], 10) == found
        serving.join()


def test_what_speaks_another_protocol_is_no_cluster() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        serving = threading.Thread(target=serve)
        serving.start()
        assert asking.cluster("127.0.0.1", server.getsockname()[1], 10) == ""
        serving.join()


def test_ids_of_clusters_are_16_bytes() -> None:
    for _ in range(200):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", new_cluster())
