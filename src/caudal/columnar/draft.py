"""A column while a decoder makes it: most values come from kernels at once, a few are put in their places later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Bytes, Column, Fixed, Text
from caudal.core.types import DataType


@dataclass(slots=True)
class Draft:
    """Values of a fixed width; or, where `data` is given, views of texts: `values` their starts, `lengths` int32."""

    dtype: DataType
    values: Any
    valid: Bools
    lengths: Any = ()
    data: Bytes | None = None
    _extra: bytearray | None = None

    def put(self, row: int, value: Any) -> None:
        """Set one value (bytes for text, None for null)."""
        self.valid[row] = value is not None
        if value is None:
            return
        if self.data is None:
            self.values[row] = value
            return
        if self._extra is None:
            self._extra = bytearray()
        self.values[row] = len(self.data) + len(self._extra)
        self.lengths[row] = len(value)
        self._extra += value

    def column(self, keep: Bools | None) -> Column:
        """Return the column of the rows to keep (None: all)."""
        values, lengths, valid = self.values, self.lengths, self.valid
        if keep is not None:
            values, valid = values[keep], valid[keep]
        nulls = None if valid.all() else valid
        if self.data is None:
            return Fixed(self.dtype, values, nulls)
        data = self.data
        if self._extra:
            # One array holds all views, so texts from outside the block go behind a copy of it.
            data = np.concatenate([data, np.frombuffer(self._extra, np.uint8)])
        return Text(self.dtype, data, values, lengths if keep is None else lengths[keep], nulls)
