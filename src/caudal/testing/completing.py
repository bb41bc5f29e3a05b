"""`--complete`: a scenario's expected sections filled in from what a run gives.

A section that is right stays as it is, to the last blank. In one that is wrong, rows that are right stay in their place,
with the comments between them, and rows that are missing are added at the end. What it makes passes, so that doing it
again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from caudal.core.errors import UserError
from caudal.observe.ledger import Entry
from caudal.testing import cells, scenario
from caudal.testing.flow import Flow, Section, load
from caudal.testing.running import Result
from caudal.testing.scenario import Prepared


def complete(path: str | Path) -> bool:
    """Fill in the expected sections of a file; return whether that changed it.

    Raises `UserError` for a mistake in the file, and `CaudalError` where a run fails that is not expected to.
    """
    flow = load(path)
    before = "\n".join(flow.lines)
    after = "\n".join(completed(flow))
    if after == before:
        return False
    Path(path).write_text(after, encoding="utf-8")
    return True


def completed(flow: Flow) -> list[str]:
    """Return the lines of a scenario with its expected sections filled in."""
    bodies: dict[int, list[str]] = {}
    added: list[str] = []
    if flow.of("error"):
        (section,) = flow.of("error")
        got = scenario.failure(flow)
        if not got:
            raise flow.mistake(section.line, "it does not fail", "expect --- output NAME instead")
        wanted = [text.strip() for _, text in section.lines if text.strip() and not text.startswith("#")]
        if not wanted or not set(wanted) <= set(got):
            bodies[section.line] = _spaced(section, _comments(section) + got)
    else:
        with scenario.prepared(flow) as ready:
            result = ready.case.run(seed=scenario.seed(flow))
            for section in flow.of("output", "late", "dead"):
                bodies[section.line] = _table(ready, section, result)
            for section in flow.of("ledger"):
                bodies[section.line] = _ledger(flow, section, result)
            added = _sides(ready, result)
    lines: list[str] = []
    starts = {s.line: s for s in flow.sections}
    first = min(starts)
    lines += flow.lines[: first - 1]
    for section in flow.sections:
        lines.append(flow.lines[section.line - 1])
        lines += bodies.get(section.line, [text for _, text in section.lines])
    if added:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += ["", *added, ""]
    return lines if lines[-1] == "" else [*lines, ""]


def _comments(section: Section) -> list[str]:
    return [text for _, text in section.lines if text.startswith("#")]


def _spaced(section: Section, body: list[str]) -> list[str]:
    """Return new lines of a section with the blank lines that stood behind the old ones."""
    blank = 0
    for _, text in reversed(section.lines):
        if text.strip():
            break
        blank += 1
    return body + [""] * max(blank, 1)


def _table(ready: Prepared, section: Section, result: Result) -> list[str]:
    flow = ready.flow
    table = flow.table(section)
    schema = ready.schema(section)
    if table.line:
        names = tuple(scenario.columns(ready, section, table))
    elif section.kind == "output":
        names = schema.names
    else:
        names = scenario.side_columns(section.kind, schema)
    got = ready.rows(section, result)
    wanted: list[tuple[int, Any]] = []
    for line, row in table.rows:
        try:
            wanted.append((line, scenario.key(flow.values(line, row, schema, names), names)))
        except UserError:
            wanted.append((line, None))  # what cannot be read is replaced
    keys = [scenario.key(row, names) for row in got]
    order = [k for _, k in wanted]
    if table.line and Counter(order) == Counter(keys) and (not section.ordered or order == keys):
        return [text for _, text in section.lines]
    left = Counter(() if section.ordered else keys)
    kept: set[int] = set()
    for line, k in wanted:
        if k is not None and left[k]:
            left[k] -= 1
            kept.add(line)
    fresh = Counter(keys) - Counter(k for line, k in wanted if line in kept)
    rows: list[list[str]] = []
    for row, k in zip(got, keys):
        if fresh[k]:
            fresh[k] -= 1
            rows.append(scenario.show(row, names, schema))
    return _laid_out(section, names, dict(table.rows), table.line, kept, rows)


def _laid_out(
    section: Section,
    names: tuple[str, ...],
    texts: dict[int, tuple[str, ...]],
    header: int,
    kept: set[int],
    rows: list[list[str]],
) -> list[str]:
    body: list[list[str] | str] = [] if header else [list(names)]
    for line, text in section.lines:
        if line == header:
            body.append(list(names))
        elif line in texts:
            if line in kept:
                body.append(list(texts[line]))
        elif text.strip() or any(row for row in body):
            body.append(text)
    while body and body[-1] == "":
        body.pop()
    body += rows
    widths = cells.widths([row for row in body if isinstance(row, list)])
    return _spaced(section, [row if isinstance(row, str) else cells.layout([row], widths)[0] for row in body])


def _ledger(flow: Flow, section: Section, result: Result) -> list[str]:
    given = {line: (text, operator) for line, text, operator in scenario.ledger_lines(flow, section, result)}
    if not given:
        shown = [scenario.entry_line(entry) for entry in result.ledger.entries.values() if _own(entry)]
        return _spaced(section, _comments(section) + shown)
    out: list[str] = []
    for line, text in section.lines:
        got = scenario.entry_line(result.ledger.entries[given[line][1]]) if line in given else text
        out.append(text if line not in given or got == given[line][0] else got)
    return out


def _own(entry: Entry) -> bool:
    return entry.kind not in ("sink", "late", "dead")


def _sides(ready: Prepared, result: Result) -> list[str]:
    """Return sections for late rows and dead letters that nothing reads."""
    out: list[str] = []
    plan = ready.built.plan
    for kind, operator, _ in scenario.unexpected(ready, result):
        named = [name for name, stream in ready.built.streams.items() if plan.ids.get(stream.node) == operator]
        if not named:
            continue  # check says that they are there
        schema = scenario.side_schema(ready, kind, named[0])
        names = scenario.side_columns(kind, schema)
        rows = (result.late if kind == "late" else result.dead)[operator]
        table = [list(names), *(scenario.show(row, names, schema) for row in rows)]
        out += [*([""] if out else []), f"--- {kind} {named[0]}", *cells.layout(table, cells.widths(table))]
    return out
