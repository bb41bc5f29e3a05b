"""Conducting: the protocol is fed with what happens, and what it asks for is done, until nothing is to be done at once.

Stores and clusters that are far away are asked again for a while; what cannot be mended ends the worker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from caudal.checkpoint import events as p
from caudal.checkpoint.protocol import Worker
from caudal.checkpoint.store import StoreError
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.transaction import Fenced, Outcome, Unanswered
from caudal.runner.epochs import taken_over

Refusal = StoreError | Unanswered

PATIENCE = 600.0
"""Seconds for which a store, or a cluster, that does not answer is asked again, before the worker ends."""


_OFTEN = 10
"""Attempts in vain after which it is told, each time."""


def _named(effect: p.Effect) -> str:
    """Return what an effect does, for people."""
    what, shard = type(effect).__name__.lower(), getattr(effect, "shard", "")
    return f"{what} of shard {shard}" if shard else f"{what} of epoch {getattr(effect, 'epoch', 0)}"


def came_to(outcome: Outcome, epoch: int) -> p.Event:
    """Return the event that tells what became of an epoch's transaction."""
    return {"committed": p.Committed, "aborted": p.Aborted, "unknown": p.Unknown}[outcome](epoch)


class Conductor:
    """Conducts one worker. Used by one thread at a time; `error` and `closed` are seen from any."""

    def __init__(
        self,
        do: Callable[[p.Effect], p.Event | None],
        pause: Callable[[p.Effect, float], p.Event | None],
        *,
        final: Callable[[Refusal], bool],
        looks_up: bool,
    ) -> None:
        """`do` does an effect and returns its answer; `pause` waits so many seconds before one is tried again, or sees to it.

        `final`: whether what was refused is not tried again. `looks_up`: a worker that is fenced off while it commits looks up what
        was committed, and goes on; else it ends.
        """
        self.worker = Worker()
        self.error: BaseException | None = None
        """What has ended the worker."""
        self.closed = False
        """Whether nothing is to be done any more."""
        self._does = do
        self._pause = pause
        self._final = final
        self._looks_up = looks_up
        self._refused_since = 0.0
        self._why = ""
        """Why what was done last has to be tried again."""

    def feed(self, event: p.Event) -> None:
        """Let the protocol take an event, and do what it says, until nothing is to be done at once."""
        events = deque([event])
        while events and self.error is None and not self.closed:
            for effect in self.worker.handle(events.popleft()):
                answer = self._do(effect)
                if answer is not None:
                    events.append(answer)

    def check(self) -> None:
        """Raise what has ended the worker."""
        if self.error is not None:
            raise self.error

    def _do(self, effect: p.Effect) -> p.Event | None:
        if isinstance(effect, p.Pause):
            if effect.attempt % _OFTEN == 0:
                log.warning("%s was tried %d times: %s", _named(effect.effect), effect.attempt, self._why)
            return self._pause(effect.effect, min(5.0, 0.1 * 2 ** min(effect.attempt, 10)))
        if isinstance(effect, p.End):
            if effect.why and self.error is None:
                self.error = RunError(effect.why)
            return None
        try:
            answer = self._does(effect)
        except (StoreError, Unanswered) as error:
            return self._refused(effect, error)
        except Fenced as fenced:
            if self._looks_up and isinstance(effect, p.Commit):
                log.warning("%s: what was committed is looked up", fenced)
                return p.Fenced(effect.epoch)
            self.error = taken_over(fenced)
            return p.Failed(effect, str(fenced), fatal=True)
        except BaseException as error:
            self.error = error
            return p.Failed(effect, str(error), fatal=True)
        self._refused_since = 0.0
        self._why = answer.why if isinstance(answer, p.Failed) else "the epoch was aborted"
        return answer

    def _refused(self, effect: p.Effect, error: Refusal) -> p.Event:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        fatal = self._final(error) or now - self._refused_since > PATIENCE
        if fatal:
            self.error = error
        else:
            log.warning("%s; it is tried again", error)
        self._why = str(error)
        return p.Failed(effect, str(error), fatal=fatal)
