"""The local engine: one process, one queue, all cores.

Enters: a rewritten plan, opened sources and sinks. Leaves: an execution that can be run, stopped, cut and asked.
May touch: columnar, plan, ports, observe. Must never: open a file or a socket, know a connector or a format, hold rows
anywhere but in the queue, in a channel's gap and in an operator's state.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caudal.observe.sources import SourceReport
    from caudal.plan.plan import Plan
    from caudal.ports.engine import Bindings, BoundSource, Execution, Tasks, Tuning


class LocalEngine:
    """The engine named "local"."""

    name = "local"

    def admit(self, logical: "Plan", sources: "Mapping[str, BoundSource]") -> None:
        """Take every source."""

    def start(self, logical: "Plan", physical: "Plan", bindings: "Bindings", tuning: "Tuning") -> "Execution":
        """Return an execution of the plan; see `ports.engine.Engine`."""
        from caudal.core.errors import OptionError
        from caudal.engines.local.execution import LocalExecution

        if tuning.cluster:
            raise OptionError(
                "the engine 'local' runs on no cluster", hint="--cluster goes with --engine flink or spark"
            )
        return LocalExecution(logical, physical, bindings, tuning)

    def tasks(self, logical: "Plan", tuning: "Tuning") -> "Tasks":
        """Return what runs the tasks of a worker; see `ports.engine.Engine`."""
        from caudal.engines.local.tasks import LocalTasks

        return LocalTasks(logical, tuning)

    def explain(
        self, logical: "Plan", physical: "Plan", sources: "Mapping[str, BoundSource]", tuning: "Tuning"
    ) -> None:
        """Return None: the plan as it runs says all; see `ports.engine.Engine`."""

    def sample(self, physical: "Plan", sources: "Mapping[str, BoundSource]") -> "list[SourceReport]":
        """Return reports of the first records of each source; see `ports.engine.Engine`."""
        from caudal.ingest.sampling import sample

        return sample(physical, sources)

    def check(self, logical: "Plan", physical: "Plan", sources: "Mapping[str, BoundSource]") -> None:
        """Prepare a job without sinks, and drop it; see `ports.engine.Engine`."""
        from caudal.engines.local.lower import lower
        from caudal.engines.local.settings import Settings
        from caudal.ports.engine import Bindings

        unopened: dict[str, Any] = dict.fromkeys((sink.name for sink in physical.sinks), None)
        lower(physical, Bindings(sources, unopened), Settings(threads=1), live=False)


ENGINE = LocalEngine()
