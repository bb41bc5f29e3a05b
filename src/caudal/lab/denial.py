"""The DoS query that is measured: more than 30 requests of an address within 3 seconds, all refused."""

import caudal as cd
from caudal import col

settings = cd.settings(path="requests.jsonl", out="alerts.jsonl", threshold=30)
requests = cd.source(
    "files",
    path=settings.path,
    format="json",
    event_time="timestamp",
    disorder="500ms",
    schema={"ip": "string", "timestamp": "int64", "code": "float64"},
)
alerts = (
    requests.group_by("ip")
    .window(cd.tumbling("3s"))
    .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
    .filter((col("total") > settings.threshold) & (col("refused") == col("total")))
)
pipeline = cd.Pipeline("dos", alerts.to("files", path=settings.out, format="json"))
