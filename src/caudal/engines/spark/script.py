"""The script of a job on Spark.

Bounded input is run in batch mode. Input that goes on is a Structured Streaming query over directories that parts appear in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.engines.jvm import script
from caudal.engines.jvm.reading import Files, Native
from caudal.engines.jvm.script import Job, Style
from caudal.engines.jvm.shipping import called
from caudal.engines.spark.expressions.spelling import SETTINGS, type_of
from caudal.ports.engine import Script

_SETTINGS = {
    **SETTINGS,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.network.timeout": "120s",
    "spark.rpc.askTimeout": "30s",
    "spark.rpc.lookupTimeout": "30s",
    "spark.driver.maxResultSize": "0",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.adaptive.enabled": "true",
}


def _natives(way: Native, tables: Sequence[str]) -> list[str]:
    options = {"mode": "DROPMALFORMED"}
    if way.format == "csv":
        options |= {"header": str(way.options.get("header", True)), "sep": str(way.options.get("delimiter", ","))}
    columns = script.columns_of(way.columns, type_of)
    # a scan's rows are counted, so nothing may leave rows out before
    whole = (
        f"job.spark.conf.set('spark.sql.{way.format}.filterPushdown{'.enabled' * (way.format != 'parquet')}', 'false')"
    )
    given = [repr(tables[0]), repr(columns), repr([*way.files.paths]), repr(way.format), repr(options), "counted=True"]
    return [whole, called("job.table", given)]


_STYLE = Style(
    "spark", "Spark 4.2 (pyspark)", "SparkJob", "spark", type_of, _natives, _SETTINGS, shared=True, taken=False
)


def write(job: Job, title: str, files: Mapping[str, Files] | None = None) -> Script:
    """Return the script of a job, and its package; see `script.write`."""
    return script.write(_STYLE, job, title, files)
