"""A schema to start from, read off the data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from caudal.core.errors import InputError, OptionError
from caudal.core.types import ANY_JSON, DataType, Field, Schema
from caudal.ports import registry
from caudal.ports.format import FileReader
from caudal.ports.records import Block

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

    def to_text(self) -> str:
        """Return the schema as the arguments of `cd.source(...)`, to paste."""
        head = f"# {self.path}" + (f": {self.lines:,} lines looked at" if self.lines else "")
        times = [f.name for f in self.schema if f.dtype.name == "timestamp"]
        if not times:
            head += "\n# no column is a time by its looks: name the one that is in event_time="
        lines = [head, f"format={_quoted(self.format)},", *(f"{k}={v!r}," for k, v in self.options.items())]
        if times:
            lines.append(f"event_time={_quoted(times[0])}," + (f"  # or {', '.join(times[1:])}" if times[1:] else ""))
        if registry.find("format", self.format).default_schema() is None:
            lines += ["schema={", *(f"    {_quoted(f.name)}: {_entry(f, 1)}," for f in self.schema), "},"]
        else:
            lines += ["# the format fixes its columns:", *(f"#   {f.name}: {f.dtype}" for f in self.schema)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        columns = {f.name: ANY_JSON if f.any_json else str(f.dtype) for f in self.schema}
        return {"path": self.path, "format": self.format, "lines": self.lines, "schema": columns}


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
    format = format or _by_suffix(text)
    if format:
        chosen = registry.find("format", format)
        given = registry.check_options(dict(options), chosen.reader_options, f"format '{format}'")
        reader = chosen.reader(chosen.default_schema() or Schema([]), frozenset(), given)
        if isinstance(reader, FileReader):
            source = files.source({**files.source_options, "path": text}, reader, Schema([]))
            source.close()
            return Inferred(text, format, {}, chosen.infer(b"", text, given), 0)
    source = files.source({**files.source_options, "path": text}, None, Schema([]))
    try:
        block = source.partitions()[0].read(SAMPLE)
        if not isinstance(block, Block) or block.stop == block.start:
            detail = block.dead[0].message if isinstance(block, Block) and block.dead else "it has no lines"
            raise InputError("cannot tell a schema", location=text, detail=detail)
        sample = bytes(block.data[block.start : block.stop])
        format = format or _by_looks(sample, block)
    finally:
        source.close()
    if not format:
        known = ", ".join(sorted(registry.available("format")))
        raise OptionError("cannot tell the format", location=text, hint=f"name it, one of {known}")
    chosen = registry.find("format", format)
    given = registry.check_options(dict(options), chosen.reader_options, f"format '{format}'")
    try:
        schema = chosen.infer(sample, text, given)
    except InputError as error:
        error.location = f"{text}: {error.location}" if error.location else text
        raise
    if not schema.names:
        raise InputError(f"no record of format '{format}' is found", location=text, hint="is it of another format?")
    return Inferred(text, format, dict(options), schema, sample.count(b"\n") + (not sample.endswith(b"\n")))


def _by_suffix(path: str) -> str:
    stem = path.lower()
    for packed in (".gz", ".zst", ".xz", ".bz2"):
        stem = stem.removesuffix(packed)
    for name in registry.available("format"):
        if stem.endswith(tuple(registry.find("format", name).suffixes) or ("\0",)):
            return name
    return ""


def _by_looks(sample: bytes, block: Block) -> str:
    """Return the format of lines without a telling name: JSON by its brace, fixed columns if the first line fits."""
    if sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "json"
    if sample.startswith(b"PAR1"):
        return "parquet"
    first = replace(block, stop=block.start + sample.find(b"\n") + 1) if b"\n" in sample else block
    for name in registry.available("format"):
        chosen = registry.find("format", name)
        schema = chosen.default_schema()
        if schema is None:
            continue
        decoder, _ = chosen.reader(schema, frozenset(schema.names), dict(chosen.reader_options)).open(sample, "")
        if decoder.decode(first).rows:
            return name
    return ""


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
