"""The JSON form of patterns.

{"elements": [{"items": [{"events": [{"name", "condition"}], "times": [least, most]}], "strict", "forbidden": [events]}],
"absent": [events]}. A `most` of null is any number, a condition of null is true for every row.
"""

from __future__ import annotations

from typing import Any

from caudal.plan import wire_expr
from caudal.plan.patterns import Element, Event, Item, Pattern


def to_json(pattern: Pattern) -> dict[str, Any]:
    """Return the pattern as plain JSON values."""
    elements = [
        {
            "items": [{"events": _events(item.events), "times": [item.least, item.most]} for item in element.items],
            "strict": element.strict,
            "forbidden": _events(element.forbidden),
        }
        for element in pattern.elements
    ]
    return {"elements": elements, "absent": _events(pattern.absent)}


def from_json(data: dict[str, Any]) -> Pattern:
    """Return the pattern; raises `PlanError`, or what a shape that does not fit makes Python raise."""
    elements = [
        Element(
            tuple(Item(_read(item["events"]), *item["times"]) for item in element["items"]),
            element["strict"],
            _read(element["forbidden"]),
        )
        for element in data["elements"]
    ]
    return Pattern(tuple(elements), _read(data["absent"]))


def _events(events: tuple[Event, ...]) -> list[dict[str, Any]]:
    return [
        {"name": event.name, "condition": None if event.condition is None else wire_expr.to_json(event.condition)}
        for event in events
    ]


def _read(events: list[dict[str, Any]]) -> tuple[Event, ...]:
    return tuple(
        Event(each["name"], None if each["condition"] is None else wire_expr.from_json(each["condition"]))
        for each in events
    )
