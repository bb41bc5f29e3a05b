"""From sqlglot's tree to expressions.

`/` is float64, `DIV`, `%` and `MOD` cut towards zero, `||` joins texts, `LIKE` takes a constant pattern. Functions are
those of the catalogue, arguments first, then options as constants. Names keep their case; in double quotes they may
hold anything. `a.b` is the column "a.b" where the schema has it, else the field b of the column a.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caudal.core import duration
from caudal.core.errors import PlanError, nearest
from caudal.core.types import BINARY, DURATION, FLOAT64, SCALARS, Schema
from caudal.lang.sql.grammar import OFFSET, place, trees
from caudal.plan import aggregates, functions, instead
from caudal.plan.expr import INT64_RANGE, Call, Column, Expr, Literal, call, col, lit
from caudal.plan.expr_text import SQL_TYPES

_INFIX = {
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "IntDiv": "int_div",
    "Mod": "int_mod",
    "EQ": "eq",
    "NEQ": "ne",
    "LT": "lt",
    "LTE": "le",
    "GT": "gt",
    "GTE": "ge",
    "And": "and",
    "Or": "or",
    "DPipe": "concat",
    "BitwiseAnd": "bit_and",
    "BitwiseOr": "bit_or",
    "BitwiseXor": "bit_xor",
    "BitwiseLeftShift": "shift_left",
    "BitwiseRightShift": "shift_right",
}
_COMPARES = ("EQ", "NEQ", "LT", "LTE", "GT", "GTE")
_SYNONYMS = {
    "mod": "int_mod",
    "ceiling": "ceil",
    "power": "pow",
    "char_length": "length",
    "character_length": "length",
    "octet_length": "byte_length",
    "regexp_like": "matches",
}
"""Standard SQL's names for functions of the catalogue."""
_FOREIGN = {
    **dict.fromkeys(("substr", "mid"), "SUBSTRING(text, 1, 3), from 1, or SLICE(text, 0, 3), from 0"),
    "left": "SLICE(text, 0, 3)",
    "right": "SLICE(text, -3)",
    "lcase": "LOWER(text)",
    "ucase": "UPPER(text)",
    **dict.fromkeys(("len", "strlen", "datalength"), "LENGTH(text)"),
    **dict.fromkeys(("nvl", "ifnull", "isnull", "zeroifnull"), "COALESCE(value, other)"),
    **dict.fromkeys(
        ("instr", "locate", "position", "charindex", "strpos"), "FIND(text, part), from 0, null without one"
    ),
    **dict.fromkeys(("iif", "decode", "nvl2"), "CASE WHEN a THEN b ELSE c END"),
    "startswith": "STARTS_WITH(text, prefix)",
    "endswith": "ENDS_WITH(text, suffix)",
    **dict.fromkeys(("rlike", "regexp", "regexp_matches", "regexp_contains"), "MATCHES(text, pattern)"),
    **dict.fromkeys(("to_timestamp", "str_to_date", "to_date"), "STRPTIME(text, '%Y-%m-%d')"),
    **dict.fromkeys(("date_format", "to_char", "format_datetime"), "STRFTIME(time, '%H:%M')"),
    **dict.fromkeys(("current_timestamp", "getdate", "sysdate"), "NOW()"),
}
"""What to write for functions of other dialects."""
_AGGREGATES = frozenset(aggregates.FUNCTIONS) | {"avg"}
_TYPE_NAMES = {sql: name for name, sql in SQL_TYPES.items()} | {
    "TEXT": "string",
    "CHAR": "string",
    "INTEGER": "int32",
    "REAL": "float32",
    "VARBINARY": "binary",
    "TIMESTAMPTZ": "timestamp",
}


def parse(text: str, location: str = "", schema: Schema | None = None) -> Expr:
    """Return the expression that a SQL text writes; `AS name` gives it a name.

    `schema` resolves dotted names; without one `a.b` is a field. Raises `PlanError` with line and column for what is
    not in the language: aggregates, subqueries, unknown functions, patterns that are not constant.
    """
    found = parse_many(text, location, schema)
    if len(found) != 1:
        raise PlanError(f"one SQL expression is wanted, not {len(found)}", location=location, detail=text)
    return found[0]


def parse_many(text: str, location: str = "", schema: Schema | None = None) -> list[Expr]:
    """Return the expressions of a comma-separated list, such as `ip, total / 3 AS rate`."""
    if not isinstance(text, str):
        raise PlanError(f"SQL is text, not {text!r}", location=location)
    reader = _Reader(location, schema)
    try:
        return [reader.read(tree) for tree in trees(text, location)]
    except RecursionError:
        raise PlanError("the SQL expression is nested too deeply", location=location) from None


class _Reader:
    def __init__(self, location: str, schema: Schema | None) -> None:
        self.location = location
        self.schema = schema

    def read(self, tree: Any) -> Expr:
        kind = type(tree).__name__
        try:
            if kind in _COMPARES and {"Null", "Column"} == {type(tree.this).__name__, type(tree.expression).__name__}:
                raise instead.of_null(_INFIX[kind])
            if kind in _INFIX:
                return call(_INFIX[kind], self.read(tree.this), self.read(tree.expression))
            reader: Callable[[Any], Expr] | None = getattr(self, f"_{kind.lower()}", None)
            if reader is None:
                raise self.refuse(tree, f"{_spoken(kind)} is not part of an expression")
            return reader(tree)
        except PlanError as error:
            if not error.location or error.location == self.location:
                error.location = self.where(tree)
            raise

    def where(self, tree: Any) -> str:
        """Return the location of a tree: of the first part of it that knows its own."""
        places = [(n.meta["line"], n.meta["col"] - len(_word(n)) + 1) for n in tree.walk() if n.meta.get("line")]
        if not places:
            return self.location
        line, column = min(places)
        return place(self.location, line, max(column - (OFFSET if line == 1 else 0), 1))

    def refuse(self, tree: Any, message: str, hint: str = "") -> PlanError:
        return PlanError(message, location=self.where(tree), detail=f"in {tree.sql()}", hint=hint)

    def _paren(self, tree: Any) -> Expr:
        return self.read(tree.this)

    def _alias(self, tree: Any) -> Expr:
        if type(tree.args["alias"]).__name__ != "Identifier":
            raise self.refuse(tree, "this is not a scalar SQL expression")
        return self.read(tree.this).alias(tree.alias)

    def _column(self, tree: Any) -> Expr:
        if type(tree.this).__name__ != "Identifier":
            raise self.refuse(tree, f"{_spoken(type(tree.this).__name__)} is not part of an expression")
        if tree.this.quoted and len(tree.parts) == 1:
            return Column(tree.name, quoted=True)
        return self._names([part.name for part in tree.parts])

    def _dot(self, tree: Any) -> Expr:
        parts = list(tree.flatten())
        if not all(type(p).__name__ == "Identifier" for p in parts):
            raise self.refuse(tree, "functions stand alone, not behind a dot")
        return self._names([part.name for part in parts])

    def _names(self, names: list[str]) -> Expr:
        """The longest beginning that is a column of the schema, then fields."""
        size = 1
        if self.schema is not None:
            size = next((k for k in range(len(names), 0, -1) if ".".join(names[:k]) in self.schema), 1)
        found: Expr = col(".".join(names[:size]))
        for name in names[size:]:
            found = found.field(name)
        return found

    def _literal(self, tree: Any) -> Expr:
        text = tree.this
        if tree.is_string:
            return lit(text)
        try:
            number = int(text)
        except ValueError:
            return lit(float(text))
        if number > INT64_RANGE[1]:
            raise self.refuse(tree, f"the integer {text} does not fit int64", "write it as a float, with a point")
        return lit(number)

    def _neg(self, tree: Any) -> Expr:
        inner = tree.this
        if type(inner).__name__ == "Literal" and not inner.is_string:
            # The sign is part of the number: the smallest int64 has no positive counterpart.
            if inner.this.isdigit() and int(inner.this) == -INT64_RANGE[0]:
                return lit(INT64_RANGE[0])
            value = self.read(inner)
            assert isinstance(value, Literal)
            return Literal(-value.value, value.type)
        found = self.read(inner)
        if isinstance(found, Literal) and found.type == FLOAT64 and type(inner).__name__ == "Anonymous":
            return Literal(-found.value, FLOAT64)
        return call("neg", found)

    def _boolean(self, tree: Any) -> Expr:
        return lit(bool(tree.this))

    def _null(self, tree: Any) -> Expr:
        return lit(None)

    def _hexstring(self, tree: Any) -> Expr:
        digits = tree.this
        try:
            return Literal(bytes.fromhex(digits), BINARY)
        except ValueError:
            raise self.refuse(tree, f"X'{digits}' does not hold pairs of hexadecimal digits") from None

    def _not(self, tree: Any) -> Expr:
        inner = tree.this
        if type(inner).__name__ == "Is" and type(inner.expression).__name__ == "Null":
            return call("is_not_null", self.read(inner.this))
        return call("not", self.read(inner))

    def _is(self, tree: Any) -> Expr:
        value, kind = self.read(tree.this), type(tree.expression).__name__
        if kind == "Null":
            return call("is_null", value)
        if kind == "Boolean":
            return call("coalesce", call("eq", value, bool(tree.expression.this)), False)
        raise self.refuse(tree, "IS takes NULL, TRUE or FALSE")

    def _nullsafeeq(self, tree: Any) -> Expr:
        a, b = self.read(tree.this), self.read(tree.expression)
        return call("coalesce", call("eq", a, b), call("and", call("is_null", a), call("is_null", b)))

    def _nullsafeneq(self, tree: Any) -> Expr:
        return call("not", self._nullsafeeq(tree))

    def _between(self, tree: Any) -> Expr:
        return self.read(tree.this).between(self.read(tree.args["low"]), self.read(tree.args["high"]))

    def _in(self, tree: Any) -> Expr:
        if tree.args.get("query") or tree.args.get("unnest") or tree.args.get("field"):
            raise self.refuse(tree, "IN takes a list of values in parentheses, no subquery")
        return self.read(tree.this).is_in([self.read(item) for item in tree.expressions])

    def _like(self, tree: Any) -> Expr:
        found = call("like", self.read(tree.this), pattern=self._constant(tree.expression))
        return call("not", found) if tree.args.get("negate") else found

    def _ilike(self, tree: Any) -> Expr:
        pattern = self._constant(tree.expression)
        if not isinstance(pattern, str):
            raise self.refuse(tree, "ILIKE takes a constant text")
        found = call("like", call("lower", self.read(tree.this)), pattern=pattern.lower())
        return call("not", found) if tree.args.get("negate") else found

    def _regexplike(self, tree: Any) -> Expr:
        return call("matches", self.read(tree.this), pattern=self._constant(tree.expression))

    def _case(self, tree: Any) -> Expr:
        subject = None if tree.this is None else self.read(tree.this)
        parts: list[Expr] = []
        for branch in tree.args["ifs"]:
            condition = self.read(branch.this)
            parts += [condition if subject is None else call("eq", subject, condition), self.read(branch.args["true"])]
        default = tree.args.get("default")
        return call("case", *parts, None if default is None else self.read(default))

    def _if(self, tree: Any) -> Expr:
        other = tree.args.get("false")
        return call(
            "case", self.read(tree.this), self.read(tree.args["true"]), None if other is None else self.read(other)
        )

    def _cast(self, tree: Any) -> Expr:
        target = tree.args["to"]
        name = target.sql().upper()
        dtype = _TYPE_NAMES.get(name) or (name.lower() if name.lower() in SCALARS else "")
        if name == "DATE" and type(tree.this).__name__ == "Literal":
            dtype = "timestamp"
        if not dtype:
            raise self.refuse(tree, f"unknown type {name}", nearest(name, [*_TYPE_NAMES, *SCALARS]))
        value = self.read(tree.this)
        if isinstance(value, Literal) and value.value is None:
            return Literal(None, SCALARS[dtype])
        if isinstance(value, Literal) and isinstance(value.value, str) and dtype == "timestamp":
            return self._instant(tree, value.value)
        return value.cast(dtype)

    _trycast = _cast

    def _instant(self, tree: Any, text: str) -> Expr:
        """A constant time: a text that is none is a mistake, not a null."""
        try:
            return lit(datetime.fromisoformat(text))
        except ValueError:
            raise self.refuse(tree, f"'{text}' is not a time", "as in TIMESTAMP '2024-02-29 23:59:58.765'") from None

    def _interval(self, tree: Any) -> Expr:
        if tree.this is None or type(tree.this).__name__ != "Literal":
            raise self.refuse(tree, "INTERVAL takes a constant", "INTERVAL '5' SECOND or INTERVAL '1h30m'")
        text, unit = tree.this.this, tree.args.get("unit")
        units = {"MILLISECOND": "ms", "SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
        name = "" if unit is None else unit.name.upper()
        negative = text.startswith("-")
        short = units.get(name.removesuffix("S"), name.lower())
        value = duration.parse(text.removeprefix("-") + short, what="interval")
        return Literal(-value if negative else value, DURATION)

    def _anonymous(self, tree: Any) -> Expr:
        name = str(tree.this).lower()
        name = _SYNONYMS.get(name, name)
        if name in ("nan", "infinity") and not tree.expressions:
            return lit(float(name))
        if name == "substring":
            return self._substring(tree)
        if name in _AGGREGATES:
            raise self.refuse(tree, f"the aggregate {name}() cannot stand in an expression", "aggregate in .agg(...)")
        function = functions.FUNCTIONS.get(name)
        if function is None:
            known = set(functions.FUNCTIONS) - set(_INFIX.values())
            hint = f"write {_FOREIGN[name]}" if name in _FOREIGN else nearest(name, known)
            raise self.refuse(tree, f"unknown function '{name}'", hint)
        given = tree.expressions
        count = len(given) if function.most is None else min(function.most, len(given))
        options = dict(zip((o.name for o in function.options), self._options(function, given[count:], tree)))
        return Call(name, tuple(self.read(a) for a in given[:count]), tuple(options.items()))

    def _options(self, function: functions.Function, given: list[Any], tree: Any) -> list[Any]:
        values = [self._constant(g) for g in given]
        if function.options and function.options[0].kind == "texts":
            return [tuple(values)]
        if len(values) > len(function.options):
            raise self.refuse(tree, f"{function.name}() has too many arguments", f"as in {function.example[0]}")
        return [duration.parse(v, what=o.name) if o.kind == "duration" else v for o, v in zip(function.options, values)]

    def _substring(self, tree: Any) -> Expr:
        given = tree.expressions
        first = self._constant(given[1]) if len(given) in (2, 3) else None
        if not isinstance(first, int) or first < 1:
            raise self.refuse(
                tree, "SUBSTRING takes a text, a constant position from 1, and a length", "or use SLICE, from 0"
            )
        return call("slice", self.read(given[0]), first - 1, *(self.read(g) for g in given[2:]))

    def _constant(self, tree: Any) -> Any:
        value = self.read(tree)
        if not isinstance(value, Literal):
            raise self.refuse(tree, "a constant is wanted here")
        return value.value


def _word(tree: Any) -> str:
    return str(tree.this) if isinstance(tree.this, str) else ""


def _spoken(kind: str) -> str:
    names = {"Subquery": "a subquery", "Select": "a subquery", "Exists": "a subquery", "Star": "*", "Window": "OVER"}
    return names.get(kind, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).upper())
