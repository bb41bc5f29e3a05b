"""Lists that become rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from caudal.columnar.column import Column, Ints, from_arrow
from caudal.plan.nodes import Explode

pc: Any = pyarrow.compute


def exploded(node: Explode, column: Column) -> tuple[Ints, dict[str, Column]]:
    """Return of each element the row that it is of, and the columns that elements become."""
    lists = column.to_arrow()
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    owner = np.repeat(np.arange(len(lists), dtype=np.int64), counts)
    items = lists.flatten()
    made = node.elements()
    whole = bool(node.into) or not pa.types.is_struct(items.type)
    parts = [items] if whole else items.flatten()
    return owner, {f.name: from_arrow(part, f.dtype) for f, part in zip(made, parts, strict=True)}
