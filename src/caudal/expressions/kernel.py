"""What the evaluator and the functions agree on.

A kernel takes the number of rows and one column for each argument, already of the types that the catalogue widens
them to, and returns a column of that many rows. A constant argument has one row: numpy broadcasts it, compiled
kernels take a step of 0. Where the catalogue's null rule is that any null gives null, no kernel sees a null constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from caudal.columnar.column import ALL_VALID, Bools, Column, Fixed, Nested, Text, arrow_type, from_arrow, from_list
from caudal.core.types import DataType
from caudal.plan.functions import find
from caudal.worker.coercion import as_array

pc: Any = pyarrow.compute
"""Its functions are made at import, so type checkers do not know them."""

Kernel = Callable[[int, Sequence[Any]], Column]


@dataclass(frozen=True, slots=True)
class Site:
    """One call as it stands in an expression: types of the (widened) arguments and of the result, options, constants.

    `constants` holds, for each argument, its column of one row when it is constant, else None. `now` is the clock (ms).
    """

    function: str
    types: tuple[DataType, ...]
    result: DataType
    options: dict[str, Any]
    constants: tuple[Any, ...]
    now: Callable[[], int]


MAKERS: dict[str, Callable[[Site], Kernel]] = {}
"""For each function of the catalogue what makes its kernel, given where it stands."""


def implements(*names: str) -> Callable[[Callable[[Site], Kernel]], Callable[[Site], Kernel]]:
    """Register what makes the kernel of these functions."""

    def register(make: Callable[[Site], Kernel]) -> Callable[[Site], Kernel]:
        MAKERS.update(dict.fromkeys(names, make))
        return make

    return register


def validity(args: Sequence[Column]) -> Bools | None:
    """Return where all arguments have a value; None when all have everywhere."""
    found: Bools | None = None
    for arg in args:
        if arg.valid is not None:
            found = arg.valid if found is None else found & arg.valid
    return found


def known(args: Sequence[Column], rows: int) -> Bools:
    """Return the same as compiled kernels take it: full, or ALL_VALID."""
    found = validity(args)
    return ALL_VALID if found is None else found if len(found) == rows else np.repeat(found, rows)


def restrict(valid: Bools | None, ok: Bools, rows: int) -> Bools | None:
    """Return `valid` where also `ok` holds, of full length; None when that is everywhere."""
    if valid is None and ok.all():
        return None
    both = ok if valid is None else valid & ok
    return both if len(both) == rows else np.repeat(both, rows)


def full(column: Column, rows: int) -> Column:
    """Return a constant of one row repeated to so many rows; other columns as they are."""
    return column if len(column) == rows else column.take(np.zeros(rows, np.int64))


def shipped(site: Site) -> Kernel:
    """Return the kernel of a function of `caudal.worker`, which engines share: of Arrow arrays, made with the options."""
    module = import_module(f"caudal.worker.{find(site.function).shipped}")
    function = getattr(module, site.function)(*site.options.values())
    kinds = [dtype.spec for dtype in site.types]

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        arrays = [as_array(full(arg, rows).to_arrow(), kind) for arg, kind in zip(args, kinds, strict=True)]
        return from_arrow(function(*arrays).cast(arrow_type(site.result)), site.result)

    return kernel


def choose(mask: Bools, yes: Column, no: Column, rows: int) -> Column:
    """Return `yes` where the mask is true, else `no`: columns of one type, full or of one row."""
    valid: Bools | None = None
    if yes.valid is not None or no.valid is not None:
        valid = np.where(mask, True if yes.valid is None else yes.valid, True if no.valid is None else no.valid)
        valid = valid if len(valid) == rows else np.repeat(valid, rows)
    if isinstance(yes, Fixed) and isinstance(no, Fixed):
        values = np.where(mask, yes.values, no.values)
        return Fixed(yes.dtype, values if len(values) == rows else np.repeat(values, rows), valid)
    if isinstance(yes, Text) and isinstance(no, Text):
        if yes.data is not no.data:
            yes, no = together(yes, no)
        pick = mask if len(mask) == rows else np.repeat(mask, rows)
        return Text(
            yes.dtype, yes.data, np.where(pick, yes.start, no.start), np.where(pick, yes.length, no.length), valid
        )
    pick = mask if len(mask) == rows else np.repeat(mask, rows)
    order = np.where(pick, np.arange(rows), np.arange(rows) + rows)
    both = pa.concat_arrays([full(yes, rows).to_arrow(), full(no, rows).to_arrow()])
    return Nested(yes.dtype, both.take(pa.array(order)))


def together(a: Text, b: Text) -> tuple[Text, Text]:
    """Return both texts over one buffer, which holds just their values."""
    a, b = a.compact(), b.compact()
    data = np.concatenate([a.data, b.data])
    base = len(a.data)
    return Text(a.dtype, data, a.start, a.length, a.valid), Text(b.dtype, data, b.start + base, b.length, b.valid)


def step(column: Column, rows: int) -> int:
    """Return 0 for a constant, 1 for a column: what a compiled kernel multiplies the row number by."""
    return 1 if len(column) == rows else 0


def text_of(array: Any, site: Site) -> Column:
    """Return the column over what pyarrow.compute returned."""
    return from_arrow(array, site.result)


def bools(array: Any, site: Site, valid: Bools | None) -> Fixed:
    """Return the bool column over what pyarrow.compute returned, with the validity that is known."""
    return Fixed(site.result, array.fill_null(False).to_numpy(zero_copy_only=False), valid)


def constant(value: Any, dtype: DataType) -> Column:
    """Return a column of one row."""
    if dtype.item is not None and value is not None:
        value = list(value)
    return from_list([value], dtype)


def value_of(column: Column | None) -> Any:
    """Return the Python value of a constant, None for a column that is not constant."""
    return None if column is None else column.to_list()[0]
