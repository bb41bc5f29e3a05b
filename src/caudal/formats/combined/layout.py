"""What stands before the time of a line, compiled: `portable` has the last word on it."""

from __future__ import annotations

import numpy as np

from caudal.columnar import addresses
from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import byte, find, long, set_long, word64
from caudal.formats.combined.portable import LOG_LAYOUTS, log_head_lines, log_layout, most_fitting

TIME_LENGTH = 26
"""Bytes of `17/May/2015:10:05:03 +0000`."""

VHOST, LISTED, CLIENT, IDENT, USER = range(0, 10, 2)
"""Places in the spans that `before` fills: where each part begins, and behind it where it ends."""

SPANS = 10
"""Places of the spans, of int64."""

_HAS_VHOST, _HAS_LIST, _HAS_CLIENT = 1, 2, 4
_BEHIND, _THREE = np.uint64(0x22205D), np.uint64(0xFFFFFF)  # `] "` stands behind the time


def decide(head: bytes) -> str:
    """Return the layout that most of a file's first lines fit, as `portable.log_layout` does."""
    if not _count.ready():
        return log_layout(head)
    lines = log_head_lines(head)
    data = np.frombuffer(bytearray(b"\n".join(lines) + b" " * 128), np.uint8)
    length = np.array([len(line) for line in lines], np.int64)
    start = np.cumsum(length + 1) - length - 1
    fits = np.zeros(len(LOG_LAYOUTS), np.int64)
    layouts = np.array([layout_of(name) for name in LOG_LAYOUTS], np.int64)
    _count(data, start, length, layouts, np.zeros(SPANS, np.int64), fits)
    return most_fitting(dict(zip(LOG_LAYOUTS, fits.tolist())), lines)


@kernel(arguments="B L L L L L")
def _count(data, start, length, layouts, found, fits):
    buf, spans = np.int64(data.ctypes.data), np.int64(found.ctypes.data)
    for i in range(start.size):
        for k in range(layouts.size):
            if before(buf, start[i], start[i] + length[i], layouts[k], spans) >= 0:
                fits[k] += _speaks(buf, layouts[k], spans)


@part()
def _speaks(buf, layout, spans):
    """Whether a line that fits speaks for the layout: see `portable`."""
    if layout in (_HAS_CLIENT, _HAS_LIST):
        return True
    second = CLIENT if layout & _HAS_CLIENT else LISTED
    first, stop = long(spans, second), long(spans, second + 1)
    return byte(buf, first) != 44 and (find(buf, first, stop, 46) < stop or find(buf, first, stop, 58) < stop)


@part()
def _list_end(buf, p, end):
    """Return where a list of addresses ends that stands at p: blanks may stand before and behind its commas."""
    while True:
        while p < end and byte(buf, p) != 32 and byte(buf, p) != 44:
            p += 1
        q = p
        while q < end and byte(buf, q) == 32:
            q += 1
        if q >= end or byte(buf, q) != 44:
            return p
        p = q + 1
        while p < end and byte(buf, p) == 32:
            p += 1


@part(forceinline=True)
def _set(spans, which, first, last):
    set_long(spans, which, first)
    set_long(spans, which + 1, last)


@part(forceinline=True)
def _is_dash(buf, p, q):
    return q - p == 1 and byte(buf, p) == 45


@part(forceinline=True)
def _is_bracket(buf, p):
    """Whether the time stands behind p: ` [`, 26 bytes, `] "`."""
    return byte(buf, p) == 91 and byte(buf, p - 1) == 32 and (word64(buf, p + 27) & _THREE) == _BEHIND


@part()
def before(buf, p, end, layout, spans):
    """Find what stands before the time; return where its bracket stands, -1 where the line does not fit the layout."""
    if layout & _HAS_VHOST:
        q = find(buf, p, end, 32)
        if q == p or byte(buf, q - 1) == 44:
            return -1
        _set(spans, VHOST, p, q)
        p = q + 1
    if layout & _HAS_LIST:
        q = _list_end(buf, p, end)
        if q <= p:
            return -1
        _set(spans, LISTED, p, q)
        p = q + 1
    if layout & _HAS_CLIENT:
        q = find(buf, p, end, 32)
        if q <= p or find(buf, p, q, 44) < q:
            return -1
        if layout != _HAS_CLIENT and _is_dash(buf, p, q):
            return -1
        _set(spans, CLIENT, p, q)
        p = q + 1
    q = find(buf, p, end, 32)
    if q <= p or q >= end or find(buf, p, q, 44) < q:
        return -1
    _set(spans, IDENT, p, q)
    named = not _is_dash(buf, p, q)
    user = q + 1
    p = user + 2  # where the bracket stands
    last = end - TIME_LENGTH - 4
    while p <= last and not _is_bracket(buf, p):
        p = find(buf, p + 1, last + 1, 91)
    if p > last:
        return -1
    _set(spans, USER, user, p - 1)
    if layout & _HAS_LIST and find(buf, user, p - 1, 44) < p - 1:
        return -1
    if named and find(buf, user, p - 1, 32) < p - 1:
        return -1
    return p


@part()
def find_client(data, buf, layout, networks, groups, spans):
    """Set the span of the client: of the addresses that a line gives, the rightmost that is not trusted."""
    if not layout & _HAS_LIST:
        return
    first, last = long(spans, LISTED), long(spans, LISTED + 1)
    begin, end = first, first
    if layout & _HAS_CLIENT:
        begin, end = long(spans, CLIENT), long(spans, CLIENT + 1)
        if not _is_trusted(data, begin, end, networks, groups):
            return
    q = last
    while q >= first:
        p = q
        while p > first and byte(buf, p - 1) != 44:
            p -= 1
        following = p - 1
        while p < q and byte(buf, p) == 32:
            p += 1
        while q > p and byte(buf, q - 1) == 32:
            q -= 1
        if q > p and not _is_dash(buf, p, q):
            begin, end = p, q
            if not _is_trusted(data, p, q, networks, groups):
                break
        q = following
    if begin == end:  # nothing but dashes and commas: no client
        begin, end = -1, -1
    _set(spans, CLIENT, begin, end)


@part()
def _is_trusted(data, p, end, networks, groups):
    if networks.shape[0] == 0:
        return False
    family, high, low = addresses.parse_named(data, p, end, groups)
    return family != 0 and addresses.is_within(family, high, low, networks)


def layout_of(name: str) -> int:
    """Return a layout as kernels take it: whether a virtual host, a list and a client stand before the ident, as bits."""
    return sum(bit for bit, there in zip((_HAS_VHOST, _HAS_LIST, _HAS_CLIENT), LOG_LAYOUTS[name]) if there)
