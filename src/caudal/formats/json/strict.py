"""The strict reader of single lines: the rules of `grammar` and `portable`, over a schema's slots."""

from __future__ import annotations

from typing import Any

from caudal.core.scalars import Refused
from caudal.formats.json.grammar import json_check_names, json_decoder, json_record, json_twice, json_value
from caudal.formats.json.portable import json_base64, json_values
from caudal.formats.json.shape import Shape, Slot

_NONE = type(None)
_PLAIN = {"string": frozenset({str, _NONE}), "bool": frozenset({bool, _NONE})}  # items that need no conversion
_once = json_decoder(exact=False, escape=True).decode

Refusal = Refused
parse = json_record
from_base64 = json_base64
named_twice = json_twice


def parse_lists(texts: list[bytes], slot: Slot) -> list[Any]:
    """Return the converted list (or the `Refusal` of one that does not fit) in each text, whose grammar is known."""
    try:
        found = [] if slot.exact else _once(b"".join([b"[", b",".join(texts), b"]"]).decode())
    except ValueError:  # an object names a field twice, or a number is very long
        found = []
    if not found:
        found = [json_value(text.decode()) for text in texts]
    dtype, name = slot.field.dtype, ".".join(slot.keys)
    plain = _PLAIN.get(dtype.item.name if dtype.item else "", frozenset())
    for i, items in enumerate(found):
        if not plain.issuperset(map(type, items)):
            try:
                found[i] = slot.convert(items, name)
            except Refused as refusal:
                found[i] = refusal
    return found


def convert_record(record: Any, shape: Shape) -> list[tuple[Slot, Any]]:
    """Return each slot with its converted value (None: null) of a record as `parse` returns it.

    Raises `Refusal` with the reason "utf8", "syntax", "duplicate_key", "type" or "range", which names the field.
    """
    json_check_names(record, shape.declared)
    found: list[tuple[Slot, Any]] = []
    for slots, keys, converts in shape.converts:
        found += zip(slots, json_values(record, keys, converts))
    return found
