"""The protocol of a worker: how shards are acquired and given up, and how epochs are committed, whatever fails in between.

It is a pure state machine. It has no clock and does nothing itself: `handle` takes an event and returns effects, which
a driver carries out in order and answers by events, as they are done. The same code runs over files and object stores,
over Kafka, and in the simulator.

The rules that it keeps:

- A shard is read only once its last commit is known for certain, and stands exactly there; a start is committed and marked before its
  first row is read, so that a commit that has disappeared is never taken for one that never was.
- An epoch's snapshots are durable before its commit is asked for. There is one epoch at a time: none is committed before the one
  before it, and what an aborted one was to commit is committed by another attempt, or dropped with its shards.
- After an answer that is not definite nothing else is tried until the worker's transaction was opened anew and the tokens
  read back: they tell whether the commit was done.
- A shard that is given up is committed first, up to the last row that was read of it; one that was lost leaves nothing behind,
  and takes nothing of other shards with it.
- What is superseded by a commit is discarded only once that commit is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from caudal.checkpoint.events import (
    Aborted,
    Assigned,
    Commit,
    Committed,
    Cut,
    Discard,
    Dropped,
    Due,
    Effect,
    End,
    Event,
    Expelled,
    Failed,
    Fenced,
    Found,
    Freeze,
    Loaded,
    Lost,
    Marked,
    Pause,
    Prepare,
    Prepared,
    Publish,
    Published,
    Recall,
    Recalled,
    Revoked,
    Shards,
    Started,
    Stop,
    Store,
    Stored,
    Token,
    Unknown,
    Unstable,
    Waited,
)
from caudal.checkpoint.shards import Answer, Missing, Phase, Shard

STEPS = Freeze | Prepare | Store | Commit | Recall | Publish
"""The effects of an epoch."""


class Step(Enum):
    """Where the epoch is: the effect that it waits for."""

    IDLE = "idle"
    CUTTING = "cutting"
    PREPARING = "preparing"
    STORING = "storing"
    COMMITTING = "committing"
    RECALLING = "recalling"
    PUBLISHING = "publishing"


class Worker:
    """The state of one worker."""

    def __init__(self) -> None:
        self.shards: dict[str, Shard] = {}
        self.step = Step.IDLE
        self.epoch = 0
        self.ended = False
        self._tokens: Mapping[str, Token] = {}
        self._members: Shards = frozenset()
        """The shards that the epoch is to commit."""
        self._cut: dict[str, Shard] = {}
        """Those as they were when it was cut: a shard may be lost and come again while an epoch is under way."""
        self._due = False
        self._stopping = False
        self._last = False
        self._attempts = 0

    def handle(self, event: Event) -> list[Effect]:
        """Take an event; return what is to be done, in order."""
        if self.ended:
            return []
        try:
            return self._settled(self._handle(event))
        except Missing as missing:
            return self._end(str(missing))

    def _handle(self, event: Event) -> list[Effect]:
        match event:
            case Assigned():
                return self._assigned(event.shard)
            case Revoked():
                shard = self.shards.get(event.shard)
                return [] if shard is None else shard.leave(self.epoch + 1)
            case Lost():
                shard = self.shards.get(event.shard)
                return [] if shard is None else shard.lost()
            case Due():
                self._due = True
                return []
            case Stop():
                self._stopping, self._last = True, event.last
                return [effect for shard in self.shards.values() for effect in shard.leave(self.epoch + 1)]
            case Found() | Unstable() | Expelled() | Started() | Marked() | Loaded() | Dropped():
                return self._of_shard(event)
            case Waited():
                return self._again(event)
            case Failed():
                return self._failed(event)
            case _:
                return self._step(event) if event.epoch == self.epoch else []

    # -- shards --------------------------------------------------------------------------------------------------------

    def _assigned(self, name: str) -> list[Effect]:
        shard = self.shards.get(name)
        if shard is not None:
            return shard.assigned() if shard.phase in (Phase.CLOSING, Phase.DROPPING) else []
        shard = self.shards[name] = Shard(name)
        effects = shard.begin()
        return [*effects, *shard.leave(self.epoch + 1)] if self._stopping else effects

    def _of_shard(self, event: Answer) -> list[Effect]:
        shard = self.shards.get(event.shard)
        if shard is None:
            return []
        effects = shard.answered(event)
        self.epoch = max(self.epoch, shard.epoch) if self.step is Step.IDLE else self.epoch
        return effects

    def _settled(self, effects: list[Effect]) -> list[Effect]:
        """Let go what is over, and begin what is due."""
        leaving = False
        for name, shard in list(self.shards.items()):
            leaving |= shard.phase is Phase.LEAVING
            if shard.phase is Phase.GONE:
                del self.shards[name]
                effects += self._assigned(name) if shard.again else []
        if self.step is Step.IDLE:
            if self._due or leaving:
                effects += self._begin()
            if self._stopping and not self.shards:
                effects += self._end("")
        return effects

    def _end(self, why: str) -> list[Effect]:
        self.ended = True
        return [End(why)]

    # -- epochs --------------------------------------------------------------------------------------------------------

    def _begin(self) -> list[Effect]:
        self._due = False
        members = frozenset(name for name, shard in self.shards.items() if shard.owned)
        if not members:
            return []
        self.epoch = max(self.epoch, *(self.shards[name].epoch for name in members)) + 1
        self.step, self._members, self._attempts = Step.CUTTING, members, 0
        self._cut = {name: self.shards[name] for name in members}
        return [Freeze(self.epoch, members, self._last)]

    @property
    def _left(self) -> Shards:
        """The shards of the epoch that are still this worker's."""
        return frozenset(name for name in self._members if self._holds(name))

    def _holds(self, name: str) -> bool:
        return self.shards.get(name) is self._cut[name] and self._cut[name].owned

    def _step(
        self, event: Cut | Prepared | Stored | Committed | Aborted | Unknown | Fenced | Recalled | Published
    ) -> list[Effect]:
        match self.step, event:
            case Step.CUTTING, Cut():
                self._members &= event.changed
                return self._prepare()
            case Step.PREPARING, Prepared():
                if self._left != self._members:
                    return self._prepare()
                self.step = Step.STORING
                return [Store(self.epoch, self._members)]
            case Step.STORING, Stored():
                self._tokens = dict(event.tokens)
                return self._commit()
            case Step.COMMITTING, Committed():
                return self._publish()
            case Step.COMMITTING, Aborted():
                self._attempts += 1
                return (
                    self._commit() if self._attempts == 1 else [Pause(Commit(self.epoch, self._tokens), self._attempts)]
                )
            case Step.COMMITTING, Unknown() | Fenced():
                self.step = Step.RECALLING
                return [Recall(self.epoch, self._members)]
            case Step.RECALLING, Recalled():
                return self._recalled(event.tokens)
            case Step.PUBLISHING, Published():
                return self._finished()
            case _:
                return []

    def _prepare(self) -> list[Effect]:
        """Go on, or once more, with the shards that are left."""
        self._members = self._left
        if not self._members:
            return self._finished()
        self.step = Step.PREPARING
        return [Prepare(self.epoch, self._members, self._last)]

    def _commit(self) -> list[Effect]:
        if self._left != self._members:
            return self._prepare()  # what was staged and stored holds rows of a shard that is another's now
        self.step = Step.COMMITTING
        return [Commit(self.epoch, self._tokens)]

    def _recalled(self, tokens: Mapping[str, Token]) -> list[Effect]:
        """Go on behind what the commit turned out to be."""
        if any(tokens.get(name) == token for name, token in self._tokens.items()):
            return self._publish()
        # a shard whose last commit is neither of the two was moved on by another: what is here of it is out of date
        foreign = [name for name in sorted(self._left) if tokens.get(name, "") != self.shards[name].last]
        effects = [effect for name in foreign for effect in self.shards[name].outdated()]
        return [*effects, *self._commit()]

    def _publish(self) -> list[Effect]:
        effects: list[Effect] = []
        for name, token in self._tokens.items():
            if self._holds(name):
                self.shards[name].committed(token)
                effects.append(Discard(name, self.shards[name].commits))
        self.step = Step.PUBLISHING
        return [*effects, Publish(self.epoch)]

    def _finished(self) -> list[Effect]:
        """The epoch is over: shards that leave, and of which it held all, may go."""
        self.step, self._members, self._tokens = Step.IDLE, frozenset(), {}
        effects: list[Effect] = []
        for shard in self.shards.values():
            if shard.phase is Phase.LEAVING and shard.final <= self.epoch:
                effects += shard.drop()
        return effects

    # -- what went wrong -----------------------------------------------------------------------------------------------

    def _failed(self, event: Failed) -> list[Effect]:
        effect = event.effect
        if event.fatal:
            return self._end(event.why)
        if isinstance(effect, STEPS):
            if effect.epoch != self.epoch:
                return []
            if isinstance(effect, Commit):
                return self._step(Unknown(self.epoch))
            self._attempts += 1
            return [Pause(effect, self._attempts)]
        shard = self.shards.get(getattr(effect, "shard", ""))
        if shard is None:
            return []
        found = shard.failed(event)
        return [Pause(effect, found)] if isinstance(found, int) else found

    def _again(self, event: Waited) -> list[Effect]:
        effect = event.effect
        if isinstance(effect, STEPS):
            if effect.epoch != self.epoch:
                return []
            match self.step:
                case Step.PREPARING:
                    return self._prepare()
                case Step.COMMITTING:
                    return self._commit()
                case _:
                    return [effect]
        shard = self.shards.get(getattr(effect, "shard", ""))
        return [] if shard is None else shard.waited(event)
