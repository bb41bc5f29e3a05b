"""The local engine: one process, one queue, all cores.

Enters: a rewritten plan, opened sources and sinks. Leaves: an execution that can be run, stopped, cut and asked.
May touch: columnar, plan, ports, observe. Must never: open a file or a socket, know a connector or a format, hold rows
anywhere but in the queue, in a lane's gap and in an operator's state.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.plan.plan import Plan
    from caudal.ports.engine import Bindings, Execution, Tuning


class LocalEngine:
    """The engine named "local"."""

    name = "local"

    def start(self, logical: "Plan", physical: "Plan", bindings: "Bindings", tuning: "Tuning") -> "Execution":
        """Return an execution of the plan; see `ports.engine.Engine`."""
        from caudal.engines.local.execution import LocalExecution

        return LocalExecution(logical, physical, bindings, tuning)


ENGINE = LocalEngine()
