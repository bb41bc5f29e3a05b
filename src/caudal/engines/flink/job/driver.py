"""A job on Flink: batch mode, one job for all outputs, results fetched as Arrow batches."""

# pyright: reportMissingImports=false
from __future__ import annotations

import atexit
import glob
import io
import os
import pathlib
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# the planner recurses
os.environ["JVM_ARGS"] = (os.environ.get("JVM_ARGS", "") + " -Xss64m").strip()

import pyarrow as pa
import pyflink
from pyflink.common import Configuration
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

from caudal.engines.flink.job.messages import create_table, decoding, read, unfolded
from caudal.engines.flink.job.sessions import cancel_jobs
from caudal.engines.flink.job.workers import forked_workers
from caudal.engines.jvm.job.driver import Driver, Slots, united
from caudal.engines.jvm.job.messages import Messages, connectors

_REMOTE = {
    "execution.target": "remote",
    "rest.connection-timeout": "10 s",
    "rest.await-leader-timeout": "10 s",
    "rest.retry.max-attempts": "5",
    "rest.retry.delay": "1 s",
}
"""Settings of a client of a session cluster: one that does not answer is given up after a while."""


class FlinkJob(Driver):
    """A job as its script describes it. `functions`: Python workers run some; `first`: the modules that they import first.

    It is made before any thread runs: what is imported by then, forked workers have too.
    """

    form = "json"

    def __init__(
        self,
        title: str,
        package: str,
        settings: Mapping[str, str],
        *,
        cluster: str = "",
        parallelism: int = 0,
        functions: bool = False,
        first: Sequence[str] = (),
        topics: bool = False,
    ) -> None:
        super().__init__("Flink", package, cluster, parallelism)
        self._name = f"{title} {uuid.uuid4().hex}"
        self._jars = connectors() if topics else []
        files = [self.brought] if (functions or topics) and self.brought else []
        python = sys.executable
        if functions or topics:
            folder = tempfile.mkdtemp(prefix="workers-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            if not self.given.cluster:
                python = forked_workers(folder, first)
            elif first:
                files.append(_imported_first(folder, first))
        self.tables = self._environment({**settings, "python.executable": python})
        for path in files:
            self.tables.add_python_file(path)

    def _environment(self, more: Mapping[str, str]) -> Any:
        settings = Configuration()
        settings.set_string("pipeline.name", self._name)
        for key, value in more.items():
            settings.set_string(key, value)
        settings.set_string("python.client.executable", sys.executable)
        # each worker is a process, so that functions run side by side: else Flink would run all of them in this one
        os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - so it is called
        if parallelism := self.given.parallelism:
            settings.set_string("parallelism.default", str(parallelism))
            settings.set_string("taskmanager.numberOfTaskSlots", str(parallelism))
        if cluster := self.given.cluster:
            host, _, port = _address(cluster).rpartition(":")
            for key, value in _REMOTE.items():
                settings.set_string(key, value)
            settings.set_string("rest.address", host.strip("[]"))
            settings.set_string("rest.port", port)
            # a cluster runs Python functions by a jar that only comes with Python
            self._jars += glob.glob(os.path.join(str(pyflink.__path__[0]), "opt", "flink-python*.jar"))
        if self._jars:
            settings.set_string("pipeline.jars", ";".join(pathlib.Path(jar).as_uri() for jar in self._jars))
        made = EnvironmentSettings.new_instance().in_batch_mode().with_configuration(settings).build()
        return TableEnvironment.create(made)

    def table(
        self,
        name: str,
        columns: Mapping[str, str],
        path: str,
        form: str = "json",
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Make a source known: files of these columns."""
        given = {"connector": "filesystem", "path": "file://" + os.path.abspath(path), "format": form}
        create_table(self.tables, name, columns, {**given, **(options or {})})

    def decoded(self, number: int, rows: str, dead: str, told: str, messages: Messages) -> None:
        """Give names to what tasks make of the messages of a source."""
        query = read(self.tables, f"messages {number}", messages)
        call = decoding(self.tables, f"decoded_{number}", messages)
        self.view(f"decoded {number}", f"SELECT {call} AS `d` FROM ({query})")
        for name, query in zip((rows, dead, told), unfolded(messages, f"decoded {number}", f"decoded_{number}")):
            self.view(name, query)

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self.tables.create_temporary_view("`" + name.replace("`", "``") + "`", self.tables.sql_query(query))

    def partitions(
        self, name: str, sources: Iterable[tuple[int, str, int]], operators: Iterable[tuple[int, str]]
    ) -> None:
        """Make the table of what partitions are called; see `Driver`."""
        values = ", ".join(
            f"({s}, CAST({p} AS BIGINT), CAST({_text(source)} AS STRING), CAST({_text(part)} AS STRING), "
            f"{'TRUE' if made else 'FALSE'})"
            for s, p, source, part, made in self._names(sources, operators)
        )
        self.view(name, f"SELECT * FROM (VALUES {values}) AS names(`s`, `p`, `source`, `partition`, `made`)")

    def run(
        self,
        outputs: list[tuple[str, str, dict[str, Any]]],
        slots: Slots,
        queries: Sequence[str],
        *,
        told: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        """Run the job and hand its rows over; where it fails on a cluster, nothing of it goes on there."""
        try:
            results = self._results(outputs, told=told)
            arrow = get_gateway().jvm.org.apache.flink.table.runtime.arrow.ArrowUtils
            for query in united(queries):
                parts = arrow.collectAsPandasDataFrame(self.tables.sql_query(query)._j_table, 10000)
                if parts.hasNext():
                    for batch in pa.ipc.open_stream(io.BufferedReader(_Stream(parts), 1 << 20)):
                        results.take_ports(batch, slots)
            self._end(results)
        except BaseException:
            if self.given.cluster:
                cancel_jobs(_address(self.given.cluster), self._name)
            raise


class _Stream(io.RawIOBase):
    """The bytes of a job's result, as they arrive."""

    def __init__(self, parts: Any) -> None:
        super().__init__()
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._rest and self._parts.hasNext():
            self._rest = bytes(self._parts.next())
        taken, self._rest = self._rest[: len(into)], self._rest[len(into) :]
        into[: len(taken)] = taken
        return len(taken)


def _imported_first(folder: str, modules: Sequence[str]) -> str:
    """Return a file by which workers import modules: their print is one that numba does not find by its name."""
    path = os.path.join(folder, "sitecustomize.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"import {', '.join(modules)}\n")
    return path


def _address(cluster: str) -> str:
    return cluster if cluster.rpartition(":")[2].isdigit() else cluster + ":8081"


def _text(value: str) -> str:
    """Return text as SQL of nothing but ASCII."""
    return "U&'" + "".join(c if c.isascii() and c.isalnum() else _escaped(ord(c)) for c in value) + "'"


def _escaped(code: int) -> str:
    return f"\\{code:04X}" if code < 0x10000 else f"\\+{code:06X}"
