"""Scenario files (`.flow`): text to a scenario, with every mistake located.

A file is a head of `key: value` lines and sections, each behind a line `--- what NAME`:

    title: Rows are counted by key and second

    --- input events
    event_time: t

    k string | t timestamp
    a        | 0.1s
    a        | 1.2s

    --- program
    counts = events.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count())

    --- output counts
    k | window_start | window_end | n
    a | 0s           | 1s         | 1
    a | 1s           | 2s         | 1

Lines that begin with `#` are comments. docs/reference/flow-files.md describes all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from caudal.core.errors import CaudalError, UserError, nearest
from caudal.core.types import Schema, make_field, parse_type
from caudal.testing import cells
from caudal.testing.cells import CellError, Raw
from caudal.testing.live import Abort, Rows, Script, Step

NEEDS = {
    "clock": "rows arrive at given times",
    "silence": "time passes without rows, and that means something",
    "abort": "the source breaks",
    "lateness": "rows are late, or late for some of their windows",
    "arrival": "rows are taken in the order of arrival",
}
"""What a scenario may ask of an engine."""

SECTIONS = {
    "input": "a source and its rows",
    "program": "the pipeline, in Python",
    "sql": "a pipeline of expressions in SQL text",
    "output": "the rows that a stream must give",
    "late": "the rows that must come late for a stream's window",
    "dead": "the dead letters that there must be",
    "ledger": "lines of the ledger",
    "error": "the error that there must be",
}
_NAMED = ("input", "sql", "output", "late", "dead")
_KEYS = ("title", "needs", "until")
SOURCE_OPTIONS = ("event_time", "disorder", "unit", "time_format", "timezone", "idle", "max_future", "format")
"""What an input says of its source; its schema is one more, and with a format the options of that."""

_OPTIONS = (*SOURCE_OPTIONS, "schema")
_HEADER = re.compile(r"---\s*(\w*)\s*(.*?)\s*")
_PAIR = re.compile(r"(\w+):(?:\s+(.*?))?\s*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_MOMENT = re.compile(r"@\s*(.*?)\s*")

Line = tuple[int, str]
"""The number of a line, from 1, and its text."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section as it stands in the file. `line` is that of its header."""

    kind: str
    name: str
    line: int
    lines: tuple[Line, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table's lines as texts of cells; `line` 0: it has not even a header."""

    line: int
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(slots=True)
class Input:
    """A source that the scenario feeds: by a script, or by `files`, the raw lines of each partition."""

    name: str
    line: int
    options: dict[str, str]
    schema: Schema
    script: Script = field(default_factory=Script)
    files: dict[str, list[str]] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """The format of raw lines, "" for tables."""
        return self.options.get("format", "")


@dataclass(slots=True)
class Flow:
    """A scenario file that has been read. `until`: milliseconds on the clock, 0 for a bounded run."""

    path: str
    lines: list[str]
    title: str = ""
    needs: tuple[str, ...] = ()
    until: int = 0
    inputs: list[Input] = field(default_factory=list[Input])
    sections: list[Section] = field(default_factory=list[Section])

    def of(self, *kinds: str) -> list[Section]:
        """Return the sections of these kinds, in the order of the file."""
        return [s for s in self.sections if s.kind in kinds]

    def mistake(self, line: int, message: str, hint: str = "", detail: str = "") -> UserError:
        """Return an error located at a line."""
        return UserError(message, location=f"{self.path}:{line}", hint=hint, detail=detail)

    def table(self, section: Section) -> Table:
        """Return the lines of an expected section as a table; raises `UserError`."""
        lines = _significant(section.lines)
        if not lines:
            return Table(0, (), ())
        (first, header), *rest = [(n, self.split(n, text)) for n, text in lines]
        for number, row in rest:
            self.fits(number, row, header)
        return Table(first, header, tuple(rest))

    def split(self, line: int, text: str) -> tuple[str, ...]:
        """Return the texts of a line's cells; raises `UserError`."""
        try:
            return tuple(cells.split(text))
        except CellError as error:
            raise self.mistake(line, error.message, error.hint) from None

    def fits(self, line: int, row: Sequence[str], header: Sequence[str]) -> None:
        """Raise `UserError` for a row with more or fewer cells than there are columns."""
        if len(row) != len(header):
            hint = "text with a | in it is written in quotation marks" if len(row) > len(header) else ""
            raise self.mistake(line, f"the row has {len(row)} cells, the table {len(header)} columns", hint)

    def values(self, line: int, row: Sequence[str], schema: Schema, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values of a row's cells by column; raises `UserError`."""
        out: dict[str, Any] = {}
        for name, text in zip(columns, row, strict=True):
            try:
                out[name] = cells.read(text, schema.dtype(name))
            except CellError as error:
                raise self.mistake(line, f"column '{name}': {error.message}", error.hint) from None
        return out


def load(path: str | Path) -> Flow:
    """Read a scenario file; raises `UserError` with file, line and hint."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("cannot read the scenario", location=str(path), detail=str(error)) from None
    return parse(text, str(path))


def parse(text: str, path: str) -> Flow:
    """Read the text of a scenario file; raises `UserError` with file, line and hint."""
    flow = Flow(path, text.split("\n"))
    numbered = list(enumerate(flow.lines, 1))
    starts = [i for i, (_, line) in enumerate(numbered) if line.startswith("---")]
    _head(flow, numbered[: starts[0] if starts else len(numbered)])
    for start, stop in zip(starts, [*starts[1:], len(numbered)]):
        _section(flow, *numbered[start], tuple(numbered[start + 1 : stop]))
    if not flow.of("program", "sql"):
        raise flow.mistake(len(flow.lines), "the scenario has no program", "add a section --- program")
    if not flow.of("output", "error"):
        raise flow.mistake(
            len(flow.lines), "the scenario expects nothing", "add a section --- output NAME, and fill it by --complete"
        )
    errors = flow.of("error")
    if errors and (others := flow.of("late", "dead", "ledger")):
        raise flow.mistake(others[0].line, "what fails has no late rows, dead letters or ledger to compare")
    for section in flow.of("input"):
        flow.inputs.append(_Reader(flow, section).read())
    _marks(flow)
    return flow


def _significant(lines: Iterable[Line]) -> list[Line]:
    return [(n, text) for n, text in lines if text.strip() and not text.startswith("#")]


def _head(flow: Flow, lines: Sequence[Line]) -> None:
    seen: set[str] = set()
    for number, text in _significant(lines):
        pair = _PAIR.fullmatch(text)
        if not pair:
            raise flow.mistake(
                number, f"cannot read {text.strip()!r}", "the head has lines such as title: What happens"
            )
        key, value = pair[1], pair[2] or ""
        if key not in _KEYS:
            raise flow.mistake(number, f"unknown key '{key}'", nearest(key, _KEYS))
        if key in seen:
            raise flow.mistake(number, f"a second '{key}'")
        seen.add(key)
        if key == "title":
            flow.title = value
        elif key == "until":
            flow.until = _time(flow, number, value)
        else:
            flow.needs = tuple(part.strip() for part in value.split(",") if part.strip())
            for need in flow.needs:
                if need not in NEEDS:
                    raise flow.mistake(number, f"unknown need '{need}'", nearest(need, NEEDS))
    if not flow.title:
        raise flow.mistake(1, "the scenario has no title", "begin with title: What happens")


def _time(flow: Flow, line: int, text: str) -> int:
    try:
        return cells.span(text)
    except CellError as error:
        raise flow.mistake(line, error.message, error.hint) from None


def _section(flow: Flow, line: int, text: str, lines: tuple[Line, ...]) -> None:
    found = _HEADER.fullmatch(text)
    kind, rest = (found[1], found[2].split()) if found else ("", [])
    if kind not in SECTIONS:
        raise flow.mistake(line, f"unknown section '{kind}'", nearest(kind, SECTIONS))
    name, ordered = "", False
    if kind in _NAMED:
        if not rest or not _NAME.fullmatch(rest[0]):
            raise flow.mistake(line, f"'{kind}' needs the name of a stream", f"write --- {kind} NAME")
        name, *rest = rest
        if kind == "output" and rest == ["ordered"]:
            ordered, rest = True, []
    if rest:
        hint = "--- output NAME ordered compares the order of rows too" if kind == "output" else ""
        raise flow.mistake(line, f"what is '{' '.join(rest)}' behind --- {kind}{name and ' '}{name}?", hint)
    for other in flow.of(kind):
        if other.name == name:
            raise flow.mistake(
                line, f"a second section --- {kind} {name}".rstrip(), f"the first is in line {other.line}"
            )
    flow.sections.append(Section(kind, name, line, lines, ordered))


class _Reader:
    """Reads the section of an input."""

    def __init__(self, flow: Flow, section: Section) -> None:
        self.flow = flow
        self.section = section
        self.options: dict[str, str] = {}
        self.partition = "p0"
        self.clock = 0

    def read(self) -> Input:
        """Return the input; raises `UserError`."""
        body = list(self.section.lines)
        while body and (self._option(*body[0]) or not body[0][1].strip() or body[0][1].startswith("#")):
            blank = not body.pop(0)[1].strip()
            if blank and self.options.get("format"):
                break
        if self.options.get("format"):
            return self._raw(body)
        return self._rows(_significant(body))

    def _option(self, line: int, text: str) -> bool:
        pair = _PAIR.fullmatch(text)
        if not pair:
            return False
        key, value = pair[1], pair[2] or ""
        if key not in _OPTIONS and not self.options.get("format"):
            hint = nearest(key, _OPTIONS) + ("" if self.options else "; other options follow format:")
            raise self.flow.mistake(line, f"unknown option '{key}' of an input", hint)
        if key in self.options:
            raise self.flow.mistake(line, f"a second '{key}'")
        self.options[key] = value
        return True

    def _schema(self, line: int, header: Sequence[str]) -> Schema:
        fields: list[Any] = []
        for column in header:
            name, _, kind = column.partition(" ")
            if not kind:
                hint = f"write its type behind it: {name or 'ip'} string"
                raise self.flow.mistake(line, f"the column '{name}' has no type", hint)
            kind = kind.strip()
            try:
                fields.append(make_field(name, json.loads(kind) if kind.startswith(("{", "[")) else kind))
            except json.JSONDecodeError as error:
                raise self.flow.mistake(line, f"cannot read {kind!r} as JSON: {error.msg}") from None
            except CaudalError as error:
                raise self.flow.mistake(line, error.message, error.hint) from None
        try:
            return Schema(fields)
        except CaudalError as error:
            raise self.flow.mistake(line, error.message) from None

    def _rows(self, lines: list[Line]) -> Input:
        if "schema" in self.options:
            raise self.flow.mistake(self.section.line, "a table's header says its schema", "leave out schema:")
        if not lines:
            hint = "columns with their types: ip string | t timestamp"
            raise self.flow.mistake(self.section.line, f"the input '{self.section.name}' has no table", hint)
        (number, text), *rest = lines
        header = self.flow.split(number, text)
        schema = self._schema(number, header)
        given = Input(self.section.name, self.section.line, self.options, schema)
        for number, text in rest:
            if text.startswith("@"):
                self._moment(number, text, given.script)
                continue
            row = self.flow.split(number, text)
            self.flow.fits(number, row, header)
            values = self.flow.values(number, row, schema, schema.names)
            plain = {k: v.value if isinstance(v, Raw) else v for k, v in values.items()}
            given.script.rows(plain, partition=self.partition)
        given.script.steps = _together(given.script.steps)
        return given

    def _moment(self, line: int, text: str, script: Script) -> None:
        """Read a line such as `@ partition a, at 3s, end`."""
        said: dict[str, str] = {}
        for part in text[1:].split(","):
            word, _, value = part.strip().partition(" ")
            if word not in ("partition", "at", "end", "abort"):
                hint = "such as @ partition a, or @ at 3s, or @ at 9s, end; " + nearest(word, ["at", "partition"])
                raise self.flow.mistake(line, f"what is '{part.strip()}'?", hint)
            if bool(value.strip()) != (word in ("partition", "at")):
                raise self.flow.mistake(line, f"cannot read '{part.strip()}'", "such as @ partition a, at 3s, end")
            said[word] = value.strip()
        self.partition = said.get("partition", self.partition)
        script.partition(self.partition)
        if "at" in said:
            when = _time(self.flow, line, said["at"])
            if when < self.clock:
                hint = f"the script has come to {cells.show(self.clock, parse_type('duration'))} already"
                raise self.flow.mistake(line, "time does not go back", hint)
            script.wait(timedelta(milliseconds=when - self.clock))
            self.clock = when
        if "end" in said:
            script.end(partition=self.partition)
        if "abort" in said:
            script.abort(partition=self.partition)

    def _raw(self, lines: list[Line]) -> Input:
        if "schema" not in self.options:
            hint = "schema: ip string | t timestamp"
            raise self.flow.mistake(self.section.line, "raw lines need a schema", hint)
        header = self.flow.split(self.section.line, self.options["schema"])
        schema = self._schema(self.section.line, header)
        given = Input(self.section.name, self.section.line, self.options, schema)
        while lines and not lines[-1][1].strip():
            lines.pop()
        partition = "p0"
        for _, text in lines:
            found = re.fullmatch(r"@ partition (\S+)", text)
            if found:
                partition = found[1]
                given.files.setdefault(partition, [])
            else:
                given.files.setdefault(partition, []).append(text)
        return given


def _together(steps: dict[str, list[Step]]) -> dict[str, list[Step]]:
    """Return the steps with neighbouring rows of one time as one step, to be read at once."""
    out: dict[str, list[Step]] = {}
    for name, given in steps.items():
        joined = out.setdefault(name, [])
        for step in given:
            last = joined[-1] if joined else None
            if isinstance(step, Rows) and isinstance(last, Rows) and last.at == step.at:
                joined[-1] = Rows(step.at, [*last.rows, *step.rows])
            else:
                joined.append(Rows(step.at, list(step.rows)) if isinstance(step, Rows) else step)
    return out


def _marks(flow: Flow) -> None:
    """Raise `UserError` where the needs do not say what the inputs use."""
    live = any(given.script.live for given in flow.inputs)
    aborts = any(isinstance(s, Abort) for given in flow.inputs for steps in given.script.steps.values() for s in steps)
    for need, used in {"clock": live, "abort": aborts}.items():
        if used and need not in flow.needs:
            raise flow.mistake(1, f"the scenario needs '{need}': {NEEDS[need]}", f"write needs: {need}")
        if need in flow.needs and not used:
            raise flow.mistake(1, f"needs: says '{need}', but there is nothing of the kind", f"leave out {need}")
    if "silence" in flow.needs and not live:
        raise flow.mistake(1, "needs: says 'silence', but no row arrives at a given time", "@ at 3s")
    if live and not flow.until:
        raise flow.mistake(1, "a live source never ends by itself", "say when the run is stopped: until: 10s")
    if flow.until and not live:
        raise flow.mistake(1, "until: is for live sources", "rows arrive at given times: @ at 3s")
