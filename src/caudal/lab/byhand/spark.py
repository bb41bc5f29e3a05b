"""The DoS query on Spark, by hand, in batch: `python spark.py EVENTS ALERTS PARALLELISM`.

It gives the rows of `caudal.lab.denial` as JSON lines, with times in milliseconds, and needs Spark's interpreter.
"""

# pyright: basic, reportMissingImports=false

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

EVENTS, ALERTS, PARALLELISM = sys.argv[1:4]

builder = SparkSession.builder.appName("dos").master(f"local[{PARALLELISM}]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", PARALLELISM)
spark = builder.getOrCreate()
requests = spark.read.schema("ip STRING, timestamp BIGINT, code DOUBLE").json(EVENTS)
alerts = (
    requests.groupBy("ip", f.window(f.timestamp_millis("timestamp"), "3 seconds").alias("w"))
    .agg(f.count("*").alias("total"), f.count_if(f.col("code").isin(401, 403)).alias("refused"))
    .where("total > 30 AND refused = total")
    .select(
        "ip",
        f.unix_millis("w.start").alias("window_start"),
        f.unix_millis("w.end").alias("window_end"),
        "total",
        "refused",
    )
)
with open(ALERTS, "w", encoding="utf-8") as out:
    for row in alerts.collect():
        out.write(json.dumps(row.asDict()) + "\n")
spark.stop()
