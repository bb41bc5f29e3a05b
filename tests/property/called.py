"""The functions that random pipelines call. None depends on rows beside its own; some raise for some values.

They are few, since each compiled one costs a second on a first run, and compiled and plain Python must agree on them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

import caudal as cd


@cd.jit
def inverse(n: int) -> float:
    return 1.0 / n


@cd.jit
def wrapped(n: int, x: float) -> int:
    if x > 0.5:
        return n * 3 + 1
    return n - 2


@cd.jit(nulls="pass")
def known(n: int, b: bool) -> bool:
    return n is not None or b is not None


@cd.batch(returns="float64")
def halved(x: Any, n: Any) -> Any:
    return x / 2 + n


@cd.batch(returns="int64", nulls="pass")
def size(k: Any) -> Any:
    if "aa" in k.to_list():
        raise ValueError("aa")
    return k.str.len_bytes().cast(pl.Int64)


@cd.batch
def changed(frame: Any) -> Any:
    n, b = frame["n"], frame["b"]
    if 7 in n.to_list():
        raise ValueError("seven")
    return pl.DataFrame({"k": frame["k"], "t": frame["t"], "n": n + 1, "x": frame["x"] * 2, "g": frame["g"], "b": ~b})


@cd.batch
def twins(frame: Any) -> Any:
    """One row for a row without b, two for a true one, none for a false one."""
    if -8 in frame["n"].to_list():
        raise ValueError("minus eight")
    times = [1 if b is None else 2 * b for b in frame["b"]]
    owner = [row for row, count in enumerate(times) for _ in range(count)]
    factor = pl.Series([3 if i and owner[i - 1] == row else 1 for i, row in enumerate(owner)], dtype=pl.Int64)
    made = [column.gather(owner) for column in frame]
    return pl.DataFrame([column * factor if column.name == "n" else column for column in made])


@cd.batch
def places(frame: Any) -> Any:
    """The rows of a window, numbered; what was added up before each."""
    if 7 in frame["n"].to_list():
        raise ValueError("seven")
    kept = [place for place in range(frame.height) if place != 1]
    columns = {
        "place": pl.Series(range(frame.height), dtype=pl.Int64),
        "before": frame["g"].fill_null(0).cum_sum(),
        "span": frame["window_end"] - frame["window_start"],
        "name": frame["k"],
    }
    return pl.DataFrame({name: column.gather(kept) for name, column in columns.items()})


@cd.batch
def met(left: Any, right: Any) -> Any:
    """How many rows of both sides there are, and the first and last of them."""
    if 7 in right["n"].to_list():
        raise ValueError("seven")
    firsts = [*left["g"].to_list()[:1], *right["x"].to_list()[-1:]]
    return pl.DataFrame(
        {
            "lefts": pl.Series([left.height] * len(firsts), dtype=pl.Int64),
            "rights": pl.Series([right.height] * len(firsts), dtype=pl.Int64),
            "first": pl.Series(firsts, dtype=pl.Float64, strict=False),
            "span": pl.concat([left["window_end"], right["window_end"]]).head(len(firsts)),
        }
    )


@cd.jit
def steep(n: Any, x: Any) -> Any:
    kept = x > 0.0
    if kept.sum() == 3:
        raise ValueError("three")
    return n[kept] + 1, x[kept]


@cd.row
def shown(k: str, n: int) -> str | None:
    if n == 7:
        raise ValueError("seven")
    return None if n == 1 else f"{k}:{n}"


def anew(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "n": row["n"] // 2 if row["b"] else 0}


def several(row: dict[str, Any]) -> Any:
    for i in range((row["g"] or 0) % 3):
        yield {"k": row["k"], "n": i, "x": row["x"], "g": 1 // (row["g"] - 1) if row["b"] else 5}


def largest(frame: Any) -> Any:
    if frame.height == 2:
        raise ValueError("two")
    return frame.filter(pl.col("n") == pl.col("n").max()).select(most="n", at="t")


def folded(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    if row["n"] == 7:
        raise ValueError("seven")
    if state is None:
        return {"total": row["g"], "name": row["k"]}
    return {"total": ((state["total"] or 0) * 2 + (row["g"] or 0)) % 1000, "name": row["k"] or state["name"]}


def walked(state: dict[str, Any], rows: list[dict[str, Any]], timers: Any) -> Any:
    for row in rows:
        if row["n"] == 7:
            raise ValueError("seven")
        state["total"] = ((state["total"] or 0) * 2 + (row["g"] or 0)) % 1000
        timers.set(row["t"] + (row["g"] or 0) * 500, row["k"] or "")
        if row["b"] is None:
            timers.cancel()
        yield from [{"name": row["k"], "total": state["total"]}] * (row["b"] is True)
    for name in timers.due:
        if state["total"] == 2:
            raise ValueError("two")
        yield {"name": name, "total": state["total"], "next": timers.get("a")}
        if name == "aa":
            timers.set(timers.now + timedelta(milliseconds=900), "later")
        if name == "later":
            state.clear()


@cd.batch
def counted(frame: Any) -> Any:
    present = [g for g in frame["g"] if g is not None]
    return pl.DataFrame({"c": [frame.height], "total": pl.Series([sum(present) if present else None], dtype=pl.Int64)})
