"""Keyed steps: how an operator's rows are walked by key, as engines are told: a step of the worker package, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from caudal.core.types import Field, Schema
from caudal.plan.aggregates import FUNCTIONS, Aggregate
from caudal.plan.expr import Expr
from caudal.plan.windows import Order

TIMERS, END = "timers", "end"
"""When a step makes rows of no row: at timers, or at the end of data."""


@dataclass(frozen=True, slots=True)
class KeyedStep:
    """A step as a node asks for it.

    `name`: the function of `caudal.worker.steps` that makes it, in the module of that name. It gets the types of
    `arguments` (expressions over a row, by name), those of `results` (the columns that the step makes), and `options`:
    plain values, or Python functions of the user's. `package`: where the module is.

    `drops`: it may make nothing of a row. `gathers`: a result is of several rows, which count as absorbed. `alone`: when it
    makes rows of no row, `TIMERS` or `END`; "" if never. `whole`: a dead letter is of several rows, and has no position.
    `first`: it passes the first row of each key and no other, which SQL can say.
    `grows`: why it is not run over unbounded input, as (what, reason), where what it keeps of a key would grow for ever.
    `needs`: further modules of `caudal.worker` that it loads by name.
    """

    name: str
    arguments: tuple[tuple[str, Expr], ...] = ()
    results: tuple[Field, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    first: bool = False
    drops: bool = False
    gathers: bool = False
    whole: bool = False
    alone: str = ""
    grows: tuple[str, str] | None = None
    needs: tuple[str, ...] = ()
    package: str = "caudal.worker.steps"


def folding(
    aggregates: Iterable[tuple[str, Aggregate]], schema: Schema, order: Order | None
) -> tuple[tuple[tuple[str, Expr], ...], tuple[Field, ...], list[tuple[Any, ...]], tuple[str, ...]]:
    """Return what a step takes that folds rows (`caudal.worker.steps.folding`): arguments, results, aggregates, modules.

    `order`: that in which rows are taken.
    """
    time = [""] if order is None or not order.arrival else []
    arguments: list[tuple[str, Expr]] = []
    results: list[Field] = []
    functions: list[tuple[Any, ...]] = []
    needs: list[str] = []
    for name, each in aggregates:
        ties = [(f"{name}\0{i}", expr) for i, expr in enumerate(each.order_by)]
        arguments += [(name, each.argument)] if each.argument is not None else []
        arguments += ties
        results.append(Field(name, each.dtype(schema)))
        functions.append((name, each.function, dict(each.options), *(time if ties else []), *(tie for tie, _ in ties)))
        needs += [f"aggregates.{each.function}"] if FUNCTIONS[each.function].gathered else []
    return tuple(arguments), tuple(results), functions, tuple(needs)
