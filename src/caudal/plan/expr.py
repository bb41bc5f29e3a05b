"""Expressions: caudal's own small typed language.

Three nodes make every expression: a `Column` by name, a typed `Literal`, and a `Call` of a function of the catalogue
(`plan.functions`), which pins names, argument types and results. Python operators and SQL text build the same nodes.
Expressions are total: they never raise while a pipeline runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from caudal.core import duration
from caudal.core.errors import Misuse, PlanError
from caudal.core.types import (
    BINARY,
    BOOL,
    DURATION,
    FLOAT64,
    INT64,
    MAX_NESTING,
    STRING,
    TIMESTAMP,
    DataType,
    Schema,
    list_of,
    parse_type,
)
from caudal.plan import functions, instead, signature
from caudal.plan.arithmetic import Numbers
from caudal.plan.called import Instead, answered, answered_methods
from caudal.plan.signature import NULL

if TYPE_CHECKING:
    from caudal.plan import namespaces

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
MAX_DEPTH = 200
"""Calls inside one another; what walks an expression goes down with it."""
INT64_RANGE = (-(2**63), 2**63 - 1)


@answered_methods
class Expr(Numbers):
    """An expression. Its operators build new expressions; nothing is computed before a pipeline runs.

    Wherever an operator or method takes another expression it takes a Python value too, as `lit` does.
    """

    __slots__ = ()
    __array_ufunc__ = None  # numpy's numbers leave operators to the expression
    name: str
    """The name of its result: that of `alias`, else the column's own; raises `PlanError` when it has none."""

    def dtype(self, schema: Schema) -> DataType:
        """Return the type of the result over these columns.

        Raises `PlanError` for unknown columns and mismatched types.
        """
        found = self.infer(schema)
        if found == NULL:
            raise PlanError(f"{self} is null without a type", hint="give it one: cd.lit(None, 'int64')")
        return found

    def infer(self, schema: Schema) -> DataType:
        """Return the type as a part of a larger expression, in which a null may still have none (`NULL`)."""
        raise NotImplementedError

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        raise NotImplementedError

    def same(self, other: Expr) -> bool:
        """Whether both are written alike (== builds a comparison instead)."""
        return self.key() == other.key()

    def columns(self) -> frozenset[str]:
        """Return the names of the columns that the expression reads."""
        return frozenset(node.name for node in self.walk() if isinstance(node, Column))

    def walk(self) -> Iterator[Expr]:
        """Yield this node and all below it, parents first."""
        yield self

    @property
    def is_volatile(self) -> bool:
        """Whether two evaluations can differ: it reads the clock."""
        return any(isinstance(node, Call) and functions.find(node.function).volatile for node in self.walk())

    def __bool__(self) -> bool:
        raise instead.of_truth(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]

    def __iter__(self) -> Iterator[Any]:
        # No TypeError: str.join and others put a message of their own in the place of one.
        hint = "it stands for a column: rows are in .collect(); cd.concat(a, b) joins texts"
        raise PlanError("an expression cannot be iterated over", hint=hint)

    def __contains__(self, item: object) -> bool:
        raise Misuse("'in' cannot look into an expression", hint=f"write {self}.str.contains({item!r})")

    def __getitem__(self, key: object) -> Expr:
        raise Misuse(
            "an expression cannot be indexed",
            hint=f'a struct: {self}.field("name"); a text: .str.slice(0, 3); a list: .list.get(0)',
        )

    def __getattr__(self, name: str) -> Any:
        raise instead.of_method(self, name)

    def __str__(self) -> str:
        from caudal.plan.expr_text import show

        return show(self)

    __repr__ = __str__
    __hash__ = object.__hash__
    __len__ = Instead("len()", ".str.length(), or .list.length()")
    __abs__ = Instead("abs()", ".abs()")
    __round__ = Instead("round()", ".round(2)")
    __floor__ = Instead("floor()", ".floor()")
    __ceil__ = Instead("ceil()", ".ceil()")
    __trunc__ = __int__ = Instead("int()", '.cast("int64")')
    __float__ = Instead("float()", '.cast("float64")')

    # Operators.

    def __add__(self, other: Any) -> Expr:
        return call("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return call("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return call("sub", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return call("sub", other, self)

    def __mul__(self, other: Any) -> Expr:
        return call("mul", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return call("mul", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return call("div", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return call("div", other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return call("floor_div", self, other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return call("floor_div", other, self)

    def __mod__(self, other: Any) -> Expr:
        return call("floor_mod", self, other)

    def __rmod__(self, other: Any) -> Expr:
        return call("floor_mod", other, self)

    def __neg__(self) -> Expr:
        return call("neg", self)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return _compared("eq", self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return _compared("ne", self, other)

    def __lt__(self, other: Any) -> Expr:
        return _compared("lt", self, other)

    def __le__(self, other: Any) -> Expr:
        return _compared("le", self, other)

    def __gt__(self, other: Any) -> Expr:
        return _compared("gt", self, other)

    def __ge__(self, other: Any) -> Expr:
        return _compared("ge", self, other)

    def __and__(self, other: Any) -> Expr:
        return call("and", self, other)

    def __rand__(self, other: Any) -> Expr:
        return call("and", other, self)

    def __or__(self, other: Any) -> Expr:
        return call("or", self, other)

    def __ror__(self, other: Any) -> Expr:
        return call("or", other, self)

    def __invert__(self) -> Expr:
        return call("not", self)

    # Any type.

    def alias(self, name: str) -> Expr:
        """Return the same value under another name."""
        if not isinstance(name, str) or not name:
            raise PlanError(f"alias() takes a non-empty text, not {name!r}")
        return call("alias", self, name=name)

    def cast(self, to: str | DataType) -> Expr:
        """Return the value converted to a scalar type; null where that cannot be."""
        return call("cast", self, to=str(parse_type(to)))

    def is_in(self, values: Iterable[Any]) -> Expr:
        """Return whether the value equals one of these; null when none does and one of them is null."""
        if isinstance(values, str | bytes | Expr):
            raise PlanError(f"is_in() takes a list of values, not {values!r}", hint="put it in brackets: is_in([...])")
        if not isinstance(values, Iterable):
            raise PlanError(f"is_in() takes a list of values, not {values!r}", hint=f"write .is_in([{values!r}])")
        items = [lit(v) for v in values]
        if not items:
            return call("and", call("is_null", self), lit(False))
        if all(isinstance(item, Literal) for item in items):
            return call("is_in", self, *items)
        return reduce(lambda a, b: call("or", a, b), (call("eq", self, item) for item in items))

    def between(self, low: Any, high: Any) -> Expr:
        """Return whether low <= value <= high."""
        return (self >= low) & (self <= high)

    def is_null(self) -> Expr:
        """Return whether the value is null."""
        return call("is_null", self)

    def is_not_null(self) -> Expr:
        """Return whether the value is not null."""
        return call("is_not_null", self)

    def is_nan(self) -> Expr:
        """Return whether the number is NaN."""
        return call("is_nan", self)

    def fill_null(self, value: Any) -> Expr:
        """Return the value, or another one where it is null."""
        return call("coalesce", self, value)

    def nullif(self, value: Any) -> Expr:
        """Return null where the value equals another, else the value."""
        return call("nullif", self, value)

    def hash(self, seed: int = 0) -> Expr:
        """Return an int64 that depends on the value and the seed alone: the same on every engine and machine."""
        return call("hash", self, seed=seed)

    def field(self, name: str) -> Expr:
        """Return the field of a struct."""
        return call("field", self, name=name)

    # Namespaces.

    @property
    def str(self) -> namespaces.Strings:
        """Functions of strings."""
        from caudal.plan.namespaces import Strings

        return Strings(self)

    @property
    def ip(self) -> namespaces.Addresses:
        """Functions of IP addresses in text."""
        from caudal.plan.namespaces import Addresses

        return Addresses(self)

    @property
    def dt(self) -> namespaces.Times:
        """Functions of timestamps."""
        from caudal.plan.namespaces import Times

        return Times(self)

    @property
    def list(self) -> namespaces.Lists:
        """Functions of lists."""
        from caudal.plan.namespaces import Lists

        return Lists(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Column(Expr):
    """The column `name` of the stream. `quoted`: it stood in double quotes in SQL text."""

    name: str
    quoted: bool = False

    def infer(self, schema: Schema) -> DataType:
        """Return the type, maybe `NULL`."""
        if self.quoted and self.name not in schema:
            raise PlanError(
                f'unknown column "{self.name}": double quotes are around names',
                hint=f"a text stands in single quotes: '{self.name}'",
            )
        return schema.dtype(self.name)

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        return ("column", self.name)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Literal(Expr):
    """A constant with its type: a bool, int (ms for times), float, str, bytes, None, or a tuple of these for a list."""

    value: Any
    type: DataType

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Raise `PlanError`: it has none."""
        raise PlanError(f"the constant {self} has no name", hint="give it one with .alias('...')")

    def infer(self, schema: Schema) -> DataType:
        """Return the type, maybe `NULL`."""
        return self.type

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        return ("literal", self.type, repr(self.value))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Expr):
    """A function of the catalogue over arguments; `options` are constants that are part of the function.

    Raises `PlanError` for a function or option that does not exist, and for a constant of a wrong kind. Options are
    stored whole, in the catalogue's order.
    """

    function: str
    args: tuple[Expr, ...]
    options: tuple[tuple[str, Any], ...] = ()
    depth: int = field(init=False)

    def option(self, name: str) -> Any:
        """Return the value of an option."""
        return dict(self.options)[name]

    def __post_init__(self) -> None:
        depth = 1 + max((a.depth for a in self.args if isinstance(a, Call)), default=0)
        if depth > MAX_DEPTH:
            raise PlanError(
                f"an expression is nested more than {MAX_DEPTH} deep",
                hint="many values: col(...).is_in([...]); else compute parts of it in a with_columns before",
            )
        object.__setattr__(self, "depth", depth)
        checked = functions.check_options(self.function, dict(self.options))
        object.__setattr__(self, "options", tuple(checked.items()))
        start = functions.FUNCTIONS[self.function].constants_from
        if start is not None and not all(isinstance(a, Literal) for a in self.args[start:]):
            raise PlanError(f"{self.function}() takes constants from argument {start + 1} on")

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The name that `alias` gave; raises `PlanError` when it has none."""
        if self.function == "alias":
            return self.option("name")
        raise PlanError(f"the expression {self} has no name", hint="give it one with .alias('...')")

    def infer(self, schema: Schema) -> DataType:
        """Return the type, maybe `NULL`."""
        return self.signature(schema)[1]

    def signature(self, schema: Schema) -> signature.Signature:
        """Return the types that the arguments are widened to, and the result's; raises `PlanError`."""
        types = tuple(arg.infer(schema) for arg in self.args)
        try:
            return functions.resolve(self.function, types, dict(self.options))
        except PlanError as error:
            if not error.detail:
                error.detail = f"in {self}"
            raise

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        return ("call", self.function, self.options, *(arg.key() for arg in self.args))

    def walk(self) -> Iterator[Expr]:
        """Yield this node and all below it, parents first."""
        yield self
        for arg in self.args:
            yield from arg.walk()


@answered
def col(name: str) -> Column:
    """Return the column of this name; a dot in it is literal."""
    if not isinstance(name, str) or not name:
        raise PlanError(f"col() takes a column's name, not {name!r}")
    return Column(name)


@answered
def lit(value: Any, dtype: str | DataType | None = None) -> Expr:
    """Return a constant typed by its Python value; an expression is returned as it is.

    bool, int (int64), float (float64), str, bytes, datetime (timestamp, floored to ms; a naive one is UTC), timedelta
    (duration, floored), a list of one kind, and None, which takes its type from its surroundings or from `dtype`.
    Raises `PlanError` for anything else, and for an integer beyond int64.
    """
    if hasattr(type(value), "as_expression"):
        value = value.as_expression()
    if isinstance(value, Expr):
        return value if dtype is None else value.cast(dtype)
    found = _literal(value)
    if dtype is None:
        return found
    wanted = parse_type(dtype)
    if found.type == NULL:
        return Literal(None, wanted)
    return found if found.type == wanted else found.cast(wanted)


def _literal(value: Any, depth: int = 0) -> Literal:
    if depth > MAX_NESTING:
        raise PlanError(f"the list is nested more than {MAX_NESTING} deep")
    if value is None:
        return Literal(None, NULL)
    if hasattr(value, "item") and hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return Literal((aware - _EPOCH) // _MS, TIMESTAMP)
    if isinstance(value, timedelta):
        return Literal(value // _MS, DURATION)
    if isinstance(value, int) and not isinstance(value, bool) and not INT64_RANGE[0] <= value <= INT64_RANGE[1]:
        raise PlanError(f"the integer {value} does not fit int64", hint="write it as a float")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise PlanError(f"the text {value!r} is not valid Unicode", detail=str(error)) from error
    kinds: list[tuple[Any, DataType]] = [(bool, BOOL), (int, INT64), (float, FLOAT64), (str, STRING), (bytes, BINARY)]
    for kind, dtype in kinds:
        if isinstance(value, kind):
            return Literal(kind(value), dtype)
    if isinstance(value, list | tuple):
        items = [_literal(v, depth + 1) for v in value]
        shared = signature.common(i.type for i in items)
        if shared is None or shared == NULL:
            raise PlanError(f"the list {value!r} does not hold values of one kind")
        convert = float if shared == FLOAT64 else lambda v: v
        return Literal(tuple(None if i.value is None else convert(i.value) for i in items), list_of(shared))
    raise PlanError(
        f"{value!r} cannot stand in an expression", hint="bool, int, float, str, bytes, datetime, timedelta, None"
    )


def _compared(function: str, value: Expr, other: Any) -> Expr:
    if other is None:
        raise instead.of_null(function)
    return call(function, value, other)


def call(function: str, *args: Any, **options: Any) -> Call:
    """Return a call of a function of the catalogue; raises `PlanError` for an unknown function or option."""
    return Call(function, tuple(lit(a) for a in args), tuple(options.items()))


def milliseconds(value: str | timedelta) -> int:
    """Return a duration (`"5m"` or a timedelta) in milliseconds; raises `PlanError`."""
    return duration.parse(value)
