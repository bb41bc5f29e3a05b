"""A plan as text and as Mermaid."""

from __future__ import annotations

from caudal.plan.nodes import Fused, Keyed, Node, Sink, Source
from caudal.plan.operators import Deduplicate, Reduce, Running
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
    details += [f"calls: {f.name} at {f.where}, {_where_called(f.kind)}" for f in node.functions]
    details.append(f"moves: {_moves(node)}")
    if node.kind != "sink":
        details.append(f"columns: {node.schema}")
    return details


_CALLED = {"jit": "compiled, in the operator threads", "batch": "with columns, in the operator threads"}


def _where_called(kind: str) -> str:
    return _CALLED.get(kind, "row by row, in worker processes")


def _moves(node: Node) -> str:
    """Return what is free to move between cores, and what is not."""
    if isinstance(node, Source):
        return "blocks of a partition are read one after another, decoded on any core"
    if isinstance(node, Sink):
        return "encoded on any core, written by one at a time"
    if not isinstance(node, Keyed):
        return "free: any core takes any morsel"
    arrival = isinstance(node, Reduce | Deduplicate) and node.order.arrival
    arrival = arrival or (isinstance(node, Running) and node.frame.order.arrival)
    order = "as rows arrive" if arrival else "in pinned order" if node.order_sensitive else "in any order"
    keys = "state by key group of " + ", ".join(name for name, _ in node.keys) if node.keys else "one group: all rows"
    return f"prepared on any core; {keys}, {order}, one core at a time"


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart."""
    number = {node: f"n{i}" for i, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        text = f"{plan.ids[node]}<br/>{_escape(node.describe())}" if node.describe() else plan.ids[node]
        shape = '[("%s")]' if isinstance(node, Source | Sink) else '{{"%s"}}' if isinstance(node, Keyed) else '["%s"]'
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
