"""The script of a job on Spark, results fetched as Arrow tables.

Bounded input is run in batch mode. Input that goes on is a Structured Streaming query over directories that parts appear in:
what each micro-batch gives becomes a directory of results, under its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.engines.jvm import script
from caudal.engines.jvm.reading import Files, Native
from caudal.engines.jvm.script import Job, Style
from caudal.engines.spark.expressions.spelling import SETTINGS, type_of

_HEAD = '''"""{title}

A Spark 4.2 job, written by caudal {version}. It stands alone: run it with an interpreter that has pyspark 4.2.

    python {file} [--cluster URL] [--parallelism N]
"""

import argparse
import atexit
import os
import shutil
import signal
import sys
import tempfile
import time

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)

from pyspark import StorageLevel
from pyspark.sql import SparkSession

arguments = argparse.ArgumentParser(description="A Spark job, written by caudal.")
arguments.add_argument("--rows", default="", help="the directory of rows that were checked and handed over")
arguments.add_argument("--read-at", type=int, default=0, help="the reading time in milliseconds (default: now)")
arguments.add_argument("--results", default="", help="a directory for results as Arrow files")
arguments.add_argument("--cluster", default={cluster!r}, help="the master's URL (default: this process)")
arguments.add_argument("--parallelism", type=int, default={threads}, help="how many tasks run side by side")
given = arguments.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

LIVE = {live}  # whether the input goes on
parallelism = given.parallelism or os.cpu_count() or 1
if not given.cluster or any(near in given.cluster for near in ("//127.", "//localhost", "local[")):
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
builder = SparkSession.builder.appName({title!r}).master(given.cluster or f"local[{{parallelism}}]")
for key, value in {settings!r}.items():
    builder = builder.config(key, value)
if not given.cluster and "SPARK_DRIVER_MEMORY" not in os.environ:
    # this process is the whole engine then, and Spark's default of 1 GB is meant for one that only directs others
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    builder = builder.config("spark.driver.memory", f"{{max(1024, whole // 4 >> 20)}}m")
warehouse = tempfile.mkdtemp(prefix="spark-warehouse-")  # nothing is kept in it; Spark makes one where it is started
atexit.register(shutil.rmtree, warehouse, ignore_errors=True)
builder = builder.config("spark.sql.warehouse.dir", "file://" + warehouse)
if LIVE:
    # where no mark has come, the rows' part of a union would lose its watermark
    rule = "org.apache.spark.sql.catalyst.optimizer.PropagateEmptyRelation"
    builder = builder.config("spark.sql.optimizer.excludedRules", rule)
    # where a micro-batch is empty, exchanges of two windows look the same, and one that is reused passes no watermark on
    builder = builder.config("spark.sql.exchange.reuse", "false")
    # by it a query holds only one operator with a state of its own; every one here has marks to go by
    builder = builder.config("spark.sql.streaming.unsupportedOperationCheck", "false")
spark = builder.config("spark.sql.shuffle.partitions", str(parallelism)).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

FILES = {{}}


def table(name, columns, path, form="parquet", options={{}}):
    """Make a source known: files of these columns."""
    listed = ", ".join("`" + column.replace("`", "``") + "` " + kind for column, kind in columns.items())
    frame = (spark.readStream if LIVE else spark.read).schema(listed).format(form).options(**options).load(path)
    if name in TAKEN.values():
        FILES[name] = frozenset(frame.inputFiles())
    frame.createOrReplaceTempView("`" + name + "`")


def view(name, query, shared=False):
    """Give a query a name; one that several read is kept rather than computed again."""
    frame = spark.sql(query)
    if shared and not LIVE:
        frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
    frame.createOrReplaceTempView("`" + name + "`")


def marks(name, path):
    """Make the stream of marks known: how far all sources have come is the watermark of windows."""
    frame = spark.readStream.schema("e BIGINT").parquet(path).selectExpr("timestamp_millis(e) AS e")
    frame.withWatermark("e", "0 seconds").createOrReplaceTempView("`" + name + "`")


def walk(name, query, keys, function):
    """Give a name to what a function makes of the rows of each key: lines, of which it keeps some as state."""
    states = "waiting STRING, kept STRING"
    groups = spark.sql(query).groupBy(*("`" + key + "`" for key in keys))
    made = groups.applyInPandasWithState(function, "made STRING", states, "append", "EventTimeTimeout")
    made.createOrReplaceTempView("`" + name + "`")


def partitions(name, sources, operators):
    """Make the table of what the partitions of sources are called; what operators make comes from none."""
    rows = [(rank, p, source, part, False) for rank, source, parts in sources for p, part in enumerate(parts)]
    rows += [(rank, 0, operator, "", True) for rank, operator in operators] or [(-1, 0, "", "", True)]
    columns = list(zip(*rows))
    kinds = [pa.int32(), pa.int64(), pa.string(), pa.string(), pa.bool_()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds)]
    frame = spark.createDataFrame(pa.table(arrays, names=["s", "p", "source", "partition", "made"]))
    frame.createOrReplaceTempView("`" + name + "`")


'''
_TAIL = '''

def note_scans(plan, found):
    """Note how many rows a query that has run took from each set of files: to count them by a query is a second scan."""
    kind = plan.getClass().getSimpleName()
    if kind == "FileSourceScanExec":
        files = frozenset(plan.relation().location().inputFiles())
        found[files] = max(found.get(files, 0), plan.metrics().apply("numOutputRows").value())
    elif kind == "InMemoryTableScanExec":
        note_scans(plan.relation().cachedPlan(), found)
    elif kind == "AdaptiveSparkPlanExec":
        note_scans(plan.finalPhysicalPlan(), found)
    elif kind.endswith("QueryStageExec"):
        note_scans(plan.plan(), found)
    below = plan.children()
    for number in range(below.size()):
        note_scans(below.apply(number), found)


def run():
    """Run the job and hand its rows over."""
    results, scans = Results(OUTPUTS, given.results), {}
    for start in range(0, len(QUERIES), TOGETHER):
        query = spark.sql("\\nUNION ALL\\n".join(QUERIES[start : start + TOGETHER]))
        for batch in query.toArrow().to_batches():
            results.take_ports(batch, SLOTS)
        if TAKEN:
            note_scans(query._jdf.queryExecution().executedPlan(), scans)
    results.counts += [[count, scans.get(FILES[name], 0)] for count, name in TAKEN.items()]
    results.end()


run()
spark.stop()
'''

_LIVE = '''

def start(number, queries):
    """Start the stream of a plan."""

    def take(frame, batch):
        """Put the rows of a micro-batch aside, and make them visible at once."""
        hidden = os.path.join(given.results, f".{number}-{batch}")
        os.makedirs(hidden)
        results = Results(OUTPUTS, hidden)
        for rows in frame.toArrow().to_batches():
            results.take_ports(rows, SLOTS)
        results.end()
        os.rename(hidden, os.path.join(given.results, f"{number}-{batch:09}"))

    frame = spark.sql("\\nUNION ALL\\n".join(queries))
    place = os.path.join(given.rows, f"checkpoint-{number}")
    return frame.writeStream.outputMode("append").option("checkpointLocation", place).foreachBatch(take).start()


def run():
    """Run until the one who feeds each plan has put a file "end" there, and all before it is done."""
    left = {number: start(number, [QUERIES[q] for q in plan]) for number, plan in enumerate(PLANS)}
    feeder = int(os.environ.get("CAUDAL_FEEDER", os.getppid()))  # who may have gone before this line is reached
    while left:
        if os.getppid() != feeder:
            raise SystemExit("who feeds this job has gone")
        for number, stream in list(left.items()):
            over = os.path.exists(os.path.join(given.rows, f"end-{number}"))
            if over or not stream.isActive:
                stream.processAllAvailable()  # raises what the stream broke by
                stream.stop()
                del left[number]
                open(os.path.join(given.results, f"done-{number}"), "wb").close()
        time.sleep(0.02)


run()
spark.stop()
'''

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
    whole = f"spark.conf.set('spark.sql.{way.format}.filterPushdown{'.enabled' * (way.format != 'parquet')}', 'false')"
    return [whole, f"table({tables[0]!r}, {columns!r}, {[*way.files.paths]!r}, {way.format!r}, {options!r})"]


_STYLE = Style(
    _HEAD, _TAIL, "parquet", type_of, _natives, {"settings": _SETTINGS}, shared=True, taken=False, live=_LIVE
)


def write(job: Job, title: str, files: Mapping[str, Files] | None = None) -> str:
    """Return the script of a job; see `script.write`."""
    return script.write(_STYLE, job, title, files)
