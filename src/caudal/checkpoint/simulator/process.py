"""The process of a worker: it can be killed, frozen, and asked to end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from caudal.checkpoint.events import Due, Stop
from caudal.checkpoint.protocol import Step
from caudal.checkpoint.shards import Phase
from caudal.checkpoint.simulator.clock import NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.driver import Driver
from caudal.checkpoint.simulator.schedule import DUE

if TYPE_CHECKING:
    from caudal.checkpoint.simulator.world import World


class Process:
    """A process that runs a worker."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.label = f"{name}.{world.fresh()}"
        self.alive = True
        self.held: list[Callable[[], None]] | None = None
        self.traced = world.trace is not None
        self.stopping = False
        self._world = world
        self.driver = Driver(self, world, world.coverage)
        self.start(self._begin())

    def start(self, routine: Routine) -> None:
        self._world.network.start(self, routine)

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self._world.clock.after(delay, partial(self._timed, action))

    def say(self, text: str) -> None:
        self._world.say(self.label, text)

    def exit(self, why: str) -> None:
        self.say(f"ends: {why or 'done'}")
        self.alive = False
        self.driver.consumer.closed = True
        self._world.group.leave(self.driver.consumer.current)
        self._world.group.silent(self)  # should it not have heard yet that it is a member
        self._world.ended(self, why)

    @property
    def running(self) -> bool:
        """Whether it runs and is not asked to end."""
        return self.alive and self.held is None and not self.stopping

    def is_in(self, moment: Step | Phase | None) -> bool:
        """Tell whether its epoch, or one of its shards, is there."""
        machine = self.driver.machine
        # a list, not a generator: this is asked every 10 ms
        return machine.step is moment or moment in [shard.phase for shard in machine.shards.values()]

    def stop(self) -> None:
        """Ask the worker to end."""
        self.stopping = True
        self.after(0.0, partial(self.driver.tell, Stop()))

    def kill(self) -> None:
        self.say("is killed")
        self.alive, self.held = False, None
        self._world.group.silent(self)

    def freeze(self, seconds: float) -> None:
        self.say(f"is frozen for {seconds:.1f} s")
        self.held = []
        self._world.group.silent(self)
        self._world.clock.after(seconds, self._thaw)

    def _thaw(self) -> None:
        if self.alive and self.held is not None:
            self.say("goes on")
            held, self.held = self.held, None
            for action in held:
                action()

    def _timed(self, action: Callable[[], None]) -> None:
        if self.held is not None:
            self.held.append(partial(self._timed, action))
        elif self.alive:
            action()

    def _begin(self) -> Routine:
        """Open the transactional id, which ends what an earlier process of this name has left, then join the group."""
        while self.driver.hand.producer.doubtful:
            try:
                yield from self.driver.hand.producer.open()
            except (NoAnswer, Refused):
                yield 0.2
        self._world.group.join(self.driver.consumer)
        self.after(DUE, self._due)

    def _due(self) -> None:
        self.driver.tell(Due())
        self.after(DUE, self._due)
