"""A real Flink session cluster and a real Spark standalone cluster: the same rows, failures, cancelled jobs."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engine_scenarios import require
from running import DOS, FUNCTION, QUICK, Place, end, until

from caudal.cli.commands import LOGS
from caudal.engines import environments

pytestmark = pytest.mark.engines
LOG = Path(__file__).parents[2] / "src" / "caudal" / "detect" / "data" / LOGS["json"][0]

_FLINK = """
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.process.size: 1g
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.memory.process.size: 1728m
taskmanager.numberOfTaskSlots: 2
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
io.tmp.dirs: {tmp}
env.java.opts.all: {options} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""


@dataclass
class Cluster:
    """A cluster on this machine: its engine, its address, and the names of the jobs that it runs."""

    engine: str
    address: str
    running: Callable[[], list[str]]


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def ask(address: str) -> Any:
    """Return the JSON at an address, None where nobody answers or (a server that is still starting) with a page."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://{address}", timeout=10
        ) as answer:
            return json.load(answer)
    except (OSError, json.JSONDecodeError):
        return None


class Daemons:
    """Programs that run until the end of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **variables: str) -> None:
        """Start a program; what it says goes into a file."""
        with (self.folder / f"said-{len(self._started)}.txt").open("wb") as said:
            self._started.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **QUICK, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    start_new_session=True,
                )
            )

    def answer(self, what: Callable[[], Any]) -> None:
        """Wait until the cluster is there."""

        def there() -> Any:
            assert all(p.poll() is None for p in self._started), "a program of the cluster has ended"
            return what()

        until(there, "the cluster does not come up")

    def end(self) -> None:
        """End them all."""
        for process in reversed(self._started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def package(engine: str, name: str) -> Path:
    """Return the directory of a package of an engine's environment."""
    python = environments.python(engine)
    command = [
        str(python),
        "-c",
        f"import importlib.util as u; print(u.find_spec('{name}').submodule_search_locations[0])",
    ]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def flink(daemons: Daemons) -> Cluster:
    """Start a session cluster with one task manager."""
    home = package("flink", "pyflink")
    conf, rest = daemons.folder / "conf", free_port()
    shutil.copytree(home / "conf", conf)
    given = conf / "config.yaml"
    (options,) = re.findall(
        r"^ +all: (.*)", given.read_text(encoding="utf-8"), re.MULTILINE
    )  # what Java needs to be told
    text = _FLINK.format(rpc=free_port(), rest=rest, tmp=daemons.folder, options=options)
    given.write_text(text, encoding="utf-8")
    variables = {
        "FLINK_CONF_DIR": str(conf),
        "FLINK_LOG_DIR": str(daemons.folder),
        "FLINK_PID_DIR": str(daemons.folder),
    }
    for name in ("jobmanager.sh", "taskmanager.sh"):
        daemons.start("bash", str(home / "bin" / name), "start-foreground", **variables)
    address = f"127.0.0.1:{rest}"
    daemons.answer(lambda: (ask(f"{address}/overview") or {}).get("slots-available") == 2)
    ended = ("FINISHED", "CANCELED", "FAILED")
    return Cluster(
        "flink",
        address,
        lambda: [job["name"] for job in ask(f"{address}/jobs/overview")["jobs"] if job["state"] not in ended],
    )


def spark(daemons: Daemons) -> Cluster:
    """Start a standalone cluster with one worker."""
    home = package("spark", "pyspark")
    port, page = free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    variables = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "512m"}
    run = ["bash", str(home / "bin" / "spark-class")]
    at = ["--host", "127.0.0.1", "--webui-port"]
    daemons.start(*run, "org.apache.spark.deploy.master.Master", "--port", str(port), *at, str(page), **variables)
    daemons.answer(lambda: ask(f"127.0.0.1:{page}/json/"))
    size = ["--cores", "2", "--memory", "2g", "--work-dir", str(daemons.folder / "work")]
    daemons.start(*run, "org.apache.spark.deploy.worker.Worker", *at, str(free_port()), *size, address, **variables)
    daemons.answer(lambda: ask(f"127.0.0.1:{page}/json/")["aliveworkers"] == 1)
    return Cluster("spark", address, lambda: [app["name"] for app in ask(f"127.0.0.1:{page}/json/")["activeapps"]])


@pytest.fixture(scope="module", params=[flink, spark], ids=["flink", "spark"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    require(request.param.__name__)
    daemons = Daemons(tmp_path_factory.mktemp("cluster"))
    try:
        yield request.param(daemons)
    finally:
        daemons.end()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    (made.folder / "log.jsonl").write_bytes(gzip.decompress(LOG.read_bytes()))
    return made


def test_the_same_rows_as_locally(cluster: Cluster, place: Place) -> None:
    functions = (
        "@cd.row\ndef same(n: int) -> int:\n    return n\n\n\n@cd.jit\ndef still(n: int) -> int:\n    return n\n\n\n"
    )
    with_functions = DOS.replace("settings =", functions + "settings =")
    (place.folder / "dos.py").write_text(
        with_functions.replace('(col("refused") == ', '(same(still(col("refused"))) == ')
    )
    with (place.folder / "log.jsonl").open("a") as log:
        log.write("no JSON\n")
    (place.folder / "exchange").mkdir()
    assert place.run("run", "dos.py", "--quiet", "--set", "out=here.jsonl").code == 0
    where = ["--cluster", cluster.address, "--exchange", "exchange"]
    ended = place.run("run", "dos.py", "--quiet", "--engine", cluster.engine, *where, "--set", "out=there.jsonl")
    assert ended.code == 0, ended.err
    assert place.rows("there.jsonl") == place.rows("here.jsonl")
    assert len(place.rows("there.jsonl")) == 6
    assert place.rows("there.dead.jsonl") == place.rows("here.dead.jsonl")
    assert os.listdir(place.folder / "exchange") == place.left() == []


def test_a_log_is_followed_on_the_cluster(cluster: Cluster, place: Place) -> None:
    if cluster.engine != "spark":
        pytest.skip("live sources are a declared gap there")
    once = DOS.replace(
        '(col("refused") == col("total"))))',
        '(col("refused") == col("total")))\n          .deduplicate("remote_addr"))',
    )
    assert once != DOS
    (place.folder / "once.py").write_text(once)
    (place.folder / "live.py").write_text(once.replace('name="requests",', 'name="requests", idle="1h", follow=True,'))
    (place.folder / "exchange").mkdir()
    assert place.run("run", "once.py", "--quiet", "--set", "out=here.jsonl").code == 0
    where = ["--cluster", cluster.address, "--exchange", "exchange"]
    started = place.start("run", "live.py", "--engine", "spark", "--flush", *where, "--set", "out=there.jsonl")
    there = place.folder / "there.jsonl"
    until(lambda: there.exists() and there.stat().st_size, "no alert has come")
    started.send_signal(signal.SIGTERM)
    ended = end(started)
    assert ended.code == 0, ended.err
    assert place.rows("there.jsonl") == place.rows("here.jsonl")
    assert len(place.rows("there.jsonl")) == 2, "one for each attacker that only guesses"
    assert os.listdir(place.folder / "exchange") == place.left() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_signal_cancels_the_job_on_the_cluster(cluster: Cluster, place: Place, number: int, code: int) -> None:
    mark = place.folder / "began"
    body = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(0.5); return status"
    (place.folder / "p.py").write_text(FUNCTION.replace("BODY", body))
    process = place.start("run", "p.py", "--engine", cluster.engine, "--cluster", cluster.address)
    until(lambda: mark.exists() or process.poll() is not None, "the function is not called")
    assert len(cluster.running()) == 1
    process.send_signal(number)
    ended = end(process)
    assert ended.code == code, ended.err
    assert f"error: the job on {cluster.engine} was cancelled; nothing was written" in ended.err
    until(lambda: not cluster.running(), "the job goes on")
    until(lambda: place.left() == [], f"there is left: {place.left()}")
    assert sorted(os.listdir(place.folder)) == ["began", "log.jsonl", "p.py"]


def test_a_function_that_ends_its_process_there(cluster: Cluster, place: Place) -> None:
    (place.folder / "p.py").write_text(FUNCTION.replace("BODY", "import os; os._exit(7)"))
    ended = place.run("run", "p.py", "--quiet", "--engine", cluster.engine, "--cluster", cluster.address)
    assert (ended.code, ended.out) == (1, "")
    head, first, second, where = ended.err.splitlines()
    assert head == f"error: the job on {cluster.engine} at {cluster.address} failed"
    # of two tasks that end the one that is told of first may not know why
    assert "a Python worker of the job died" in first or "a task of the job ended before" in first
    assert "a function that ends its process" in second
    assert place.left() == [Path(where.partition("all of it: ")[2]).name]
    until(lambda: not cluster.running(), "the job goes on")
