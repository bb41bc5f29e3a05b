"""Rows as numbered files of one directory that an engine reads: Parquet, or lines of JSON."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

HANDOVER_ROWS = 50_000
"""Rows of one part: a file that the engine reads by itself."""

_QUOTED_FLOATS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_quoted_text: Any = json.encoder.encode_basestring


class HandedParts:
    """Writes rows to numbered files of one directory; at least one, which may be empty."""

    def __init__(self, directory: str, form: str, kinds: dict[str, Any]) -> None:
        os.makedirs(directory, exist_ok=True)
        self._directory = directory
        self._form = form
        self._kinds = kinds
        self._held: dict[str, list[Any]] = {name: [] for name in kinds}
        self._rows = 0
        self._parts = 0

    def add(self, columns: dict[str, list[Any]], rows: int) -> None:
        """Take rows; write a part when there are enough."""
        for name, held in self._held.items():
            held += columns[name]
        self._rows += rows
        if self._rows >= HANDOVER_ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        if self._rows or not self._parts:
            self._write()

    def _write(self) -> None:
        path = os.path.join(self._directory, f"part-{self._parts:05}.{self._form}")
        if self._form == "parquet":
            _write_parquet(path, self._held, self._kinds)
        else:
            with open(path, "wb") as file:
                file.write(_json_lines(self._held, self._kinds, self._rows))
        self._parts += 1
        self._rows = 0
        self._held = {name: [] for name in self._kinds}


def _write_parquet(path: str, columns: dict[str, list[Any]], kinds: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(name, _arrow_storage(kind)) for name, kind in kinds.items()]
    arrays = [pa.array(columns[field.name], field.type) for field in fields]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    parquet.write_table(table, path, use_dictionary=False, store_schema=False)


def _arrow_storage(kind: Any) -> Any:
    """Return the Arrow type of a type: times and durations are int64."""
    import pyarrow as pa

    if isinstance(kind, dict):
        return pa.struct([pa.field(name, _arrow_storage(inner)) for name, inner in kind.items()])
    if not isinstance(kind, str):
        return pa.list_(_arrow_storage(kind[0]))
    made = {
        "bool": pa.bool_(),
        "int32": pa.int32(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "string": pa.string(),
        "binary": pa.binary(),
    }
    return made.get(kind, pa.int64())


def _json_lines(columns: dict[str, list[Any]], kinds: dict[str, Any], rows: int) -> bytes:
    if not rows:
        return b""
    keys = ",".join(_quoted_text(name).replace("%", "%%") + ":%s" for name in kinds)
    texts = [_json_texts(columns[name], kind) for name, kind in kinds.items()]
    return "".join(map(("{" + keys + "}\n").__mod__, zip(*texts))).encode()


def _json_texts(values: list[Any], kind: Any) -> list[str]:
    """Return each value as JSON text."""
    if kind == "string":
        write: Any = _quoted_text
    elif kind == "bool":
        write = {True: "true", False: "false"}.get
    elif kind in ("float32", "float64"):
        write = repr
    elif kind == "binary":
        write = _binary_text
    elif isinstance(kind, str):
        write = str
    elif isinstance(kind, dict):
        heads = [_quoted_text(name) + ":" for name in kind]
        whole = [v or dict.fromkeys(kind) for v in values]
        parts = [_json_texts([v[name] for v in whole], inner) for name, inner in kind.items()]
        rows = zip(*parts) if parts else ((),) * len(values)
        return [
            "null" if v is None else "{" + ",".join(map(str.__add__, heads, row)) + "}" for v, row in zip(values, rows)
        ]
    else:
        return ["null" if v is None else "[" + ",".join(_json_texts(v, kind[0])) + "]" for v in values]
    texts = ["null" if v is None else write(v) for v in values] if None in values else list(map(write, values))
    if write is repr and not {*texts}.isdisjoint(_QUOTED_FLOATS):
        return [_QUOTED_FLOATS.get(text, text) for text in texts]
    return texts


def _binary_text(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'
