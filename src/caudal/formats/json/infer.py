"""A schema for sampled JSON lines, to start from: every sampled line that is a record is accepted by it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from caudal.columnar import times
from caudal.core.types import BOOL, FLOAT64, INT64, STRING, TIMESTAMP, DataType, Field, Schema, list_of, struct_of
from caudal.formats.json.grammar import JsonConstant
from caudal.formats.json.strict import Refusal, parse

_LIMITS = 2**63


@dataclass(slots=True)
class _Seen:
    """What stood at one place: the kinds of values, the items of its arrays, the fields of its objects."""

    kinds: set[str] = field(default_factory=set)
    items: _Seen | None = None
    fields: dict[str, _Seen] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        if value is None:
            return
        self.kinds.add(_kind(value))
        if isinstance(value, list):
            self.items = self.items or _Seen()
            for item in value:
                self.items.add(item)
        elif isinstance(value, dict):
            for key, inner in value.items():
                self.fields.setdefault(key, _Seen()).add(inner)

    def empty(self) -> bool:
        """Whether nothing was seen that tells a type: nulls, empty arrays, empty objects."""
        inner = [*self.fields.values(), *([self.items] if self.items else [])]
        return self.kinds <= {"array", "object"} and all(seen.empty() for seen in inner)

    def dtype(self) -> DataType | None:
        """Return the narrowest type that takes all that was seen; None when no type does, or nothing was seen."""
        if self.kinds == {"object"}:
            fields = self.schema_fields()
            return struct_of(fields) if fields else None
        if self.kinds == {"array"} and self.items is not None:
            item = self.items.dtype()
            return None if item is None else list_of(item)
        if "big" in self.kinds and "float" not in self.kinds:
            return None  # a float64 would lose digits
        for dtype, kinds in _TAKEN:
            if self.kinds and self.kinds <= kinds:
                return dtype
        return None

    def schema_fields(self) -> list[Field]:
        found = [(key, seen.dtype()) for key, seen in self.fields.items() if key and not seen.empty()]
        return [Field(key, STRING, any_json=True) if dtype is None else Field(key, dtype) for key, dtype in found]


_TAKEN = (
    (BOOL, {"bool"}),
    (INT64, {"int"}),
    (FLOAT64, {"int", "float", "big"}),
    (TIMESTAMP, {"time"}),
    (STRING, {"time", "string"}),
)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_LIMITS <= value < _LIMITS else _real(value, "big")
    if isinstance(value, float):
        return _real(value, "float")
    if isinstance(value, JsonConstant):
        return "float"
    if isinstance(value, str):
        # the first test spares most text the second
        return "time" if value[4:5] == "-" and times.parse_text(value) is not None else "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "beyond"


def _real(value: float, kind: str) -> str:
    try:
        return kind if math.isfinite(float(value)) else "beyond"
    except OverflowError:
        return "beyond"


def infer(sample: bytes, limit: int = 10_000) -> Schema:
    """Return a schema for the first `limit` lines of a sample: bool, int64, float64, timestamp, string, lists, structs.

    Text is a timestamp where every value is an ISO 8601 time. Fields that no other type takes (text here, a number there;
    an integer beyond int64) are of the type json; left out are those that were always null or empty. Lines
    that are no records are passed over, and so is an unfinished last line when there are others. The fields stand in
    the order in which they were met.
    """
    lines = sample.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if len(lines) > 1:
        lines.pop()
    root = _Seen()
    for line in lines[:limit]:
        try:
            root.add(parse(line))
        except Refusal:
            continue
    return Schema(root.schema_fields())
