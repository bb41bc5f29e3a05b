"""Random expressions over edge values: nothing raises, and rows alone give what rows together give."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core.errors import PlanError
from caudal.core.types import SCALARS, Schema
from caudal.expressions import bind
from caudal.plan import functions, wire_expr
from caudal.plan.expr import Call, Expr, Literal, col, lit

SCHEMA = Schema.of(
    {
        "a": "int64",
        "i": "int32",
        "f": "float64",
        "g": "float32",
        "s": "string",
        "t": "timestamp",
        "d": "duration",
        "b": "bool",
        "y": "binary",
        "l": ["string"],
        "n": ["float64"],
        "x": {"q": "int64"},
    }
)
EDGES: dict[str, list[Any]] = {
    "a": [0, 1, -1, 2**63 - 1, -(2**63), None],
    "i": [0, 1, -(2**31), 2**31 - 1, None],
    "f": [0.0, -0.0, math.nan, math.inf, -math.inf, 1.5, -2.5, 1e300, None],
    "g": [0.5, math.nan, -0.0, None],
    "s": ["", "é", "10.0.0.1", "::1", "2024-01-01", " a ", "1e5", "\U0001f600x", None],
    "t": [0, -1, 253402300799999, -62135596800000, -(2**63), 2**63 - 1, None],
    "d": [0, -5, 2**63 - 1, None],
    "b": [True, False, None],
    "y": [b"", b"\xff", b"a", None],
    "l": [["a", None], [], None],
    "n": [[1.5, math.nan], [None], None],
    "x": [{"q": 1}, {"q": None}, None],
}
TEXTS = {"pattern": ["a", "^.", "%", "a_%"], "old": ["a"], "separator": ["."], "name": ["q"], "format": ["%H:%M"]}


def option(option: functions.Option, draw: random.Random) -> Any:
    return {
        "int": lambda: draw.randint(0, 9) if option.name != "group" else 0,
        "text": lambda: draw.choice(TEXTS.get(option.name, ["b"])),
        "texts": lambda: ["10.0.0.0/8", "::/0"],
        "duration": lambda: draw.choice([1, 1000, 86_400_000]),
        "type": lambda: draw.choice(list(SCALARS)),
    }[option.kind]()


def leaf(draw: random.Random) -> Expr:
    name = draw.choice(list(EDGES))
    if draw.random() < 0.75 or SCHEMA.dtype(name).is_nested:
        return col(name) if draw.random() < 0.9 else lit(None)
    return Literal(draw.choice(EDGES[name]), SCHEMA.dtype(name))


def grow(name: str, depth: int, draw: random.Random) -> Expr:
    """A call of this function whose arguments fit, if some can be found."""
    function = functions.find(name)
    for _ in range(60):
        args = [
            leaf(draw) if depth == 0 or draw.random() < 0.4 else grow(draw.choice(NAMES), depth - 1, draw)
            for _ in range(draw.randint(function.least, function.most or function.least + 2))
        ]
        if function.constants_from:
            args[1:] = [a if isinstance(a, Literal) else lit(None) for a in args[1:]]
        try:
            found = Call(name, tuple(args), tuple((o.name, option(o, draw)) for o in function.options))
            found.infer(SCHEMA)
            return found
        except PlanError:
            continue
    return leaf(draw)


NAMES = [n for n, f in functions.FUNCTIONS.items() if not f.volatile and n != "strptime"]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return (a == b and type(a) is type(b)) or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)


@pytest.mark.parametrize("name", NAMES)
def test_rows_alone_and_together(name: str) -> None:
    draw = random.Random(name)
    expr: Expr = col("a")
    bound = None
    while bound is None:
        expr = grow(name, 1, draw)
        try:
            bound = bind(expr, SCHEMA) if isinstance(expr, Call) and expr.function == name else None
        except PlanError:
            continue
    given = {k: [draw.choice(v) for _ in range(12)] for k, v in EDGES.items()}
    together = bound(Morsel({k: from_list(v, SCHEMA.dtype(k)) for k, v in given.items()}, 12))
    assert together.dtype == expr.dtype(SCHEMA)
    results = together.to_list()
    assert len(results) == 12
    for row, result in enumerate(results):
        one = Morsel({k: from_list(v[row : row + 1], SCHEMA.dtype(k)) for k, v in given.items()}, 1)
        assert same(bound(one).to_list()[0], result), (str(expr), row)
    again = bind(wire_expr.from_json(wire_expr.to_json(expr)), SCHEMA)
    assert again.dtype == together.dtype
