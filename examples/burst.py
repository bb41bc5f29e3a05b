"""Five stages of recursive Fibonacci over JSON messages, an operator each: the burst experiment as a pipeline of files.

    caudal run examples/burst.py --set path=messages.jsonl
    caudal run examples/burst.py --set path=messages.jsonl --set functions=python --threads 2

A message is {"id": 0, "stage1": 10, "stage2": 20, "stage3": 30, "stage4": 20, "stage5": 10, "timestamp": 0}; a result
holds its id, the five values r1 to r5, and its timestamp. functions: jit (compiled) or python (plain Python in worker
processes). `caudal lab burst` measures it: see docs/how-to/burst.md.
"""

import caudal as cd
from caudal import col

settings = cd.settings(path="messages.jsonl", out="results.jsonl", functions="jit")


@cd.jit
def fib(n: int) -> int:
    """Return the n-th Fibonacci number the long way."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fibonacci(n: int) -> int:
    """Return the same; undecorated, so that it calls itself as plain Python does."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


stage = {"jit": fib, "python": cd.row(fibonacci)}[settings.functions]

messages = cd.source(
    "files",
    path=settings.path,
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
pipeline = cd.Pipeline("burst", results.to("files", path=settings.out, format="json", name="results"))
