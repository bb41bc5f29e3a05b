"""The script of a job on Flink: batch mode, one job for all outputs, results fetched as Arrow batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.engines.flink.spelling import SETTINGS, type_of
from caudal.engines.jvm import script
from caudal.engines.jvm.pasting import pasted
from caudal.engines.jvm.reading import Files, Native
from caudal.engines.jvm.script import Job, Style

_HEAD = '''"""{title}

A Flink 2.3 job, written by caudal {version}. It stands alone: run it with an interpreter that has apache-flink 2.3.

    python {file} [--cluster HOST:PORT] [--parallelism N]
"""

import argparse
import atexit
import glob
import io
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import uuid

# the planner recurses
os.environ["JVM_ARGS"] = (os.environ.get("JVM_ARGS", "") + " -Xss64m").strip()

import pyflink
from pyflink.common import Configuration
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

arguments = argparse.ArgumentParser(description="A Flink job, written by caudal.")
arguments.add_argument("--rows", default="", help="the directory of rows that were checked and handed over")
arguments.add_argument("--read-at", type=int, default=0, help="the reading time in milliseconds (default: now)")
arguments.add_argument("--results", default="", help="a directory for results as Arrow files")
arguments.add_argument("--cluster", default={cluster!r}, help="the address of a session cluster (default: this process)")
arguments.add_argument("--parallelism", type=int, default={threads}, help="how many subtasks run side by side")
given = arguments.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
PYTHON, FIRST = sys.executable, ""
{workers}
NAME = {title!r} + " " + uuid.uuid4().hex

settings = Configuration()
settings.set_string("pipeline.name", NAME)
for key, value in {settings!r}.items():
    settings.set_string(key, value)
settings.set_string("python.executable", PYTHON)
settings.set_string("python.client.executable", sys.executable)
# each worker is a process, so that functions run side by side: else Flink would run all of them in this one
os.environ["_python_worker_execution_mode"] = "process"
if given.parallelism:
    settings.set_string("parallelism.default", str(given.parallelism))
    settings.set_string("taskmanager.numberOfTaskSlots", str(given.parallelism))
if given.cluster:
    address = given.cluster if given.cluster.rpartition(":")[2].isdigit() else given.cluster + ":8081"
    HOST, _, PORT = address.rpartition(":")
    for key, value in {remote!r}.items():
        settings.set_string(key, value)
    settings.set_string("rest.address", HOST.strip("[]"))
    settings.set_string("rest.port", PORT)
    # a cluster runs Python functions by a jar that only comes with Python
    jars = glob.glob(os.path.join(os.path.dirname(pyflink.__file__), "opt", "flink-python*.jar"))
    settings.set_string("pipeline.jars", ";".join(pathlib.Path(jar).as_uri() for jar in jars))
tables = TableEnvironment.create(
    EnvironmentSettings.new_instance().in_batch_mode().with_configuration(settings).build()
)
if FIRST:
    tables.add_python_file(FIRST)


def table(name, columns, path, form="json", options={{}}):
    """Make a source known: files of these columns."""
    options = {{"connector": "filesystem", "path": "file://" + os.path.abspath(path), "format": form, **options}}
    listed = ", ".join("`" + column.replace("`", "``") + "` " + kind for column, kind in columns.items())
    given = ", ".join("'" + k + "' = '" + str(v).replace("'", "''") + "'" for k, v in options.items())
    tables.execute_sql("CREATE TEMPORARY TABLE `" + name.replace("`", "``") + "` (" + listed + ") WITH (" + given + ")")


def view(name, query):
    """Give a query a name."""
    tables.create_temporary_view("`" + name.replace("`", "``") + "`", tables.sql_query(query))


def partitions(name, sources, operators):
    """Make the table of what the partitions of sources are called; what operators make comes from none."""
    rows = [(rank, p, source, part, False) for rank, source, parts in sources for p, part in enumerate(parts)]
    rows += [(rank, 0, operator, "", True) for rank, operator in operators] or [(-1, 0, "", "", True)]

    def written(value):
        return "U&'" + "".join(c if c.isascii() and c.isalnum() else escaped(ord(c)) for c in value) + "'"

    def escaped(code):
        return "\\\\%04X" % code if code < 0x10000 else "\\\\+%06X" % code

    values = ", ".join(
        f"({{s}}, CAST({{p}} AS BIGINT), CAST({{written(source)}} AS STRING), CAST({{written(part)}} AS STRING), "
        f"{{'TRUE' if made else 'FALSE'}})"
        for s, p, source, part, made in rows
    )
    view(name, f"SELECT * FROM (VALUES {{values}}) AS names(`s`, `p`, `source`, `partition`, `made`)")


'''
_TAIL = '''

class Stream(io.RawIOBase):
    """The bytes of a job's result, as they arrive."""

    def __init__(self, parts):
        super().__init__()
        self.parts, self.rest = parts, b""

    def readable(self):
        return True

    def readinto(self, into):
        if not self.rest and self.parts.hasNext():
            self.rest = bytes(self.parts.next())
        taken, self.rest = self.rest[: len(into)], self.rest[len(into) :]
        into[: len(taken)] = taken
        return len(taken)


def run():
    """Run the job and hand its rows over."""
    results = Results(OUTPUTS, given.results)
    arrow = get_gateway().jvm.org.apache.flink.table.runtime.arrow.ArrowUtils
    for start in range(0, len(QUERIES), TOGETHER):
        query = tables.sql_query("\\nUNION ALL\\n".join(QUERIES[start : start + TOGETHER]))
        parts = arrow.collectAsPandasDataFrame(query._j_table, 10000)
        if parts.hasNext():
            for batch in pa.ipc.open_stream(io.BufferedReader(Stream(parts), 1 << 20)):
                results.take_ports(batch, SLOTS)
    results.end()


try:
    run()
except BaseException:
    if given.cluster:
        cancel_jobs(address, NAME)
    raise
'''

_SETTINGS = {
    **SETTINGS,
    "python.fn-execution.bundle.size": "10000",
    "python.fn-execution.arrow.batch.size": "5000",
    "table.exec.resource.default-parallelism": "-1",
    "execution.batch.adaptive.auto-parallelism.enabled": "false",
    "taskmanager.memory.managed.size": "512m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "heartbeat.timeout": "600000",
}
_REMOTE = {
    "execution.target": "remote",
    "rest.connection-timeout": "10 s",
    "rest.await-leader-timeout": "10 s",
    "rest.retry.max-attempts": "5",
    "rest.retry.delay": "1 s",
}
"""Settings of a client of a session cluster: one that does not answer is given up after a while."""


def _natives(way: Native, tables: Sequence[str]) -> list[str]:
    columns = script.columns_of(way.columns, type_of)
    options = {"json.ignore-parse-errors": "true"}
    return [
        f"table({t!r}, {columns!r}, {p!r}, options={options!r})" for t, p in zip(tables, way.files.paths, strict=True)
    ]


_WORKERS = """

{functions}

folder = tempfile.mkdtemp(prefix="workers-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
if not given.cluster:
    PYTHON = forked_workers(folder, {modules!r})
elif {modules!r}:
    # a worker's print is one that numba does not find by its name: it must be there before
    FIRST = os.path.join(folder, "sitecustomize.py")
    with open(FIRST, "w", encoding="utf-8") as file:
        file.write("import " + ", ".join({modules!r}) + "\\n")


"""


def _workers(imports: Sequence[str]) -> str:
    modules = [module for module in imports if module == "numba"]  # it takes long, and starts no threads
    return _WORKERS.format(functions=pasted(["caudal.engines.flink.job.workers"]), modules=modules)


_STYLE = Style(
    _HEAD,
    _TAIL,
    "json",
    type_of,
    _natives,
    {"settings": _SETTINGS, "remote": _REMOTE},
    modules=["caudal.engines.flink.job.sessions"],
    workers=_workers,
)


def write(job: Job, title: str, files: Mapping[str, Files] | None = None) -> str:
    """Return the script of a job; see `script.write`."""
    return script.write(_STYLE, job, title, files)
