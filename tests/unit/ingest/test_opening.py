"""Files that begin otherwise than declared: an error before a run, never the end of one that goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from caudal.core.errors import InputError
from caudal.core.types import Schema
from caudal.formats.csv import FORMAT
from caudal.ingest.opening import Opening
from caudal.ports.records import PADDING, Block

SCHEMA = Schema.of({"id": "string", "n": "int64"})


class Part:
    def __init__(self, name: str, *, live: bool = True) -> None:
        self.name = name
        self.live = live


def opened(opening: Opening, name: str, data: bytes, *, live: bool = True) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """Return rows, and reason, position and payload of the dead letters."""
    partition: Any = Part(name, live=live)
    decoder, skip = opening.open(data, partition)
    padded = np.frombuffer(data + bytes(PADDING), np.uint8)
    decoded = decoder.decode(Block(padded, skip, len(data), skip, len(data)))
    rows = list(zip(*(decoded.columns[name].to_list() for name in SCHEMA.names)))
    return rows, [(dead.reason, dead.position, dead.payload) for dead in decoded.dead]


def opening() -> Opening:
    reader = FORMAT.reader(SCHEMA, frozenset(SCHEMA.names), dict(FORMAT.reader_options))
    return Opening(reader, SCHEMA)


def test_a_writer_that_writes_its_header_once() -> None:
    one = opening()
    assert opened(one, "a.csv", b"n,id\n1,a\n") == ([("a", 1)], [])
    assert opened(one, "a.csv#2", b"2,b\n3,c,\n") == ([("b", 2)], [("fields", 4, b"3,c,")])
    assert [(n.code, n.where, n.level) for n in one.told()] == [("header", "a.csv#2", "warning")]
    assert opened(one, "a.csv#3", b"id,n\nd,4\n") == ([("d", 4)], []), "a header that is written again"
    assert opened(one, "a.csv#4", b"e,5\n") == ([("e", 5)], []), "is the one before the next"
    one.check()


def test_a_stray_file_is_dead_letters() -> None:
    one = opening()
    rows, dead = opened(one, "stray.csv", b"\xff\x00\n\nb,1")
    assert rows == []
    assert dead == [("header", 0, b"\xff\x00"), ("header", 4, b"b,1")]
    with pytest.raises(InputError):
        one.check()  # the first of all: then it is the declaration that is wrong
    opened(one, "good.csv", b"id,n\n")
    one.check()
    assert len(one.told()) == 1
    assert one.told() == []


def test_a_bounded_file_is_an_error() -> None:
    one = opening()
    opened(one, "good.csv", b"id,n\n", live=False)
    with pytest.raises(InputError, match=r"bad\.csv"):
        opened(one, "bad.csv", b"b,1\n", live=False)
