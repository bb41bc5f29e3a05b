"""Results that come in pieces: the same rows, in the same order, with the same identities, and never many at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import caudal as cd
from caudal.core.errors import RunError
from caudal.engines.local.operator_tasks import Flow, Ticket
from caudal.engines.local.ordered import pieces, stepping
from caudal.engines.local.ordered.pieces import Share, cut
from caudal.plan.nodes.join import HOW
from caudal.runner import Job
from caudal.testing.harness import Started
from caudal.worker.steps.contract import Several

SCHEMA = {"t": "int64", "k": "string", "x": "int64", "text": "string"}


def several(counts: list[int], sizes: dict[tuple[int, int], int]) -> Several:
    """Return results of which each is (row of the call, number)."""

    def columns(rows: Any, nth: Any) -> list[Any]:
        assert ((nth >= 0) & (nth < np.array(counts)[rows])).all()
        return [pa.array(rows), pa.array(nth)]

    def weights(rows: Any, nth: Any) -> Any:
        return np.array([sizes[each] for each in zip(rows.tolist(), nth.tolist(), strict=True)], np.int64)

    return Several(np.array(counts, np.int64), columns, weights, lambda: max(sizes.values(), default=0))


@pytest.mark.parametrize("seed", range(20))
def test_pieces_are_all_results_in_the_order_of_rows_whoever_has_them(seed: int) -> None:
    dice = random.Random(seed)
    count, most, room = dice.randint(1, 12), dice.randint(1, 9), dice.choice([1, 10, 1000])
    order = dice.sample(range(count), count)
    at = dice.randint(0, count)
    shares, made, taken = [], {}, {}
    for rows in (order[:at], order[at:]) if dice.random() < 0.7 else (order,):
        counts = [dice.choice([0, 0, 1, 3, 20]) for _ in rows]
        sizes = {(i, n): dice.choice([0, 1, 5, 40]) for i, c in enumerate(counts) for n in range(c)}
        shares.append(Share(np.array(rows, np.int64), several(counts, sizes)))
        for i, (row, c) in enumerate(zip(rows, counts, strict=True)):
            made[row] = [(row, n, i, n) for n in range(c)]
            taken.update({(row, n): sizes[i, n] for n in range(c)})
    wanted = [result for row in range(count) for result in made[row]]
    got: list[tuple[int, ...]] = []
    for piece in cut(shares, count, most, room):
        columns = [column.to_pylist() for column in piece.columns]
        results = [*zip(piece.rows.tolist(), piece.nth.tolist(), *columns, strict=True)]
        assert 1 <= len(results) <= most
        assert sum(taken[row, n] for row, n, *_ in results[1:]) <= 2 * room
        got += results
        assert piece.next == (None if len(got) == len(wanted) else wanted[len(got)][0])
    assert got == wanted


def rows_of(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Return rows of few keys and times, so that many have one place."""
    texts = ["", "a", "b" * 30, None]
    return [
        {"t": t, "k": dice.choice(["a", "b", None]), "x": i, "text": dice.choice(texts)}
        for i, t in enumerate(sorted(dice.choices(range(60), k=count)))
    ]


def joined(folder: Path, how: str, dice: random.Random) -> Any:
    for name in ("left", "right"):
        rows = rows_of(dice, 70)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sides = [
        cd.source("files", path=str(folder / f"{n}.jsonl"), format="json", event_time="t", schema=SCHEMA)
        for n in ("left", "right")
    ]
    return sides[0].join(sides[1], "k", within=("-9ms", "4ms"), how=how, name="pairs")


@pytest.mark.parametrize("how", HOW)
def test_pairs_are_the_same_whatever_the_sizes_of_pieces(how: str, tmp_path: Path, monkeypatch: Any) -> None:
    dice = random.Random(how)
    pairs = joined(tmp_path, how, dice)
    window = pairs.group_by("k").window(cd.tumbling("20ms"))
    slow = pairs.map(lambda row: {"y": row["x"]}, schema={"y": "int64"})
    paths = {name: tmp_path / f"{name}.jsonl" for name in ("pairs", "windows", "lags", "slow")}
    ends = {
        "pairs": pairs,
        "windows": window.agg(all=cd.collect("x"), first=cd.first("x"), last=cd.last("text")),
        "lags": pairs.group_by("k").lag("x", into="before"),
        "slow": slow,
    }
    to = {"format": "json", "identity": "id"}
    plan = cd.Pipeline("p", *(ends[name].to("files", path=str(path), **to) for name, path in paths.items()))

    def run(**extra: Any) -> dict[str, list[Any]]:
        Job(plan, threads=extra.pop("threads"), extra=extra, late="discard", dead="discard").run()
        return {name: [json.loads(line) for line in path.read_text().splitlines()] for name, path in paths.items()}

    wanted = run(threads=1)
    assert len(wanted["pairs"]) > 20
    assert len({row["id"] for row in wanted["pairs"]}) == len(wanted["pairs"])
    for most, room, ways in (
        (3, 1 << 25, {"threads": 1}),
        (1, 1 << 25, {"threads": 2}),
        (50, 40, {"threads": 3, "shuffle": random.Random(1), "shards": 4, "fold_rows": 1}),
        (7, 1 << 25, {"threads": 2, "read_bytes": 300, "morsel_rows": 2, "shuffle": random.Random(2)}),
    ):
        monkeypatch.setattr(pieces, "ROWS", most)
        monkeypatch.setattr(pieces, "BYTES", room)
        got = run(**ways)
        for name, rows in wanted.items():
            assert got[name] == rows, (name, most)


def test_a_cut_within_a_flood_of_pairs_has_all_of_them_behind_it_or_before(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pieces, "ROWS", 2)
    pairs = joined(tmp_path, "full", random.Random(7))
    plan = cd.Pipeline("p", pairs.to("console", name="out"))
    wanted = [str(row) for row in Started(plan, threads=2).run().rows["out"]]
    for number in range(1, 12, 3):
        whole = Started(plan, threads=2, read_bytes=500)
        reached = threading.Event()
        reads = iter(range(1 << 20))
        deliver = whole.execution.job.entry.deliver

        def counted(given: Any, *rest: Any, deliver: Any = deliver, reached: Any = reached, reads: Any = reads) -> Any:
            if next(reads) == number:  # noqa: B023
                reached.set()
            return deliver(given, *rest)

        whole.execution.job.entry.deliver = counted
        runs = threading.Thread(target=whole.run)
        runs.start()
        assert reached.wait(60)
        before: list[str] = []
        state = whole.execution.snapshot(at=lambda w=whole, b=before: b.extend(map(str, w.rows["out"])))
        runs.join()
        again = Started(plan, threads=2, read_bytes=500)
        again.execution.resume(state)
        assert before + [str(row) for row in again.run().rows["out"]] == wanted


def test_no_more_pieces_are_under_way_than_may_be() -> None:
    held: list[Ticket] = []
    called: list[int] = []

    def send(ticket: Ticket) -> None:
        ticket.hold()
        held.append(ticket)

    flow = Flow(iter([send] * 7), 3, lambda: called.append(len(held)))
    assert not flow.run()
    assert len(held) == 3
    held[0].release()
    assert called == [3]
    assert not flow.run()
    assert len(held) == 4
    for ticket in held[1:4]:
        ticket.release()
    assert called == [3, 4]  # once is enough, however many land
    assert not flow.run()
    assert len(held) == 7
    held[4].release()
    assert flow.run()


FLOOD = """
import resource, sys
import numpy as np, polars as pl
import caudal as cd
how, schema = sys.argv[1], {"t": "int64", "k": "int64", "x": "int64"}
def side(rows):
    frame = pl.DataFrame({"t": np.arange(rows), "k": np.zeros(rows, np.int64), "x": np.arange(rows)})
    return cd.source("memory", rows=frame, schema=schema, event_time="t")
def pairs(rows):
    made = side(rows).join(side(rows), "k", how=how, **{sys.argv[2]: "1h" if sys.argv[2] == "within" else cd.tumbling("1h")})
    made = made.window(cd.tumbling("1h")).agg(n=cd.count())
    return sum(made.collect(threads=2)["n"].to_list())
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
pairs(300)
before = memory()
print(pairs(3000), memory() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("how", "by"), [("inner", "within"), ("full", "within"), ("left", "window")])
def test_memory_is_flat_however_many_pairs_there_are(how: str, by: str) -> None:
    given = [sys.executable, "-c", FLOOD, how, by]
    said = subprocess.run(given, check=True, capture_output=True, text=True).stdout.split()
    assert int(said[0]) == 9_000_000
    assert int(said[1]) < 300  # MB; all pairs at once are 1,300


def test_what_is_kept_of_a_key_is_named_where_it_is_too_much() -> None:
    schema = {"t": "int64", "k": "string", "x": "int64"}
    rows = [{"t": i, "k": "heavy" if i % 5 else f"light {i}", "x": i} for i in range(20_000)]
    many = cd.source("memory", rows=rows, schema=schema, event_time="t")
    few = cd.source("memory", rows=rows[::1000], schema=schema, event_time="t")
    plan = cd.Pipeline("p", many.join(few, "k", within="1h", name="pairs").to("console", name="out"))
    with pytest.raises(RunError, match="more than max_state=1,000,000") as caught:
        Started(plan, tuning={"max_state": 1_000_000}, morsel_rows=500, read_bytes=10_000).run()
    assert caught.value.location == "pairs"
    kept = int(caught.value.detail.split("largest keys: heavy (")[1].split()[0])
    assert 2000 < kept < 20_000  # rows that are kept, not keys
    assert "intervals" in caught.value.hint
    assert Started(plan, morsel_rows=500).run().rows["out"]


def test_more_text_than_a_step_can_take_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(stepping, "TEXT", 5000)
    schema = {"t": "int64", "k": "string", "x": "string"}
    rows = [{"t": i, "k": "heavy", "x": "x" * 100} for i in range(200)]
    side = cd.source("memory", rows=rows, schema=schema, event_time="t")
    plan = cd.Pipeline("p", side.join(side, "k", within="1h", name="pairs").to("console", name="out"))
    with pytest.raises(RunError, match="more than 5,000 bytes in a column") as caught:
        Started(plan, morsel_rows=20, read_bytes=1000).run()
    assert caught.value.location == "pairs"
    assert caught.value.detail.startswith("the largest key: heavy (")
