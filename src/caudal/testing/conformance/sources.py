"""What every source keeps, whatever it reads from: see `caudal.ports.source`."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from caudal.core.naming import natural_key
from caudal.core.types import Schema
from caudal.ports.records import PADDING, Block, Decoded
from caudal.ports.source import End, Nothing

SCHEMA = Schema.of({"n": "int64", "text": "string"})
PARTITIONS = {"a.9": list(range(40)), "a.10": list(range(100, 117)), "sub/empty": [], "z": [7]}
SIZES = [1, 30, 100, 1 << 20]


def numbers(part: Block | Decoded) -> list[int]:
    """The records of a part, decoded by the plainest means."""
    if isinstance(part, Decoded):
        return part.columns["n"].to_list()
    return [json.loads(line)["n"] for line in bytes(part.data[part.start : part.stop]).splitlines()]


def read_all(partition: Any, size: int) -> tuple[list[int], list[int]]:
    """Return all records, and the positions from which one can read on, first to last."""
    found: list[int] = []
    ends = []
    while not isinstance(part := partition.read(size), End | Nothing):
        assert not part.dead
        found += numbers(part)
        ends.append(part.end if isinstance(part, Block) else int(part.position[-1]) + 1)
    assert isinstance(part, Nothing if partition.live else End)
    assert part.position < 0 or part.position >= max(ends, default=0), "behind all that it has brought"
    assert part in (Nothing(position=part.position), End(position=part.position))
    assert partition.read(size) == part, "the end stays"
    return found, ends


def record(n: int) -> dict[str, Any]:
    """Return the record of a number; a source of lines has it as JSON."""
    return {"n": n, "text": "x" * (n % 7)}


class Patient:
    """A bounded partition that has nothing now and then (a thread, or a broker, feeds it): asked until it has something, or ends."""

    live = False

    def __init__(self, partition: Any) -> None:
        self._partition = partition

    def read(self, size: int) -> Any:
        """Return what it has next."""
        while isinstance(part := self._partition.read(size), Nothing):
            os.sched_yield()
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partition, name)


class SourceCase:
    """How the suite makes a source of one connector. Subclass it.

    `ordered_names`: partitions are called as they are given, with `suffix` behind. `live`: it says that it is live.
    `every_end`: whether it is read on from each end of what was read; from four of them where opening takes its time.
    """

    ordered_names: ClassVar[bool] = True
    suffix: ClassVar[str] = ""
    live: ClassVar[bool] = False
    every_end: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        """`folder`: one to write to, of this test's own."""
        self.folder = folder

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        """Return a source over `SCHEMA` with these partitions: the numbers of each one's records (see `record`)."""
        raise NotImplementedError


class SourceSuite:
    """The tests. `case` is the case to run them over."""

    case: ClassVar[type[SourceCase]]

    def setup_method(self) -> None:
        """Open a folder for the test."""
        self._folder = Path(tempfile.mkdtemp(prefix="caudal-source-"))
        self._case = self.case(self._folder)

    def teardown_method(self) -> None:
        """Remove it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, partitions: Mapping[str, list[int]]) -> Any:
        return self._case.open(partitions)

    def test_every_record_comes_once_and_in_order(self) -> None:
        """Every record comes once, in order, however much is asked for at once."""
        for size in SIZES:
            self._every_record_comes_once_and_in_order(size)

    def _every_record_comes_once_and_in_order(self, size: int) -> None:
        source = self._open(PARTITIONS)
        found = [read_all(partition, size)[0] for partition in source.partitions()]
        assert found == list(PARTITIONS.values())
        source.close()

    def test_names_are_unique_and_in_natural_order(self) -> None:
        """Partitions have names of their own, in natural order."""
        source = self._open(PARTITIONS)
        names = [partition.name for partition in source.partitions()]
        assert len(set(names)) == len(PARTITIONS)
        assert names == sorted(names, key=natural_key)
        if self._case.ordered_names:
            suffix = self._case.suffix
            assert names == [name + suffix for name in PARTITIONS]
        source.close()

    def test_reading_on_from_any_end_gives_the_rest(self) -> None:
        """Whoever seeks an end of what was read gets what stands behind it, and nothing else."""
        for size in SIZES:
            self._reading_on_from_any_end_gives_the_rest(size)

    def _reading_on_from_any_end_gives_the_rest(self, size: int) -> None:
        source = self._open(PARTITIONS)
        whole, ends = read_all(source.partitions()[0], size)
        source.close()
        for end in [0, *(ends if self._case.every_end else [*ends[:2], *ends[-2:]])]:
            again = self._open(PARTITIONS)
            partition = again.partitions()[0]
            partition.seek(end)
            partition.head()
            rest, _ = read_all(partition, size)
            done = 0 if end == 0 else len(whole) - len(rest)
            assert rest == whole[done:]
            assert (end == 0) == (len(rest) == len(whole))
            partition.seek(end)
            assert read_all(partition, 50)[0] == rest, "a seek back on the same partition"
            again.close()

    def test_positions_rise_and_parts_follow_one_another(self) -> None:
        """Positions rise; what is read next begins where the last part ended."""
        source = self._open(PARTITIONS)
        partition = source.partitions()[0]
        at = 0
        while not isinstance(part := partition.read(100), End | Nothing):
            if isinstance(part, Block):
                if part.messages is None:
                    assert part.position == at
                    assert part.end == at + part.stop - part.start
                else:
                    offsets = part.messages.offset.tolist()
                    assert part.position == offsets[0] >= at
                    assert offsets == sorted(set(offsets))
                    assert part.end > offsets[-1]
                    assert part.messages.start[0] == part.start
                at = part.end
            else:
                assert part.position.dtype == np.int64
                assert part.position.tolist() == list(range(at, at + part.rows))
                assert all(len(column) == part.rows for column in part.columns.values())
                at += part.rows
        assert at > 0
        source.close()

    def test_blocks_are_padded_whole_lines_with_a_time(self) -> None:
        """A block holds whole lines, with room to read behind them, and says when it was read."""
        source = self._open(PARTITIONS)
        for partition in source.partitions():
            while isinstance(part := partition.read(64), Block):
                assert len(part.data) - part.stop >= PADDING
                assert bytes(part.data[part.stop - 1 : part.stop]) == b"\n"
                assert part.read_at > 1_600_000_000_000
        source.close()

    def test_the_head_is_the_beginning_and_moves_nothing(self) -> None:
        """The head is what the partition begins with; to look at it moves nothing."""
        source = self._open(PARTITIONS)
        for partition, expected in zip(source.partitions(), PARTITIONS.values()):
            before = partition.head()
            assert read_all(partition, 64)[0] == expected
            if not before:
                continue
            lines = before.splitlines()
            assert [json.loads(line)["n"] for line in lines] == expected
        source.close()

    def test_what_is_held_stays_as_it_was(self) -> None:
        """What was read stays as it was, however much is read after it."""
        source = self._open({"a": list(range(3000))})
        partition = source.partitions()[0]
        held = []
        while not isinstance(part := partition.read(500), End | Nothing):
            held.append((part, numbers(part)))
        assert [numbers(part) for part, _ in held] == [seen for _, seen in held]
        source.close()

    def test_partitions_are_read_by_threads_of_their_own(self) -> None:
        """Partitions may be read at the same time."""
        given = {f"p{i}": list(range(i * 1000, i * 1000 + 500)) for i in range(6)}
        source = self._open(given)
        partitions = source.partitions()
        found: list[list[int]] = [[] for _ in partitions]

        def work(i: int) -> None:
            found[i] = read_all(partitions[i], 200)[0]

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(partitions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == list(given.values())
        source.close()

    def test_another_run_goes_on_with_what_a_source_remembers(self) -> None:
        """What a source remembers is plain values; a source that takes it up has the same partitions, each where it stood."""
        source: Any = self._open(PARTITIONS)
        if not hasattr(source, "recall"):
            source.close()
            return
        read: dict[str, list[int]] = {}
        positions: dict[str, int] = {}
        for partition in source.partitions():
            part = partition.read(100)
            read[partition.name] = numbers(part) if isinstance(part, Block) else []
            positions[partition.name] = part.end if isinstance(part, Block) else partition.start
        memory = json.loads(json.dumps(source.memory()))
        source.close()
        again: Any = self._open(PARTITIONS)
        again.recall(memory, positions)
        assert [partition.name for partition in again.partitions()] == list(positions)
        for partition, expected in zip(again.partitions(), PARTITIONS.values()):
            partition.seek(positions[partition.name])
            partition.head()
            assert read[partition.name] + read_all(partition, 100)[0] == expected
        again.close()

    def test_nothing_is_discovered_where_nothing_appears(self) -> None:
        """Nothing is assigned or revoked where nothing changes."""
        source = self._open(PARTITIONS)
        assert list(source.changes()) == []
        assert source.live == self._case.live
        source.close()

    def test_closing_twice_is_closing_once(self) -> None:
        """Partitions and source may be closed again."""
        source = self._open(PARTITIONS)
        for partition in source.partitions():
            partition.read(10)
            partition.close()
            partition.close()
        source.close()
        source.close()
