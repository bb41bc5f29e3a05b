"""The compiled scanner of JSON lines: a tree of the shapes met so far, and a general parser that teaches it.

A *shape* is the exact bytes of a line between its values: `{"ip":`, value, `,"code":`, value, `}` and the newline. A
line whose bytes between the values equal a shape's, and whose values are valid, is valid JSON with the same keys, so
one comparison of 32 bytes checks punctuation, keys, order and nesting together. Shapes share their beginnings in a
prefix tree. A line that leaves the tree goes through the general parser (any order, white space, nesting), which
records the shape and adds it. What the parser refuses or leaves open is handed down to the strict parser; a declared
field that a line names twice with different values makes it a dead letter at once.

Tree rows: where the literal stands and its length, whole 32-byte parts before the last, mask of the last, what comes
behind (`AFTER`), slot, first child, next sibling. Row 0 is the root; number 0 also means "none".
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import byte, long, lowest, set_byte, set_long
from caudal.columnar.simd import count as occurrences
from caudal.formats.json.simd import cell, differences, newlines, set_cell
from caudal.formats.json.text import compact, rewrite, text_end
from caudal.formats.json.values import (
    ANY,
    DOWN,
    EDGES,
    KEYS,
    LITERALS,
    LITERALS_USED,
    MAX_DEPTH,
    MISSES,
    NODES,
    OUT,
    OUTS,
    POSITION,
    PRESENT,
    RECORDED,
    SEEN,
    SIDE,
    SIDE_USED,
    SLOTS,
    STACK,
    STAMP,
    STRICTLY,
    STRIDE,
    TREE,
    TREE_USED,
    TWICE,
    VALID,
    any_end,
    has_kind,
    put_nested,
    record,
    skip,
    value_end,
)

AT, LENGTH, PARTS, MASK, AFTER, SLOT, CHILD, SIBLING = range(8)
_MARK, _END = 0, -1  # what comes behind a literal; above 0: a value inside that many objects
_FIRST, _KEY, _NEXT = range(3)
_OBJECT, _UNMARKED, _UNFIT, _UNLEARNT = 1, 2, 4, 8  # what is told of a value

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


@kernel()
def count_lines(buf, start, stop):
    """Return (newlines in byte(buf, start:stop), position behind the last one)."""
    limit = stop
    while limit > start and byte(buf, limit - 1) != 10:
        limit -= 1
    return occurrences(buf, start, limit, 10), limit


@kernel()
def line_end(buf, p):
    """Return the place of the first newline from p on; there is one."""
    mask = newlines(buf, p)
    while mask == _U(0):
        p += 64
        mask = newlines(buf, p)
    return p + lowest(mask)


@part()
def _present(slot, row, env):
    set_byte(long(env, VALID), cell(long(env, SLOTS), slot, OUT) * long(env, STRIDE) + row, 1)


@part()
def _clear(row, env):
    for column in range(long(env, OUTS)):
        set_byte(long(env, VALID), column * long(env, STRIDE) + row, 0)


@part(forceinline=True)
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


@part()
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


@part()
def _head_end(buf, p):
    """Return where a line's record begins: behind blanks, NUL bytes and byte order marks."""
    while True:
        c = byte(buf, p)
        if c == 32 or c == 9 or c == 13 or c == 0:
            p += 1
        elif c == 0xEF and byte(buf, p + 1) == 0xBB and byte(buf, p + 2) == 0xBF:
            p += 3
        else:
            return p


@part()
def _blank_end(buf, p):
    while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
        p += 1
    return p


@part()
def _named(buf, head, tail, anew, node, env):
    """Return the node behind the name from head to tail in the object of a node, -1 when it is not declared."""
    if not anew:
        return _edge(buf, head, tail, node, env)
    side, at = long(env, SIDE), long(env, SIDE_USED)
    return _edge(side, at, rewrite(buf, head, tail, side, at, False), node, env)


@part()
def _same(buf, p, q, node, depth, env):
    """Return whether the value from p to q is that which the place `node` had before in this line.

    The shorter one is kept, so that a line takes time for its length, however many of its values are the same.
    """
    seen = long(env, SEEN)
    start = long(seen, node * 2 + 1)
    stop = any_end(buf, start, depth, env)
    same = stop - start == q - p
    if same:
        i = 0
        while i < q - p and byte(buf, start + i) == byte(buf, p + i):
            i += 1
        same = i == q - p
    if not same:
        side, at = long(env, SIDE), long(env, SIDE_USED)
        middle = compact(buf, start, stop, side, at, True)
        end = compact(buf, p, q, side, middle, True)
        same = end - middle == middle - at
        i = at
        while same and i < middle:
            same = byte(side, i) == byte(side, i - at + middle)
            i += 1
    if q - p < stop - start:
        set_long(seen, node * 2 + 1, p)
    return same


@part()
def _object_here(buf, p, slot, node, row, depth, env):
    """Look at the object at p before it is gone into: return 0, 1 when its shape cannot be learnt, -1 when it fits nothing."""
    slots = long(env, SLOTS)
    if slot < 0:
        return 0
    kept = has_kind(slot, ANY, slots)
    if not kept:
        return 0 if has_kind(slot, PRESENT, slots) else -1
    end = skip(buf, p, depth, env)[0]
    if end < 0:
        return -1
    put_nested(buf, p, end, row, slot, ANY, True, env)
    return 1


@part()
def _key(buf, p, depth, env):
    """Return (where the value begins of the field whose name's first quote is at p, its node); (-1, -1) for bad grammar."""
    head = p + 1
    within = long(long(env, STACK), depth - 1)
    tail, anew = text_end(buf, head, long(env, STRICTLY) != 0 or within >= 0)
    if tail < 0:
        return np.int64(-1), np.int64(-1)
    node = np.int64(-1)
    if within >= 0:
        node = _named(buf, head, tail, anew, within, env)
    p = _blank_end(buf, tail + 1)
    if byte(buf, p) != 58:
        return np.int64(-1), np.int64(-1)
    return _blank_end(buf, p + 1), node


@part()
def _met_before(p, node, env):
    """Return whether this line has had the field of a node before; note that it has it now, at p."""
    seen, stamp = long(env, SEEN), long(env, STAMP)
    if long(seen, node * 2) == stamp:
        return True
    set_long(seen, node * 2, stamp)
    set_long(seen, node * 2 + 1, p)
    return False


@part()
def _again(buf, p, node, depth, twice, env):
    """Return (the end of the value at p of a field that this line has had, `twice` or its node if the value is another)."""
    end = any_end(buf, p, depth, env)
    if end >= 0 and twice < 0 and not _same(buf, p, end, node, depth, env):
        twice = node
    return end, twice


@part()
def _goes_into(buf, p, slot, env):
    """Return whether the value at p is an object whose fields are looked at: one that is kept as text alone is a value."""
    if byte(buf, p) != 123:
        return False
    slots = long(env, SLOTS)
    return slot < 0 or has_kind(slot, PRESENT, slots) or not has_kind(slot, ANY, slots)


@part()
def _go_into(buf, p, slot, node, row, depth, env):
    """Go into the object at p, of a node; return (what `_object_here` says of it, whether it is marked)."""
    here = _object_here(buf, p, slot, node, row, depth, env)
    if here < 0:
        node = np.int64(-1)
    nodes = long(env, NODES)
    # names matter where the schema looks for some
    set_long(long(env, STACK), depth, node if node >= 0 and cell(nodes, node, _EDGES) > 0 else np.int64(-1))
    marked = node >= 0 and cell(nodes, node, _MARKED) != 0
    if marked:
        _present(slot, row, env)
    return here, marked


@part()
def _value(buf, p, slot, node, row, depth, env):
    """Check and store the value at p, or go into the object there; return (its end, or the place behind its brace; what is told).

    (-1, 0) for bad grammar.
    """
    if _goes_into(buf, p, slot, env):
        if depth >= MAX_DEPTH:
            return np.int64(-1), 0
        here, marked = _go_into(buf, p, slot, node, row, depth, env)
        told = _OBJECT if marked else _OBJECT | _UNMARKED
        if here != 0:
            told |= _UNFIT if here < 0 else _UNLEARNT
        return p + 1, told
    end = value_end(buf, p, slot, row, depth, long(env, SLOTS), env)
    if end >= 0:
        return end, 0
    return any_end(buf, p, depth, env), _UNFIT  # what is no JSON, or fits no type


@part()
def _shape(buf, p, literal, count, twice, told, env):
    """Return what `_parse` does of a line whose record ends at p, of so many recorded values."""
    p = _blank_end(buf, p)
    if byte(buf, p) != 10:
        return -1
    if twice >= 0:
        set_long(env, TWICE, twice)
        return -2
    if told & _UNFIT:
        return -1
    if count >= MAX_VALUES or told & _UNLEARNT:
        return 0
    record(count, literal, p + 1, np.int64(_END), np.int64(-1), env)
    return count + 1


@part()
def _parse(buf, start, row, env):
    """Parse one line of any form; return how many entries of `recorded` tell its shape (0: not to be learnt), -1 if refused.

    Each entry: literal's start and end, what comes behind it, slot. -2 when a declared field stands there twice with
    different values: TWICE is its node.
    """
    set_long(env, STAMP, long(env, STAMP) + 1)
    twice = np.int64(-1)
    told = 0
    p = _head_end(buf, start)
    if byte(buf, p) != 123:
        return -1
    p += 1
    set_long(long(env, STACK), 0, 0)
    depth = np.int64(1)
    literal = start
    count = 0
    expect = _FIRST
    while depth > 0:
        p = _blank_end(buf, p)
        c = byte(buf, p)
        if expect == _NEXT and c == 44:
            p += 1
            expect = _KEY
            continue
        if expect != _KEY and c == 125:
            p += 1
            depth -= 1
            expect = _NEXT
            continue
        if expect == _NEXT or c != 34:
            return -1
        p, node = _key(buf, p, depth, env)
        if p < 0:
            return -1
        expect = _NEXT
        if node >= 0 and _met_before(p, node, env):
            p, twice = _again(buf, p, node, depth, twice, env)
            if p < 0:
                return -1
            told |= _UNLEARNT
            continue
        slot = cell(long(env, NODES), node, _NODE_SLOT) if node >= 0 else np.int64(-1)
        end, here = _value(buf, p, slot, node, row, depth, env)
        if end < 0:
            return -1
        told |= here
        after = depth
        if here & _OBJECT:
            depth += 1
            p = end
            expect = _FIRST
            if here & _UNMARKED:
                continue
            after = np.int64(_MARK)
        if count < MAX_VALUES:
            record(count, literal, p, after, slot, env)
        count += 1
        literal = p = end
    return _shape(buf, p, literal, count, twice, told, env)


@part()
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


@kernel(arguments="l l l l l l l")
def scan(buf, start, limit, delta, path, most, env):
    """Decode the lines from `start` to `limit`, which is behind a newline; `buf` and `env` are addresses.

    Row r starts at byte POSITION[r] of the partition, its place in buf plus `delta`. Returns (rows, lines handed down):
    each row of DOWN is a row number, the line's start, the place of its newline, and the node of a field that stands
    there twice with different values. The row is all null; where the node is -1 it waits for the strict parser. With
    `path` 0 the tree of shapes is neither used nor taught. There is room for `most` rows: where that is not enough, rows
    is -1, and nothing that was written is of use.
    """
    position, down = long(env, POSITION), long(env, DOWN)
    row = np.int64(0)  # typed, so that no kernel is compiled twice
    lost = np.int64(0)
    p = start
    while p < limit:
        if row == most:
            return np.int64(-1), lost
        end = np.int64(-1)
        used = long(env, SIDE_USED)
        if path > 0:
            end = _match(buf, p, row, env)
        if end < 0:
            stop = line_end(buf, p)
            end = stop + 1
            q = _head_end(buf, p)
            _clear(row, env)
            set_long(env, SIDE_USED, used)  # so that a line never takes more than its own length
            if q == stop:
                p = end
                continue
            count = _parse(buf, p, row, env)
            if count < 0:
                _clear(row, env)
                set_long(env, SIDE_USED, used)
                set_long(down, lost * 4, row)
                set_long(down, lost * 4 + 1, p)
                set_long(down, lost * 4 + 2, stop)
                set_long(down, lost * 4 + 3, long(env, TWICE) if count == -2 else -1)
                lost += 1
            elif count > 0 and path > 0:
                _learn(buf, count, env)
        set_long(position, row, p + delta)
        row += 1
        p = end
    return row, lost
