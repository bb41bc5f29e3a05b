"""Cutting blocks where records begin: parts put together are the block, and a convict is a dead letter in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import caudal as cd
from caudal.columnar.column import from_list
from caudal.core.types import DataType
from caudal.ingest import cutting
from caudal.ports.records import PADDING, Block, Convict, Dead, Decoded, Messages
from caudal.runner import drive

INT = DataType("int64")


def lines(texts: Sequence[bytes], position: int = 0) -> Block:
    data = b"".join(text + b"\n" for text in texts)
    padded = np.zeros(7 + len(data) + PADDING, np.uint8)
    padded[7 : 7 + len(data)] = np.frombuffer(data, np.uint8)
    return Block(padded, 7, 7 + len(data), position, position + len(data))


def messages(texts: Sequence[bytes], offsets: Sequence[int]) -> Block:
    block = lines(texts, offsets[0])
    sizes = np.array([0, *(len(text) + 1 for text in texts)], np.int64)
    starts = 7 + np.cumsum(sizes)[:-1]
    keys = from_list(list(offsets), INT)
    block.messages = Messages(starts, np.array(offsets, np.int64), {"key": keys}, stamp=np.array(offsets, np.int64))
    block.end = offsets[-1] + 1
    return block


def told(got: Block | Decoded) -> list[tuple[int, bytes]]:
    """Return the records of a block with their positions, as `Block.record` has them."""
    assert isinstance(got, Block)
    if got.messages is not None:
        assert list(got.messages.columns["key"].to_list()) == got.messages.offset.tolist()
        return [(at, got.record(at, 1000)) for at in got.messages.offset.tolist()]
    out: list[tuple[int, bytes]] = []
    at = got.position
    for line in got.data[got.start : got.stop].tobytes().splitlines(keepends=True):
        out.append((at, got.record(at, 1000)))
        at += len(line)
    return out


TEXTS = st.lists(
    st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b"")), min_size=1, max_size=12
)


@given(TEXTS, st.integers(1, 40), st.booleans())
def test_pieces_put_together_are_the_block(texts: list[bytes], size: int, by_offset: bool) -> None:
    block = messages(texts, [3 + 2 * n for n in range(len(texts))]) if by_offset else lines(texts, 1000)
    found: list[tuple[int, bytes]] = []
    left: Block | Decoded | None = block
    at = cutting.begins(block)
    while left is not None:
        part, left = cutting.piece(left, size, None)
        assert not cutting.empty(part)
        assert cutting.begins(part) == at
        assert cutting.several(part, None) == (len(told(part)) > 1)
        assert left is None or part.end == cutting.begins(left)
        at = part.end
        found += told(part)
    assert found == told(block)
    assert at == block.end


@given(TEXTS, st.data(), st.booleans())
def test_convicts_are_dead_letters_in_their_place(texts: list[bytes], data: st.DataObject, by_offset: bool) -> None:
    block = messages(texts, [3 + 2 * n for n in range(len(texts))]) if by_offset else lines(texts, 1000)
    records = told(block)
    guilty = data.draw(st.sets(st.sampled_from(range(len(records)))))
    bounds = [at for at, _ in records] + [block.end]
    convicts = [
        Convict(bounds[n], bounds[n + 1], Dead(bounds[n], "poison", "it kills"))
        for n in range(len(records))
        if n in guilty
    ]
    elsewhere = Convict(1, 2, Dead(1, "poison", "")), Convict(9000, 9001, Dead(9000, "poison", ""))
    parts = cutting.without(block, [elsewhere[0], *convicts, elsewhere[1]])
    assert [record for part in parts for record in told(part)] == [r for n, r in enumerate(records) if n not in guilty]
    assert [letter.position for part in parts for letter in part.dead] == [bounds[n] for n in sorted(guilty)]
    assert [part.end for part in parts] == sorted({part.end for part in parts})
    assert parts[-1].end == block.end
    for part in parts:
        assert all(at < part.end for at, _ in told(part))


def test_rows_are_cut_by_their_positions() -> None:
    rows = Decoded({"n": from_list([1, 2, 3, 4], INT)}, 4, np.array([10, 11, 13, 14], np.int64), [Dead(12, "type", "")])
    rows.end = 20
    first, second, *more = cutting.without(rows, [Convict(11, 12, Dead(11, "poison", ""))])
    assert not more
    assert isinstance(first, Decoded)
    assert isinstance(second, Decoded)
    assert (first.columns["n"].to_list(), first.end, [d.position for d in first.dead]) == ([1], 12, [11])
    assert (second.columns["n"].to_list(), second.end, [d.position for d in second.dead]) == ([3, 4], 20, [12])
    part, rest = cutting.piece(rows, 2 * cutting.ROW, None)
    assert rest is not None
    assert (part.end, cutting.begins(rest), rest.end) == (13, 13, 20)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_a_run_that_is_given_convicts_looks_into_all_other_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, threads: int
) -> None:
    count = 5000
    guilty = {0, 1, 2777, 4998, 4999}
    path = tmp_path / f"in.{form}"
    if form == "parquet":
        pq.write_table(pa.table({"n": list(range(count))}), path)
        bounds = list(range(count + 1))
    else:
        head = b"" if form == "json" else b"n\n"
        written = [json.dumps({"n": n}).encode() if form == "json" else str(n).encode() for n in range(count)]
        path.write_bytes(head + b"".join(text + b"\n" for text in written))
        bounds = [len(head) + sum(len(text) + 1 for text in written[:n]) for n in range(count + 1)]
    convicts = [Convict(bounds[n], bounds[n + 1], Dead(bounds[n], "poison", "it kills")) for n in sorted(guilty)]
    rows = cd.source("files", path=str(path), format=form, schema={"n": "int64"}, name="in")
    plan = cd.Pipeline("p", rows.to("files", path=str(tmp_path / "out.jsonl"), format="json"))
    opened = drive.bind

    def bind(*given: Any, **named: Any) -> Any:
        bindings, live = opened(*given, **named)
        sources = {name: replace(each, convicts={f"in.{form}": convicts}) for name, each in bindings.sources.items()}
        return replace(bindings, sources=sources), live

    monkeypatch.setattr(drive, "bind", bind)
    assert drive.Job(plan, threads=threads).run().dead == len(guilty)
    found = [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert found == [n for n in range(count) if n not in guilty]
    letters = [json.loads(line) for line in (tmp_path / "out.dead.jsonl").read_text().splitlines()]
    assert [(each["position"], each["reason"]) for each in letters] == [(bounds[n], "poison") for n in sorted(guilty)]
