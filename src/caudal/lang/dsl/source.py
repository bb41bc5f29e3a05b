"""Sources: where a stream begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import OptionError, PlanError
from caudal.core.types import ANY_JSON, STRING, Field, Schema, parse_type
from caudal.lang.dsl import instead
from caudal.lang.dsl.options import format_of_path, format_options, path_of, split
from caudal.lang.dsl.stream import Stream
from caudal.lang.dsl.windows import expression
from caudal.plan.called import answered
from caudal.plan.expr import Expr
from caudal.plan.nodes import Source
from caudal.ports import registry
from caudal.ports.format import EnvelopeFormat
from caudal.ports.source import MessageConnector


@answered
def source(
    connector: str,
    *,
    schema: Mapping[str, Any] | Schema | None = None,
    format: str = "",
    event_time: str | Expr | None = None,
    unit: str = "",
    time_format: str = "",
    disorder: Duration = "0ms",
    idle: Duration | None = None,
    max_future: Duration | None = None,
    timezone: str = "",
    name: str = "",
    **options: Any,
) -> Stream:
    """Read a stream: `connector` ("files", "memory" ...) with its options, `format` with its options, and a schema.

    `event_time`: a column or an expression (a timestamp; text in ISO 8601 or `time_format`; integers in milliseconds
    or `unit`; floats in seconds). `disorder`: how far behind the newest row a row may be without being late. `idle`
    matters on live sources only. `max_future`: how far ahead of its arrival an event time may be (1h; a bounded run
    arrives at one time, that of its start); beyond, the row is a dead letter. `timezone`: where times without an offset
    are local, such as "Europe/Berlin"; without it they are UTC. Raises `OptionError` and `PlanError`, with the nearest name.
    """
    instead.refuse_connector(connector, "source")
    plugin = registry.find("connector", connector)
    known = getattr(plugin, "source_options", None)
    if known is None:
        raise OptionError(f"the connector '{connector}' cannot be read")
    if connector == "files":
        path_of(options, "source", 'cd.source("files", path="logs/*.jsonl", ...)')
    if not getattr(plugin, "decoded", False):
        format = format or format_of_path(options.get("path"), known)
    own, rest = split(options, known, f"connector '{connector}'")
    given = format_options(format, rest, known, "reader_options", f"connector '{connector}'")
    chosen = registry.find("format", format) if format else None
    options_of_format = {**chosen.reader_options, **dict(given)} if chosen else {}
    default = chosen.default_schema(options_of_format) if chosen else None
    decoded = _declared(schema, default, format)
    decoded = _with_inner(decoded, chosen, options_of_format)
    declared = _with_beside(decoded, plugin, {**known, **dict(own)}, format)
    node = Source(
        name=name,
        connector=connector,
        options=own,
        format=format,
        format_options=given,
        declared=declared,
        event_time=None if event_time is None else expression(event_time, "event_time"),
        unit=unit,
        time_format=time_format,
        disorder=duration.parse(disorder, what="disorder"),
        idle=None if idle is None else duration.parse(idle, what="idle"),
        max_future=None if max_future is None else duration.parse(max_future, what="max_future"),
        timezone=timezone,
    )
    if chosen:
        chosen.reader(decoded, frozenset(decoded.names), options_of_format)
    return Stream(node)


@answered
def field(dtype: Any, *, path: str | Iterable[str] | None = None, unit: str = "", time_format: str = "") -> Field:
    """Describe a column of a schema: its type, where it comes from (`path`, a list of keys), how its time is written.

    A dot in a key is literal, so a text `path` with a dot is refused: write ["alert", "signature"] for a nested field
    or ["id.orig_h"] for a flat one.
    """
    if isinstance(path, str):
        if "." in path:
            parts = path.split(".")
            raise PlanError(f"path='{path}' can be read in two ways", hint=f"write path={parts} or path=['{path}']")
        path = [path]
    keys = tuple(path) if isinstance(path, Iterable) else (path,) if path is not None else ()
    if not all(isinstance(key, str) for key in keys):
        hint = (
            'the keys that lead to the value: path=["alert", "signature"]; an item of a list: .list.get(0) in a column'
        )
        raise PlanError(f"path is a list of texts, not {path!r}", hint=hint)
    if unit not in ("", "s", "ms", "us", "ns"):
        raise PlanError(f"unknown time unit '{unit}'", hint="one of s, ms, us, ns")
    any_json = dtype == ANY_JSON
    return Field("", STRING if any_json else parse_type(dtype), keys, unit, time_format, any_json)


def _declared(schema: Any, default: Schema | None, format: str) -> Schema:
    if schema is None and default is None:
        raise PlanError(
            "the source needs a schema", hint='schema={"ip": "string", ...}; cd.infer(path) prints one to paste'
        )
    declared = Schema.of(schema) if schema is not None else default
    assert declared is not None
    if format != "json" and _takes_any(declared):
        raise PlanError("the type json is read by the format json alone", hint='write "string"')
    return declared


def _with_inner(declared: Schema, chosen: Any, options: dict[str, Any]) -> Schema:
    """Return a schema with the columns of the lines that records hold."""
    if not isinstance(chosen, EnvelopeFormat):
        return declared
    return Schema([*declared, *chosen.within(options)], declared.absent)


def _with_beside(decoded: Schema, plugin: Any, options: dict[str, Any], format: str) -> Schema:
    """Return a schema with the columns that messages have beside their payloads."""
    if not isinstance(plugin, MessageConnector):
        if format and getattr(registry.find("format", format), "messages_only", False):
            raise OptionError(f"{format} is read from messages alone", hint='cd.source("kafka", ...)')
        return decoded
    if not format:
        known = ", ".join(sorted(registry.available("format")))
        raise OptionError("messages need a format that reads their payloads", hint=f"format= one of {known}")
    return Schema([*decoded, *plugin.beside(options)], decoded.absent)


def _takes_any(fields: Iterable[Field]) -> bool:
    return any(field.any_json or _takes_any(field.dtype.fields) for field in fields)
