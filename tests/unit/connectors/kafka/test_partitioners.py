"""Partitioners against published values of the Java client's tests, and zlib."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from caudal.columnar.column import from_list
from caudal.connectors.kafka.partitioners import partition_of
from caudal.connectors.kafka.placement import Placement, text_of
from caudal.core.errors import RunError
from caudal.core.types import INT64, STRING, Schema
from caudal.ports.records import Decoded

JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""MurmurHash2 of keys, from the tests of Kafka's own `Utils`."""


@pytest.mark.parametrize("count", [1, 2, 7, 128, 2**31 - 1])
def test_murmur2_is_that_of_the_java_clients(count: int) -> None:
    for key, value in JAVA.items():
        assert partition_of("murmur2", key, count) == (value & 0x7FFFFFFF) % count


def test_crc32_is_that_of_zlib() -> None:
    dice = random.Random(1)
    for size in range(70):
        key = dice.randbytes(size)
        assert partition_of("crc32", key, 13) == zlib.crc32(key) % 13


def rows(keys: list[str | None]) -> Decoded:
    position = np.arange(len(keys), dtype=np.int64) * 2
    return Decoded({"ip": from_list(keys, STRING)}, len(keys), position)


def test_a_record_in_another_partition_stops_the_job_and_one_without_a_key_is_a_dead_letter() -> None:
    placement = Placement("ip", "murmur2", Schema.of({"ip": "string"}))
    placement.counts({"logs": 4})
    here = [ip for ip in (f"192.0.2.{n}" for n in range(50)) if partition_of("murmur2", ip.encode(), 4) == 3]
    good = rows(here)
    placement.check("logs/3", good)
    assert good.rows == len(here) > 5
    some = rows([here[0], None, here[1]])
    placement.check("logs/3", some)
    assert some.columns["ip"].to_list() == here[:2]
    assert [(letter.position, letter.reason) for letter in some.dead] == [(2, "partition")]
    first = next(ip for ip in (f"10.0.0.{n}" for n in range(50)) if partition_of("murmur2", ip.encode(), 4) == 1)
    with pytest.raises(RunError, match="offset 2 of logs/1 is of partition 3") as caught:
        placement.check("logs/1", rows([first, here[0]]))
    assert here[0] in caught.value.detail
    assert "its message has no key or another one than its ip" in caught.value.hint


def test_whole_numbers_are_written_in_decimal() -> None:
    text = text_of(from_list([0, -7, None, 2**62], INT64))
    assert [text[0], text[1], text[3]] == [b"0", b"-7", b"4611686018427387904"]
    assert text.valid is not None
    assert text.valid.tolist() == [True, True, False, True]
