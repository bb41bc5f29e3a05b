"""What a schema asks of a record, as tables that the compiled scanner and the strict parser both follow.

A declared struct is taken apart: its scalars become slots of their own, found by their path, and the struct column is
put together from them. A list is one slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.core.types import DataType, Field, Place, Schema
from caudal.formats.json import values
from caudal.formats.json.portable import JsonConvert, json_converter, json_exactly, json_present
from caudal.ports.portable import plain_fields

_KINDS = {
    "bool": values.BOOL,
    "int32": values.INT32,
    "int64": values.INT64,
    "float32": values.FLOAT32,
    "float64": values.FLOAT64,
    "string": values.STRING,
    "binary": values.BINARY,
    "timestamp": values.TIMESTAMP,
    "duration": values.DURATION,
    "list": values.LIST,
}
_UNITS = {"": 0, "s": 1, "ms": 2, "us": 3, "ns": 4}
DEFERRED = (values.TIMESTAMP, values.BINARY, values.LIST)
"""Kinds whose text is checked behind the scanner, so that it is kept even where nobody needs the value."""
ROOM = 6
"""What a byte of a line may become, at most, where its text is written anew."""


@dataclass(slots=True)
class Slot:
    """One place of the record with one type. `field` tells type, unit and time format; `out` its result row or -1;
    `convert` is what the strict parser makes of a value, which must be parsed exactly where `exact`.

    `kind` PRESENT: the place of an object that the schema looks into (a struct, or a parent of a path).
    """

    index: int
    kind: int
    keys: tuple[str, ...]
    field: Field
    convert: JsonConvert
    exact: bool = False
    out: int = -1


@dataclass(slots=True)
class Part:
    """How a column is made: of one slot, or, for a struct, of its presence and its fields' parts."""

    dtype: DataType
    slot: Slot
    fields: tuple[Part, ...] = ()


@dataclass(slots=True)
class _Node:
    keys: tuple[str, ...]
    children: dict[str, _Node] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)


class Shape:
    """The tables of a schema and the columns that are needed.

    `tables`: (slots, nodes, edges, keys) for `scanner.scan`: int32 tables of 8 columns, and the bytes of all keys.
    `parts`: how each needed column is made. `places`: the slots, those of one place together; `converts`: these
    with their keys and what the strict parser makes of a value. `declared`: the names of
    fields, as `grammar.json_check_names` takes them. `exact`: whether the strict parser must know how numbers are written.
    `outs`: rows of the result arrays. `room`: bytes that one of a line may take where text is written anew. `named`: for
    each place of the schema its keys in a record and the number of its node. Immutable, shared by all threads.
    """

    def __init__(self, schema: Schema, needed: frozenset[str]) -> None:
        self.schema = schema
        self.slots: list[Slot] = []
        self._root = _Node(())
        self._declared: dict[Place, _Node] = {}
        parts = {f.name: self._declare(self._root, f) for f in schema}
        self.parts = {name: part for name, part in parts.items() if name in needed}
        self.outs = 0
        for part in self.parts.values():
            self._need(part)
        nodes = self._walk()
        self.places = sorted(
            (node.slots for node in nodes if node.slots), key=lambda slots: min(s.index for s in slots)
        )
        self.exact = any(slot.exact for slot in self.slots)
        self.converts = [(slots, slots[0].keys, [slot.convert for slot in slots]) for slots in self.places]
        self.keys = [node.keys for node in nodes]
        self.declared = self._names(self._root)
        number = {id(node): n for n, node in enumerate(nodes)}
        self.named = {place: (node.keys, number[id(node)]) for place, node in self._declared.items()}
        self.deferred = [slot for slot in self.slots if slot.kind in DEFERRED]
        for slots in self.places:
            if any(slot.kind in DEFERRED for slot in slots):
                for slot in slots:  # what another type takes is no bad text
                    self._number(slot)
        # a column of objects' text and columns inside these; and two texts side by side, to compare them
        self.room = ROOM * (self._layers(self._root) + 2)

    def _declare(self, node: _Node, declared: Field, above: Place = ()) -> Part:
        for key in declared.keys:
            if node is not self._root:
                self._slot(node, values.PRESENT, Field("", DataType("struct")))
            node = node.children.setdefault(key, _Node((*node.keys, key)))
        dtype, place = declared.dtype, (*above, declared.name)
        self._declared[place] = node
        if dtype.name != "struct":
            return Part(dtype, self._slot(node, values.ANY if declared.any_json else _KINDS[dtype.name], declared))
        present = self._slot(node, values.PRESENT, declared)
        return Part(dtype, present, tuple(self._declare(node, inner, place) for inner in dtype.fields))

    def _walk(self) -> list[_Node]:
        """Return all nodes, a parent before its children: a node's number is its place here."""
        order = [self._root]
        for node in order:
            order += node.children.values()
        return order

    def _names(self, node: _Node) -> dict[str, Any]:
        return {key: self._names(child) for key, child in node.children.items()}

    def _layers(self, node: _Node) -> int:
        here = any(slot.kind != values.PRESENT for slot in node.slots)
        return here + max((self._layers(child) for child in node.children.values()), default=0)

    def _slot(self, node: _Node, kind: int, declared: Field) -> Slot:
        for slot in node.slots:
            other = slot.field
            same = (other.dtype, other.unit, other.time_format) == (declared.dtype, declared.unit, declared.time_format)
            if slot.kind == kind and (same or kind in (values.PRESENT, values.ANY)):
                return slot
        if kind == values.PRESENT:
            slot = Slot(len(self.slots), kind, node.keys, declared, json_present)
        else:
            plain = plain_fields([declared])[0][1]
            convert = json_converter(plain, declared.unit, declared.time_format, declared.local)
            slot = Slot(len(self.slots), kind, node.keys, declared, convert, json_exactly(plain))
        self.slots.append(slot)
        # an object's place comes first: the scanner marks the head of the chain
        node.slots.insert(0, slot) if kind == values.PRESENT else node.slots.append(slot)
        return slot

    def _need(self, part: Part) -> None:
        self._number(part.slot)
        for inner in part.fields:
            self._need(inner)

    def _number(self, slot: Slot) -> None:
        if slot.out < 0:
            slot.out = self.outs
            self.outs += 1

    @cached_property
    def tables(
        self,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """The tables as arrays; made once."""
        slots = np.zeros((max(1, len(self.slots)), 8), np.int32)
        for slot in self.slots:
            slots[slot.index, :4] = (slot.kind, slot.out, -1, _UNITS[slot.field.unit])
        order = self._walk()
        number = {id(node): i for i, node in enumerate(order)}
        nodes: list[tuple[int, int, int, int]] = []
        edges: list[tuple[int, int, int]] = []
        keys = b""
        for node in order:
            for slot, after in zip(node.slots, node.slots[1:]):
                slots[slot.index, values.NEXT] = after.index
            head = node.slots[0] if node.slots else None
            marked = head is not None and head.kind == values.PRESENT and head.out >= 0
            nodes.append((len(edges), len(node.children), -1 if head is None else head.index, int(marked)))
            for key, child in node.children.items():
                raw = key.encode("utf-8", "surrogatepass")
                edges.append((len(keys), len(raw), number[id(child)]))
                keys += raw
        node_table = np.zeros((len(nodes), 8), np.int32)
        node_table[:, :4] = nodes
        edge_table = np.zeros((max(1, len(edges)), 8), np.int32)
        if edges:
            edge_table[: len(edges), :3] = edges
        return slots, node_table, edge_table, np.frombuffer(bytearray(keys or b"\0"), np.uint8)
