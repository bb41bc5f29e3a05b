"""The script of a job on Flink: batch mode, one job for all outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.engines.flink.spelling import SETTINGS, type_of
from caudal.engines.jvm import script
from caudal.engines.jvm.reading import Files, Native
from caudal.engines.jvm.script import Job, Style
from caudal.engines.jvm.shipping import called
from caudal.ports.engine import Script

_SETTINGS = {
    **SETTINGS,
    "python.fn-execution.bundle.size": "10000",
    "python.fn-execution.arrow.batch.size": "5000",
    "table.exec.resource.default-parallelism": "-1",
    # it makes one operator of what is joined and united one behind the other, and fails where that has more than 63 inputs
    "table.optimizer.multiple-input-enabled": "false",
    "execution.batch.adaptive.auto-parallelism.enabled": "false",
    "taskmanager.memory.managed.size": "512m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "heartbeat.timeout": "600000",
}


def _natives(way: Native, tables: Sequence[str]) -> list[str]:
    columns = script.columns_of(way.columns, type_of)
    options = {"json.ignore-parse-errors": "true"}
    return [
        called("job.table", [repr(t), repr(columns), repr(p), f"options={options!r}"])
        for t, p in zip(tables, way.files.paths, strict=True)
    ]


_STYLE = Style("flink", "Flink 2.3 (apache-flink)", "FlinkJob", "tables", type_of, _natives, _SETTINGS)


def write(job: Job, title: str, files: Mapping[str, Files] | None = None) -> Script:
    """Return the script of a job, and its package; see `script.write`."""
    return script.write(_STYLE, job, title, files)
