"""Many expressions in one Spark job: a generated script, run by Spark's own interpreter."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cases import Batch

from caudal.core.types import DataType, list_of, struct_of
from caudal.engines import environments
from caudal.engines.jvm.package import PACKAGE, import_lines, packed
from caudal.engines.spark.expressions import SETTINGS, Library, show

TIMEOUT = 600
"""Seconds that a whole job may take, and one more for each expression."""

_SCRIPT = """
import json
import sys

import pyarrow as pa
from pyspark.sql import SparkSession

sys.path.insert(0, sys.argv[1] + "/" + {package!r})
{imports}

builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
for key, value in {settings!r}.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
spark.sparkContext.addPyFile(sys.path[0])
{library}
here = sys.argv[1]


def run(frame, texts, path):
    try:
        table = frame.selectExpr("`row`", *(f"{{text}} AS `{{i}}`" for i, text in texts)).toArrow()
    except Exception as error:
        if len(texts) == 1:
            return {{texts[0][0]: str(error)[:2000]}}
        half = len(texts) // 2
        return {{**run(frame, texts[:half], path + "a"), **run(frame, texts[half:], path + "b")}}
    with pa.OSFile(path + ".out.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {{}}


failed = {{}}
for number, texts in enumerate(json.load(open(here + "/texts.json", encoding="utf-8"))):
    with pa.OSFile(f"{{here}}/{{number}}.arrow", "rb") as source:
        frame = spark.createDataFrame(pa.ipc.open_file(source).read_all())
    failed[number] = run(frame, texts, f"{{here}}/{{number}}")
json.dump(failed, open(here + "/failed.json", "w", encoding="utf-8"))
"""


@dataclass(frozen=True)
class Answer:
    """The values of one expression, or why it has none, and its text."""

    text: str
    dtype: pa.DataType | None
    values: list[Any]
    error: str = ""


def interpreter() -> Path:
    """Return Spark's interpreter; skips the test where there is none."""
    found = environments.python("spark")
    if found is None:
        pytest.skip("Spark's environment is not installed: caudal engines install spark")
    return found


def arrow(dtype: DataType) -> pa.DataType:
    """Return the type of a column on Spark: times are int64 milliseconds."""
    if dtype.item is not None:
        return pa.list_(arrow(dtype.item))
    if dtype.name == "struct":
        return pa.struct([pa.field(f.name, arrow(f.dtype)) for f in dtype.fields])
    names = {"bool": "bool_", "timestamp": "int64", "duration": "int64"}
    return getattr(pa, names.get(dtype.name, dtype.name))()


def on_spark(batches: list[Batch], folder: Path) -> list[list[Answer]]:
    """Return the answers of Spark, computed by one process."""
    library = Library()
    texts = [[(str(i), show(x, b.schema, library)) for i, x in enumerate(b.exprs)] for b in batches]
    for number, batch in enumerate(batches):
        rows = len(next(iter(batch.given.values())))
        columns = {f.name: pa.array(batch.given[f.name], arrow(f.dtype)) for f in batch.schema}
        table = pa.table({**columns, "row": pa.array(range(rows), pa.int64())})
        with pa.OSFile(str(folder / f"{number}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    script = folder / "job.py"
    source = library.source()
    (folder / PACKAGE).write_bytes(packed(library.modules))
    imports = import_lines([source], library.modules)
    script.write_text(
        _SCRIPT.format(settings=SETTINGS, library=source, package=PACKAGE, imports=imports), encoding="utf-8"
    )
    python = str(interpreter())
    env = {**os.environ, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [python, "-W", "ignore", str(script), str(folder)]
    limit = TIMEOUT + sum(len(b.exprs) for b in batches)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=limit, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    failed = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
    return [_answers(number, texts[number], failed[str(number)], folder) for number in range(len(batches))]


def _answers(number: int, texts: list[tuple[str, str]], failed: dict[str, str], folder: Path) -> list[Answer]:
    found: dict[str, pa.ChunkedArray] = {}
    for path in sorted(folder.glob(f"{number}*.out.arrow")):
        if path.name.removeprefix(str(number))[0] in ".ab":
            with pa.OSFile(str(path), "rb") as source:
                table = pa.ipc.open_file(source).read_all().sort_by("row")
            found |= {name: table.column(name) for name in table.column_names}
    return [
        Answer(text, None, [], failed[i]) if i in failed else Answer(text, found[i].type, found[i].to_pylist())
        for i, text in texts
    ]


__all__ = ["Answer", "Batch", "arrow", "interpreter", "list_of", "on_spark", "struct_of"]
