"""History: sources that keep what they had, such as topics, read from one place to another instead of without end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from caudal.core.errors import OptionError
from caudal.plan.nodes import Node, Source
from caudal.plan.plan import Plan
from caudal.ports import registry

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


def _with(plan: Plan, values: dict[str, Any], *, only_missing: bool = False) -> tuple[Plan, bool]:
    found = False

    def change(node: Node, _: Any) -> Node:
        nonlocal found
        if not isinstance(node, Source):
            return node
        known = registry.find("connector", node.connector).source_options
        if "start" not in known or "until" not in known:
            return node
        found = True
        given = dict(node.options)
        for name, value in values.items():
            if value is not None and not (only_missing and given.get(name) is not None):
                given[name] = value
        return replace(node, options=tuple(given.items()))

    return plan.pinned().rebuild(change), found
