"""Units of a call: what a function is given one by one; rows, or windows of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caudal.ports.records import MAX_PAYLOAD

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Units:
    """Rows that a function of a site is called with. `lengths`: how many of them each window has, None where each is by itself."""

    site: str
    table: pa.Table
    lengths: Sequence[int] | None

    @classmethod
    def of(cls, table: pa.Table) -> Units:
        """Return the units of a table that tells in its metadata whose they are."""
        told = table.schema.metadata
        return cls(told[b"site"].decode(), table.replace_schema_metadata(None), json.loads(told[b"lengths"]))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.table.num_rows if self.lengths is None else len(self.lengths)

    def part(self, start: int, stop: int) -> Units:
        """Return some of them."""
        if self.lengths is None:
            return Units(self.site, self.table.slice(start, stop - start), None)
        before, inside = sum(self.lengths[:start]), self.lengths[start:stop]
        return Units(self.site, self.table.slice(before, sum(inside)), inside)

    def shown(self) -> bytes:
        """Return the first of its rows as people read it."""
        values = self.table.slice(0, 10).to_pylist()
        return json.dumps(values, default=str, ensure_ascii=False).encode()[: MAX_PAYLOAD + 1]
