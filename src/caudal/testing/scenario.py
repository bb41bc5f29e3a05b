"""Scenarios run and compared: each in every way, with the file and line of what is missing."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from caudal.core.errors import CaudalError, nearest
from caudal.core.types import Schema
from caudal.observe.ledger import Entry, Ledger
from caudal.plan.nodes import DeadLetters, Late
from caudal.testing import cells
from caudal.testing.flow import Flow, Section, Table, load
from caudal.testing.program import Built, build
from caudal.testing.running import LIVE_WAYS, WAYS, WHOLE, Case, Result
from caudal.testing.scalars import identity

_LEDGER = re.compile(r"(.+?)\s+in\s+\d.*")


@dataclass(slots=True)
class Prepared:
    """A scenario ready to run."""

    flow: Flow
    built: Built
    case: Case

    def rows(self, section: Section, result: Result) -> list[dict[str, Any]]:
        """Return the rows that a section speaks of; raises `UserError` where the program reads a side output itself."""
        if section.kind == "output":
            return result.outputs[f"output {section.name}"]
        found: list[dict[str, Any]] = []
        for operator in self.built.sides[section.kind, section.name]:
            side = result.late if section.kind == "late" else result.dead
            if operator not in side:
                raise self.flow.mistake(
                    section.line,
                    f"the program reads the {section.kind} rows of {operator} itself",
                    "compare its output",
                )
            found += side[operator]
        return found

    def schema(self, section: Section) -> Schema:
        """Return the schema of a section's rows."""
        if section.kind == "output":
            return self.built.streams[section.name].schema
        return self.built.side_schemas[section.kind, section.name]


@contextmanager
def prepared(flow: Flow) -> Generator[Prepared]:
    """Build a scenario; its files are there as long as the block lasts. Raises `UserError`, located."""
    with TemporaryDirectory(prefix="caudal-") as folder:
        built = build(flow, Path(folder))
        scripts = {given.name: given.script for given in flow.inputs if not given.format}
        known = {source.name for source in built.plan.sources}
        case = Case(built.plan, {n: s for n, s in scripts.items() if n in known}, flow.until or None)
        yield Prepared(flow, built, case)


def check(flow: Flow | str | Path) -> list[str]:
    """Run a scenario in every way and return what is wrong, an entry a section and way; [] when all is well.

    Raises `UserError` for a mistake in the file.
    """
    flow = flow if isinstance(flow, Flow) else load(flow)
    if flow.of("error"):
        return _check_error(flow)
    wrong: list[str] = []
    with prepared(flow) as ready:
        first: Result | None = None
        for way in LIVE_WAYS if ready.case.live else WAYS:
            try:
                result = ready.case.run(way, seed(flow))
            except CaudalError as error:
                return [f"{flow.path}: {way.name}: it fails\n  " + "\n  ".join(_error_lines(error))]
            except AssertionError as error:
                return [f"{flow.path}: {way.name}: {error}"]
            wrong = [text for section in flow.sections for text in compared(ready, section, result, way.name)]
            if first is None:
                first = result
                wrong += _unexpected(ready, result)
                _lateness(flow, result)
            if wrong:
                return wrong
        assert first is not None
        differs = ready.case.against_oracle(first)
        if differs:
            wrong.append(f"{flow.path}: the oracle says otherwise\n  " + "\n  ".join(differs))
    return wrong


def seed(flow: Flow) -> int:
    """Return the seed of a scenario's random choices: the same in every run."""
    return zlib.crc32(flow.title.encode())


def columns(ready: Prepared, section: Section, table: Table) -> Sequence[str]:
    """Return the columns that a section compares; raises `UserError` for an unknown one."""
    schema = ready.schema(section)
    for name in table.header:
        if name not in schema:
            raise ready.flow.mistake(table.line, f"unknown column '{name}'", nearest(name, schema.names))
        if table.header.count(name) > 1:
            raise ready.flow.mistake(table.line, f"the column '{name}' stands there twice")
    return table.header


def compared(ready: Prepared, section: Section, result: Result, way: str) -> list[str]:
    """Return how a section differs from a result, [] where it does not or says nothing of results."""
    if section.kind == "ledger":
        return _compare_ledger(ready, section, result, way)
    if section.kind not in ("output", "late", "dead"):
        return []
    flow = ready.flow
    table = flow.table(section)
    if not table.line:
        hint = "write the columns (and rows) that you expect, or run caudal test --complete"
        raise flow.mistake(section.line, f"--- {section.kind} {section.name} says nothing", hint)
    names, schema = columns(ready, section, table), ready.schema(section)
    wanted = [(line, key(flow.values(line, row, schema, names), names)) for line, row in table.rows]
    got = ready.rows(section, result)
    shown = {key(row, names): show(row, names, schema) for row in got}
    missing, extra = _difference(wanted, [key(row, names) for row in got])
    texts = dict(table.rows)
    lines = [f"missing  {flow.path}:{line}: {' | '.join(texts[line])}" for line in missing]
    lines += [f"extra    {' | '.join(shown[k])}" for k in extra]
    if not lines and section.ordered:
        for (line, want), row in zip(wanted, got):
            if want != key(row, names):
                lines = [f"order    {flow.path}:{line}: {' | '.join(texts[line])}"]
                lines.append(f"there is {' | '.join(show(row, names, schema))}")
                break
    if not lines:
        return []
    return [f"{flow.path}:{section.line}: {section.kind} {section.name}, {way}\n  " + "\n  ".join(lines)]


def key(row: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    """Return a stand-in for a row's values, equal for equal rows."""
    return tuple(identity(row[name]) for name in names)


def show(row: dict[str, Any], names: Sequence[str], schema: Schema) -> list[str]:
    """Return the texts of a row's cells."""
    return [cells.show(row[name], schema.dtype(name)) for name in names]


def _difference(wanted: Sequence[tuple[int, Any]], got: Sequence[Any]) -> tuple[list[int], list[Any]]:
    left = Counter(got)
    missing: list[int] = []
    for line, want in wanted:
        if left[want]:
            left[want] -= 1
        else:
            missing.append(line)
    return missing, list(left.elements())


def entry_line(entry: Entry) -> str:
    """Return a line of the ledger, blanks between words single."""
    return " ".join(Ledger({entry.operator: replace(entry, inputs=())}).to_text().split())


def ledger_lines(flow: Flow, section: Section, result: Result) -> list[tuple[int, str, str]]:
    """Return (line, text, operator) of a ledger section; raises `UserError` for what is no operator."""
    out: list[tuple[int, str, str]] = []
    for line, text in section.lines:
        if not text.strip() or text.startswith("#"):
            continue
        found = _LEDGER.fullmatch(text.strip())
        if not found:
            raise flow.mistake(line, f"cannot read {text.strip()!r}", "such as counts in 3 = absorbed 3 -> 2")
        if found[1] not in result.ledger.entries:
            raise flow.mistake(line, f"unknown operator '{found[1]}'", nearest(found[1], result.ledger.entries))
        out.append((line, " ".join(text.split()), found[1]))
    return out


def _compare_ledger(ready: Prepared, section: Section, result: Result, way: str) -> list[str]:
    flow = ready.flow
    given = ledger_lines(flow, section, result)
    if not given:
        raise flow.mistake(section.line, "--- ledger says nothing", "write its lines, or run caudal test --complete")
    lines: list[str] = []
    for line, text, operator in given:
        got = entry_line(result.ledger.entries[operator])
        if got != text:
            lines += [f"missing  {flow.path}:{line}: {text}", f"extra    {got}"]
    return [f"{flow.path}:{section.line}: ledger, {way}\n  " + "\n  ".join(lines)] if lines else []


def unexpected(ready: Prepared, result: Result) -> list[tuple[str, str, int]]:
    """Return ("late" or "dead", operator, rows) of each side output with rows that neither program nor section reads."""
    plan = ready.built.plan
    read = {(Late, plan.ids[i]) for n in plan.nodes if isinstance(n, Late) for i in n.inputs}
    read |= {(DeadLetters, plan.ids[i]) for n in plan.nodes if isinstance(n, DeadLetters) for i in n.inputs}
    kinds = {"late": Late, "dead": DeadLetters}
    read |= {(kinds[kind], i) for (kind, _), operators in ready.built.sides.items() for i in operators}
    return [
        (kind, name, count)
        for name, entry in result.ledger.entries.items()
        for kind, count in (("late", entry.late), ("dead", entry.dead))
        if count and (kinds[kind], name) not in read
    ]


def _unexpected(ready: Prepared, result: Result) -> list[str]:
    words = {"late": ("late row", "late rows"), "dead": ("dead letter", "dead letters")}
    return [
        f"{ready.flow.path}: {operator} has {count} {words[kind][count > 1]} that the scenario does not expect\n"
        f"  hint: add a section --- {kind} NAME, or run caudal test --complete"
        for kind, operator, count in unexpected(ready, result)
    ]


def side_schema(ready: Prepared, kind: str, name: str) -> Schema:
    """Return the schema of a stream's late rows or dead letters."""
    stream = ready.built.streams[name]
    return (stream.late() if kind == "late" else stream.dead_letters()).schema


def side_columns(kind: str, schema: Schema) -> tuple[str, ...]:
    """Return the columns that `--complete` writes for a side output without a header."""
    if kind == "dead":
        return ("partition", "position", "reason")
    return (*(name for name in schema.names if not name.startswith("late_")), "late_watermark")


def _lateness(flow: Flow, result: Result) -> None:
    late = any(entry.late or entry.partly_late for entry in result.ledger.entries.values())
    if late and "lateness" not in flow.needs:
        raise flow.mistake(1, "the scenario has late or partly late rows", "write needs: lateness")
    if not late and "lateness" in flow.needs:
        raise flow.mistake(1, "needs: says 'lateness', but no row is late", "leave out lateness")


# Scenarios that fail.


def failure(flow: Flow, way: Any = WHOLE) -> list[str]:
    """Return the lines of the error that a scenario ends with, [] where it ends well."""
    try:
        with prepared(flow) as ready:
            ready.case.run(way, seed(flow))
    except CaudalError as error:
        return _error_lines(error)
    return []


def _error_lines(error: CaudalError) -> list[str]:
    lines = [f"{type(error).__name__}: {error.message}"]
    lines += [part.strip() for part in error.detail.splitlines()]
    return [*lines, f"hint: {error.hint}"] if error.hint else lines


def _check_error(flow: Flow) -> list[str]:
    (section,) = flow.of("error")
    wanted = [(n, text.strip()) for n, text in section.lines if text.strip() and not text.startswith("#")]
    if not wanted:
        hint = "write what it says, such as PlanError: ..., or run caudal test --complete"
        raise flow.mistake(section.line, "--- error says nothing", hint)
    for way in WAYS[:3]:
        got = failure(flow, way)
        missing = [f"missing  {flow.path}:{n}: {text}" for n, text in wanted if text not in got]
        if missing:
            got = [f"it says  {text}" for text in got] or ["it does not fail"]
            return [f"{flow.path}:{section.line}: error, {way.name}\n  " + "\n  ".join([*missing, *got])]
    return []
