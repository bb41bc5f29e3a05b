"""Fields of structs, and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Text, from_arrow
from caudal.core.types import BOOL, INT64
from caudal.expressions.comparison import text_equal, values_rule
from caudal.expressions.kernel import Kernel, Site, full, implements, pc


@implements("field")
def _field(site: Site) -> Kernel:
    name = site.options["name"]

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        return from_arrow(pc.struct_field(args[0].array, name), site.result)

    return kernel


@implements("list_length")
def _list_length(site: Site) -> Kernel:
    return lambda rows, args: from_arrow(pc.list_value_length(args[0].array), INT64)


def _parts(array: Any) -> tuple[Any, Any, Any]:
    """Return (first item of each list, number of items, all items); a null list has none."""
    offsets = array.offsets.to_numpy(zero_copy_only=False)
    first, size = offsets[:-1], np.diff(offsets)
    if array.null_count:
        size = np.where(array.is_valid().to_numpy(zero_copy_only=False), size, 0)
    return first, size, array.values


@implements("list_get")
def _list_get(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        lists, index = full(args[0], rows), full(args[1], rows)
        first, size, items = _parts(lists.to_arrow())
        at = np.where(index.values < 0, index.values + size, index.values)  # type: ignore[attr-defined]
        ok = (at >= 0) & (at < size)
        if index.valid is not None:
            ok &= index.valid
        return from_arrow(items.take(pa.array(np.where(ok, first + at, 0), mask=~ok)), site.result)

    return kernel


@implements("list_contains")
def _list_contains(site: Site) -> Kernel:
    item = site.types[1]
    equal = None if item.is_text else values_rule(Site("eq", (item, item), BOOL, {}, (None, None), site.now))

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        lists, wanted = full(args[0], rows), full(args[1], rows)
        first, size, values = _parts(lists.to_arrow())
        owner = np.repeat(np.arange(rows), size)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
        items: Any = from_arrow(values.take(pa.array(place)), item)
        other: Any = wanted.take(owner)
        ok = np.ones(len(owner), np.bool_) if items.valid is None else items.valid.copy()
        if other.valid is not None:
            ok &= other.valid
        if equal is None:
            assert isinstance(items, Text)
            hit = text_equal(items, other, len(owner), ok)
        else:
            hit = equal(items.values, other.values) & ok
        out = np.zeros(rows, np.bool_)
        out[owner[hit]] = True
        valid = (
            lists.valid if wanted.valid is None else wanted.valid if lists.valid is None else lists.valid & wanted.valid
        )
        return Fixed(BOOL, out, valid)

    return kernel
