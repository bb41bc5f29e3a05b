"""The local engine: one process, one queue, all cores.

Enters: a rewritten plan, opened sources and sinks. Leaves: an execution that can be run, stopped, cut and asked.
May touch: columnar, plan, ports, observe. Must never: open a file or a socket, know a connector or a format, hold rows
anywhere but in the queue, in a lane's gap and in an operator's state.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caudal.plan.plan import Plan
    from caudal.ports.engine import Bindings, BoundSource, Execution, Tuning


class LocalEngine:
    """The engine named "local"."""

    name = "local"

    def start(self, logical: "Plan", physical: "Plan", bindings: "Bindings", tuning: "Tuning") -> "Execution":
        """Return an execution of the plan; see `ports.engine.Engine`."""
        from caudal.engines.local.execution import LocalExecution

        return LocalExecution(logical, physical, bindings, tuning)

    def check(self, physical: "Plan", sources: "Mapping[str, BoundSource]") -> None:
        """Prepare a job without sinks, and drop it; see `ports.engine.Engine`."""
        from caudal.engines.local.lower import lower
        from caudal.engines.local.settings import Settings
        from caudal.ports.engine import Bindings

        unopened: dict[str, Any] = dict.fromkeys((sink.name for sink in physical.sinks), None)
        lower(physical, Bindings(sources, unopened), Settings(threads=1), live=False)


ENGINE = LocalEngine()
