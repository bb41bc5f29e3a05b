"""What stands before the time of a line, compiled: `portable` has the last word on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar import addresses
from caudal.columnar.compiled import kernel, part
from caudal.formats.combined.portable import LOG_LAYOUTS, log_head_lines, log_layout, most_fitting

TIME_LENGTH = 26
"""Bytes of `17/May/2015:10:05:03 +0000`."""

VHOST, LISTED, CLIENT, IDENT, USER = range(5)
"""Rows of the spans that `before` fills: where each part begins and ends."""


def decide(head: bytes) -> str:
    """Return the layout that most of a file's first lines fit, as `portable.log_layout` does."""
    if not _count.ready():
        return log_layout(head)
    lines = log_head_lines(head)
    data = np.frombuffer(bytearray(b"\n".join(lines) + b" " * 128), np.uint8)
    length = np.array([len(line) for line in lines], np.int64)
    start = np.cumsum(length + 1) - length - 1
    fits = np.zeros(len(LOG_LAYOUTS), np.int64)
    _count(data, start, length, np.array(list(LOG_LAYOUTS.values()), np.bool_), fits)
    return most_fitting(dict(zip(LOG_LAYOUTS, fits.tolist())), lines)


@kernel(arguments="B L L ?? L")
def _count(data, start, length, layouts, fits):
    spans = np.zeros((5, 2), np.int64)
    for i in range(start.size):
        for k in range(layouts.shape[0]):
            if before(data, start[i], start[i] + length[i], layouts[k], spans) >= 0:
                fits[k] += _speaks(data, layouts[k], spans)


@part()
def _speaks(data, layout, spans):
    """Whether a line that fits speaks for the layout: see `portable`."""
    if layout.sum() == 1:
        return True
    second = CLIENT if layout[2] else LISTED
    first, stop = spans[second, 0], spans[second, 1]
    return data[first] != 44 and (_has(data, first, stop, 46) or _has(data, first, stop, 58))


@part(forceinline=True)
def _blank(data, p, end):
    while p < end and data[p] != 32:
        p += 1
    return p


@part(forceinline=True)
def _has(data, p, end, c):
    while p < end:
        if data[p] == c:
            return True
        p += 1
    return False


@part()
def _list_end(data, p, end):
    """Return where a list of addresses ends that stands at p: blanks may stand before and behind its commas."""
    while True:
        while p < end and data[p] != 32 and data[p] != 44:
            p += 1
        q = p
        while q < end and data[q] == 32:
            q += 1
        if q >= end or data[q] != 44:
            return p
        p = q + 1
        while p < end and data[p] == 32:
            p += 1


@part()
def before(data, p, end, layout, spans):
    """Find what stands before the time; return where its bracket stands, -1 where the line does not fit the layout."""
    if layout[0]:
        q = _blank(data, p, end)
        if q == p or data[q - 1] == 44:
            return -1
        spans[VHOST, 0], spans[VHOST, 1] = p, q
        p = q + 1
    if layout[1]:
        q = _list_end(data, p, end)
        if q <= p:
            return -1
        spans[LISTED, 0], spans[LISTED, 1] = p, q
        p = q + 1
    if layout[2]:
        q = _blank(data, p, end)
        if q <= p or _has(data, p, q, 44):
            return -1
        if (layout[0] or layout[1]) and q - p == 1 and data[p] == 45:
            return -1
        spans[CLIENT, 0], spans[CLIENT, 1] = p, q
        p = q + 1
    q = _blank(data, p, end)
    if q <= p or q >= end or _has(data, p, q, 44):
        return -1
    spans[IDENT, 0], spans[IDENT, 1] = p, q
    user = q + 1
    p = user + 2  # where the bracket stands
    last = end - TIME_LENGTH - 4
    while p <= last and not (
        data[p] == 91 and data[p - 1] == 32 and data[p + 27] == 93 and data[p + 28] == 32 and data[p + 29] == 34
    ):
        p += 1
    if p > last:
        return -1
    spans[USER, 0], spans[USER, 1] = user, p - 1
    if layout[1] and _has(data, user, p - 1, 44):
        return -1
    if _has(data, user, p - 1, 32) and not (spans[IDENT, 1] - spans[IDENT, 0] == 1 and data[spans[IDENT, 0]] == 45):
        return -1
    return p


@part()
def find_client(data, layout, networks, groups, spans):
    """Set the span of the client: of the addresses that a line gives, the rightmost that is not trusted."""
    if not layout[1]:
        return
    first, last = spans[LISTED, 0], spans[LISTED, 1]
    begin, end = first, first
    if layout[2]:
        begin, end = spans[CLIENT, 0], spans[CLIENT, 1]
        if not _is_trusted(data, begin, end, networks, groups):
            return
    q = last
    while q >= first:
        p = q
        while p > first and data[p - 1] != 44:
            p -= 1
        following = p - 1
        while p < q and data[p] == 32:
            p += 1
        while q > p and data[q - 1] == 32:
            q -= 1
        if q > p and not (q - p == 1 and data[p] == 45):
            begin, end = p, q
            if not _is_trusted(data, p, q, networks, groups):
                break
        q = following
    if begin == end:  # nothing but dashes and commas: no client
        begin, end = -1, -1
    spans[CLIENT, 0], spans[CLIENT, 1] = begin, end


@part()
def _is_trusted(data, p, end, networks, groups):
    if networks.shape[0] == 0:
        return False
    family, high, low = addresses.parse_named(data, p, end, groups)
    return family != 0 and addresses.is_within(family, high, low, networks)


def layout_of(name: str) -> Any:
    """Return a layout as kernels take it: whether a virtual host, a list and a client stand before the ident."""
    return np.array(LOG_LAYOUTS[name], np.bool_)
