"""Many expressions in one Flink process: a generated script, run by Flink's own interpreter."""

from __future__ import annotations

import json
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

TIMEOUT = 1200
"""Seconds that a whole job may take."""

_SCRIPT = """
import json
import pickle
import sys

from pyflink.common import Row
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment

tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
for key, value in {settings!r}.items():
    tables.get_config().set(key, value)
{library}
here = sys.argv[1]


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


def run(name, texts):
    shown = ", ".join(text for _, text, _ in texts)
    try:
        plain = tables.sql_query(f"SELECT {{shown}} FROM {{name}}")
        types = [str(t) for t in plain._j_table.getResolvedSchema().getColumnDataTypes()]
        wrapped = ", ".join(wrapper.replace("@", text) for _, text, wrapper in texts)
        with tables.execute_sql(f"SELECT `row`, {{wrapped}} FROM {{name}}").collect() as rows:
            found = sorted((list(row) for row in rows), key=lambda row: row[0])
    except Exception as error:
        if len(texts) == 1:
            return {{texts[0][0]: (str(error)[-3000:], "", [])}}
        half = len(texts) // 2
        return {{**run(name, texts[:half]), **run(name, texts[half:])}}
    return {{
        text[0]: ("", kind, [row[i] for row in found]) for i, (text, kind) in enumerate(zip(texts, types), 1)
    }}


answers = []
for number, (specs, rows, texts) in enumerate(pickle.load(open(here + "/batches.pickle", "rb"))):
    kind = type_of(specs)
    values = [tuple(value_of(v, s) for v, s in zip(row, specs.values())) for row in rows]
    tables.create_temporary_view(f"t{{number}}", tables.from_elements(values, kind))
    answers.append(run(f"t{{number}}", texts))
pickle.dump(answers, open(here + "/answers.pickle", "wb"))
"""
_SETTINGS = {"parallelism.default": "1"}


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


def wrapper(dtype: DataType) -> str:
    """Return what stands around an expression (@), so that its values reach Python as they are."""
    if dtype.is_nested:
        return "JSON_STRING(@)"
    return "CAST(@ AS DOUBLE)" if dtype.name == "float32" else "@"


def value(got: Any, dtype: DataType) -> Any:
    """Return a value that Flink gave as the plan's."""
    if got is None:
        return None
    if dtype.is_nested:
        return json.loads(got)
    return bytes(got) if dtype.name == "binary" else got


def on_flink(batches: list[Batch], folder: Path) -> list[list[Answer]]:
    """Return the answers of Flink, computed by one process."""
    library = Library()
    given: list[Any] = []
    for b in batches:
        texts = [(str(i), show(x, b.schema, library), wrapper(x.dtype(b.schema))) for i, x in enumerate(b.exprs)]
        size = len(next(iter(b.given.values())))
        rows = [(*(b.given[f.name][i] for f in b.schema), i) for i in range(size)]
        given.append(({**{f.name: spec(f.dtype) for f in b.schema}, "row": "BIGINT"}, rows, texts))
    (folder / "batches.pickle").write_bytes(pickle.dumps(given))
    script = folder / "job.py"
    script.write_text(_SCRIPT.format(settings={**SETTINGS, **_SETTINGS}, library=library.source()), encoding="utf-8")
    python = str(interpreter())
    command = [python, "-W", "ignore", str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    found = pickle.loads((folder / "answers.pickle").read_bytes())
    return [
        [_answer(x.dtype(b.schema), text, *one[i]) for x, (i, text, _) in zip(b.exprs, texts, strict=True)]
        for b, (_, _, texts), one in zip(batches, given, found, strict=True)
    ]


def _answer(dtype: DataType, text: str, error: str, kind: str, values: list[Any]) -> Answer:
    return Answer(text, kind.removesuffix(" NOT NULL"), [value(v, dtype) for v in values], error)
