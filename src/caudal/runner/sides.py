"""Late rows and dead letters that a pipeline does not wire: they get files beside its output."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from caudal.core.errors import OptionError
from caudal.plan.nodes import DeadLetters, Keyed, Late, Node, Sink
from caudal.plan.plan import Plan
from caudal.ports import registry

ROLES = {"late": Late, "dead": DeadLetters}
CHOICES = ("file", "discard")
_NO_FILE_NAME = r"[^\w .+-]|^\."
"""What of a pipeline's name is no part of a file's: nothing leads out of the working directory, or hides."""


def with_sides(plan: Plan, late: str, dead: str, *, shared: bool = False) -> Plan:
    """Return the plan with a sink for the late rows and dead letters of each operator that nobody reads.

    "file": `alerts.jsonl` gets `alerts.late.jsonl` and `alerts.dead.jsonl` beside it, the topic `alerts` the topics `alerts.late`
    and `alerts.dead` (a pipeline without such a sink: `<name>.late.jsonl` in the working directory); "discard": they are only
    counted. `shared`: the job may be a worker of a group: beside a folder of parts they get folders of parts, alerts.late.
    """
    for what, choice in (("late", late), ("dead", dead)):
        if choice not in CHOICES:
            raise OptionError(f"{what} rows cannot go to '{choice}'", hint="one of " + ", ".join(CHOICES))
    plan = plan.pinned()
    wired = {(type(n), i) for n in plan.nodes if isinstance(n, Late | DeadLetters) for i in n.inputs}
    extra: list[Sink] = []
    for node in plan.nodes:
        if isinstance(node, Keyed) and late == "file" and (Late, node) not in wired:
            rows = Late(name=f"late:{node.name}", input=node, whole=False)
            extra.append(_sink(f"{node.name}.late", rows, plan, "late", shared))
        if node.has_dead and dead == "file" and (DeadLetters, node) not in wired:
            letters = DeadLetters(name=f"dead:{node.name}", input=node)
            extra.append(_sink(f"{node.name}.dead", letters, plan, "dead", shared))
    return Plan(plan.name, (*plan.sinks, *extra)) if extra else plan


def _sink(name: str, node: Any, plan: Plan, role: str, shared: bool) -> Sink:
    for sink in plan.sinks:
        makes = getattr(registry.find("connector", sink.connector), "beside_target", None)
        if makes is not None and role_of(sink) == "out":
            options = tuple(makes(dict(sink.options), role).items())
            return Sink(name=name, input=node, connector=sink.connector, options=options, format="json")
    path = beside(plan, role)
    options: tuple[tuple[str, Any], ...] = (("path", str(path)),)
    if shared and (roll := _roll(plan)) is not None:
        options = (("path", str(path.with_suffix(""))), ("roll", roll))
    return Sink(name=name, input=node, connector="files", options=options, format="json")


def _roll(plan: Plan) -> Any:
    """Return when the parts of the first sink that writes such end, None where none does."""
    found = (
        dict(sink.options).get("roll") for sink in plan.sinks if sink.connector == "files" and role_of(sink) == "out"
    )
    return next((roll for roll in found if roll is not None), None)


def beside(plan: Plan, role: str) -> Path:
    """Return the path of a side file: beside the first file that the pipeline writes."""
    for sink in plan.sinks:
        path = dict(sink.options).get("path")
        if sink.connector == "files" and isinstance(path, str) and Path(path).name and role_of(sink) == "out":
            target = Path(path)
            # no more than the format's suffix: web.alerts.jsonl and web.counts.jsonl have side files of their own
            stem = target.stem if _of_a_format(target.suffix, sink.format) else target.name
            return target.with_name(f"{stem}.{role}.jsonl")
    return Path(f"{re.sub(_NO_FILE_NAME, '_', plan.name)[:100]}.{role}.jsonl")


def _of_a_format(suffix: str, likely: str) -> bool:
    """Whether files of a format have this suffix; the likely one is asked first, since the others would be loaded for it."""
    names = sorted(registry.available("format"), key=lambda name: name != likely)
    return suffix == ".txt" or any(suffix in registry.find("format", name).suffixes for name in names)


def role_of(sink: Sink) -> str:
    """Return whether a sink gets "late" rows, "dead" letters or the pipeline's own "out"put."""
    node: Node = sink.input
    while node.port == "out" and node.shape == "step" and len(node.inputs) == 1:
        (node,) = node.inputs
    return node.port
