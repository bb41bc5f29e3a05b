"""Numbering: dictionaries of texts that come in parts, such as those of a file's row groups, as one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from caudal.columnar.column import Codes, Dictionary, Ints, Text, concat, from_list
from caudal.columnar.compiled import kernel
from caudal.columnar.grouping import group, key_hashes, same_bytes
from caudal.core.types import DataType

LARGEST = 1 << 16
"""Texts beyond which a dictionary is not added to: another is begun."""


class Numbering:
    """Numbers texts, equal ones alike. For one thread at a time; the dictionaries that it gives are immutable.

    `mended` gets texts that are not in the dictionary yet, and gives each as it is to stand there.
    """

    def __init__(self, dtype: DataType, mended: Callable[[Text], Text] = lambda texts: texts) -> None:
        self._dtype = dtype
        self._mended = mended
        self._begin()

    def _begin(self) -> None:
        none = from_list([], self._dtype)
        assert isinstance(none, Text)
        self._known = Dictionary(none, np.empty(0, np.int64), object())
        self._slots = np.full(1, -1, np.int32)

    def number(self, texts: Text) -> tuple[Dictionary, Codes]:
        """Return a dictionary that has all these texts (none null), and the number of each in it."""
        numbers = self._numbers(texts, key_hashes([texts], len(texts)))
        new = np.flatnonzero(numbers < 0)
        if len(new) and len(self._known) > LARGEST:
            self._begin()
            return self.number(texts)
        if len(new):
            numbers[new] = self._added(self._mended(texts.take(new)))
        return self._known, numbers

    def _numbers(self, texts: Text, hashes: Ints) -> Codes:
        """Return the number of each text, -1 where it has none."""
        known = self._known.texts
        return _found(
            self._slots, self._known.hashes, known.data, known.start, known.length,
            hashes, texts.data, texts.start, texts.length,
        )  # fmt: skip

    def _added(self, texts: Text) -> Codes:
        """Number texts, each that has none yet with the next."""
        groups = group([texts], [], len(texts))
        texts = texts.take(groups.first)
        hashes = key_hashes([texts], len(texts))
        numbers = self._numbers(texts, hashes)  # what was mended may be there
        new = np.flatnonzero(numbers < 0)
        if len(new):
            before = self._known
            numbers[new] = np.arange(len(before), len(before) + len(new), dtype=np.int32)
            both = concat([before.texts, texts.take(new)])
            assert isinstance(both, Text)
            self._known = Dictionary(both, np.concatenate([before.hashes, hashes[new]]), before.origin)
            self._slots = _entered(self._known.hashes, 2 << len(both).bit_length())
        return numbers[groups.codes]


@kernel(arguments="L l")
def _entered(hashes, capacity):
    """Return a table of so many slots (a power of two) with the number of each hash in it."""
    slots = np.full(capacity, -1, np.int32)
    for i in range(hashes.size):
        k = hashes[i] & (capacity - 1)
        while slots[k] >= 0:
            k = (k + 1) & (capacity - 1)
        slots[k] = i
    return slots


@kernel(arguments="I L B L I L B L I")
def _found(slots, known, known_data, known_start, known_length, hashes, data, start, length):
    """Return the number of each text that is known, -1 of others."""
    out = np.full(hashes.size, -1, np.int32)
    for i in range(hashes.size):
        k = hashes[i] & (slots.size - 1)
        while slots[k] >= 0:
            g = slots[k]
            n = np.int64(length[i])
            if (
                known[g] == hashes[i]
                and known_length[g] == n
                and same_bytes(data, start[i], known_data, known_start[g], n)
            ):
                out[i] = g
                break
            k = (k + 1) & (slots.size - 1)
    return out


@kernel(arguments="I I")
def renumbered(numbers, codes):
    """Return numbers[code] of each code."""
    out = np.empty(codes.size, np.int32)
    for i in range(codes.size):
        out[i] = numbers[codes[i]]
    return out
