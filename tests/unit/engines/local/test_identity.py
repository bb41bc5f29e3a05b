"""The identity of a row does not depend on threads, morsels or files read beside it; two rows never share one."""

import json
import random
from pathlib import Path

import pytest

import caudal as cd
from caudal.runner import Job


def _run(folder: Path, extra: dict, threads: int) -> tuple[list[dict], list[dict]]:
    source = cd.source(
        "files",
        path=str(folder / "in"),
        format="json",
        event_time="t",
        schema={"t": "int64", "k": "string"},
        disorder="1s",
    )
    windows, rows = folder / "windows.jsonl", folder / "rows.jsonl"
    counted = source.group_by("k").window(cd.hopping("10s", every="5s")).agg(n=cd.count()).filter("n > 1")
    plan = cd.Pipeline(
        "p",
        counted.select("n").to("files", path=str(windows), format="json", identity="id"),
        source.filter("k = 'a'").to("files", path=str(rows), format="json", identity="id"),
    )
    Job(plan, threads=threads, extra=extra, late="discard", dead="discard").run()
    return _lines(windows), _lines(rows)


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = random.Random(5)
    (tmp_path / "in").mkdir()
    for part in ("a.jsonl", "b.jsonl"):
        lines = [
            json.dumps({"t": i * 400 + rng.randint(0, 900), "k": rng.choice(["a", "b", None])}) for i in range(300)
        ]
        (tmp_path / "in" / part).write_text("\n".join(lines) + "\n")
    return tmp_path


def test_identity_is_stable_and_unique(folder: Path):
    windows, rows = _run(folder, {}, 1)
    assert len({r["id"] for r in windows}) == len(windows) > 50
    assert len({r["id"] for r in rows}) == len(rows) > 100
    assert all(set(r) == {"n", "id"} for r in windows)
    for seed in range(3):
        extra = {"morsel_rows": 1 + seed * 3, "read_bytes": 200 + seed * 90, "shuffle": random.Random(seed)}
        again = _run(folder, extra, 1 + seed)
        assert sorted(map(str, again[0])) == sorted(map(str, windows))
        assert sorted(map(str, again[1])) == sorted(map(str, rows))


def test_results_of_one_place_are_told_apart(folder: Path):
    path = str(folder / "in" / "a.jsonl")
    schema = {"t": "int64", "k": "string"}
    source = cd.source("files", path=path, format="json", event_time="t", schema=schema, disorder="1s")
    made = source.join(source, "k", within="1s", how="left")
    out = folder / "pairs.jsonl"
    plan = cd.Pipeline("p", made.to("files", path=str(out), format="json", identity="id"))
    found = []
    for extra in ({}, {"morsel_rows": 1, "read_bytes": 200}):
        Job(plan, threads=1, extra=extra, late="discard", dead="discard").run()
        found.append(_lines(out))
    assert len(found[0]) > 300
    assert len({row["id"] for row in found[0]}) == len(found[0])
    assert sorted(map(str, found[1])) == sorted(map(str, found[0]))


def test_identity_must_not_take_a_name_that_is_there(folder: Path):
    source = cd.source("files", path=str(folder / "in"), format="json", schema={"k": "string"})
    with pytest.raises(cd.PlanError, match="duplicate column 'k'"):
        source.to("console", identity="k")
