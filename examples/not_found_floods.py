"""Sessions of clients that ask for what is not there: vulnerability scanners in an access log.

    caudal run examples/not_found_floods.py --set path='logs/access.log*'

A session is a run of requests that are at most `gap` apart. Late rows, and records that could not be read, get files
of their own beside the output; here the late ones are wired by hand.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="access.log", out="floods.csv", misses=20, gap="30s", disorder="2s")

sessions = (
    cd.source("files", path=settings.path, format="combined", event_time="timestamp", disorder=settings.disorder)
    .filter("status BETWEEN 400 AND 499")
    .group_by(ip=col("ip").ip.canonical())
    .window(cd.session(settings.gap))
    .agg(misses=cd.count(), paths=cd.count_distinct("path"), first=cd.first("path"), last=cd.last("path"))
)
floods = sessions.filter(col("misses") > settings.misses)
pipeline = cd.Pipeline(
    "not-found-floods",
    floods.to("files", path=settings.out, format="csv"),
    sessions.late().to("files", path="late.jsonl", format="json"),
)
