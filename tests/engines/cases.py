"""What every engine is asked, as batches of a job, and how answers are compared with what they should be.

Three things: the table that defines the language, its cases again with constants for columns, and random expressions
over awkward values, which all engines answer alike: 5,000 of them, behind those that once failed (`once_failed.jsonl`).
`CAUDAL_EXPRESSIONS=50000` asks for more (the first 5,000 stay what they are), `CAUDAL_SEED=2` for others.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import draw

from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.engines.flink import expressions as flink
from caudal.expressions import bind
from caudal.plan import expr as e
from caudal.plan import wire_expr

PER_BATCH = 50
COUNT = int(os.environ.get("CAUDAL_EXPRESSIONS", "5000"))
SEED = int(os.environ.get("CAUDAL_SEED", "1"))
LONG, LONGEST = 1500, 4000
"""Characters of an expression on Flink: the few that are longer would take as long as all others together."""
ONE_OF = 3
"""Of so many expressions that are long, or call a function in a worker on Flink, one is asked: they are dear there."""
FAILED = Path(__file__).with_name("once_failed.jsonl")


def module(path: Path) -> ModuleType:
    """Import a module by its path, as tests are."""
    full = f"caudal_tests_{path.parent.name}_{path.stem}"
    if full not in sys.modules:
        spec = spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        made = sys.modules[full] = module_from_spec(spec)
        spec.loader.exec_module(made)
    return sys.modules[full]


table = module(Path(__file__).resolve().parents[1] / "spec" / "test_expressions.py")


@dataclass(frozen=True)
class Batch:
    """Expressions over the same columns, given as lists of Python values of one length."""

    schema: Schema
    given: dict[str, list[Any]]
    exprs: list[e.Expr]


def wide(cases: list[Any]) -> Batch:
    """Return one batch of all these cases, the columns of each renamed, shorter ones filled with nulls."""
    rows = max(len(case.expect) for case in cases)
    types: dict[str, Any] = {}
    given: dict[str, list[Any]] = {}
    exprs: list[e.Expr] = []
    for number, case in enumerate(cases):
        for name, values in case.given.items():
            types[f"{number}_{name}"] = case.schema.dtype(name)
            given[f"{number}_{name}"] = [*values, *[None] * (rows - len(values))]
        exprs.append(table.replaced(case.expr, {n: e.col(f"{number}_{n}") for n in case.given}))
    return Batch(Schema.of(types), given, exprs)


def constants() -> tuple[list[e.Expr], list[tuple[Any, int]]]:
    """Return expressions without columns, and the case and row that each stands for."""
    exprs: list[e.Expr] = []
    origins: list[tuple[Any, int]] = []
    for case in table.CASES:
        if any(f.dtype.is_nested for f in case.schema):
            continue
        for row in range(0, len(case.expect), 3):
            known = {n: e.Literal(v[row], case.schema.dtype(n)) for n, v in case.given.items()}
            exprs.append(table.replaced(case.expr, known))
            origins.append((case, row))
    return exprs, origins


def chunks(items: list[Any]) -> list[list[Any]]:
    return [items[i : i + PER_BATCH] for i in range(0, len(items), PER_BATCH)]


def batches() -> dict[str, list[Batch]]:
    """Return the batches that every engine answers: the table, and constants for its columns."""
    one = Schema.of({"unused": "int64"})
    return {
        "table": [wide(part) for part in chunks(table.CASES)],
        "constants": [Batch(one, {"unused": [0]}, part) for part in chunks(constants()[0])],
    }


def answered(asked: dict[str, list[Batch]], run: Callable[[list[Batch]], list[list[Any]]]) -> dict[str, list[Any]]:
    """Return the answers to each group of batches, in order, of one run for all."""
    found = run([b for part in asked.values() for b in part])
    return {name: [answer for _ in part for answer in found.pop(0)] for name, part in asked.items()}


@cache
def randoms() -> list[e.Expr]:
    """Return the random expressions over the columns of `draw`, behind those that once failed."""
    lines = FAILED.read_text(encoding="utf-8").splitlines()
    return [*(wire_expr.from_json(json.loads(line)) for line in lines), *islice(_affordable(), COUNT)]


def _affordable() -> Iterator[e.Expr]:
    """Give the random expressions, but few of those that are dear on Flink."""
    dear = 0
    for x in draw.expressions(SEED, 2 * COUNT):
        try:
            text, workers = on_flink(x)
        except PlanError:  # its text is too long
            continue
        dear += bool(workers) or len(text) > LONG
        if len(text) <= LONGEST and (dear % ONE_OF == 0 or not (workers or len(text) > LONG)):
            yield x


@cache
def _on_flink(wire: str) -> tuple[str, frozenset[str]]:
    library = flink.Library()
    return flink.show(wire_expr.from_json(json.loads(wire)), draw.SCHEMA, library), library.functions


def on_flink(x: e.Expr) -> tuple[str, frozenset[str]]:
    """Return Flink's text of a random expression, and the functions that it calls in workers."""
    return _on_flink(json.dumps(wire_expr.to_json(x)))


def uses(x: e.Expr, names: Iterable[str]) -> bool:
    return any(isinstance(node, e.Call) and node.function in names for node in x.walk())


def report(differences: dict[str, str], of: int) -> str:
    lines = [f"{what}\n    {how}" for what, how in list(differences.items())[:40]]
    return f"{len(differences)} of {of} differ:\n" + "\n".join(lines)


Differs = Callable[[Any, list[Any], Any, bool], str]
"""How an answer differs from what is wanted (values, type, whether nearly is enough), or ""."""


def check_table(found: list[Any], differs: Differs, gaps: Iterable[str] = ()) -> None:
    assert len(found) == len(table.CASES) > 250
    differences = {
        f"{case.label} = {answer.text[:600]}": how
        for case, answer in zip(table.CASES, found, strict=True)
        if (how := differs(answer, case.expect, case.dtype, case.approx)) and not uses(case.expr, gaps)
    }
    assert not differences, report(differences, len(found))


def check_constants(found: list[Any], differs: Differs, gaps: Iterable[str] = ()) -> None:
    origins = constants()[1]
    assert len(origins) > 250
    differences = {
        f"{case.label}, row {row} = {answer.text[:600]}": how
        for (case, row), answer in zip(origins, found, strict=True)
        if (how := differs(answer, [case.expect[row]], case.dtype, case.approx)) and not uses(case.expr, gaps)
    }
    assert not differences, report(differences, len(origins))


def check_local(
    exprs: list[e.Expr],
    schema: Schema,
    given: dict[str, list[Any]],
    found: list[Any],
    differs: Differs,
    gaps: Iterable[str] = (),
) -> None:
    """Compare the answers with those of the local engine."""
    morsel = Morsel({n: from_list(v, schema.dtype(n)) for n, v in given.items()}, len(next(iter(given.values()))))
    differences: dict[str, str] = {}
    nulls = 0
    for x, answer in zip(exprs, found, strict=True):
        column = bind(x, schema)(morsel)
        want = column.to_list()
        nulls += all(v is None for v in want)
        how = differs(answer, want, column.dtype, draw.is_approximate(x))
        if how and not uses(x, gaps):
            kept = json.dumps(wire_expr.to_json(x), ensure_ascii=False)
            differences[f"{x}\n  {kept}\n  = {answer.text[:600]}"] = how[-600:]
    assert not differences, f"seed {SEED}: " + report(differences, len(exprs))
    assert nulls < len(exprs) / 4, f"{nulls} of {len(exprs)} are null in every row: they compare little"
