"""A plan as text and as Mermaid."""

from __future__ import annotations

from caudal.plan.nodes import Fused, Node, WindowAggregate
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
    if isinstance(node, Fused):
        details = [f"{s.name or s.kind}: {s.kind} {s.describe()}" for s in node.steps]
    else:
        details = [node.describe()] if node.describe() else []
    if isinstance(node, WindowAggregate):
        details.append(f"state: by key group, order {'pinned' if node.order_sensitive else 'free'}")
    if node.kind != "sink":
        details.append(f"columns: {node.schema}")
    return details


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart."""
    number = {node: f"n{i}" for i, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        text = f"{plan.ids[node]}<br/>{_escape(node.describe())}" if node.describe() else plan.ids[node]
        shape = '[("%s")]' if node.kind in ("source", "sink") else '{{"%s"}}' if node.kind == "window" else '["%s"]'
        lines.append(f"  {number[node]}{shape % text}")
    for node in plan.nodes:
        label = f" -- {node.kind} " if node.kind in ("late", "dead") else " "
        lines.extend(f"  {number[i]}{label}--> {number[node]}" for i in node.inputs)
    return "\n".join(lines)


def _escape(text: str) -> str:
    short = text if len(text) <= 120 else text[:117] + "..."
    for raw, safe in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        short = short.replace(raw, safe)
    return short
