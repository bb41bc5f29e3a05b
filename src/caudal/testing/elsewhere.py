"""Scenarios on engines that run in processes of their own: many of them in one, for starting an engine is dear.

Such engines keep the ledger at sources and sinks, so ledgers are not compared, and rows are compared as multisets. Scenarios
that need a clock or silence are run by those that take unbounded input; with it they can run the others too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from caudal.core.errors import CaudalError
from caudal.observe.ledger import Ledger
from caudal.plan.nodes import DeadLetters, Late
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.engine import ALWAYS, Bindings, BoundSource, Tuning
from caudal.rewrite import rewrite
from caudal.runner.binding import open_source
from caudal.testing.flow import Flow
from caudal.testing.harness import Capture
from caudal.testing.live import ScriptedSource, VirtualClock
from caudal.testing.running import STEP, Case, Result, ticking
from caudal.testing.scenario import Prepared, compared, prepared

UNABLE = ("clock", "silence", "abort")
"""Needs of a scenario that no bounded run can meet."""

REFUSED = "refused: "
"""What the line begins with that says why an engine does not run a scenario."""


def suits(flow: Flow) -> bool:
    """Whether a scenario can be run on an engine of another process: it ends, and does not end in an error."""
    return not (set(UNABLE) & set(flow.needs) or flow.of("error") or flow.until)


def suits_live(flow: Flow) -> bool:
    """Whether a scenario can be run on an engine of another process as unbounded input: it does not end in an error."""
    return "abort" not in flow.needs and not flow.of("error")


def check_on(
    engine: str,
    flows: Sequence[Flow],
    variables: Mapping[str, str] | None = None,
    *,
    live: bool = False,
    lockstep: bool = False,
) -> dict[str, list[str]]:
    """Run scenarios on an engine, in one process, and return what is wrong with each, by path; [] where all is well.

    What the engine refuses is told by one line that begins with `REFUSED`. `variables`: those of the process. `live`: as
    unbounded input; `lockstep`: each block is worked through before the next is read.
    """
    wrong: dict[str, list[str]] = {}
    with ExitStack() as stack:
        ready: list[Prepared] = []
        for flow in flows:
            try:
                one = stack.enter_context(prepared(flow))
                plugin = registry.find("engine", engine)
                if live:
                    plugin.lower(one.case.plan, rewrite(one.case.plan), {}, Tuning(1, live=True))
                else:
                    plugin.check(one.case.plan, rewrite(one.case.plan), {})
            except CaudalError as error:
                wrong[flow.path] = [REFUSED + error.message]
            else:
                ready.append(one)
        results = run_on(engine, [one.case for one in ready], variables, live=live, lockstep=lockstep)
        for one, result in zip(ready, results, strict=True):
            wrong[one.flow.path] = [
                line
                for section in one.flow.sections
                if section.kind != "ledger"
                for line in compared(one, replace(section, ordered=False), result, engine)
            ]
    return wrong


def run_on(
    engine: str,
    cases: Sequence[Case],
    variables: Mapping[str, str] | None = None,
    *,
    live: bool = False,
    lockstep: bool = False,
) -> list[Result]:
    """Run pipelines over given rows on an engine, in one process; the results have no ledger.

    Raises `PlanError` for a pipeline that the engine refuses, `RunError` where the process fails.
    """
    if not cases:
        return []
    given: list[tuple[Plan, Plan, Bindings]] = []
    captures: list[dict[str, Capture]] = []
    opened: list[BoundSource] = []
    clocks: list[Callable[[], int]] = []
    scripted: list[list[ScriptedSource]] = []

    def begun(execution: Any) -> None:
        for number, sources in enumerate(scripted):
            for source in sources:
                source.then = lambda number=number: execution.halt(number)

    try:
        for case in cases:
            physical = rewrite(case.plan)
            clock = VirtualClock()
            sources = {node.name: _source(case, node, clock) for node in physical.sources}
            opened += sources.values()
            scripted.append([b.source for b in sources.values() if isinstance(b.source, ScriptedSource)])
            clocks.append(ticking(clock, scripted[-1]) if case.live else clock)
            captures.append({sink.name: Capture() for sink in case.plan.sinks})
            given.append((case.plan, physical, Bindings(sources, captures[-1])))
        extra = {"clock": clocks, "idle_poll": 0.0, "lockstep": lockstep} if live else {}
        tuning = Tuning(1, live, read_at=ALWAYS, extra=extra)
        registry.find("engine", engine).together(given, tuning, variables, begun if live else None)
    finally:
        for bound in opened:
            bound.source.close()
    return [_result(case, rows) for case, rows in zip(cases, captures, strict=True)]


def _source(case: Case, node: Any, clock: VirtualClock) -> BoundSource:
    script = case.scripts.get(node.name)
    if script is None:
        return open_source(node)
    source = ScriptedSource(script.steps, node.readable, clock, until=case.until, step=STEP, live=script.live)
    return BoundSource(source, None)


def _result(case: Case, captures: Mapping[str, Capture]) -> Result:
    late: dict[str, list[dict[str, Any]]] = {}
    dead: dict[str, list[dict[str, Any]]] = {}
    for sink in case.plan.sinks:
        if isinstance(sink.input, Late | DeadLetters):
            kept = late if isinstance(sink.input, Late) else dead
            kept[sink.input.inputs[0].name] = captures[sink.name].rows
    return Result({name: captures[name].rows for name in case.outputs}, late, dead, Ledger(), Ledger())
