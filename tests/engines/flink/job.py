"""Many expressions in one Flink process: a generated script, run by Flink's own interpreter."""

from __future__ import annotations

import os
import pickle
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cases import Batch

from caudal.core.types import DataType
from caudal.engines import environments
from caudal.engines.flink.expressions import show
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import SETTINGS, type_of
from caudal.engines.jvm.package import PACKAGE, import_lines, packed

TIMEOUT = 600
"""Seconds that a whole job may take, and one more for each expression."""

_SCRIPT = """
import pickle
import sys

import pyarrow as pa
from pyflink.common import Row
from pyflink.java_gateway import get_gateway
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment

sys.path.insert(0, sys.argv[1] + "/" + {package!r})
from caudal.engines.flink.job.workers import forked_workers
{imports}

PYTHON = forked_workers(sys.argv[1])
tables = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
for key, value in {settings!r}.items():
    tables.get_config().set(key, value)
tables.add_python_file(sys.path[0])
{library}
here = sys.argv[1]
flink = get_gateway().jvm.org.apache.flink


def cluster():
    # One for all jobs, since each would else start and stop one of its own.
    wanted = flink.configuration.Configuration()
    for key, value in {cluster!r}.items():
        wanted.setString(key, value)
    built = flink.runtime.minicluster.MiniClusterConfiguration.Builder().setConfiguration(wanted)
    made = flink.runtime.minicluster.MiniCluster(built.setNumTaskManagers(1).setNumSlotsPerTaskManager(1).build())
    made.start()
    address = made.getRestAddress().get()
    remote = {{"execution.target": "remote", "rest.address": address.getHost(), "rest.port": str(address.getPort())}}
    for key, value in {{**remote, "python.executable": PYTHON}}.items():
        tables.get_config().set(key, value)
    return made


def type_of(spec):
    if isinstance(spec, list):
        return DataTypes.ARRAY(type_of(spec[0]))
    if isinstance(spec, dict):
        return DataTypes.ROW([DataTypes.FIELD(name, type_of(inner)) for name, inner in spec.items()])
    return getattr(DataTypes, spec)()


def value_of(value, spec):
    if value is None:
        return None
    if isinstance(spec, list):
        return [value_of(v, spec[0]) for v in value]
    if isinstance(spec, dict):
        return Row(*(value_of(value[name], inner) for name, inner in spec.items()))
    return bytearray(value) if spec == "BYTES" else value


def run(name, texts, split=1_000_000):
    # Splitting generated code costs as much as making it; batches are small enough for almost all to do without.
    tables.get_config().set("table.generated-code.max-length", str(split))
    shown = ", ".join(f"{{text}} AS `{{i}}`" for i, text in texts)
    try:
        asked = tables.sql_query(f"SELECT `row`, {{shown}} FROM {{name}}")
        kinds = [str(t) for t in asked._j_table.getResolvedSchema().getColumnDataTypes()][1:]
        parts = flink.table.runtime.arrow.ArrowUtils.collectAsPandasDataFrame(asked._j_table, 10_000)
        data = b""
        while parts.hasNext():
            data += parts.next()
        found = pa.ipc.open_stream(data).read_all().sort_by("row")
    except Exception as error:
        if len(texts) == 1 and split > 4000:
            return run(name, texts, 4000)
        if len(texts) == 1:
            return {{texts[0][0]: (str(error)[-3000:], "", [])}}
        half = len(texts) // 2
        return {{**run(name, texts[:half]), **run(name, texts[half:])}}
    return {{i: ("", kind, found.column(i).to_pylist()) for (i, _), kind in zip(texts, kinds)}}


answers = []
running = cluster()
known = []
for specs, rows, texts in pickle.load(open(here + "/batches.pickle", "rb")):
    if (specs, rows) not in known:
        values = [tuple(value_of(v, s) for v, s in zip(row, specs.values())) for row in rows]
        tables.create_temporary_view(f"t{{len(known)}}", tables.from_elements(values, type_of(specs)))
        known.append((specs, rows))
    answers.append(run(f"t{{known.index((specs, rows))}}", texts))
running.close()
pickle.dump(answers, open(here + "/answers.pickle", "wb"))
"""
_SETTINGS = {"parallelism.default": "1"}

_CLUSTER = {"rest.port": "0", "rest.bind-port": "0", "taskmanager.memory.managed.size": "512m"}
_JVM = "-XX:+UseSerialGC"


@dataclass(frozen=True)
class Answer:
    """The values of one expression, or why it has none, with its text and its type on Flink."""

    text: str
    dtype: str
    values: list[Any]
    error: str = ""


def interpreter() -> Path:
    """Return Flink's interpreter; skips the test where there is none."""
    found = environments.python("flink")
    if found is None:
        pytest.skip("Flink's environment is not installed: caudal engines install flink")
    return found


def spec(dtype: DataType) -> Any:
    """Return a type as the script reads it."""
    if dtype.item is not None:
        return [spec(dtype.item)]
    if dtype.name == "struct":
        return {f.name: spec(f.dtype) for f in dtype.fields}
    return type_of(dtype)


def on_flink(batches: list[Batch], folder: Path) -> list[list[Answer]]:
    """Return the answers of Flink, computed by one process."""
    library = Library()
    given: list[Any] = []
    for b in batches:
        texts = [(str(i), show(x, b.schema, library)) for i, x in enumerate(b.exprs)]
        size = len(next(iter(b.given.values())))
        rows = [(*(b.given[f.name][i] for f in b.schema), i) for i in range(size)]
        given.append(({**{f.name: spec(f.dtype) for f in b.schema}, "row": "BIGINT"}, rows, texts))
    (folder / "batches.pickle").write_bytes(pickle.dumps(given))
    script = folder / "job.py"
    settings = {**SETTINGS, **_SETTINGS}
    functions = library.source()
    (folder / PACKAGE).write_bytes(packed(["caudal.engines.flink.job.workers", *library.modules]))
    imports = import_lines([functions], library.modules)
    source = _SCRIPT.format(settings=settings, library=functions, cluster=_CLUSTER, package=PACKAGE, imports=imports)
    script.write_text(source, encoding="utf-8")
    python = str(interpreter())
    command = [python, "-W", "ignore", str(script), str(folder)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT + sum(len(b.exprs) for b in batches),
        cwd=folder,
        env={**os.environ, "JVM_ARGS": _JVM},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = pickle.loads((folder / "answers.pickle").read_bytes())
    return [[_answer(text, *one[i]) for i, text in texts] for (_, _, texts), one in zip(given, found, strict=True)]


def _answer(text: str, error: str, kind: str, values: list[Any]) -> Answer:
    return Answer(text, kind.removesuffix(" NOT NULL"), values, error)
