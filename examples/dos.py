"""The first pipeline: more than `threshold` requests of one address within three seconds, all of them refused.

    caudal run examples/dos.py --set path=access.jsonl

Input: JSON lines with `ip`, `timestamp` (milliseconds) and `code`. The shipped detection `dos` does the same for any
log, with more settings: `caudal detections dos`.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="logs/*.jsonl", out="alerts.jsonl", threshold=30)

requests = cd.source(
    "files",
    path=settings.path,
    format="json",
    event_time="timestamp",
    disorder="500ms",
    schema={"ip": "string", "timestamp": "int64", "code": "float64"},
)
alerts = (
    requests.group_by(ip=col("ip").ip.canonical())  # one client, however it is spelt
    .window(cd.tumbling("3s"))
    .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
    .filter((col("total") > settings.threshold) & (col("refused") == col("total")))
)
pipeline = cd.Pipeline("dos", alerts.to("files", path=settings.out, format="json"))
