"""Patterns: which events follow one another, how often, and which may not come between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from caudal.plan.expr import Expr

MOST = 2**31 - 1
"""The most rows that an item may say it takes; None is any number."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A row for which a condition holds; without one, any row."""

    name: str
    condition: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """`least` to `most` rows (None: any number) of one of these events: of those that fit a row the first named takes it."""

    events: tuple[Event, ...]
    least: int = 1
    most: int | None = 1

    def __str__(self) -> str:
        names = " | ".join(event.name for event in self.events)
        if (self.least, self.most) == (1, 1):
            return f"({names})" if len(self.events) > 1 else names
        often = f"{self.least}" if self.most == self.least else f"{self.least}, {self.most}"
        return f"{f'({names})' if len(self.events) > 1 else names}.times({often})"


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """A place of a pattern: one item, or several in any order.

    `strict`: it begins with the very next row; `forbidden`: what may not come between the element before and this one.
    """

    items: tuple[Item, ...]
    strict: bool = False
    forbidden: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that take its rows."""
        return tuple(event for item in self.items for event in item.events)

    def __str__(self) -> str:
        one = ", ".join(map(str, self.items))
        return f"all_of({one})" if len(self.items) > 1 else one


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Elements that follow one another; `absent`: what must not come behind the last, until `within` is over."""

    elements: tuple[Element, ...]
    absent: tuple[Event, ...] = ()

    @property
    def taking(self) -> tuple[Event, ...]:
        """The events that take rows, in order."""
        return tuple(event for element in self.elements for event in element.events)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, those that must not occur too, in order."""
        return tuple(event for _, event in self.placed())

    def placed(self) -> Iterator[tuple[int, Event]]:
        """Yield all events in order, each with the number of elements whose rows are known before it."""
        for i, element in enumerate(self.elements):
            for event in (*element.forbidden, *element.events):
                yield i, event
        for event in self.absent:
            yield len(self.elements), event

    def __str__(self) -> str:
        text = ""
        for element in self.elements:
            text += "".join(f" >> ~{event.name}" for event in element.forbidden)
            if not text:
                text = str(element)
            elif element.strict:
                text = f"({text}).then({element})" if element.forbidden else f"{text}.then({element})"
            else:
                text += f" >> {element}"
        return text + "".join(f" >> ~{event.name}" for event in self.absent)
