"""A schema to start from, read off the data."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from caudal.core.errors import InputError, OptionError
from caudal.core.shown import shown
from caudal.core.types import ANY_JSON, STRING, DataType, Field, Schema
from caudal.ports import registry
from caudal.ports.format import FileReader
from caudal.ports.records import Block
from caudal.runner.event_times import EventTime, event_times

_JSON = re.compile(rb"\{|\[\s*(\{|\Z)")
_LOOK = 256 * 1024
MAXMIND = "maxmind"
"""The connector that reads .mmdb files: these are tables, and of no format."""

SAMPLE = 1 << 20
"""Bytes of a file that are looked at, after decompression."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What `look` found at a path."""

    path: str
    format: str
    options: dict[str, Any]
    schema: Schema
    lines: int
    times: tuple[EventTime, ...] = ()

    def to_text(self) -> str:
        """Return the schema as the arguments of `cd.source(...)`, or of `cd.table(...)` where it is one, to paste."""
        if self.format == MAXMIND:
            head = [f"# {shown(self.path)}: {self.lines:,} records looked at", f"{_quoted(MAXMIND)},"]
            head += [f"path={_quoted(self.path)},", 'key="network",', 'match="cidr",']
            return "\n".join(
                [*head, "schema={", *(f"    {_quoted(f.name)}: {_entry(f, 1)}," for f in self.schema), "},"]
            )
        head = f"# {shown(self.path)}" + (f": {self.lines:,} lines looked at" if self.lines else "")
        if not self.times:
            head += "\n# no column is a time by its looks: name the one that is in event_time="
        lines = [head, f"format={_quoted(self.format)},", *(f"{k}={v!r}," for k, v in self.options.items())]
        if self.times:
            first, *others = self.times
            note = [first.note] if first.note else []
            note += [f"or {', '.join(other.column for other in others)}"] if others else []
            lines.append(f"event_time={first.expression}," + (f"  # {'; '.join(note)}" if note else ""))
            lines += [f"{name}={_quoted(value)}," for name, value in first.given.items()]
        if registry.find("format", self.format).default_schema(self.options) is None:
            lines += ["schema={", *(f"    {_quoted(f.name)}: {_entry(f, 1)}," for f in self.schema), "},"]
        else:
            lines += ["# the format fixes its columns:", *(f"#   {f.name}: {f.dtype}" for f in self.schema)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        columns = {f.name: ANY_JSON if f.any_json else str(f.dtype) for f in self.schema}
        times = [{"column": each.column, "event_time": each.expression, **each.given} for each in self.times]
        told = {"path": self.path, "format": self.format, "options": self.options, "lines": self.lines}
        return {**told, "event_time": times, "schema": columns}


def infer(path: str | os.PathLike[str], format: str = "", **options: Any) -> Schema:
    """Print a schema to paste into `cd.source(...)`, and return it.

    `path`: a file (compressed or not); of a glob or a directory the first file is looked at. `format`: by default what
    the suffix says, else what the first lines look like; `options` are the format's, such as `delimiter`. Up to 1 MiB
    is read. Raises `InputError` for a file that cannot be read or holds no record, `OptionError` where the format
    cannot be told or has no such option.
    """
    found = look(path, format, options)
    sys.stdout.write(found.to_text() + "\n")
    return found.schema


def look(path: str | os.PathLike[str], format: str, options: Mapping[str, Any]) -> Inferred:
    """Return what the file at `path` looks like; raises as `infer` does."""
    text = os.fspath(path)
    files: Any = registry.find("connector", "files")
    if text.endswith(".mmdb") and not format:
        records = registry.find("connector", MAXMIND).sample(text)
        schema = registry.find("format", "json").infer(records, text, {})
        return Inferred(text, MAXMIND, {}, Schema([Field("network", STRING), *schema]), records.count(b"\n"))
    format = format or _by_suffix(text)
    if format:
        chosen = registry.find("format", format)
        options = typed(options, chosen.reader_options)
        given = registry.check_options(dict(options), chosen.reader_options, f"format '{format}'")
        reader = chosen.reader(chosen.default_schema(given) or Schema([]), frozenset(), given)
        if isinstance(reader, FileReader):
            source = files.source({**files.source_options, "path": text}, reader, Schema([]))
            source.close()
            schema = chosen.infer(b"", text, given)
            return Inferred(text, format, {}, schema, 0, tuple(event_times(schema, _stamped(schema))))
    source = files.source({**files.source_options, "path": text}, None, Schema([]))
    try:
        block = source.partitions()[0].read(SAMPLE)
        if not isinstance(block, Block) or block.stop == block.start:
            detail = block.dead[0].message if isinstance(block, Block) and block.dead else "it has no lines"
            raise InputError("cannot tell a schema", location=text, detail=detail)
        sample = bytes(block.data[block.start : block.stop])
        format = format or _by_looks(sample, block, text)
    finally:
        source.close()
    if not format:
        known = ", ".join(sorted(registry.available("format")))
        raise OptionError("cannot tell the format", location=text, hint=f"name it, one of {known}")
    chosen = registry.find("format", format)
    options = typed(options, chosen.reader_options)
    guess = getattr(chosen, "guess", None)
    if guess is not None:
        options = {**(guess(sample, options) or {}), **options}
    given = registry.check_options(dict(options), chosen.reader_options, f"format '{format}'")
    if chosen.default_schema(given) is None:  # what is another format altogether says so when it is opened
        chosen.reader(Schema([]), frozenset(), given).open(sample, text)
    try:
        schema = chosen.infer(sample, text, given)
    except InputError as error:
        error.location = f"{text}: {error.location}" if error.location else text
        raise
    if not schema.names:
        raise InputError(f"no record of format '{format}' is found", location=text, hint="is it of another format?")
    times = tuple(event_times(schema, _values(chosen, given, schema, sample)))
    return Inferred(text, format, dict(options), schema, sample.count(b"\n") + (not sample.endswith(b"\n")), times)


def typed(options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with texts made into what their defaults are: bools, numbers, lists as JSON or `a,b`; a tab may be
    written `\\t` or `tab`. What cannot be made into that is left, for `check_options` to refuse."""
    return {
        name: _typed(value, known.get(name, "")) if isinstance(value, str) else value for name, value in options.items()
    }


def _typed(text: str, default: Any) -> Any:
    if isinstance(default, str):
        return "\t" if text == "\\t" or text.lower() == "tab" else text
    if isinstance(default, bool):
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if (default is None or isinstance(default, list)) and not text.startswith("["):
        return text.split(",")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _stamped(schema: Schema) -> dict[str, list[Any]]:
    """Return a value for each column that is a timestamp by its type: nothing else is known of it."""
    return {field.name: [0] for field in schema if field.dtype.name == "timestamp"}


def _values(chosen: Any, given: Mapping[str, Any], schema: Schema, sample: bytes) -> dict[str, list[Any]]:
    """Return the values of the sample that may be times; those that are have their text."""
    if chosen.default_schema(given) is not None:
        return _stamped(schema)
    names = ("int64", "float64", "string", "timestamp")
    plain = [f for f in schema if f.dtype.name in names and not f.any_json]
    read = Schema([replace(f, dtype=STRING) if f.dtype.name == "timestamp" else f for f in plain])
    made = chosen.portable(read, frozenset(read.names), dict(given))  # plain Python: nothing is compiled for a look
    decode, skip = made.make().open(sample, "")
    lines = sample[skip : skip + _LOOK].split(b"\n")
    _, columns, _ = decode(lines[:-1] if len(lines) > 1 else lines, [0] * len(lines))
    return columns


def _by_suffix(path: str) -> str:
    stem = path.lower()
    for packed in (".gz", ".zst", ".xz", ".bz2"):
        stem = stem.removesuffix(packed)
    for name in registry.available("format"):
        if stem.endswith(tuple(registry.find("format", name).suffixes) or ("\0",)):
            return name
    return ""


def _by_looks(sample: bytes, block: Block, path: str) -> str:
    """Return the format of lines without a telling name: JSON by its brace, fixed columns if the first line fits."""
    if _JSON.match(sample.lstrip(b"\xef\xbb\xbf \t\r\n\0")):
        return "json"
    if sample.startswith(b"PAR1"):
        return "parquet"
    first = replace(block, stop=block.start + sample.find(b"\n") + 1) if b"\n" in sample else block
    for name in registry.available("format"):
        chosen = registry.find("format", name)
        schema = chosen.default_schema(chosen.reader_options)
        if schema is None or getattr(chosen, "takes_anything", False):
            continue
        decoder, _ = chosen.reader(schema, frozenset(schema.names), dict(chosen.reader_options)).open(sample, path)
        if decoder.decode(first).rows:
            return name
    formats = ((name, registry.find("format", name)) for name in registry.available("format"))
    guessing = ((name, each) for name, each in formats if hasattr(each, "guess") and each.default_schema({}) is None)
    return next((name for name, each in guessing if each.guess(sample, {}) is not None), "")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if text.isprintable() else repr(text)


def _entry(field: Field, depth: int) -> str:
    return _quoted(ANY_JSON) if field.any_json else _spec(field.dtype, depth)


def _spec(dtype: DataType, depth: int) -> str:
    if dtype.item is not None:
        return f"[{_spec(dtype.item, depth)}]"
    if dtype.name == "struct":
        pad = "    " * (depth + 1)
        inner = "".join(f"{pad}{_quoted(f.name)}: {_entry(f, depth + 1)},\n" for f in dtype.fields)
        return "{\n" + inner + "    " * depth + "}"
    return _quoted(dtype.name)
