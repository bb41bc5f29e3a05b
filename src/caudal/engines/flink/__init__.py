"""The room of the Flink engine: what makes Flink SQL of a plan. It never imports pyflink, not even lazily.

Enters: plans, expressions and their schemas.
Leaves: text: Flink 2.3 SQL, a script that runs it. What that calls while it runs is in `job`.
May touch: engines.jvm, engines.environments; the text of `job` and of `worker`.
Must never: import pyflink or another engine, or run in the caudal process what is shipped.
"""

from typing import TYPE_CHECKING, Any

from caudal.engines.jvm.clusters import session
from caudal.engines.jvm.engine import JvmEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from caudal.ports.engine import Script


def _dialect() -> Any:
    from caudal.engines.flink.dialect import FlinkDialect

    return FlinkDialect()


def _write() -> "Callable[..., Script]":
    from caudal.engines.flink.script import write

    return write


ENGINE = JvmEngine("flink", "json", _dialect, _write, session, {}, headers=False)
"""The engine named "flink"."""
