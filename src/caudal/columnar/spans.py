"""Spans of addresses (networks, ranges) in text, whole columns at a time, and which of a million holds an address: the narrowest.

Their bounds cut the addresses into intervals, each with its narrowest span, or none. An address is looked for among the bounds,
first by its leading bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from caudal.columnar.addresses import parse, parse_plain, words
from caudal.columnar.column import Column, Ints, Text
from caudal.columnar.compiled import kernel, part
from caudal.core.addresses import network_of, range_between, range_of

_SIGN = np.int64(-(2**63))
_LEADING = 20
"""Leading bits at most by which an address is looked for first."""


class Spans(NamedTuple):
    """Spans by family (4, 6), first and last address (high and low 64 bits; IPv4 stands in the low ones)."""

    family: Any
    high: Ints
    low: Ints
    last_high: Ints
    last_low: Ints


class NoSpan(ValueError):
    """A text that is no network or no range; `row`: which."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row


def networks(keys: Sequence[Column]) -> Spans:
    """Return the networks that a column's texts are, as `core.addresses.network_of` reads them; raises `NoSpan`."""
    (text,) = keys
    assert isinstance(text, Text)
    found = _read(text, dashes=False)
    for row in np.flatnonzero(found.family == 0).tolist():  # in another form, or none
        try:
            network = network_of(_shown(text, row))
        except ValueError as error:
            raise NoSpan(row, str(error)) from None
        _put(found, row, network[0], network[-1])
    return found


def ranges(keys: Sequence[Column]) -> Spans:
    """Return the ranges that texts are, of one column or of the first and last addresses in two; raises `NoSpan`.

    They are those of `core.addresses.range_of` and `range_between`.
    """
    texts = [key for key in keys if isinstance(key, Text)]
    found = _read(texts[0], dashes=True) if len(texts) == 1 else _between(*texts)
    for row in np.flatnonzero(found.family == 0).tolist():
        shown = [_shown(text, row) for text in texts]
        try:
            first, last = range_of(*shown) if len(shown) == 1 else range_between(*shown)
        except ValueError as error:
            raise NoSpan(row, str(error)) from None
        _put(found, row, first, last)
    return found


def _read(text: Text, *, dashes: bool) -> Spans:
    family = np.empty(len(text), np.int8)
    found = Spans(family, *(np.empty(len(text), np.int64) for _ in range(4)))
    _spans(text.data, text.start, text.length, text.valid_or_all(), dashes, *found)
    return found


def _between(first: Text, last: Text) -> Spans:
    family, high, low = _plain(first)
    last_family, last_high, last_low = _plain(last)
    behind = (high ^ _SIGN) > (last_high ^ _SIGN)
    behind |= (high == last_high) & ((low ^ _SIGN) > (last_low ^ _SIGN))
    return Spans(np.where((family == last_family) & ~behind, family, 0), high, low, last_high, last_low)


def _plain(text: Text) -> tuple[Any, Ints, Ints]:
    family, high, low = parse(text, plain=True)
    mapped = (family == 6) & (high == 0) & (low >> 32 == 0xFFFF)
    return np.where(mapped, 4, family).astype(np.int8), high, np.where(mapped, low & 0xFFFFFFFF, low)


def _shown(text: Text, row: int) -> str:
    if text.valid is not None and not text.valid[row]:
        raise NoSpan(row, "there is none")
    return text[row].decode()


def _put(found: Spans, row: int, first: Any, last: Any) -> None:
    found.family[row] = first.version
    found.high[row], found.low[row] = words(int(first))
    found.last_high[row], found.last_low[row] = words(int(last))


class Narrowest:
    """Finds the narrowest span around an address; of those as wide as one another the one whose row came last.

    `order`: the rows of the spans, those of one span behind one another as they came; `offsets`: where each span's begin;
    `parents`: by span the narrowest around its first address that was there before it, -1 for none: the one around it, as long as
    spans lie inside one another or apart; `crossing`: a row of one that overlaps another in part, -1 where there is none.
    """

    def __init__(self, given: Spans) -> None:
        six = given.family == 6
        signed = [np.where(six, word ^ _SIGN, word) for word in given[1:]]  # in their order as int64
        high, low, last_high, last_low = signed
        order = np.lexsort((~last_low, ~last_high, low, high, given.family)).astype(np.int64)  # the outer ones first
        family = given.family[order]
        sorted_ = [word[order] for word in signed]
        first = np.ones(len(order), np.bool_)
        first[1:] = family[1:] != family[:-1]
        for word in sorted_:
            first[1:] |= word[1:] != word[:-1]
        begin = np.flatnonzero(first)
        self.order: Ints = order
        self.offsets: Ints = np.append(begin, len(order)).astype(np.int64)
        self.parents: Ints = np.empty(len(begin), np.int64)
        family = family[begin]
        high, low, last_high, last_low = (word[begin] for word in sorted_)
        by_rank, rank = _ranked(high, low, last_high, last_low, order[self.offsets[1:] - 1])
        fours = int(np.searchsorted(family, 6))
        cuts: list[tuple[Ints, Ints, Any]] = []
        self.crossing = -1
        for some, width in ((slice(0, fours), 32), (slice(fours, None), 128)):
            bounds_high, bounds_low = (np.empty(2 * len(high[some]) + 1, np.int64) for _ in range(2))
            owner = np.empty(2 * len(high[some]) + 1, np.int32)
            spans = (high[some], low[some], last_high[some], last_low[some], rank[some])
            count, crossing = _sweep(
                *spans, by_rank, width, some.start, self.parents[some], bounds_high, bounds_low, owner
            )
            cuts.append((bounds_high[:count].copy(), bounds_low[:count].copy(), owner[:count].copy()))
            if crossing >= 0:
                self.crossing = int(order[self.offsets[crossing]])
        (_, self._low4, self._owner4), (self._high6, self._low6, self._owner6) = cuts
        self._shift4, self._leading4 = _leading(self._low4, 32)
        self._shift6, self._leading6 = _leading(self._high6 ^ _SIGN, 64)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return sum(each.nbytes for each in vars(self).values() if isinstance(each, np.ndarray))

    def arrays(self) -> dict[str, Any]:
        """Return bounds and whose they are, for who finds without this class: words in their order as int64."""
        four = {"low4": self._low4, "owner4": self._owner4}
        return {**four, "high6": self._high6, "low6": self._low6, "owner6": self._owner6, "parents": self.parents}

    def find(self, family: Any, high: Ints, low: Ints) -> Ints:
        """Return the number of the narrowest span around each address (of family 0: none), -1 for none."""
        out = np.empty(len(family), np.int64)
        four = (self._low4, self._owner4, self._leading4, self._shift4)
        six = (self._high6, self._low6, self._owner6, self._leading6, self._shift6)
        _find(family, high, low, *four, *six, out)
        return out


def _ranked(high: Ints, low: Ints, last_high: Ints, last_low: Ints, row: Ints) -> tuple[Ints, Ints]:
    """Return the spans by width, of equal ones that of the last row first, and the place of each among them."""
    wide_low = last_low.view(np.uint64) - low.view(np.uint64)
    wide_high = last_high.view(np.uint64) - high.view(np.uint64) - (last_low < low)
    by_rank = np.lexsort((-row, wide_low, wide_high)).astype(np.int64)
    rank = np.empty(len(row), np.int64)
    rank[by_rank] = np.arange(len(row))
    return by_rank, rank


def _leading(bounds: Ints, width: int) -> tuple[int, Any]:
    """Return by how many bits to shift a word, and by what is left of it how many bounds lie before all such words."""
    kept = min(_LEADING, max(1, len(bounds).bit_length()))
    shift = width - kept
    if width == 64:
        leading = (bounds.view(np.uint64) >> np.uint64(shift)).astype(np.int64)
    else:
        leading = bounds >> shift
    return shift, np.searchsorted(leading, np.arange(2**kept + 1)).astype(np.int32)


@kernel()
def _spans(data, start, length, valid, dashes, family, high, low, last_high, last_low):
    masked = valid.size > 0
    groups = np.zeros(8, np.int64)
    for i in range(start.size):
        family[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i]
        stop = p + np.int64(length[i])
        cut = p
        while cut < stop and data[cut] != 47 and not (dashes and data[cut] == 45):
            cut += 1
        if cut < stop and data[cut] == 45:
            family[i], high[i], low[i], last_high[i], last_low[i] = _range(data, p, cut, stop, groups)
            continue
        f, h, w = parse_plain(data, p, cut, groups)
        if f == 0:
            continue
        n = np.int64(32 if f == 4 else 128)
        if cut < stop:
            if stop - cut > 4 or stop - cut < 2:
                continue
            value = np.int64(0)
            for k in range(cut + 1, stop):
                if not 48 <= data[k] <= 57:
                    value = np.int64(1000)
                    break
                value = value * 10 + np.int64(data[k]) - 48
            if value > n:
                continue
            n = value
        if f == 6 and n >= 96 and h == 0 and w >> 32 == 0xFFFF:
            f = 4
            w &= 0xFFFFFFFF
            n -= 96
        inside_high, inside_low = _inside(n, 32 if f == 4 else 128)
        if h & inside_high != 0 or w & inside_low != 0:
            continue
        family[i] = f
        high[i] = h
        low[i] = w
        last_high[i] = h | inside_high
        last_low[i] = w | inside_low


@part()
def _bare(data, p, stop, groups):
    """Return (family, high, low) of the address in data[p:stop], spaces around it aside; one that is IPv4-mapped is IPv4."""
    while p < stop and data[p] == 32:
        p += 1
    while p < stop and data[stop - 1] == 32:
        stop -= 1
    f, h, w = parse_plain(data, p, stop, groups)
    if f == 6 and h == 0 and w >> 32 == 0xFFFF:
        return 4, h, w & 0xFFFFFFFF
    return f, h, w


@part()
def _range(data, p, cut, stop, groups):
    """Return (family, high, low, high of the last, low of the last) of data[p:cut] to data[cut + 1:stop]."""
    sign = np.int64(-0x8000000000000000)
    f, h, w = _bare(data, p, cut, groups)
    g, last_h, last_w = _bare(data, cut + 1, stop, groups)
    if f != g or h ^ sign > last_h ^ sign or (h == last_h and w ^ sign > last_w ^ sign):
        f = 0
    return f, h, w, last_h, last_w


@part()
def _inside(bits, width):
    """Return the bits (high, low) that tell the addresses of a network apart."""
    left = width - bits
    if left >= 128:
        return np.int64(-1), np.int64(-1)
    if left > 64:
        return (np.int64(1) << (left - 64)) - 1, np.int64(-1)
    if left == 64:
        return np.int64(0), np.int64(-1)
    return np.int64(0), (np.int64(1) << left) - 1


@part()
def _bound(high, low, owner, count, h, w, who):
    """Put a bound behind the others; one at the same place is the narrowest's."""
    if count > 0 and owner[count - 1] == who:
        return count
    if count > 0 and high[count - 1] == h and low[count - 1] == w:
        owner[count - 1] = who
        return count
    high[count] = h
    low[count] = w
    owner[count] = who
    return count + 1


@part()
def _behind(h, w, width):
    """Return whether an address follows this one, and which."""
    most = np.int64(0x7FFFFFFFFFFFFFFF)
    if width == 32:
        return w < 0xFFFFFFFF, h, w + 1
    if w == most:
        return h < most, h + (0 if h == most else 1), -most - 1
    return True, h, w + 1


@part()
def _push(heap, size, item):
    """Put an item into a heap, the least one first; return how many there are."""
    k = size
    while k > 0:
        up = (k - 1) >> 1
        if heap[up] <= item:
            break
        heap[k] = heap[up]
        k = up
    heap[k] = item
    return size + 1


@part()
def _pop(heap, size):
    """Take the least item out of a heap; return how many are left."""
    size -= 1
    item = heap[size]
    k = 0
    while 2 * k + 1 < size:
        down = 2 * k + 1
        if down + 1 < size and heap[down + 1] < heap[down]:
            down += 1
        if heap[down] >= item:
            break
        heap[k] = heap[down]
        k = down
    heap[k] = item
    return size


@part()
def _over(g, last_high, last_low, h, w):
    """Whether a span ends before an address."""
    return last_high[g] < h or (last_high[g] == h and last_low[g] < w)


@kernel()
def _sweep(start_high, start_low, last_high, last_low, rank, by_rank, width, base, parents, high, low, owner):
    """Walk spans by where they begin, outer ones first; return how many bounds there are, and a span that crosses another.

    Those that are open lie in a heap, the narrowest first; ones that have ended are dropped as they come to its top.
    """
    heap = np.empty(start_high.size, np.int64)
    size = 0
    crossing = np.int64(-1)
    least = np.int64(0) if width == 32 else -np.int64(0x7FFFFFFFFFFFFFFF) - 1
    count = _bound(high, low, owner, 0, np.int64(0) if width == 32 else least, least, -1)
    for g in range(start_high.size + 1):
        ends = g == start_high.size
        while size > 0:
            top = by_rank[heap[0]] - base
            if not ends and not _over(top, last_high, last_low, start_high[g], start_low[g]):
                break
            more, h, w = _behind(last_high[top], last_low[top], width)
            if not more:
                size = 0
                break
            while size > 0 and _over(by_rank[heap[0]] - base, last_high, last_low, h, w):
                size = _pop(heap, size)
            count = _bound(high, low, owner, count, h, w, by_rank[heap[0]] if size > 0 else -1)
        if ends:
            break
        parents[g] = by_rank[heap[0]] if size > 0 else -1
        if size > 0 and _over(by_rank[heap[0]] - base, last_high, last_low, last_high[g], last_low[g]):
            crossing = g + base
        size = _push(heap, size, rank[g])
        count = _bound(high, low, owner, count, start_high[g], start_low[g], by_rank[heap[0]])
    return count, crossing


@kernel()
def _find(family, high, low, low4, owner4, leading4, shift4, high6, low6, owner6, leading6, shift6, out):
    sign = np.int64(-0x8000000000000000)
    for i in range(family.size):
        if family[i] == 4:
            w = low[i]
            k = w >> shift4
            a = np.int64(leading4[k])
            b = np.int64(leading4[k + 1])
            while a < b:
                middle = (a + b) >> 1
                if low4[middle] <= w:
                    a = middle + 1
                else:
                    b = middle
            out[i] = owner4[a - 1]
        elif family[i] == 6:
            h = high[i] ^ sign
            w = low[i] ^ sign
            j = np.int64(np.uint64(high[i]) >> np.uint64(shift6))
            a = np.int64(leading6[j])
            b = np.int64(leading6[j + 1])
            while a < b:
                middle = (a + b) >> 1
                if high6[middle] < h or (high6[middle] == h and low6[middle] <= w):
                    a = middle + 1
                else:
                    b = middle
            out[i] = owner6[a - 1]
        else:
            out[i] = -1
