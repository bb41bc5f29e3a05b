"""What a source says of itself becomes the options of its connector and the reader of its format."""

from __future__ import annotations

from typing import Any

from caudal.core.errors import InputError
from caudal.core.types import Schema
from caudal.plan.nodes import Source
from caudal.ports import registry
from caudal.ports.format import ReachingReader
from caudal.ports.source import MessageConnector


def options_of(node: Source, plugin: Any) -> dict[str, Any]:
    """Return all options of a source for its connector; raises `OptionError`."""
    return registry.check_options(dict(node.options), plugin.source_options, f"connector '{node.connector}'")


def reader_of(node: Source, plugin: Any, options: dict[str, Any]) -> Any:
    """Return the reader of a source's format, None where it has none.

    Raises `InputError` for one that needs what does not answer.
    """
    if not node.format:
        return None
    chosen = registry.find("format", node.format)
    given = registry.check_options(dict(node.format_options), chosen.reader_options, f"format '{node.format}'")
    readable, needed = _decoded(plugin, options, node.readable, node.needed)
    reader = chosen.reader(readable, needed, given)
    if isinstance(reader, ReachingReader):
        try:
            reader.reach()
        except InputError as error:
            raise error.at(node.name) from error.__cause__
    return reader


def _decoded(
    plugin: Any, options: dict[str, Any], schema: Schema, needed: frozenset[str]
) -> tuple[Schema, frozenset[str]]:
    """Return what a format is to decode, and what of it is needed: not what messages have beside it."""
    if not isinstance(plugin, MessageConnector):
        return schema, needed
    beside = plugin.beside(options).names
    decoded = Schema([field for field in schema if field.name not in beside], schema.absent)
    return decoded, (needed | plugin.relies_on(options)) - frozenset(beside)
