"""Values that are the same in line after line: what of them becomes part of a shape, and what that must not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from caudal.core.types import Schema
from caudal.formats.json.freezing import TRIES
from caudal.formats.json.reader import STRICT, JsonReader
from caudal.ports.records import PADDING, Block

pytestmark = pytest.mark.scanned

SCHEMA = Schema.of({"ip": "string", "n": "int64", "kept": "string"})
LINE = '{"v":1,"host":"web","ip":"%s","on":true,"level":"info","n":%d,"kept":"k","tail":{"a":[1,2]},"end":0.5}'


class Log:
    """A decoder that needs `ip` and `n`, beside one that reads strictly."""

    def __init__(self) -> None:
        needed = frozenset(["ip", "n"])
        self.fast = JsonReader(SCHEMA, needed).open(b"", "x")[0]
        self.strict = JsonReader(SCHEMA, needed, STRICT).open(b"", "x")[0]

    @property
    def literals(self) -> list[bytes]:
        (scratch,) = self._scratch()
        return [head.literal for head in scratch.freezing._heads]

    def _scratch(self) -> Any:
        return self.fast._scratch

    def read(self, lines: Sequence[str]) -> int:
        """Decode lines in both ways, which must agree; return how many are dead."""
        data = "".join(line + "\n" for line in lines).encode()
        raw = np.frombuffer(bytearray(data + b'{"v":1,"host":"web","ip":"' * PADDING), np.uint8)
        block = Block(raw, 0, len(data), 0, len(data))
        one, two = self.fast.decode(block), self.strict.decode(block)
        assert [(d.position, d.reason, d.message) for d in one.dead] == [
            (d.position, d.reason, d.message) for d in two.dead
        ]
        assert {n: c.to_list() for n, c in one.columns.items()} == {n: c.to_list() for n, c in two.columns.items()}
        return len(one.dead)


def usual(rows: int, line: str = LINE) -> list[str]:
    return [line % (f"10.0.0.{i % 250}", i) for i in range(rows)]


def test_what_stays_the_same_and_is_not_asked_for_is_frozen() -> None:
    log = Log()
    log.read(usual(100))
    found = {*log.literals}
    assert {b'{"v":1,"host":"web","ip":', b',"on":true,"level":"info","n":'} <= found
    assert b',"kept":"k","tail":{"a":[1,2]},"end":0.5}\n' in found
    assert not any(b"10.0.0." in literal for literal in log.literals)
    assert log.read(usual(100)) == 0


@pytest.mark.parametrize(
    ("value", "dead"),
    [("2", 0), ("11", 0), ("1.5", 0), ("null", 0), ('"1"', 0), ("[1]", 0), ("01", 1), ("1x", 1), ("", 1), ("1 ", 0)],
)
def test_another_value_is_checked_where_one_is_frozen(value: str, dead: int) -> None:
    log = Log()
    log.read(usual(100))
    assert log.literals
    lines = usual(9)
    lines[4] = lines[4].replace('"v":1,', f'"v":{value},')
    assert log.read(lines) == dead


def test_a_declared_value_that_nobody_needs_keeps_its_type() -> None:
    log = Log()
    log.read(usual(100))
    assert any(b'"kept":"k"' in literal for literal in log.literals)
    lines = usual(5)
    lines[2] = lines[2].replace('"kept":"k"', '"kept":7')
    assert log.read(lines) == 1


def test_what_has_changed_is_frozen_anew() -> None:
    log = Log()
    log.read(usual(100))
    for _ in range(8):
        assert log.read(usual(100, LINE.replace('"web"', '"db"'))) == 0
    assert any(b'"host":"db"' in literal for literal in log.literals)
    assert not any(b'"host":"web"' in literal for literal in log.literals)


def test_values_that_change_all_the_time_are_left_alone() -> None:
    log = Log()
    for i in range(1 << (TRIES + 3)):
        assert log.read(usual(50, LINE.replace('"web"', f'"w{i}"'))) == 0
    (scratch,) = log._scratch()
    assert scratch.freezing._tries <= TRIES


def test_other_shapes_are_learnt_beside_what_is_frozen() -> None:
    log = Log()
    log.read(usual(100))
    other = '{"v":1,"host":"web","n":%d,"ip":"x","more":%s}'
    for _ in range(5):
        lines = usual(60)
        lines[1::2] = [other % (i, "1" if i % 3 else '"y"') for i in range(30)]
        lines.append(other.replace("%s", "tru") % 5)
        assert log.read(lines) == 1
