"""Snapshots in a store: random histories of blocks against a dict, what they cost, what goes and what stays."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import SLACK, Snapshots, find
from caudal.checkpoint.store import Exists
from caudal.core.errors import CaudalError, OptionError
from caudal.ports.snapshot import OperatorState, State

KEEP = 3


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.lists(st.integers(0, 40), max_size=5),
        st.sampled_from(["go on"] * 6 + ["restart", "whole", "keep"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_any_history_is_found_again(begin: Any, memory: Any, steps: list[tuple[int, list[int], str]]) -> None:
    store = memory()
    job = begin(store)
    manifest: Manifest | None = None
    kept: list[str] = []
    for add, remove, what in steps:
        if what == "restart" and manifest is not None:
            store.files["job/000000000099-dead.state"] = b"of a job that died before its commit"
            job.snapshots = Snapshots(store, "job", "p")
            (*_, last) = job.snapshots.take_stock(0.0)
            assert last == manifest
            assert "job/000000000099-dead.state" not in store.files
            job.snapshots.load(last)
        if what == "keep" and manifest is not None:
            kept.append(job.snapshots.keep(manifest))
        manifest = job.commit(add, remove, whole=what == "whole" or manifest is None)
        job.check(store, manifest)
    assert manifest is not None
    assert find(store, "job") == manifest
    found = job.snapshots.take_stock(0.0)
    assert len(found) == min(KEEP, len(steps))
    for each in found:
        job.check(store, each)
    for id in kept:
        job.check(store, find(store, "job", id))
    named = {name for each in (*found, *(find(store, "job", id) for id in kept)) for name in each.files}
    assert {name for name in store.files if name.endswith(".state")} == named


@pytest.mark.parametrize("seed", range(3))
def test_a_store_stays_within_five_times_the_live_state(begin: Any, memory: Any, seed: int) -> None:
    """Blocks of 32 kB come and go for long, those that stay among them; three manifests are kept."""
    random_ = random.Random(seed)
    store = memory()
    job = begin(store)
    job.commit(150, [], whole=True, rows=4000)
    worst = 0.0
    for _ in range(120):
        gone = random_.sample(sorted(job.blocks), random_.choice([1, 5, 30]))
        manifest = job.commit(len(gone), gone, rows=4000)
        assert manifest.live > 3 * SLACK
        worst = max(worst, sum(map(len, store.files.values())) / manifest.live)
    job.check(store, manifest)
    assert worst < 5


def test_an_epoch_costs_what_has_changed(begin: Any, memory: Any) -> None:
    store = memory()
    job = begin(store)
    job.commit(200, [], whole=True, rows=4000)
    whole, store.written = store.written, 0
    job.commit(2, [0], rows=4000)
    assert store.written < whole / 20
    one, store.written = store.written, 0
    job.commit(4, [], rows=4000)
    assert one < store.written < 3 * one


def test_long_rows_are_compressed_and_come_back(memory: Any) -> None:
    store = memory()
    rows = pa.table(
        {"k": pa.array([f"{'long ' * 40}{i}" for i in range(500)], pa.large_string()), "n": list(range(500))}
    )
    snapshots = Snapshots(store, "job", "p")
    snapshots.commit(
        manifest := snapshots.manifest(
            snapshots.write(1, State("local", 1, "", 128, {}, {"w": OperatorState("panes", 1, {}, {0: rows})}), {}), {}
        )
    )
    assert store.written < rows.nbytes / 4
    (found,) = Snapshots(store, "job", "p").take_stock(0.0)
    assert found == manifest
    assert Snapshots(store, "job", "p").load(found).operators["w"].blocks[0].equals(rows)


def test_what_a_savepoint_needs_stays(begin: Any, tmp_path: Path) -> None:
    store = DirectoryStore(str(tmp_path))
    job = begin(store)
    first = job.commit(3, [], whole=True)
    job.snapshots.keep(first)
    for _ in range(8):
        job.commit(2, sorted(job.blocks)[:2])
    job.check(store, find(store, "job", first.id))
    assert [each.epoch for each in Snapshots(store, "job", "p").take_stock(0.0)] == [7, 8, 9]
    assert find(store, "job", "") == find(store, "job", f"9-{find(store, 'job').id.partition('-')[2]}")
    with pytest.raises(OptionError, match="no checkpoint 1-00"):
        find(store, "job", "1-00")


def test_two_jobs_meet_at_the_commit(begin: Any, memory: Any) -> None:
    store = memory()
    one, other = begin(store), begin(store)
    one.commit(1, [], whole=True)
    with pytest.raises(Exists):
        other.commit(1, [], whole=True)


def test_a_damaged_manifest_beside_the_wanted_one_does_no_harm(begin: Any, tmp_path: Path) -> None:
    store = DirectoryStore(str(tmp_path))
    job = begin(store)
    made = [job.commit(1, [], whole=n == 0) for n in range(3)]
    (tmp_path / "job" / "000000000003.json").write_bytes(b"{}")
    assert find(store, "job", made[1].id) == made[1]
    with pytest.raises(CaudalError, match=r"000000000003\.json .* is damaged"):
        find(store, "job")
