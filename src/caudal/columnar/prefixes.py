"""Networks in text, whole columns at a time, and which of a million holds an address: the longest prefix wins.

Networks lie inside one another or apart, so their bounds cut the addresses into intervals of which each has one innermost network,
or none. An address is looked for among the bounds, first by its leading bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from caudal.columnar.addresses import parse_plain, words
from caudal.columnar.column import Ints, Text
from caudal.columnar.compiled import kernel, part
from caudal.core.addresses import network_of

_SIGN = np.int64(-(2**63))
_LEADING = 20
"""Leading bits at most by which an address is looked for first."""


class Networks(NamedTuple):
    """Networks by family (4, 6), address (high and low 64 bits; IPv4 stands in the low ones) and length of the prefix."""

    family: Any
    high: Ints
    low: Ints
    bits: Ints


class NoNetwork(ValueError):
    """A text that is no network; `row`: which."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row


def networks(text: Text) -> Networks:
    """Return the networks that texts are, as `core.addresses.network_of` reads them; raises `NoNetwork`."""
    family = np.empty(len(text), np.int8)
    high, low, bits = (np.empty(len(text), np.int64) for _ in range(3))
    _networks(text.data, text.start, text.length, text.valid_or_all(), family, high, low, bits)
    for row in np.flatnonzero(family == 0).tolist():  # in another form, or none
        if text.valid is not None and not text.valid[row]:
            raise NoNetwork(row, "there is none")
        try:
            found = network_of(text[row].decode())
        except ValueError as error:
            raise NoNetwork(row, str(error)) from None
        family[row], bits[row] = found.version, found.prefixlen
        high[row], low[row] = words(int(found.network_address))
    return Networks(family, high, low, bits)


class Prefixes:
    """Finds the longest prefix. `order`: the rows of the networks, those of one network behind one another as they came;
    `offsets`: where each network's begin; `parents`: by network the one around it, -1 for none."""

    def __init__(self, given: Networks) -> None:
        six = given.family == 6
        high = np.where(six, given.high ^ _SIGN, 0)
        low = np.where(six, given.low ^ _SIGN, given.low)
        order = np.lexsort((given.bits, low, high, given.family)).astype(np.int64)
        family, high, low, bits = given.family[order], high[order], low[order], given.bits[order]
        first = np.ones(len(order), np.bool_)
        for words_ in (family, high, low, bits):
            if words_ is family:
                first[1:] = words_[1:] != words_[:-1]
            else:
                first[1:] |= words_[1:] != words_[:-1]
        begin = np.flatnonzero(first)
        self.order: Ints = order
        self.offsets: Ints = np.append(begin, len(order)).astype(np.int64)
        self.parents: Ints = np.empty(len(begin), np.int64)
        family, high, low, bits = family[begin], high[begin], low[begin], bits[begin]
        fours = int(np.searchsorted(family, 6))
        _, self._low4, self._owner4 = _cut(high[:fours], low[:fours], bits[:fours], 32, 0, self.parents[:fours])
        self._high6, self._low6, self._owner6 = _cut(
            high[fours:], low[fours:], bits[fours:], 128, fours, self.parents[fours:]
        )
        self._shift4, self._leading4 = _leading(self._low4, 32)
        self._shift6, self._leading6 = _leading(self._high6 ^ _SIGN, 64)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return sum(each.nbytes for each in vars(self).values() if isinstance(each, np.ndarray))

    def find(self, family: Any, high: Ints, low: Ints) -> Ints:
        """Return the number of the innermost network around each address (of family 0: none), -1 for none."""
        out = np.empty(len(family), np.int64)
        four = (self._low4, self._owner4, self._leading4, self._shift4)
        six = (self._high6, self._low6, self._owner6, self._leading6, self._shift6)
        _find(family, high, low, *four, *six, out)
        return out


def _cut(high: Ints, low: Ints, bits: Ints, width: int, first: int, parents: Ints) -> tuple[Ints, Ints, Any]:
    """Return the bounds of one family's networks (high, low) and the innermost network behind each."""
    bounds_high, bounds_low = (np.empty(2 * len(high) + 1, np.int64) for _ in range(2))
    owner = np.empty(2 * len(high) + 1, np.int32)
    count = _sweep(high, low, bits, width, first, parents, bounds_high, bounds_low, owner)
    return bounds_high[:count].copy(), bounds_low[:count].copy(), owner[:count].copy()


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
def _networks(data, start, length, valid, family, high, low, bits):
    masked = valid.size > 0
    groups = np.zeros(8, np.int64)
    for i in range(start.size):
        family[i] = 0
        high[i] = 0
        low[i] = 0
        bits[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i]
        stop = p + np.int64(length[i])
        slash = p
        while slash < stop and data[slash] != 47:
            slash += 1
        f, h, w = parse_plain(data, p, slash, groups)
        if f == 0:
            continue
        n = np.int64(32 if f == 4 else 128)
        if slash < stop:
            if stop - slash > 4 or stop - slash < 2:
                continue
            value = np.int64(0)
            for k in range(slash + 1, stop):
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
        bits[i] = n


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
    """Put a bound behind the others; one at the same place is the innermost."""
    if count > 0 and high[count - 1] == h and low[count - 1] == w:
        owner[count - 1] = who
        return count
    high[count] = h
    low[count] = w
    owner[count] = who
    return count + 1


@part()
def _left(stack, depth, end_high, end_low, width, first, high, low, owner, count):
    """Leave the innermost network: what follows it belongs to the one around it."""
    h = end_high[depth - 1]
    w = end_low[depth - 1]
    who = stack[depth - 2] + first if depth > 1 else -1
    most = np.int64(0x7FFFFFFFFFFFFFFF)
    if width == 32:
        if w == 0xFFFFFFFF:
            return count
        return _bound(high, low, owner, count, h, w + 1, who)
    if w == most:
        if h == most:
            return count
        return _bound(high, low, owner, count, h + 1, -most - 1, who)
    return _bound(high, low, owner, count, h, w + 1, who)


@kernel()
def _sweep(start_high, start_low, bits, width, first, parents, high, low, owner):
    """Walk networks in order, outer ones first; return how many bounds there are. Words are in their order as int64."""
    stack = np.empty(130, np.int64)
    end_high = np.empty(130, np.int64)
    end_low = np.empty(130, np.int64)
    depth = 0
    least = np.int64(0) if width == 32 else -np.int64(0x7FFFFFFFFFFFFFFF) - 1
    count = _bound(high, low, owner, 0, np.int64(0) if width == 32 else least, least, -1)
    for g in range(start_high.size):
        h = start_high[g]
        w = start_low[g]
        while depth > 0 and (end_high[depth - 1] < h or (end_high[depth - 1] == h and end_low[depth - 1] < w)):
            count = _left(stack, depth, end_high, end_low, width, first, high, low, owner, count)
            depth -= 1
        parents[g] = stack[depth - 1] + first if depth > 0 else -1
        inside_high, inside_low = _inside(bits[g], width)
        stack[depth] = g
        end_high[depth] = h | inside_high
        end_low[depth] = w | inside_low
        if bits[g] == 0 and width == 128:  # the sign, which orders words, is no bit of the address
            end_high[depth] = np.int64(0x7FFFFFFFFFFFFFFF)
        if width == 128 and bits[g] <= 64:
            end_low[depth] = np.int64(0x7FFFFFFFFFFFFFFF)
        depth += 1
        count = _bound(high, low, owner, count, h, w, g + first)
    while depth > 0:
        count = _left(stack, depth, end_high, end_low, width, first, high, low, owner, count)
        depth -= 1
    return count


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
