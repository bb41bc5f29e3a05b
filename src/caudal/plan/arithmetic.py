"""What expressions of numbers have: the methods that `expr.Expr` takes up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caudal.plan.called import answered_methods

if TYPE_CHECKING:
    from caudal.plan.expr import Expr


def call(function: str, *args: Any, **options: Any) -> Expr:
    """Return the call of a function; see `expr.call`."""
    from caudal.plan import expr

    return expr.call(function, *args, **options)


@answered_methods
class Numbers:
    """Methods of numbers."""

    __slots__ = ()

    def abs(self) -> Expr:
        """Return the absolute value."""
        return call("abs", self)

    def sign(self) -> Expr:
        """Return -1, 0 or 1."""
        return call("sign", self)

    def round(self, digits: int = 0) -> Expr:
        """Return the number rounded half away from zero to so many digits (0 to 15) behind the point."""
        return call("round", self, digits=digits)

    def floor(self) -> Expr:
        """Return the number rounded down."""
        return call("floor", self)

    def ceil(self) -> Expr:
        """Return the number rounded up."""
        return call("ceil", self)

    def sqrt(self) -> Expr:
        """Return the square root."""
        return call("sqrt", self)

    def exp(self) -> Expr:
        """Return e to the power of the number."""
        return call("exp", self)

    def log(self, base: float | None = None) -> Expr:
        """Return the natural logarithm, or that to a base."""
        if base is None:
            return call("ln", self)
        return call("log10", self) if base == 10 else call("div", call("ln", self), call("ln", base))

    def pow(self, exponent: Any) -> Expr:
        """Return the number to the power of `exponent`, as float64."""
        return call("pow", self, exponent)

    __pow__ = pow

    def clip(self, low: Any = None, high: Any = None) -> Expr:
        """Return the number, at least `low` and at most `high` where they are given."""
        raised: Any = self if low is None else call("greatest", self, low)
        return raised if high is None else call("least", raised, high)

    def bit_and(self, other: Any) -> Expr:
        """Return the bits that are set in both."""
        return call("bit_and", self, other)

    def bit_or(self, other: Any) -> Expr:
        """Return the bits that are set in one or both."""
        return call("bit_or", self, other)

    def bit_xor(self, other: Any) -> Expr:
        """Return the bits that are set in just one."""
        return call("bit_xor", self, other)

    def shift_left(self, bits: Any) -> Expr:
        """Return the int64 shifted left."""
        return call("shift_left", self, bits)

    def shift_right(self, bits: Any) -> Expr:
        """Return the int64 shifted right, keeping the sign."""
        return call("shift_right", self, bits)
