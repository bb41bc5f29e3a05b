"""Arithmetic on numbers and times: integers wrap, a division by zero is null, floats follow IEEE 754."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed
from caudal.expressions.comparison import text_order
from caudal.expressions.kernel import Kernel, Site, choose, implements, known, restrict, validity

_EXACT = Context(prec=400)
_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor,
    "shift_left": lambda a, b: np.left_shift(a, b & 63),
    "shift_right": lambda a, b: np.right_shift(a, b & 63),
    # One exponent for all rows would make numpy take square roots for 0.5: NaN for -infinity.
    "pow": lambda a, b: np.power(a, np.repeat(b, len(a)) if len(b) < len(a) else b),
}
_ONE: dict[str, Callable[[Any], Any]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "log10": np.log10,
}


@implements(*_TWO)
def _two(site: Site) -> Kernel:
    function, result = _TWO[site.function], site.result

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        return Fixed(result, function(a.values, b.values), validity(args))

    return kernel


@implements(*_ONE)
def _one(site: Site) -> Kernel:
    function, result = _ONE[site.function], site.result

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        return Fixed(result, function(args[0].values), args[0].valid)

    return kernel


@implements("floor", "ceil")
def _whole(site: Site) -> Kernel:
    function = np.floor if site.function == "floor" else np.ceil
    if site.result.is_integer:
        return lambda rows, args: args[0]
    return lambda rows, args: Fixed(site.result, function(args[0].values), args[0].valid)


def _floor_div(a: Any, b: Any) -> Any:
    return np.floor(a / b)


def _floor_mod(a: Any, b: Any) -> Any:
    rest = np.fmod(a, b)
    return np.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


def _int_div(a: Any, b: Any) -> Any:
    quotient = np.floor_divide(a, b)
    return quotient + ((quotient * b != a) & ((a < 0) != (b < 0))).astype(quotient.dtype)


def _int_mod(a: Any, b: Any) -> Any:
    rest = np.remainder(a, b)
    return np.where((rest != 0) & ((a < 0) != (b < 0)), rest - b, rest)


_DIVISIONS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "div": (np.true_divide, np.true_divide),
    "floor_div": (np.floor_divide, _floor_div),
    "floor_mod": (np.remainder, _floor_mod),
    "int_div": (_int_div, lambda a, b: np.trunc(a / b)),
    "int_mod": (_int_mod, np.fmod),
}
"""Each for integers and for floats."""


@implements(*_DIVISIONS)
def _division(site: Site) -> Kernel:
    function = _DIVISIONS[site.function][site.types[0].is_float]
    result = site.result

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        return Fixed(result, function(a.values, b.values), restrict(validity(args), b.values != 0, rows))

    return kernel


@implements("round")
def _round(site: Site) -> Kernel:
    if site.result.is_integer:
        return lambda rows, args: args[0]
    digits = site.options["digits"]
    return lambda rows, args: Fixed(site.result, rounded(args[0].values, digits), args[0].valid)


def rounded(values: Any, digits: int) -> Any:
    """Return float64 values rounded half away from zero, as their shortest decimal text would be.

    The product with 10**digits decides, but where it is so near a half that its own rounding could; there the decimal
    text is rounded. What has no digit behind the last place is returned as it is.
    """
    scale = 10.0**digits
    scaled = values * scale
    whole = np.trunc(scaled)
    rest = np.abs(scaled - whole)
    out = (whole + np.where(rest >= 0.5, np.copysign(1.0, scaled), 0.0)) / scale
    if digits:
        size = np.abs(scaled)
        near = (np.abs(rest - 0.5) <= size * 1e-15) & (size < 1e17)
        out = np.where(size < 1e15, out, values)
        quantum = Decimal(1).scaleb(-digits)
        for row in np.flatnonzero(near | ((size >= 1e15) & (size < 1e17))).tolist():
            out[row] = float(Decimal(repr(float(values[row]))).quantize(quantum, ROUND_HALF_UP, _EXACT))
    return np.where(np.isfinite(values), out, values)


@implements("greatest", "least")
def _extreme(site: Site) -> Kernel:
    greatest = site.function == "greatest"
    if site.result.is_text:
        return _extreme_text(greatest)
    if site.result.name == "bool":
        function: Any = np.logical_or if greatest else np.logical_and
    elif site.result.is_float:
        function = np.maximum if greatest else np.fmin  # NaN is above all numbers
    else:
        function = np.maximum if greatest else np.minimum

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        values = args[0].values
        for arg in args[1:]:
            values = function(values, arg.values)
        return Fixed(site.result, values, validity(args))

    return kernel


def _extreme_text(greatest: bool) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        where = known(args, rows)
        best: Any = args[0]
        for arg in args[1:]:
            sign = text_order(best, arg, rows, where)
            best = choose(sign >= 0 if greatest else sign <= 0, best, arg, rows)
            best.valid = validity(args)
        return best

    return kernel
