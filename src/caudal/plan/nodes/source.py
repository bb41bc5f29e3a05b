"""Rows read by a connector."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from typing import ClassVar

from caudal.core import duration, time_formats
from caudal.core.errors import PlanError
from caudal.core.types import TIMESTAMP, Schema
from caudal.core.zones import zone
from caudal.plan.expr import Call, Column, Expr
from caudal.plan.nodes.base import Node, Pairs, Role
from caudal.plan.python import PythonFunction, calls


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Source(Node):
    """Rows read by a connector and decoded by a format, with event time and bounded disorder in milliseconds.

    `idle` and `max_future` are in milliseconds; None means the engine's default for the kind of source. `timezone`: an IANA
    name, the zone of times that are written without an offset ("": UTC). `projection`
    is set by a rewrite pass: the declared columns that the plan uses (None: all of them).
    """

    kind: ClassVar[str] = "source"
    shape: ClassVar[str] = "end"
    connector: str
    options: Pairs
    format: str = ""
    format_options: Pairs = ()
    declared: Schema
    event_time: Expr | None = None
    unit: str = ""
    time_format: str = ""
    disorder: int = 0
    idle: int | None = None
    max_future: int | None = None
    timezone: str = ""
    projection: tuple[str, ...] | None = None

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.declared):
            raise PlanError("a source needs a schema", hint='schema={"ip": "string", ...}; cd.infer(path) prints one')
        if self.event_time is not None:
            check_time(self.event_time, self.declared, self.unit, self.time_format)
        elif self.disorder:
            raise PlanError("disorder= needs event_time=")
        if self.timezone:
            self._check_zone()
        names = self.declared.names if self.projection is None else self.projection
        return Schema([f for f in self.declared if f.name in names], self.declared.absent), self.event_time is not None

    @property
    def moves(self) -> str:
        return "blocks of a partition are read one after another, decoded on any core"

    @property
    def needed(self) -> frozenset[str]:
        """The declared columns that are read."""
        return frozenset(self.schema.names) | (
            self.event_time.columns() if self.event_time is not None else frozenset()
        )

    def trimmed(self, used: Set[str]) -> Source:
        return replace(self, projection=tuple(name for name in self.declared.names if name in used))

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        """Yield the event time: its columns are the declared ones."""
        if self.event_time is not None:
            yield Role.TIME, self.event_time

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return ()

    @property
    def readable(self) -> Schema:
        """The declared schema as a reader takes it: it marks the times that are local."""
        if not self.timezone:
            return self.declared
        return Schema([replace(f, local=True) if f.dtype.name == "timestamp" else f for f in self.declared])

    @property
    def time_text(self) -> tuple[Expr | None, str]:
        """What the event time is made of, and the form of its text: of text that an expression parses, the text itself."""
        made = self.event_time
        if self.timezone and isinstance(made, Call) and made.function == "strptime":
            return made.args[0], str(dict(made.options)["format"])
        return made, self.time_format

    def _check_zone(self) -> None:
        zone(self.timezone)
        made = self.time_text[0]
        if made is not None and not isinstance(made, Column) and made.dtype(self.declared) == TIMESTAMP:
            raise PlanError(
                "timezone= does not reach into the expression of the event time",
                detail=str(made),
                hint="give it as text, which is parsed then: event_time=cd.concat(...), time_format=...",
            )
        for f in self.declared:
            if f.dtype.is_nested and "timestamp" in str(f.dtype):
                raise PlanError(
                    f"timezone= does not reach the times inside '{f.name}'",
                    hint="declare each as a column of its own: cd.field('timestamp', path=[...])",
                )

    @property
    def has_dead(self) -> bool:
        return True

    def describe(self) -> str:
        parts = [self.connector, *(f"{k}={v!r}" for k, v in self.options if isinstance(v, str | int | bool | float))]
        if self.format:
            parts.append(f"format={self.format}")
        if self.event_time is not None:
            parts.append(f"event_time={self.event_time}")
            parts.append(f"disorder={duration.show(self.disorder)}")
        if self.timezone:
            parts.append(f"timezone={self.timezone}")
        if self.projection is not None:
            parts.append(f"reads {len(self.projection)} of {len(self.declared)} columns: {', '.join(self.projection)}")
        return " ".join(parts)


def check_time(event_time: Expr, schema: Schema, unit: str, time_format: str) -> None:
    """Raise `PlanError` for what no event time can be made of."""
    dtype = event_time.dtype(schema)
    if calls(event_time):
        raise PlanError("event time cannot come from a Python function", hint="give it a column or an expression")
    if not (dtype.is_numeric or dtype.name in ("timestamp", "string")):
        raise PlanError(
            f"event time cannot come from a {dtype}", hint="it takes a timestamp, a number or a string in ISO 8601"
        )
    if unit not in ("", "s", "ms", "us", "ns"):
        raise PlanError(f"unknown time unit '{unit}'", hint="one of s, ms, us, ns")
    if unit and dtype.name in ("string", "timestamp"):
        raise PlanError(f"unit= is for numbers; event time is a {dtype}", hint="for text use time_format=")
    if time_format and dtype.name != "string":
        raise PlanError(f"time_format= is for text; event time is a {dtype}", hint="for numbers use unit=")
    time_formats.compiled(time_format)
