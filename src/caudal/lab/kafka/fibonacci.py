"""The burst experiment's pipeline from topic to topic: five stages of recursive Fibonacci, an operator each.

It is `caudal.lab.fibonacci` with other ends. Settings: servers; given, taken: topics; functions: jit (compiled) or python (plain
Python in worker processes).
"""

import caudal as cd
from caudal import col

settings = cd.settings(servers="127.0.0.1:9092", given="in", taken="out", functions="jit")


@cd.jit
def fib(n: int) -> int:
    """Return the n-th Fibonacci number the long way."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fibonacci(n: int) -> int:
    """Return the same; undecorated, so that it calls itself as plain Python does."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


stage = {"jit": fib, "python": cd.row(fibonacci)}[settings.functions]

messages = cd.source(
    "kafka",
    topic=settings.given,
    servers=settings.servers,
    format="json",
    name="messages",
    schema=dict.fromkeys(("id", "stage1", "stage2", "stage3", "stage4", "stage5", "timestamp"), "int64"),
)
results = (
    messages.with_columns(r1=stage(col("stage1")))
    .with_columns(r2=stage(col("stage2")))
    .with_columns(r3=stage(col("stage3")))
    .with_columns(r4=stage(col("stage4")))
    .with_columns(r5=stage(col("stage5")))
    .select("id", "r1", "r2", "r3", "r4", "r5", "timestamp")
)
pipeline = cd.Pipeline("burst", results.to("kafka", topic=settings.taken, servers=settings.servers, name="results"))
