"""Keyed steps: how an operator's rows are walked by key, as engines are told: a step of the worker package, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caudal.core.types import Field
from caudal.plan.expr import Expr


@dataclass(frozen=True, slots=True)
class KeyedStep:
    """A step as a node asks for it.

    `name`: the function of `caudal.worker.steps` that makes it, in the module of that name. It gets the types of
    `arguments` (expressions over a row, by name), those of `results` (the columns that the step makes), and `options`:
    plain values, or Python functions of the user's.

    `drops`: it may make nothing of a row. `first`: it passes the first row of each key and no other, which SQL can say.
    `grows`: why it is not run over unbounded input, as (what, reason), where what it keeps of a key would grow for ever.
    `needs`: further modules of `caudal.worker` that it loads by name.
    """

    name: str
    arguments: tuple[tuple[str, Expr], ...] = ()
    results: tuple[Field, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    first: bool = False
    drops: bool = False
    grows: tuple[str, str] | None = None
    needs: tuple[str, ...] = ()
