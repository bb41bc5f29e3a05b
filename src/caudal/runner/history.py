"""History: sources that keep what they had, such as topics, read from one place to another instead of without end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from caudal.core.errors import OptionError, nearest
from caudal.plan.nodes import Node, Source
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.source import Ending
from caudal.runner.binding import open_source

_OFFSET = re.compile(r"([^\s:=,]+):([0-9]{1,9})=([0-9]{1,18})")


def placed(plan: Plan, start: str | None, until: str | None) -> Plan:
    """Return the plan as `--from` and `--to` have it read, None: not given. Raises `OptionError`."""
    if start is None and until is None:
        return plan
    return between(plan, *(None if text is None else place(text) for text in (start, until)))


def between(plan: Plan, start: Any = None, until: Any = None) -> Plan:
    """Return the plan with every source that has a history read from `start` to `until`; None: as it says itself.

    Places are those of the connector: "earliest", "latest", a time, offsets by partition. Raises `OptionError` where no source has
    any.
    """
    _check_topics(plan, (start, until))
    changed, found = _with(plan, {"start": start, "until": until})
    if not found:
        raise OptionError(
            "no source of this pipeline has a history to be replayed",
            hint="topics have; files are read with caudal run",
        )
    return changed


def ended(plan: Plan) -> Plan:
    """Return the plan with every source that has a history read to the end that it has now, unless it says where to end."""
    return _with(plan, {"until": "latest"}, only_missing=True)[0]


def fixed(plan: Plan) -> Plan:
    """Return the plan with every bounded source that has a history read between the very offsets that its places mean by now.

    Raises `InputError` and `OptionError` as opening a source does.
    """

    def change(node: Node, _: Any) -> Node:
        if not isinstance(node, Source) or not _has_history(node) or dict(node.options).get("until") is None:
            return node
        bound = open_source(node)
        try:
            assert isinstance(bound.source, Ending)
            until = dict(bound.source.ends())
            start = {partition.name: partition.start for partition in bound.source.partitions()}
        finally:
            bound.source.close()
        kept = tuple((name, value) for name, value in node.options if name not in ("start", "until"))
        return replace(node, options=(*kept, ("start", start), ("until", until)))

    return plan.pinned().rebuild(change)


def place(text: str) -> Any:
    """Return a place as an option takes it: offsets are topic:0=1500,topic:1=0 or JSON, {"0": 1500}; else a time or a word."""
    if not text.startswith("{"):
        named = [_OFFSET.fullmatch(part.strip()) for part in text.split(",")]
        found = [(f"{each[1]}/{int(each[2])}", int(each[3])) for each in named if each is not None]
        if not found:
            return text
        if len(dict(found)) < len(named):
            raise OptionError(
                f"'{text}' is no place", hint="each partition once, with an offset: topic:0=1500,topic:1=0"
            )
        return dict(found)
    try:
        return json.loads(text)
    except ValueError as error:
        raise OptionError(
            f"'{text}' is no place", hint='a time, or offsets: {"0": 1500, "1": 0}', detail=str(error)
        ) from None


def _own(place: Any, options: Mapping[str, Any], name: str) -> Any:
    """Return what of a place is about the topics that a source names: of offsets those of its own."""
    topics = {options.get("topic"), *options.get("topics", ())} - {None, ""}
    if not isinstance(place, dict) or not topics:
        return place
    own = {
        part: offset for part, offset in place.items() if "/" not in str(part) or str(part).rpartition("/")[0] in topics
    }
    return own or ("latest" if name == "until" else None)


def _check_topics(plan: Plan, places: Iterable[Any]) -> None:
    """Raise `OptionError` for an offset of a topic that no source reads."""
    options = [dict(node.options) for node in plan.sources]
    if any(each.get("pattern") for each in options):
        return
    topics = {topic for each in options for topic in (each.get("topic"), *each.get("topics", ())) if topic}
    for place in places:
        for part in place if isinstance(place, dict) else ():
            topic, slash, _ = str(part).rpartition("/")
            if slash and topic not in topics:
                raise OptionError(f"no source reads the topic '{topic}'", hint=nearest(topic, topics))


def _has_history(node: Source) -> bool:
    known = registry.find("connector", node.connector).source_options
    return "start" in known and "until" in known


def _with(plan: Plan, values: dict[str, Any], *, only_missing: bool = False) -> tuple[Plan, bool]:
    found = False

    def change(node: Node, _: Any) -> Node:
        nonlocal found
        if not isinstance(node, Source):
            return node
        if not _has_history(node):
            return node
        found = True
        given = dict(node.options)
        for name, place in values.items():
            value = _own(place, given, name)
            if value is not None and not (only_missing and given.get(name) is not None):
                given[name] = value
        return replace(node, options=tuple(given.items()))

    return plan.pinned().rebuild(change), found
