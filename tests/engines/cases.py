"""The table of expressions as batches of a job, and how answers are compared with what they should be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from caudal.core.types import Schema
from caudal.plan import expr as e

PER_BATCH = 50


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
