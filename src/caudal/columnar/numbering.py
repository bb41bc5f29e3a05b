"""Numbering: dictionaries of texts that come in parts, such as those of a file's row groups, as one."""

from __future__ import annotations

import numpy as np

from caudal.columnar.column import Codes, Dictionary, Text, concat
from caudal.columnar.compiled import kernel
from caudal.columnar.grouping import group, key_hashes

LARGEST = 1 << 16
"""Texts beyond which a dictionary is not added to: another is begun."""


class Numbering:
    """Numbers texts, equal ones alike. For one thread at a time; the dictionaries that it gives are immutable."""

    def __init__(self) -> None:
        self._last: Dictionary | None = None

    def number(self, texts: Text) -> tuple[Dictionary, Codes]:
        """Return a dictionary that has all these texts (none null), and the number of each in it."""
        before = self._last
        if before is None or len(before) > LARGEST:
            known, hashes, origin, both = 0, key_hashes([texts], len(texts)), object(), texts
        else:
            known, origin = len(before), before.origin
            hashes = np.concatenate([before.hashes, key_hashes([texts], len(texts))])
            both = concat([before.texts, texts])
        groups = group([both], [], len(both), hashes)
        if before is None or len(groups) > known:
            found = both.take(groups.first)
            assert isinstance(found, Text)
            before = Dictionary(found.compact(), hashes[groups.first], origin)
            self._last = before
        return before, groups.codes[known:].astype(np.int32)


@kernel(arguments="I I")
def renumbered(numbers, codes):
    """Return numbers[code] of each code."""
    out = np.empty(codes.size, np.int32)
    for i in range(codes.size):
        out[i] = numbers[codes[i]]
    return out
