"""Types of calls: what the arguments of a function are widened to, and what it gives.

Widening is pinned. int32 with int32 stays int32, any other mix of integers is int64; float32 with float32 stays
float32, any other mix with a float is float64 (so int64 and float64 are compared as float64). An untyped null takes
the type that the others give it. Nothing else is converted silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import BINARY, BOOL, DURATION, FLOAT64, INT64, SCALARS, STRING, TIMESTAMP, DataType

NULL = DataType("null")
"""The type of a null that has none yet; it never is the type of a whole expression."""

Types = tuple[DataType, ...]
Signature = tuple[Types, DataType]
Options = dict[str, Any]
Rule = Callable[[Types, Options], Signature | None]


def common(types: Iterable[DataType]) -> DataType | None:
    """Return the type that all of these widen to, NULL when all are untyped nulls, None when there is none."""
    known = {t for t in types if t != NULL}
    if not known:
        return NULL
    if len(known) == 1:
        return known.pop()
    if all(t.is_integer for t in known):
        return INT64
    return FLOAT64 if all(t.is_numeric for t in known) else None


def widens(got: DataType, wanted: DataType) -> bool:
    """Whether a value of one type stands for the other without a cast."""
    return got in (wanted, NULL) or common((got, wanted)) == wanted


# Rules: from argument types to (widened types, result), or None.


def fixed(*wanted: DataType, gives: DataType) -> Rule:
    """Return the rule for arguments of these types; the last one stands for all that follow."""

    def rule(types: Types, options: Options) -> Signature | None:
        full = tuple(wanted[min(i, len(wanted) - 1)] for i in range(len(types)))
        return (full, gives) if all(widens(t, w) for t, w in zip(types, full)) else None

    return rule


def one_of(*rules: Rule) -> Rule:
    """Return the rule that is the first of these that fits."""

    def rule(types: Types, options: Options) -> Signature | None:
        return next((found for r in rules if (found := r(types, options)) is not None), None)

    return rule


def alike(accepts: Callable[[DataType], bool], gives: DataType | None = None, widen: DataType | None = None) -> Rule:
    """Return the rule for arguments of one accepted kind: gives their common type or `gives`, computed in `widen`."""

    def rule(types: Types, options: Options) -> Signature | None:
        shared = common(types)
        if shared is None or not (shared == NULL or accepts(shared)):
            return None
        shared = (widen or shared) if shared != NULL else widen or (NULL if gives is None else BOOL)
        return (shared,) * len(types), gives or shared

    return rule


def is_number(t: DataType) -> bool:
    """Whether arithmetic is defined."""
    return t.is_numeric


def is_integer(t: DataType) -> bool:
    """Whether this is an integer."""
    return t.is_integer


def is_number_or_duration(t: DataType) -> bool:
    """Whether this is a number or a duration."""
    return t.is_numeric or t == DURATION


def is_scalar(t: DataType) -> bool:
    """Whether this is neither a list nor a struct."""
    return not t.is_nested


def is_anything(t: DataType) -> bool:
    """Accept every type."""
    return True


def null_if_rule(types: Types, options: Options) -> Signature | None:
    """Two scalars of one kind; gives that kind."""
    shared = common(types)
    return None if shared is None or shared.is_nested else ((shared, shared), shared)


def case_rule(types: Types, options: Options) -> Signature | None:
    """Pairs of a bool and a value, then a value, of one kind."""
    if len(types) % 2 == 0 or not all(widens(t, BOOL) for t in types[:-1:2]):
        return None
    shared = common((*types[1::2], types[-1]))
    return None if shared is None else ((*(BOOL, shared) * (len(types) // 2), shared), shared)


def castable(source: DataType, target: DataType) -> bool:
    """Whether values of one type can be cast to the other (each value may still fail, and give null)."""
    if source in (target, NULL):
        return True
    simple = source.is_numeric or source == BOOL
    if simple and (target.is_numeric or target == BOOL):
        return True
    times = (TIMESTAMP, DURATION)
    if (source.is_integer and target in times) or (source in times and target == INT64):
        return True
    if target == STRING:
        return simple or source in (TIMESTAMP, BINARY)
    return source == STRING and (target.is_numeric or target in (BOOL, TIMESTAMP, BINARY))


def cast_rule(types: Types, options: Options) -> Signature | None:
    """A scalar that can be cast to the option `to`; raises `PlanError`."""
    target = SCALARS[options["to"]]
    if not castable(types[0], target):
        raise PlanError(f"a {types[0]} cannot be cast to {target}")
    return (target if types[0] == NULL else types[0],), target


def field_rule(types: Types, options: Options) -> Signature | None:
    """A struct with the field of the option `name`; raises `PlanError`."""
    return (types[0],), types[0].field(options["name"]).dtype


def list_get_rule(types: Types, options: Options) -> Signature | None:
    """A list and an integer; gives an item."""
    item = types[0].item
    return ((types[0], INT64), item) if item is not None and widens(types[1], INT64) else None


def list_contains_rule(types: Types, options: Options) -> Signature | None:
    """A list of scalars and an item."""
    item = types[0].item
    if item is None or item.is_nested or not widens(types[1], item):
        return None
    return (types[0], item), BOOL


def list_length_rule(types: Types, options: Options) -> Signature | None:
    """A list."""
    return ((types[0],), INT64) if types[0].item is not None else None


NUMBERS = alike(is_number)
FLOATS = alike(is_number, widen=FLOAT64)
COMPARE = alike(is_scalar, gives=BOOL)
BOOLS = fixed(BOOL, gives=BOOL)
TEXT = fixed(STRING, gives=STRING)
TEST = fixed(STRING, gives=BOOL)
PART = fixed(TIMESTAMP, gives=INT64)
ADD = one_of(
    NUMBERS,
    fixed(TIMESTAMP, DURATION, gives=TIMESTAMP),
    fixed(DURATION, TIMESTAMP, gives=TIMESTAMP),
    fixed(DURATION, DURATION, gives=DURATION),
)
SUB = one_of(
    NUMBERS,
    fixed(TIMESTAMP, TIMESTAMP, gives=DURATION),
    fixed(TIMESTAMP, DURATION, gives=TIMESTAMP),
    fixed(DURATION, DURATION, gives=DURATION),
)
MUL = one_of(NUMBERS, fixed(DURATION, INT64, gives=DURATION), fixed(INT64, DURATION, gives=DURATION))
DIV = one_of(FLOATS, fixed(DURATION, DURATION, gives=FLOAT64))
ROUND = one_of(alike(is_integer), FLOATS)
SLICE = fixed(STRING, INT64, gives=STRING)
