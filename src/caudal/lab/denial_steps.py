"""The DoS query in steps, each with one thing more than the one before: what an event costs where.

`step`: "read" reads, decodes and checks; "time" gives rows an event time too; "window" counts in windows without a key, for
which rows have a W_p; "key" counts by address and window; "query" is the whole, as in `denial`.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="requests.jsonl", out="alerts.jsonl", step="query", window="3s", threshold=30)
timed = {} if settings.step == "read" else {"event_time": "timestamp", "disorder": "500ms"}
requests = cd.source(
    "files",
    path=settings.path,
    format="json",
    schema={"ip": "string", "timestamp": "int64", "code": "float64"},
    **timed,
)
if settings.step in ("read", "time"):
    # all three fields are needed, and no row is left
    found = requests.filter((col("ip") == "") & (col("timestamp") == 0) & (col("code") == 0.0))
elif settings.step in ("window", "key"):
    keyed = requests.group_by("ip") if settings.step == "key" else requests
    found = keyed.window(cd.tumbling(settings.window)).agg(total=cd.count()).filter(col("total") < 0)
else:
    found = (
        requests.group_by("ip")
        .window(cd.tumbling(settings.window))
        .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
        .filter((col("total") > settings.threshold) & (col("refused") == col("total")))
    )
pipeline = cd.Pipeline("dos", found.to("files", path=settings.out, format="json"))
