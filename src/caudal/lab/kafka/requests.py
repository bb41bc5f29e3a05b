"""The DoS query from topic to topic: more than 30 requests of an address within 3 seconds, all refused.

It is `caudal.lab.denial` with other ends. `step`: "query"; or "read", which decodes and checks the same fields and lets no row through.
`path`: the same over a file, into the file `taken`.
"""

import caudal as cd
from caudal import col

settings = cd.settings(
    servers="127.0.0.1:9092", given="in", taken="out", path="", step="query", threshold=30, idle="5s"
)
topic = {"topic": settings.given, "servers": settings.servers, "partitioned_by": "ip"}
requests = cd.source(
    "files" if settings.path else "kafka",
    **({"path": settings.path} if settings.path else topic),
    format="json",
    name="requests",
    event_time="timestamp",
    disorder="500ms",
    idle=settings.idle,
    schema={"ip": "string", "timestamp": "int64", "code": "float64"},
)
if settings.step == "read":
    alerts = requests.filter((col("ip") == "") & (col("timestamp") == 0) & (col("code") == 0.0))
else:
    alerts = (
        requests.group_by("ip")
        .window(cd.tumbling("3s"))
        .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
        .filter((col("total") > settings.threshold) & (col("refused") == col("total")))
    )
if settings.path:
    sink = alerts.to("files", path=settings.taken, format="json", name="alerts")
else:
    sink = alerts.to("kafka", topic=settings.taken, servers=settings.servers, key="ip", name="alerts")
pipeline = cd.Pipeline("dos", sink)
