"""A plan as text and as Mermaid."""

from __future__ import annotations

from caudal.plan.nodes import Node
from caudal.plan.plan import Plan


def explain(plan: Plan) -> str:
    """Return the plan as text: an operator a line, inputs first, with its id, inputs, detail and schema."""
    lines = [f"pipeline {plan.name}"]
    width = max(len(plan.ids[n]) for n in plan.nodes)
    for node in plan.nodes:
        inputs = ", ".join(plan.ids[i] for i in node.inputs)
        arrow = f" <- {inputs}" if inputs else ""
        lines.append(f"  {plan.ids[node]:{width}}  {node.kind}{arrow}")
        lines.extend(f"  {'':{width}}    {detail}" for detail in _details(node))
    return "\n".join(lines)


def _details(node: Node) -> list[str]:
    details = list(node.details())
    details += [f"calls: {f.name} at {f.where}, {_where_called(f.kind)}" for f in node.functions]
    details.append(f"moves: {node.moves}")
    if node.shape != "end" or not node.inputs:
        details.append(f"columns: {node.schema}")
    return details


_CALLED = {"jit": "compiled, in the operator threads", "batch": "with columns, in the operator threads"}


def _where_called(kind: str) -> str:
    return _CALLED.get(kind, "row by row, in worker processes")


_SHAPES = {"end": '[("%s")]', "state": '{{"%s"}}', "step": '["%s"]'}


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart."""
    number = {node: f"n{i}" for i, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        text = f"{plan.ids[node]}<br/>{_escape(node.describe())}" if node.describe() else plan.ids[node]
        lines.append(f"  {number[node]}{_SHAPES[node.shape] % text}")
    for node in plan.nodes:
        label = f" -- {node.port} " if node.port != "out" else " "
        lines.extend(f"  {number[i]}{label}--> {number[node]}" for i in node.inputs)
    return "\n".join(lines)


def _escape(text: str) -> str:
    short = text if len(text) <= 120 else text[:117] + "..."
    for raw, safe in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        short = short.replace(raw, safe)
    return short
