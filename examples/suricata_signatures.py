"""Which signatures Suricata raised, how often and from how many sources, in hopping windows over its EVE log.

    caudal run examples/suricata_signatures.py --set path=eve.json

Shows nested fields: a struct with `.field(...)`, and a field taken from where it lies with `path=`.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="eve.json", severity=2, disorder="1m")

events = cd.source(
    "files",
    path=settings.path,
    format="json",
    event_time="timestamp",
    disorder=settings.disorder,
    schema={
        "timestamp": "timestamp",
        "event_type": "string",
        "src_ip": "string",
        "alert": {"signature": "string", "severity": "int64"},
        "server": cd.field("string", path=["tls", "sni"]),
    },
)
signatures = (
    events.filter((col("event_type") == "alert") & (col("alert").field("severity") <= settings.severity))
    .group_by(signature=col("alert").field("signature"))
    .window(cd.hopping("1h", every="15m"))
    .agg(alerts=cd.count(), sources=cd.count_distinct(col("src_ip").ip.canonical()), servers=cd.collect("server"))
)
pipeline = cd.Pipeline("signatures", signatures.to("console"))
