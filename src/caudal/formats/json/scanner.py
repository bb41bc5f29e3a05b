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

from caudal.formats.json.simd import differences, lowest, newlines, ones, peek2
from caudal.formats.json.values import (
    KIND,
    LITERALS,
    MAX_DEPTH,
    MISSES,
    NEXT,
    NODES,
    OUT,
    PRESENT,
    STAMP,
    text_end,
    value_end,
)

AT, LENGTH, PARTS, MASK, AFTER, SLOT, CHILD, SIBLING = range(8)
_MARK, _END = 0, -1  # what comes behind a literal; above 0: a value inside that many objects
_FIRST, _KEY, _NEXT = range(3)

MAX_NODES = 2048
MAX_LITERALS = 1 << 16
MAX_SIBLINGS = 24
MAX_VALUES = 512
FORGET_AFTER = 20_000
"""Lines that miss a full tree before it starts anew."""

# rows of the schema's tables, see `shape.Shape`
FIRST_EDGE, EDGES, NODE_SLOT, MARKED = 0, 1, 2, 3
KEY_AT, KEY_LENGTH, TARGET = 0, 1, 2

_U = np.uint64


@nb.njit(nogil=True, cache=True)
def count_lines(buf, start, stop):
    """Return (newlines in buf[start:stop], position behind the last one)."""
    count = 0
    p = start
    while p + 64 <= stop:
        count += ones(newlines(buf, p))
        p += 64
    if p < stop:
        count += ones(newlines(buf, p) & ((_U(1) << _U(stop - p)) - _U(1)))
    limit = stop
    while limit > start and buf[limit - 1] != 10:
        limit -= 1
    return count, limit


@nb.njit(nogil=True, cache=True)
def _newline(buf, p):
    mask = newlines(buf, p)
    while mask == _U(0):
        p += 64
        mask = newlines(buf, p)
    return p + lowest(mask)


@nb.njit(nogil=True, cache=True, forceinline=True)
def _match(buf, p, row, slots, tree, literals, out, side, state, stack):
    """Return the position behind the line at p when it has one of the tree's shapes, else -1."""
    node = np.int64(peek2(tree, 0, CHILD))
    while node > 0:
        at = np.int64(peek2(tree, node, AT))
        parts = peek2(tree, node, PARTS)
        q = p
        same = True
        while parts > 0:
            if differences(buf, q, literals, at) != _U(0):
                same = False
                break
            q += 32
            at += 32
            parts -= 1
        if same and (differences(buf, q, literals, at) & _U(np.uint32(peek2(tree, node, MASK)))) == _U(0):
            q = p + np.int64(peek2(tree, node, LENGTH))
            after = peek2(tree, node, AFTER)
            if after > 0:
                slot = np.int64(peek2(tree, node, SLOT))
                q = value_end(buf, q, slot, row, slots, out, side, state, stack, np.int64(after))
            elif after == _END:
                return q
            else:
                out[3][slots[peek2(tree, node, SLOT), OUT], row] = True
            if q >= 0:
                p = q
                node = np.int64(peek2(tree, node, CHILD))
                continue
        node = np.int64(peek2(tree, node, SIBLING))
    return -1


@nb.njit(nogil=True, cache=True)
def _edge(buf, start, end, node, nodes, edges, keys):
    """Return the node behind the key buf[start:end] of an object, -1 when it is not declared."""
    first = nodes[node, FIRST_EDGE]
    for edge in range(first, first + nodes[node, EDGES]):
        if edges[edge, KEY_LENGTH] != end - start:
            continue
        at = edges[edge, KEY_AT]
        i = 0
        while i < end - start and buf[start + i] == keys[at + i]:
            i += 1
        if i == end - start:
            return np.int64(edges[edge, TARGET])
    return np.int64(-1)


@nb.njit(nogil=True, cache=True)
def _parse(buf, start, row, slots, nodes, edges, keys, seen, recorded, out, side, state, stack):
    """Parse one line of any form; return how many entries of `recorded` tell its shape (0: too many), -1 if refused.

    Each entry: literal's start and end, what comes behind it, slot.
    """
    state[STAMP] += 1
    stamp = state[STAMP]
    p = start
    while buf[p] == 32 or buf[p] == 9 or buf[p] == 13:
        p += 1
    if buf[p] != 123:
        return -1
    p += 1
    stack[0] = 0
    depth = 1
    literal = start
    count = 0
    expect = _FIRST
    while True:
        c = buf[p]
        while c == 32 or c == 9 or c == 13:
            p += 1
            c = buf[p]
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
        if stack[depth - 1] >= 0:
            if escaped:
                return -1
            node = _edge(buf, head, tail, stack[depth - 1], nodes, edges, keys)
            if node >= 0:
                if seen[node] == stamp:
                    return -1
                seen[node] = stamp
        p = tail + 1
        while buf[p] == 32 or buf[p] == 9 or buf[p] == 13:
            p += 1
        if buf[p] != 58:
            return -1
        p += 1
        while buf[p] == 32 or buf[p] == 9 or buf[p] == 13:
            p += 1
        slot = np.int64(-1)
        if node >= 0:
            slot = np.int64(nodes[node, NODE_SLOT])
        after = depth
        if buf[p] == 123:
            if depth >= MAX_DEPTH:
                return -1
            stack[depth] = node
            depth += 1
            p += 1
            expect = _FIRST
            other = slot
            while other >= 0:
                if slots[other, KIND] != PRESENT:
                    return -1
                other = slots[other, NEXT]
            if node < 0 or nodes[node, MARKED] == 0:
                continue
            after = _MARK
            out[3][slots[slot, OUT], row] = True
            end = p
        else:
            end = value_end(buf, p, slot, row, slots, out, side, state, stack, depth)
            if end < 0:
                return -1
            expect = _NEXT
        if count < MAX_VALUES:
            recorded[count, 0] = literal
            recorded[count, 1] = p
            recorded[count, 2] = after
            recorded[count, 3] = slot
        count += 1
        literal = p = end
    while buf[p] == 32 or buf[p] == 9 or buf[p] == 13:
        p += 1
    if buf[p] != 10:
        return -1
    if count >= MAX_VALUES:
        return 0
    recorded[count, 0] = literal
    recorded[count, 1] = p + 1
    recorded[count, 2] = _END
    recorded[count, 3] = -1
    return count + 1


@nb.njit(nogil=True, cache=True)
def _learn(buf, recorded, count, tree, literals, state):
    """Add a recorded shape to the tree, as far as there is room."""
    if state[NODES] + count > MAX_NODES or state[LITERALS] > MAX_LITERALS // 2:
        state[MISSES] += 1
        if state[MISSES] < FORGET_AFTER:
            return
        state[MISSES] = 0
        state[NODES] = 1
        state[LITERALS] = 0
        tree[0, CHILD] = 0
    parent = 0
    for k in range(count):
        start = recorded[k, 0]
        length = recorded[k, 1] - start
        last = 0
        siblings = 0
        node = np.int64(tree[parent, CHILD])
        while node > 0:
            if tree[node, LENGTH] == length and tree[node, AFTER] == recorded[k, 2]:
                at = tree[node, AT]
                i = 0
                while i < length and literals[at + i] == buf[start + i]:
                    i += 1
                if i == length:
                    break
            last = node
            siblings += 1
            node = np.int64(tree[node, SIBLING])
        if node == 0:
            at = state[LITERALS]
            room = (length + 31) // 32 * 32
            if siblings >= MAX_SIBLINGS or at + room > MAX_LITERALS:
                return
            node = state[NODES]
            state[NODES] += 1
            state[LITERALS] += room
            for i in range(length):
                literals[at + i] = buf[start + i]
            tree[node, AT] = at
            tree[node, LENGTH] = length
            tree[node, PARTS] = (length - 1) // 32
            tree[node, MASK] = np.int32(np.uint32((_U(1) << _U((length - 1) % 32 + 1)) - _U(1)))
            tree[node, AFTER] = recorded[k, 2]
            tree[node, SLOT] = recorded[k, 3]
            tree[node, CHILD] = 0
            tree[node, SIBLING] = 0
            if last > 0:
                tree[last, SIBLING] = node
            else:
                tree[parent, CHILD] = node
        parent = node


@nb.njit(nogil=True, cache=True)
def scan(buf, start, limit, delta, learning, schema, tree, literals, scratch, side, state, out, position, down):
    """Decode the lines of buf[start:limit], of which the last byte is a newline.

    `schema`: (slots, nodes, edges, keys), see `shape.Shape`. `scratch`: (seen, recorded, stack). Row r starts at
    byte `position[r]` of the partition, that is its place in buf plus `delta`. Returns (rows, lines handed down): each
    row of `down` is a row number, the line's start and the place of its newline; that row is all null and waits for
    the strict parser. With `learning` 0 the tree of shapes is neither used nor taught, with -1 every line is handed down.
    """
    slots, nodes, edges, keys = schema
    seen, recorded, stack = scratch
    row = 0
    lost = 0
    p = start
    while p < limit:
        end = np.int64(-1)
        if learning > 0:
            end = _match(buf, p, row, slots, tree, literals, out, side, state, stack)
        if end < 0:
            stop = _newline(buf, p)
            end = stop + 1
            q = p
            while buf[q] == 32 or buf[q] == 9 or buf[q] == 13:
                q += 1
            for column in range(out[3].shape[0]):
                out[3][column, row] = False
            if q == stop:
                p = end
                continue
            count = -1
            if learning >= 0:
                count = _parse(buf, p, row, slots, nodes, edges, keys, seen, recorded, out, side, state, stack)
            if count < 0:
                for column in range(out[3].shape[0]):
                    out[3][column, row] = False
                down[lost, 0] = row
                down[lost, 1] = p
                down[lost, 2] = stop
                lost += 1
            elif count > 0 and learning > 0:
                _learn(buf, recorded, count, tree, literals, state)
        position[row] = p + delta
        row += 1
        p = end
    return row, lost
