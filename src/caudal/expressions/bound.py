"""An expression bound to a schema: a straight program over slots, made once, run on every morsel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Column
from caudal.columnar.morsel import Morsel
from caudal.core.errors import PlanError
from caudal.core.types import DataType, Schema
from caudal.expressions import (  # noqa: F401 - each registers its functions
    addresses,
    arithmetic,
    casts,
    choice,
    comparison,
    hashing,
    nested,
    text,
    times,
)
from caudal.expressions.kernel import MAKERS, Kernel, Site, constant, full, shipped
from caudal.plan import expr as e
from caudal.plan import functions
from caudal.plan.signature import NULL


def wall_clock() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Bound:
    """An expression ready to run. Thread-safe: a call keeps nothing but its own slots.

    `dtype` is the type of the result.
    """

    __slots__ = ("_column", "_constants", "_loads", "_result", "_steps", "dtype")

    def __init__(
        self,
        dtype: DataType,
        constants: list[Column | None],
        loads: list[tuple[int, str]],
        steps: list[tuple[Kernel, tuple[int, ...], int]],
        result: int,
    ) -> None:
        self.dtype = dtype
        self._constants = constants
        self._loads = loads
        self._steps = steps
        self._result = result
        self._column = loads[0][1] if len(constants) == 1 and loads else None

    def __call__(self, morsel: Morsel) -> Column:
        """Return the value for each row of the morsel. Never raises for what the data holds."""
        if self._column is not None:
            return morsel.columns[self._column]
        rows = morsel.rows
        slots: list[Any] = self._constants.copy()
        for slot, name in self._loads:
            slots[slot] = morsel.columns[name]
        if self._steps:
            with np.errstate(all="ignore"):
                for kernel, args, out in self._steps:
                    slots[out] = kernel(rows, [slots[i] for i in args])
        return full(slots[self._result], rows)

    def decided(self, morsel: Morsel) -> tuple[Bools, Bools | None]:
        """Return where the (bool) expression is true, and where it is not null (None: everywhere)."""
        column = self(morsel)
        values: Bools = column.values  # type: ignore[attr-defined]
        return (values if column.valid is None else values & column.valid), column.valid


def bind(expr: e.Expr, schema: Schema, *, now: Callable[[], int] = wall_clock) -> Bound:
    """Return the expression as a program over these columns.

    Constant parts are computed here, parts that are written alike once. `now` gives `cd.now()` in milliseconds.
    Raises `PlanError` for unknown columns, mismatched types, and patterns, formats or networks that cannot be read.
    """
    dtype = expr.dtype(schema)
    program = _Program(schema, now)
    slot, _ = program.add(expr)
    return Bound(dtype, program.slots, program.loads, program.steps, slot)


class _Program:
    def __init__(self, schema: Schema, now: Callable[[], int]) -> None:
        self.schema = schema
        self.now = now
        self.slots: list[Column | None] = []
        self.loads: list[tuple[int, str]] = []
        self.steps: list[tuple[Kernel, tuple[int, ...], int]] = []
        self._known: dict[Any, tuple[int, DataType]] = {}

    def add(self, expr: e.Expr) -> tuple[int, DataType]:
        """Return the slot that holds the expression's value, and its type."""
        key = expr.key()
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._add(expr)
        return found

    def _slot(self, column: Column | None = None) -> int:
        self.slots.append(column)
        return len(self.slots) - 1

    def _add(self, expr: e.Expr) -> tuple[int, DataType]:
        if isinstance(expr, e.Column):
            slot = self._slot()
            self.loads.append((slot, expr.name))
            return slot, self.schema.dtype(expr.name)
        if isinstance(expr, e.Literal):
            return self._slot(None if expr.type == NULL else constant(expr.value, expr.type)), expr.type
        assert isinstance(expr, e.Call)
        if expr.function == "alias":
            return self.add(expr.args[0])
        wanted, result = expr.signature(self.schema)
        slots = tuple(self._widened(arg, dtype) for arg, dtype in zip(expr.args, wanted))
        try:
            return self._call(expr.function, wanted, result, dict(expr.options), slots), result
        except PlanError as error:
            if not error.detail:
                error.detail = f"in {expr}"
            raise

    def _widened(self, arg: e.Expr, wanted: DataType) -> int:
        slot, got = self.add(arg)
        if got == wanted:
            return slot
        key = (arg.key(), wanted)
        found = self._known.get(key)
        if found is None:
            if got == NULL:
                slot = self._slot(constant(None, wanted))
            else:
                slot = self._call("cast", (got,), wanted, {"to": wanted.name}, (slot,))
            found = self._known[key] = (slot, wanted)
        return found[0]

    def _call(
        self, name: str, types: tuple[DataType, ...], result: DataType, options: dict[str, Any], slots: tuple[int, ...]
    ) -> int:
        function = functions.find(name)
        constants = tuple(self.slots[s] for s in slots)
        if result == NULL:
            return self._slot()
        kernel = MAKERS.get(name, shipped)(Site(name, types, result, options, constants, self.now))
        if function.is_strict and any(c is not None and c.valid is not None and not c.valid[0] for c in constants):
            return self._slot(constant(None, result))
        if not function.volatile and all(c is not None for c in constants):
            with np.errstate(all="ignore"):
                return self._slot(kernel(1, constants))
        out = self._slot()
        self.steps.append((kernel, slots, out))
        return out
