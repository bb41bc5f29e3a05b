"""Exponentially weighted moving averages: what of a row is averaged, and how fast earlier rows fade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caudal.core import duration
from caudal.core.errors import NoSuchName, PlanError
from caudal.plan.expr import Expr


@dataclass(frozen=True, slots=True, eq=False)
class Ewma:
    """The average of `value` over all rows so far, of which earlier ones weigh less: by rows (`alpha`) or by time (`half_life`).

    One of both is 0. `half_life`: in milliseconds.
    """

    value: Expr
    alpha: float = 0.0
    half_life: int = 0

    def __post_init__(self) -> None:
        if (self.alpha == 0) == (self.half_life == 0):
            raise PlanError("ewma() takes one of alpha, span and half_life", hint='cd.ewma("bytes", span=20)')
        if not 0 <= self.alpha <= 1:
            raise PlanError(f"alpha is above 0 and at most 1, not {self.alpha!r}", hint="alpha=0.1")
        if self.half_life < 0:
            raise PlanError("the half-life is a time greater than zero", hint='half_life="10m"')

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchName(
            f"an average has no '{name}'", hint='compute behind it: .running(usual=cd.ewma("x", span=20)).filter(...)'
        )

    def __str__(self) -> str:
        fades = f"half_life={duration.show(self.half_life)}" if self.half_life else f"alpha={self.alpha:g}"
        return f"ewma({self.value}, {fades})"
