"""A job on Spark: its session, tables and views; results are fetched as Arrow tables."""

# pyright: reportMissingImports=false
from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from caudal.engines.jvm.job.driver import Driver, Slots, united
from caudal.engines.jvm.job.messages import KIND, LETTER, TOLD, Messages, connectors
from caudal.engines.spark.job.messages import decoding, read

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)

from pyspark import StorageLevel
from pyspark.sql import SparkSession

_LIVE = {
    # where no mark has come, the rows' part of a union would lose its watermark
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PropagateEmptyRelation",
    # where a micro-batch is empty, exchanges of two windows look the same, and one that is reused passes no watermark on
    "spark.sql.exchange.reuse": "false",
    # by it a query holds only one operator with a state of its own; every one here has marks to go by
    "spark.sql.streaming.unsupportedOperationCheck": "false",
}
_NEAR = ("//127.", "//localhost", "local[")


class SparkJob(Driver):
    """A job as its script describes it. `live`: its input goes on; `functions`: Python workers run some; `topics`: it reads
    some by Spark's own connector."""

    form = "parquet"

    def __init__(
        self,
        title: str,
        package: str,
        settings: Mapping[str, str],
        *,
        cluster: str = "",
        parallelism: int = 0,
        functions: bool = False,
        live: bool = False,
        topics: bool = False,
    ) -> None:
        super().__init__("Spark", package, cluster, parallelism)
        self._live = live
        self._scanned: dict[str, frozenset[str]] = {}
        given = {**settings, **(_LIVE if live else {}), **({"spark.jars": ",".join(connectors())} if topics else {})}
        self.spark = self._session(title, given)
        if functions and self.brought:
            self.spark.sparkContext.addPyFile(self.brought)

    def _session(self, title: str, settings: Mapping[str, str]) -> Any:
        cluster = self.given.cluster
        parallelism = self.given.parallelism or os.cpu_count() or 1
        if not cluster or any(near in cluster for near in _NEAR):
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.appName(title)
        if cluster or "PYSPARK_GATEWAY_PORT" not in os.environ:  # else spark-submit knows the master
            builder = builder.master(cluster or f"local[{parallelism}]")
        for key, value in settings.items():
            builder = builder.config(key, value)
        if not cluster and "SPARK_DRIVER_MEMORY" not in os.environ:
            # this process is the whole engine then, and Spark's default of 1 GB is meant for one that only directs others
            whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            builder = builder.config("spark.driver.memory", f"{max(1024, whole // 4 >> 20)}m")
        warehouse = tempfile.mkdtemp(prefix="spark-warehouse-")  # nothing is kept there; Spark would make one here
        atexit.register(shutil.rmtree, warehouse, ignore_errors=True)
        builder = builder.config("spark.sql.warehouse.dir", "file://" + warehouse)
        spark = builder.config("spark.sql.shuffle.partitions", str(parallelism)).getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        return spark

    def table(
        self,
        name: str,
        columns: Mapping[str, str],
        path: str | list[str],
        form: str = "parquet",
        options: Mapping[str, str] | None = None,
        *,
        counted: bool = False,
    ) -> None:
        """Make a source known: files of these columns; `counted`: how many rows a query takes from them is told."""
        listed = ", ".join("`" + column.replace("`", "``") + "` " + kind for column, kind in columns.items())
        reader = self.spark.readStream if self._live else self.spark.read
        frame = reader.schema(listed).format(form).options(**(options or {})).load(path)
        if counted:
            self._scanned[name] = frozenset(frame.inputFiles())
        frame.createOrReplaceTempView("`" + name + "`")

    def decoded(self, number: int, rows: str, dead: str, told: str, messages: Messages) -> None:
        """Give names to what tasks make of the messages of a source."""
        if self.brought:
            self.spark.sparkContext.addPyFile(self.brought)
        listed = ", ".join("`" + name + "` " + kind for name, kind in messages.columns.items())
        frame = read(self.spark, messages)
        if frame is None:
            made = self.spark.createDataFrame([], listed)
        else:
            # each of its readers would decode all messages again
            made = frame.mapInArrow(decoding(messages), listed).persist(StorageLevel.MEMORY_AND_DISK)
        for name, which, picked in (
            (rows, f"`{KIND}` = 0", [f"`{column}`" for column in messages.own]),
            (dead, f"`{KIND}` = 1", [f"`{LETTER}{column}` AS `{column}`" for column in messages.letters]),
            (told, f"`{TOLD}` IS NOT NULL", [f"`{TOLD}` AS `told`"]),
        ):
            made.where(which).selectExpr(*picked).createOrReplaceTempView("`" + name + "`")

    def lookup_table(self, name: str, columns: Mapping[str, str], path: str) -> None:
        """Make a table known that rows are looked up in: no stream, whatever the input is."""
        listed = ", ".join("`" + column + "` " + kind for column, kind in columns.items())
        self.spark.read.schema(listed).format(self.form).load(path).createOrReplaceTempView("`" + name + "`")

    def view(self, name: str, query: str, shared: bool = False) -> None:
        """Give a query a name; one that several read is kept rather than computed again."""
        frame = self.spark.sql(query)
        if shared and not self._live:
            frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
        frame.createOrReplaceTempView("`" + name + "`")

    def marks(self, name: str, number: int) -> None:
        """Make the stream of marks of a plan known: how far all sources have come is the watermark of windows."""
        path = os.path.join(self.given.rows, f"marks-{number}")
        frame = self.spark.readStream.schema("e BIGINT").parquet(path).selectExpr("timestamp_millis(e) AS e")
        frame.withWatermark("e", "0 seconds").createOrReplaceTempView("`" + name + "`")

    def live_step(self, name: str, query: str, keys: Sequence[str], function: Any) -> None:
        """Give a name to what a function makes of the rows of each key: lines, of which it keeps some as state."""
        states = "waiting STRING, kept STRING"
        groups = self.spark.sql(query).groupBy(*("`" + key + "`" for key in keys))
        made = groups.applyInPandasWithState(function, "made STRING", states, "append", "EventTimeTimeout")
        made.createOrReplaceTempView("`" + name + "`")

    def partitions(
        self, name: str, sources: Iterable[tuple[int, str, int]], operators: Iterable[tuple[int, str]]
    ) -> None:
        """Make the table of what partitions are called; see `Driver`."""
        kinds = [pa.int32(), pa.int64(), pa.string(), pa.string(), pa.bool_()]
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*self._names(sources, operators)), kinds)]
        frame = self.spark.createDataFrame(pa.table(arrays, names=["s", "p", "source", "partition", "made"]))
        frame.createOrReplaceTempView("`" + name + "`")

    def run(
        self,
        outputs: list[tuple[str, str, dict[str, Any]]],
        slots: Slots,
        queries: Sequence[str],
        taken: Mapping[int, str] | None = None,
        *,
        told: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        """Run the job and hand its rows over; `taken`: the tables whose rows are counted, by the counts' numbers."""
        results, scans = self._results(outputs, told=told), {}
        for query in united(queries):
            frame = self.spark.sql(query)
            for batch in frame.toArrow().to_batches():
                results.take_ports(batch, slots)
            if taken:
                _note_scans(frame._jdf.queryExecution().executedPlan(), scans)
        results.counts += [[count, scans.get(self._scanned[name], 0)] for count, name in (taken or {}).items()]
        self.spark.stop()
        self._end(results)

    def follow(
        self,
        outputs: list[tuple[str, str, dict[str, Any]]],
        slots: Slots,
        queries: Sequence[str],
        plans: list[list[int]],
    ) -> None:
        """Run the stream of each plan, given by the numbers of its queries, until who feeds the job is done."""
        from caudal.engines.spark.job.live import follow

        for_plans = [[queries[number] for number in plan] for plan in plans]
        follow(self.spark, self.given, lambda folder: self._results(outputs, folder), slots, for_plans)
        self.spark.stop()


def _note_scans(plan: Any, found: dict[frozenset[str], int]) -> None:
    """Note how many rows a query that has run took from each set of files: to count them by a query is a second scan."""
    kind = plan.getClass().getSimpleName()
    if kind == "FileSourceScanExec":
        files = frozenset(plan.relation().location().inputFiles())
        found[files] = max(found.get(files, 0), plan.metrics().apply("numOutputRows").value())
    elif kind == "InMemoryTableScanExec":
        _note_scans(plan.relation().cachedPlan(), found)
    elif kind == "AdaptiveSparkPlanExec":
        _note_scans(plan.finalPhysicalPlan(), found)
    elif kind.endswith("QueryStageExec"):
        _note_scans(plan.plan(), found)
    below = plan.children()
    for number in range(below.size()):
        _note_scans(below.apply(number), found)
