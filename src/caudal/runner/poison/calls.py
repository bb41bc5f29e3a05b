"""Finding the calls that kill: a shard goes on in a process apart, and the call over which that dies is made again by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from caudal.plan.plan import Plan
from caudal.plan.python import ROW
from caudal.ports.calls import Call
from caudal.runner.poison.narrowing import KILLS, Broken, Conviction, Died, Key, Killed, Narrowing, Passed
from caudal.runner.poison.requests import CALL, Convicts, Places, Program, Request, Standing, Withheld
from caudal.runner.poison.trying import Ended, Limits, ended
from caudal.runner.poison.units import Units

_UNITS: Key = ("", "")
"""What stands for a source and its partition where the units of a call are tried."""


def calls_here(plan: Plan) -> bool:
    """Whether functions are called in the process of the job."""
    return any(function.kind != ROW for node in plan.nodes for function in node.functions)


class Calls:
    """Looks for the calls of one shard. `seconds`: for how long what a run may have read is read."""

    def __init__(
        self, program: Program, places: Places, standing: Standing, convicts: Convicts, limits: Limits, seconds: float
    ) -> None:
        self._going_on = Request(program, places, None, convicts, seconds, standing=standing)
        self._limits = limits

    def convicts(self, known: Withheld, found: Callable[[Call], None]) -> str:
        """Find the calls that kill, and give each to `found`; return why that ended early, "" where it did not."""
        held = {site: [*several] for site, several in known.items()}
        kills = vain = 0
        while True:
            came = ended(replace(self._going_on, withheld=held), self._limits)
            match came.outcome:
                case Passed():
                    return ""
                case Broken(why):
                    return why
                case Killed():
                    kills += 1
                    if kills >= KILLS:
                        return "the processes that look for it are killed from outside again and again"
                case Died(cause):
                    if not came.args:
                        return f"it is no call of a function: {cause}"
                    before = sum(map(len, held.values()))
                    if why := self._narrowed(came.args, held, found):
                        return why
                    kills = 0
                    vain = 0 if sum(map(len, held.values())) > before else vain + 1
                    if vain > 1:
                        return "no call of a function does it by itself"

    def _narrowed(self, args: bytes, held: dict[str, list[Call]], found: Callable[[Call], None]) -> str:
        """Find which rows, or windows, of a call it is; return why that ended early."""
        from caudal.columnar import ipc

        units = Units.of(ipc.from_bytes(args, CALL))
        narrowing = Narrowing({_UNITS: 0})
        going_on = self._going_on
        while (tried := narrowing.next()) is not None:
            request = Request(going_on.program, going_on.places, tried, {}, going_on.seconds, args=args)
            came = ended(request, self._limits)
            conviction = narrowing.heard(came.outcome)
            if conviction is not None:
                call = _call(units, conviction, came)
                held.setdefault(call.site, []).append(call)
                found(call)
        return narrowing.gave_up


def _call(units: Units, conviction: Conviction, came: Ended) -> Call:
    piece = conviction.piece
    args = units.part(piece.start, piece.end).table.combine_chunks()
    return Call(units.site, args, f"the call kills the process: {conviction.cause}", came.told)
