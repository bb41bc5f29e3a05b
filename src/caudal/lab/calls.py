"""The pipeline that prices a call: rows {"id": 0, "n": 10}, one column computed by one kind of function.

Settings: path, out: files of JSON lines; kind: none (no column: what reading and writing cost), expression, jit, batch,
row (each adds one), or fibonacci (plain Python that works for some time).
"""

import polars as pl

import caudal as cd
from caudal import col

settings = cd.settings(path="rows.jsonl", out="values.jsonl", kind="jit")


@cd.jit
def compiled(n: int) -> int:
    """Add one."""
    return n + 1


@cd.batch(returns="int64")
def columns(n: pl.Series) -> pl.Series:
    """Add one to each."""
    return n + 1


@cd.row
def plain(n: int) -> int:
    """Add one."""
    return n + 1


def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number the long way."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


value = {
    "none": col("n"),
    "expression": col("n") + 1,
    "jit": compiled(col("n")),
    "batch": columns(col("n")),
    "row": plain(col("n")),
    "fibonacci": cd.row(fibonacci)(col("n")),
}[settings.kind]

rows = cd.source("files", path=settings.path, format="json", name="rows", schema={"id": "int64", "n": "int64"})
pipeline = cd.Pipeline("calls", rows.select("id", y=value).to("files", path=settings.out, format="json", name="values"))
