"""Choices: `when(c).then(x).otherwise(y)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caudal.core.errors import PlanError
from caudal.plan.called import answered, answered_methods
from caudal.plan.expr import Expr, call, lit


@answered_methods
@dataclass(frozen=True, slots=True)
class When:
    """Conditions and values collected so far, and the condition that waits for its value."""

    pairs: tuple[Expr, ...]
    condition: Expr

    def then(self, value: Any) -> Then:
        """Set the value for the condition."""
        return Then((*self.pairs, self.condition, lit(value)))


@answered_methods
@dataclass(frozen=True, slots=True)
class Then:
    """Conditions with their values; `otherwise` makes the expression."""

    pairs: tuple[Expr, ...]

    def when(self, condition: Any) -> When:
        """Add a condition, tested where all before were not true."""
        return When(self.pairs, lit(condition))

    def otherwise(self, value: Any) -> Expr:
        """Return the expression, with the value where no condition is true."""
        return call("case", *self.pairs, value)


@answered
def when(condition: Any, *values: Any) -> When:
    """Begin a choice: `when(c).then(x).when(d).then(y).otherwise(z)`."""
    if values:
        raise PlanError("when() takes a condition alone", hint="cd.when(c).then(x).otherwise(y)")
    return When((), lit(condition))
