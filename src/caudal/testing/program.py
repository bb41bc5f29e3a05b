"""From a scenario to a plan: its program is executed as the pipeline file that it stands for.

The streams of the inputs are there by name, and so are `cd` and `col`. What the file names as outputs, late rows and
dead letters gets a sink; the engine's side replaces it by a capture.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.core.errors import CaudalError, UserError, nearest
from caudal.core.types import ANY_JSON, DataType, Field, Schema
from caudal.lang.dsl.stream import Stream
from caudal.lang.sql import parse
from caudal.plan.nodes import Sink, Union
from caudal.plan.plan import Plan
from caudal.testing.flow import SOURCE_OPTIONS, Flow, Input, Section

Side = tuple[str, str]
"""A section of a side output: "late" or "dead", and its name."""


@dataclass(frozen=True, slots=True)
class Built:
    """A plan whose sinks are named as the sections (`output counts`).

    `streams`: what the program and the inputs name. `sides`: operator ids, and the schema, of each side output that a
    section names.
    """

    plan: Plan
    streams: dict[str, Stream]
    sides: dict[Side, list[str]]
    side_schemas: dict[Side, Schema]


def build(flow: Flow, folder: Path) -> Built:
    """Execute the program and return its plan; files that it needs are made in `folder`.

    Raises `UserError` with file and line, for the program's mistakes too.
    """
    names = _execute(flow, folder)
    for section in flow.of("sql"):
        names[section.name] = _sql(flow, section, names)
    streams = {name: value for name, value in names.items() if isinstance(value, Stream)}
    # What must fail may do so while it runs: everything that it names is run.
    wanted = {s.name: _stream(flow, s, streams) for s in flow.of("output")} or streams
    sides = {(s.kind, s.name): _side(flow, s, streams) for s in flow.of("late", "dead")}
    try:
        plan = Plan(flow.title, tuple(_sink(f"output {name}", stream) for name, stream in wanted.items()))
    except CaudalError as error:
        raise error.at(flow.path) from None
    operators: dict[Side, list[str]] = {}
    for (kind, name), stream in sides.items():
        read = stream.node.inputs if isinstance(stream.node, Union) else (stream.node,)
        ids = [plan.ids.get(node.inputs[0], "") for node in read]
        if "" in ids:
            (line,) = (s.line for s in flow.of(kind) if s.name == name)
            raise flow.mistake(line, f"no output reads '{name}'", f"add a section --- output {name}")
        operators[kind, name] = ids
    return Built(plan, streams, operators, {key: stream.schema for key, stream in sides.items()})


def _sink(name: str, stream: Stream) -> Sink:
    return Sink(name=name, input=stream.node, connector="memory", options=(("into", []),))


def _side(flow: Flow, section: Section, streams: dict[str, Stream]) -> Stream:
    stream = _stream(flow, section, streams)
    try:
        return stream.late() if section.kind == "late" else stream.dead_letters()
    except CaudalError as error:
        raise flow.mistake(section.line, error.message, error.hint) from None


def _stream(flow: Flow, section: Section, streams: dict[str, Stream]) -> Stream:
    stream = streams.get(section.name)
    if stream is None:
        raise flow.mistake(section.line, f"there is no stream '{section.name}'", nearest(section.name, streams))
    return stream


def _execute(flow: Flow, folder: Path) -> dict[str, Any]:
    """Run the program as a file of its own, whose line numbers are those of the scenario."""
    lines = [""] * len(flow.lines)
    lines[0] = "; ".join(["import caudal as cd", "from caudal import col", *(_source(i, folder) for i in flow.inputs)])
    for section in flow.of("program"):
        for number, text in section.lines:
            lines[number - 1] = text
    path = folder / (Path(flow.path).stem + ".py")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside = os.path.dirname(os.path.abspath(flow.path))
    sys.path.insert(0, beside)  # a program may import its neighbours, as a pipeline file can
    try:
        return runpy.run_path(str(path), run_name="caudal_pipeline")
    except CaudalError as error:
        line = _line(path, error)
        where = _input_line(flow, error) if line <= 1 else f"{flow.path}:{line}"
        error.location = f"{where}: {error.location}" if error.location else where
        raise
    except (Exception, SystemExit) as error:
        detail = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
        hint = "it is plain Python; cd, col and the inputs are there by name"
        raise flow.mistake(max(_line(path, error), 1), "the program fails", hint, detail) from error
    finally:
        sys.path.remove(beside)


def _line(path: Path, error: BaseException) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return (frames[-1].lineno or 0) if frames else 0


def _input_line(flow: Flow, error: CaudalError) -> str:
    """Return where the options of the input stand that an error names."""
    named = [i for i in flow.inputs if i.name in error.location]
    return f"{flow.path}:{(named or flow.inputs)[0].line}" if flow.inputs else flow.path


def _source(given: Input, folder: Path) -> str:
    """Return the statement that makes an input's stream."""
    options = dict(given.options)
    options.pop("schema", None)
    words = {"schema": repr({f.name: _entry(f) for f in given.schema}), "name": repr(given.name)}
    if given.format:
        place = folder / given.name
        place.mkdir()
        for partition, lines in given.files.items():
            (place / partition).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        connector, words["path"] = "files", repr(str(place))
    else:
        connector, words["rows"] = "memory", "[]"
    for name, value in options.items():
        words[name] = repr(_option(name, value))
    if not options.get("event_time", "x").isidentifier():
        words["event_time"] = options["event_time"]
    return f"{given.name} = cd.source({connector!r}, " + ", ".join(f"{k}={v}" for k, v in words.items()) + ")"


def _option(name: str, text: str) -> Any:
    if name in SOURCE_OPTIONS:
        return text
    return {"true": True, "false": False}.get(text, int(text) if text.lstrip("-").isdigit() else text)


def _entry(field: Field) -> Any:
    return ANY_JSON if field.any_json else _spec(field.dtype)


def _spec(dtype: DataType) -> Any:
    if dtype.item is not None:
        return [_spec(dtype.item)]
    return {f.name: _entry(f) for f in dtype.fields} if dtype.name == "struct" else dtype.name


def _sql(flow: Flow, section: Section, names: dict[str, Any]) -> Stream:
    """Return the stream of a section of SQL text over the only input."""
    if len(flow.inputs) != 1:
        raise flow.mistake(section.line, "--- sql reads the scenario's only input", "with several, write a --- program")
    stream: Stream = names[flow.inputs[0].name]
    columns: dict[str, Any] = {}
    for number, text in section.lines:
        if not text.strip() or text.startswith("#"):
            continue
        try:
            if text.startswith("where "):
                stream = stream.filter(text.removeprefix("where "))
                continue
            name, equals, value = text.partition("=")
            if not equals or not name.strip().isidentifier():
                raise UserError(f"cannot read {text!r}", hint="write column = SQL text, or where SQL text")
            columns[name.strip()] = parse(value.strip(), schema=stream.schema)
            columns[name.strip()].infer(stream.schema)
        except CaudalError as error:
            raise flow.mistake(number, error.message, error.hint, error.detail) from None
    return stream.select(**columns) if columns else stream
