"""What a store holds: every damaged byte is found, nothing that is referred to is ever removed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from caudal.checkpoint import stock
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.manifest import decoded
from caudal.checkpoint.segments import Damaged, digest
from caudal.checkpoint.snapshots import ORPHANED, Snapshots, find
from caudal.core.errors import OptionError, RunError


@pytest.fixture
def folder(begin: Any, tmp_path: Path) -> Path:
    """A store with three commits and a savepoint, and blocks that have died in the middle of files."""
    path = tmp_path / "state"
    job = begin(DirectoryStore(str(path)))
    job.commit(3, [], whole=True)
    job.snapshots.keep(job.commit(2, [1]))
    for _ in range(3):
        job.commit(2, [0, 3, 5])
    return path


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".state"))


def test_all_is_whole(folder: Path) -> None:
    found = stock.verify(DirectoryStore(str(folder)))
    files = _files(folder)
    assert found.damaged == []
    assert found.manifests + found.files == len(files)
    assert found.bytes == sum(path.stat().st_size for path in files)
    assert found.unreferenced == 0


def test_any_damaged_byte_is_found(folder: Path) -> None:
    store = DirectoryStore(str(folder))
    for path in _files(folder):
        whole = path.read_bytes()
        # each byte of a small file; of longer ones many, the first and last among them
        places = sorted({*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1})
        for at in places:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            damaged = [each.file for each in stock.verify(store).damaged]
            assert damaged == [str(path.relative_to(folder))], at
        for data in (whole[:-1], whole + b"\n", b""):
            path.write_bytes(data)
            assert [each.file for each in stock.verify(store).damaged] == [str(path.relative_to(folder))]
        path.write_bytes(whole)
    assert stock.verify(store).damaged == []


def test_a_file_that_is_gone_is_found(folder: Path) -> None:
    for path in folder.rglob("*.state"):
        path.rename(folder / "aside")
        assert [each.file for each in stock.verify(DirectoryStore(str(folder))).damaged] == [
            str(path.relative_to(folder))
        ]
        (folder / "aside").rename(path)


def test_no_run_goes_on_from_damage(folder: Path) -> None:
    """Damage of a block that a checkpoint needs is seen by who loads it, whatever byte it is."""
    store = DirectoryStore(str(folder))
    last = find(store, "job")
    for segment in {block.segment for block in last.operators["w"].blocks.values()}:
        path = folder / segment.file
        whole = path.read_bytes()
        for at in range(segment.offset, segment.offset + segment.length, 37):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(RunError, match=f"{segment.file} .* is damaged"):
                Snapshots(store, "job", "p").load(last)
        path.write_bytes(whole)
    Snapshots(store, "job", "p").load(last)


def test_a_file_of_state_that_is_gone_is_damage(folder: Path) -> None:
    store = DirectoryStore(str(folder))
    last = find(store, "job")
    for name in {block.file for block in last.operators["w"].blocks.values()}:
        (folder / name).rename(folder / "aside")
        with pytest.raises(Damaged, match=f"{name} .* is damaged") as told:
            Snapshots(store, "job", "p").load(last)
        assert "caudal checkpoints ls" in told.value.hint
        found = {each.name: each.damage for each in stock.look(store).found}
        assert found[max(stock.last(stock.look(store)))] == f"{name} is not there"
        (folder / "aside").rename(folder / name)


def test_the_last_one_stays_so_when_it_is_damaged(folder: Path) -> None:
    store = DirectoryStore(str(folder))
    (name,) = stock.last(stock.look(store))
    (folder / name).write_bytes(b"")
    assert stock.last(stock.look(store)) == {name}


def test_nothing_that_is_referred_to_goes(folder: Path) -> None:
    store = DirectoryStore(str(folder))
    before = _files(folder)
    assert stock.collect(store).removed == []
    orphan = folder / "job" / "000000000077-abcd1234.state"
    orphan.write_bytes(b"of a job that was killed")
    (folder / "notes.state").write_text("of somebody else")
    assert stock.verify(store).unreferenced == 1
    made = stock.collect(store)
    assert (made.removed, made.bytes) == (["job/000000000077-abcd1234.state"], 24)
    assert [path for path in _files(folder) if path.name != "notes.state"] == before
    assert stock.verify(store).damaged == []
    made = stock.collect(store, savepoints=True)
    assert [name for name in made.removed if name.startswith("savepoints/")] == made.removed[:1]
    found = stock.look(store)
    assert not any(each.savepoint for each in found.found)
    assert stock.verify(store).damaged == []
    assert {each.name for each in found.states} == {name for each in found.found for name in each.manifest.files}
    assert (folder / "notes.state").exists()


def test_what_a_running_job_may_be_about_to_name_stays(folder: Path) -> None:
    job = DirectoryStore(str(folder))
    job.hold()
    young, old = (folder / "job" / f"00000000007{n}-abcd1234.state" for n in (1, 2))
    for path in (young, old):
        path.write_bytes(b"x")
    long_ago = time.time() - ORPHANED - 60
    os.utime(old, (long_ago, long_ago))
    made = stock.collect(DirectoryStore(str(folder)))
    assert [*made.removed] == [f"job/{old.name}"]
    assert [*made.kept] == [f"job/{young.name}"]
    job.close()
    assert [*stock.collect(DirectoryStore(str(folder))).removed] == [f"job/{young.name}"]


def test_where_a_manifest_cannot_be_read_nothing_is_removed(folder: Path) -> None:
    (folder / "job" / "000000000077-abcd1234.state").write_bytes(b"x")
    (folder / "job" / "000000000003.json").write_bytes(b"{}\n")
    before = _files(folder)
    with pytest.raises(RunError, match="what it names is not known"):
        stock.collect(DirectoryStore(str(folder)), savepoints=True)
    assert _files(folder) == before
    assert [each.name for each in stock.look(DirectoryStore(str(folder))).found if each.manifest is None] == [
        "job/000000000003.json"
    ]


def test_a_place_without_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    for ask in (stock.look, stock.verify, stock.collect):
        with pytest.raises(OptionError, match="no checkpoints in"):
            ask(DirectoryStore(str(tmp_path)))  # type: ignore[operator]
    assert [path.name for path in tmp_path.iterdir()] == ["package.json"]
    shutil.rmtree(tmp_path)


def test_manifests_of_version_1_are_read(begin: Any, tmp_path: Path) -> None:
    """There each block was a segment by itself: [number, file, offset, length, digest, rows]."""
    store = DirectoryStore(str(tmp_path))
    job = begin(store)
    job.commit(1, [], whole=True)
    last = job.commit(1, [])
    line, _, _ = last.encoded().partition(b"\n")
    document = json.loads(line)
    document["caudal_checkpoint"] = 1
    (stored,) = document["operators"].values()
    segments = stored.pop("segments")
    stored["blocks"] = [[number, *segments[segment]] for number, segment, _, _ in stored["blocks"]]
    text = json.dumps(document).encode()
    found = decoded(store, "old", text + b"\n" + digest(text).encode() + b"\n")
    assert found == last
    document["caudal_checkpoint"] = 3
    text = json.dumps(document).encode()
    with pytest.raises(RunError, match="is of version 3"):
        decoded(store, "new", text + b"\n" + digest(text).encode() + b"\n")
