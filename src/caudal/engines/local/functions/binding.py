"""Binding: declared functions become callables over columns, each compiled or shipped before the job starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from caudal.columnar.column import Column
from caudal.core.types import DataType, Schema
from caudal.expressions.functions.outcome import Rows, Values
from caudal.plan.nodes import Process, Reduce, WindowApply
from caudal.plan.python import BATCH, JIT, PythonFunction
from caudal.worker.steps.contract import Step

Scalar = Callable[[Sequence[Column], int], Values]
RowMap = Callable[[Mapping[str, Column], int], Rows]
Frames = Callable[[Sequence[Mapping[str, Column]]], Rows]
Fold = Callable[..., Rows]


class Functions:
    """The Python functions of one job. `processes`: how many worker processes row functions may keep busy at once."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: Any = None

    def scalar(self, function: PythonFunction, types: Sequence[DataType], returns: DataType) -> Scalar:
        """Return what computes one value for each row from argument columns of these types; raises `PlanError`."""
        if function.kind == JIT:
            from caudal.expressions.functions.jit import compile_scalar

            return compile_scalar(function, types, returns)
        if function.kind == BATCH:
            from caudal.engines.local.functions.batch import batch_scalar

            return batch_scalar(function, types, returns)
        pool = self._row(function)
        return lambda args, rows: pool.call(function, args, rows, returns)

    def rows(self, function: PythonFunction, given: Schema, output: Schema, flat: bool) -> RowMap:
        """Return what makes rows of rows; raises `PlanError`."""
        if function.kind == BATCH:
            from caudal.engines.local.functions.batch import batch_map

            return batch_map(function, given, output, flat)
        pool = self._row(function)
        return lambda columns, rows: pool.map(function, columns, rows, output, flat)

    def windows(self, node: WindowApply) -> Frames:
        """Return what makes rows of whole windows; raises `PlanError`."""
        function, output = node.function, node.output
        if function.kind == JIT:
            from caudal.expressions.functions.jit import compile_window

            return compile_window(function, {n: node.input.schema.dtype(n) for n in node.takes}, output)
        if function.kind == BATCH:
            from caudal.engines.local.functions.batch import batch_windows

            return batch_windows(function, output, node.sides)
        pool = self._row(function)
        return lambda frames: pool.frames(function, frames, output, node.sides)

    def fold(self, node: Reduce) -> Fold:
        """Return what folds rows into the states of their keys; raises `PlanError`."""
        pool, function, output = self._row(node.function), node.function, node.output

        def fold(columns: Any, rows: int, key: Any, states: Any, has_state: Any) -> Rows:
            return pool.reduce(function, columns, rows, key, states, has_state, output)

        return fold

    def process(self, node: Process) -> Step:
        """Return the step of a function of state, rows and timers; raises `PlanError`."""
        from caudal.engines.local.functions.processing import process

        return process(self._row(node.function), node.function, node.input.schema, node.output, node.state)

    def start(self) -> None:
        """Start the worker processes, if a row function is among them, so that the first row need not wait."""
        if self._pool is not None:
            self._pool.start()

    def close(self) -> None:
        """End the worker processes; idempotent. A later call starts new ones."""
        if self._pool is not None:
            self._pool.close()

    def _row(self, function: PythonFunction) -> Any:
        from caudal.engines.local.functions.pool import Pool
        from caudal.engines.local.functions.shipping import ship

        ship(function)  # what cannot be shipped is found before anything starts
        if self._pool is None:
            self._pool = Pool(self._processes)
        return self._pool
