"""What goes wrong in a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from caudal.checkpoint.protocol import Step
from caudal.checkpoint.shards import Phase
from caudal.checkpoint.simulator.process import Process
from caudal.checkpoint.simulator.schedule import CALM, HOPELESS, Fault

if TYPE_CHECKING:
    from caudal.checkpoint.simulator.world import World

LOSSY = 0.8
"""The share of calls that something happens to while the network is at its worst."""
WAIT = 120
"""How often a fault looks for its moment, each 10 ms, before it strikes anybody."""
WAITS: dict[Step | Phase | None, int] = {None: 0, Step.RECALLING: 3 * WAIT}
"""The same, for moments that are not waited for, or seldom come."""


class Trouble:
    """Lets the faults of a schedule happen."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._away: dict[str, tuple[int, str]] = {}
        """Partitions whose offsets are away, and come back."""

    def begin(self, faults: Sequence[Fault]) -> None:
        """Let them happen at their times."""
        for fault in faults:
            self._world.clock.after(fault.at, partial(self._lie_in_wait, fault, WAITS.get(fault.moment, WAIT)))

    def _lie_in_wait(self, fault: Fault, tries: int) -> None:
        """Strike whoever is where the fault wants it, or, after some time, anybody."""
        found = [process for process in self._world.processes if process.running and process.is_in(fault.moment)]
        if found or not tries:
            self._strike(fault, found)
        else:
            self._world.clock.after(0.01, partial(self._lie_in_wait, fault, tries - 1))

    def _strike(self, fault: Fault, found: list[Process]) -> None:
        if self._world.clock.now >= CALM:
            return
        running = found or self._world.running()
        victim = running[fault.number % len(running)] if running else None
        self._world.say("fault", f"{fault.kind} {victim.label if victim else ''}")
        match fault.kind:
            case "kill" if victim is not None:
                victim.kill()
                name = victim.name if fault.number & 256 else f"{victim.name}x"
                self._world.clock.after(fault.seconds / 2, partial(self._world.add, name))
            case "strand" if victim is not None:
                self._world.broker.trap = partial(self._strand, fault, victim)
            case "freeze" if victim is not None:
                victim.freeze(fault.seconds)
            case "twin" if victim is not None:
                victim.freeze(fault.seconds)
                self._world.add(victim.name)
            case "stop" if victim is not None:
                victim.stop()
                self._world.clock.after(fault.seconds / 2, partial(self._world.add, f"{victim.name}y"))
            case "shuffle":
                self._world.group.rebalance(shuffled=True)
            case "lossy":
                self._world.network.faults = LOSSY
                self._world.clock.after(fault.seconds / 4, self._less_lossy)
            case "outage":
                self._world.store.down(fault.seconds / 2)
            case "crash":
                self._world.store.crash()
            case _:
                self._hurt(fault)

    def _less_lossy(self) -> None:
        self._world.network.faults = min(self._world.network.faults, self._world.schedule.network)

    def _strand(self, fault: Fault, victim: Process, name: str, committed: bool) -> None:
        """Kill or freeze a worker with its transaction open and offsets in it, or just committed."""
        if (
            committed != (fault.number & 96 == 0)
            or name != victim.name
            or not victim.alive
            or victim.held is not None
            or self._world.clock.now > CALM
        ):
            return
        self._world.broker.trap = None
        kind = ("freeze", "shuffle", "lossy", "lossy")[fault.number >> 3 & 3]
        ambush = Fault(0.0, kind, fault.number, 5.0, Phase.EXPELLING)
        self._world.clock.after(3.5, partial(self._lie_in_wait, ambush, 3 * WAIT))
        if fault.number & 1:
            victim.freeze(3 + fault.seconds)
        else:
            victim.kill()
            self._world.clock.after(fault.seconds / 4, partial(self._world.add, victim.name + "x"))

    def _hurt(self, fault: Fault) -> None:
        """Faults that a job which is started anew must not take for a start: it is to end, and say so."""
        committed = self._world.broker.offsets.committed
        if fault.kind not in HOPELESS or not committed:
            return
        for process in self._world.processes:
            if process.alive:
                process.kill()
                self._world.clock.after(fault.seconds, partial(self._world.add, process.name))
        partition = sorted(committed)[fault.number % len(committed)]
        _, token = committed[partition]
        if fault.kind == "expire":
            del committed[partition]
            self._away.pop(partition, None)  # what came meanwhile is newer than what is away, and with it that goes too
        elif fault.kind == "rot" and token in self._world.store.objects:
            self._world.store.damage(token)
        elif fault.kind == "blank":
            offset = self._away[partition] = committed.pop(partition)  # newer than one that is away already
            self._world.clock.after(1.0, partial(self._come_back, partition, offset))
        self._world.hopeless.add(fault.kind)

    def _come_back(self, partition: str, offset: tuple[int, str]) -> None:
        if self._away.get(partition) is offset:
            del self._away[partition]
            self._world.broker.offsets.committed.setdefault(partition, offset)
