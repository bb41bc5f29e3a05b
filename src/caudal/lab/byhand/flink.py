"""The DoS query on Flink SQL, by hand: `python flink.py EVENTS ALERTS PARALLELISM streaming|batch`.

The watermark stands still, so that no row of a file is late for its window. It gives the rows of `caudal.lab.denial` as
JSON lines, with times in milliseconds, and needs Flink's interpreter.
"""

# pyright: basic, reportMissingImports=false

import json
import sys

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

EVENTS, ALERTS, PARALLELISM, MODE = sys.argv[1:]

settings = Configuration()
settings.set_string("parallelism.default", PARALLELISM)
settings.set_string("taskmanager.numberOfTaskSlots", PARALLELISM)
settings.set_string("table.local-time-zone", "UTC")
builder = EnvironmentSettings.new_instance().with_configuration(settings)
tables = TableEnvironment.create((builder.in_batch_mode() if MODE == "batch" else builder.in_streaming_mode()).build())
tables.execute_sql(f"""
    CREATE TABLE requests (
        ip STRING,
        `timestamp` BIGINT,
        code DOUBLE,
        t AS TO_TIMESTAMP_LTZ(`timestamp`, 3),
        WATERMARK FOR t AS TO_TIMESTAMP_LTZ(0, 3)
    ) WITH (
        'connector' = 'filesystem',
        'path' = 'file://{EVENTS}',
        'format' = 'json',
        'json.ignore-parse-errors' = 'true'
    )
""")
alerts = tables.sql_query("""
    SELECT
        ip,
        1000 * UNIX_TIMESTAMP(CAST(window_start AS STRING)) AS window_start,
        1000 * UNIX_TIMESTAMP(CAST(window_end AS STRING)) AS window_end,
        total,
        refused
    FROM (
        SELECT ip, window_start, window_end, COUNT(*) AS total, COUNT(*) FILTER (WHERE code IN (401, 403)) AS refused
        FROM TABLE(TUMBLE(TABLE requests, DESCRIPTOR(t), INTERVAL '3' SECOND))
        GROUP BY ip, window_start, window_end
    )
    WHERE total > 30 AND refused = total
""")
with open(ALERTS, "w", encoding="utf-8") as out, alerts.execute().collect() as rows:
    for row in rows:
        names = ("ip", "window_start", "window_end", "total", "refused")
        out.write(json.dumps(dict(zip(names, row))) + "\n")
