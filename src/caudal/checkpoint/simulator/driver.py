"""Carries out what the protocol asks for, over a broker and a store: the rules that a driver must keep, and nothing else.

- *Metadata goes with its assignment.* A commit is sent with the metadata that was current when the protocol asked for it, and it becomes
  current only after all that was lost or revoked with it was told to the protocol. The broker refuses older metadata, and checks
  nothing else.
- *A producer that is in doubt is not used.* After a call without an answer, or one that was fenced, the transactional id is opened anew
  before anything else is done in it: what is still on its way is of an older producer then, and is refused.
- *One transaction at a time.* Starts, commits, and the opening anew wait for each other.
- *A last commit is read only while no transaction is open on it.*
- *Whoever will read a shard says so in the store before it is loaded*, so that the next owner can end its transaction.
- *Names are fresh*, of snapshots and of what is staged, at each attempt. A mark is replaced whole, never written in place.
- *An outbox belongs to a shard and a cut.* A commit takes the outboxes of the shards that it names, so that a shard that was lost can
  be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from caudal.checkpoint.events import (
    Commit,
    Discard,
    Drop,
    Effect,
    End,
    Event,
    Expel,
    Failed,
    Find,
    Freeze,
    Halt,
    Load,
    Mark,
    Pause,
    Prepare,
    Publish,
    Recall,
    Release,
    Run,
    Start,
    Store,
    Waited,
)
from caudal.checkpoint.protocol import Worker
from caudal.checkpoint.simulator import acquiring, epochs
from caudal.checkpoint.simulator.assignment import Assignment
from caudal.checkpoint.simulator.clock import NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.coverage import Pair, met
from caudal.checkpoint.simulator.groups import Consumer
from caudal.checkpoint.simulator.hand import Hand, Parts, Process


class Driver:
    """One worker: its protocol, its consumer, and what it has in hand."""

    def __init__(self, process: Process, parts: Parts, coverage: Counter[Pair]) -> None:
        self.machine = Worker()
        self.consumer = Consumer(process, self.poll)
        self.assignment = Assignment(parts.shards)
        self.hand = Hand(process, parts)
        self.process = process
        self.parts = parts
        self._coverage = coverage
        self._inbox: list[Event] = []
        self._handling = False

    def tell(self, event: Event) -> None:
        """Give the protocol an event, and carry out what it asks for, in order."""
        self._inbox.append(event)
        if self._handling:
            return
        self._handling = True
        while self._inbox and not self.machine.ended:
            event = self._inbox.pop(0)
            self._coverage[met(self.machine, event)] += 1
            effects = self.machine.handle(event)
            if self.process.traced:
                self.process.say(f"{event} -> {effects}")
            for effect in effects:
                self.carry(effect)
        self._handling = False

    def poll(self) -> None:
        """Take what is new of the assignment. Only what was told to the protocol whole gives the metadata of commits."""
        for change in self.consumer.poll():
            for event in self.assignment.changed(change):
                self.tell(event)
            self.release(self.assignment.idle())
            self.hand.metadata = change.metadata

    def release(self, partitions: Sequence[str]) -> None:
        """Let others have the partitions."""
        if partitions:
            self.parts.group.release(self.consumer.current, partitions)

    def carry(self, effect: Effect) -> None:
        """Carry an effect out, or begin to: what waits for answers goes on beside the rest."""
        match effect:
            case Run(shard):
                task = self.hand.tasks[shard]
                self.parts.runs(self.process, shard, task.positions)
                task.run()
            case Halt(shard):
                self.hand.tasks[shard].halt()
            case Release(shard):
                self.release(self.assignment.released(shard))
            case Discard():
                self.process.start(acquiring.discard(self.hand, effect))
            case End(why):
                self.process.exit(why)
            case _:
                self.process.start(self._answer(effect, ROUTINES[type(effect)](self.hand, effect)))

    def _answer(self, effect: Effect, routine: Routine) -> Routine:
        try:
            event = yield from routine
        except (NoAnswer, Refused) as why:
            event = Failed(effect, str(why))
        self.tell(event)


def pause(hand: Hand, effect: Pause) -> Routine:
    """The more attempts, the longer."""
    yield min(0.1 * 2.0**effect.attempt, 2.0)
    return Waited(effect.effect)


ROUTINES: dict[type, Callable[[Hand, Any], Routine]] = {
    Find: acquiring.find,
    Expel: acquiring.expel,
    Start: acquiring.start,
    Mark: acquiring.mark,
    Load: acquiring.load,
    Drop: acquiring.drop,
    Freeze: epochs.freeze,
    Prepare: epochs.prepare,
    Store: epochs.store,
    Commit: epochs.commit,
    Recall: epochs.recall,
    Publish: epochs.publish,
    Pause: pause,
}
"""What carries out each effect that is answered."""
