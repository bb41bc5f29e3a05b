"""The strict reader of single lines: the rules of `portable`, over a schema's slots."""

from __future__ import annotations

from typing import Any

from caudal.core.scalars import Refused
from caudal.formats.json.portable import json_at, json_base64, json_record, json_value
from caudal.formats.json.shape import Shape, Slot

_NONE = type(None)
_PLAIN = {"string": frozenset({str, _NONE}), "bool": frozenset({bool, _NONE})}  # items that need no conversion

Refusal = Refused
parse = json_record
from_base64 = json_base64


def parse_lists(texts: list[bytes], slot: Slot) -> list[Any]:
    """Return the converted list (or the `Refusal` of one that does not fit) in each text, whose grammar is known."""
    found = json_value(b"".join([b"[", b",".join(texts), b"]"]).decode())
    dtype, name = slot.field.dtype, ".".join(slot.keys)
    plain = _PLAIN.get(dtype.item.name if dtype.item else "", frozenset())
    for i, items in enumerate(found):
        if not plain.issuperset(map(type, items)):
            try:
                found[i] = slot.convert(items, name)
            except Refused as refusal:
                found[i] = refusal
    return found


def convert_record(record: dict[str, Any], shape: Shape) -> list[tuple[Slot, Any]]:
    """Return each slot with its converted value (None: null).

    Raises `Refusal` with the reason "type" or "range", which names the field.
    """
    return [(slot, json_at(record, slot.keys, slot.convert)) for slot in shape.slots]
