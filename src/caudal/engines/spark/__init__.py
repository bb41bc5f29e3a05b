"""The room of the Spark engine: what makes Spark SQL of a plan. It never imports pyspark, not even lazily.

Enters: plans, expressions and their schemas.
Leaves: text: Spark 4.2 SQL, a script that runs it. What that calls while it runs is in `job`.
May touch: engines.jvm, engines.environments; the text of `job` and of `worker`.
Must never: import pyspark or another engine, or run in the caudal process what is shipped.
"""

from typing import TYPE_CHECKING, Any

from caudal.engines.jvm.clusters import master
from caudal.engines.jvm.engine import JvmEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from caudal.ports.engine import Script


def _dialect() -> Any:
    from caudal.engines.spark.dialect import SparkDialect

    return SparkDialect()


def _write() -> "Callable[..., Script]":
    from caudal.engines.spark.script import write

    return write


ENGINE = JvmEngine("spark", "parquet", _dialect, _write, master, {}, streams=True)
"""The engine named "spark"."""
