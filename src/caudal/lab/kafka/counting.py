"""The pipeline of the failure experiment: each message comes out again, with how many of its key there were so far.

A count that is wrong tells of state that was lost or applied twice. `shared`: state is kept by partition, so that workers of a group
share the topic; else one worker reads all partitions by itself.
"""

import caudal as cd

settings = cd.settings(servers="127.0.0.1:9092", given="in", taken="out", shared=True)
messages = cd.source(
    "kafka",
    topic=settings.given,
    servers=settings.servers,
    format="json",
    name="messages",
    event_time="t",
    schema={"id": "int64", "key": "string", "t": "timestamp"},
    **({"partitioned_by": "key"} if settings.shared else {}),
)
counted = messages.group_by("key").running(n=cd.count()).select("id", "n")
pipeline = cd.Pipeline("failure", counted.to("kafka", topic=settings.taken, servers=settings.servers, name="results"))
