"""Port scans in Zeek's connection log (JSON): one host tries many ports of others within a minute.

    caudal run examples/port_scan.py --set path=conn.log

Zeek writes a connection when it ends and stamps it with its start, hence the disorder. The dot in `id.orig_h` is part
of the name.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="conn.log", out="scans.jsonl", ports=50, window="1m", disorder="6m")

connections = cd.source(
    "files",
    path=settings.path,
    format="json",
    event_time="ts",
    disorder=settings.disorder,
    schema={
        "ts": "float64",
        "id.orig_h": "string",
        "id.resp_h": "string",
        "id.resp_p": "int64",
        "conn_state": "string",
    },
)
scans = (
    connections.group_by(scanner=col("id.orig_h").ip.canonical())
    .window(cd.tumbling(settings.window))
    .agg(
        connections=cd.count(),
        ports=cd.count_distinct("id.resp_p"),
        hosts=cd.count_distinct(col("id.resp_h").ip.canonical()),
        unanswered=cd.count_if(col("conn_state").is_in(["S0", "REJ"])),
    )
    .filter(col("ports") > settings.ports)
)
pipeline = cd.Pipeline("port-scan", scans.to("files", path=settings.out, format="json"))
