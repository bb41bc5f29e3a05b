"""Virtual time: what is to happen, in order; and calls over a network that loses and delays."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol

Act = Callable[[], Any]
"""What a call does where it arrives; what it returns or raises is the answer."""

Routine = Generator[Act | float, Any, Any]
"""Code of a worker that waits: it yields a call, and gets its answer; or seconds, and sleeps."""

REQUEST_TIMEOUT = 2.0
"""Seconds after which a caller gives up."""


class Violation(Exception):
    """A guarantee was broken. The text is for people."""


class NoAnswer(Exception):
    """No answer came in time: what was asked may have been done, may be done later, or never."""

    def __str__(self) -> str:
        return "no answer"


class Refused(Exception):
    """A definite answer: what was asked was not done. `reason` is one of those below."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


FENCED = "another opened this transactional id"
STALE = "stale generation"
UNKNOWN_MEMBER = "unknown member"
UNSTABLE = "a transaction is open on these offsets"
BUSY = "the transaction before is still being completed"
ABSENT = "there is nothing of this name"
DOWN = "the store is down"


class Host(Protocol):
    """A process: it may be dead, or frozen."""

    alive: bool
    held: list[Callable[[], None]] | None
    """What happened while it was frozen; None for one that runs."""


class Clock:
    """Actions by time; those of one time in the order in which they were asked for."""

    __slots__ = ("_count", "_queue", "now", "over")

    def __init__(self) -> None:
        self.now = 0.0
        self.over = False
        self._count = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do it in so many seconds."""
        self._count += 1
        heappush(self._queue, (self.now + delay, self._count, action))

    def run(self) -> None:
        """Let time pass until `over`, or until nothing is left to happen."""
        queue = self._queue
        while queue and not self.over:
            self.now, _, action = heappop(queue)
            action()


class Network:
    """Calls between processes and what serves them. `faults`: the share of calls that something happens to."""

    def __init__(self, clock: Clock, random: Random, say: Callable[[str, str], None] | None) -> None:
        self.clock = clock
        self.faults = 0.0
        self._random = random.random
        self._say = say

    def start(self, host: Host, routine: Routine) -> None:
        """Begin a routine of a process."""
        self._go_on(host, routine, None, None)

    def _go_on(self, host: Host, routine: Routine, value: Any, error: Exception | None) -> None:
        if host.held is not None:
            # once it goes on, its threads do so in any order
            again = partial(self._go_on, host, routine, value, error)
            host.held.append(partial(self.clock.after, 0.5 * self._random(), again))
            return
        if not host.alive:
            routine.close()
            return
        try:
            step = routine.send(value) if error is None else routine.throw(error)
        except StopIteration:
            return
        if not callable(step):
            self.clock.after(step, partial(self._go_on, host, routine, None, None))
            return
        chance = self._random()
        if chance >= self.faults:
            self.clock.after(0.002 + 0.01 * chance, partial(self._arrive, host, routine, step, 0.0))
        else:
            self._disturbed(host, routine, step, chance / self.faults)

    def _arrive(self, host: Host, routine: Routine, act: Act, later: float) -> None:
        """The call arrives, whatever became of the caller; its answer is there at once, or so much later."""
        value, error = _result(act)
        if later:
            self.clock.after(later, partial(self._go_on, host, routine, value, error))
        else:
            self._go_on(host, routine, value, error)

    def _disturbed(self, host: Host, routine: Routine, act: Act, chance: float) -> None:
        """Half of what goes wrong is an answer that comes late; the rest is lost, or done after its caller gave up."""
        clock, delay = self.clock, self._random()
        if chance < 0.5:
            clock.after(0.01, partial(self._arrive, host, routine, act, delay * REQUEST_TIMEOUT))
            return
        if self._say is not None:
            kind = "lost" if chance < 0.65 else "answer lost" if chance < 0.8 else "delayed"
            self._say("network", f"{kind}: {_name(act)} of {getattr(host, 'label', '')}")
        if chance >= 0.8:
            clock.after(0.5 + 6 * delay * delay, partial(_unheard, act))
        elif chance >= 0.65:
            clock.after(delay * REQUEST_TIMEOUT, partial(_unheard, act))
        clock.after(REQUEST_TIMEOUT, partial(self._go_on, host, routine, None, NoAnswer()))


def _result(act: Act) -> tuple[Any, Exception | None]:
    try:
        return act(), None
    except Refused as refused:
        return None, refused


def _unheard(act: Act) -> None:
    _result(act)


def _name(act: Act) -> str:
    return getattr(getattr(act, "func", act), "__name__", "a call")
