"""Comparison and logic: NaN equals NaN and is above all numbers, text compares by bytes, and/or are Kleene's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Column, Fixed, Text, from_list
from caudal.core.types import BOOL
from caudal.expressions import text_kernels as tk
from caudal.expressions.kernel import (
    Kernel,
    Site,
    choose,
    implements,
    known,
    restrict,
    step,
    validity,
    value_of,
)

_PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_SWAPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def text_order(a: Text, b: Text, rows: int, valid: Bools) -> Any:
    """Return -1, 0 or 1 for each pair, by bytes, as int8; 0 where it is not valid."""
    out = np.empty(rows, np.int8)
    tk.order(a.data, a.start, a.length, step(a, rows), b.data, b.start, b.length, step(b, rows), valid, out)
    return out


def text_equal(a: Text, b: Text, rows: int, valid: Bools) -> Bools:
    """Return whether the bytes of each pair are the same; False where it is not valid."""
    out = np.empty(rows, np.bool_)
    tk.equal(a.data, a.start, a.length, step(a, rows), b.data, b.start, b.length, step(b, rows), valid, out)
    return out


def _float_equal(a: Any, b: Any) -> Any:
    return (a == b) | ((a != a) & (b != b))


def _float_greater(a: Any, b: Any) -> Any:
    return ~(a <= b) & (b == b)


def _float_greater_equal(a: Any, b: Any) -> Any:
    return (a >= b) | (a != a)


_FLOATS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": _float_equal,
    "ne": lambda a, b: ~_float_equal(a, b),
    "gt": _float_greater,
    "ge": _float_greater_equal,
    "lt": lambda a, b: _float_greater(b, a),
    "le": lambda a, b: _float_greater_equal(b, a),
}


def values_rule(site: Site) -> Callable[[Any, Any], Any]:
    """Return the numpy function that compares the values of two fixed columns."""
    if not site.types[0].is_float:
        return _PLAIN[site.function]
    left, right = (value_of(c) for c in site.constants[:2])
    if right is not None and right == right and site.function not in ("gt", "ge"):
        return _PLAIN[site.function]
    if right is not None and right == right:
        # Nothing but a NaN is neither greater nor less: it counts as greater.
        return (lambda a, b: ~(a <= b)) if site.function == "gt" else (lambda a, b: ~(a < b))
    if left is not None and left == left and site.function not in ("lt", "le"):
        return _PLAIN[site.function]
    return _FLOATS[site.function]


@implements(*_PLAIN)
def _compare(site: Site) -> Kernel:
    if site.types[0].is_text:
        return _compare_text(site.function)
    function = values_rule(site)

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        return Fixed(BOOL, function(a.values, b.values), validity(args))

    return kernel


def _compare_text(name: str) -> Kernel:
    plain = _PLAIN[name]

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        where = known(args, rows)
        if name == "eq":
            values = text_equal(a, b, rows, where)
        elif name == "ne":
            values = ~text_equal(a, b, rows, where)
        else:
            values = plain(text_order(a, b, rows, where), 0)
        return Fixed(BOOL, values, validity(args))

    return kernel


@implements("is_in")
def _is_in(site: Site) -> Kernel:
    given = [value_of(c) for c in site.constants[1:]]
    has_null = None in given
    values = [v for v in dict.fromkeys(given) if v is not None]
    test = _in_texts(values, site) if site.types[0].is_text else _in_values(values, site)

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        found = test(args[0], rows)
        valid = args[0].valid
        return Fixed(BOOL, found, restrict(valid, found, rows) if has_null else valid)

    return kernel


def _in_values(values: list[Any], site: Site) -> Callable[[Any, int], Bools]:
    wanted: Any = from_list(values, site.types[0])
    items = np.sort(wanted.values)
    nan = site.types[0].is_float and bool(np.isnan(items).any())
    if nan:
        items = items[~np.isnan(items)]
    if len(items) > 12:
        top = len(items) - 1

        def look_up(column: Fixed, rows: int) -> Bools:
            found = items[np.minimum(np.searchsorted(items, column.values), top)] == column.values
            return found | np.isnan(column.values) if nan else found

        return look_up

    def test(column: Fixed, rows: int) -> Bools:
        found = np.isnan(column.values) if nan else None
        for item in items:
            same = column.values == item
            found = same if found is None else np.logical_or(found, same, out=found)
        return np.zeros(len(column), np.bool_) if found is None else found

    return test


def _in_texts(values: list[Any], site: Site) -> Callable[[Any, int], Bools]:
    wanted: Any = from_list(values, site.types[0]).compact()  # type: ignore[attr-defined]
    slots = np.zeros(max(8, 1 << (4 * len(values)).bit_length()), np.int64)
    tk.fill_table(wanted.data, wanted.start, wanted.length, slots)

    def test(column: Text, rows: int) -> Bools:
        out = np.empty(len(column), np.bool_)
        tk.in_table(
            column.data,
            column.start,
            column.length,
            wanted.data,
            wanted.start,
            wanted.length,
            slots,
            column.valid_or_all(),
            out,
        )
        return out

    return test


@implements("is_null", "is_not_null")
def _is_null(site: Site) -> Kernel:
    wanted = site.function == "is_null"

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        valid = args[0].valid
        if valid is None:
            return Fixed(BOOL, np.full(rows, not wanted))
        return Fixed(BOOL, ~valid if wanted else valid)

    return kernel


@implements("is_nan")
def _is_nan(site: Site) -> Kernel:
    return lambda rows, args: Fixed(BOOL, np.isnan(args[0].values), args[0].valid)


@implements("not")
def _not(site: Site) -> Kernel:
    return lambda rows, args: Fixed(BOOL, ~args[0].values, args[0].valid)


@implements("and", "or")
def _logic(site: Site) -> Kernel:
    both = site.function == "and"

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        values = a.values & b.values if both else a.values | b.values
        if a.valid is None and b.valid is None:
            return Fixed(BOOL, values)
        # What one side alone decides is known whatever the other holds.
        left = ~a.values if both else a.values
        right = ~b.values if both else b.values
        known_left = left if a.valid is None else left & a.valid
        known_right = right if b.valid is None else right & b.valid
        valid = validity(args)
        return Fixed(BOOL, values, restrict(None, valid | known_left | known_right, rows))

    return kernel


@implements("nullif")
def _nullif(site: Site) -> Kernel:
    equal = None if site.types[0].is_text else values_rule(Site("eq", site.types, BOOL, {}, site.constants, site.now))

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        same = text_equal(a, b, rows, known(args, rows)) if equal is None else equal(a.values, b.values)
        if b.valid is not None:
            same = same & b.valid
        value = choose(same, a, a, rows)
        value.valid = restrict(a.valid, ~same, rows)
        return value

    return kernel
