"""The test kit, shipped: pipelines run over given rows in virtual time, and a second opinion on what they mean.

    from caudal.testing import Script, assert_rows, check_everywhere, run

    result = run(plan, [{"ip": "192.0.2.7", "t": 1000}])
    assert_rows(result.rows, [{"ip": "192.0.2.7", "total": 1}])

Public: `run`, `check_everywhere`, `assert_rows`, `Result`; `Script` and `VirtualClock`; `ScriptedSource` with the steps
`Rows`, `Eof` and `Abort`; the oracle, `interpret`; scenario files, `check_flow` and `complete_flow`.

Enters: a plan with rows by source, or a script of what a live source does when; scenario files. Leaves: the rows, late
rows, dead letters and ledger of a run, and those that the pipeline's meaning asks for; what differs, with file and line.
May touch: runner, lang, plan, ports, rewrite, core; an engine and the memory connector by their names. Must never: share
code with an engine, sleep, read the wall clock, be slow to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caudal.testing.completing import complete as complete_flow
    from caudal.testing.live import Abort, Eof, Rows, Script, ScriptedSource, VirtualClock
    from caudal.testing.oracle import Outcome, Record, interpret, records
    from caudal.testing.running import Result, assert_rows, check_everywhere, run
    from caudal.testing.scenario import check as check_flow

_HOME = {
    "caudal.testing.live": ("Abort", "Eof", "Rows", "Script", "ScriptedSource", "VirtualClock"),
    "caudal.testing.oracle": ("Outcome", "Record", "interpret", "records"),
    "caudal.testing.running": ("Result", "assert_rows", "check_everywhere", "run"),
}
_NAMES = {name: (module, name) for module, names in _HOME.items() for name in names}
_NAMES["check_flow"] = ("caudal.testing.scenario", "check")
_NAMES["complete_flow"] = ("caudal.testing.completing", "complete")

__all__ = list(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'caudal.testing' has no attribute '{name}'")
    module, original = _NAMES[name]
    value = getattr(import_module(module), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
