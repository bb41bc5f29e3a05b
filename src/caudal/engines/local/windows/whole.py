"""Whole windows: an operator keeps all rows of a key and window, and a step behind it makes rows of each.

The step stands on the operator's route, not in it: windows that close together are spread over all cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.columnar.column import Column, constant
from caudal.columnar.morsel import Morsel
from caudal.core.types import TIMESTAMP
from caudal.engines.local.aggregates.whole import WHOLE, kept
from caudal.engines.local.dead_letters import failed_rows, told
from caudal.engines.local.functions import guarding
from caudal.engines.local.lists import Lists
from caudal.engines.local.steps import Context, Letters, StepRun
from caudal.plan.nodes import RESERVED, WindowApply, WindowTop
from caudal.plan.python import JIT


def apply_step(node: WindowApply, context: Context) -> StepRun:
    """Return the step that calls the function of `node` with the rows of each window."""
    heads = [*(name for name, _ in node.keys), *RESERVED]
    bounded = node.function.kind != JIT
    types = {name: node.input.schema.dtype(name) for name in node.takes}
    types |= dict.fromkeys(RESERVED, TIMESTAMP) if bounded else {}
    call = guarding.windows(context.calls, node.name, node.function, context.functions.windows(node), types)

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        made = call(_frames(morsel, node.takes, bounded))
        context.counters.add(node.name, "windows", morsel.rows)
        if made.failed:
            letters[node.name] = failed_rows(morsel, made.failed, node.name, context.origin, heads, windows=True)
            context.counters.add(node.name, "failed", len(made.failed))
            told(context.counters, node.name, node.function, made.failed)
        columns = {name: morsel.columns[name].take(made.owner) for name in heads}
        context.counters.add(node.name, "made", len(made.owner))
        return morsel.spread(made.owner, {**columns, **made.columns})

    return run


def top_step(node: WindowTop, context: Context) -> StepRun:
    """Return the step that lists the ranked rows of each window."""
    heads = [*(name for name, _ in node.keys), *RESERVED]
    names = kept(node)

    def run(morsel: Morsel, letters: Letters) -> Morsel:
        lists = morsel.columns[WHOLE]
        assert isinstance(lists, Lists)
        children, owner = lists.flat(), lists.owners()
        columns = {name: morsel.columns[name].take(owner) for name in heads}
        context.counters.add(node.name, "made", len(owner))
        return morsel.spread(owner, {**columns, **dict(zip(names, children))})

    return run


def _frames(morsel: Morsel, names: Sequence[str], bounded: bool) -> list[Mapping[str, Column]]:
    lists = morsel.columns[WHOLE]
    assert isinstance(lists, Lists)
    children = lists.flat()
    frames: list[Mapping[str, Column]] = []
    bounds = [morsel.columns[name].to_list() for name in RESERVED] if bounded else []
    at = 0
    for i, length in enumerate(lists.length.tolist()):
        frame = {name: child.slice(at, at + length) for name, child in zip(names, children)}
        for name, values in zip(RESERVED, bounds):
            frame[name] = constant(values[i], TIMESTAMP, length)
        frames.append(frame)
        at += length
    return frames
