"""Freezing: values that nobody asks for and that are the same in nearly all lines become part of a shape's literals.

Most logs have such fields (a version, a host, a flag that is never set). A value of a valid line is valid wherever its bytes
stand in the same place, so one comparison of bytes checks it together with what stands around it. Between blocks some lines are walked
through the tree of shapes; where a value is nearly always the same, a node is put before the one that checks it, whose literal goes
on through the value and what comes behind. A line with another value there falls back to the node behind, in the same place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bytes, Ints
from caudal.formats.json import values
from caudal.formats.json.scanner import AFTER, AT, CHILD, LENGTH, MASK, MAX_LITERALS, MAX_NODES, PARTS, SIBLING, SLOT

LINES = 48
"""Lines of a block that are walked."""

LEAST = 24
"""How many of them must have a value before it is taken for a usual one."""

TRIES = 8
"""How often a thread freezes a tree anew; where values change all the time it is then left as it is."""

EVERY = 64
"""Blocks between two looks, once the first ones have been looked at ever more rarely."""

_LONGEST = 256
_decoder = json.JSONDecoder(strict=False)

Tree = npt.NDArray[np.int32]

_Branch = tuple[int, bytes, int]
"""A node, its literal, and what stands behind that."""


@dataclass(slots=True)
class _Met:
    """What lines had at a node: their values, and which nodes came behind; `depth`: how many nodes stand before it."""

    parent: int
    depth: int
    lines: int = 0
    texts: Counter[bytes] = field(default_factory=Counter[bytes])
    behind: set[int] = field(default_factory=set[int])

    @property
    def usual(self) -> bytes | None:
        """The value that nearly all lines had; None where there is none."""
        text, count = self.texts.most_common(1)[0]
        return text if self.lines >= LEAST and 10 * count >= 9 * self.lines and len(self.behind) == 1 else None


@dataclass(frozen=True, slots=True)
class _Head:
    """A node that was put in, as the first child of `parent`; `row`: what it looks like."""

    parent: int
    node: int
    literal: bytes
    row: list[int]


class Freezing:
    """Freezes the tree of shapes of one thread. `slots`: the schema's table."""

    def __init__(self, tree: Tree, literals: Bytes, slots: Tree, env: Ints) -> None:
        self._tree = tree
        self._literals = literals
        self._slots = slots
        self._env = env
        self._tries = 0
        self._blocks = 0
        self._heads: list[_Head] = []

    def look(self, data: Bytes, position: Ints, delta: int) -> None:
        """Look at lines of a block, where it is time to; `position` less `delta` is where those begin that were found valid."""
        self._blocks += 1
        due = self._blocks % EVERY == 0 or self._blocks & (self._blocks - 1) == 0
        if not due or self._tries >= TRIES or len(position) < LINES:
            return
        if any(self._row(head.node) != head.row for head in self._heads):
            self._heads.clear()  # the tree began anew
        before = [(head.parent, head.literal) for head in self._heads]
        self._thaw()
        met: dict[int, _Met] = {}
        below: dict[int, list[_Branch]] = {}
        for start in (position[:: len(position) // LINES] - delta).tolist():
            self._walk(data, start, met, below)
        wanted = self._wanted(met)
        if [(parent, literal) for parent, literal, _ in wanted] == before:
            for head in self._heads:
                self._tree[head.parent, CHILD] = head.node
            return
        self._tries += 1
        self._heads.clear()
        for head in wanted:
            self._put(*head)

    def _thaw(self) -> None:
        for head in reversed(self._heads):
            self._tree[head.parent, CHILD] = self._tree[head.node, SIBLING]

    def _children(self, node: int) -> Iterator[int]:
        child = int(self._tree[node, CHILD])
        while child > 0:
            yield child
            child = int(self._tree[child, SIBLING])

    def _literal(self, node: int) -> bytes:
        at = int(self._tree[node, AT])
        return self._literals[at : at + int(self._tree[node, LENGTH])].tobytes()

    def _branches(self, parent: int) -> list[_Branch]:
        return [(node, self._literal(node), int(self._tree[node, AFTER])) for node in self._children(parent)]

    def _walk(self, data: Bytes, start: int, met: dict[int, _Met], below: dict[int, list[_Branch]]) -> None:
        """Take note of the values of the line at `start`, as far as the tree has its shape. `below`: what is known of the tree."""
        line = data[start : start + 64 * _LONGEST].tobytes()
        line = line[: line.find(b"\n") + 1]
        text = line.decode("latin-1")
        parent, at, depth, before = 0, 0, 0, None
        while True:
            branches = below.get(parent)
            if branches is None:
                branches = below[parent] = self._branches(parent)
            found = next((branch for branch in branches if line.startswith(branch[1], at)), None)
            if found is None:
                return
            node, literal, after = found
            if before is not None:
                before.behind.add(node)
                before = None
            at += len(literal)
            if after < 0:
                return
            if after > 0:
                try:
                    end = _decoder.raw_decode(text, at)[1]
                except ValueError:
                    return
                before = met.get(node) or met.setdefault(node, _Met(parent, depth))
                before.lines += 1
                before.texts[line[at:end]] += 1
                at = end
            parent, depth = node, depth + 1

    def _wanted(self, met: dict[int, _Met]) -> list[tuple[int, bytes, int]]:
        """Return (parent, literal, node that it goes on as) of what is to be put in: from the last to the first node."""
        through: dict[int, tuple[bytes, int]] = {}
        wanted: list[tuple[int, bytes, int]] = []
        for node, seen in sorted(met.items(), key=lambda each: -each[1].depth):
            text = seen.usual
            if text is None or not self._free(node):
                continue
            (behind,) = seen.behind
            literal, end = through.get(behind, (self._literal(behind), behind))
            literal = self._literal(node) + text + literal
            if len(literal) <= _LONGEST:
                through[node] = literal, end
                wanted.append((seen.parent, literal, end))
        return wanted

    def _free(self, node: int) -> bool:
        """Whether nothing is stored of the value at a node."""
        slot = int(self._tree[node, SLOT])
        while slot >= 0:
            if self._slots[slot, values.OUT] >= 0:
                return False
            slot = int(self._slots[slot, values.NEXT])
        return True

    def _put(self, parent: int, literal: bytes, end: int) -> None:
        """Make a node with this literal, behind which it goes on as behind `end`, the first child of `parent`."""
        node, at = int(self._env[values.TREE_USED]), int(self._env[values.LITERALS_USED])
        room = -(-len(literal) // 32) * 32
        if node >= MAX_NODES or at + room > MAX_LITERALS // 2:
            return
        self._literals[at : at + len(literal)] = np.frombuffer(literal, np.uint8)
        row = self._tree[node]
        row[AT], row[LENGTH], row[PARTS] = at, len(literal), (len(literal) - 1) // 32
        row[MASK] = np.uint32((1 << ((len(literal) - 1) % 32 + 1)) - 1).view(np.int32)
        row[[AFTER, SLOT, CHILD]] = self._tree[end, [AFTER, SLOT, CHILD]]
        row[SIBLING] = self._tree[parent, CHILD]
        self._tree[parent, CHILD] = node
        self._env[values.TREE_USED], self._env[values.LITERALS_USED] = node + 1, at + room
        self._heads.append(_Head(parent, node, literal, self._row(node)))

    def _row(self, node: int) -> list[int]:
        return self._tree[node].tolist()
