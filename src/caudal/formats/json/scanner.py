"""The compiled scanner of JSON lines: a tree of the shapes met so far, and a general parser that teaches it.

A *shape* is the exact bytes of a line between its values: `{"ip":`, value, `,"code":`, value, `}` and the newline. A
line whose bytes between the values equal a shape's, and whose values are valid, is valid JSON with the same keys, so
one comparison of 32 bytes checks punctuation, keys, order and nesting together. Shapes share their beginnings in a
prefix tree. A line that leaves the tree goes through the general parser (any order, white space, nesting), which
records the shape and adds it. What the parser refuses, or leaves open (a duplicate of a declared key, an escaped key),
is handed down to the strict parser.

Tree rows: where the literal stands and its length, whole 32-byte parts before the last, mask of the last, what comes
behind (`AFTER`), slot, first child, next sibling. Row 0 is the root; number 0 also means "none".
"""

from __future__ import annotations

import numba as nb
import numpy as np

from caudal.formats.json.simd import byte, cell, differences, long, lowest, newlines, ones, set_byte, set_cell, set_long
from caudal.formats.json.values import (
    DOWN,
    EDGES,
    KEYS,
    KIND,
    LITERALS,
    LITERALS_USED,
    MAX_DEPTH,
    MISSES,
    NEXT,
    NODES,
    OUT,
    OUTS,
    POSITION,
    PRESENT,
    RECORDED,
    SEEN,
    SIDE_USED,
    SLOTS,
    STACK,
    STAMP,
    STRIDE,
    TREE,
    TREE_USED,
    VALID,
    text_end,
    value_end,
)

AT, LENGTH, PARTS, MASK, AFTER, SLOT, CHILD, SIBLING = range(8)
_MARK, _END = 0, -1  # what comes behind a literal; above 0: a value inside that many objects
_FIRST, _KEY, _NEXT = range(3)

MAX_NODES = 2048
MAX_LITERALS = 1 << 17
MAX_SIBLINGS = 24
MAX_VALUES = 512
FORGET_AFTER = 20_000
"""Lines that miss a full tree before it starts anew."""

# rows of the schema's tables, see `shape.Shape`
_FIRST_EDGE, _EDGES, _NODE_SLOT, _MARKED = range(4)
_KEY_AT, _KEY_LENGTH, _TARGET = range(3)

_U = np.uint64


@nb.njit(nogil=True, cache=True)
def count_lines(buf, start, stop):
    """Return (newlines in byte(buf, start:stop), position behind the last one)."""
    count = 0
    p = start
    while p + 64 <= stop:
        count += ones(newlines(buf, p))
        p += 64
    if p < stop:
        count += ones(newlines(buf, p) & ((_U(1) << _U(stop - p)) - _U(1)))
    limit = stop
    while limit > start and byte(buf, limit - 1) != 10:
        limit -= 1
    return count, limit


@nb.njit(nogil=True, cache=True)
def line_end(buf, p):
    """Return the place of the first newline from p on; there is one."""
    mask = newlines(buf, p)
    while mask == _U(0):
        p += 64
        mask = newlines(buf, p)
    return p + lowest(mask)


@nb.njit(nogil=True, cache=True)
def _present(slot, row, env):
    set_byte(long(env, VALID), cell(long(env, SLOTS), slot, OUT) * long(env, STRIDE) + row, 1)


@nb.njit(nogil=True, cache=True)
def _clear(row, env):
    for column in range(long(env, OUTS)):
        set_byte(long(env, VALID), column * long(env, STRIDE) + row, 0)


@nb.njit(nogil=True, cache=True, forceinline=True)
def _match(buf, p, row, env):
    """Return the position behind the line at p when it has one of the tree's shapes, else -1."""
    tree = long(env, TREE)
    literals = long(env, LITERALS)
    slots = long(env, SLOTS)
    node = cell(tree, 0, CHILD)
    while node > 0:
        at = cell(tree, node, AT)
        parts = cell(tree, node, PARTS)
        q = p
        same = True
        while parts > 0:
            if differences(buf, q, literals, at) != _U(0):
                same = False
                break
            q += 32
            at += 32
            parts -= 1
        if same and (differences(buf, q, literals, at) & _U(np.uint32(cell(tree, node, MASK)))) == _U(0):
            q = p + cell(tree, node, LENGTH)
            after = cell(tree, node, AFTER)
            if after > 0:
                q = value_end(buf, q, cell(tree, node, SLOT), row, after, slots, env)
            elif after == _END:
                return q
            else:
                _present(cell(tree, node, SLOT), row, env)
            if q >= 0:
                p = q
                node = cell(tree, node, CHILD)
                continue
        node = cell(tree, node, SIBLING)
    return -1


@nb.njit(nogil=True, cache=True)
def _edge(buf, start, end, node, env):
    """Return the node behind the key from start to end of an object, -1 when it is not declared."""
    nodes, edges, keys = long(env, NODES), long(env, EDGES), long(env, KEYS)
    first = cell(nodes, node, _FIRST_EDGE)
    for edge in range(first, first + cell(nodes, node, _EDGES)):
        if cell(edges, edge, _KEY_LENGTH) != end - start:
            continue
        at = cell(edges, edge, _KEY_AT)
        i = 0
        while i < end - start and byte(buf, start + i) == byte(keys, at + i):
            i += 1
        if i == end - start:
            return cell(edges, edge, _TARGET)
    return np.int64(-1)


@nb.njit(nogil=True, cache=True)
def _parse(buf, start, row, env):
    """Parse one line of any form; return how many entries of `recorded` tell its shape (0: too many), -1 if refused.

    Each entry: literal's start and end, what comes behind it, slot.
    """
    slots, nodes, seen = long(env, SLOTS), long(env, NODES), long(env, SEEN)
    recorded, stack = long(env, RECORDED), long(env, STACK)
    stamp = long(env, STAMP) + 1
    set_long(env, STAMP, stamp)
    p = start
    while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
        p += 1
    if byte(buf, p) != 123:
        return -1
    p += 1
    set_long(stack, 0, 0)
    depth = np.int64(1)
    literal = start
    count = 0
    expect = _FIRST
    while True:
        c = byte(buf, p)
        while c == 32 or c == 9 or c == 13:
            p += 1
            c = byte(buf, p)
        if expect == _NEXT and c == 44:
            p += 1
            expect = _KEY
            continue
        if expect != _KEY and c == 125:
            p += 1
            depth -= 1
            if depth == 0:
                break
            expect = _NEXT
            continue
        if expect == _NEXT or c != 34:
            return -1
        head = p + 1
        tail, escaped = text_end(buf, head)
        if tail < 0:
            return -1
        node = np.int64(-1)
        if long(stack, depth - 1) >= 0:
            if escaped:
                return -1
            node = _edge(buf, head, tail, long(stack, depth - 1), env)
            if node >= 0:
                if long(seen, node) == stamp:
                    return -1
                set_long(seen, node, stamp)
        p = tail + 1
        while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
            p += 1
        if byte(buf, p) != 58:
            return -1
        p += 1
        while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
            p += 1
        slot = np.int64(-1)
        if node >= 0:
            slot = cell(nodes, node, _NODE_SLOT)
        after = depth
        if byte(buf, p) == 123:
            if depth >= MAX_DEPTH:
                return -1
            set_long(stack, depth, node)
            depth += 1
            p += 1
            expect = _FIRST
            other = slot
            while other >= 0:
                if cell(slots, other, KIND) != PRESENT:
                    return -1
                other = cell(slots, other, NEXT)
            if node < 0 or cell(nodes, node, _MARKED) == 0:
                continue
            after = _MARK
            _present(slot, row, env)
            end = p
        else:
            end = value_end(buf, p, slot, row, depth, slots, env)
            if end < 0:
                return -1
            expect = _NEXT
        if count < MAX_VALUES:
            set_long(recorded, count * 4 + 0, literal)
            set_long(recorded, count * 4 + 1, p)
            set_long(recorded, count * 4 + 2, after)
            set_long(recorded, count * 4 + 3, slot)
        count += 1
        literal = p = end
    while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
        p += 1
    if byte(buf, p) != 10:
        return -1
    if count >= MAX_VALUES:
        return 0
    set_long(recorded, count * 4 + 0, literal)
    set_long(recorded, count * 4 + 1, p + 1)
    set_long(recorded, count * 4 + 2, _END)
    set_long(recorded, count * 4 + 3, -1)
    return count + 1


@nb.njit(nogil=True, cache=True)
def _learn(buf, count, env):
    """Add a recorded shape to the tree, as far as there is room."""
    tree, literals, recorded = long(env, TREE), long(env, LITERALS), long(env, RECORDED)
    if long(env, TREE_USED) + count > MAX_NODES or long(env, LITERALS_USED) > MAX_LITERALS // 2:
        misses = long(env, MISSES) + 1
        set_long(env, MISSES, misses)
        if misses < FORGET_AFTER:
            return
        set_long(env, MISSES, 0)
        set_long(env, TREE_USED, 1)
        set_long(env, LITERALS_USED, 0)
        set_cell(tree, 0, CHILD, 0)
    parent = np.int64(0)
    for k in range(count):
        start = long(recorded, k * 4 + 0)
        length = long(recorded, k * 4 + 1) - start
        last = 0
        siblings = 0
        node = cell(tree, parent, CHILD)
        while node > 0:
            if cell(tree, node, LENGTH) == length and cell(tree, node, AFTER) == long(recorded, k * 4 + 2):
                at = cell(tree, node, AT)
                i = 0
                while i < length and byte(literals, at + i) == byte(buf, start + i):
                    i += 1
                if i == length:
                    break
            last = node
            siblings += 1
            node = cell(tree, node, SIBLING)
        if node == 0:
            at = long(env, LITERALS_USED)
            room = (length + 31) // 32 * 32
            if siblings >= MAX_SIBLINGS or at + room > MAX_LITERALS:
                return
            node = long(env, TREE_USED)
            set_long(env, TREE_USED, node + 1)
            set_long(env, LITERALS_USED, at + room)
            for i in range(length):
                set_byte(literals, at + i, byte(buf, start + i))
            set_cell(tree, node, AT, at)
            set_cell(tree, node, LENGTH, length)
            set_cell(tree, node, PARTS, (length - 1) // 32)
            set_cell(tree, node, MASK, np.int32(np.uint32((_U(1) << _U((length - 1) % 32 + 1)) - _U(1))))
            set_cell(tree, node, AFTER, long(recorded, k * 4 + 2))
            set_cell(tree, node, SLOT, long(recorded, k * 4 + 3))
            set_cell(tree, node, CHILD, 0)
            set_cell(tree, node, SIBLING, 0)
            if last > 0:
                set_cell(tree, last, SIBLING, node)
            else:
                set_cell(tree, parent, CHILD, node)
        parent = node


@nb.njit(nogil=True, cache=True)
def scan(buf, start, limit, delta, path, env):
    """Decode the lines from `start` to `limit`, which is behind a newline; `buf` and `env` are addresses.

    Row r starts at byte POSITION[r] of the partition, its place in buf plus `delta`. Returns (rows, lines handed down):
    each row of DOWN is a row number, the line's start and the place of its newline; that row is all null and waits for
    the strict parser. With `path` 0 the tree of shapes is neither used nor taught, with -1 every line is handed down.
    """
    position, down = long(env, POSITION), long(env, DOWN)
    row = np.int64(0)  # typed, so that no kernel is compiled twice
    lost = np.int64(0)
    p = start
    while p < limit:
        end = np.int64(-1)
        used = long(env, SIDE_USED)
        if path > 0:
            end = _match(buf, p, row, env)
        if end < 0:
            stop = line_end(buf, p)
            end = stop + 1
            q = p
            while byte(buf, q) == 32 or byte(buf, q) == 9 or byte(buf, q) == 13:
                q += 1
            _clear(row, env)
            set_long(env, SIDE_USED, used)  # so that a line never takes more than its own length
            if q == stop:
                p = end
                continue
            count = -1
            if path >= 0:
                count = _parse(buf, p, row, env)
            if count < 0:
                _clear(row, env)
                set_long(env, SIDE_USED, used)
                set_long(down, lost * 3, row)
                set_long(down, lost * 3 + 1, p)
                set_long(down, lost * 3 + 2, stop)
                lost += 1
            elif count > 0 and path > 0:
                _learn(buf, count, env)
        set_long(position, row, p + delta)
        row += 1
        p = end
    return row, lost
