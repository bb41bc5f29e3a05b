"""The life of a shard at a worker: found, loaded, run, given up.

Of two things each rule here takes care. Nothing is read before it is known for certain where the last commit stands, and
nothing is given up before what was read is committed, or dropped whole. A shard that is to go while an effect for it is
under way waits for the answer, so that no answer can be taken for that of a later turn.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from caudal.checkpoint.events import (
    Drop,
    Dropped,
    Effect,
    Expel,
    Expelled,
    Failed,
    Find,
    Found,
    Halt,
    Load,
    Loaded,
    Mark,
    Marked,
    Release,
    Run,
    Start,
    Started,
    Token,
    Unstable,
    Waited,
)

KEPT = 3
"""Committed snapshots of a shard that are kept."""

Answer = Found | Unstable | Expelled | Started | Marked | Loaded | Dropped


class Phase(Enum):
    """Where a shard is: the effect that it waits for, or what it does."""

    FINDING = "finding"
    EXPELLING = "expelling"
    STARTING = "starting"
    MARKING = "marking"
    LOADING = "loading"
    RUNNING = "running"
    LEAVING = "leaving"  # halted, and what was read is still to be committed
    CLOSING = "closing"  # to go, but an effect of its acquisition is not answered yet
    DROPPING = "dropping"
    GONE = "gone"


ANSWERS = {
    Phase.FINDING: (Found, Unstable),
    Phase.EXPELLING: (Expelled,),
    Phase.STARTING: (Started,),
    Phase.MARKING: (Marked,),
    Phase.LOADING: (Loaded,),
    Phase.DROPPING: (Dropped,),
}
"""What a shard waits for, by phase; one that is closing waits for what it did before."""

OWNED = (Phase.RUNNING, Phase.LEAVING)
"""Phases in which a shard has something to commit."""


class Missing(Exception):
    """A shard has begun, and its last commit is not there any more: nothing may be read. The text is for people."""


class Shard:
    """One shard. Each method takes what happened and returns what is to be done.

    `commits`: the newest tokens that were committed, the last one first; `final`: the first epoch whose cut holds all that was
    read of a shard that leaves; `epoch`: that of the snapshot that was loaded; `again`: once it is gone, it is to be acquired anew.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.phase = Phase.FINDING
        self.commits: tuple[Token, ...] = ()
        self.final = 0
        self.epoch = 0
        self._release = False
        self.again = False
        self._closing = Phase.FINDING
        self._token: Token = ""
        self._attempts = 0

    @property
    def owned(self) -> bool:
        """Whether it may have something to commit."""
        return self.phase in OWNED

    @property
    def last(self) -> Token:
        """The token of its last commit, as far as this worker knows."""
        return self.commits[0] if self.commits else ""

    def begin(self) -> list[Effect]:
        """It was assigned."""
        return [Find(self.name)]

    def committed(self, token: Token) -> None:
        """An epoch with this token of it was committed."""
        self.commits = (token, *self.commits)[:KEPT]

    def assigned(self) -> list[Effect]:
        """It was assigned while something of its last turn was still to be ended: begin anew behind that."""
        self.again = True
        return []

    def leave(self, final: int) -> list[Effect]:
        """It is to be given up once all is committed; `final`: the first epoch that can hold all of it."""
        self._release, self.again = True, False
        if self.phase is Phase.RUNNING:
            self.phase, self.final = Phase.LEAVING, final
            return [Halt(self.name)]
        if self.phase not in (Phase.LEAVING, Phase.CLOSING, Phase.DROPPING):
            self._closing, self.phase = self.phase, Phase.CLOSING
        return []

    def lost(self) -> list[Effect]:
        """It is another's already."""
        self._release = self.again = False
        if self.owned:
            return self.drop()
        if self.phase not in (Phase.CLOSING, Phase.DROPPING):
            self._closing, self.phase = self.phase, Phase.CLOSING
        return []

    def outdated(self) -> list[Effect]:
        """Another has moved its last commit on: begin anew behind that, unless it is to be given up."""
        return self.drop(again=self.phase is Phase.RUNNING)

    def drop(self, *, again: bool = False) -> list[Effect]:
        """Forget all that is not committed; `again`: and begin anew, for it is still this worker's."""
        self.again = again
        self.phase = Phase.DROPPING
        return [Drop(self.name)]

    def answered(self, event: Answer) -> list[Effect]:
        """An effect was done. Raises `Missing`."""
        if not isinstance(event, ANSWERS.get(self._waits, ())):
            return []
        self._attempts = 0
        if self.phase is Phase.CLOSING:
            return self.drop(again=self.again) if isinstance(event, Loaded) else self._gone()
        match event:
            case Found():
                return self._found(event)
            case Unstable():
                return self._to(Phase.EXPELLING, Expel(self.name, event.writer))
            case Expelled():
                return self._to(Phase.FINDING, Find(self.name))
            case Started():
                self._token = event.token
                return self._to(Phase.MARKING, Mark(self.name))
            case Marked():
                return self._to(Phase.LOADING, Load(self.name, self._token))
            case Loaded():
                self.commits, self.epoch = (self._token,), event.epoch
                return self._to(Phase.RUNNING, Run(self.name))
            case Dropped():
                return self._gone()
            case _:
                assert_never(event)

    def failed(self, event: Failed) -> list[Effect] | int:
        """An effect could not be done: return the number of attempts, after a pause it is `waited`; or what comes instead."""
        if self.phase is Phase.CLOSING:
            # a load that broke off may have left something
            return self.drop(again=self.again) if isinstance(event.effect, Load) else self._gone()
        self._attempts += 1
        return self._attempts

    def waited(self, event: Waited) -> list[Effect]:
        """The pause before another attempt is over."""
        if self.phase is Phase.CLOSING:
            return self.drop(again=self.again) if isinstance(event.effect, Load) else self._gone()
        return [event.effect]

    @property
    def _waits(self) -> Phase:
        return self._closing if self.phase is Phase.CLOSING else self.phase

    def _found(self, event: Found) -> list[Effect]:
        self._token = event.token
        if not event.token and event.begun:
            raise Missing(f"the shard {self.name} has been read before, and where it stood is not known any more")
        if not event.token:
            return self._to(Phase.STARTING, Start(self.name))
        return self._to(Phase.MARKING, Mark(self.name))

    def _to(self, phase: Phase, effect: Effect) -> list[Effect]:
        self.phase = phase
        return [effect]

    def _gone(self) -> list[Effect]:
        """Nothing of this turn is left."""
        release: list[Effect] = [Release(self.name)] if self._release else []
        self.phase = Phase.GONE
        return release
