"""What the engines of other processes have in common as plugins: a plan is lowered, refused or run by a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caudal.core.errors import PlanError
from caudal.engines import environments
from caudal.engines.arrival import one_partition, takes_arrival
from caudal.engines.jvm import clusters, topics
from caudal.expressions.functions.checking import check_compiled

if TYPE_CHECKING:
    from pathlib import Path

    from caudal.engines.jvm.clusters import Cluster
    from caudal.engines.jvm.execution import JvmExecution
    from caudal.engines.jvm.script import Job
    from caudal.observe.sources import SourceReport
    from caudal.plan.plan import Plan
    from caudal.ports.engine import Bindings, BoundSource, Execution, Script, Tuning


def wants_places(plan: Plan) -> bool:
    """Whether a result depends on where rows stand, or on which of them are late."""
    from caudal.engines.jvm.hidden_columns import placed
    from caudal.plan.nodes import DeadLetters, Late

    # those that nobody wired are named so by the runner, and are empty then
    wired = (
        isinstance(node, Late | DeadLetters) and not plan.ids[node].startswith(("late:", "dead:"))
        for node in plan.nodes
    )
    return any(wired) or any(node.functions for node in plan.nodes) or bool(placed(plan, sides=False))


@dataclass(frozen=True, slots=True)
class JvmEngine:
    """An engine by name; keeps `ports.engine.Engine`. It imports nothing of its engine's: that lives in a script.

    `form`: how rows are handed over to it. `dialect` and `write` are looked up when they are needed. `cluster`: what an
    address means to it. `variables`: what its process finds in its environment. `streams`: whether it takes input that
    goes on; `headers`: whether its Kafka connector gives them as they are.
    """

    name: str
    form: str
    dialect: Callable[[], Any]
    write: Callable[[], Callable[..., Script]]
    cluster: Callable[[str], Cluster]
    variables: Mapping[str, str]
    streams: bool = False
    headers: bool = True

    def lower(self, logical: Plan, physical: Plan, sources: Mapping[str, BoundSource], tuning: Tuning) -> Job:
        """Return the plan as this engine's job; raises `PlanError`, located at the operator, for what it cannot do.

        Where the tuning allows it, and no result depends on positions or lateness, the engine's own readers are used.
        """
        from caudal.engines.jvm.reading import try_native
        from caudal.engines.jvm.script import lower_all

        partitions = {name: len(bound.source.partitions()) for name, bound in sources.items()}
        for node in logical.nodes:
            if takes_arrival(node):
                one_partition(node, logical.ids[node], partitions)
        dialect = self.dialect()
        native = None
        live = tuning.live or _live(sources)
        if tuning.native and not live and not wants_places(logical):
            native = try_native([(s, s.schema) for s in physical.sources], sources, dialect.reads)
        job = lower_all([physical], dialect, native=native, threads=tuning.threads, cluster=tuning.cluster, live=live)
        if not live and native is None:
            nodes = {number: each.node for number, each in enumerate(job.inputs)}
            job.topics, said = topics.choose(nodes, sources, tuning.exchange, headers=self.headers)
            job.notes += said
        return job

    def tasks(self, logical: Plan, tuning: Tuning) -> None:
        """Return None: the cluster shares partitions among its workers; see `ports.engine.Engine`."""

    def explain(self, logical: Plan, physical: Plan, sources: Mapping[str, BoundSource], tuning: Tuning) -> Script:
        """Return the script of the job that `start` would run, and that reads its files itself; needs no environment."""
        from caudal.engines.jvm.reading import files_of

        self.admit(logical, sources)
        if tuning.cluster:
            self.cluster(tuning.cluster)
        job = self.lower(logical, physical, sources, tuning)
        found = {s.name: files_of(s, sources) for s in physical.sources}
        files = {name: each for name, each in found.items() if each is not None}
        return self.write()(job, f"The pipeline '{logical.name}'.", files)

    def admit(self, logical: Plan, sources: Mapping[str, BoundSource]) -> None:
        """Raise `PlanError` for sources that go on for ever, or wait for one another by the clock, where they cannot."""
        if self.streams:
            return
        for node in logical.sources:
            if node.idle is not None:
                raise PlanError(
                    f"idle= is not known on {self.name}", location=node.name, hint="leave it out, or run it locally"
                )
            if node.name in sources and sources[node.name].source.live:
                raise PlanError(
                    f"{self.name} runs over bounded input only",
                    location=node.name,
                    detail="this source goes on for ever",
                    hint="leave out follow, or run it with --engine local or spark",
                )

    def start(self, logical: Plan, physical: Plan, bindings: Bindings, tuning: Tuning) -> Execution:
        """Return an execution of the plan; see `ports.engine.Engine`."""
        self.admit(logical, bindings.sources)
        job = self.lower(logical, physical, bindings.sources, tuning)
        python, _ = environments.require(self.name)  # first, for nothing can be said of functions without it
        self._fits(job, physical)
        exchange = topics.directory(tuning.exchange)
        clusters.check_exchange(exchange)
        if tuning.cluster:
            clusters.require(self.cluster(tuning.cluster), self.name, exchange, handed=job.handed)
        return self._execution(python, [(logical, physical, bindings)], job, tuning)

    def together(
        self,
        cases: Sequence[tuple[Plan, Plan, Bindings]],
        tuning: Tuning,
        variables: Mapping[str, str] | None = None,
        begun: Callable[[Any], None] | None = None,
    ) -> None:
        """Run several plans (logical, physical, opened) in one process of the engine: starting one is dear.

        Rows go to the sinks; nothing is committed. The tuning says whether all are run as live; `begun` is handed the execution
        before. Raises `PlanError` for a plan that the engine cannot run, and
        `RunError` where the process fails, as a whole.
        """
        from caudal.engines.jvm.script import lower_all

        plans = [physical for _, physical, _ in cases]
        job = lower_all(plans, self.dialect(), threads=tuning.threads, live=tuning.live)
        python, _ = environments.require(self.name)
        execution = self._execution(python, cases, job, tuning, variables)
        if begun is not None:
            begun(execution)
        execution.run()

    def _execution(
        self,
        python: Path,
        cases: Sequence[tuple[Plan, Plan, Bindings]],
        job: Job,
        tuning: Tuning,
        variables: Mapping[str, str] | None = None,
    ) -> JvmExecution:
        """Return the execution of a job of these plans; `variables`: more of those of its process."""
        from caudal.engines.jvm.execution import JvmExecution
        from caudal.engines.jvm.live import LiveExecution
        from caudal.engines.jvm.lookups import read_tables

        made = LiveExecution if job.live else JvmExecution
        bound = [(lowered, bindings) for lowered, (_, _, bindings) in zip(job.plans, cases, strict=True)]
        return made(
            self.name,
            cases[0][0],
            job,
            [bindings.sources[i.node.name] for lowered, bindings in bound for i in lowered.inputs],
            [bindings.sinks[o.sink.name] for lowered, bindings in bound for o in lowered.outputs],
            tuning,
            python=python,
            form=self.form,
            write=self.write(),
            environment={**self.variables, **(variables or {})},
            tables=read_tables(job),
        )

    def sample(self, physical: Plan, sources: Mapping[str, BoundSource]) -> list[SourceReport]:
        """Return reports of the first records of each source: the reader is the same on every engine."""
        from caudal.ingest.sampling import sample

        return sample(physical, sources)

    def check(self, logical: Plan, physical: Plan, sources: Mapping[str, BoundSource]) -> None:
        """Raise `PlanError` where `start` would; start nothing."""
        from caudal.ports.engine import Tuning

        self.admit(physical, sources)
        self._fits(self.lower(logical, physical, sources, Tuning(0)), physical)

    def _fits(self, job: Job, physical: Plan) -> None:
        """Raise `PlanError` for functions that do not compile, or that the engine's interpreter cannot run."""
        functions = [function for node in physical.nodes for function in node.functions]
        if not functions:
            return
        for plan in job.plans:
            check_compiled(plan.plan)
        known = environments.health(self.name)
        if known.python_version:
            modules = job.code.imports
            hint = f"install it for {known.python}, or run it locally"
            job.code.check(known.python_version, environments.lacks(self.name, modules), hint)


def _live(sources: Mapping[str, BoundSource]) -> bool:
    return any(bound.source.live for bound in sources.values())
